"""Who holds a market's outcomes, as the Data API shows it: users only, the crowds' shares are not told."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

from polywire.exchange.catalogue import Catalogue
from polywire.exchange.data.envelope import LIMIT_MOST, Place, number, page_of, ratio_number
from polywire.exchange.data.positions import Holdings, Standing
from polywire.exchange.data.query import BadQuery, Query
from polywire.model.units import ConditionId

WITH_GAINS_MOST: Final = 100
"""Rows in a page that tells gains too."""


def holders_answer(query: Query, holdings: Holdings, catalogue: Catalogue) -> dict[str, Any]:
    """Return the answer to `GET /v2/holders`: by outcome, the largest holders first.

    A page counts holders, so that an outcome's may go on over several pages. Raises `BadQuery`.
    """
    conditions = query.conditions()
    if not conditions:
        raise BadQuery("condition_id is needed: which markets' holders?", "condition_id")
    least, gains = query.amount("min_balance"), query.flag("include_pnl")
    if gains and len(conditions) != 1:
        raise BadQuery("include_pnl is for exactly one condition_id", "include_pnl")
    page = page_of(query, "holders", most=WITH_GAINS_MOST if gains else LIMIT_MOST)
    outcomes = _outcomes(conditions, catalogue)

    def place(standing: Standing) -> Place:
        holding = standing.holding
        size = f"{10**30 - holding.position.size:030}"  # as text, so that the largest comes first
        return outcomes[holding.token], f"{size} {holding.account}"

    found = [standing for condition in conditions for standing in holdings.of_market(condition)]
    shown, following = page.cut((one for one in found if one.holding.position.size >= least), place)
    grouped = groupby(shown, lambda standing: standing.holding.token)
    rows = [{"token_id": token, "holders": [_row(one, gains=gains) for one in some]} for token, some in grouped]
    return page.envelope(rows, following)


def _outcomes(conditions: Sequence[ConditionId], catalogue: Catalogue) -> dict[str, int]:
    listed = [catalogue.markets[condition] for condition in conditions if condition in catalogue.markets]
    return {token: rank for rank, token in enumerate(token for market in listed for token in market.tokens)}


def _row(standing: Standing, *, gains: bool) -> dict[str, Any]:
    holding, position = standing.holding, standing.holding.position
    row: dict[str, Any] = {
        "proxy_wallet": holding.account,
        "bio": "",
        "token_id": holding.token,
        "pseudonym": "",
        "amount": number(position.size),
        "display_username_public": False,
        "outcome_index": standing.market.tokens.index(holding.token),
        "name": "",
        "profile_image": "",
        "profile_image_optimized": "",
        "verified": False,
    }
    if gains:
        unrealized = position.unrealized(standing.mark)
        row |= {
            "avg_price": ratio_number(position.average_price),
            "entry_cost_usdc": number(position.cost),
            "current_price": number(standing.mark),
            "current_value": number(standing.value),
            "realized_pnl": number(position.realized),
            "unrealized_pnl": number(unrealized),
            "total_pnl": number(position.realized + unrealized),
        }
    return row

"""How markets were decided, as the Data API shows it."""

from typing import Any, Final

from polywire.exchange.catalogue import Catalogue, VenueMarket
from polywire.exchange.data.query import BadQuery, Query
from polywire.exchange.shelf import iso
from polywire.model.units import SIZE_ONE

_SELECTORS: Final = ("question_id", "condition_id", "event_id")


def resolutions_answer(query: Query, catalogue: Catalogue) -> dict[str, Any]:
    """Return the answer to `GET /v2/resolutions`: a row for each market that is found, decided or not.

    Raises:
        BadQuery: It names no market by question, condition or event, or in more than one of these ways.
    """
    if sum(map(query.has, _SELECTORS)) != 1:
        raise BadQuery(f"give exactly one of {', '.join(_SELECTORS)}", "condition_id")
    if question := query.text("question_id"):
        found = [market for market in catalogue.markets.values() if market.question_id == question.lower()]
    else:
        wanted = query.markets(catalogue) or ()
        found = [catalogue.markets[condition] for condition in wanted if condition in catalogue.markets]
    return {"data": list(map(_row, found))}


def _row(market: VenueMarket) -> dict[str, Any]:
    decided = market.winner is not None
    at = iso(market.closed_ms if decided else market.created_ms)
    row: dict[str, Any] = {
        "question_id": market.question_id,
        "condition_id": market.condition,
        "status": market.resolution or "initialized",
        "extended_review": False,
        "was_disputed": False,
        "new_version_q": False,
        "transaction_hash": "",  # there is no chain, and so no block either
        "log_index": "",
        "last_update_timestamp": at,
    }
    if decided:
        row["payouts"] = [SIZE_ONE if token == market.winner else 0 for token in market.tokens]
        row |= {"resolution_source": "reported", "resolved_block": None, "resolved_at": at}
    return row

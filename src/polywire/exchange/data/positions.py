"""What wallets hold and held, as the Data API shows it. Source: docs/protocol.md, "Data API"."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from polywire.exchange.catalogue import VenueEvent, VenueMarket
from polywire.exchange.clob_markets import outcome_prices
from polywire.exchange.data.envelope import Page, Place, number, page_of, ratio_number
from polywire.exchange.data.query import BadQuery, Query
from polywire.exchange.shelf import Shelf
from polywire.exchange.trading.bookkeeper import Bookkeeper
from polywire.exchange.trading.records import Holding
from polywire.model.units import SIZE_ONE, ConditionId, TokenId

DUST: Final = SIZE_ONE // 10
"""Shares that a listing leaves out when they are fewer, 1e-6, where nobody says otherwise."""

TITLE_MOST: Final = 200

_STATUSES: Final = ("OPEN", "REDEEMABLE", "REDEEMABLE_LOST", "MERGEABLE", "CLOSED")
_ONE_WALLETS: Final = frozenset({"REDEEMABLE_LOST", "MERGEABLE"})
_ORDERS: Final = ("CURRENT_VALUE", "PRICE", "TOKENS", "UNREALIZED_PNL", "REALIZED_PNL", "TOTAL_PNL", "TIMESTAMP")
_OF_WHAT_IS_HELD: Final = frozenset({"TOKENS", "CURRENT_VALUE", "PRICE", "UNREALIZED_PNL"})
_SECOND_MS: Final = 1_000


class Standing(msgspec.Struct, frozen=True):
    """One holding, with what the market says of it. Amounts are 1e-6."""

    holding: Holding
    market: VenueMarket
    event: VenueEvent
    mark: int  # what a share is worth, 1e-6 USDC
    opposite: int  # shares of the other outcome that the wallet holds

    @property
    def status(self) -> str:
        """OPEN, REDEEMABLE (its market is resolved, whoever won) or CLOSED (nothing is held any more)."""
        if not self.holding.position.size:
            return "CLOSED"
        return "OPEN" if self.market.winner is None else "REDEEMABLE"

    @property
    def lost(self) -> bool:
        """Whether it is held still, and worth nothing for good."""
        return self.status == "REDEEMABLE" and self.holding.token != self.market.winner

    @property
    def mergeable(self) -> bool:
        """Whether some of it makes pairs with the wallet's other outcome."""
        return self.status == "OPEN" and self.opposite > 0

    @property
    def value(self) -> int:
        """What it is worth."""
        return self.holding.position.value(self.mark)

    def measure(self, by: str) -> int:
        """Return what listings are sorted by."""
        position = self.holding.position
        match by:
            case "CURRENT_VALUE":
                return self.value
            case "PRICE":
                return self.mark
            case "TOKENS":
                return position.size
            case "UNREALIZED_PNL":
                return position.unrealized(self.mark)
            case "REALIZED_PNL":
                return position.realized
            case "TOTAL_PNL":
                return position.realized + position.unrealized(self.mark)
            case _:
                return self.holding.last_ms


class Holdings:
    """What is held, looked at with the catalogue and the books beside it.

    Args:
        shelf: Markets and books.
        bookkeeper: Who holds what.
    """

    def __init__(self, shelf: Shelf, bookkeeper: Bookkeeper) -> None:
        self._shelf, self._bookkeeper = shelf, bookkeeper

    def of_account(self, account: str) -> list[Standing]:
        """Return everything that a wallet holds and held."""
        positions = self._bookkeeper.positions(account)
        return self._standings(positions.values(), lambda _, token: _size(positions.get(token)))

    def of_market(self, condition: ConditionId, *, closed: bool = False) -> list[Standing]:
        """Return what wallets hold of a market's outcomes, or what they held of them and have no more."""
        if closed:
            holdings = [
                holding
                for wallet in self._bookkeeper.wallets()
                for holding in self._bookkeeper.positions(wallet.account).values()
                if holding.condition == condition and not holding.position.size
            ]
        else:
            holdings = self._bookkeeper.holders(condition)
        sizes = {(holding.account, holding.token): holding.position.size for holding in holdings}
        return self._standings(holdings, lambda account, token: sizes.get((account, token), 0))

    def _standings(self, holdings: Iterable[Holding], size: Callable[[str, TokenId], int]) -> list[Standing]:
        found = []
        for holding in holdings:
            market = self._shelf.catalogue.markets[holding.condition]
            index = market.tokens.index(holding.token)
            found.append(
                Standing(
                    holding,
                    market,
                    self._shelf.catalogue.events[market.event_id],
                    outcome_prices(market, self._shelf)[index],
                    size(holding.account, market.tokens[1 - index]),
                )
            )
        return found


class PositionsWanted:
    """Which positions a query asks for, and in which order. Raises `BadQuery` where it asks for none there could be."""

    def __init__(self, query: Query, shelf: Shelf) -> None:
        self.account = query.account(needed=False)
        self.markets = query.markets(shelf.catalogue)
        self.status = query.choice("status", _STATUSES)
        if not self.account and (query.has("event_id") or self.markets is None or len(self.markets) != 1):
            raise BadQuery("give a user, or exactly one condition_id", "user")
        if not self.account and self.status in _ONE_WALLETS:
            raise BadQuery(f"status {self.status} is for one wallet; give a user", "user")
        if self.status == "CLOSED" and query.flag("include_archived"):
            raise BadQuery("include_archived goes with no status CLOSED; leave it out", "include_archived")
        self._title = _pattern(query.text("title"))
        self._cash = query.choice("filter_type", ("CASH", "TOKENS"), "TOKENS") == "CASH"
        self._least = query.amount("filter_amount", DUST)
        self._start, self._end = query.seconds("start"), query.seconds("end")
        usual = {"MERGEABLE": "TOKENS", "CLOSED": "REALIZED_PNL"}.get(self.status, "CURRENT_VALUE")
        by = query.choice("sort_by", _ORDERS, usual)
        if self.status == "CLOSED" and by in _OF_WHAT_IS_HELD:
            by = "REALIZED_PNL"  # nothing is held, so all of these would be equal
        way = query.choice("sort_direction", ("ASC", "DESC"), "DESC")
        self._by, self._sign = by, 1 if way == "ASC" else -1
        self.page: Page = page_of(query, f"positions {self.status} {by} {way}")

    def read(self, holdings: Holdings) -> dict[str, Any]:
        """Return the answer."""
        if self.account:
            found = holdings.of_account(self.account)
        else:
            (condition,) = self.markets or ()
            found = holdings.of_market(condition, closed=self.status == "CLOSED")
        shown, following = self.page.cut(filter(self._admits, found), self._place)
        return self.page.envelope([position_row(standing) for standing in shown], following)

    def _place(self, standing: Standing) -> Place:
        return self._sign * standing.measure(self._by), f"{standing.holding.account} {standing.holding.token}"

    def _admits(self, standing: Standing) -> bool:
        if self.markets is not None and standing.market.condition not in self.markets:
            return False
        if not self._of_status(standing):
            return False
        measured = standing.value if self._cash else standing.holding.position.size
        if self.status != "CLOSED" and measured < self._least:
            return False
        if self._title is not None and self._title.match(standing.market.question) is None:
            return False
        last_s = standing.holding.last_ms // _SECOND_MS
        return (self._start is None or last_s >= self._start) and (self._end is None or last_s <= self._end)

    def _of_status(self, standing: Standing) -> bool:
        match self.status:
            case "":
                return standing.status != "CLOSED"
            case "REDEEMABLE_LOST":
                return standing.lost
            case "MERGEABLE":
                return standing.mergeable
            case _:
                return standing.status == self.status


def position_row(standing: Standing) -> dict[str, Any]:
    """Return a position as `GET /v2/positions` shows it.

    `entry_cost_usdc` and the gains are before the fees of buying, `total_cost_usdc` is with them.
    """
    holding, market, mark = standing.holding, standing.market, standing.mark
    position, index = holding.position, standing.market.tokens.index(holding.token)
    unrealized = position.unrealized(mark)
    return {
        "proxy_wallet": holding.account,
        "token_id": holding.token,
        "condition_id": market.condition,
        "current_size": number(position.size),
        "avg_price": ratio_number(position.average_price),
        "entry_cost_usdc": number(position.cost),
        "entry_fees_usdc": number(position.fees),
        "total_cost_usdc": number(position.cost + position.fees),
        "current_price": number(mark),
        "current_value": number(position.value(mark)),
        "total_size": number(position.bought),
        "realized_pnl": number(position.realized),
        "unrealized_pnl": number(unrealized),
        "total_pnl": number(position.realized + unrealized),
        "percent_pnl": ratio_number(position.percent(mark)),
        "percent_realized_pnl": ratio_number(position.percent_realized),
        "status": standing.status,
        "redeemable": standing.status == "REDEEMABLE",
        "mergeable": standing.mergeable,
        "negative_risk": market.neg_risk,
        "archived": False,
        "title": market.question,
        "slug": market.slug,
        "icon": "",
        "event_id": standing.event.id,
        "event_slug": standing.event.slug,
        "outcome": market.outcomes[index],
        "outcome_index": index,
        "opposite_outcome": market.outcomes[1 - index],
        "opposite_token_id": market.tokens[1 - index],
        "end_date": datetime.fromtimestamp(market.end_ms / _SECOND_MS, UTC).date().isoformat(),
        "first_entry_at": holding.first_ms // _SECOND_MS,
        "last_event_at": holding.last_ms // _SECOND_MS,
        "name": "",
        "profile_image": "",
        "verified": False,
    }


def _pattern(title: str) -> re.Pattern[str] | None:
    """Return what finds a title: a part of it in whatever case; `%` stands for anything, `_` for any character.

    Each part between two `%` is found at its first place and never looked for again: else a title of some pairs of `%_`
    would keep everybody waiting for hours.
    """
    if len(title) > TITLE_MOST:
        raise BadQuery(f"title has at most {TITLE_MOST} characters, and {len(title)} are here", "title")
    if not title.strip():
        return None
    parts = ("".join("." if letter == "_" else re.escape(letter) for letter in part) for part in title.split("%"))
    return re.compile("".join(f"(?>.*?{part})" for part in parts if part), re.IGNORECASE | re.DOTALL)


def _size(holding: Holding | None) -> int:
    return 0 if holding is None else holding.position.size

"""The Data API: every wallet's positions, trades and activity, and the history of prices, told to whoever asks."""

from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from polywire.exchange.answers import answer
from polywire.exchange.data.activity import activity_row, activity_wanted, trade_row, trades_wanted
from polywire.exchange.data.envelope import error_body, number
from polywire.exchange.data.first_version import activity_v1, positions_v1, trades_v1, value_of, value_v1
from polywire.exchange.data.history import Histories
from polywire.exchange.data.holders import holders_answer
from polywire.exchange.data.positions import Holdings, PositionsWanted
from polywire.exchange.data.price_keeper import PriceKeeper
from polywire.exchange.data.query import BadQuery, Query
from polywire.exchange.data.resolutions import resolutions_answer
from polywire.exchange.shelf import Shelf
from polywire.exchange.trading.bookkeeper import Bookkeeper
from polywire.exchange.trading.store import Store
from polywire.exchange.venue import Venue

Read = Callable[[Query], Awaitable[Any]]
"""Returns what a query is answered with, or raises `BadQuery`."""


class DataApi:
    """The Data API. Whoever is told something reads it here afterwards.

    Args:
        shelf: Markets and books.
        venue: Its prices are kept from now on. The shelf observes it already.
        bookkeeper: Who holds what.
        store: What was done, and prices.
    """

    def __init__(self, shelf: Shelf, venue: Venue, bookkeeper: Bookkeeper, store: Store) -> None:
        self._shelf, self._store = shelf, store
        self._holdings = Holdings(shelf, bookkeeper)
        self._histories = Histories(shelf.catalogue, PriceKeeper(shelf, venue, store))
        self._errors = count(1)

    def routes(self) -> list[Route]:
        """Return its routes, without a prefix."""
        current: dict[str, Read] = {
            "/v2/positions": self._positions,
            "/v2/trades": self._trades,
            "/v2/activity": self._activity,
            "/v2/value": self._value,
            "/v2/holders": self._holders,
            "/v2/resolutions": self._resolutions,
            "/v2/prices-history": self._histories.paged,
        }
        first: dict[str, Read] = {
            "/positions": self._positions_v1,
            "/trades": lambda query: trades_v1(query, self._shelf.catalogue, self._store),
            "/activity": lambda query: activity_v1(query, self._shelf.catalogue, self._store),
            "/value": self._value_v1,
        }
        return [
            *(Route(path, self._reading(read, self._told), methods=["GET"]) for path, read in current.items()),
            *(Route(path, self._reading(read, _told_v1), methods=["GET"]) for path, read in first.items()),
        ]

    def clob_routes(self) -> list[Route]:
        """Return the CLOB's routes that read the same, without a prefix."""
        return [Route("/prices-history", self._reading(self._histories.plain, _told_v1), methods=["GET"])]

    def _reading(self, read: Read, told: Callable[[BadQuery], dict[str, Any]]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            await self._store.kept()  # what somebody was told before is in what we read
            try:
                return answer(await read(Query(request.query_params)))
            except BadQuery as bad:
                return answer(told(bad), 400)

        return endpoint

    def _told(self, bad: BadQuery) -> dict[str, Any]:
        return error_body(bad.error, f"{next(self._errors):032x}", parameter=bad.parameter)

    # ------------------------------------------------------------ reads

    async def _positions(self, query: Query) -> dict[str, Any]:
        return PositionsWanted(query, self._shelf).read(self._holdings)

    async def _trades(self, query: Query) -> dict[str, Any]:
        wanted = trades_wanted(query, self._shelf.catalogue)
        lines, following = await wanted.read(self._store)
        return wanted.page.envelope([trade_row(line, self._shelf.catalogue) for line in lines], following)

    async def _activity(self, query: Query) -> dict[str, Any]:
        wanted, catalogue = activity_wanted(query, self._shelf.catalogue), self._shelf.catalogue
        lines, following = await wanted.read(self._store)
        return wanted.page.envelope([activity_row(line, catalogue, self._store.secret) for line in lines], following)

    async def _value(self, query: Query) -> dict[str, Any]:
        account, markets = query.account(), query.conditions()
        return {"data": {"proxy_wallet": account, "value": number(value_of(self._holdings, account, markets))}}

    async def _holders(self, query: Query) -> dict[str, Any]:
        return holders_answer(query, self._holdings, self._shelf.catalogue)

    async def _resolutions(self, query: Query) -> dict[str, Any]:
        return resolutions_answer(query, self._shelf.catalogue)

    async def _positions_v1(self, query: Query) -> list[dict[str, Any]]:
        return positions_v1(query, self._holdings)

    async def _value_v1(self, query: Query) -> list[dict[str, Any]]:
        return value_v1(query, self._holdings)


def _told_v1(bad: BadQuery) -> dict[str, Any]:
    return {"error": bad.error}

"""One exchange put together: books, market channel, ledger, faults and routes, around a venue or a tape."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import ASGIApp

from polywire.errors import PolywireError
from polywire.exchange.answers import Refused, answer, failed, not_served, refused
from polywire.exchange.channel import Channel
from polywire.exchange.clob_reads import ClobReads
from polywire.exchange.clock import VenueClock
from polywire.exchange.connection import Connection
from polywire.exchange.data.data_api import DataApi
from polywire.exchange.faults import Faults, parse_fault
from polywire.exchange.faults.rest import RestFaults
from polywire.exchange.gamma import Gamma
from polywire.exchange.geoblock import geoblock_route
from polywire.exchange.ledger import Ledger
from polywire.exchange.live.live_channel import LiveChannel
from polywire.exchange.market_channel import MarketChannel
from polywire.exchange.shelf import Shelf, VenueShelf
from polywire.exchange.tape_shelf import TapeShelf
from polywire.exchange.trading.store import Kept, Store, nothing_kept
from polywire.exchange.trading.trading import Trading, TradingTerms
from polywire.exchange.venue import Venue
from polywire.exchange.venue_routes import VenueRoutes
from polywire.exchange.websocket import LIVE_PATH, MARKET_PATH, USER_PATH


class _Everybody:
    """The connections there are on all channels, whenever it is iterated."""

    def __init__(self, channels: Mapping[str, Channel]) -> None:
        self._channels = channels

    def __iter__(self) -> Iterator[Connection]:
        return (connection for channel in self._channels.values() for connection in channel.connections)


_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class Site:
    """Everything that a served exchange consists of, but for the server.

    Args:
        clock: The venue's time.
        seed: Of the life and of the faults' dice.
        venue: Observed from now on; None: there is a tape instead.
        store: Where what users do is kept; None: nobody can trade.
        kept: What the store held. The venue has it already.
        terms: What users are given.

    Attributes:
        tape: The recording's books where one is played; its `run` plays it.
        trading: What users do; its `run` does what falls due.
        live: Prices and everybody's trades; None: a tape is played, which has none.
        ledger: Of the market and user channels.
        live_ledger: Of the live-data channel alone: its symbols are no tokens.
        channels: By the path of their sockets.
    """

    def __init__(
        self,
        clock: VenueClock,
        *,
        seed: int,
        venue: Venue | None,
        store: Store | None = None,
        kept: Kept | None = None,
        terms: TradingTerms = TradingTerms(),  # noqa: B008 - frozen
    ) -> None:
        self.ledger = Ledger()
        self.channel = MarketChannel(self.ledger)
        self.channels: dict[str, Channel] = {MARKET_PATH: self.channel}
        self.faults = Faults(seed, self.ledger, _Everybody(self.channels))
        self.venue = venue
        self.tape: TapeShelf | None = None
        self.trading: Trading | None = None
        self._data: DataApi | None = None
        self._identity = None if store is None else f"polywire-exchange:{store.identity}"
        if venue is not None and store is not None:
            self.trading = trading = Trading(
                venue, store, kept or nothing_kept(), ledger=self.ledger, faults=self.faults, terms=terms
            )
            self.channels[USER_PATH] = trading.channel
        self.live_ledger = Ledger()
        self.live: LiveChannel | None = None
        self._clock, self._seed = clock, seed
        self.shelf: Shelf
        if venue is None:
            self.tape = self.shelf = TapeShelf(clock, self.channel.publish)
        else:
            self.shelf = VenueShelf(venue, self.channel.publish)
            self.live = self.channels[LIVE_PATH] = LiveChannel(venue, self.live_ledger, self._is_user)
        self.channel.shelf = self.shelf
        if venue is not None and store is not None and self.trading is not None:
            self._data = DataApi(self.shelf, venue, self.trading.bookkeeper, store)

    def _is_user(self, account: str) -> bool:
        return self.trading is not None and account in self.trading.bookkeeper.accounts

    def start_faults(self, named: Iterable[str]) -> None:
        """Turn on faults of the form `NAME[:ARG]`. Raises `Misuse` where there is none such."""
        for text in named:
            self.faults.start(*parse_fault(text))

    def application(self, host: str, port: int) -> ASGIApp:
        """Return the HTTP side.

        Args:
            host: What it is bound to.
            port: The same.
        """
        about = VenueRoutes(
            host=host,
            port=port,
            seed=self._seed if self.venue is not None else None,
            clock=self._clock,
            shelf=self.shelf,
            channel=self.channel,
            ledger=self.ledger,
            live=self.live,
            live_ledger=self.live_ledger,
            faults=self.faults,
            venue=self.venue,
            bookkeeper=None if self.trading is None else self.trading.bookkeeper,
            identity=self._identity,
        )
        private: list[BaseRoute] = []
        data: list[BaseRoute] = []
        if self.trading is not None and self._data is not None:
            private = [*self.trading.routes(), *self._data.clob_routes()]
            data = [*self._data.routes()]
        clob: list[BaseRoute] = [*private, *ClobReads(self.shelf).routes()]
        gamma: list[BaseRoute] = [*Gamma(self.shelf).routes()]
        inner = Starlette(
            routes=[
                *about.routes(),
                geoblock_route(self.faults),
                Mount("/clob", routes=[*clob, _later("this part of the CLOB", clob)]),
                Mount("/data", routes=[*data, _later("this part of the data API", data)]),
                Mount("/gamma", routes=[*gamma, _later("this part of Gamma", gamma)]),
                Mount("/relayer", routes=[Route("/deployed", _deployed), _later("the relayer")]),
                *(_later(text, path=f"/{name}") for name, text in _LATER.items()),  # clients post to it as it is
                *(Mount(f"/{name}", routes=[_later(text)]) for name, text in _LATER.items()),
                Route(LIVE_PATH, _no_socket, methods=_METHODS),
                Mount(LIVE_PATH, routes=[_later("the live-data service")]),
                Mount("/ws", routes=[Route("/{path:path}", _no_socket, methods=_METHODS)]),
            ],
            # A `PolywireError` says itself what happened; only what nobody foresaw is for the log.
            exception_handlers={
                Refused: refused,
                HTTPException: not_served,
                PolywireError: failed,
                Exception: failed,
            },
        )
        inner.router.redirect_slashes = False
        return RestFaults(inner, self.faults)


_LATER = {
    "rpc": "the chain's JSON-RPC",
    "rfq": "the combos' requests for quotes",
    "realtime": "the realtime service",
    "sports": "the sports channel",
}


def _later(what: str, beside: Sequence[BaseRoute] = (), path: str = "/{path:path}") -> Route:
    """Return the route of all that the routes beside it do not take."""

    async def endpoint(request: Request) -> Response:
        methods = {
            method
            for route in beside
            if isinstance(route, Route) and route.matches(request.scope)[0] is Match.PARTIAL
            for method in route.methods or ()
        }
        if methods:
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(methods))})
        error = (
            f"{what} is not served here, and {request.method} {request.url.path} belongs to it; GET /venue says what is"
        )
        return answer({"error": error}, 501)

    return Route(path, endpoint, methods=_METHODS)


async def _deployed(_: Request) -> Response:
    return answer({"deployed": True})


async def _no_socket(_: Request) -> Response:
    error = "the channels /ws/market, /ws/user and /rtds are WebSockets; connect to one with a WebSocket client"
    return answer({"error": error}, 426)

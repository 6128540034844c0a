"""One exchange put together: books, market channel, ledger, faults and routes, around a venue or a tape."""

from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from polywire.exchange.answers import Refused, answer, refused
from polywire.exchange.clob_reads import ClobReads
from polywire.exchange.clock import VenueClock
from polywire.exchange.faults import Faults, parse_fault
from polywire.exchange.gamma import Gamma
from polywire.exchange.ledger import Ledger
from polywire.exchange.market_channel import MarketChannel
from polywire.exchange.shelf import Shelf, VenueShelf
from polywire.exchange.tape_shelf import TapeShelf
from polywire.exchange.venue import Venue
from polywire.exchange.venue_routes import VenueRoutes

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class Site:
    """Everything that a served exchange consists of, but for the server.

    Args:
        clock: The venue's time.
        seed: Of the life and of the faults' dice.
        venue: Observed from now on; None: there is a tape instead.

    Attributes:
        tape: The recording's books where one is played; its `run` plays it.
    """

    def __init__(self, clock: VenueClock, *, seed: int, venue: Venue | None) -> None:
        self.ledger = Ledger()
        self.channel = MarketChannel(self.ledger)
        self.faults = Faults(seed, self.ledger, self.channel.connections)
        self.venue = venue
        self.tape: TapeShelf | None = None
        self._clock, self._seed = clock, seed
        self.shelf: Shelf
        if venue is None:
            self.tape = self.shelf = TapeShelf(clock, self.channel.publish)
        else:
            self.shelf = VenueShelf(venue, self.channel.publish)
        self.channel.shelf = self.shelf

    def start_faults(self, named: Iterable[str]) -> None:
        """Turn on faults of the form `NAME[:ARG]`. Raises `Misuse` where there is none such."""
        for text in named:
            self.faults.start(*parse_fault(text))

    def application(self, host: str, port: int) -> Starlette:
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
            faults=self.faults,
            venue=self.venue,
        )
        return Starlette(
            routes=[
                *about.routes(),
                Mount("/clob", routes=[*ClobReads(self.shelf).routes(), _later("the trading half of the CLOB")]),
                Mount("/gamma", routes=[*Gamma(self.shelf).routes(), _later("this part of Gamma")]),
                Mount("/relayer", routes=[Route("/deployed", _deployed), _later("the relayer")]),
                *(Mount(f"/{name}", routes=[_later(text)]) for name, text in _LATER.items()),
                Route("/{path:path}", _nothing, methods=_METHODS),
            ],
            exception_handlers={Refused: refused},
        )


_LATER = {
    "data": "the data API",
    "rpc": "the chain's JSON-RPC",
    "rfq": "the combos' requests for quotes",
    "rtds": "the live-data service",
    "realtime": "the realtime service",
    "sports": "the sports channel",
}


def _later(what: str) -> Route:
    async def endpoint(request: Request) -> Response:
        error = f"{what} opens in a later stage, and {request.method} {request.url.path} belongs to it"
        return answer({"error": error}, 501)

    return Route("/{path:path}", endpoint, methods=_METHODS)


async def _deployed(_: Request) -> Response:
    return answer({"deployed": True})


async def _nothing(request: Request) -> Response:
    if request.url.path.startswith("/ws"):
        return answer({"error": "this is a WebSocket channel; connect to /ws/market with a WebSocket client"}, 426)
    return answer({"error": f"nothing is at {request.url.path}; GET /venue names what there is"}, 404)

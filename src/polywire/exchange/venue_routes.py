"""`/venue`: what the exchange says of itself, its ledger, and its clock, faults and resolutions to be steered."""

import secrets
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from polywire.exchange.answers import Refused, answer
from polywire.exchange.clock import VenueClock
from polywire.exchange.faults import Faults
from polywire.exchange.ledger import Account, Ledger, by_token
from polywire.exchange.live.live_channel import LiveChannel
from polywire.exchange.loopback import Loopback
from polywire.exchange.market_channel import MarketChannel
from polywire.exchange.shelf import Shelf
from polywire.exchange.trading.bookkeeper import Bookkeeper
from polywire.exchange.trading.typed_data import CHAIN_ID, COLLATERAL, Contract
from polywire.exchange.venue import Venue
from polywire.exchange.venue_accounts import VenueAccounts
from polywire.model.units import ConditionId, TokenId, size_text

_CONTRACTS: Final = {
    "standard_exchange": Contract.STANDARD.address,
    "neg_risk_exchange": Contract.NEG_RISK.address,
    "exchange_v3": Contract.V3.address,
    "collateral": COLLATERAL,
}
_LONGEST_STEP_MS: Final = 10 * 365 * 86_400_000


class VenueRoutes:
    """The exchange's page about itself.

    Args:
        host: What it is bound to.
        port: The same.
        seed: Of the life it leads; None: it plays a tape.
        venue: What `POST /venue/resolve` acts on; None: it plays a tape.
        live: Whose connections are shown with what they subscribed to; None: there is no such channel.
        live_ledger: What it counts.
        bookkeeper: Those who trade here; None: nobody does.
        identity: What the venue calls itself; None: something new.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        seed: int | None,
        clock: VenueClock,
        shelf: Shelf,
        channel: MarketChannel,
        ledger: Ledger,
        live: LiveChannel | None,
        live_ledger: Ledger,
        faults: Faults,
        venue: Venue | None,
        bookkeeper: Bookkeeper | None = None,
        identity: str | None = None,
    ) -> None:
        self._host, self._port, self._seed = host, port, seed
        self._clock, self._shelf, self._channel = clock, shelf, channel
        self._ledger, self._faults, self._venue = ledger, faults, venue
        self._live, self._live_ledger = live, live_ledger
        self._bookkeeper = bookkeeper
        self._loopback = Loopback(host)
        self._accounts = VenueAccounts(self._loopback, venue, bookkeeper)
        self._identity = identity or f"polywire-exchange:{'tape' if seed is None else seed}-{secrets.token_hex(8)}"

    def routes(self) -> list[Route]:
        """Return its routes."""
        return [
            Route("/venue", self._describe, methods=["GET"]),
            Route("/venue/clock", self._loopback.only(self._steer_clock), methods=["POST"]),
            Route("/venue/faults", self._loopback.only(self._start_fault), methods=["POST"]),
            Route("/venue/faults", self._loopback.only(self._stop_faults), methods=["DELETE"]),
            Route("/venue/faults/{name}", self._loopback.only(self._stop_fault), methods=["DELETE"]),
            Route("/venue/resolve", self._loopback.only(self._resolve), methods=["POST"]),
            *self._accounts.routes(),
        ]

    # ------------------------------------------------------------ what it is

    async def _describe(self, request: Request) -> Response:
        base = self._base(request)
        shown: dict[str, Any] = {
            "identity": self._identity,
            "chain_id": CHAIN_ID,
            "contracts": _CONTRACTS,
            "grant": None if self._bookkeeper is None else size_text(self._bookkeeper.accounts.grant),
            "seed": self._seed,
            "clock": self._shown_clock(),
            "faults": self._faults.described(),
            "slow_dropped": self._ledger.slow_dropped + self._live_ledger.slow_dropped,
            "urls": urls(base),
            "markets": [
                {
                    "condition": market.condition,
                    "slug": market.slug,
                    "question": market.question,
                    "outcomes": market.outcomes,
                    "tokens": market.tokens,
                    "closed": market.closed,
                }
                for market in self._shelf.catalogue.markets.values()
            ],
        }
        if request.query_params.get("ledger") != "0":
            (opened, closed), (live_opened, live_closed) = self._ledger.accounts, self._live_ledger.accounts
            opened, closed = opened + live_opened, closed + live_closed
            following: dict[Account, list[str]] = {one.account: [*one.tokens] for one in self._channel.connections}
            if self._live is not None:
                following |= {one.account: self._live.listed(one) for one in self._live.connections}
            shown |= {
                "happened": by_token(self._ledger.happened),
                "sent": by_token(self._ledger.sent),
                "live": {
                    "happened": by_token(self._live_ledger.happened),
                    "sent": by_token(self._live_ledger.sent),
                },
                "connections": [_account(one) | {"subscribed": following.get(one, [])} for one in opened],
                "closed": [_account(one) | {"closed_ms": one.closed_ms, "ended": one.ended} for one in closed],
            }
        return answer(shown)

    def _base(self, request: Request) -> str:
        host = request.headers.get("host", "")
        named = host if _is_host(host) else f"{_bracketed(self._host)}:{self._port}"
        return f"http://{named}"

    def _shown_clock(self) -> dict[str, Any]:
        return {"now_ms": self._clock.now_ms(), "speed": self._clock.speed, "paused": self._clock.paused}

    # ------------------------------------------------------------ how it is steered

    async def _steer_clock(self, body: dict[str, Any], _: Request) -> Any:
        paused, speed, step = body.get("paused"), body.get("speed"), body.get("step_ms")
        if paused is not None and not isinstance(paused, bool):
            raise Refused(400, f"paused is true or false, and {paused!r} was given")
        if speed is not None and (isinstance(speed, bool) or not isinstance(speed, int | float)):
            raise Refused(400, f"speed is a number above 0, and {speed!r} was given")
        if step is not None and (isinstance(step, bool) or not isinstance(step, int) or step > _LONGEST_STEP_MS):
            raise Refused(400, f"step_ms is a whole number up to {_LONGEST_STEP_MS}, and {step!r} was given")
        if speed is not None:
            self._clock.speed = float(speed)
        if paused is not None:
            (self._clock.pause if paused else self._clock.resume)()
        if step is not None:
            self._clock.step(step)
        return self._shown_clock()

    async def _start_fault(self, body: dict[str, Any], _: Request) -> Any:
        name, argument, for_s = body.get("name"), body.get("argument", ""), body.get("for_s")
        if not isinstance(name, str) or isinstance(argument, bool) or not isinstance(argument, str | int | float):
            raise Refused(400, 'a fault is {"name": text, "argument": text, "for_s": seconds}, the last two optional')
        if for_s is not None and (isinstance(for_s, bool) or not isinstance(for_s, int | float) or for_s <= 0):
            raise Refused(400, f"for_s is a number of seconds above 0, and {for_s!r} was given")
        self._faults.start(name, str(argument), for_s)
        return self._faults.described()

    async def _stop_faults(self, _body: dict[str, Any], _: Request) -> Any:
        self._faults.stop_all()
        return self._faults.described()

    async def _stop_fault(self, _body: dict[str, Any], request: Request) -> Any:
        name = request.path_params["name"]
        if not self._faults.stop(name):
            raise Refused(404, f"no fault {name!r} is on")
        return self._faults.described()

    async def _resolve(self, body: dict[str, Any], _: Request) -> Any:
        condition, winner = body.get("condition"), body.get("winner")
        if self._venue is None:
            raise Refused(409, "a tape plays here, and its markets resolve as they did; start an exchange without one")
        market = self._shelf.catalogue.markets.get(ConditionId(str(condition)))
        if market is None:
            raise Refused(404, f"no market with condition {condition!r} is listed; GET /venue names them")
        if winner not in market.tokens:
            raise Refused(400, f"winner is one of {', '.join(market.tokens)}, and {winner!r} was given")
        self._venue.resolve(market.condition, TokenId(winner))
        if self._bookkeeper is not None:
            await self._bookkeeper.kept()
        return {"condition": market.condition, "winner": winner}


def urls(base: str) -> dict[str, str]:
    """Return every service's address on the host and port of `base`, whether it is served yet or not."""
    sockets = "ws" + base.removeprefix("http")
    return {
        **{name: f"{base}/{name}" for name in ("clob", "gamma", "data", "relayer", "rpc", "rfq")},
        "market_ws": f"{sockets}/ws/market",
        "user_ws": f"{sockets}/ws/user",
        "rtds_ws": f"{sockets}/rtds",
        "realtime_ws": f"{sockets}/realtime",
        "sports_ws": f"{sockets}/sports",
    }


def _account(account: Account) -> dict[str, Any]:
    return {
        "peer": account.peer,
        "channel": account.channel,
        "opened_ms": account.opened_ms,
        "sent": by_token(account.sent),
        "due": by_token(account.due),
        "frames": account.frames,
        "bytes": account.bytes,
    }


def _is_host(host: str) -> bool:
    return bool(host) and all(sign.isascii() and (sign.isalnum() or sign in ".-:[]") for sign in host)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host

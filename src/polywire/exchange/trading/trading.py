"""The private half put together, and the one task that does what falls due on it."""

import time
from collections.abc import Callable
from typing import Final, NoReturn

import anyio
import msgspec
from starlette.routing import BaseRoute

from polywire.exchange.faults import Faults
from polywire.exchange.ledger import Ledger
from polywire.exchange.trading.auth import Authenticator
from polywire.exchange.trading.auth_routes import AuthRoutes
from polywire.exchange.trading.bookkeeper import Bookkeeper
from polywire.exchange.trading.dead_man import DeadMan
from polywire.exchange.trading.entry import Entry
from polywire.exchange.trading.keys import Keys
from polywire.exchange.trading.order_routes import OrderRoutes
from polywire.exchange.trading.recovery import Recovery
from polywire.exchange.trading.store import Kept, Store
from polywire.exchange.trading.typed_data import CHAIN_ID
from polywire.exchange.user_channel import UserChannel
from polywire.exchange.venue import Venue

_USDC: Final = 1_000_000


class TradingTerms(msgspec.Struct, frozen=True):
    """What users are given and how."""

    grant: int = 10_000 * _USDC  # play collateral of a new wallet, 1e-6 USDC
    redeem_after_ms: int | None = 30_000  # venue time from a resolution until its shares are redeemed; None: never


class Trading:
    """Everything that users do on the exchange but look at it.

    Args:
        venue: It has what `kept` says of markets, money and open orders already.
        store: Where everything is kept.
        kept: What it held.
        ledger: Counts what users' sockets are sent.
        faults: Strike here too.
        terms: What users are given.
        wall_s: The real time, Unix seconds: signed timestamps are compared with it.
    """

    def __init__(
        self,
        venue: Venue,
        store: Store,
        kept: Kept,
        *,
        ledger: Ledger,
        faults: Faults,
        terms: TradingTerms = TradingTerms(),  # noqa: B008 - frozen
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._venue, self._store = venue, store
        self._sooner = anyio.Event()
        clock = venue.clock
        self.recovery = Recovery()
        self.keys = Keys(store, kept.keys, clock.now_ms)
        authenticator = Authenticator(
            self.keys, self.recovery, CHAIN_ID, wall_s=wall_s, venue_s=lambda: clock.now_ms() / 1_000
        )
        self.channel = UserChannel(authenticator.credentials, ledger, clock.now_ms)
        self.terms = terms
        self.bookkeeper = Bookkeeper(
            venue,
            store,
            kept,
            grant=terms.grant,
            redeem_after_ms=terms.redeem_after_ms,
            mishaps=faults,
            tell=self.channel.publish,
        )
        self.bookkeeper.sooner = self._wake
        self.dead_man = DeadMan(store.secret, kept.beats, clock.now_ms())
        entry = Entry(venue.catalogue, self.bookkeeper, self.recovery, CHAIN_ID)
        self._auth = AuthRoutes(self.keys, authenticator, store, joined=self._joined, left=self.channel.drop_key)
        self._orders = OrderRoutes(
            authenticator=authenticator,
            keys=self.keys,
            entry=entry,
            bookkeeper=self.bookkeeper,
            dead_man=self.dead_man,
            store=store,
            now_ms=clock.now_ms,
            sooner=self._wake,
        )

    def routes(self) -> list[BaseRoute]:
        """Return its part of the CLOB's routes, without a prefix."""
        return [*self._auth.routes(), *self._orders.routes()]

    async def run(self) -> NoReturn:
        """Do what falls due in the venue's time, until cancelled: settlements, redemptions, dead men's orders."""
        clock = self._venue.clock
        while True:
            due = [ms for ms in (self.bookkeeper.next_ms(), self.dead_man.next_ms()) if ms is not None]
            self._sooner = anyio.Event()
            async with anyio.create_task_group() as waiting:
                waiting.start_soon(self._until_sooner, waiting.cancel_scope)
                if due:
                    await clock.sleep_until(min(due))
                    waiting.cancel_scope.cancel()
            self.act(clock.now_ms())

    def act(self, now_ms: int) -> None:
        """Do what is due by `now_ms`."""
        for beat in self.dead_man.silent(now_ms):
            self._store.put(beat)
            self.bookkeeper.cancel_key(beat.key)
        self.bookkeeper.act(now_ms)

    async def aclose(self) -> None:
        """End what runs beside us."""
        await self.recovery.aclose()

    async def _until_sooner(self, waiting: anyio.CancelScope) -> None:
        await self._sooner.wait()
        waiting.cancel()

    def _wake(self) -> None:
        self._sooner.set()

    def _joined(self, address: str) -> None:
        self.bookkeeper.wallet(address)

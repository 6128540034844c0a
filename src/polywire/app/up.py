"""`polywire up`, put together: lock, exchange, feed, journal and watches, the owner's socket, board and balance."""

import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
from rich.console import Console

from polywire.app.collector import keep_settled
from polywire.app.feed import open_feed
from polywire.app.house import open_house
from polywire.app.http import HttpAsked, check_bind, mcp_door, prometheus_text_late, serving_http
from polywire.app.login import NO_WAY, look_for_credentials, secrets_of, sign_in
from polywire.errors import PolywireError
from polywire.interfaces.terminal import balance as balance_lines
from polywire.interfaces.terminal.board import frames_a_second
from polywire.interfaces.terminal.figures import rate
from polywire.interfaces.terminal.screen import Screen, on_screen
from polywire.io import children, tcp_ports
from polywire.io.clock import SystemClock
from polywire.io.log_file import FILE as LOG
from polywire.io.log_file import logging_to
from polywire.io.owner import owned, serving
from polywire.io.passphrase import Way
from polywire.io.redaction import Redaction
from polywire.io.venue import find_venue
from polywire.io.venue_desk import VenueDesk
from polywire.services.feed.feed import Feed
from polywire.services.owner import Owner
from polywire.services.reckoning import Balance, Counts, Reckoning, sent_to
from polywire.services.roster import Roster
from polywire.services.views import Views
from polywire.settings import read_settings

Say = Callable[[str], None]

STATE: Final = "exchange.sqlite3"
"""In the data directory: what was traded on the embedded exchange."""

LEFT_ALONE_S: Final = 60.0
"""How long a background owner waits for another client."""

_DRAIN_S: Final = 5.0
_LOOK_EVERY_S: Final = 0.1
_TOLD_EVERY_S: Final = 5.0
_NOTED_EVERY_S: Final = 0.5
_CURRENT_BOOKS: Final = 12  # of the embedded exchange, which lists at least as many markets
_READY_S: Final = 30.0


@dataclass(frozen=True)
class Up:
    """What `polywire up` was asked for."""

    data: Path
    venue: str | None = None  # None: as the settings say, which is "paper" unless told otherwise
    host: str = "127.0.0.1"
    port: int | None = None  # None: 8420, or the next free one
    exchange_port: int | None = None  # None: 8421, or the next free one
    seed: int | None = None
    grant: str | None = None  # of the embedded exchange's new wallets, USDC; None: as it is used to
    for_s: float | None = None
    background: bool = False
    left_alone_s: float = LEFT_ALONE_S
    passphrase: Way = NO_WAY  # where the vault's comes from
    tools: frozenset[str] | None = None  # which groups the MCP server offers; None: all
    quiet: bool = False  # draw nothing, and go on until interrupted


def run_up(asked: Up, console: Console, say: Say) -> int:
    """Run it all until its time is over or it is interrupted; return the exit code.

    Raises:
        PolywireError: It could not begin, or the exchange or the feed ended by itself.
    """
    return anyio.run(_Run(asked, console, say).run, backend_options={"use_uvloop": True})


class _Run:
    def __init__(self, asked: Up, console: Console, say: Say) -> None:
        self._asked, self._console, self._say = asked, console, say
        self._settings = read_settings(data=asked.data, venue=asked.venue)
        self._venue = self._settings.venue
        self._stop = anyio.Event()
        self._reckoning = Reckoning()
        self._peers: set[str] = set()
        self._redaction = Redaction()
        self._http = HttpAsked(
            asked.data,
            asked.host,
            asked.port,
            paper=self._venue != "live",
            hosts=self._settings.http_hosts,
            origins=self._settings.http_origins,
        )

    async def run(self) -> int:
        asked = self._asked
        check_bind(self._http)
        if asked.exchange_port is not None and self._venue == "paper":
            tcp_ports.refuse_if_taken(asked.host, asked.exchange_port, "--exchange-port")
        try:
            with owned(asked.data), logging_to(asked.data / LOG):
                async with AsyncExitStack() as open_things:
                    return await self._run(open_things)
        except* PolywireError as refused:
            raise _first(refused) from None

    async def _run(self, open_things: AsyncExitStack) -> int:
        asked, live = self._asked, self._venue == "live"
        self._redaction.install()  # whatever is logged from here on, by whomever, holds no secret
        # First of all: from here on the environment, which every child inherits, holds none of them.
        sources = look_for_credentials(asked.data, asked.passphrase, self._say, may_ask=live and not asked.background)
        exchange = await open_things.enter_async_context(self._exchange()) if self._venue == "paper" else None
        venue = self._venue if exchange is None else exchange.url
        found = await find_venue(venue, paper_port=self._settings.exchange_port)
        self._redaction.hide(secrets_of(sources, None))
        who = await sign_in(found, sources, self._say)
        self._redaction.hide(secrets_of(sources, who))
        feed = await open_things.enter_async_context(open_feed(self._settings, venue=found, credentials=who))
        desk = None
        if venue != "live":
            desk = await open_things.enter_async_context(VenueDesk(venue))
        views = Views(feed.books, feed.listed, SystemClock().now_ns)
        access = await open_things.enter_async_context(open_house(self._settings, feed, views, desk, self._say))
        owner = Owner(
            feed, views, access, venue=self._venue, address=venue, pid=os.getpid(), background=asked.background
        )
        mcp = await open_things.enter_async_context(mcp_door(access, asked.tools))
        metrics = partial(prometheus_text_late, owner.hello)
        http = await open_things.enter_async_context(serving_http(self._http, access, metrics, {"/mcp": mcp}))
        await open_things.enter_async_context(serving(asked.data, self._venue, owner.attend, http=http))
        self._say(f"polywire: HTTP answers at {http} (/mcp for assistants; docs/http.md)")
        code = 1  # without a balance nothing is shown to have arrived
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._heed_signals, tasks.cancel_scope)
            tasks.start_soon(self._note_peers, feed)
            tasks.start_soon(keep_settled, feed.books)
            if exchange is not None:
                tasks.start_soon(self._until_the_exchange_ends, exchange)
            roster = None
            if desk is not None:
                roster = Roster(feed, feed.books, views, self._reckoning, desk.open_markets)
                tasks.start_soon(roster.run)
            if asked.background:
                tasks.start_soon(self._until_left_alone, owner)
            await self._show(feed, views, owner, roster, venue)
            if roster is None or desk is None:
                code = 0
            else:
                balance = await self._draw_balance(feed, views, roster, desk, ours=exchange is not None)
                code = self._tell_balance(balance, ours=exchange is not None)
            tasks.cancel_scope.cancel()
        return code

    # ------------------------------------------------------------ what ends it

    @asynccontextmanager
    async def _exchange(self) -> AsyncIterator[children.Exchange]:
        asked, chosen = self._asked, self._asked.exchange_port
        port = tcp_ports.free_near(asked.host, self._settings.exchange_port) if chosen is None else chosen
        async with AsyncExitStack() as stack:
            try:
                exchange = await stack.enter_async_context(self._exchange_on(port))
            except PolywireError:
                if chosen is not None or not port or tcp_ports.is_free(asked.host, port):
                    raise
                # Somebody took the port between our look and the exchange's; any other will do.
                exchange = await stack.enter_async_context(self._exchange_on(0))
            self._say(f"polywire: the exchange is open at {exchange.url} (embedded; no money, no network)")
            yield exchange

    def _exchange_on(self, port: int) -> AbstractAsyncContextManager[children.Exchange]:
        state = (self._asked.data / STATE).resolve()  # of what is traded on paper
        options = ["--host", self._asked.host, "--port", str(port), "--state", str(state)]
        if self._asked.seed is not None:
            options += ["--seed", str(self._asked.seed)]
        if self._asked.grant is not None:
            options += ["--grant", self._asked.grant]
        return children.exchange(options, self._asked.data / "exchange.log")

    async def _heed_signals(self, everything: anyio.CancelScope) -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                if self._stop.is_set():
                    self._say("polywire: interrupted twice; ending without a balance")
                    everything.cancel()
                self._stop.set()

    async def _until_the_exchange_ends(self, exchange: children.Exchange) -> None:
        raise await exchange.ended()

    async def _until_left_alone(self, owner: Owner) -> None:
        await owner.left_alone(self._asked.left_alone_s)
        self._say(f"polywire: no client for {self._asked.left_alone_s:g} s; ending")
        self._stop.set()

    # ------------------------------------------------------------ what is shown

    async def _show(self, feed: Feed, views: Views, owner: Owner, roster: Roster | None, venue: str) -> None:
        with anyio.move_on_after(self._asked.for_s):
            if self._asked.background or self._asked.quiet:
                self._say("polywire: ready; `polywire watch TARGET` attaches to this")
                await self._stop.wait()
            elif self._console.is_terminal:
                await self._draw(feed, views, owner, roster, venue)
            else:
                await self._tell(feed, views, roster)

    async def _note_peers(self, feed: Feed) -> None:
        """Keep every address our sockets had, that of a socket which is lost and dialled again too."""
        while True:
            self._peers.update(_peers(feed))
            await anyio.sleep(_NOTED_EVERY_S)

    async def _draw(self, feed: Feed, views: Views, owner: Owner, roster: Roster | None, venue: str) -> None:
        title = "Polywire · live" if venue == "live" else f"Polywire · {self._venue} · {venue}"
        screen = Screen(title, busiest_first=True)
        screen.hint = "Ctrl-C ends it"
        with on_screen(screen, self._console, stays=False) as live:
            while not self._stop.is_set():
                tokens = roster.tokens if roster is not None else list(feed.listed)
                screen.views = [views.of(token, 1) for token in tokens]
                clients = f" · {owner.clients} attached" if owner.clients else ""
                screen.foot = self._summary(screen.views, feed) + clients
                live.refresh()
                with anyio.move_on_after(1 / frames_a_second()):
                    await self._stop.wait()

    async def _tell(self, feed: Feed, views: Views, roster: Roster | None) -> None:
        began_s = anyio.current_time()
        if roster is not None:
            with anyio.move_on_after(_READY_S):
                await roster.ready.wait()
        while not self._stop.is_set():
            tokens = roster.tokens if roster is not None else list(feed.listed)
            now = [views.of(token, 1) for token in tokens]
            self._say(f"polywire: {anyio.current_time() - began_s:5.1f} s: {self._summary(now, feed)}")
            with anyio.move_on_after(_TOLD_EVERY_S):
                await self._stop.wait()

    def _summary(self, now: Any, feed: Feed) -> str:
        current = sum(view.answering for view in now)
        per_s = sum(view.events_per_s for view in now)
        received = sum(self._reckoning.total(view.token) for view in now)
        return (
            f"{len(now)} tokens, {current} current, {received:,} events ({rate(per_s)}/s), "
            f"{_undecoded(feed):,} undecoded"
        )

    # ------------------------------------------------------------ the balance

    async def _draw_balance(self, feed: Feed, views: Views, roster: Roster, desk: VenueDesk, *, ours: bool) -> Balance:
        """Stop the venue's clock, wait until all it sent has come, and return how it stands."""
        sent: Counts | None = None
        if ours:
            await desk.pause(paused=True)
            deadline = anyio.current_time() + _DRAIN_S
            with anyio.move_on_after(_DRAIN_S):  # interrupted at the very start, it is let begin
                await roster.ready.wait()
            while True:
                self._peers.update(_peers(feed))
                sent = sent_to(await desk.describe(), self._peers)
                counted = [token for token in roster.tokens if token not in roster.joined_late]
                settled = all(views.of(token, 0).answering for token in roster.tokens)
                if (settled and not self._reckoning.differences(sent, counted)) or anyio.current_time() > deadline:
                    break
                await anyio.sleep(_LOOK_EVERY_S)
        now = [views.of(token, 1) for token in roster.tokens]
        return self._reckoning.balance(now, sent, _undecoded(feed), roster.joined_late)

    def _tell_balance(self, balance: Balance, *, ours: bool) -> int:
        for line in balance_lines.lines(balance, self._console.width if self._console.is_terminal else None):
            self._console.print(line, markup=False, soft_wrap=True)
        if balance.shortfalls:
            self._say("polywire: not all that was sent has arrived, see the lines that begin with `differs`")
        if balance.undecoded:
            self._say("polywire: some messages could not be read; `polywire status` counts them by kind")
        if ours and balance.current < _CURRENT_BOOKS:
            self._say(f"polywire: {balance.current} books are current, at least {_CURRENT_BOOKS} should be")
        enough = not ours or balance.current >= _CURRENT_BOOKS
        return 0 if enough and not balance.shortfalls and not balance.undecoded else 1


def _peers(feed: Feed) -> set[str]:
    """Return our own address on each of the feed's sockets, as the venue sees us."""
    connections: Any = feed.status()["connections"]
    sockets = connections["clob"]["sockets"]
    return {socket["local"] for socket in sockets if socket.get("local")}


def _undecoded(feed: Feed) -> int:
    return sum(feed.tally.undecoded.values())


def _first(group: BaseExceptionGroup[PolywireError]) -> PolywireError:
    """Return the first error of a group of groups: the others followed from it."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, PolywireError):
        raise error
    return error

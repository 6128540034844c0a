"""The exchange's process: a port, a server, a life or a tape, and how it ends."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import anyio
import msgspec
import uvicorn
import uvloop

from polywire.core.matching.engine import Engine
from polywire.errors import PolywireError
from polywire.exchange.catalogue import Catalogue
from polywire.exchange.clock import VenueClock
from polywire.exchange.http_protocol import HttpProtocol
from polywire.exchange.life.life import Life
from polywire.exchange.open_files import allow_many_sockets
from polywire.exchange.site import Site
from polywire.exchange.trading.restoring import restore
from polywire.exchange.trading.sqlite_store import opened_store
from polywire.exchange.trading.trading import TradingTerms
from polywire.exchange.venue import Venue
from polywire.exchange.websocket import ChannelSocket
from polywire.io.tcp_ports import listening_socket
from polywire.wire.tape import Record

_LOG: Final = logging.getLogger("polywire.exchange")
_ONE_S: Final = 1
_TRADES_A_MS: Final = 1_000  # more than the engine can make


class ExchangeSettings(msgspec.Struct, frozen=True):
    """How an exchange is run."""

    host: str = "127.0.0.1"
    port: int = 8421  # 0: any that is free
    seed: int = 7
    speed: float = 1.0  # venue seconds a wall second
    rate: float = 1.0  # how busy the crowds are
    faults: tuple[str, ...] = ()  # NAME[:ARG]
    tape: Iterable[Record] | None = None  # played instead of a life
    state: Path | None = None  # where what users do is kept; None: nowhere, it ends with us
    terms: TradingTerms = TradingTerms()
    parent_watch: bool = False  # end when standard input does


def run(settings: ExchangeSettings, ready: Callable[[str], None]) -> None:
    """Run an exchange until SIGTERM, SIGINT or, where asked for, the end of standard input.

    Args:
        settings: How.
        ready: Told its base URL once it listens.

    Raises:
        PolywireError: It cannot listen there, or a fault named is none.
    """
    allow_many_sockets()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, ready, signals=True))


async def serve(settings: ExchangeSettings, ready: Callable[[str], None], *, signals: bool = False) -> None:
    """Serve an exchange until cancelled, or as `run` says with `signals`.

    Raises:
        PolywireError: It cannot listen there, a fault named is none, the tape is damaged, or the life has failed.
    """
    ended = asyncio.Event()
    failed: list[Exception] = []

    async def living(live: Callable[[], Awaitable[Any]]) -> None:
        try:
            await live()
        except Exception as fault:  # noqa: BLE001 - whatever it was, it is raised below, in words
            failed.append(fault)
            ended.set()

    with _quiet(), _heeding(ended) if signals else contextlib.nullcontext():
        async with _built(settings) as (site, lives):
            site.start_faults(settings.faults)
            async with listening(site, settings.host, settings.port) as url, anyio.create_task_group() as tasks:
                for live in lives:
                    tasks.start_soon(living, live)
                if settings.parent_watch:
                    _watch_input(ended)
                ready(url)
                await ended.wait()
                tasks.cancel_scope.cancel()
    for fault in failed:
        if isinstance(fault, PolywireError):
            raise fault
        told = f"{type(fault).__name__}: {fault}"
        raise PolywireError(f"the exchange with seed {settings.seed} has failed ({told}); please report it") from fault


@asynccontextmanager
async def listening(site: Site, host: str, port: int) -> AsyncIterator[str]:
    """Serve a site on a port while the block runs, and yield its base URL.

    Raises:
        PolywireError: It cannot listen there.
    """
    bound = listening_socket(host, port, "the exchange")
    with bound:
        taken = bound.getsockname()[1]
        config = uvicorn.Config(
            site.application(host, taken),
            ws=cast("Any", partial(ChannelSocket, site.channels, site.faults)),
            http=HttpProtocol,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_ONE_S,
            timeout_keep_alive=60,
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve([bound]))
        try:
            await _first(server.opened.wait(), serving)
            shown = f"[{host}]" if ":" in host else host
            yield f"http://{shown}:{taken}"
        finally:
            server.should_exit = True
            with anyio.CancelScope(shield=True):
                await serving


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: who runs us decides when we end."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.opened = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self.opened.set()


@asynccontextmanager
async def _built(settings: ExchangeSettings) -> AsyncIterator[tuple[Site, list[Callable[[], Awaitable[Any]]]]]:
    """Build a site, and yield it with what makes it live."""
    records = settings.tape
    if records is not None:
        clock = VenueClock(time.monotonic, start_ms=0, speed=settings.speed)
        site = Site(clock, seed=settings.seed, venue=None)
        assert site.tape is not None  # noqa: S101 - there is no venue
        yield site, [partial(site.tape.run, records)]
        return
    async with opened_store(settings.state) as store:
        kept = await store.load()
        start_ms = max(time.time_ns() // 1_000_000, kept.last_ms)  # an earlier run may have been ahead of the world
        clock = VenueClock(time.monotonic, start_ms=start_ms, speed=settings.speed)
        store.now_ms = clock.now_ms
        # Trades of one market must have numbers of their own over restarts: transactions are named after them.
        venue = Venue(Engine(trades=start_ms * _TRADES_A_MS), Catalogue(), clock)
        restore(venue, kept)
        site = Site(clock, seed=settings.seed, venue=venue, store=store, kept=kept, terms=settings.terms)
        trading = site.trading
        assert trading is not None  # noqa: S101 - there is a store
        life = Life(settings.seed, venue, start_ms, rate=settings.rate, run=kept.runs)
        life.act(start_ms)  # so that nobody who asks at once finds it empty
        try:
            yield site, [life.run, trading.run, store.failed]
        finally:
            await trading.aclose()


async def _first(event: Any, serving: "asyncio.Task[None]") -> None:
    waiting = asyncio.ensure_future(event)
    await asyncio.wait((waiting, serving), return_when=asyncio.FIRST_COMPLETED)
    if not waiting.done():
        waiting.cancel()
        await serving
        raise PolywireError("the server ended before it listened; its log says why")


@contextlib.contextmanager
def _heeding(ended: asyncio.Event) -> Iterator[None]:
    """Let SIGTERM and SIGINT end us."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _watch_input(ended: asyncio.Event) -> None:
    """End when whoever holds the other end of standard input has gone: our parent, however it ended."""
    loop = asyncio.get_running_loop()

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 4_096):
            pass
        with contextlib.suppress(RuntimeError):  # the loop has ended before its input
            loop.call_soon_threadsafe(ended.set)

    # A thread, for a loop cannot wait on every kind of input (not on a file, or /dev/null).
    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


class _InOurWords(logging.Handler):
    """Says what the server library has to say in one line, without a traceback."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say it."""
        fault = record.exc_info[1] if record.exc_info else None
        why = "" if fault is None else f": {type(fault).__name__}: {fault}"
        _LOG.log(record.levelno, "the server says: %s%s", record.getMessage().strip().partition("\n")[0], why)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep uvicorn's and websockets' own lines from the user; errors are told in one line of ours."""
    handler = _InOurWords(logging.ERROR)
    loggers = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error", "websockets.server")]
    was = [logger.propagate for logger in loggers]
    for logger in loggers:
        logger.propagate = False
    loggers[1].addHandler(handler)
    try:
        yield
    finally:
        loggers[1].removeHandler(handler)
        for logger, propagated in zip(loggers, was, strict=True):
            logger.propagate = propagated

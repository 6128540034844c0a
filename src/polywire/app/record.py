"""`polywire tape record`, put together: a feed of its own, and a tape written on a thread."""

import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio
from rich.console import Console

from polywire.app.attach import attached_to_owner
from polywire.app.feed import open_feed
from polywire.errors import TapeError
from polywire.io.tape_thread import ThreadedTape
from polywire.settings import read_settings

Say = Callable[[str], None]

_TOLD_EVERY_S: Final = 0.5


@dataclass(frozen=True)
class Recorded:
    """What `polywire tape record` was asked for."""

    data: Path
    targets: tuple[str, ...]
    out: Path | None = None  # None: named by the time, in DATA/tapes
    venue: str | None = None  # None: the owner's
    for_s: float | None = None


def record_tape(asked: Recorded, console: Console, say: Say) -> Path:
    """Record what the venue sends of the targets' tokens; return the tape.

    It opens sockets of its own, so that the tape holds these tokens and nothing else, each from its snapshot on.

    Raises:
        UnknownTarget: A target means no market.
        TapeError: The tape cannot be written.
        VenueUnreachable: The venue does not answer.
    """
    return anyio.run(_record, asked, console, say, backend_options={"use_uvloop": True})


async def _record(asked: Recorded, console: Console, say: Say) -> Path:
    out = asked.out or asked.data / "tapes" / time.strftime("%Y%m%d-%H%M%S.pwtape", time.gmtime())
    async with AsyncExitStack() as stack:
        venue = asked.venue
        if venue in {None, "paper"}:
            visit = await stack.enter_async_context(attached_to_owner(asked.data, venue, say))
            venue = visit.hello.address
        feed = await stack.enter_async_context(open_feed(read_settings(data=asked.data, venue=venue)))
        await feed.resolve(*asked.targets)  # an unknown one is told before there is a file
        tape = _opened(out)
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:  # until all is written
            try:
                feed.record(tape.put)
                async with feed.subscribe(tokens=asked.targets, callback=_unread):
                    await _until_over(tape, signals, asked.for_s, console, out)
            finally:
                feed.record(None)
                tape.close()
    held = f"{tape.records:,} records, {tape.bytes:,} bytes of frames"
    say(f"polywire: {held}, in {out}; check: polywire tape verify {out}")
    return out


def _opened(out: Path) -> ThreadedTape:
    try:
        out.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as fault:
        raise TapeError(f"{out.parent} cannot be made: {fault.strerror}; choose another place with --out") from fault
    return ThreadedTape(out)


async def _until_over(
    tape: ThreadedTape, signals: AsyncIterator[signal.Signals], for_s: float | None, console: Console, out: Path
) -> None:
    """Return when the time is over, on a signal, or when the tape cannot go on; closing it says why."""
    with anyio.move_on_after(for_s):
        async with anyio.create_task_group() as tasks:

            async def tell() -> None:
                with console.status("recording") as status:
                    while tape.fault is None:
                        told = f"{tape.records:,} records, {tape.bytes:,} bytes"
                        status.update(f"recording to {out}: {told} (Ctrl-C ends it)")
                        await anyio.sleep(_TOLD_EVERY_S)
                tasks.cancel_scope.cancel()

            tasks.start_soon(tell)
            await anext(signals)
            tasks.cancel_scope.cancel()


def _unread(_: object) -> None:
    """Read nothing: the frames are what is wanted."""

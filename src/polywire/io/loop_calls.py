"""What a thread of ours tells the event loop that started it."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any


def call_in_loop(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: Any) -> None:
    """Have the loop call something soon; where it has ended, nobody waits for it any more."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *arguments)


def settle(answer: "asyncio.Future[Any]", found: Any, fault: Exception | None) -> None:
    """Give whoever waits an answer, or what went wrong; who has gone is let go."""
    if answer.done():
        return
    if fault is None:
        answer.set_result(found)
    else:
        answer.set_exception(fault)

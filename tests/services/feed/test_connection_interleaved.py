"""`services.feed.connection`: every interleaving of what a socket, its users and time can do."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from polywire.core.link import Phase
from services.feed.lone_connection import A, B, C, Setting, running
from services.feed.scripted import change
from services.feed.virtual import VirtualLoop

STEPS = (
    *("lose", "garbage", "data", "pong", "renew", "want", "release", "reopen", "withhold"),
    *("refuse", "accept", "mute", "hang", "turn", "turn", "turn", "tenth", "second", "minute"),
)


@settings(max_examples=60)
@given(st.lists(st.sampled_from(STEPS), max_size=30), st.floats(0.05, 0.999))
def test_no_interleaving_makes_the_link_misused_and_every_book_is_right_in_the_end(
    steps: list[str], roll: float
) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_interleaved(steps, roll))


async def _interleaved(steps: list[str], roll: float) -> None:
    async with running(A, B, roll=roll) as it:
        for step in steps:
            await _act(it, step)
            assert it.task is not None
            assert not it.task.done(), it.task.exception()
            if not it.connection.connected:
                assert all(book.freshness != "current" for book in it.connection.books.values())
        for step in ("accept", "want", "release"):
            await _act(it, step)
        await it.until(lambda: it.phase is Phase.OPEN and it.freshness(B) == "current")
        assert set(it.connection.tokens) == {B, *(() if C not in it.connection.tokens else (C,))}
        for socket in it.dial.sockets:
            assert not socket.sent or socket.asked[0][0] == "first"
            assert all(operation != "first" for operation, _ in socket.asked[1:])


async def _act(it: Setting, step: str) -> None:  # noqa: PLR0912 - a table of what can happen
    dial, alive = it.dial, it.dial.alive
    match step:
        case "lose" if alive:
            alive[-1].lose()
        case "garbage" if alive:
            alive[-1].hear(b"{garbage" * 20)
        case "data" if alive:
            alive[-1].hear(change(A, B, C))
        case "pong" if alive:
            alive[-1].hear(b"PONG")
        case "renew":
            it.connection.renew("a test wants it")
        case "want":
            it.want(*(one for one in (A, B, C) if one not in it.connection.tokens))
        case "release":
            it.connection.release([A])
        case "reopen":
            it.connection.release([B])
            it.want(B)
        case "withhold":
            dial.withheld.add(B)
        case "refuse":
            dial.refuses = True
        case "mute":
            dial.pongs = dial.closes = dial.serves = False
        case "hang":
            dial.open.clear()
        case "accept":
            dial.refuses, dial.pongs, dial.closes, dial.serves = False, True, True, True
            dial.withheld.clear()
            dial.open.set()
        case "turn":
            await asyncio.sleep(0)
        case "tenth":
            await asyncio.sleep(0.1)
        case "second":
            await asyncio.sleep(1)
        case "minute":
            await asyncio.sleep(60)
        case _:
            pass

"""`services.live`: whatever sockets, topics and time do, a trade is told once and in order, or lies in a gap."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from polywire.model.health import Gap
from polywire.model.live import ActivityMatched, Commented, CryptoPriced
from services.feed.feeds import until
from services.feed.virtual import VirtualLoop
from services.live.live_service import LiveSetting, LiveSocket, a_live_feed, everything

STEPS = (
    *("lose", "lose all", "freeze", "mute trades", "renew", "refuse", "accept", "hang", "lag", "more", "less"),
    *("turn", "tenth", "second", "second", "second", "ten", "ten", "forty"),
)


class Service:
    """What tells every open socket everything ten times a second, with a lag of its own, but for what is broken.

    A frozen socket stays so: of one that merely leaves out what it does not number, nobody can know.
    """

    def __init__(self, it: LiveSetting) -> None:
        self._it, self.number = it, 0
        self.frozen, self.mute = set[LiveSocket](), set[LiveSocket]()
        self.lags: dict[LiveSocket, float] = {}
        self.lag = 0.0

    async def run(self) -> None:
        while True:
            self.number += 1
            for socket in self._it.dial.streams:
                if socket in self.frozen or not socket.sent:
                    continue
                said = everything(self.number)[socket in self.mute :]
                lag = self.lags.setdefault(socket, self.lag)  # the same for all: what a socket brings is in order
                for frame in said:
                    asyncio.get_running_loop().call_later(lag, socket.hear, frame)
            await asyncio.sleep(0.1)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=25), st.floats(0.05, 0.999))
def test_a_trade_is_told_once_and_in_order_or_lies_in_a_gap_that_is_told(steps: list[str], roll: float) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_interleaved(steps, roll))


async def _interleaved(steps: list[str], roll: float) -> None:
    async with a_live_feed(roll=roll, renewal_s=60.0) as it:
        it.read(ActivityMatched, CryptoPriced)
        service = Service(it)
        telling = asyncio.create_task(service.run())
        try:
            for step in steps:
                await _act(it, service, step)
                assert it.running is not None
                assert not it.running.done(), it.running.exception()
            await _act(it, service, "accept")
            before = len(it.trades)
            await until(lambda: len(it.trades) > before + 20, 200.0)
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            await asyncio.sleep(5)  # for what is under way
    _assert_whole(it, service.number)


def _assert_whole(it: LiveSetting, sent: int) -> None:
    """Assert that each trade follows the one before it, or a gap."""
    last, gap = None, True
    for event in it.told:
        if isinstance(event, Gap):
            assert event.from_ns <= event.to_ns
            gap = gap or event.reason.startswith("activity:")
        elif isinstance(event, ActivityMatched):
            number = int(event.size)
            assert last is None or number == last + 1 or (gap and number > last), f"{number} after {last}"
            last, gap = number, False
    assert last is not None
    assert last <= sent
    prices = [(event.symbol, event.venue_ms) for event in it.of(CryptoPriced)]
    assert len(prices) == len(set(prices))


async def _act(it: LiveSetting, service: Service, step: str) -> None:  # noqa: PLR0912 - a table of what can happen
    streams = it.dial.streams
    match step:
        case "lose" if streams:
            streams[-1].lose()
        case "lose all":
            for socket in streams:
                socket.lose()
        case "freeze":
            service.frozen.update(streams)
        case "mute trades":
            service.mute.update(streams)
        case "renew":
            it.feed.renew()
        case "refuse":
            it.dial.refuses = True
        case "hang":
            it.dial.open.clear()
        case "accept":
            it.dial.refuses = False
            it.dial.open.set()
        case "lag":
            service.lag = 0.0 if service.lag else 1.5
        case "more":
            it.read(ActivityMatched, CryptoPriced, Commented)
        case "less":
            it.read(ActivityMatched, CryptoPriced)
        case "turn":
            await asyncio.sleep(0)
        case "tenth":
            await asyncio.sleep(0.1)
        case "second":
            await asyncio.sleep(1)
        case "ten":
            await asyncio.sleep(10)
        case "forty":
            await asyncio.sleep(40)
        case _:
            pass

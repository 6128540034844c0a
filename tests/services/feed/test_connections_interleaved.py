"""`services.feed.connections`: any order of what subscribers, sockets, the venue and time can do, and who owns a token.

A plain dictionary says what is wanted. At every step each wanted token is on one authoritative socket, and its readers
stand at one place; whenever the venue is well again, it serves each token as often as it should, and each reader is
told once.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from polywire.model.events import Event
from polywire.model.market import LevelChanged
from polywire.model.units import TokenId
from polywire.services.feed.connection import Connection
from polywire.services.feed.connections import Connections
from polywire.services.feed.subscription import Subscription
from services.feed.copied import Stream
from services.feed.feeds import FeedSetting
from services.feed.scripted import ScriptedSocket, token
from services.feed.virtual import LoopClock, VirtualLoop

TOKENS: Final = [token(number) for number in range(1, 9)]
SPARE_S: Final = 5.0
WELL_AGAIN_S: Final = 300
"""A delay of a minute, a silent socket of a minute and a half, and a renewal, one after another, are over by then."""

RENEWED_S: Final = 15
"""Within which a renewal succeeds or is given up."""

SOME: Final = st.lists(st.sampled_from(TOKENS), unique=True, min_size=1, max_size=5)
SOME_OR_NEWS: Final = SOME | st.just(list[TokenId]())
THEN_S: Final = st.sampled_from([0, 0, 0.1, 0.3, 1, 3, 12, 60])
"""How long nothing else happens after something did."""

MARK: Final = 1_000_000
"""A size that no other change has, in shares."""

LEADS: Final = "authoritative"
ANY: Final = st.integers(0, 1_000)


class _Instants:
    """Frames are seen when they come, each a little later than the one before."""

    def __init__(self) -> None:
        self._last = 0

    def __next__(self) -> int:
        self._last = max(self._last + 1, LoopClock().now_ns())
        return self._last


class Subscriber:
    """One subscription, and the sizes of the level changes that it was told of."""

    def __init__(self, tokens: list[TokenId]) -> None:
        self.tokens, self.told = tokens, list[tuple[TokenId, int]]()
        self.subscription: Subscription

    def take(self, event: Event) -> None:
        if isinstance(event, LevelChanged):
            self.told.append((event.token, event.size // 1_000_000))


class OwnedOnce(RuleBasedStateMachine):
    """A feed on a scripted venue, and who subscribed to what."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=VirtualLoop)
        self.subscribers: list[Subscriber] = []
        self.streams = {one: Stream(one) for one in TOKENS}
        self.size, self.copies = 0, 1

    @initialize(
        size=st.integers(2, 4), standby=st.booleans(), renew_after_s=st.sampled_from([0.0, 0.0, 150.0]), tokens=SOME
    )
    def begin(self, size: int, standby: bool, renew_after_s: float, tokens: list[TokenId]) -> None:  # noqa: FBT001
        self.size, self.copies = size, 2 if standby else 1
        self.renewed_by_age = renew_after_s > 0
        self.do(self._begin(standby=standby, renew_after_s=renew_after_s))
        self.do(self._subscribe(tokens))

    async def _begin(self, **options: Any) -> None:
        self.setting = FeedSetting(size=self.size, spare_s=SPARE_S, **options)
        instants: Any = _Instants()
        self.setting.dial.instants = instants
        self.setting.running = asyncio.create_task(self.setting.feed.run())
        await asyncio.sleep(0)

    def do(self, coroutine: Coroutine[Any, Any, None], then_s: float = 0) -> None:
        """Let something happen in the feed's loop, and time pass; the feed must live on."""

        async def do() -> None:
            await coroutine
            await asyncio.sleep(then_s)

        self.runner.run(do())
        running = self.setting.running
        assert running is not None
        assert not running.done(), running.exception()

    # ------------------------------------------------------------ what is known

    @property
    def connections(self) -> Connections:
        return self.setting.feed._connections  # noqa: SLF001 - sockets are no business of a feed's users

    @property
    def wanted(self) -> set[TokenId]:
        return {one for subscriber in self.subscribers for one in subscriber.tokens}

    @property
    def news_wanted(self) -> bool:
        return any(not subscriber.tokens for subscriber in self.subscribers)

    def carrying(self, one: TokenId) -> list[Connection]:
        return [each for each in self.connections.numbered.values() if one in each.tokens]

    # ------------------------------------------------------------ what subscribers do

    @rule(tokens=SOME_OR_NEWS, then_s=THEN_S)
    def subscribe(self, tokens: list[TokenId], then_s: float) -> None:
        self.do(self._subscribe(tokens), then_s)

    @rule(which=ANY, tokens=SOME_OR_NEWS, then_s=THEN_S)
    def subscribe_to_others(self, which: int, tokens: list[TokenId], then_s: float) -> None:
        """Leave a subscription for another in the same turn of the loop: what is let go is wanted at once."""
        self.do(self._leave([self.subscribers[which % len(self.subscribers)]]))
        self.do(self._subscribe(tokens), then_s)

    @precondition(lambda self: len(self.subscribers) > 1)
    @rule(which=ANY, then_s=THEN_S)
    def unsubscribe(self, which: int, then_s: float) -> None:
        self.do(self._leave([self.subscribers[which % len(self.subscribers)]]), then_s)

    @rule(tokens=SOME)
    def leave_altogether_and_come_back(self, tokens: list[TokenId]) -> None:
        """However ill the venue is, what nobody wants is let go."""
        self.do(self._leave(list(self.subscribers)), SPARE_S + 1)
        assert (self.connections.numbered, self.connections.carriers, self.connections.waits) == ({}, {}, {})
        assert (self.setting.dial.alive, self.setting.dial.under_way) == ([], 0)
        self.do(self._subscribe(tokens))

    async def _subscribe(self, tokens: list[TokenId]) -> None:
        subscriber = Subscriber(tokens)
        subscriber.subscription = self.setting.feed.subscribe(tokens=tokens, callback=subscriber.take)
        await subscriber.subscription.__aenter__()
        self.subscribers.append(subscriber)

    async def _leave(self, leaving: list[Subscriber]) -> None:
        for subscriber in leaving:
            self.subscribers.remove(subscriber)
            subscriber.subscription.close()

    @rule(then_s=THEN_S)
    def reconnect(self, then_s: float) -> None:
        self.do(self.setting.feed.reconnect(), then_s)

    @rule(which=ANY, then_s=THEN_S)
    def renew_softly(self, which: int, then_s: float) -> None:
        """Have any socket replaced, one that there is not too, and go on while that is under way."""
        self.do(self._renew_softly([*self.connections.numbered, 0], which), then_s)

    async def _renew_softly(self, numbers: list[int], which: int) -> None:
        self.connections.renew_softly(numbers[which % len(numbers)], "a test wants it")

    # ------------------------------------------------------------ what the venue does

    @precondition(lambda self: self.setting.dial.alive)
    @rule(which=ANY, then_s=THEN_S)
    def lose(self, which: int, then_s: float) -> None:
        self.do(self._lose(which), then_s)

    async def _lose(self, which: int) -> None:
        alive = self.setting.dial.alive
        alive[which % len(alive)].lose()

    @rule(tokens=SOME, then_s=THEN_S)
    def change_on_all(self, tokens: list[TokenId], then_s: float) -> None:
        self.do(self._hear(tokens), then_s)

    @precondition(lambda self: self.setting.dial.alive)
    @rule(which=ANY, tokens=SOME, for_s=st.sampled_from([0, 0, 6]))
    def change_on_one(self, which: int, tokens: list[TokenId], for_s: int) -> None:
        """Let one socket bring what the other of a pair never will, once or for some seconds."""
        self.do(self._hear_on_one(which, tokens, for_s))

    async def _hear_on_one(self, which: int, tokens: list[TokenId], for_s: int) -> None:
        alive = self.setting.dial.alive
        socket = alive[which % len(alive)]
        for _ in range(for_s + 1):
            await self._hear(tokens, on=socket)
            await asyncio.sleep(1 if for_s else 0)

    async def _hear(self, tokens: list[TokenId], size: int | None = None, on: ScriptedSocket | None = None) -> None:
        """Let the streams of some tokens go on by a change each, on every socket that serves them or on one alone."""
        messages = {one: self.streams[one].messages[self.streams[one].change(size)] for one in tokens}
        for socket in self.setting.dial.alive if on is None else [on]:
            for one in served(socket) & messages.keys():
                socket.hear(messages[one])

    @rule(trouble=st.sampled_from(["none", "refuses", "hangs", "mute", "keeps books"]), then_s=THEN_S)
    def change_the_venue(self, trouble: str, then_s: float) -> None:
        self.do(self._change_the_venue(trouble), then_s)

    async def _change_the_venue(self, trouble: str) -> None:
        """Change what ails it. Sockets that may lack an answer do not outlive that: nobody compares with REST here."""
        dial = self.setting.dial
        if not dial.serves or dial.withheld:
            for socket in dial.alive:
                socket.lose("the venue began anew")
        dial.refuses = trouble == "refuses"
        dial.pongs = dial.closes = dial.serves = trouble != "mute"
        dial.withheld = set(TOKENS[::2]) if trouble == "keeps books" else set()
        if trouble == "hangs":
            dial.open.clear()
        else:
            dial.open.set()

    # ------------------------------------------------------------ what holds in the end

    @rule()
    def settle(self) -> None:
        """Be well for as long as it takes: every token is served as it should be, and told of once."""
        self.do(self._settle())

    async def _settle(self) -> None:
        await self._change_the_venue("none")
        for _ in range(WELL_AGAIN_S):
            if not self._unsettled():
                break
            await self._hear(TOKENS)  # as long as it is well it has something to say
            await asyncio.sleep(1)
        assert self._unsettled() == []
        for subscriber in self.subscribers:
            subscriber.told.clear()
        await self._hear(TOKENS, MARK)
        for subscriber in self.subscribers:
            assert Counter(subscriber.told) == Counter((one, MARK) for one in subscriber.tokens)

    @precondition(lambda self: self.wanted and not self.renewed_by_age)
    @rule(which=ANY)
    def renew_while_all_is_well(self, which: int) -> None:
        """A socket that is asked to be replaced is, however many were before it."""
        self.do(self._renew_while_all_is_well(which))

    async def _renew_while_all_is_well(self, which: int) -> None:
        await self._change_the_venue("none")
        await asyncio.sleep(RENEWED_S)  # any that is under way is over
        await self._settle()
        used = [each for each in self.connections.numbered.values() if each.tokens]
        old = used[which % len(used)]
        opened = old.opened
        assert self.connections.renew_softly(old.number, "a test wants it")
        await asyncio.sleep(RENEWED_S)
        await self._settle()
        assert old.opened > opened if self.copies == 2 else old.number not in self.connections.numbered

    def _unsettled(self) -> list[str]:
        """Return what is not yet as it should be."""
        numbered, alive = self.connections.numbered, self.setting.dial.alive
        served_by = Counter(one for socket in alive for one in served(socket))
        used = sum(bool(each.tokens) for each in numbered.values())
        books, carriers = self.setting.feed.books, self.connections.carriers
        unsettled = [
            *(f"socket {number} is {each.link.phase}" for number, each in numbered.items() if not each.connected),
            *(f"{one[-1]}: {books[one].freshness}" for one in self.wanted if books[one].freshness != "current"),
            *(f"the readers of {one[-1]} are under way" for one in self.connections.waits),
            *(f"{one[-1]} is read at a standby" for one, at in carriers.items() if self.connections.role(at) != LEADS),
        ]
        if served_by != dict.fromkeys(self.wanted, self.copies):
            unsettled.append(f"served {served_by}, and wanted {self.wanted} {self.copies} times")
        if len(numbered) != (used or self.news_wanted) or len(alive) != len(numbered):
            unsettled.append(f"{len(numbered)} connections, {used} in use, {len(alive)} sockets")
        return unsettled

    # ------------------------------------------------------------ what always holds

    @invariant()
    def each_wanted_token_is_on_one_authoritative_socket_and_no_other_token_is_on_any(self) -> None:
        carried = {one for each in self.connections.numbered.values() for one in each.tokens}
        assert carried == self.connections.carriers.keys() == self.wanted
        for one in self.wanted:
            carrying = self.carrying(one)
            assert [self.connections.role(each) for each in carrying].count(LEADS) == 1
            assert len(carrying) <= 2
            assert self.connections.carriers[one] in carrying

    @invariant()
    def no_socket_carries_or_is_asked_for_more_than_its_size(self) -> None:
        assert all(len(each.tokens) <= self.size for each in self.connections.numbered.values())
        assert all(len(served(socket)) <= self.size for socket in self.setting.dial.alive)

    @invariant()
    def every_reader_of_a_token_stands_at_one_place(self) -> None:
        """At the book of the socket that carries it, or on the way there: else it hears nothing, or all twice."""
        waits = self.connections.waits
        assert waits.keys() <= self.wanted
        for subscriber in self.subscribers:
            for reader in subscriber.subscription.readers:
                for one in subscriber.tokens:
                    at = [each for each in self.carrying(one) if reader in each.books[one].readers]
                    under_way = one in waits and reader in waits[one].readers
                    assert len(at) + under_way == 1
                    assert under_way or at == [self.connections.carriers[one]]

    @invariant()
    def what_is_said_of_the_sockets_is_so(self) -> None:
        self.do(self._compare_status())

    async def _compare_status(self) -> None:
        told = self.setting.status["connections"]["clob"]
        assert told["tokens"] == len(self.wanted)
        assert [one["number"] for one in told["sockets"]] == list(self.connections.numbered)

    def teardown(self) -> None:
        try:
            if hasattr(self, "setting"):
                self.runner.run(self.setting.end())
                assert self.setting.dial.alive == []
        finally:
            self.runner.close()


def served(socket: ScriptedSocket) -> set[TokenId]:
    """Return the tokens that the venue serves on a socket, by what it was asked for there."""
    tokens = set[TokenId]()
    for operation, asked in socket.asked:
        these = {TokenId(one) for one in asked}
        tokens = tokens - these if operation == "unsubscribe" else tokens | these
    return tokens


test_in_any_order_each_wanted_token_is_on_one_authoritative_socket_and_told_of_once = OwnedOnce.TestCase
test_in_any_order_each_wanted_token_is_on_one_authoritative_socket_and_told_of_once.settings = settings(
    max_examples=60, stateful_step_count=30
)

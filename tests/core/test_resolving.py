"""`core.resolving`: which markets are asked for, and when."""

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from polywire.core.resolving import Look, Resolving, ResolvingPolicy
from polywire.model.units import ConditionId

POLICY: Final = ResolvingPolicy(every_s=30.0, requests_s=4.0, markets=3, fresh_markets=2, soon_s=1.0)


def condition(number: int) -> ConditionId:
    return ConditionId(f"0x{number}")


def followed(count: int, policy: ResolvingPolicy = POLICY) -> Resolving:
    """Return a schedule of that many markets, followed since 0."""
    markets = Resolving(policy)
    for number in range(count):
        markets.follow(condition(number), now=0.0)
    return markets


def look_of(*numbers: int, fresh: bool = False) -> Look:
    return Look(tuple(map(condition, numbers)), fresh)


def looks(markets: Resolving, until: float) -> list[tuple[float, Look]]:
    """Ask as soon as there is something to ask, all of it answered; return when what was asked."""
    found: list[tuple[float, Look]] = []
    while (now := markets.wake_at) <= until:
        look = markets.look(now)
        if look is not None:
            markets.answered()
            found.append((now, look))
    return found


def test_nothing_followed_is_nothing_to_ask() -> None:
    markets = Resolving(POLICY)
    assert (markets.look(5.0), markets.wake_at, len(markets)) == (None, math.inf, 0)


def test_every_market_has_its_turn_once_in_a_round() -> None:
    assert looks(followed(2), until=95.0) == [(30.0, look_of(0, 1)), (60.0, look_of(0, 1)), (90.0, look_of(0, 1))]


def test_more_markets_than_fit_in_a_look_follow_at_the_pace_of_the_budget() -> None:
    assert looks(followed(7), until=32.0) == [
        (30.0, look_of(0, 1, 2)),
        (30.25, look_of(3, 4, 5)),
        (30.5, look_of(6)),
    ]


def test_more_markets_than_the_budget_allows_have_a_longer_round_and_none_is_left_out() -> None:
    slow = ResolvingPolicy(every_s=30.0, requests_s=0.05, markets=3)
    asked = looks(followed(7, slow), until=155.0)
    assert [at for at, _ in asked] == [30.0, 50.0, 70.0, 90.0, 110.0, 130.0, 150.0]
    assert [one.conditions[0] for _, one in asked[:4]] == ["0x0", "0x3", "0x6", "0x2"]


def test_a_pressing_market_is_asked_for_by_itself_after_a_moment_in_which_others_may_join() -> None:
    markets = followed(3)
    markets.press(condition(2), now=10.0)
    markets.press(condition(1), now=10.9)
    assert (markets.pressing, markets.wake_at, markets.look(10.9)) == (2, 11.0, None)
    assert markets.look(11.0) == look_of(2, 1, fresh=True)
    assert markets.pressing == 0


def test_a_fresh_look_costs_a_request_for_each_and_one() -> None:
    markets = followed(3)
    for number in range(3):
        markets.press(condition(number), now=0.0)
    assert looks(markets, until=10.0) == [(1.0, look_of(0, 1, fresh=True)), (1.75, look_of(2, fresh=True))]


def test_a_fresh_look_is_a_market_s_turn_too() -> None:
    markets = followed(1)
    markets.press(condition(0), now=20.0)
    assert [at for at, _ in looks(markets, until=60.0)] == [21.0, 51.0]


def test_nobody_presses_what_is_not_followed() -> None:
    markets = followed(1)
    markets.press(condition(5), now=1.0)
    assert markets.pressing == 0


def test_pressing_and_due_markets_are_asked_for_in_turns() -> None:
    markets = followed(9)
    for number in range(9):
        markets.press(condition(number), now=40.0)
    assert [one.fresh for _, one in looks(markets, until=48.0)[:6]] == [False, False, False, True, True, True]
    crowded = followed(9)
    for number in range(4):
        crowded.press(condition(number), now=0.0)
    first, second = crowded.look(40.0), crowded.look(41.0)
    assert first == look_of(0, 1, fresh=True)
    assert second == look_of(2, 3, 4)
    assert crowded.look(42.0) == look_of(2, 3, fresh=True)


def test_a_market_that_has_ended_presses_itself_again_and_again_and_ever_less_often() -> None:
    markets = Resolving(ResolvingPolicy(every_s=30.0, longest_every_s=100.0, soon_s=1.0))
    markets.follow(condition(0), now=0.0, ends_at=10.0)
    fresh = [at for at, one in looks(markets, until=420.0) if one.fresh]
    assert fresh == [11.0, 42.0, 103.0, 204.0, 305.0, 406.0]


def test_a_market_that_ended_before_it_was_followed_is_asked_for_at_once() -> None:
    markets = Resolving(POLICY)
    markets.follow(condition(0), now=50.0, ends_at=-1e9)
    assert markets.look(50.0) is None
    assert markets.look(51.0) == look_of(0, fresh=True)


def test_an_end_is_kept_when_the_market_is_followed_again_and_when_it_is_pressed_before() -> None:
    markets = Resolving(POLICY)
    markets.follow(condition(0), now=0.0, ends_at=40.0)
    markets.follow(condition(0), now=1.0, ends_at=20.0)
    markets.press(condition(0), now=5.0)
    assert [at for at, one in looks(markets, until=60.0) if one.fresh] == [6.0, 41.0]


def test_an_end_that_never_comes_is_none() -> None:
    markets = Resolving(POLICY)
    markets.follow(condition(0), now=0.0, ends_at=math.inf)
    assert [one.fresh for _, one in looks(markets, until=100.0)] == [False, False, False]


def test_a_released_market_is_asked_for_no_more_and_a_second_release_does_no_harm() -> None:
    markets = followed(2)
    markets.follow(condition(7), now=0.0, ends_at=10.0)
    markets.press(condition(0), now=1.0)
    for number in (0, 7, 7):
        markets.release(condition(number))
    assert (condition(0) in markets, condition(1) in markets, len(markets)) == (False, True, 1)
    assert looks(markets, until=31.0) == [(30.0, look_of(1))]


def test_ends_of_markets_long_gone_take_no_room() -> None:
    markets = Resolving(POLICY)
    for number in range(1_000):
        markets.follow(condition(number), now=0.0, ends_at=1e9 + number)
        markets.release(condition(number))
    assert len(markets._ending) <= 2 * 64 + 2  # noqa: SLF001 - nothing else shows what is kept


def test_a_look_that_failed_is_repeated_with_ever_longer_delays() -> None:
    markets, now, at = followed(4), 30.0, []
    for _ in range(9):
        look = markets.look(now)
        assert look == look_of(0, 1, 2)
        at.append(now)
        markets.failed(look, now)
        now = markets.wake_at
        assert markets.look(now - 0.01) is None
    assert [round(b - a, 3) for a, b in pairwise(at)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert markets.failures == 9
    assert markets.look(now) is not None
    markets.answered()
    assert markets.failures == 0


def test_a_fresh_look_that_failed_is_still_pressing() -> None:
    markets = followed(3)
    markets.press(condition(2), now=0.0)
    look = markets.look(1.0)
    assert look == look_of(2, fresh=True)
    markets.failed(look, 1.5)
    assert markets.pressing == 1
    assert [one for _, one in looks(markets, until=5.0)] == [look_of(2), look_of(2, fresh=True)]


def test_who_was_released_while_it_was_asked_for_does_not_come_back() -> None:
    markets = followed(2)
    look = markets.look(30.0)
    assert look is not None
    markets.release(condition(0))
    markets.failed(look, 30.1)
    assert [one for _, one in looks(markets, until=32.0)] == [look_of(1)]


def test_a_venue_that_says_how_long_it_is_not_to_be_asked_is_not_asked_for_that_long() -> None:
    markets = followed(1)
    look = markets.look(30.0)
    assert look is not None
    markets.failed(look, 30.0, wait_s=12.5)
    markets.press(condition(0), now=31.0)
    assert markets.wake_at == 42.5


@given(st.integers(1, 400), st.sampled_from([0.5, 4.0]), st.lists(st.integers(0, 399), max_size=20))
def test_every_market_is_asked_for_in_each_round_and_the_budget_is_kept(
    count: int, requests_s: float, pressed: Iterable[int]
) -> None:
    policy = ResolvingPolicy(every_s=30.0, requests_s=requests_s, markets=50, fresh_markets=8)
    markets = followed(count, policy)
    for number in pressed:
        markets.press(condition(number), now=0.0)
    asked = looks(markets, until=400.0)
    costs = [1 + len(one.conditions) if one.fresh else 1 for _, one in asked]
    for (at, _), (then, _), cost in zip(asked, asked[1:], costs, strict=False):
        assert then - at >= cost / requests_s - 1e-9
    round_s = (
        policy.every_s + (sum(cost for cost, (_, one) in zip(costs, asked, strict=True) if one.fresh) + 9) / requests_s
    )
    for number in range(count):
        turns = [0.0, *(at for at, one in asked if condition(number) in one.conditions), 400.0]
        assert max(b - a for a, b in pairwise(turns)) <= round_s + math.ceil(count / 50) / requests_s


class AnyOrder(RuleBasedStateMachine):
    """Whatever happens in whatever order, what is followed comes up again, and nothing else does."""

    def __init__(self) -> None:
        super().__init__()
        self.markets = Resolving(POLICY)
        self.followed: set[ConditionId] = set()
        self.now = 0.0
        self.out: list[Look] = []

    @rule(number=st.integers(0, 9), ends_in=st.none() | st.floats(-50, 200))
    def follow(self, number: int, ends_in: float | None) -> None:
        self.followed.add(condition(number))
        self.markets.follow(condition(number), self.now, None if ends_in is None else self.now + ends_in)

    @rule(number=st.integers(0, 9))
    def release(self, number: int) -> None:
        self.followed.discard(condition(number))
        self.markets.release(condition(number))

    @rule(number=st.integers(0, 9))
    def press(self, number: int) -> None:
        self.markets.press(condition(number), self.now)

    @rule(seconds=st.floats(0, 40))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def look(self) -> None:
        look = self.markets.look(self.now)
        if look is None:
            assert self.markets.wake_at > self.now
        else:
            assert 0 < len(look.conditions) <= (POLICY.fresh_markets if look.fresh else POLICY.markets)
            assert len(set(look.conditions)) == len(look.conditions)
            assert set(look.conditions) <= self.followed
            self.out.append(look)

    @precondition(lambda self: self.out)
    @rule(wait_s=st.floats(0, 90))
    def fail(self, wait_s: float) -> None:
        self.markets.failed(self.out.pop(), self.now, wait_s)
        assert self.markets.look(self.now + wait_s - 1e-6) is None

    @precondition(lambda self: self.out)
    @rule()
    def answer(self) -> None:
        self.out.pop()
        self.markets.answered()

    @invariant()
    def what_is_followed_is_known(self) -> None:
        assert len(self.markets) == len(self.followed)
        assert all(one in self.markets for one in self.followed)
        assert self.markets.wake_at < math.inf or not self.followed

    def teardown(self) -> None:
        """In the end everything followed is asked for."""
        missing = set(self.followed)
        self.now += 100
        for _ in range(200):
            look = self.markets.look(self.now)
            if look is None:
                self.now = max(self.now, min(self.markets.wake_at, self.now + 1_000))
            else:
                missing -= set(look.conditions)
        assert not missing


TestAnyOrder = AnyOrder.TestCase


def test_five_thousand_markets_are_looked_at_within_their_half_minute() -> None:
    """10,000 tokens: a hundred requests a round, within the budget."""
    asked = looks(followed(5_000, ResolvingPolicy()), until=59.0)
    assert len(asked) == 100
    assert len({one for _, look in asked for one in look.conditions}) == 5_000

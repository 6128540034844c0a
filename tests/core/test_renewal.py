"""`core.renewal`: one socket of a broadcast after another, nothing lost and nothing told twice."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.live_events import activity, comment, crypto, equity, reaction
from polywire.core import renewal
from polywire.core.renewal import Broadcast, Overlap, key_of
from polywire.model.live import ActivityMatched, CryptoPriced

# ------------------------------------------------------------ what is the same


@pytest.mark.parametrize("make", [activity, crypto, equity, comment, reaction])
def test_an_event_is_the_same_whenever_it_was_seen_and_another_is_not(make: Callable[[int], Broadcast]) -> None:
    assert key_of(make(1)) == key_of(make(1))
    assert key_of(make(1)) != key_of(make(2))
    assert key_of(activity(1, seen_ns=1)) == key_of(activity(1, seen_ns=2))


def test_what_is_taken_back_is_not_what_was_said() -> None:
    assert key_of(comment(1)) != key_of(comment(1, removed=True))
    assert key_of(reaction(1)) != key_of(reaction(1, removed=True))


def test_a_price_of_one_second_is_one_for_each_symbol_and_average() -> None:
    keys = {key_of(crypto(1)), key_of(crypto(1, symbol="ethusdt")), key_of(crypto(1, window_s=30)), key_of(equity(1))}
    assert len(keys) == 4


# ------------------------------------------------------------ a switch


def topic_of(event: Broadcast) -> str:
    return {ActivityMatched: "activity", CryptoPriced: "crypto_prices"}[type(event)]


class Both:
    """Two sockets, and what was told of them."""

    def __init__(self) -> None:
        self.overlap, self.told = Overlap(), list[Broadcast]()

    def old(self, event: Broadcast) -> None:
        self.overlap.old(topic_of(event), event)
        self.told.append(event)

    def new(self, event: Broadcast) -> None:
        if self.overlap.new(topic_of(event), event):
            self.told.append(event)

    def switch(self) -> None:
        self.told += [event for _, event in self.overlap.switch()]


def test_what_the_new_socket_brought_first_is_told_at_the_switch() -> None:
    both = Both()
    both.old(activity(1))
    both.new(activity(1))
    both.new(activity(2))
    assert both.told == [activity(1)]
    both.switch()
    both.new(activity(3))
    assert both.told == [activity(1), activity(2), activity(3)]


def test_what_the_old_socket_was_ahead_with_is_not_told_again() -> None:
    both = Both()
    for number in (1, 2, 3):
        both.old(activity(number))
    both.new(activity(1))
    both.switch()
    for number in (2, 3, 4):
        both.new(activity(number))
    assert both.told == [activity(number) for number in (1, 2, 3, 4)]


def test_a_second_switch_soon_after_knows_what_was_told_before_the_first() -> None:
    """The third socket may still bring what only the first had brought."""
    both = Both()
    for number in (1, 2, 3):
        both.old(activity(number))
    both.new(activity(1))
    both.switch()
    both.overlap = Overlap(both.overlap)
    for number in (2, 3, 4):
        both.new(activity(number))
    both.switch()
    both.new(activity(5))
    assert both.told == [activity(number) for number in (1, 2, 3, 4, 5)]


@pytest.mark.parametrize("first", ["old", "new"])
def test_they_have_joined_once_one_message_came_on_both_whichever_brought_it_first(first: str) -> None:
    overlap = Overlap()
    overlap.old("activity", activity(1))
    overlap.new("crypto_prices", crypto(1))
    assert overlap.joined == set()
    assert overlap.heard == {"crypto_prices"}
    for side in (first, "old" if first == "new" else "new"):
        (overlap.old if side == "old" else overlap.new)("activity", activity(2))
    assert overlap.joined == {"activity"}


def test_of_what_is_held_there_is_an_end_and_then_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewal, "MOST_HELD", 2)
    overlap = Overlap()
    for number in (1, 2):
        overlap.new("activity", activity(number))
    assert not overlap.full
    overlap.new("activity", activity(3))
    assert overlap.full
    assert [event for _, event in overlap.switch()] == [activity(1), activity(2)]


# ------------------------------------------------------------ any interleaving


def batch(number: int, kind: str) -> list[Broadcast]:
    """Return what is told in one go: equal messages are of one transaction."""
    match kind:
        case "price":
            return [crypto(number)]
        case "trade":
            return [activity(number)]
        case "fills":
            return [activity(number, transaction=f"0x{number}"), activity(900, transaction=f"0x{number}")]
        case _:
            return [activity(number)] * 3


KINDS = st.lists(st.sampled_from(["price", "trade", "fills", "equal fills"]), max_size=12)


@given(st.data())
def test_any_interleaving_with_a_switch_at_any_time_tells_each_message_once_in_the_streams_order(data: Any) -> None:
    """The old socket may end in the middle of anything, as long as that is behind where the new one began."""
    stream = [batch(number, kind) for number, kind in enumerate(data.draw(KINDS), 1)]
    begins = data.draw(st.integers(0, len(stream)))
    flat = [event for batch in stream for event in batch]
    before = sum(map(len, stream[:begins]))
    ends = data.draw(st.integers(before, len(flat)))
    old, new = flat[:ends], flat[before:]
    both = Both()
    for event in old[:before]:  # some of it while the second is being opened
        both.old(event)
    old = old[before:]
    switch_after = data.draw(st.integers(0, len(new)))
    brought = 0
    while old or brought < switch_after:
        if old and (brought == switch_after or data.draw(st.booleans())):
            both.old(old.pop(0))
        else:
            both.new(new[brought])
            brought += 1
    both.switch()
    for event in new[brought:]:
        both.new(event)
    assert both.told == flat

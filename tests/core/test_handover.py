"""Two copies of one token's stream, and readers who go from one to the other."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from core.events import CONDITION, TOKEN, change, snapshot
from core.setting import BEST, TICKED
from polywire.core import handover
from polywire.core.handover import MOST, WINDOW_NS, Copies, Crossing, Fact, Move, key_of
from polywire.model.events import Event
from polywire.model.health import Freshness, FreshnessChanged, Gap
from polywire.model.market import BookReplaced, LevelChanged, Traded

A, B = 0, 1
GAP: Final = Gap((TOKEN,), 1, 2, "x", 0, 2)


def moved(number: int, *, digest: str | None = None, seen_ns: int = 0) -> LevelChanged:
    """Return the stream's move of this number."""
    named = f"d{number}" if digest is None else digest
    return replace(change("bid", 3_000, number + 1, seen_ns=seen_ns), digest=named)


def stated(digest: str) -> BookReplaced:
    """Return a snapshot."""
    return replace(snapshot(), digest=digest)


def begun(digest: str) -> list[Event]:
    """Return a snapshot as it answers a subscription."""
    return [FreshnessChanged(TOKEN, Freshness.SYNCING, Freshness.CURRENT, "snapshot", 1, 1, 1), stated(digest)]


def traded(number: int, transaction: str = "0xa", seen_ns: int = 0) -> Traded:
    return Traded(TOKEN, CONDITION, 3_000, number, "BUY", None, transaction, number, seen_ns)


def copies(a: Sequence[Event], b: Sequence[Event], digests: tuple[str, str] = ("", "")) -> Copies:
    """Return copies after all of the one has come, then all of the other."""
    both = Copies(digests)
    for event in a:
        both.arrive(A, event)
    for event in b:
        both.arrive(B, event)
    return both


# ---------------------------------------------------------------- what is equal


def test_two_copies_of_an_event_are_equal_whenever_they_were_seen() -> None:
    every: tuple[Move | Fact, ...] = (moved(1), stated("d"), traded(1), BEST, TICKED)
    assert [key_of(replace(event, seen_ns=9)) for event in every] == [key_of(event) for event in every]
    assert len({key_of(event) for event in every}) == len(every)


# ---------------------------------------------------------------- copies side by side


def test_copies_meet_at_the_first_move_that_both_brought() -> None:
    both = copies([moved(1), moved(2)], begun("private"))
    assert not both.joined
    both.arrive(B, moved(2))
    assert (both.joined, both.ahead(A), both.ahead(B)) == (True, 0, 0)
    assert both.lost == [0, 0]  # what came before they met is no loss


def test_the_one_that_is_ahead_keeps_what_the_other_still_lacks() -> None:
    both = copies([moved(1), moved(2, seen_ns=7), moved(3, seen_ns=8)], [moved(1)])
    assert (both.joined, both.ahead(A), both.ahead(B)) == (True, 2, 0)
    assert (both.waits_since_ns(B), both.waits_since_ns(A)) == (7, None)


def test_a_snapshot_meets_the_other_copy_behind_the_message_that_has_its_digest() -> None:
    """A message of two changes of one token gives both the digest of the book after it."""
    halves = [moved(1, digest="x"), replace(moved(2, digest="x"), side="ask"), moved(3)]
    both = copies(halves, begun("x"))
    assert (both.joined, both.ahead(A)) == (True, 1)


def test_a_copy_that_is_behind_the_others_snapshot_meets_it_at_the_message_of_its_digest() -> None:
    """A message of two changes meets it with the first; the second is in the snapshot too."""
    both = copies(begun("x"), [moved(1), moved(2, digest="x"), replace(moved(3, digest="x"), side="ask")])
    assert (both.joined, both.ahead(A), both.ahead(B)) == (True, 0, 0)
    both.arrive(A, moved(4))
    assert (both.joined, both.ahead(A)) == (True, 1)


def test_a_snapshot_behind_a_trade_is_no_news_where_the_copies_met_at_its_digest() -> None:
    """The change and the snapshot of one trade have one digest: who began behind them brings neither."""
    both = copies([moved(1, digest="t")], [*begun("t"), moved(2)])
    both.arrive(A, stated("t"))
    assert (both.joined, both.ahead(A), both.ahead(B)) == (True, 0, 1)
    assert Crossing(both, told=A).due == (moved(2),)
    both.arrive(A, moved(2))
    assert (both.ahead(B), both.sure) == (0, True)


def test_a_snapshot_meets_a_copy_that_has_not_moved_since_it_was_watched() -> None:
    both = copies([], begun("old"), ("old", ""))
    assert (both.joined, both.ahead(B)) == (True, 0)


def test_a_snapshot_of_no_known_place_joins_nothing() -> None:
    assert not copies([moved(1)], begun("other")).joined
    assert not copies([moved(1, digest="")], begun("")).joined
    both = copies([moved(1)], [moved(1)])
    for event in begun("private"):  # asked for anew
        both.arrive(A, event)
    assert not both.joined


def test_a_snapshot_that_follows_a_trade_is_a_move_like_any_other() -> None:
    both = copies([moved(1), stated("t")], [moved(1), stated("t")])
    assert (both.joined, both.ahead(A), both.ahead(B)) == (True, 0, 0)
    both.arrive(A, stated("u"))
    assert both.joined


def test_a_copy_that_went_past_moves_of_the_other_has_lost_them() -> None:
    both = copies([moved(0), moved(1), moved(2), moved(3)], [moved(0), moved(2)])
    assert (both.lost, both.ahead(A)) == ([0, 1], 1)
    both = copies([moved(0)], [moved(0), moved(1)])
    both.arrive(A, moved(2))
    assert not both.joined  # each has what the other lacks
    both.arrive(B, moved(2))
    assert both.joined


def test_what_no_copy_can_still_bring_is_given_up_and_they_must_meet_anew() -> None:
    both = copies([moved(0), moved(1)], [moved(0)])
    both.arrive(A, moved(2, seen_ns=WINDOW_NS + 1))
    assert (both.joined, both.ahead(A)) == (False, 1)
    both.arrive(B, moved(2))
    assert both.joined


def test_a_copy_is_ahead_by_so_many_moves_at_most() -> None:
    both = copies([moved(0)], [moved(0)])
    for number in range(1, MOST + 2):
        both.arrive(A, moved(number))
    assert (both.ahead(A), both.joined) == (MOST, False)


def test_facts_that_only_one_copy_brings_are_forgotten_after_a_while() -> None:
    both = Copies()
    for number in range(1_000):
        both.arrive(A, traded(number, seen_ns=number * WINDOW_NS))
    crossing = Crossing(both, told=B)
    assert len(crossing.due) <= 64
    for number in range(1_000):
        both.arrive(B, traded(number, seen_ns=1))  # all young: none may be forgotten
    assert len(Crossing(both, told=A).due) == 1_000


def test_facts_that_both_brought_are_nobodys_debt() -> None:
    both = copies([moved(1), traded(1), traded(1)], [moved(1), traded(1)])
    both.arrive(B, traded(1))
    assert (Crossing(both, told=A).due, Crossing(both, told=B).due) == ((), ())
    assert (Crossing(both, told=A).over, both.sure) == (True, True)


def test_copies_are_sure_once_both_brought_one_message_and_not_at_a_snapshot_of_it() -> None:
    """What came in the first behind that message may have come before the snapshot of the second."""
    both = copies([], begun("x"), ("x", ""))
    assert (both.joined, both.sure) == (True, False)
    for copy in (A, B):
        both.arrive(copy, moved(1))
    assert both.sure


def test_facts_that_both_brought_before_they_met_are_settled_then() -> None:
    both = copies([traded(1), traded(1), traded(2), moved(1)], [traded(1), traded(1), moved(1)])
    assert Crossing(both, told=A).due == ()
    crossing = Crossing(both, told=A)
    assert crossing.over  # the other began after that trade, or it would have brought it
    assert crossing.take(traded(2)) == (replace(traded(2), repeated=True),)


def test_a_fact_on_both_sides_of_where_the_copies_met_is_in_doubt() -> None:
    """One copy brought it before, the other behind: it may be one that changed places, or two that say the same."""
    both = copies([moved(1), traded(1)], [traded(1), moved(1)])
    assert Crossing(both, told=A).due == (replace(traded(1), repeated=True),)


def test_a_fact_that_may_answer_one_from_before_they_met_is_kept_in_doubt() -> None:
    both = copies([traded(1), moved(1)], [moved(1), traded(1)])
    assert Crossing(both, told=A).due == (replace(traded(1), repeated=True),)


def test_a_message_that_came_twice_is_two_until_both_are_passed() -> None:
    both = copies([moved(0), moved(1), moved(1), moved(2)], [moved(0), moved(1)])
    assert both.ahead(A) == 2
    both.arrive(B, moved(1))
    both.arrive(B, moved(2))
    assert (both.ahead(A), both.lost) == (0, [0, 0])
    both = copies([moved(0), moved(1), moved(1), moved(2)], [moved(0), moved(2)])
    assert both.lost == [0, 2]


def test_once_readers_have_crossed_their_facts_are_not_told_by_the_copy_they_left() -> None:
    both = copies([moved(1), traded(1)], [moved(1)])
    both.crossed(A)
    assert Crossing(both, told=B).due == ()


def test_what_we_say_ourselves_is_no_part_of_a_stream() -> None:
    both = copies([GAP], [])
    assert (both.ahead(A), Crossing(both, told=B).due) == (0, ())


# ---------------------------------------------------------------- crossing


def test_readers_are_told_at_once_what_the_other_copy_brought_more_in_its_order() -> None:
    both = copies([moved(1)], [moved(1), traded(1), moved(2), BEST, moved(3)])
    crossing = Crossing(both, told=A)
    assert crossing.due == (traded(1), moved(2), BEST, moved(3))
    assert crossing.over
    assert crossing.take(moved(4)) == (moved(4),)


def test_what_readers_heard_already_is_swallowed_when_the_other_copy_brings_it() -> None:
    crossing = Crossing(copies([moved(1), moved(2), moved(3)], [moved(1)]), told=A)
    assert (crossing.due, crossing.caught_up) == ((), False)
    assert (crossing.take(moved(2)), crossing.take(moved(3))) == ((), ())
    assert crossing.over
    assert crossing.take(moved(4)) == (moved(4),)


def test_moves_that_the_other_copy_went_past_are_not_waited_for() -> None:
    crossing = Crossing(copies([moved(0), moved(1), moved(1), moved(2)], [moved(0)]), told=A)
    assert (crossing.take(moved(2)), crossing.over) == ((), True)


def test_moves_of_unknown_place_are_held_and_dropped_once_the_place_is_known() -> None:
    crossing = Crossing(copies([moved(3), moved(4)], [*begun("private"), moved(1)]), told=A)
    assert crossing.doubtful
    assert crossing.take(moved(2)) == ()
    assert crossing.take(moved(4)) == ()
    assert (crossing.over, crossing.doubtful, crossing.held) == (True, False, [])


def test_two_books_found_equal_end_the_doubt() -> None:
    crossing = Crossing(copies([moved(1)], begun("private")), told=A)
    assert (crossing.caught_up, crossing.doubtful) == (False, False)
    crossing.settle()
    assert crossing.over
    assert crossing.take(moved(2)) == (moved(2),)


def test_a_trade_that_was_told_is_swallowed_where_it_is_certainly_the_same() -> None:
    both = copies([moved(1)], [moved(1)])
    for event in (traded(1), traded(1), BEST):
        both.arrive(A, event)
    crossing = Crossing(both, told=A)
    assert (crossing.caught_up, crossing.over) == (True, False)
    again = replace(traded(1), seen_ns=9)
    assert (crossing.take(again), crossing.take(again), crossing.take(BEST)) == ((), (), ())
    assert crossing.over
    assert crossing.take(again) == (again,)  # a third fill of one transaction: it was not told


def test_a_trade_without_a_transaction_comes_again_marked_as_perhaps_repeated() -> None:
    crossing = Crossing(copies([moved(1), traded(1, "")], [moved(1)]), told=A)
    assert crossing.take(traded(1, "")) == (replace(traded(1, ""), repeated=True),)
    assert crossing.take(traded(1, "")) == (traded(1, ""),)


def test_what_we_say_ourselves_is_handed_on() -> None:
    assert Crossing(Copies(), told=A).take(GAP) == (GAP,)


def test_readers_who_must_go_on_before_they_arrived_take_along_what_they_heard() -> None:
    """The copy they were going to ended too; the next one has brought all it had, or less, or more."""
    heard: list[Event] = [moved(1), moved(2), traded(2), moved(3)]
    first = copies(heard, [moved(1)])
    level = copies([moved(1)], [moved(1)])
    onward = Crossing(level, told=A, before=Crossing(first, told=A))
    assert (onward.due, onward.caught_up) == ((), False)
    assert [onward.take(event) for event in (*heard[1:], moved(4))] == [(), (), (), (moved(4),)]
    behind = Crossing(copies([moved(0), moved(1)], [moved(0)]), told=A, before=Crossing(first, told=A))
    assert [behind.take(event) for event in (*heard, moved(4))] == [(), (), (), (), (moved(4),)]
    ahead = Crossing(copies([moved(1)], [*heard, moved(4)]), told=A, before=Crossing(first, told=A))
    assert (ahead.due, ahead.over) == ((moved(4),), True)


# ---------------------------------------------------------------- whatever the skew


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """A stream of one token: moves with their digests, some repeated within one millisecond, and facts among them."""
    parts = draw(
        st.lists(st.sampled_from(["move", "same", "book", "taken", "trade", "bare", "best"]), min_size=1, max_size=30)
    )
    stream: list[Event] = []
    for number, part in enumerate(parts):
        match part:
            case "move":
                stream.append(moved(number))
            case "same":  # to and fro within one millisecond: the very same message again
                stream.append(replace(moved(0, digest=f"s{draw(st.integers(0, 1))}"), venue_ms=7))
            case "book":
                stream.append(stated(f"d{number}"))
            case "taken":  # as trades end: a change, and a snapshot of the same millisecond
                stream += [moved(number), stated(f"d{number}")]
            case "trade":  # one transaction may fill twice alike
                stream.append(traded(draw(st.integers(0, 2))))
            case "bare":
                stream.append(traded(draw(st.integers(0, 2)), ""))
            case _:
                stream.append(replace(BEST, venue_ms=number))
    return stream


@settings(max_examples=400, deadline=None)
@given(streams(), st.data())
def test_any_two_copies_cut_at_any_moment_tell_each_change_once_and_each_trade_at_least_once(
    stream: list[Event], data: Any
) -> None:
    """Facts may change places with their neighbours in the second copy; moves never do."""
    second = list(enumerate(stream))
    if data.draw(
        st.booleans(), label="whether facts change places"
    ):  # which of two that say the same did, nobody knows
        stream = [replace(one, venue_ms=at) if isinstance(one, Traded) else one for at, one in enumerate(stream)]
        second = swapped(stream, data)
    opened = data.draw(st.integers(0, len(stream)), label="where the second copy begins")
    own_digest = data.draw(st.booleans(), label="whether its snapshot names its place")
    moves_before = [event for event in stream[:opened] if isinstance(event, LevelChanged | BookReplaced)]
    digest = moves_before[-1].digest if own_digest and moves_before else "private"
    # The second copy holds what the venue sent after its subscription, whichever order it came in.
    late = [*begun(digest), *(event for at, event in second if at >= opened)]
    cut = data.draw(st.integers(0, len(stream)), label="how far the first copy came")
    # What the venue sent before the second subscription, the first may bring before or after that.
    watched = data.draw(st.integers(0, min(opened, cut)), label="from where the first is watched")
    last = [event.digest for event in stream[:watched] if isinstance(event, LevelChanged | BookReplaced)]
    both = Copies((last[-1] if last else "", ""))
    told = list(stream[:watched])
    brought = 0
    schedule = data.draw(st.lists(st.sampled_from([A, B]), max_size=70), label="who comes next")
    for copy in schedule:
        if copy == A and len(told) < cut:
            both.arrive(A, stream[len(told)])
            told.append(stream[len(told)])
        elif copy == B and brought < len(late):
            both.arrive(B, late[brought])
            brought += 1
    while brought < len(begun(digest)):  # nobody crosses to a socket that has no book yet
        both.arrive(B, late[brought])
        brought += 1
    joined, before = both.joined, len(told)
    crossing = Crossing(both, told=A)
    told += crossing.due
    for event in late[brought:]:
        told += crossing.take(event)
    expected, heard = moves(stream), moves(told)
    if not told_twice(stream):
        assert crossing.caught_up or not joined
        if before >= opened and digest != "private":  # the first came as far as where the second began
            assert crossing.caught_up
        assert heard == expected or not crossing.caught_up  # else the shell hands them the whole book, and says so
    elif crossing.caught_up and expected:  # which of two that are the same was told cannot be known: the book is right
        assert heard[-1] == expected[-1]
    if before < opened or told_twice(stream):
        # What came after the first had ended and before the second began, neither has; and a copy that says the same
        # twice cannot be placed.
        return
    for one in {key_of(event) for event in stream if isinstance(event, Traded)}:
        there = sum(isinstance(event, Traded) and key_of(event) == one for event in stream)
        alike = [event for event in told if isinstance(event, Traded) and key_of(event) == one]
        assert len(alike) >= there
        assert len([event for event in alike if not event.repeated]) <= there


def moves(events: list[Event]) -> list[Move]:
    """Return what moved the book, without snapshots that state again what stands."""
    every = [event for event in events if isinstance(event, LevelChanged | BookReplaced)]
    digests = ["", *(event.digest for event in every)]
    return [
        event
        for event, before in zip(every, digests, strict=False)
        if isinstance(event, LevelChanged) or event.digest != before
    ]


def told_twice(events: list[Event]) -> list[handover.Key]:
    """Return what moves say that another move says too."""
    keys = [key_of(event) for event in events if isinstance(event, LevelChanged | BookReplaced)]
    return [key for at, key in enumerate(keys) if key in keys[:at]]


def swapped(stream: list[Event], data: Any) -> list[tuple[int, Event]]:
    """Return the stream with facts a place earlier or later, each with its place in the original."""
    order = list(enumerate(stream))
    for at, _ in tuple(pairwise(range(len(order)))):
        one, two = order[at][1], order[at + 1][1]
        either = isinstance(one, LevelChanged | BookReplaced) and isinstance(two, LevelChanged | BookReplaced)
        if not either and data.draw(st.booleans()):
            order[at], order[at + 1] = order[at + 1], order[at]
    return order

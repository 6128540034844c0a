"""What waits for the journal: prices are held to a rate and to the newest of each; of the rest nothing is touched."""

from math import inf, nextafter
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.core.coalescing import Batch, Coalescing, Keep, Line, line_of
from polywire.errors import Misuse
from polywire.model.journal import COALESCED, Draft, EntryKind

ALERT, PRICE, BOOK = EntryKind.ALERT, EntryKind.PRICE, EntryKind.BOOK
GAP, FRESHNESS, NOTICE = EntryKind.GAP, EntryKind.FRESHNESS, EntryKind.NOTICE


def line(kind: EntryKind, number: int = 0, of: str = "7", watch: str = "w") -> Line:
    return line_of(Draft(kind, str(number), watch=watch, token=of))


def texts(batches: list[Batch]) -> list[list[str]]:
    return [[one.draft.text for one in batch.lines] for batch in batches]


def many(count: int, kind: EntryKind = PRICE, watch: str = "w") -> list[Line]:
    return [line(kind, number, str(number), watch) for number in range(count)]


# ------------------------------------------------------------ a draft as a line


def test_a_line_is_what_its_draft_was_whatever_its_maker_changes_afterwards() -> None:
    data: dict[str, Any] = {"mid": "0.61", "levels": [1]}
    made = line_of(Draft(PRICE, "It is 0.61.", data))
    data["levels"].append(2)
    assert msgspec.json.decode(made.data) == {"mid": "0.61", "levels": [1]}
    assert made.stands_for == 1


@pytest.mark.parametrize(
    "draft",
    [
        Draft(ALERT, "", {"a": object()}),
        Draft(ALERT, "", {"a": "\ud800"}),
        Draft(ALERT, "\ud800"),
        Draft(ALERT, "", watch="\ud800"),
        Draft(ALERT, "", {}, "", "\ud800"),
        Draft(ALERT, "", condition="\ud800"),
        Draft(ALERT, "", venue_ms=1 << 63),
        Draft(ALERT, "", seen_ns=-(1 << 63) - 1),
    ],
)
def test_a_draft_that_cannot_be_kept_is_refused_before_the_thread_meets_it(draft: Draft) -> None:
    """There it would end the journal for all."""
    with pytest.raises(Misuse, match="a journal entry of kind alert cannot be written: "):
        line_of(draft)


# ------------------------------------------------------------ newest of each


def test_of_a_price_the_newest_of_a_watch_and_token_is_written_and_counts_the_others() -> None:
    waiting = Coalescing()
    waiting.put([line(PRICE, 1), line(PRICE, 2, "8"), line(PRICE, 3), line(PRICE, 4, watch="x")])
    waiting.put([line(PRICE, 5), line(BOOK, 6)])
    assert len(waiting) == 4
    (batch,) = waiting.take(0, 100)
    assert [(one.draft.text, one.stands_for) for one in batch.lines] == [("5", 3), ("2", 1), ("4", 1), ("6", 1)]
    assert (len(waiting), waiting.due_s, waiting.take(9, 100)) == (0, None, [])


def test_other_kinds_and_what_is_written_apart_are_never_coalesced() -> None:
    waiting = Coalescing()
    waiting.put([line(ALERT, 1), line(ALERT, 2)])
    waiting.put([line(PRICE, 3), line(PRICE, 4)], number=5, apart=True)
    assert texts(waiting.take(0, 100)) == [["1", "2"], ["3", "4"]]


def test_a_price_that_is_written_apart_goes_after_the_older_one_that_waited_and_both_are_told_apart() -> None:
    waiting = Coalescing()
    waiting.put([line(PRICE, 1), line(PRICE, 2, "8")])
    waiting.put([line(PRICE, 3), line(ALERT, 4)], number=9, apart=True)
    first, rest = waiting.take(0, 100)
    assert ([one.draft.text for one in first.lines], first.number, first.own) == (["1", "3", "4"], 9, [1, 2])
    assert ([one.draft.text for one in rest.lines], rest.number, rest.own) == (["2"], 0, [])


# ------------------------------------------------------------ the rate


def test_two_hundred_a_second_are_written_and_the_rest_when_a_second_has_passed() -> None:
    waiting = Coalescing()
    assert waiting.due_s is None
    waiting.put(many(450))
    assert waiting.due_s == -inf
    assert [len(batch.lines) for batch in waiting.take(10, 1_000)] == [200]
    assert waiting.due_s == 11
    assert waiting.take(nextafter(11, 0), 1_000) == []
    assert [len(batch.lines) for batch in waiting.take(11, 1_000)] == [200]
    assert [len(batch.lines) for batch in waiting.take(12, 1_000)] == [50]
    assert waiting.due_s is None
    waiting.put(many(200))
    assert [len(batch.lines) for batch in waiting.take(12.5, 1_000)] == [150]
    assert waiting.due_s == 13
    assert [len(batch.lines) for batch in waiting.take(13, 1_000)] == [50]


def test_each_comes_round_in_turn_however_often_the_others_change() -> None:
    waiting = Coalescing(10)
    waiting.put(many(40))
    written = list[str]()
    for second in range(4):
        for batch in waiting.take(second, 1_000):
            written += [one.draft.token for one in batch.lines]
        waiting.put(many(10))  # the first ten never rest
    assert written == [str(number) for number in range(40)]


def test_at_the_end_all_that_waits_is_taken_whatever_the_rate() -> None:
    waiting = Coalescing(3)
    waiting.put(many(10))
    assert [len(batch.lines) for batch in waiting.take(inf, 8)] == [8]
    assert [len(batch.lines) for batch in waiting.take(inf, 8)] == [2]
    assert waiting.due_s is None


def test_a_group_ends_with_the_batch_that_fills_it_and_no_batch_is_divided() -> None:
    waiting = Coalescing()
    for first in (0, 3, 6):
        waiting.put([line(ALERT, first), line(ALERT, first + 1), line(ALERT, first + 2)])
    waiting.put([line(PRICE, 9)])
    assert texts(waiting.take(0, 4)) == [["0", "1", "2"], ["3", "4", "5"]]
    assert (len(waiting), waiting.due_s) == (4, -inf)
    assert texts(waiting.take(0, 4)) == [["6", "7", "8"], ["9"]]


def test_a_price_does_not_overtake_what_came_before_it_and_found_no_room() -> None:
    waiting = Coalescing()
    waiting.put([line(ALERT, 1), line(ALERT, 2)])
    waiting.put([line(ALERT, 3)])
    waiting.put([line(PRICE, 4)])
    assert texts(waiting.take(0, 2)) == [["1", "2"]]
    assert texts(waiting.take(0, 2)) == [["3"], ["4"]]


# ------------------------------------------------------------ what goes before the rate


@pytest.mark.parametrize("kind", sorted(set(EntryKind) - COALESCED))
def test_an_older_price_of_a_token_goes_at_once_with_what_comes_after_it(kind: EntryKind) -> None:
    waiting = Coalescing(1)
    waiting.put([line(PRICE, 0, "1")])
    waiting.take(0, 100)
    waiting.put([line(PRICE, 1, "8"), line(PRICE, 2, "7"), line(BOOK, 3, "7", "x")])
    waiting.put([line(kind, 4, "7", "y")])
    waiting.put([line(PRICE, 5, "7")])
    assert texts(waiting.take(0.5, 100)) == [["2", "3", "4"]]
    assert texts(waiting.take(1.5, 100)) == [["1"]]  # those that went ahead are counted
    assert texts(waiting.take(2.5, 100)) == [["5"]]


def test_what_names_no_token_goes_after_the_prices_of_its_watch_alone() -> None:
    waiting = Coalescing(1)
    waiting.put([line(PRICE, 0, "1")])
    waiting.take(0, 100)
    waiting.put([line(PRICE, 1, "8"), line(PRICE, 2, "7", "x"), line(PRICE, 3, "7")])
    waiting.put([line(NOTICE, 4, "")])
    waiting.put([line(EntryKind.SYSTEM, 5, "", "")])
    assert texts(waiting.take(0.5, 100)) == [["1", "3", "4"], ["5"]]
    assert len(waiting) == 1


# ------------------------------------------------------------ what is kept of watches


def kept(number: int, watch: str = "w", body: bytes | None = b"") -> Keep:
    return Keep(watch, body, b"%d" % number)


def behind_a_price() -> Coalescing:
    """Return one in which two prices of `w` wait for the rate."""
    waiting = Coalescing(1)
    waiting.put([line(PRICE, 0, "1", "x")])
    waiting.take(0, 100)
    waiting.put([line(PRICE, 1, "7"), line(PRICE, 2, "8")], kept(1))
    waiting.put([], kept(2))
    assert waiting.take(0, 100) == []
    return waiting


def test_what_is_kept_waits_for_the_prices_it_knows_of_and_the_newest_is_written_with_the_last_of_them() -> None:
    waiting = behind_a_price()
    assert [batch.keeps for batch in waiting.take(1, 100)] == [[]]
    assert [batch.keeps for batch in waiting.take(2, 100)] == [[kept(2)]]
    assert waiting.due_s is None


def test_what_is_kept_with_an_alert_is_written_with_it_and_takes_the_prices_along() -> None:
    waiting = behind_a_price()
    waiting.put([line(ALERT, 3, "9")], kept(3))
    (batch,) = waiting.take(0, 100)
    assert [one.draft.text for one in batch.lines] == ["3", "1", "2"]
    assert batch.keeps == [kept(2), kept(3)]


@pytest.mark.parametrize("body", [b"{}", None], ids=["made", "forgotten"])
def test_a_watch_that_is_made_or_forgotten_does_not_wait(body: bytes | None) -> None:
    waiting = behind_a_price()
    waiting.put([], kept(3, body=body))
    (batch,) = waiting.take(0, 100)
    assert ([one.draft.text for one in batch.lines], batch.keeps[-1]) == (["1", "2"], kept(3, body=body))


def test_whoever_waits_for_it_does_not_wait_for_the_rate() -> None:
    waiting = behind_a_price()
    waiting.put([], kept(3), number=4, apart=True)
    (batch,) = waiting.take(0, 100)
    assert (batch.number, batch.keeps[-1]) == (4, kept(3))


def test_what_is_kept_without_a_price_that_waits_is_written_at_once() -> None:
    waiting = Coalescing()
    waiting.put([], kept(1))
    waiting.put([], number=2, apart=True)
    waiting.put([])
    assert (len(waiting), waiting.due_s) == (0, -inf)
    assert waiting.take(0, 100) == [Batch([], [kept(1)]), Batch([], [], 2)]


# ------------------------------------------------------------ whatever comes, whenever it is taken


A_SECOND: Final = 3
TOKENS: Final = st.sampled_from(["7", "8", ""])
WATCHES: Final = st.sampled_from(["v", "w", ""])
PRICES: Final = st.tuples(st.sampled_from([PRICE, BOOK]), TOKENS, WATCHES)
OTHERS: Final = st.tuples(st.sampled_from([ALERT, GAP, FRESHNESS, NOTICE]), TOKENS, WATCHES)
KEEPS: Final = st.none() | st.tuples(st.sampled_from(["v", "w"]), st.sampled_from([b"", b"", b"", b"{}", None]))
TAKE: Final = st.tuples(st.floats(0, 0.7), st.integers(1, 9))
ANY_PUT: Final = st.tuples(st.lists(PRICES | PRICES | OTHERS, max_size=5), KEEPS, st.booleans())
PRICE_PUT: Final = st.tuples(st.lists(PRICES, max_size=5), st.none(), st.just(value=False))

Taken = list[tuple[float, Batch]]


def played(steps: list[Any]) -> tuple[list[tuple[list[Line], Keep | None]], Taken]:
    """Put and take as the steps say, then the rest; return what was put, and what was taken when.

    The text of a line is its number; the state that is kept with a put, how many lines had been put then.
    """
    waiting, puts, taken = Coalescing(A_SECOND), list[tuple[list[Line], Keep | None]](), Taken()
    now_s, count = 0.0, 0
    for step in steps:
        if len(step) == 3:
            drafts, keeping, apart = step
            lines = [line(kind, count + at, token, watch) for at, (kind, token, watch) in enumerate(drafts)]
            count += len(lines)
            keep = None if keeping is None else Keep(keeping[0], keeping[1], b"%d" % count)
            puts.append((lines, keep))
            waiting.put(lines, keep, number=len(puts) if apart else 0, apart=apart)
        else:
            now_s += step[0]
            before = waiting.due_s
            batches = waiting.take(now_s, step[1])
            assert bool(batches) == (before is not None and before <= now_s)
            taken += [(now_s, batch) for batch in batches]
    while waiting.due_s is not None:
        now_s = max(now_s, waiting.due_s)
        taken += [(now_s, batch) for batch in waiting.take(now_s, 5)]
    assert len(waiting) == 0
    return puts, taken


def lines_of(taken: Taken) -> list[Line]:
    return [one for _, batch in taken for one in batch.lines]


def number_of(one: Line) -> int:
    return int(one.draft.text)


def key_of(one: Line) -> tuple[str, str, str]:
    return one.draft.kind, one.draft.watch, one.draft.token


@given(steps=st.lists(ANY_PUT | TAKE, max_size=30))
def test_of_other_kinds_nothing_is_lost_coalesced_or_reordered(steps: list[Any]) -> None:
    puts, taken = played(steps)
    sent = [number_of(one) for lines, _ in puts for one in lines if one.draft.kind not in COALESCED]
    others = [one for one in lines_of(taken) if one.draft.kind not in COALESCED]
    assert [number_of(one) for one in others] == sent
    assert {one.stands_for for one in others} <= {1}


@given(steps=st.lists(ANY_PUT | TAKE, max_size=30))
def test_of_each_price_the_newest_is_written_in_order_and_all_are_counted(steps: list[Any]) -> None:
    puts, taken = played(steps)
    sent, written = dict[Any, list[int]](), dict[Any, list[Line]]()
    for lines, _ in puts:
        for one in lines:
            sent.setdefault(key_of(one), []).append(number_of(one))
    for one in lines_of(taken):
        written.setdefault(key_of(one), []).append(one)
    assert written.keys() == sent.keys()
    for key, numbers in sent.items():
        got = [number_of(one) for one in written[key]]
        assert got[-1] == numbers[-1]
        assert got == sorted(set(got) & set(numbers))
        at = 0
        for one in written[key]:  # each stands for itself and those since the one before
            at += one.stands_for
            assert numbers[at - 1] == number_of(one)
        assert at == len(numbers)


@given(steps=st.lists(PRICE_PUT | TAKE, max_size=40))
def test_prices_alone_are_never_more_than_the_rate_in_any_second(steps: list[Any]) -> None:
    _, taken = played(steps)
    at_s = [at for at, batch in taken for _ in batch.lines]
    assert all(later >= earlier + 1.0 for earlier, later in zip(at_s, at_s[A_SECOND:], strict=False))


@given(steps=st.lists(ANY_PUT | TAKE, max_size=40))
def test_no_price_is_written_on_its_own_account_in_a_second_that_has_its_fill(steps: list[Any]) -> None:
    """Those that go with another kind's entry are counted too."""
    _, taken = played(steps)
    at_s = list[float]()
    for at, batch in taken:
        prices = [one for one in batch.lines if one.draft.kind in COALESCED]
        at_s += [at] * len(prices)
        own = len(prices) == len(batch.lines) and not batch.number and all(keep.body == b"" for keep in batch.keeps)
        if own and prices:
            assert sum(earlier > at - 1.0 and at < earlier + 1.0 for earlier in at_s) <= A_SECOND


@given(steps=st.lists(ANY_PUT | TAKE, max_size=30))
def test_nothing_is_written_before_an_older_price_of_its_token(steps: list[Any]) -> None:
    _, taken = played(steps)
    written = lines_of(taken)
    for at, one in enumerate(written):
        if one.draft.kind in COALESCED:
            continue
        for later in written[at:]:
            same = later.draft.token == one.draft.token if one.draft.token else later.draft.watch == one.draft.watch
            if later.draft.kind in COALESCED and same and (one.draft.token or one.draft.watch):
                assert number_of(later) > number_of(one)


@given(steps=st.lists(ANY_PUT | TAKE, max_size=30))
def test_what_is_kept_is_in_the_transaction_of_its_entries_and_never_ahead_of_a_price_it_knows(
    steps: list[Any],
) -> None:
    puts, taken = played(steps)
    batches = [batch for _, batch in taken]
    for lines, keep in puts:
        others = {one.draft.text for one in lines if one.draft.kind not in COALESCED}
        if keep is not None and others:
            together = [batch for batch in batches if others <= {one.draft.text for one in batch.lines}]
            assert [keep in batch.keeps for batch in together] == [True]
    for watch in ("v", "w"):
        sent = [keep for _, keep in puts if keep is not None and keep.id == watch]
        written = [keep for batch in batches for keep in batch.keeps if keep.id == watch]
        assert [keep for keep in sent if keep in written] == written
        assert written[-1:] == sent[-1:]
        assert {id(keep) for keep in sent if keep.body != b""} <= {id(keep) for keep in written}
    for at, batch in enumerate(batches):
        for keep in batch.keeps:
            later = [one for after in batches[at + 1 :] for one in after.lines if one.draft.watch == keep.id]
            assert all(number_of(one) >= int(keep.state) for one in later if one.draft.kind in COALESCED)


@given(steps=st.lists(ANY_PUT | TAKE, max_size=30))
def test_whoever_waits_gets_his_batch_once_and_is_told_which_lines_of_it_are_his(steps: list[Any]) -> None:
    puts, taken = played(steps)
    numbers = [batch.number for _, batch in taken if batch.number]
    assert numbers == sorted(set(numbers))
    for _, batch in taken:
        if batch.number:
            assert [batch.lines[at] for at in batch.own] == puts[batch.number - 1][0]
        else:
            assert batch.own == []

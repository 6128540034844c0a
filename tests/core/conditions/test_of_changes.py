"""Every change at a rate: what is told is what stands when it is told."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from polywire.core.conditions.of_changes import ChangeObserver
from polywire.model.health import Freshness
from polywire.model.watch import Changes
from watched_books import A, B, around, book, changed, snapshot, traded


@given(st.lists(st.tuples(st.integers(0, 900), st.sampled_from([A, B]), st.integers(4_000, 4_004)), max_size=60))
def test_of_each_token_no_more_is_told_than_the_rate_and_the_last_value_always_is(
    steps: list[tuple[int, str, int]],
) -> None:
    observer = ChangeObserver(Changes(every_s=1.0))
    now_ms = 0
    told: dict[str, list[tuple[int, str]]] = {A: [], B: []}
    stands: dict[str, int] = {}

    def note(*found: object) -> None:
        for one in found:
            if one is not None:
                told[one.token].append((now_ms, one.data["bid"]))  # type: ignore[attr-defined]

    for pause_ms, token, price in steps:
        now_ms += pause_ms
        note(*observer.tick(now_ms))
        stands[token] = price
        note(observer.look(changed(token), book(token, [(price, 1)], [(5_000, 1)]), now_ms))  # type: ignore[arg-type]
    for _ in range(3):
        now_ms += 1_000
        note(*observer.tick(now_ms))
    assert observer.due_ms is None
    for token, entries in told.items():
        times = [at for at, _ in entries]
        assert all(later - earlier >= 1_000 for earlier, later in itertools.pairwise(times))
        if token in stands:
            assert float(entries[-1][1]) * 10_000 == stands[token]


def test_what_did_not_change_is_not_told_again() -> None:
    observer = ChangeObserver(Changes())
    assert observer.look(changed(), around(5_000), 0) is not None
    assert observer.look(changed(), around(5_000), 5_000) is None


def test_the_last_trade_is_known_from_trades_alone() -> None:
    """A snapshot's last trade is the market's, told alike in both outcomes' books."""
    observer = ChangeObserver(Changes())
    first = observer.look(snapshot(last=4_800), around(5_000), 0)
    assert first is not None
    assert first.data["last"] is None
    second = observer.look(traded(price=4_900), around(5_000), 2_000)
    assert second is not None
    assert second.data["last"] == "0.49"
    assert observer.look(traded(price=4_950), None, 9_000) is None


def test_a_book_has_levels_best_first_to_the_depth_that_was_asked_for() -> None:
    observer = ChangeObserver(Changes("book", depth=2))
    found = observer.look(changed(), book(A, [(4_000, 1), (4_100, 2), (3_900, 3)], [(5_000, 4)]), 0)
    assert found is not None
    assert found.data["bids"] == [["0.41", "2"], ["0.4", "1"]]
    assert found.data["asks"] == [["0.5", "4"]]
    assert found.data["bid_levels"] == 3
    empty = ChangeObserver(Changes()).look(changed(), book(), 0)
    assert empty is not None
    assert empty.data == dict.fromkeys(["bid", "ask", "mid", "spread", "last"])


def test_what_waits_is_not_told_of_a_book_that_does_not_answer_any_more() -> None:
    observer = ChangeObserver(Changes())
    for token in (A, B):
        observer.look(changed(token), around(5_000, token), 0)
    waiting = around(5_100)
    observer.look(changed(A), waiting, 100)
    observer.look(changed(B), around(5_100, B), 200)
    observer.doubt(B, 300)
    waiting.doubt(Freshness.SUSPECT, "lost")
    assert list(observer.tick(5_000)) == []
    observer.restore(observer.state)
    assert observer.state == {}


def test_what_waits_of_a_market_that_is_resolved_meanwhile_is_not_told_as_an_empty_book() -> None:
    observer = ChangeObserver(Changes())
    observer.look(changed(), around(5_000), 0)
    ended = around(5_100)
    observer.look(changed(), ended, 100)
    ended.replace(snapshot())
    ended.ended = True
    assert list(observer.tick(5_000)) == []
    assert observer.look(changed(), ended, 9_000) is None

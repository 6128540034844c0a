"""What a slow reader has not read yet: nothing of it is lost without a word."""

from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from core.events import CONDITION, OTHER, TOKEN, change, snapshot
from core.setting import CREATED, RESOLVED, THIRD, kinds
from polywire.core.backlog import FEWEST, Backlog
from polywire.model.aggregate import BookAggregated
from polywire.model.events import Event
from polywire.model.health import Freshness, FreshnessChanged, Gap
from polywire.model.levels import Levels
from polywire.model.live import CryptoPriced, EquityPriced, PricesBackfilled
from polywire.model.market import (
    BestChanged,
    BookReplaced,
    LevelChanged,
    MarketCreated,
    MarketResolved,
    TickSizeChanged,
    Traded,
)
from polywire.model.units import TokenId

REASON: Final = "this reader fell behind: events were not handed on"


def level(seen_ns: int, token: TokenId = TOKEN) -> Event:
    return change("bid", 1, seen_ns, token=token, venue_ms=seen_ns, seen_ns=seen_ns)


def traded(seen_ns: int, token: TokenId = TOKEN) -> Event:
    return Traded(token, CONDITION, 3_300, 1, "BUY", None, "", seen_ns, seen_ns)


def best(seen_ns: int, token: TokenId = TOKEN) -> Event:
    return BestChanged(token, CONDITION, 3_300, 3_400, seen_ns, seen_ns)


def whole(seen_ns: int, token: TokenId = TOKEN) -> Event:
    return snapshot(token=token, venue_ms=seen_ns, seen_ns=seen_ns)


def summed(seen_ns: int, token: TokenId = TOKEN) -> Event:
    return BookAggregated(token, Levels.of("bid", ()), Levels.of("ask", ()), 100, 1, seen_ns, seen_ns)


def ticked(seen_ns: int, token: TokenId = TOKEN) -> Event:
    return TickSizeChanged(token, CONDITION, 100, 10, seen_ns, seen_ns)


def crypto(seen_ns: int, source: str = "chainlink", symbol: str = "btc/usd", window_s: int = 0) -> Event:
    return CryptoPriced(source, symbol, Decimal(seen_ns), window_s, seen_ns, seen_ns, seen_ns)


def equity(seen_ns: int, symbol: str = "AAPL") -> Event:
    return EquityPriced(symbol, Decimal(seen_ns), False, None, seen_ns, seen_ns, seen_ns)


def backfilled(seen_ns: int) -> Event:
    return PricesBackfilled("crypto_prices", "btc/usd", (), 0, seen_ns, seen_ns)


def doubted(seen_ns: int, token: TokenId = TOKEN) -> Event:
    return FreshnessChanged(token, Freshness.CURRENT, Freshness.SUSPECT, "cut", None, seen_ns, seen_ns)


def full(limit: int = FEWEST) -> Backlog:
    """Return a backlog in which as many wait as may, all seen at 0."""
    backlog = Backlog(limit)
    for _ in range(limit):
        backlog.push(ticked(0))
    assert not backlog.behind
    return backlog


def after_catching_up(backlog: Backlog) -> list[Event]:
    """Read what waits, catch up, and return what was behind."""
    backlog.ready.clear()
    assert backlog.catch_up()
    return list(backlog.ready)


def behind(*events: Event, limit: int = FEWEST) -> list[Event]:
    """Return what is told of events that come while as many wait as may."""
    backlog = full(limit)
    for event in events:
        backlog.push(event)
    assert list(backlog.ready) == [ticked(0)] * limit  # what waited is not touched
    length = len(backlog)
    told = after_catching_up(backlog)
    assert length == limit + len(told)
    return told


# ------------------------------------------------------------ while it keeps up


def test_a_reader_that_keeps_up_gets_every_event_in_order() -> None:
    backlog = Backlog(FEWEST)
    for at in range(100):
        backlog.push(level(at))
        backlog.push(traded(at))
        assert [backlog.ready.popleft(), backlog.ready.popleft()] == [level(at), traded(at)]
    assert (backlog.behind, backlog.dropped, len(backlog), backlog.catch_up()) == (False, 0, 0, False)


def test_as_many_as_the_limit_wait_as_they_came() -> None:
    backlog = Backlog(20)
    for at in range(20):
        backlog.push(level(at))
    assert list(backlog.ready) == [level(at) for at in range(20)]
    assert (backlog.behind, backlog.dropped, len(backlog)) == (False, 0, 20)
    backlog.push(best(20))
    assert (backlog.behind, backlog.dropped, len(backlog)) == (True, 0, 21)


@pytest.mark.parametrize("limit", [-1, 0, 1, FEWEST])
def test_no_limit_is_smaller_than_a_message_of_a_few_entries(limit: int) -> None:
    assert Backlog(limit).limit == FEWEST == 16


def test_what_comes_before_it_has_caught_up_stays_behind_though_there_is_room() -> None:
    """Else a later event would be read before an earlier one."""
    backlog = full()
    backlog.push(best(1))
    backlog.ready.clear()
    backlog.push(ticked(2))
    assert (list(backlog.ready), backlog.behind) == ([], True)
    assert after_catching_up(backlog) == [best(1), ticked(2)]
    backlog.push(level(3))
    assert list(backlog.ready) == [best(1), ticked(2), level(3)]


# ------------------------------------------------------------ what is behind


@pytest.mark.parametrize("make", [best, whole, summed])
def test_of_the_top_of_a_book_and_of_a_snapshot_the_latest_of_each_token_is_kept(make: Any) -> None:
    backlog = full()
    for at in range(1, 4):
        backlog.push(make(at))
    backlog.push(make(4, OTHER))
    assert backlog.dropped == 2
    assert after_catching_up(backlog) == [make(3), make(4, OTHER)]


def test_of_a_reference_price_the_latest_of_each_stream_is_kept() -> None:
    """The averages over 30 and 60 seconds and the price itself go by one symbol, and are three streams."""
    streams = [
        crypto(5),
        crypto(6, window_s=30),
        crypto(7, window_s=60),
        crypto(8, source="binance"),
        crypto(9, symbol="eth/usd"),
    ]
    assert behind(crypto(1), crypto(2, window_s=30), *streams) == streams
    assert behind(equity(1), equity(2), equity(3, "TSLA")) == [equity(2), equity(3, "TSLA")]


def test_kinds_of_one_token_do_not_take_each_other_s_place() -> None:
    assert behind(best(1), whole(2), summed(3)) == [best(1), whole(2), summed(3)]


@pytest.mark.parametrize("make", [level, traded])
def test_level_changes_and_trades_are_told_as_one_gap_a_token_from_the_first_to_the_last(make: Any) -> None:
    backlog = full()
    for at in range(1, 6):
        backlog.push(make(at))
    backlog.push(make(4, OTHER))
    assert (backlog.dropped, len(backlog)) == (6, FEWEST + 2)
    assert after_catching_up(backlog) == [Gap((TOKEN,), 1, 5, REASON, 5, 5), Gap((OTHER,), 4, 4, REASON, 4, 4)]


def test_a_gap_is_told_before_a_snapshot_that_ends_it() -> None:
    assert behind(level(1), level(2), whole(3)) == [Gap((TOKEN,), 1, 2, REASON, 2, 2), whole(3)]


def test_a_gap_is_told_after_a_snapshot_that_misses_what_came_later() -> None:
    """Who waits for the next snapshot after a gap must not take one that lacks a lost change."""
    assert behind(level(1), whole(2), level(3)) == [whole(2), Gap((TOKEN,), 1, 3, REASON, 3, 3)]


def test_within_one_frame_the_order_is_that_of_its_messages() -> None:
    """All events of a frame were seen at one instant, so the instant alone cannot order them."""
    assert behind(whole(1), level(1)) == [whole(1), Gap((TOKEN,), 1, 1, REASON, 1, 1)]
    assert behind(level(1), whole(1)) == [Gap((TOKEN,), 1, 1, REASON, 1, 1), whole(1)]


def test_all_other_events_are_kept_in_order_and_stand_where_they_came() -> None:
    events = [doubted(1), ticked(2), best(3), Gap((TOKEN,), 0, 4, "cut", 4, 4), RESOLVED, CREATED, backfilled(5)]
    assert behind(*events) == events


def test_a_latest_stands_where_it_came_itself_and_not_where_the_first_of_its_kind_did() -> None:
    assert behind(best(1), doubted(2), best(3)) == [doubted(2), best(3)]


# ------------------------------------------------------------ beyond all bounds


@pytest.mark.parametrize(
    ("event", "tokens"),
    [
        (ticked(9), [(TOKEN,)]),
        (doubted(9, OTHER), [(OTHER,)]),
        (RESOLVED, [(TOKEN,), (OTHER,)]),
        (CREATED, [(TOKEN,), (OTHER,)]),
        (Gap((TOKEN, THIRD), 1, 9, "cut", 0, 9), [(TOKEN,), (THIRD,)]),
        (Gap((), 1, 9, "cut", 0, 9), [()]),
        (backfilled(9), [()]),
    ],
)
def test_an_event_beyond_the_limit_is_told_as_a_gap_of_each_token_it_concerns(
    event: Event, tokens: list[tuple[TokenId, ...]]
) -> None:
    backlog = full()
    for at in range(1, FEWEST + 1):
        backlog.push(doubted(at, THIRD))
    assert backlog.dropped == 0
    backlog.push(event)
    assert backlog.dropped == 1
    (*kept,) = after_catching_up(backlog)
    assert kept[:FEWEST] == [doubted(at, THIRD) for at in range(1, FEWEST + 1)]
    gaps = kept[FEWEST:]
    assert [gap.tokens for gap in gaps if isinstance(gap, Gap)] == tokens
    assert {gap.seen_ns for gap in gaps} == {event.seen_ns}


def test_a_lost_gap_lives_on_in_its_span() -> None:
    """What the feed told as missing since 1 is not less missing because the reader was slow."""
    backlog = full()
    for at in range(10, 10 + FEWEST):
        backlog.push(ticked(at))
    backlog.push(level(50))
    backlog.push(Gap((TOKEN,), 7, 60, "reconnected", 6, 60))
    assert after_catching_up(backlog)[-1] == Gap((TOKEN,), 7, 60, REASON, 6, 60)


def test_markets_that_are_ever_new_take_no_memory_without_end() -> None:
    """They are broadcast to all, and each has tokens of its own."""
    backlog = full()
    for number in range(1_000):
        token = TokenId(str(100 + number))
        backlog.push(MarketCreated(CONDITION, "1", "s", "q", "d", (), (token,), "", "", "", (), True, 100, None, 1, 2))
    assert len(backlog) == 3 * FEWEST + 1
    *_, last = after_catching_up(backlog)
    assert (kinds([last]), backlog.dropped) == (["Gap"], 1_000 - FEWEST)
    assert last == Gap((), 2, 2, REASON, 1, 2)


def test_after_catching_up_all_bounds_begin_anew() -> None:
    backlog = full()
    for _ in range(3):
        for number in range(1, 2 * FEWEST):
            backlog.push(replace(RESOLVED, tokens=(TokenId(str(number)),)))
        gaps = [gap.tokens for gap in after_catching_up(backlog) if isinstance(gap, Gap)]
        assert gaps == [(TokenId(str(number)),) for number in range(FEWEST + 1, 2 * FEWEST)]
        backlog.ready.clear()
        for _ in range(FEWEST):
            backlog.push(ticked(0))


# ------------------------------------------------------------ whatever comes, whenever it is read


TOKENS: Final = st.sampled_from([TOKEN, OTHER])
MAKERS: Final = st.sampled_from([level, traded, best, whole, summed, ticked, doubted])
PUSH: Final = st.tuples(MAKERS, TOKENS)
LIVE: Final = st.sampled_from([crypto, equity, backfilled])
READ: Final = st.integers(1, 40)
BURST: Final = st.lists(PUSH | LIVE, min_size=12, max_size=40)  # about twice what may wait
STEPS: Final = st.lists(BURST | READ, min_size=3, max_size=8)


def read(backlog: Backlog, count: int) -> list[Event]:
    """Read up to `count` events as a reader does."""
    taken: list[Event] = []
    while len(taken) < count:
        if backlog.ready:
            taken.append(backlog.ready.popleft())
        elif not backlog.catch_up():
            break
    return taken


def played(steps: list[Any]) -> tuple[list[Event], list[Event], Backlog]:
    """Push and read as the steps say, then read the rest; return what was pushed and what was read."""
    backlog, pushed, taken = Backlog(FEWEST), list[Event](), list[Event]()
    for step in steps:
        if isinstance(step, int):
            taken += read(backlog, step)
            continue
        for what in step:
            seen_ns = len(pushed) + 1
            event = what[0](seen_ns, what[1]) if isinstance(what, tuple) else what(seen_ns)
            pushed.append(event)
            backlog.push(event)
            assert len(backlog.ready) <= 3 * FEWEST  # at most what was behind, and that is bounded too
            assert len(backlog) <= 4 * FEWEST
    taken += read(backlog, 1 << 30)
    return pushed, taken, backlog


def concerned(event: Event) -> TokenId:
    return getattr(event, "token", TokenId(""))


@given(steps=STEPS)
def test_every_event_is_read_or_superseded_by_one_that_is_or_lies_in_a_gap_of_its_token(steps: list[Any]) -> None:
    pushed, taken, backlog = played(steps)
    read_ids = {id(event) for event in taken}
    gaps = [event for event in taken if isinstance(event, Gap)]
    missing = [event for event in pushed if id(event) not in read_ids]
    assert len(missing) == backlog.dropped
    for event in missing:
        if isinstance(event, BestChanged | CryptoPriced | EquityPriced) or type(event) in {
            type(whole(0)),
            BookAggregated,
        }:
            later = [one for one in taken if type(one) is type(event) and concerned(one) == concerned(event)]
            assert any(one.seen_ns > event.seen_ns for one in later), event
        else:
            tokens = (concerned(event),) if concerned(event) else ()
            assert any(gap.tokens == tokens and gap.from_ns <= event.seen_ns <= gap.to_ns for gap in gaps), event


@given(steps=STEPS)
def test_what_is_read_comes_in_the_order_it_was_seen_and_nothing_twice(steps: list[Any]) -> None:
    pushed, taken, _ = played(steps)
    seen = [event.seen_ns for event in taken]
    assert seen == sorted(seen)
    handed = [event for event in taken if not isinstance(event, Gap)]
    assert len({id(event) for event in handed}) == len(handed)
    assert {id(event) for event in handed} <= {id(event) for event in pushed}


@given(steps=STEPS)
def test_a_snapshot_after_which_a_change_was_lost_is_followed_by_a_gap_before_the_next_change(
    steps: list[Any],
) -> None:
    """So a reader that keeps a book of its own, and voids it on a gap until a snapshot, is never silently wrong."""
    pushed, taken, _ = played(steps)
    for token in (TOKEN, OTHER):
        sent = [event for event in pushed if isinstance(event, LevelChanged) and event.token == token]
        known: int | None = None  # up to which instant the reader's copy is whole; None: void
        for event in taken:
            match event:
                case Gap(tokens=(one,)) if one == token:
                    known = None
                case BookReplaced() if event.token == token:
                    known = event.seen_ns
                case LevelChanged() if event.token == token and known is not None:
                    assert not [one for one in sent if known < one.seen_ns < event.seen_ns]
                    known = event.seen_ns
                case _:
                    pass


@given(events=st.lists(PUSH, max_size=200), limit=st.integers(200, 300))
def test_a_backlog_that_is_never_full_hands_on_all_in_order(events: list[Any], limit: int) -> None:
    backlog = Backlog(limit)
    pushed = [make(at, token) for at, (make, token) in enumerate(events)]
    for event in pushed:
        backlog.push(event)
    assert (read(backlog, 1 << 30), backlog.dropped) == (pushed, 0)


def test_a_market_s_resolution_is_not_a_price_that_a_later_one_replaces() -> None:
    other = MarketResolved(CONDITION, "2", (THIRD,), THIRD, "Yes", (), 3, 4)
    assert behind(RESOLVED, other) == [RESOLVED, other]

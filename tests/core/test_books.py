"""The books of a feed: who is followed, who is told what in which order, and what is counted."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.events import CONDITION, OTHER, TOKEN, change, snapshot
from core.setting import ASKS, BEST, BIDS, CREATED, RESOLVED, THIRD, TICKED, TRADED, counts, with_book
from polywire.core.book import Book
from polywire.core.books import Books
from polywire.errors import BookNotCurrent
from polywire.model.events import Event
from polywire.model.health import Freshness, FreshnessChanged, Gap
from polywire.model.market import (
    BestChanged,
    BookReplaced,
    LevelChanged,
    TickSizeChanged,
)
from polywire.model.units import BookSide
from polywire.wire.market import MarketDecoder

# ------------------------------------------------------------ who is followed


def test_following_starts_a_cold_book_once() -> None:
    books = Books()
    book = books.follow(TOKEN)
    assert (book.freshness, books.follow(TOKEN) is book, books[TOKEN] is book) == (Freshness.COLD, True, True)
    assert (TOKEN in books, OTHER in books, len(books)) == (True, False, 1)


def test_books_are_listed_in_the_order_in_which_they_were_heard_of() -> None:
    books = Books()
    followed = [books.follow(token) for token in (OTHER, TOKEN, THIRD)]
    listed = books.values()
    assert listed == followed
    books.forget(TOKEN)
    assert (listed, books.values()) == (followed, [followed[0], followed[2]])  # the list is a copy


def test_a_token_that_is_not_followed_has_no_book() -> None:
    with pytest.raises(KeyError):
        Books()[TOKEN]


def test_messages_of_tokens_that_are_not_followed_are_counted_and_leave_no_book() -> None:
    """A market's messages name both outcomes, so this is normal."""
    books = Books()
    books.book(snapshot(BIDS, ASKS))
    books.levels([change("bid", 1, 1), change("bid", 2, 1)])
    assert (counts(books), len(books)) == ({"unfollowed": 3}, 0)


def test_changes_before_the_first_snapshot_are_dropped_and_counted() -> None:
    """The snapshot holds them."""
    books = Books()
    book = books.follow(TOKEN)
    books.levels([change("bid", 5_000, 1), change("bid", 5_001, 1)])
    assert (counts(books), book.freshness) == ({"early": 2}, Freshness.COLD)
    books.book(snapshot(BIDS, ASKS))
    assert book.best_bid == 3_300


def test_a_message_is_sorted_by_token_and_each_entry_counted_once() -> None:
    books = with_book()
    books.follow(OTHER)
    books.levels([change("bid", 1, 1, token=OTHER), change("bid", 1, 1, token=THIRD), change("bid", 3_300, 4)])
    assert counts(books) == {"changes": 1, "unfollowed": 1, "early": 1}
    assert books[TOKEN].size_at("bid", 3_300) == 4


def test_a_message_of_both_outcomes_that_says_what_their_books_hold_is_checked_and_settles_nothing() -> None:
    told: list[Event] = []
    books = Books()
    for token in (TOKEN, OTHER):
        books.read(token, told.append)
    books.book(snapshot([(3_300, 5)], [(3_600, 5)]))
    books.book(snapshot([(6_400, 5)], [(6_700, 5)], token=OTHER))
    told.clear()
    one = change("bid", 3_400, 7, (3_400, 3_600))
    other = change("ask", 6_600, 7, (6_400, 6_600), token=OTHER)
    books.levels([one, other])
    assert told == [one, other]
    assert (books[TOKEN].best_bid, books[OTHER].best_ask) == (3_400, 6_600)
    assert counts(books) == {"changes": 2, "best_checks": 2}


def test_follow_all_keeps_a_book_for_every_token_that_is_heard_of() -> None:
    books = Books(follow_all=True)
    books.book(snapshot(BIDS, ASKS))
    books.levels([change("bid", 1, 1, token=OTHER), change("bid", 3_300, 4)])
    assert counts(books) == {"changes": 1, "early": 1}
    assert (books[TOKEN].freshness, books[OTHER].freshness) == (Freshness.CURRENT, Freshness.COLD)


def test_from_empty_begins_with_an_empty_book_that_answers_and_follows_all() -> None:
    """design.md §6, `tape verify --from-empty`: for recordings that hold no snapshots."""
    books = Books(from_empty=True)
    books.levels([change("bid", 3_300, 4, (3_300, 10_000), venue_ms=5, seen_ns=6), change("ask", 3_400, 1)])
    book = books[TOKEN]
    assert (book.best_bid, book.best_ask, book.verified_ns, book.tick) == (3_300, 3_400, 6, None)
    assert counts(books) == {"changes": 2, "best_checks": 1}


def test_from_empty_a_missing_best_is_counted_and_believed_to_be_older_than_the_recording() -> None:
    books = Books(from_empty=True)
    books.levels([change("bid", 3_300, 4, (3_310, 3_400))])
    assert books[TOKEN].freshness is Freshness.CURRENT
    assert counts(books) == {"changes": 1, "best_checks": 1, "best_mismatches": 1}


def test_from_empty_a_snapshot_is_still_the_whole_truth() -> None:
    books = Books(from_empty=True)
    books.levels([change("bid", 3_300, 4)])
    books.book(snapshot(BIDS, ASKS))
    assert books[TOKEN].bids == snapshot(BIDS).bids
    assert counts(books) == {"changes": 1, "book_checks": 1, "book_mismatches": 1}


def test_a_forgotten_token_is_unfollowed_and_begins_anew_when_followed_again() -> None:
    heard: list[Event] = []
    books = with_book(heard.append)
    books.forget(TOKEN)
    books.book(snapshot())
    books.levels([change("bid", 1, 1)])
    assert (len(books), counts(books), heard) == (0, {"unfollowed": 2}, [])
    assert (books.follow(TOKEN).freshness, books[TOKEN].readers) == (Freshness.COLD, ())
    books.levels([change("bid", 1, 1)])
    assert books.early == 1
    books.forget(OTHER)  # never followed: nothing to do


def test_who_still_holds_a_forgotten_book_gets_no_answer_from_it() -> None:
    """design.md §2, "no stale answer": nobody updates it any more."""
    books = with_book()
    book = books[TOKEN]
    books.forget(TOKEN)
    with pytest.raises(BookNotCurrent, match="cold \\(not followed any more;"):
        book.answer()


# ------------------------------------------------------------ events that change no level


@pytest.mark.parametrize("event", [TRADED, BEST, TICKED])
def test_an_event_of_one_token_goes_to_its_readers_and_to_readers_of_all(event: Any) -> None:
    mine: list[Event] = []
    others: list[Event] = []
    every: list[Event] = []
    books = with_book(mine.append)
    books.read(OTHER, others.append)
    books.read_all(every.append)
    before = books[TOKEN].bids, books[TOKEN].asks, books[TOKEN].verified_ns
    books.event(event)
    assert (mine, others, every) == ([event], [], [event])
    assert (books[TOKEN].bids, books[TOKEN].asks, books[TOKEN].verified_ns) == before


@pytest.mark.parametrize("event", [TRADED, BEST, TICKED])
def test_an_event_of_a_token_that_is_not_followed_goes_to_readers_of_all_and_starts_no_book(event: Any) -> None:
    heard: list[Event] = []
    books = Books()
    books.event(event)
    books.read_all(heard.append)
    books.event(event)
    assert (heard, len(books)) == ([event], 0)


def test_another_tick_size_is_taken_keeps_the_levels_and_proves_nothing() -> None:
    books = with_book()
    books.event(TICKED)
    book = books[TOKEN]
    assert (book.tick, book.verified_ns) == (10, 1_000)
    assert (book.bids, book.asks) == (snapshot(BIDS).bids, snapshot((), ASKS).asks)
    books.event(TRADED)
    books.event(BEST)
    assert book.tick == 10


def test_a_stated_best_alone_neither_prunes_nor_raises_a_doubt() -> None:
    """It may arrive before the level change that causes it: docs/protocol.md, "Keeping a book"."""
    books = with_book()
    books.event(BestChanged(TOKEN, CONDITION, 100, 9_900, 1, 2))
    assert (books[TOKEN].best_bid, counts(books)) == (3_300, {})


def test_a_market_s_creation_goes_to_readers_of_all_alone() -> None:
    """It is broadcast to everybody, whatever they subscribed to."""
    mine: list[Event] = []
    every: list[Event] = []
    books = with_book(mine.append)
    books.read_all(every.append)
    books.event(CREATED)
    assert (mine, every) == ([], [CREATED])


def test_a_market_s_resolution_is_told_once_to_each_reader_of_its_tokens_and_of_all() -> None:
    told: dict[str, list[Event]] = {"both": [], "one": [], "neither": [], "all": []}
    both, every = told["both"].append, told["all"].append
    books = with_book(both)
    books.read(OTHER, both)
    books.read(OTHER, told["one"].append)
    books.read(THIRD, told["neither"].append)
    books.read_all(every)
    books.event(RESOLVED)
    assert {who: [event for event in events if event is RESOLVED] for who, events in told.items()} == {
        "both": [RESOLVED],
        "one": [RESOLVED],
        "neither": [],
        "all": [RESOLVED],
    }


def test_a_resolution_of_tokens_that_are_not_followed_goes_to_readers_of_all() -> None:
    heard: list[Event] = []
    books = Books()
    books.read_all(heard.append)
    books.event(RESOLVED)
    assert (heard, len(books)) == ([RESOLVED], 0)


# ------------------------------------------------------------ any sequence of messages


def test_books_are_the_sink_of_the_decoder() -> None:
    books = Books(follow_all=True)
    frame = b'[{"market":"0x1","asset_id":"7","bids":[{"price":"0.33","size":"2"}],"asks":[],"timestamp":"1","hash":"",'
    MarketDecoder(books).feed(frame + b'"event_type":"book"}]', seen_ns=9)
    assert (books[TOKEN].best_bid, books[TOKEN].verified_ns) == (3_300, 9)


SIDES: Final[tuple[BookSide, BookSide]] = ("bid", "ask")
TOKENS: Final = st.sampled_from([TOKEN, OTHER])
PRICES: Final = st.integers(4_990, 5_010)
LEVELS: Final = st.dictionaries(PRICES, st.integers(1, 9), max_size=5)
BESTS: Final = st.tuples(st.none() | PRICES | st.just(0), st.none() | PRICES | st.just(10_000))
SNAPSHOT: Final = st.builds(
    lambda token, bids, asks, tick: snapshot(bids.items(), asks.items(), token=token, tick=tick),
    TOKENS,
    LEVELS,
    LEVELS,
    st.none() | st.sampled_from([10, 100]),
)
CHANGE: Final = st.builds(
    lambda token, side, price, size, bests: change(side, price, size, bests, token=token),
    TOKENS,
    st.sampled_from(SIDES),
    PRICES,
    st.integers(0, 9),
    BESTS,
)
DOUBT: Final = st.tuples(
    st.none() | st.lists(TOKENS, max_size=2).map(tuple), st.sampled_from([Freshness.SUSPECT, Freshness.RESYNCING])
)
MESSAGE: Final = SNAPSHOT | st.lists(CHANGE, min_size=1, max_size=4) | DOUBT | st.just(TICKED)


def say(books: Books, message: Any) -> None:
    match message:
        case BookReplaced():
            books.book(message)
        case list():
            books.levels(message)
        case tokens, freshness:
            books.doubt(tokens, freshness, "cut", 5_000)
        case _:
            books.event(message)


WITH_LEVELS: Final = (BookReplaced, LevelChanged)


class Replayed:
    """What a reader knows of one token who has nothing but its events."""

    def __init__(self) -> None:
        self.sides: dict[BookSide, dict[int, int]] = {"bid": {}, "ask": {}}
        self.freshness, self.verified_ns = Freshness.COLD, 0
        self.tick: int | None = None

    def hear(self, event: Event) -> None:
        match event:
            case BookReplaced():
                self.sides = {"bid": dict(event.bids), "ask": dict(event.asks)}
                self.tick = event.tick or self.tick
                self.verified_ns = event.seen_ns
            case LevelChanged():
                self.sides[event.side][event.price] = event.size
                bid = 10_000 if event.best_bid is None else event.best_bid
                ask = 0 if event.best_ask is None else event.best_ask
                self.sides["bid"] = {price: size for price, size in self.sides["bid"].items() if size and price <= bid}
                self.sides["ask"] = {price: size for price, size in self.sides["ask"].items() if size and price >= ask}
            case FreshnessChanged():
                assert event.was is self.freshness
                self.freshness = event.now
            case TickSizeChanged():
                self.tick = event.new_tick
            case Gap():
                assert (event.tokens, event.from_ns) == ((TOKEN,), self.verified_ns)
            case _:
                raise AssertionError(event)

    def assert_is(self, book: Book) -> None:
        assert (book.freshness, book.tick, book.verified_ns) == (self.freshness, self.tick, self.verified_ns)
        bids, asks = self.sides["bid"], self.sides["ask"]
        assert book.crossed is bool(bids and asks and max(bids) >= min(asks))
        if self.freshness is Freshness.CURRENT:
            assert (dict(book.bids), dict(book.asks)) == (bids, asks)
            assert [price for price, _ in book.asks] == sorted(asks, reverse=True)


@given(messages=st.lists(MESSAGE, max_size=20))
def test_a_reader_that_replays_the_events_has_the_same_book_after_each_message(messages: list[Any]) -> None:
    books, replayed = Books(), Replayed()
    books.read(TOKEN, replayed.hear)
    for message in messages:
        say(books, message)
        replayed.assert_is(books[TOKEN])
    assert books.errors == []


@given(messages=st.lists(MESSAGE, max_size=20))
def test_every_check_is_counted_exactly_once(messages: list[Any]) -> None:
    """Counted again, message by message, by a book that is compared before anything is pruned."""
    books, book = Books(), Book(TOKEN)
    books.follow(TOKEN)
    expected = dict.fromkeys(("best_checks", "best_mismatches", "pruned_levels", "book_checks", "book_mismatches"), 0)
    expected |= {"changes": 0, "early": 0, "unfollowed": 0}
    for message in messages:
        interrupted = books[TOKEN].freshness is Freshness.RESYNCING
        say(books, message)
        match message:
            case BookReplaced() if message.token == TOKEN:
                warm = book.freshness is not Freshness.COLD and not interrupted
                expected["book_checks"] += warm
                expected["book_mismatches"] += warm and (book.bids, book.asks) != (message.bids, message.asks)
                book.replace(message)
            case BookReplaced():
                expected["unfollowed"] += 1
            case list():
                for one in message:
                    recount(expected, book, one)
            case _:
                pass  # a doubt and a tick count nothing
    assert counts(books) == {name: count for name, count in expected.items() if count}


def recount(expected: dict[str, int], book: Book, one: LevelChanged) -> None:
    if one.token != TOKEN:
        expected["unfollowed"] += 1
    elif not book.verified_ns:
        expected["early"] += 1
    else:
        book.change(one)
        bid, ask = book.best_bid, book.best_ask
        pruned, _ = book.settle(one.best_bid, one.best_ask)
        expected["changes"] += 1
        expected["best_checks"] += (one.best_bid, one.best_ask) != (None, None)
        expected["best_mismatches"] += one.best_bid not in {None, bid} or one.best_ask not in {None, ask}
        expected["pruned_levels"] += pruned

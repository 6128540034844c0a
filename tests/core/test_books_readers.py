"""`core.books`: who reads, and how readers are kept from one another."""

import gc
import weakref
from collections.abc import Callable

import pytest

from core.events import OTHER, TOKEN, change, snapshot
from core.setting import ASKS, BIDS, RESOLVED, THIRD, TRADED, counts, failing, kinds, with_book
from polywire.core.books import Books
from polywire.model.events import Event
from polywire.model.health import Freshness, FreshnessChanged

# ------------------------------------------------------------ who reads


def test_readers_are_told_in_the_order_in_which_they_came_and_only_of_their_token() -> None:
    told: list[tuple[str, Event]] = []
    books = with_book()
    books.follow(OTHER)
    books.read(TOKEN, lambda event: told.append(("first", event)))
    books.read(TOKEN, lambda event: told.append(("second", event)))
    books.read(OTHER, lambda event: told.append(("other", event)))
    one = change("bid", 3_300, 1)
    books.levels([one])
    assert told == [("first", one), ("second", one)]


def test_reading_follows_the_token() -> None:
    heard: list[Event] = []
    books = Books()
    books.read(TOKEN, heard.append)
    books.book(snapshot(BIDS, ASKS))
    assert kinds(heard) == ["FreshnessChanged", "BookReplaced"]


def test_a_reader_of_all_hears_tokens_from_before_and_after_it_came() -> None:
    heard: list[Event] = []
    books = with_book()
    books.read_all(heard.append)
    books.follow(OTHER)
    messages = change("bid", 1, 1), snapshot(BIDS, ASKS, token=OTHER)
    books.levels([messages[0]])
    books.book(messages[1])
    assert [event for event in heard if not isinstance(event, FreshnessChanged)] == list(messages)


def test_who_left_is_told_nothing_more_and_the_others_go_on() -> None:
    gone: list[Event] = []
    stays: list[Event] = []
    leaving, staying = gone.append, stays.append
    books = with_book(leaving)
    books.read(TOKEN, staying)
    books.read(OTHER, leaving)
    books.leave(TOKEN, leaving)
    books.leave(THIRD, leaving)  # never followed: nothing to do
    books.levels([change("bid", 1, 1)])
    books.book(snapshot(BIDS, ASKS, token=OTHER))
    assert (kinds(stays), kinds(gone)) == (["LevelChanged"], ["FreshnessChanged", "BookReplaced"])
    assert books[TOKEN].freshness is Freshness.CURRENT  # the book is kept


def test_a_reader_may_leave_while_it_is_being_told() -> None:
    heard: list[Event] = []
    books = with_book()

    def once(event: Event) -> None:
        heard.append(event)
        books.leave(TOKEN, once)

    books.read(TOKEN, once)
    first, second = change("bid", 1, 1), change("bid", 2, 1)
    books.levels([first, second])
    assert heard == [first]


def test_a_reader_that_leaves_on_a_gap_is_not_told_what_the_snapshot_brings() -> None:
    heard: list[Event] = []
    books = with_book()
    books.doubt((TOKEN,), Freshness.SUSPECT, "cut", 5_000)

    def until_a_gap(event: Event) -> None:
        heard.append(event)
        books.leave(TOKEN, until_a_gap)

    books.read(TOKEN, until_a_gap)
    books.book(snapshot(BIDS, ASKS))
    assert kinds(heard) == ["Gap"]


def test_a_reader_that_leaves_on_a_freshness_is_not_told_the_snapshot() -> None:
    heard: list[Event] = []
    books = Books()

    def until_current(event: Event) -> None:
        heard.append(event)
        books.leave(TOKEN, until_current)

    books.read(TOKEN, until_current)
    books.book(snapshot(BIDS, ASKS))
    assert kinds(heard) == ["FreshnessChanged"]


def test_a_reader_may_forget_its_token_while_it_is_being_told() -> None:
    heard: list[Event] = []
    books = with_book()

    def last(event: Event) -> None:
        heard.append(event)
        books.forget(TOKEN)

    books.read(TOKEN, last)
    books.levels([change("bid", 1, 1), change("bid", 2, 1)])
    assert (len(heard), counts(books)) == (1, {"changes": 2})


def test_a_message_is_applied_whole_before_anybody_is_told() -> None:
    """Who sums the prices of both outcomes must not see one of them old."""
    books = with_book()
    seen: list[int] = []
    books.follow(OTHER)
    books.book(snapshot(BIDS, ASKS, token=OTHER))
    books.read(TOKEN, lambda _: seen.append(books[OTHER].size_at("bid", 2)))
    books.levels([change("bid", 1, 1), change("bid", 2, 77, token=OTHER)])
    assert seen == [77]


def test_of_one_message_each_entry_is_told_in_order_and_those_of_unread_books_to_nobody() -> None:
    told: list[Event] = []
    books = with_book(told.append)
    books.follow(OTHER)
    books.book(snapshot(BIDS, ASKS, token=OTHER))
    books.read(THIRD, told.append)
    entries = [
        change("bid", 1, 1),
        change("ask", 2, 2, token=OTHER),
        change("ask", 3, 3, token=THIRD),
        change("bid", 4, 4),
    ]
    books.levels(entries)
    assert told == [entries[0], entries[3]]  # the third has no snapshot yet, so nothing of it can be applied
    assert counts(books) == {"changes": 3, "early": 1}


def test_a_doubt_that_a_message_raises_is_told_before_its_entries() -> None:
    """The reader knows from the first entry on that the book does not answer."""
    told: list[str] = []
    books = with_book()
    books.read(TOKEN, lambda event: told.append(f"{type(event).__name__} {books[TOKEN].freshness}"))
    books.levels([change("bid", 1, 1), change("bid", 2, 1, (3_350, 3_400))])
    assert told == ["FreshnessChanged suspect", "LevelChanged suspect", "LevelChanged suspect"]


@pytest.mark.parametrize("end", ["leave", "forget"])
def test_nothing_of_a_reader_that_left_stays_behind(end: str) -> None:
    """Subscriptions come and go for weeks."""

    class Holder:
        def hear(self, event: Event) -> None:
            raise AssertionError(event)

    books, holder = with_book(), Holder()
    gone = weakref.ref(holder)
    books.read(TOKEN, holder.hear)
    if end == "leave":
        books.leave(TOKEN, holder.hear)
    else:
        books.forget(TOKEN)
    del holder
    gc.collect()
    assert gone() is None


def test_a_reader_of_all_that_leaves_hears_nothing_of_any_token_any_more() -> None:
    heard: list[Event] = []
    books = with_book()
    books.read_all(heard.append)
    books.leave_all(heard.append)
    books.follow(OTHER)
    books.levels([change("bid", 1, 1)])
    books.book(snapshot(BIDS, ASKS, token=OTHER))
    assert heard == []


def test_a_reader_that_forgets_its_token_on_a_freshness_is_not_told_the_snapshot() -> None:
    heard: list[Event] = []
    books = Books()

    def last(event: Event) -> None:
        heard.append(event)
        books.forget(TOKEN)

    books.read(TOKEN, last)
    books.book(snapshot(BIDS, ASKS))
    assert kinds(heard) == ["FreshnessChanged"]


def test_a_reader_that_comes_while_another_is_told_hears_from_the_next_event_on() -> None:
    late: list[Event] = []
    books = with_book()
    books.read(TOKEN, lambda _: None if late else books.read(TOKEN, late.append))
    first, second = change("bid", 1, 1), change("bid", 2, 1)
    books.levels([first])
    assert late == []
    books.levels([second])
    assert late == [second]


def test_a_reader_may_follow_and_forget_tokens_while_all_are_doubted() -> None:
    heard: list[Event] = []
    books = with_book()
    books.follow(OTHER)
    books.book(snapshot(BIDS, ASKS, token=OTHER))

    def busy(event: Event) -> None:
        heard.append(event)
        books.follow(THIRD)
        books.forget(OTHER)

    books.read(TOKEN, busy)
    books.read(OTHER, heard.append)
    books.doubt(None, Freshness.RESYNCING, "reconnecting", 5_000)
    assert (kinds(heard), TOKEN in books, OTHER in books, THIRD in books) == (
        ["FreshnessChanged"],
        True,
        False,
        True,
    )


@pytest.mark.parametrize(
    "say",
    [
        lambda books: books.levels([change("bid", 1, 1)]),
        lambda books: books.book(snapshot(BIDS, ASKS)),
        lambda books: books.event(TRADED),
        lambda books: books.event(RESOLVED),
        lambda books: books.lost(None, "cut", 5_000),
    ],
)
def test_a_reader_that_fails_is_counted_and_kept_from_the_others(say: Callable[[Books], None]) -> None:
    heard: list[Event] = []
    books = with_book(failing)
    books.read(TOKEN, heard.append)
    say(books)
    assert heard
    assert [reader for reader, _ in books.errors] == [failing] * books.reader_errors
    assert [str(error) for _, error in books.errors] == [type(event).__name__ for event in heard]


def test_a_reader_that_always_fails_costs_a_bounded_memory_and_goes_on_being_told() -> None:
    books = with_book(failing)
    books.levels([change("bid", 1, 1)] * 100)
    assert (books.reader_errors, len(books.errors), books.changes) == (100, 8, 100)


def test_a_keyboard_s_interrupt_is_nobody_s_error_and_passes_through() -> None:
    def interrupted(_: Event) -> None:
        raise KeyboardInterrupt

    books = with_book(interrupted)
    with pytest.raises(KeyboardInterrupt):
        books.levels([change("bid", 1, 1)])
    assert books.reader_errors == 0

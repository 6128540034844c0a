"""One token's book: exact, best last, and silent while it may be wrong."""

from bisect import bisect_left
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.events import TOKEN, change, snapshot
from core.setting import ASKS, BIDS, filled, pairs
from polywire.core.book import Book
from polywire.errors import BookNotCurrent, Misuse, NotEnoughShares
from polywire.model.health import Freshness
from polywire.model.levels import Level
from polywire.model.market import BookReplaced, LevelChanged
from polywire.model.units import BookSide

READERS: Final[dict[str, Callable[[Book], object]]] = {
    "bids": lambda book: book.bids,
    "asks": lambda book: book.asks,
    "best_bid": lambda book: book.best_bid,
    "best_ask": lambda book: book.best_ask,
    "spread": lambda book: book.spread,
    "doubled_mid": lambda book: book.doubled_mid,
    "microprice": lambda book: book.microprice,
    "depth": lambda book: book.depth("bid"),
    "depth within": lambda book: book.depth("ask", 10),
    "size_at": lambda book: book.size_at("bid", 3_300),
    "cost_to_fill": lambda book: book.cost_to_fill("ask", 1),
    "answer": lambda book: book.answer(),
}
SIDES: Final[tuple[BookSide, BookSide]] = ("bid", "ask")
SILENT: Final = (Freshness.COLD, Freshness.SYNCING, Freshness.SUSPECT, Freshness.RESYNCING)


# ------------------------------------------------------------ snapshots


def test_a_new_book_is_cold_was_never_verified_and_has_no_readers() -> None:
    book = Book(TOKEN)
    assert (book.token, book.freshness, book.reason) == (TOKEN, Freshness.COLD, "no snapshot yet")
    assert (book.verified_ns, book.tick, book.readers) == (0, None, ())


def test_a_snapshot_is_the_whole_truth_and_what_stood_before_is_void() -> None:
    book = filled()
    book.replace(snapshot([(50, 1)], [(60, 2), (70, 3)]))
    assert pairs(book) == ([(50, 1)], [(70, 3), (60, 2)])


def test_levels_stand_worst_first_and_best_last_on_both_sides() -> None:
    """The venue's own order: docs/protocol.md, "Market channel"."""
    book = filled()
    assert [level.price for level in book.bids] == [100, 3_000, 3_300]
    assert [level.price for level in book.asks] == [9_900, 4_000, 3_400]
    assert (book.best_bid, book.best_ask) == (3_300, 3_400)
    assert (book.bids.side, book.asks.side) == ("bid", "ask")


def test_a_snapshot_makes_the_book_current_and_carries_both_clocks_over() -> None:
    book = filled()
    book.doubt(Freshness.SUSPECT, "a change was lost")
    book.replace(snapshot(BIDS, ASKS, venue_ms=77, seen_ns=88))
    assert (book.freshness, book.reason) == (Freshness.CURRENT, "snapshot")
    assert book.verified_ns == 88


def test_an_equal_snapshot_says_so() -> None:
    book = filled()
    assert book.replace(snapshot(BIDS, ASKS)) is True
    assert pairs(book) == pairs(filled())


@pytest.mark.parametrize(
    "other",
    [
        snapshot((*BIDS, (200, 1)), ASKS),
        snapshot(BIDS[1:], ASKS),
        snapshot(((101, 9), *BIDS[1:]), ASKS),
        snapshot(((100, 8), *BIDS[1:]), ASKS),
        snapshot(BIDS, (*ASKS, (9_000, 1))),
        snapshot(BIDS, ASKS[1:]),
        snapshot(BIDS, ((9_901, 8), *ASKS[1:])),
        snapshot(BIDS, ((9_900, 7), *ASKS[1:])),
        snapshot(),
    ],
)
def test_a_snapshot_that_differs_in_one_level_says_so_and_is_taken(other: BookReplaced) -> None:
    book = filled()
    assert book.replace(other) is False
    assert (book.bids, book.asks) == (other.bids, other.asks)


def test_a_snapshot_with_a_tick_sets_it_and_one_without_keeps_the_known_one() -> None:
    """Only the first snapshot of a connection names the tick: docs/protocol.md, "Market channel"."""
    book = Book(TOKEN)
    book.replace(snapshot(BIDS, ASKS, tick=100))
    assert book.tick == 100
    book.replace(snapshot(BIDS, ASKS, tick=None))
    assert book.tick == 100
    book.replace(snapshot(BIDS, ASKS, tick=10))
    assert book.tick == 10


def test_another_tick_keeps_every_level_and_proves_nothing() -> None:
    """Every price fits 1e-4, so the grid concerns new orders only."""
    book = filled()
    before = pairs(book), book.verified_ns, book.freshness
    book.tick = 10
    assert (pairs(book), book.verified_ns, book.freshness) == before


def test_an_event_keeps_the_levels_it_was_made_with() -> None:
    """Events are facts: without that, replay cannot equal live."""
    event = snapshot(BIDS, ASKS)
    book = Book(TOKEN)
    book.replace(event)
    for side in SIDES:
        book.change(change(side, 3_300 if side == "bid" else 3_400, 0))
        book.change(change(side, 3_000, 77))
    assert event == snapshot(BIDS, ASKS)


# ------------------------------------------------------------ changes


@pytest.mark.parametrize("side", ["bid", "ask"])
def test_a_size_is_the_new_total_and_not_a_difference(side: BookSide) -> None:
    book = filled()
    book.change(change(side, 3_000 if side == "bid" else 4_000, 44))
    assert book.size_at(side, 3_000 if side == "bid" else 4_000) == 44
    assert (len(book.bids), len(book.asks)) == (3, 3)


@pytest.mark.parametrize("price", [1, 100, 2_000, 3_350, 9_999])
@pytest.mark.parametrize("side", ["bid", "ask"])
def test_a_new_price_takes_its_place_among_the_others(side: BookSide, price: int) -> None:
    book = filled()
    book.change(change(side, price, 11))
    levels = book.bids if side == "bid" else book.asks
    prices = [level.price for level in levels]
    assert prices == sorted(prices, reverse=side == "ask")
    assert Level(price, 11) in levels


@pytest.mark.parametrize("price", [100, 3_000, 3_300])
def test_size_zero_removes_a_bid_wherever_it_stands(price: int) -> None:
    book = filled()
    book.change(change("bid", price, 0))
    assert pairs(book)[0] == [pair for pair in BIDS if pair[0] != price]
    assert pairs(book)[1] == list(ASKS)


@pytest.mark.parametrize("price", [9_900, 4_000, 3_400])
def test_size_zero_removes_an_ask_wherever_it_stands(price: int) -> None:
    book = filled()
    book.change(change("ask", price, 0))
    assert pairs(book)[1] == [pair for pair in ASKS if pair[0] != price]
    assert pairs(book)[0] == list(BIDS)


@pytest.mark.parametrize("side", ["bid", "ask"])
def test_size_zero_where_nothing_rests_changes_nothing(side: BookSide) -> None:
    book = filled()
    book.change(change(side, 3_350, 0))
    assert pairs(book) == pairs(filled())


@pytest.mark.parametrize(
    ("event", "agreed"),
    [
        (change("bid", 3_350, 1, (3_350, 3_400)), True),
        (change("bid", 3_350, 1, (3_300, 3_400)), False),
        (change("bid", 3_350, 1, (3_350, 4_000)), False),
        (change("ask", 3_400, 0, (3_300, 4_000)), True),
        (change("ask", 3_400, 0, (3_300, 3_400)), False),
        (change("ask", 3_400, 1, (None, 3_400)), False),
        (change("ask", 3_400, 1, (3_300, None)), False),
    ],
)
def test_a_change_tells_whether_both_bests_are_now_what_the_venue_states(event: LevelChanged, agreed: bool) -> None:  # noqa: FBT001 - parametrized
    assert filled().change(event) is agreed


def test_an_emptied_side_agrees_with_the_venue_s_own_words_for_it() -> None:
    """A best bid of 0 and a best ask of 1 are the venue's words for no bids and no asks."""
    book = filled(bids=((5_000, 1),), asks=((6_000, 1),))
    assert book.change(change("bid", 5_000, 0, (0, 6_000))) is True
    assert book.change(change("ask", 6_000, 0, (0, 10_000))) is True
    assert (book.best_bid, book.best_ask) == (0, 10_000)


def test_a_change_moves_its_clocks_but_is_no_evidence_for_the_whole_book() -> None:
    """design.md §2: `verified_at` moves only on evidence for the whole book; an agreeing best never moves it."""
    book = filled()
    assert book.change(change("bid", 3_350, 1, (3_350, 3_400), venue_ms=5, seen_ns=6)) is True
    assert book.verified_ns == 1_000
    book.doubt(Freshness.SUSPECT, "a change was lost")
    book.change(change("bid", 3_350, 2, (3_350, 3_400)))
    assert (book.freshness, book.verified_ns) == (Freshness.SUSPECT, 1_000)


# ------------------------------------------------------------ settling


def test_levels_better_than_stated_are_pruned_and_counted() -> None:
    """Trades took them, and the venue leaves that to its next snapshot: docs/protocol.md, "Keeping a book"."""
    book = filled()
    assert book.settle(100, 4_000) == (3, False)
    assert pairs(book) == ([(100, 9)], [(9_900, 8), (4_000, 6)])


def test_a_stated_best_that_the_book_holds_leaves_it_as_it_is() -> None:
    book = filled()
    assert book.settle(3_300, 3_400) == (0, False)
    assert pairs(book) == pairs(filled())


@pytest.mark.parametrize("bests", [(3_301, 3_400), (3_300, 3_399), (3_301, None), (None, 3_399), (3_301, 3_399)])
def test_a_stated_best_that_is_missing_here_is_found(bests: tuple[int | None, int | None]) -> None:
    book = filled()
    assert book.settle(*bests) == (0, True)
    assert pairs(book) == pairs(filled())


@pytest.mark.parametrize(("bests", "removed"), [((3_200, 3_400), 1), ((3_300, 3_600), 1), ((50, 3_399), 3)])
def test_a_stated_best_between_two_levels_prunes_and_is_missing_too(bests: tuple[int, int], removed: int) -> None:
    assert filled().settle(*bests) == (removed, True)


def test_an_unstated_best_is_believed_to_be_anything() -> None:
    book = filled()
    assert book.settle(None, None) == (0, False)
    assert book.settle(None, 3_400) == (0, False)
    assert book.settle(3_300, None) == (0, False)
    assert pairs(book) == pairs(filled())


def test_a_side_stated_to_be_empty_is_emptied() -> None:
    book = filled()
    assert book.settle(0, 10_000) == (6, False)
    assert pairs(book) == ([], [])


def test_a_best_stated_for_an_empty_side_is_missing() -> None:
    assert Book(TOKEN).settle(3_300, None) == (0, True)
    assert Book(TOKEN).settle(None, 3_400) == (0, True)
    assert Book(TOKEN).settle(0, 10_000) == (0, False)


# ------------------------------------------------------------ whether it answers


def test_a_doubted_book_keeps_the_instant_at_which_the_gap_begins() -> None:
    book = filled()
    book.doubt(Freshness.RESYNCING, "the socket is gone")
    assert (book.freshness, book.reason, book.verified_ns) == (Freshness.RESYNCING, "the socket is gone", 1_000)


@pytest.mark.parametrize("freshness", SILENT)
@pytest.mark.parametrize("name", READERS)
def test_a_book_that_may_be_wrong_answers_no_reader(freshness: Freshness, name: str) -> None:
    """design.md §2, "no stale answer"."""
    book = filled()
    book.doubt(freshness, "two frames were cut")
    with pytest.raises(BookNotCurrent, match=f"the book of 7 is {freshness.value} \\(two frames were cut; ") as refusal:
        READERS[name](book)
    assert (refusal.value.token, refusal.value.freshness, refusal.value.age_s) == (TOKEN, freshness, None)


@pytest.mark.parametrize("name", READERS)
def test_a_cold_book_says_nothing_and_not_that_it_is_empty(name: str) -> None:
    with pytest.raises(BookNotCurrent, match="no snapshot yet"):
        READERS[name](Book(TOKEN))


@pytest.mark.parametrize("freshness", sorted(set(Freshness) - set(SILENT)))
@pytest.mark.parametrize("name", READERS)
def test_a_current_or_quiet_book_answers_every_reader(freshness: Freshness, name: str) -> None:
    book = filled()
    book.doubt(freshness, "compared with REST")
    assert READERS[name](book) is not None


def test_an_answer_is_the_book_itself_so_that_readers_can_follow_in_one_line() -> None:
    book = filled()
    assert book.answer() is book
    assert book.answer(now_ns=1_000 + 5 * 10**9, max_age_s=5.0) is book  # the limit is inclusive
    assert book.answer(now_ns=10**18) is book


def test_a_book_proven_too_long_ago_is_refused_with_both_ages() -> None:
    book = filled()
    with pytest.raises(BookNotCurrent, match=r"current \(too long ago .* 5\.250 s ago \(limit 5 s\)") as refusal:
        book.answer(now_ns=1_000 + 5_250_000_000, max_age_s=5.0)
    assert (refusal.value.age_s, refusal.value.max_age_s) == (5.25, 5.0)


def test_an_age_is_counted_from_the_last_snapshot_and_not_from_the_last_change() -> None:
    book = filled()
    book.change(change("bid", 3_300, 3, (3_300, 3_400), seen_ns=9_000_000_000))
    with pytest.raises(BookNotCurrent):
        book.answer(now_ns=9_000_000_001, max_age_s=5.0)


def test_a_limit_without_a_clock_is_the_callers_mistake() -> None:
    with pytest.raises(Misuse, match="max_age_s=5 needs now_ns"):
        filled().answer(max_age_s=5.0)


@pytest.mark.parametrize("shares", [0, -1])
def test_only_a_positive_number_of_shares_can_be_filled(shares: int) -> None:
    with pytest.raises(Misuse, match="ask for a positive number"):
        filled().cost_to_fill("ask", shares)


def test_a_refusal_in_doubt_says_how_old_the_last_proof_is() -> None:
    book = filled()
    book.doubt(Freshness.SUSPECT, "a change was lost")
    with pytest.raises(BookNotCurrent, match=r"verified 2\.000 s ago \(limit 60 s\)") as refusal:
        book.answer(now_ns=2_000_001_000, max_age_s=60)
    assert (refusal.value.age_s, refusal.value.max_age_s) == (2.0, 60)


def test_a_cold_book_has_no_age_whatever_the_clock_says() -> None:
    with pytest.raises(BookNotCurrent, match=r"cold \(no snapshot yet; never verified\)") as refusal:
        Book(TOKEN).answer(now_ns=10**18)
    assert refusal.value.age_s is None


# ------------------------------------------------------------ any sequence of messages

PRICES = st.integers(1, 9_999) | st.sampled_from([1, 2, 4_999, 5_000, 5_001, 9_998, 9_999])  # often the same
SIZES = st.integers(1, 10**15 - 1) | st.integers(1, 3)
LEVELS = st.dictionaries(PRICES, SIZES, max_size=6)
CHANGES = st.tuples(st.sampled_from(SIDES), PRICES, SIZES | st.just(0))
BESTS = st.tuples(st.none() | PRICES | st.just(0), st.none() | PRICES | st.just(10_000))
MESSAGES = st.one_of(
    st.tuples(st.just("snapshot"), st.tuples(LEVELS, LEVELS)),
    st.tuples(st.just("change"), CHANGES),
    st.tuples(st.just("settle"), BESTS),
)


class Naive:
    """The same book as two dicts from price to size, with nothing clever about it."""

    def __init__(self) -> None:
        self.sides: dict[BookSide, dict[int, int]] = {"bid": {}, "ask": {}}

    def ordered(self, side: BookSide) -> list[tuple[int, int]]:
        return sorted(self.sides[side].items(), reverse=side == "ask")

    @property
    def best_bid(self) -> int:
        return max(self.sides["bid"], default=0)

    @property
    def best_ask(self) -> int:
        return min(self.sides["ask"], default=10_000)

    def change(self, side: BookSide, price: int, size: int) -> None:
        self.sides[side][price] = size
        self.sides[side] = {price: size for price, size in self.sides[side].items() if size}

    def settle(self, best_bid: int | None, best_ask: int | None) -> tuple[int, bool]:
        before = len(self.sides["bid"]) + len(self.sides["ask"])
        if best_bid is not None:
            self.sides["bid"] = {price: size for price, size in self.sides["bid"].items() if price <= best_bid}
        if best_ask is not None:
            self.sides["ask"] = {price: size for price, size in self.sides["ask"].items() if price >= best_ask}
        pruned = before - len(self.sides["bid"]) - len(self.sides["ask"])
        return pruned, best_bid not in {None, self.best_bid} or best_ask not in {None, self.best_ask}

    def cost(self, side: BookSide, shares: int) -> Fraction:
        """Return USDC, by fractions of a dollar and of a share."""
        cost, left = Fraction(0), Fraction(shares, 10**6)
        for price, size in reversed(self.ordered(side)):
            taken = min(left, Fraction(size, 10**6))
            cost, left = cost + taken * Fraction(price, 10_000), left - taken
        assert not left
        return cost


def apply(book: Book, naive: Naive, kind: str, what: Any, at: int) -> None:
    """Give one message to both, and compare what they say to it."""
    if kind == "snapshot":
        bids, asks = what
        equal = naive.sides == {"bid": bids, "ask": asks}
        naive.sides = {"bid": dict(bids), "ask": dict(asks)}
        assert book.replace(snapshot(bids.items(), asks.items(), venue_ms=at, seen_ns=at)) is equal
        assert book.verified_ns == at
        return
    verified_ns = book.verified_ns
    if kind == "settle":
        assert book.settle(*what) == naive.settle(*what)
    else:
        side, price, size = what
        naive.change(side, price, size)
        bid, ask = naive.best_bid, naive.best_ask
        assert book.change(change(side, price, size, (bid, ask), seen_ns=at)) is True
        assert book.change(change(side, price, size, (bid - 1, ask), seen_ns=at)) is False
        assert book.change(change(side, price, size, (bid, ask + 1), seen_ns=at)) is False
    assert book.verified_ns == verified_ns  # only a snapshot moves it


def assert_same(book: Book, naive: Naive, at: int) -> None:
    """Compare every reader, at a price and a number of shares that vary with `at`."""
    bid, ask = naive.best_bid, naive.best_ask
    whole = bool(naive.sides["bid"]) and bool(naive.sides["ask"])
    assert pairs(book) == (naive.ordered("bid"), naive.ordered("ask"))
    assert (book.best_bid, book.best_ask) == (bid, ask)
    assert (book.bids.best, book.asks.best) == (bid, ask)
    assert (book.spread, book.doubled_mid) == ((ask - bid, ask + bid) if whole else (None, None))
    assert book.crossed is (whole and bid >= ask)
    if whole:
        bid_size, ask_size = naive.sides["bid"][bid], naive.sides["ask"][ask]
        assert book.microprice == float(Fraction(bid * ask_size + ask * bid_size, bid_size + ask_size))
    else:
        assert book.microprice is None
    assert_side_same(book, naive, "bid", bid, at)
    assert_side_same(book, naive, "ask", ask, at)


def assert_side_same(book: Book, naive: Naive, side: BookSide, best: int, at: int) -> None:
    levels = naive.sides[side]
    held = sum(levels.values())
    assert book.depth(side) == held
    for within in (0, 1, at * 97 % 10_000):
        assert book.depth(side, within) == sum(size for price, size in levels.items() if abs(price - best) <= within)
    for price in (1, 2, 4_999, 5_000, 5_001, 9_998, 9_999, best):
        assert book.size_at(side, price) == levels.get(price, 0)
    for shares in {1, held // 3, held - 1, held} - {-1, 0}:
        if shares <= held:
            assert Fraction(book.cost_to_fill(side, shares), 10**10) == naive.cost(side, shares)
    with pytest.raises(NotEnoughShares) as refusal:
        book.cost_to_fill(side, held + 1)
    assert (refusal.value.wanted, refusal.value.available) == (held + 1, held)


@given(messages=st.lists(MESSAGES, max_size=25))
@example(messages=[("change", ("bid", 9_999, 1)), ("change", ("ask", 1, 1)), ("settle", (9_999, 1))])
def test_after_any_messages_the_book_equals_two_dicts_in_every_reader(messages: list[tuple[str, Any]]) -> None:
    book, naive = Book(TOKEN), Naive()
    apply(book, naive, "snapshot", ({}, {}), 1)
    for at, (kind, what) in enumerate(messages, start=2):
        apply(book, naive, kind, what, at)
        assert_same(book, naive, at)


@given(bids=LEVELS, asks=LEVELS, changes=st.lists(CHANGES, max_size=10))
def test_a_snapshot_of_what_the_changes_led_to_is_equal(
    bids: dict[int, int], asks: dict[int, int], changes: list[tuple[BookSide, int, int]]
) -> None:
    """What `book_mismatches` counts: an honest stream has none."""
    book, naive = Book(TOKEN), Naive()
    apply(book, naive, "snapshot", (bids, asks), 1)
    for one in changes:
        apply(book, naive, "change", one, 2)
    assert book.replace(snapshot(naive.sides["bid"].items(), naive.sides["ask"].items())) is True


@given(levels=LEVELS)
def test_ranks_stay_strictly_ascending_so_that_a_price_is_found_by_halving(levels: dict[int, int]) -> None:
    book = Book(TOKEN)
    book.replace(snapshot())
    for side in SIDES:
        for price, size in levels.items():
            book.change(change(side, price, size))
    for held in (book.bids.ranks, book.asks.ranks):
        assert sorted(set(held)) == list(held)
        assert [bisect_left(held, rank) for rank in held] == list(range(len(held)))

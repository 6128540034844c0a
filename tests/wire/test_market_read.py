"""`wire.market_read`: the venue's texts to exact events."""

from collections.abc import Iterator
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frames import CONDITION, NO, YES
from polywire.model.levels import Levels
from polywire.model.market import BestChanged, FeeSchedule, LevelChanged, MarketCreated, MarketResolved, Traded
from polywire.model.units import BookSide, TokenId, price_text, size_text
from polywire.wire.market_frames import (
    FRAMES,
    BestBidAsk,
    Book,
    Change,
    EventMessage,
    Fees,
    LastTrade,
    Level,
    NewMarket,
    PriceChange,
    Resolved,
    TickSizeChange,
)
from polywire.wire.market_read import READERS, read_book, read_changes, read_levels
from polywire.wire.numbers import NUMBERS, PRICES_KEPT

SIDES = st.sampled_from(("bid", "ask"))
LEVELS = st.dictionaries(st.integers(1, 9_999), st.integers(0, 10**15 - 1), max_size=30)


@pytest.fixture
def tables() -> Iterator[None]:
    """Leave the process's tables of texts as empty as they are found by a new process."""
    tables = NUMBERS.prices, NUMBERS.ask_ranks, NUMBERS.bids, NUMBERS.asks
    for table in tables:
        table.clear()
    yield
    for table in tables:
        table.clear()


def fill(room: int) -> None:
    """Learn prices, best prices and sizes until only `room` more fit into each table."""
    texts = [f"0.{price:04d}{'0' * zeros}" for zeros in range(4) for price in range(1, 10_000)]
    for text in texts[: PRICES_KEPT - room]:
        NUMBERS.learn_price(text)
        NUMBERS.learn_bests(text, text)


def levels(*pairs: tuple[str, str]) -> list[Level]:
    return [Level(price, size) for price, size in pairs]


def changes(*entries: Change) -> PriceChange:
    return PriceChange(CONDITION, list(entries), 7)


# ---------------------------------------------------------------- snapshots


@given(SIDES, LEVELS, st.randoms())
def test_a_side_comes_out_exact_and_best_last_whatever_its_order(
    side: BookSide, book: dict[int, int], random: Random
) -> None:
    """Docs and captures differ about the order of asks (docs/protocol.md, "Market channel")."""
    stated = [Level(price_text(price), size_text(size)) for price, size in book.items()]
    random.shuffle(stated)
    assert read_levels(side, stated) == Levels.of(side, book.items())


@pytest.mark.parametrize("side", ["bid", "ask"])
def test_levels_of_size_0_are_not_kept(side: BookSide) -> None:
    read = read_levels(side, levels(("0.1", "5"), ("0.2", "0"), ("0.3", "0.000"), ("0.4", "1")))
    assert sorted(read) == [(1_000, 5_000_000), (4_000, 1_000_000)]


@pytest.mark.parametrize("side", ["bid", "ask"])
@pytest.mark.parametrize("spelling", ["0.3", "0.30", ".3"])
@pytest.mark.parametrize("size", ["5", "0"])
def test_a_snapshot_with_one_price_twice_is_refused_however_it_is_spelled(
    side: BookSide, spelling: str, size: str
) -> None:
    with pytest.raises(ValueError, match=f"the {side} side of a snapshot states one price twice"):
        read_levels(side, levels(("0.3", "1"), ("0.5", "2"), (spelling, size)))


@pytest.mark.parametrize("side", ["bid", "ask"])
@pytest.mark.parametrize(
    "pair", [("0", "1"), ("1", "1"), ("1.5", "1"), ("0.5", "-1"), ("0.5", "1e3"), ("", "1"), ("0.5", "")]
)
def test_a_snapshot_with_a_level_that_cannot_be_is_refused(side: BookSide, pair: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"price|size"):
        read_levels(side, levels(("0.4", "1"), pair))


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("side", ["bid", "ask"])
@pytest.mark.parametrize("room", [0, 1, 2])
def test_tables_that_start_anew_in_the_middle_of_a_snapshot_do_not_change_it(side: BookSide, room: int) -> None:
    fill(room)
    stated = [("0.100000000", "0.000001"), ("0.2", "1.5"), ("0.300000000", "0.000002"), ("0.400000000", "0.000003")]
    assert sorted(read_levels(side, levels(*stated))) == [(1_000, 1), (2_000, 1_500_000), (3_000, 2), (4_000, 3)]
    assert len(NUMBERS.prices) <= PRICES_KEPT


def test_a_snapshot_that_leaves_tick_and_last_trade_unsaid_says_none() -> None:
    """Only the first books of a connection state them."""
    read = read_book(Book(CONDITION, YES, [], [], 5), 6)
    assert (read.tick, read.last_trade, read.digest, read.venue_ms, read.seen_ns) == (None, None, "", 5, 6)


def test_a_snapshot_states_its_tick_and_last_trade_with_trailing_zeros_read_away() -> None:
    read = read_book(Book(CONDITION, YES, [], [], 5, "ab", "0.001", "0.140"), 6)
    assert (read.tick, read.last_trade, read.digest) == (10, 1_400, "ab")


# ---------------------------------------------------------------- level changes


def test_an_entry_that_says_nothing_of_best_prices_and_hash_leaves_them_unsaid() -> None:
    (event,) = read_changes(changes(Change(YES, "0.3", "5", "SELL")), 8)
    assert event == LevelChanged(YES, CONDITION, "ask", 3_000, 5_000_000, None, None, "", 7, 8)


def test_entries_with_different_sizes_keep_their_own() -> None:
    """The size of the entry before is only reused where the text is the same."""
    texts = ["5", "5", "0", "0.000001", "0", "5"]
    events = read_changes(changes(*(Change(YES, "0.3", text, "BUY") for text in texts)), 8)
    assert [event.size for event in events] == [5_000_000, 5_000_000, 0, 1, 0, 5_000_000]


def test_of_several_entries_of_a_token_only_the_last_states_the_best_prices() -> None:
    """The venue means them to hold after the whole message (`MarketSink.levels`)."""
    entries = [
        Change(YES, "0.3", "5", "BUY", "0.5", "0.6", "h1"),
        Change(NO, "0.7", "5", "SELL", "0.4", "0.5", "h2"),
        Change(YES, "0.31", "6", "BUY", "0.51", "0.61", "h3"),
    ]
    events = read_changes(changes(*entries), 8)
    assert [(event.best_bid, event.best_ask) for event in events] == [(None, None), (4_000, 5_000), (5_100, 6_100)]
    assert [(event.token, event.price, event.digest) for event in events] == [
        (YES, 3_000, "h1"),
        (NO, 7_000, "h2"),
        (YES, 3_100, "h3"),
    ]


def test_of_two_entries_of_one_token_only_the_second_states_the_best_prices() -> None:
    entries = [Change(YES, "0.3", "5", "BUY", "0.5", "0.6"), Change(YES, "0.31", "6", "BUY", "0.51", "0.61")]
    assert [event.best_bid for event in read_changes(changes(*entries), 8)] == [None, 5_100]


def test_two_entries_of_two_tokens_both_state_the_best_prices() -> None:
    entries = [Change(YES, "0.3", "5", "BUY", "0.5", "0.6"), Change(NO, "0.7", "5", "SELL", "0.4", "0.5")]
    assert [event.best_ask for event in read_changes(changes(*entries), 8)] == [6_000, 5_000]


@pytest.mark.parametrize(
    "bad", [Change(NO, "1", "5", "BUY"), Change(NO, "0.3", "-5", "BUY"), Change(NO, "0.3", "5", "BUY", "x")]
)
@pytest.mark.parametrize("first", [True, False])
def test_one_entry_that_is_no_number_refuses_the_whole_message(bad: Change, *, first: bool) -> None:
    good = Change(YES, "0.3", "5", "BUY", "0.3", "0.4")
    with pytest.raises(ValueError, match=r"price|size"):
        read_changes(changes(*((bad, good) if first else (good, bad))), 8)


def test_a_message_without_an_entry_is_refused() -> None:
    """A sink is promised at least one level change a call."""
    with pytest.raises(ValueError, match="without an entry"):
        read_changes(changes(), 8)


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("room", [0, 1, 2])
def test_tables_that_start_anew_in_the_middle_of_a_message_do_not_change_it(room: int) -> None:
    """Found by this test: the second learned price emptied the table of the first, and a KeyError left the decoder."""
    fill(room)
    entries = [
        Change(YES, f"0.{n}00000000", f"0.00000{n}", "BUY", f"0.{n}00000000", f"0.{n}100000000") for n in range(1, 6)
    ]
    events = read_changes(changes(*entries), 8)
    assert [(event.price, event.size) for event in events] == [(n * 1_000, n) for n in range(1, 6)]
    assert (events[-1].best_bid, events[-1].best_ask) == (5_000, 5_100)
    assert len(NUMBERS.prices) == len(NUMBERS.ask_ranks) <= PRICES_KEPT
    assert max(len(NUMBERS.bids), len(NUMBERS.asks)) <= PRICES_KEPT


@pytest.mark.parametrize(("bid", "ask"), [("", ""), ("0", "1"), ("1", "0")])
def test_an_empty_side_is_told_as_0_bid_and_one_ask_however_it_is_stated(bid: str, ask: str) -> None:
    (event,) = read_changes(changes(Change(YES, "0.3", "5", "BUY", bid, ask)), 8)
    assert (event.best_bid, event.best_ask) == (0, 10_000)


# ---------------------------------------------------------------- the other kinds


def test_every_kind_has_a_reader() -> None:
    assert READERS.keys() == set(FRAMES.values())


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("known", [(), ("0.31",), ("0.33",), ("0.31", "0.33")])
def test_best_prices_are_told_whether_their_texts_were_met_before_or_not(known: tuple[str, ...]) -> None:
    for text in known:
        NUMBERS.learn_bests(text, text)
    read = READERS[BestBidAsk](BestBidAsk(CONDITION, YES, "0.31", "0.33", 7, "0.02"), 8)
    assert read == BestChanged(YES, CONDITION, 3_100, 3_300, 7, 8)


def test_best_prices_of_empty_sides_are_0_and_one() -> None:
    read = READERS[BestBidAsk](BestBidAsk(CONDITION, YES, "", "1", 7), 8)
    assert read == BestChanged(YES, CONDITION, 0, 10_000, 7, 8)


@pytest.mark.parametrize("price", ["0.630", "0.63", ".63"])
def test_a_trade_is_told_with_exact_numbers(price: str) -> None:
    NUMBERS.learn_price("0.63")
    read = READERS[LastTrade](LastTrade(CONDITION, YES, price, "SELL", 7, "0.000001", "0", "0xab"), 8)
    assert read == Traded(YES, CONDITION, 6_300, 1, "SELL", 0, "0xab", 7, 8)


def test_a_trade_without_size_and_fee_says_none_of_both() -> None:
    """The fee may be "", and a few old recordings have no size."""
    read = READERS[LastTrade](LastTrade(CONDITION, YES, "0.5", "BUY", 7), 8)
    assert read == Traded(YES, CONDITION, 5_000, None, "BUY", None, "", 7, 8)


@pytest.mark.parametrize(
    "message",
    [
        LastTrade(CONDITION, YES, "x", "BUY", 7, "5"),
        LastTrade(CONDITION, YES, "0.5", "BUY", 7, "x"),
        LastTrade(CONDITION, YES, "0.5", "BUY", 7, "5", "x"),
        BestBidAsk(CONDITION, YES, "x", "0.5", 7),
        BestBidAsk(CONDITION, YES, "0.5", "x", 7),
        TickSizeChange(CONDITION, YES, "x", "0.01", 7),
        TickSizeChange(CONDITION, YES, "0.01", "x", 7),
        Book(CONDITION, YES, [], [], 7, tick_size="x"),
        Book(CONDITION, YES, [], [], 7, last_trade_price="x"),
        NewMarket(CONDITION, 7, order_price_min_tick_size="x"),
        NewMarket(CONDITION, 7, fee_schedule=Fees("1", "x")),
        NewMarket(CONDITION, 7, fee_schedule=Fees("1", "1", rebate_rate="nan")),
    ],
)
def test_a_number_that_is_none_refuses_its_message(
    message: Book | LastTrade | BestBidAsk | TickSizeChange | NewMarket,
) -> None:
    with pytest.raises(ValueError, match=r"x|nan"):
        READERS[type(message)](message, 8)


def test_a_new_market_with_only_the_needed_fields_says_none_of_the_rest() -> None:
    read = READERS[NewMarket](NewMarket(CONDITION, 7), 8)
    assert read == MarketCreated(CONDITION, "", "", "", "", (), (), "", "", "", (), False, None, None, 7, 8)


def test_the_tokens_of_a_new_market_come_from_whichever_list_is_there() -> None:
    """The venue sends `assets_ids` and `clob_token_ids`, equal; older frames lack the latter."""
    one: list[str] = [YES, NO]
    two: list[str] = [NO, YES]
    tokens = [
        READERS[NewMarket](message, 8).tokens
        for message in (
            NewMarket(CONDITION, 7, assets_ids=one),
            NewMarket(CONDITION, 7, assets_ids=one, clob_token_ids=two),
        )
    ]
    assert tokens == [(YES, NO), (NO, YES)]


def test_a_new_market_names_its_event_and_fees() -> None:
    fees = Fees("2", "0.0725", taker_only=True, rebate_rate="0.2")
    message = NewMarket(CONDITION, 7, event_message=EventMessage(slug="s", title="t"), fee_schedule=fees)
    read = READERS[NewMarket](message, 8)
    assert (read.event_slug, read.event_title) == ("s", "t")
    assert read.fee == FeeSchedule(Decimal(2), Decimal("0.0725"), taker_only=True, rebate_rate=Decimal("0.2"))


def test_a_resolution_names_its_winner() -> None:
    read = READERS[Resolved](Resolved(CONDITION, 7, NO, "No", "9", [YES, NO], ["a"]), 8)
    assert read == MarketResolved(CONDITION, "9", (TokenId(YES), NO), NO, "No", ("a",), 7, 8)


@pytest.mark.parametrize("tick", ["0", "1", "1.0"])
def test_a_tick_that_is_no_grid_is_refused(tick: str) -> None:
    """Prices lie between 0 and 1, so a grid of 0 or 1 has no price on it."""
    change = TickSizeChange(CONDITION, YES, "0.01", tick, 7)
    with pytest.raises(ValueError, match="is no grid"):
        READERS[TickSizeChange](change, 8)


@pytest.mark.parametrize("rate", ["1_000", " 5", "-1", "٣", "1.5", "1234567"])
def test_a_fee_rate_that_is_no_whole_number_of_basis_points_is_refused(rate: str) -> None:
    trade = LastTrade(CONDITION, YES, "0.5", "BUY", 7, fee_rate_bps=rate)
    with pytest.raises(ValueError, match="basis points"):
        READERS[LastTrade](trade, 8)

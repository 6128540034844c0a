"""`wire.numbers`: decimal texts to exact ints, and tables that stay bounded."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from polywire.model.units import price_text, size_text
from polywire.wire.numbers import PRICES_KEPT, Numbers, read_decimal, read_price, read_size, read_sizes

PRICES = st.from_regex(r"(0?\.[0-9]{1,4}0{0,20}|[01](\.0{0,20})?)", fullmatch=True)
SIZES = st.from_regex(r"(0{0,12}[0-9]{1,9}(\.[0-9]{0,6})?|\.[0-9]{1,6})", fullmatch=True)
NEARLY = st.text(alphabet="0019.eE+-_ ٣²५\n", max_size=12)

NEVER_A_NUMBER = (
    "", " ", ".", "-", "1e5", "1E5", "5e-1", "nan", "NaN", "inf", "Infinity", "-1", "-0", "+1", "-0.5", " 5", "5 ",
    " 0.5", "0.5\n", "1_000", "0.1_1", "0,5", "٣", "0.٣", "½", "²", "0x1", "1.2.3", "..5", "0..5", "true", "0.5f",
    "\x000.5",
)  # fmt: skip


@given(PRICES)
@example("0.0001")
@example("0.9999")
@example("1.")
@example("1.0000000")
@example(".0")
def test_every_price_of_the_grammar_is_read_exactly(text: str) -> None:
    assert read_price(text) == Decimal(text) * 10_000


@given(SIZES)
@example("999999999.999999")
@example("0.000001")
@example("500.0")
@example("5.")
@example("0" * 22 + "100000000")
def test_every_size_of_the_grammar_is_read_exactly(text: str) -> None:
    assert read_size(text) == Decimal(text) * 1_000_000


@given(NEARLY | st.text())
def test_a_text_is_read_exactly_or_refused_and_only_plain_digits_are_read(text: str) -> None:
    for read, one in (read_price, 10_000), (read_size, 1_000_000):
        try:
            value = read(text)
        except ValueError:
            continue
        assert set(text) <= set("0123456789.")
        assert value == Decimal(text) * one


@pytest.mark.parametrize("text", NEVER_A_NUMBER)
def test_what_is_no_plain_decimal_is_neither_a_price_nor_a_size(text: str) -> None:
    """`int` and `Decimal` accept many of these: underscores, spaces, other scripts' digits, exponents."""
    with pytest.raises(ValueError, match="price"):
        read_price(text)
    with pytest.raises(ValueError, match="size"):
        read_size(text)


@pytest.mark.parametrize(
    "text", ["0.00001", "0.99999", "0.1234567", "1.0001", "1.1", "2", "10", "01", "00.5", "11", "0.12345"]
)
def test_a_price_outside_0_to_1_or_finer_than_1e_4_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no decimal from 0 to 1"):
        read_price(text)


@pytest.mark.parametrize("text", ["1000000000", "1000000000.0", "9999999999", "0.0000001", "1.0000000", "5.1234567"])
def test_a_size_of_1e9_shares_or_with_seven_places_is_refused(text: str) -> None:
    """Seven places are refused even where the last is 0: the venue has six."""
    with pytest.raises(ValueError, match="no decimal from 0 to 1e9"):
        read_size(text)


def test_an_over_long_text_is_refused_however_harmless_its_digits() -> None:
    """Read texts are kept as keys; bounding the number of them bounds memory only where each is short."""
    assert (read_price("0.5" + "0" * 29), read_size("0" * 30 + "5")) == (5_000, 5_000_000)
    with pytest.raises(ValueError, match="price"):
        read_price("0.5" + "0" * 30)
    with pytest.raises(ValueError, match="size"):
        read_size("0" * 31 + "5")


def test_a_refusal_quotes_at_most_forty_characters_of_the_text() -> None:
    for read in read_price, read_size, read_decimal:
        with pytest.raises(ValueError, match="x" * 40) as refusal:
            read("x" * 1_000_000)
        assert len(str(refusal.value)) < 120


@given(st.integers(0, 10_000))
def test_a_price_survives_being_written_and_read(price: int) -> None:
    assert read_price(price_text(price)) == price


@given(st.integers(0, 10**15 - 1))
def test_a_size_survives_being_written_and_read(size: int) -> None:
    assert read_size(size_text(size)) == size


@given(st.from_regex(r"-?[0-9]{1,20}(\.[0-9]{0,19})?([eE][+-]?[0-9]{1,2})?", fullmatch=True))
def test_a_decimal_is_read_with_every_digit(text: str) -> None:
    assert str(read_decimal(text)) == str(Decimal(text))


@pytest.mark.parametrize(
    "text",
    ["", "abc", "nan", "sNaN", "inf", "-Infinity", "1..2", "0x10", "1_000", " 1", "1 ", "٣", "1e100", "1" * 41, "-"],
)
def test_what_is_no_plain_finite_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no decimal number of up to 40 digits"):
        read_decimal(text)


# ---------------------------------------------------------------- the tables


def spellings() -> Iterator[str]:
    """Yield prices, every text a new one: trailing zeros make as many as anybody wants."""
    for zeros in range(10):
        for price in range(1, 10_000):
            yield f"0.{price:04d}{'0' * zeros}"


@pytest.mark.parametrize("text", ["0", "1", "0.0", "1.00", ".0000", "0."])
def test_no_level_can_rest_at_0_or_1(text: str) -> None:
    numbers = Numbers()
    with pytest.raises(ValueError, match="no level can rest at 0 or 1"):
        numbers.learn_price(text)
    assert numbers.prices == numbers.ask_ranks == {}


def test_a_learned_price_stands_in_both_tables_and_learning_it_again_changes_nothing() -> None:
    numbers = Numbers()
    numbers.learn_price("0.34")
    numbers.learn_price("0.34")
    assert (numbers.prices, numbers.ask_ranks) == ({"0.34": 3_400}, {"0.34": 6_600})


def test_the_price_tables_stay_bounded_and_right_whatever_spellings_come() -> None:
    numbers, most = Numbers(), 0
    for text in islice(spellings(), PRICES_KEPT + 100):
        numbers.learn_price(text)
        most = max(most, len(numbers.prices))
        assert numbers.prices[text] == 10_000 - numbers.ask_ranks[text]
    assert most == PRICES_KEPT
    assert len(numbers.prices) == 100
    assert numbers.prices == {text: read_price(text) for text in numbers.prices}
    assert numbers.ask_ranks.keys() == numbers.prices.keys()


def test_a_price_known_already_does_not_make_a_full_table_start_anew() -> None:
    numbers = Numbers()
    for text in islice(spellings(), PRICES_KEPT):
        numbers.learn_price(text)
    numbers.learn_price("0.0001")
    assert len(numbers.prices) == PRICES_KEPT


SIDE = st.lists(SIZES | st.integers(0, 10**15 - 1).map(size_text), max_size=8)


@given(SIDE)
@example(["007", "5"])
@example(["5.", ".5"])
@example(["1"])
@example(["999999999.999999", "0", "0.000001"])
def test_the_sizes_of_a_side_are_what_each_is_alone(texts: list[str]) -> None:
    """The fast way goes through doubles: this is the proof that it is exact for all it admits."""
    assert read_sizes(texts) == [read_size(text) for text in texts]


@given(st.integers(10**14, 10**15 - 1))
def test_the_largest_sizes_survive_the_fast_way(size: int) -> None:
    assert read_sizes([size_text(size)]) == [size]


@pytest.mark.parametrize("bad", [*NEVER_A_NUMBER, "1,2", "1000000000", "0.0000001"])
def test_one_bad_size_refuses_its_side(bad: str) -> None:
    with pytest.raises(ValueError, match="size"):
        read_sizes(["5", bad, "7"])


def test_the_tables_of_best_prices_stay_bounded_and_right() -> None:
    numbers, most = Numbers(), 0
    for text in islice(spellings(), PRICES_KEPT + 100):
        numbers.learn_bests(text, text)
        assert numbers.bids[text] == numbers.asks[text] == read_price(text)
        most = max(most, len(numbers.bids), len(numbers.asks))
    assert most == PRICES_KEPT
    assert (len(numbers.bids), len(numbers.asks)) == (100, 100)


@pytest.mark.parametrize("empty", ["", "0", "1", "0.0", "1.000"])
def test_a_best_price_of_nothing_or_0_or_1_is_an_empty_side(empty: str) -> None:
    """Docs show "1" for an empty ask side and by symmetry "0" for bids; "" is met too. Source: streams.md, 2.4."""
    numbers = Numbers()
    numbers.learn_bests(empty, empty)
    assert (numbers.bids[empty], numbers.asks[empty]) == (0, 10_000)


def test_a_best_price_left_unsaid_stays_unsaid() -> None:
    numbers = Numbers()
    numbers.learn_bests(None, "0.4")
    numbers.learn_bests("0.3", None)
    assert numbers.bids == {None: None, "0.3": 3_000}
    assert numbers.asks == {None: None, "0.4": 4_000}


def test_a_best_price_known_already_does_not_make_a_full_table_start_anew() -> None:
    numbers = Numbers()
    for text in islice(spellings(), PRICES_KEPT):
        numbers.learn_bests(text, text)
    numbers.learn_bests("0.0001", "0.0002")
    assert (len(numbers.bids), len(numbers.asks)) == (PRICES_KEPT, PRICES_KEPT)


@pytest.mark.parametrize(("bid", "ask"), [("x", "0.4"), ("0.4", "x"), ("1.5", "0.4"), ("0.4", "-1")])
def test_a_best_price_that_is_no_price_is_refused(bid: str, ask: str) -> None:
    with pytest.raises(ValueError, match="price"):
        Numbers().learn_bests(bid, ask)

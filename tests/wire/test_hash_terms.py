"""`wire.hash_terms`: what enters a hash beside the levels is taken from REST, and the last trade price is found."""

from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.model.levels import Levels
from polywire.model.market import BookReplaced, BookStated
from polywire.model.units import ConditionId, TokenId, price_text
from polywire.wire.book_hash import BookTerms, book_hash
from polywire.wire.hash_terms import MOST_TRIED, Claim, HashTerms, terms_of

TOKEN: Final = TokenId("7")
CONDITION: Final = ConditionId("0x1")
SIDES: Final = Levels.of("bid", [(4_000, 5_000_000)]), Levels.of("ask", [(6_000, 5_000_000)])
OTHERS: Final = Levels.of("bid", [(4_000, 5_000_001)]), SIDES[1]
TERMS: Final = BookTerms("5", "0.01", neg_risk=False, last_trade_price="0.140")
PRICES: Final = {
    100: st.integers(1, 99).map(lambda step: step * 100),
    10: st.integers(1, 999).map(lambda step: step * 10),
}


def stated(
    terms: BookTerms = TERMS, last_trade: int | None = 1_400, tick: int | None = 100, min_size: int | None = 5_000_000
) -> BookStated:
    """Return a REST book whose hash the venue made of `terms`."""
    digest = book_hash(CONDITION, TOKEN, 100, *SIDES, terms)
    said = BookReplaced(TOKEN, CONDITION, *SIDES, tick, last_trade, digest, 100, 1_000)
    return BookStated(said, min_size, neg_risk=terms.neg_risk)


def claim(terms: BookTerms, tick: int | None = None, sides: tuple[Levels, Levels] = SIDES) -> Claim:
    """Return what the venue says of a book that is hashed with `terms`."""
    return Claim(CONDITION, TOKEN, 300, tick, book_hash(CONDITION, TOKEN, 300, *sides, terms))


def learnt(terms: BookTerms = TERMS, last_trade: int | None = 1_400, tick: int = 100) -> HashTerms:
    found = terms_of(stated(terms, last_trade, tick))
    assert found is not None
    return found


def last(text: str | None, tick: str = "0.01") -> BookTerms:
    return msgspec.structs.replace(TERMS, last_trade_price=text, tick_size=tick)


@pytest.mark.parametrize(
    ("text", "last_trade"),
    [("0.140", 1_400), ("0.14", 1_400), ("0.1400", 1_400), ("0.5", 5_000), ("0.50", 5_000), ("", None), (None, 1_400)],
)
def test_however_rest_spells_the_last_trade_it_is_found(text: str | None, last_trade: int | None) -> None:
    terms = learnt(last(text), last_trade)
    assert terms.terms == last(text)
    assert terms.make_up(claim(last(text)), *SIDES)
    assert not terms.make_up(claim(last(text)), *OTHERS)


@pytest.mark.parametrize(
    "odd",
    [
        stated(last("0.150"), 1_400),
        msgspec.structs.replace(stated(), min_size=None),
        msgspec.structs.replace(stated(), min_size=15_000_000),
        stated(tick=None),
        msgspec.structs.replace(stated(), book=msgspec.structs.replace(stated().book, digest="")),
    ],
    ids=["another price", "no size", "another size", "no tick", "no hash"],
)
def test_what_does_not_make_up_rest_s_own_hash_is_not_believed(odd: BookStated) -> None:
    assert terms_of(odd) is None
    terms = learnt()
    assert not terms.update(odd)
    assert terms.terms == TERMS


@given(data=st.data(), tick=st.sampled_from([100, 10]), places=st.integers(1, 4))
def test_any_last_trade_on_the_grid_is_found_by_the_hash_alone_and_remembered(
    data: st.DataObject, tick: int, places: int
) -> None:
    """Whoever does not hear of the trades knows the price all the same."""

    def spelled(price: int) -> BookTerms:
        whole, _, part = price_text(price).partition(".")
        return last(f"{whole}.{part:0<{places}}", price_text(tick))

    prices = data.draw(st.lists(PRICES[tick], min_size=2, max_size=4, unique=True))
    terms = learnt(spelled(prices[0]), prices[0], tick)
    for price in prices[1:]:
        told = claim(spelled(price), tick)
        assert terms.tries_all(told)
        assert not terms.make_up(told, *OTHERS)
        assert terms.make_up(told, *SIDES)
        assert terms.terms == spelled(price)
        assert terms.make_up(told, *SIDES)


def test_the_first_trade_of_a_market_is_found_too() -> None:
    terms = learnt(last(""), None)
    assert terms.make_up(claim(last("0.070")), *SIDES)


def test_a_hash_of_nine_fields_has_no_last_trade_to_look_for() -> None:
    terms = learnt(last(None))
    assert terms.make_up(claim(last(None)), *SIDES)
    assert not terms.make_up(claim(last("0.140")), *SIDES)
    assert terms.tries_all(claim(last(None)))


def test_of_a_grid_that_is_too_fine_the_prices_nearest_to_the_best_are_tried_and_not_all() -> None:
    terms = learnt(last("0.5", "0.0001"), 5_000, 1)
    near, far = 5_000 - MOST_TRIED // 2, 5_000 - MOST_TRIED // 2 - 1
    assert not terms.tries_all(claim(TERMS))
    assert not terms.make_up(claim(last(price_text(far), "0.0001")), *SIDES)
    assert terms.make_up(claim(last(price_text(near), "0.0001")), *SIDES)


@pytest.mark.parametrize(("bids", "asks"), [([], [(2, 10**6)]), ([(9_998, 10**6)], [])])
def test_at_either_end_of_a_fine_grid_the_window_stays_on_it(
    bids: list[tuple[int, int]], asks: list[tuple[int, int]]
) -> None:
    sides = Levels.of("bid", bids), Levels.of("ask", asks)
    terms = learnt(last("0.5", "0.0001"), 5_000, 1)
    price = 1 if asks else 9_999
    assert terms.make_up(claim(last(price_text(price), "0.0001"), sides=sides), *sides)


def test_a_tick_that_the_stream_states_is_tried_beside_the_one_that_rest_did() -> None:
    """Either may be ahead of the hash."""
    terms = learnt()
    assert terms.make_up(claim(TERMS, tick=10), *SIDES)
    assert terms.make_up(claim(last("0.145", "0.001"), tick=10), *SIDES)
    assert terms.terms == last("0.145", "0.001")
    assert terms.make_up(claim(terms.terms), *SIDES)


def test_a_last_trade_that_would_never_have_been_tried_is_learnt_from_rest_and_then_nothing_is_sure() -> None:
    terms = learnt()
    off = claim(last("0.1234"))
    assert terms.tries_all(off)
    assert not terms.make_up(off, *SIDES)
    assert terms.update(stated(last("0.1234"), 1_234))
    assert terms.make_up(off, *SIDES)
    assert not terms.tries_all(off)


@pytest.mark.parametrize(("text", "price"), [("0.140", 1_400), ("0.230", 2_300), ("", None)])
def test_one_that_would_have_been_tried_changes_nothing_of_that(text: str, price: int | None) -> None:
    terms = learnt()
    assert terms.update(stated(last(text), price))
    assert terms.terms == last(text)
    assert terms.tries_all(claim(TERMS))


def test_another_way_of_spelling_is_taken_from_then_on() -> None:
    terms = learnt()
    assert not terms.make_up(claim(last("0.2")), *SIDES)
    assert terms.update(stated(last("0.2"), 2_000))
    assert terms.make_up(claim(last("0.3")), *SIDES)

"""Pages are what the slow, plain rules give: levels, mirrors and hashes, after any run of changes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.venues import CONDITION, NO, YES, market
from polywire.core.matching.orders import LevelMoved
from polywire.exchange.pages import BookPage, MarketPages, page_of, traded_text
from polywire.model.levels import Levels
from polywire.model.units import PRICE_ONE, BookSide
from polywire.wire.book_hash import BookTerms, book_hash

Sides = dict[BookSide, dict[int, int]]

MOVES = st.lists(
    st.builds(
        LevelMoved,
        st.sampled_from(("bid", "ask")),
        st.integers(1, 40).map(lambda cents: cents * 250),
        st.sampled_from((0, 1, 5_000_000, 41_666_320_000)),
    ).filter(lambda move: 0 < move.price < PRICE_ONE),
    max_size=40,
)


def oracle(page: BookPage, bids: dict[int, int], asks: dict[int, int], terms: BookTerms) -> str:
    sides = Levels.of("bid", bids.items()), Levels.of("ask", asks.items())
    return book_hash(page.condition, page.token, page.venue_ms, *sides, terms)


@given(MOVES, st.sampled_from(("", "0.140", "0.5")))
def test_both_pages_hash_as_the_plain_rule_does_after_every_change(moves: list[LevelMoved], last_trade: str) -> None:
    pages = MarketPages(market(), (), (), 1, last_trade)
    kept: Sides = {"bid": {}, "ask": {}}
    terms = BookTerms("5", "0.01", neg_risk=False, last_trade_price=last_trade)
    first, second = pages.pages
    for at, move in enumerate(moves):
        pages.move(move, 1_000 + at)
        kept[move.side][move.price] = move.size
        mirrored_bids = {PRICE_ONE - price: size for price, size in kept["ask"].items()}
        mirrored_asks = {PRICE_ONE - price: size for price, size in kept["bid"].items()}
        assert first.hash == oracle(first, kept["bid"], kept["ask"], terms)
        assert second.hash == oracle(second, mirrored_bids, mirrored_asks, terms)
        sides = Levels.of("bid", kept["bid"].items()), Levels.of("ask", kept["ask"].items())
        assert (first.best_bid, first.best_ask) == (sides[0].best, sides[1].best)
        assert (second.best_bid, second.best_ask) == (PRICE_ONE - sides[1].best, PRICE_ONE - sides[0].best)
        worth = sum(size * price for price, size in sides[0]) + sum(
            size * (PRICE_ONE - price) for price, size in sides[1]
        )
        assert first.worth == second.worth == worth


@given(MOVES)
def test_a_page_made_at_once_equals_one_that_grew(moves: list[LevelMoved]) -> None:
    pages = MarketPages(market(), (), (), 1)
    kept: Sides = {"bid": {}, "ask": {}}
    for move in moves:
        pages.move(move, 9)
        kept[move.side][move.price] = move.size
    sides = Levels.of("bid", kept["bid"].items()), Levels.of("ask", kept["ask"].items())
    made = page_of(CONDITION, YES, *sides, 9)
    made.state_terms("5", "0.01", "", neg_risk=False)
    made.stamp(9)
    pages.renew(9)
    grown = pages.pages[0]
    assert (made.hash, made.answer(), made.worth) == (grown.hash, grown.answer(), grown.worth)
    again = MarketPages(market(), *sides, 9)
    assert [page.answer() for page in again.pages] == [page.answer() for page in pages.pages]


def test_the_answer_holds_the_ten_fields_of_the_hash_in_their_order() -> None:
    pages = MarketPages(market(), (), (), 7)
    pages.move(LevelMoved("bid", 3_400, 41_666_320_000), 8)
    answer = json.loads(pages.pages[1].answer())
    assert list(answer) == [
        "market",
        "asset_id",
        "timestamp",
        "hash",
        "bids",
        "asks",
        "min_order_size",
        "tick_size",
        "neg_risk",
        "last_trade_price",
    ]
    assert answer["asset_id"] == NO
    assert answer["asks"] == [{"price": "0.66", "size": "41666.32"}]
    assert (answer["timestamp"], answer["neg_risk"], answer["last_trade_price"]) == ("8", False, "")


def test_a_trade_changes_the_hash_of_both_books_with_the_next_level() -> None:
    pages = MarketPages(market(), (), (), 7)
    before = [page.hash for page in pages.pages]
    pages.traded("0.340", "SELL")
    assert [page.hash for page in pages.pages] == before
    pages.renew(7)
    assert not set(before) & {page.hash for page in pages.pages}
    assert {(page.last_trade, page.last_side) for page in pages.pages} == {("0.340", "SELL")}


def test_a_new_tick_is_read_by_renew() -> None:
    of = market()
    pages = MarketPages(of, (), (), 7)
    of.tick = 10
    pages.renew(9)
    assert [(page.tick, page.venue_ms) for page in pages.pages] == [("0.001", 9)] * 2


@pytest.mark.parametrize(("price", "text"), [(1_400, "0.140"), (4_000, "0.400"), (9_995, "0.9995"), (10, "0.001")])
def test_a_traded_price_keeps_three_decimals(price: int, text: str) -> None:
    """Captures state "0.140", "0.490" and, in a market whose tick is 0.01, "0.040"."""
    assert traded_text(price) == text

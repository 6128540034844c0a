"""`wire.book_hash`: the venue's checksum of a book, against an independent `json.dumps`."""

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from frames import CONDITION, YES, frame
from polywire.model.levels import Levels
from polywire.model.units import price_text, size_text
from polywire.wire.book_hash import BookTerms, OpenHash, book_hash, hash_of_texts

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.text("0123456789.", max_size=9)
SIDES = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=6)
TERMS = st.builds(BookTerms, TEXTS, TEXTS, st.booleans(), st.none() | TEXTS)
LEVELS = st.dictionaries(st.integers(1, 9_999), st.integers(1, 10**15 - 1), max_size=12)
Side = list[tuple[str, str]]


def oracle(market: str, token: str, time: str, bids: Side, asks: Side, terms: BookTerms) -> str:
    """Return SHA-1 of the compact JSON of the REST form, its keys in the order docs/protocol.md gives."""
    book: dict[str, object] = {"market": market, "asset_id": token, "timestamp": time, "hash": ""}
    for name, side in ("bids", bids), ("asks", asks):
        book[name] = [{"price": price, "size": size} for price, size in side]
    book |= {"min_order_size": terms.min_order_size, "tick_size": terms.tick_size, "neg_risk": terms.neg_risk}
    if terms.last_trade_price is not None:
        book["last_trade_price"] = terms.last_trade_price
    text = json.dumps(book, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def test_the_official_vector_of_ten_fields_comes_out() -> None:
    """Source: the official Python clients' test vector. Its asks ascend, which the venue's own never do."""
    bids, asks = [("0.3", "100"), ("0.4", "100")], [("0.6", "100"), ("0.7", "100")]
    terms = BookTerms("100", "0.01", neg_risk=False, last_trade_price="0.5")
    digest = "0458ea5755c9f73d64a14636fa5c36ed460ec394"
    assert hash_of_texts("0xaabbcc", "100", "123456789", bids, asks, terms) == digest
    packed = Levels.of("bid", [(4_000, 10**8), (3_000, 10**8)]), Levels.of("ask", [(6_000, 10**8), (7_000, 10**8)])
    reordered = hash_of_texts("0xaabbcc", "100", "123456789", bids, asks[::-1], terms)
    assert book_hash("0xaabbcc", "100", 123456789, *packed, terms) == reordered != digest


def test_the_nine_field_form_leaves_the_last_trade_out_and_an_empty_one_stays_in() -> None:
    """Nine fields until late November 2025; a market never traded states ""."""
    nine, empty = (BookTerms("5", "0.01", neg_risk=True, last_trade_price=last) for last in (None, ""))
    sides: tuple[Side, Side] = [("0.2", "1")], [("0.9", "2")]
    digests = [hash_of_texts(CONDITION, YES, "7", *sides, terms) for terms in (nine, empty)]
    assert digests == [oracle(CONDITION, YES, "7", *sides, terms) for terms in (nine, empty)]
    assert digests[0] != digests[1]


@given(TEXTS, SIDES, SIDES, TERMS, st.lists(st.none() | TEXTS, max_size=5))
def test_an_open_hash_is_closed_with_any_last_trade_price_as_often_as_one_likes(
    time: str, bids: Side, asks: Side, terms: BookTerms, lasts: list[str | None]
) -> None:
    opened = OpenHash(CONDITION, YES, time, bids, asks, terms)
    for last in (*lasts, *lasts):
        closed = BookTerms(terms.min_order_size, terms.tick_size, terms.neg_risk, last)
        assert opened.closed(last) == oracle(CONDITION, YES, time, bids, asks, closed)


@given(TEXTS, TEXTS, TEXTS, SIDES, SIDES, TERMS)
def test_the_hash_is_that_of_compact_json_whatever_the_texts(
    market: str, token: str, time: str, bids: Side, asks: Side, terms: BookTerms
) -> None:
    assert hash_of_texts(market, token, time, bids, asks, terms) == oracle(market, token, time, bids, asks, terms)


@given(LEVELS, LEVELS, st.integers(0, 2**53), TERMS)
def test_a_packed_book_has_the_hash_of_its_texts_in_the_venue_s_order(
    bids: dict[int, int], asks: dict[int, int], venue_ms: int, terms: BookTerms
) -> None:
    """Bids ascending, asks descending, no trailing zeros: the order and spelling the venue hashes."""
    low_first: Side = [(price_text(price), size_text(bids[price])) for price in sorted(bids)]
    high_first: Side = [(price_text(price), size_text(asks[price])) for price in sorted(asks, reverse=True)]
    packed = Levels.of("bid", bids.items()), Levels.of("ask", asks.items())
    digest = oracle(CONDITION, YES, str(venue_ms), low_first, high_first, terms)
    assert book_hash(CONDITION, YES, venue_ms, *packed, terms) == digest


def test_every_part_of_a_book_enters_its_hash() -> None:
    bids, asks = Levels.of("bid", [(3_000, 10**8)]), Levels.of("ask", [(7_000, 10**8)])
    terms = BookTerms("100", "0.01", neg_risk=False, last_trade_price="0.5")
    books = [
        ("0x1", "7", 1, bids, asks, terms),
        ("0x2", "7", 1, bids, asks, terms),
        ("0x1", "8", 1, bids, asks, terms),
        ("0x1", "7", 2, bids, asks, terms),
        ("0x1", "7", 1, Levels.of("bid", [(3_000, 10**8 + 1)]), asks, terms),
        ("0x1", "7", 1, bids, Levels.of("ask", [(7_001, 10**8)]), terms),
        ("0x1", "7", 1, bids, asks, BookTerms("5", "0.01", neg_risk=False, last_trade_price="0.5")),
        ("0x1", "7", 1, bids, asks, BookTerms("100", "0.001", neg_risk=False, last_trade_price="0.5")),
        ("0x1", "7", 1, bids, asks, BookTerms("100", "0.01", neg_risk=True, last_trade_price="0.5")),
        ("0x1", "7", 1, bids, asks, BookTerms("100", "0.01", neg_risk=False, last_trade_price="0.50")),
    ]
    assert len({book_hash(*book) for book in books}) == len(books)


def test_the_hand_written_rest_book_states_its_own_hash() -> None:
    """So an exchange or a verifier can be tested with it."""
    book = json.loads(frame("rest.book"))
    bids, asks = ([(level["price"], level["size"]) for level in book[name]] for name in ("bids", "asks"))
    terms = BookTerms(book["min_order_size"], book["tick_size"], book["neg_risk"], book["last_trade_price"])
    assert hash_of_texts(book["market"], book["asset_id"], book["timestamp"], bids, asks, terms) == book["hash"]

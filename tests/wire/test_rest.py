"""`wire.rest`: the answers of `GET /book` and `POST /books` to books."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frames import CONDITION, YES, frame
from polywire.errors import Undecodable
from polywire.model.market import BookReplaced, BookStated
from polywire.wire.rest import KIND, read_rest_book, read_rest_books
from polywire.wire.tally import Tally
from wire.told import asks, bids

SEEN = 8


def answer(**fields: object) -> bytes:
    """Return the hand-written answer with other fields."""
    book: dict[str, Any] = json.loads(frame("rest.book"))
    return json.dumps(book | fields).encode()


def refused(body: bytes) -> Undecodable:
    with pytest.raises(Undecodable) as refusal:
        read_rest_book(body, SEEN, Tally())
    return refusal.value


def test_an_answer_is_a_snapshot_and_the_terms_that_the_stream_leaves_out() -> None:
    tally = Tally()
    assert read_rest_book(frame("rest.book"), SEEN, tally) == BookStated(
        BookReplaced(
            YES,
            CONDITION,
            bids((200, 910_000_000), (5_700, 33_300_000), (6_000, 150_250_000)),
            asks((9_800, 720_000_000), (6_300, 4_500_000)),
            100,
            6_300,
            "15cf4e313b6b72382381721691e64da8756a058d",
            1_795_000_007_000,
            SEEN,
        ),
        5_000_000,
        neg_risk=True,
    )
    assert (tally.unknown_fields, tally.frames, tally.decoded) == ({}, 0, 0)


def test_an_old_answer_without_terms_leaves_them_unsaid() -> None:
    book: dict[str, Any] = json.loads(frame("rest.book"))
    body = json.dumps({key: book[key] for key in ("market", "asset_id", "bids", "asks", "timestamp")}).encode()
    stated = read_rest_book(body, SEEN, Tally())
    assert (stated.min_size, stated.neg_risk) == (None, False)
    assert (stated.book.tick, stated.book.last_trade, stated.book.digest) == (None, None, "")


def test_an_answer_may_leave_out_either_of_tick_and_least_size() -> None:
    stated = [read_rest_book(answer(**fields), SEEN, Tally()) for fields in ({"tick_size": ""}, {"min_order_size": ""})]
    assert [(one.book.tick, one.min_size) for one in stated] == [(None, 5_000_000), (100, None)]


def test_an_answer_s_own_event_type_does_not_matter() -> None:
    assert read_rest_book(answer(event_type="price_change"), SEEN, Tally()).book.token == YES


def test_unknown_fields_are_counted_and_the_book_is_read() -> None:
    tally = Tally()
    stated = read_rest_book(answer(mood="v2", asks=[{"price": "0.7", "size": "1", "n": 1}]), SEEN, tally)
    assert list(stated.book.asks) == [(7_000, 1_000_000)]
    assert tally.unknown_fields == {("book", "mood"): 1, ("book", "asks[].n"): 1}


@pytest.mark.parametrize(
    "body",
    [b"", b"not found", b"{", b'{"bids":"\xff"}', b"[" * 10_000, b'{"a":' * 10_000, b'{"n":' + b"9" * 9_000 + b"}"],
    ids=lambda body: repr(body[:20]),
)
def test_an_answer_that_is_no_json_is_refused_and_may_concern_any_token(body: bytes) -> None:
    refusal = refused(body)
    assert (refusal.kind, refusal.tokens) == ("rest_book", None)


@pytest.mark.parametrize("body", [b"[]", b"5", b"null", b'"x"'])
def test_an_answer_that_is_no_object_is_refused(body: bytes) -> None:
    assert "where a book belongs" in refused(body).reason


@pytest.mark.parametrize("body", [b"{}", b'{"error":"No orderbook exists for the requested token id"}'])
def test_an_error_answer_is_no_book(body: bytes) -> None:
    assert refused(body).tokens is None


@pytest.mark.parametrize("fields", [{"bids": None}, {"asks": {}}, {"timestamp": "x"}, {"neg_risk": "maybe"}], ids=str)
def test_an_answer_of_the_wrong_shape_is_refused_for_its_token(fields: dict[str, object]) -> None:
    assert refused(answer(**fields)).tokens == (YES,)


@pytest.mark.parametrize(
    "fields",
    [
        {"min_order_size": "x"},
        {"tick_size": "2"},
        {"last_trade_price": "-1"},
        {"bids": [{"price": "0", "size": "1"}]},
        {"asks": [{"price": "0.3", "size": "1"}, {"price": "0.3", "size": "1"}]},
    ],
    ids=str,
)
def test_an_answer_with_a_number_that_is_none_is_refused_for_its_token(fields: dict[str, object]) -> None:
    refusal = refused(answer(**fields))
    assert (refusal.kind, refusal.tokens) == ("rest_book", (YES,))


@given(st.binary() | st.integers(0, 700).map(lambda end: frame("rest.book")[:end]))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        came = read_rest_book(body, SEEN, Tally()).book.token
    except Undecodable:
        came = None
    assert came in {None, YES}


# ------------------------------------------------------------ several at once


def several(*bodies: bytes) -> tuple[list[BookStated], Tally]:
    """Read an answer of `POST /books`."""
    tally = Tally()
    return list(read_rest_books(b"[%b]" % b",".join(bodies), SEEN, tally)), tally


def test_several_books_are_each_what_it_would_be_alone() -> None:
    bodies = [answer(asset_id="7"), frame("rest.book"), answer(asset_id="9", bids=[])]
    stated, tally = several(*bodies)
    assert stated == [read_rest_book(body, SEEN, Tally()) for body in bodies]
    assert (tally.messages, tally.undecoded) == ({KIND: 3}, {})


def test_no_books_are_no_fault() -> None:
    assert several()[0] == []


@pytest.mark.parametrize(
    "bad", [b"7", b"null", b"{}", b'{"error":"x"}', answer(bids=None), answer(tick_size="2"), b"[]"]
)
def test_one_bad_book_is_counted_and_left_out_and_the_others_are_read(bad: bytes) -> None:
    stated, tally = several(answer(asset_id="7"), bad, answer(asset_id="9"))
    assert [one.book.token for one in stated] == ["7", "9"]
    assert (tally.messages, tally.undecoded, tally.samples) == ({KIND: 2}, {KIND: 1}, {KIND: [bad]})


def test_books_are_read_only_as_they_are_asked_for() -> None:
    tally = Tally()
    books = read_rest_books(b"[%b,7]" % answer(), SEEN, tally)
    assert next(books).book.token == YES
    assert tally.lost_in_all == 0
    assert [*books] == []
    assert tally.lost_in_all == 1


@pytest.mark.parametrize("body", [b"", b"{}", b"[", b"null", b"<html>", b"[" * 10_000])
def test_an_answer_that_is_no_array_is_refused_and_may_concern_any_token(body: bytes) -> None:
    with pytest.raises(Undecodable) as refusal:
        next(read_rest_books(body, SEEN, Tally()))
    assert (refusal.value.kind, refusal.value.tokens) == (KIND, None)


@given(st.binary() | st.integers(0, 700).map(lambda end: b"[" + frame("rest.book")[:end] + b"]"))
def test_any_answer_is_read_counted_or_refused(body: bytes) -> None:
    tally = Tally()
    try:
        came = [one.book.token for one in read_rest_books(body, SEEN, tally)]
    except Undecodable:
        came = []
    assert set(came) <= {YES}
    assert len(came) == tally.messages.get(KIND, 0)

"""`wire.market_odd`: older forms, unknown fields and what is none of the venue's."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frames import CONDITION, NO, YES
from polywire.errors import Undecodable
from polywire.wire.market_frames import FRAMES, NESTED, Book, Change, Fees, Level, NewMarket, PriceChange, Resolved
from polywire.wire.market_odd import LEVEL_KINDS, kind_of, restate, tokens_of
from polywire.wire.tally import KINDS_KEPT, OTHER, Tally

BOOK: dict[str, Any] = {
    "event_type": "book",
    "market": CONDITION,
    "asset_id": YES,
    "bids": [{"price": "0.3", "size": "5"}],
    "asks": [],
    "timestamp": "7",
}
ENTRY: dict[str, Any] = {"asset_id": YES, "price": "0.3", "size": "5", "side": "BUY"}
CHANGES: dict[str, Any] = {
    "event_type": "price_change",
    "market": CONDITION,
    "price_changes": [ENTRY],
    "timestamp": "7",
}

NAMES = (
    "event_type asset_id token_id market bids asks buys sells price size side changes price_changes timestamp hash "
    "question clob_token_ids event_message fee_schedule x"
)
KEYS = st.sampled_from(NAMES.split()) | st.text(max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def refused(message: dict[str, Any], tally: Tally | None = None) -> Undecodable:
    with pytest.raises(Undecodable) as refusal:
        restate(message, Tally() if tally is None else tally)
    return refusal.value


# ---------------------------------------------------------------- kinds


@pytest.mark.parametrize("kind", FRAMES)
def test_a_stated_kind_is_believed_whatever_the_shape(kind: str) -> None:
    assert kind_of({"event_type": kind, "bids": [], "asks": [], "neg_risk": False}) == kind


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ("bids asks min_order_size", "rest_book"),
        ("bids asks neg_risk market", "rest_book"),
        ("bids asks", "book"),
        ("market price_changes timestamp", "price_change"),
        ("asset_id changes", "price_change"),
        ("old_tick_size new_tick_size", "tick_size_change"),
        ("asset_id price side fee_rate_bps size", "last_trade_price"),
        ("asset_id price side size", "price_change"),
        ("asset_id best_bid best_ask", "best_bid_ask"),
        ("winning_asset_id", "market_resolved"),
        ("question clob_token_ids", "new_market"),
        ("bids", "untyped"),
        ("asset_id price side", "untyped"),
        ("type assets_ids", "untyped"),
    ],
)
def test_a_message_without_event_type_is_told_by_its_shape(keys: str, kind: str) -> None:
    """Recordings from 2024 have none. Source: docs/protocol.md, "Historic forms"."""
    assert kind_of(dict.fromkeys(keys.split())) == kind


@pytest.mark.parametrize("stated", [5, True, ["book"], {"book": 1}])
def test_an_event_type_that_is_no_text_makes_a_message_untyped_whatever_its_shape(stated: object) -> None:
    assert kind_of({"event_type": stated, "bids": [], "asks": []}) == "untyped"


def test_an_unknown_kind_is_named_by_at_most_forty_of_its_characters() -> None:
    assert kind_of({"event_type": "m" * 1_000}) == "unknown:" + "m" * 40


def test_an_unknown_kind_is_refused_and_concerns_no_token() -> None:
    """A kind we do not know is no loss of levels: `MarketDecoder` must not doubt books for it."""
    refusal = refused({"event_type": "merger", "asset_id": YES})
    assert (refusal.kind, refusal.tokens) == ("unknown:merger", ())
    assert "'merger'" in refusal.reason


def test_only_books_and_level_changes_hold_levels() -> None:
    assert {"book", "price_change"} == LEVEL_KINDS


def test_every_nested_object_is_of_a_field_that_its_kind_has() -> None:
    for kind, fields in NESTED.items():
        assert set(fields) <= set(FRAMES[kind].__struct_fields__)


# ---------------------------------------------------------------- tokens


@pytest.mark.parametrize(
    ("message", "tokens"),
    [
        ({"asset_id": YES}, (YES,)),
        ({"token_id": YES}, (YES,)),
        ({"asset_id": None, "token_id": YES}, (YES,)),
        ({"price_changes": [{"asset_id": YES}, {"token_id": NO}, {"asset_id": YES}]}, (YES, NO)),
        ({"price_changes": []}, ()),
        ({"price_changes": "x", "asset_id": NO}, (NO,)),
        ({"price_changes": [{"asset_id": YES}, {"asset_id": 9}]}, None),
        ({"price_changes": [{"asset_id": YES}, {}]}, None),
        ({"price_changes": [{"asset_id": YES}, "x"]}, None),
        ({"price_changes": [{"asset_id": [YES]}]}, None),
        ({"asset_id": [YES]}, None),
        ({}, None),
    ],
)
def test_a_message_speaks_of_any_token_as_soon_as_one_entry_names_none(message: dict[str, Any], tokens: object) -> None:
    """Told too few, a feed would go on answering from the book of the token that was not told."""
    assert tokens_of(message) == tokens


def test_a_refused_message_names_the_tokens_it_concerned() -> None:
    refusal = refused(CHANGES | {"price_changes": [ENTRY, {"asset_id": NO, "price": 5}]})
    assert (refusal.kind, refusal.tokens) == ("price_change", (YES, NO))


@pytest.mark.parametrize("token", [["7"], {"a": "7"}, 7, None])
def test_a_token_that_is_no_text_is_refused_and_then_it_may_be_any(token: object) -> None:
    """Found by this test: an array for a token left the decoder as a TypeError."""
    refusal = refused(BOOK | {"asset_id": token})
    assert (refusal.kind, refusal.tokens) == ("book", None)


# ---------------------------------------------------------------- older forms


def test_buys_and_sells_are_bids_and_asks() -> None:
    message = {key: value for key, value in BOOK.items() if key not in {"bids", "asks"}}
    tally = Tally()
    frame = restate(message | {"buys": [{"price": ".3", "size": "5"}], "sells": [{"price": ".4", "size": "6"}]}, tally)
    assert frame == Book(CONDITION, YES, [Level(".3", "5")], [Level(".4", "6")], 7)
    assert tally.unknown_fields == {}


def test_buys_without_sells_are_a_book_without_asks() -> None:
    message = {key: value for key, value in BOOK.items() if key not in {"bids", "asks"}}
    assert restate(message | {"buys": []}, Tally()) == Book(CONDITION, YES, [], [], 7)


def test_bids_count_and_buys_are_unknown_where_both_are_there() -> None:
    tally = Tally()
    assert restate(BOOK | {"buys": []}, tally) == Book(CONDITION, YES, [Level("0.3", "5")], [], 7)
    assert tally.unknown_fields == {("book", "buys"): 1}


def test_a_flat_change_is_one_entry() -> None:
    flat = ENTRY | {"event_type": "price_change", "market": CONDITION, "timestamp": "7", "hash": "ab"}
    assert restate(flat, Tally()) == PriceChange(CONDITION, [Change(YES, "0.3", "5", "BUY", hash="ab")], 7)


def test_a_batch_of_changes_shares_its_token_and_hash() -> None:
    batch = [{"price": "0.3", "side": "BUY", "size": "5"}, {"price": "0.4", "side": "SELL", "size": "0"}]
    message = {"event_type": "price_change", "market": CONDITION, "asset_id": YES, "hash": "ab", "timestamp": "7"}
    assert restate(message | {"changes": batch}, Tally()) == PriceChange(
        CONDITION, [Change(YES, "0.3", "5", "BUY", hash="ab"), Change(YES, "0.4", "0", "SELL", hash="ab")], 7
    )


@pytest.mark.parametrize("batch", ["x", 5, {"a": 1}, [5], ["x"], [{"price": "0.3"}]])
def test_a_batch_that_is_none_is_refused_for_its_token(batch: object) -> None:
    message = {"event_type": "price_change", "market": CONDITION, "asset_id": YES, "timestamp": "7", "changes": batch}
    refusal = refused(message)
    assert (refusal.kind, refusal.tokens) == ("price_change", (YES,))


def test_other_spellings_of_token_fields_are_read() -> None:
    """The official SDK accepts them too. Source: docs/protocol.md, "Market channel"."""
    book = {key: value for key, value in BOOK.items() if key != "asset_id"} | {"token_id": YES}
    entry = {key: value for key, value in ENTRY.items() if key != "asset_id"} | {"token_id": YES}
    tally = Tally()
    assert restate(book, tally) == restate(BOOK, tally)
    assert restate(CHANGES | {"price_changes": [entry]}, tally) == restate(CHANGES, tally)
    for name in "token_ids", "asset_ids":
        made = restate({"event_type": "new_market", "market": CONDITION, "timestamp": 7, name: [YES]}, tally)
        assert made == NewMarket(CONDITION, 7, assets_ids=[YES])
    assert tally.unknown_fields == {}


def test_a_timestamp_may_be_a_number() -> None:
    """Recorders make it one; the venue sends a text."""
    assert restate(BOOK | {"timestamp": 7}, Tally()) == restate(BOOK, Tally())


# ---------------------------------------------------------------- unknown fields


def test_unknown_fields_are_counted_by_kind_and_name_and_the_message_is_read() -> None:
    tally = Tally()
    book = BOOK | {"venue_mood": "calm", "bids": [{"price": "0.3", "size": "5", "orders": 2, "odd": 1}]}
    assert restate(book, tally) == restate(BOOK, tally)
    assert restate(CHANGES | {"price_changes": [ENTRY | {"odd": None}]}, tally) == restate(CHANGES, tally)
    assert tally.unknown_fields == {
        ("book", "venue_mood"): 1,
        ("book", "bids[].orders"): 1,
        ("book", "bids[].odd"): 1,
        ("price_change", "price_changes[].odd"): 1,
    }


def test_unknown_fields_of_single_nested_objects_are_counted() -> None:
    tally = Tally()
    message = {"event_type": "new_market", "market": CONDITION, "timestamp": 7, "fee_schedule": {"rate": "1", "odd": 1}}
    assert restate(message, tally) == NewMarket(CONDITION, 7, fee_schedule=Fees(rate="1"))
    assert tally.unknown_fields == {("new_market", "fee_schedule[].odd"): 1}


def test_unknown_names_are_cut_and_bounded_in_number() -> None:
    tally = Tally()
    restate(BOOK | {f"{number:03d}" + "y" * 100: 0 for number in range(KINDS_KEPT + 20)}, tally)
    assert len(tally.unknown_fields) == KINDS_KEPT + 1
    assert tally.unknown_fields["book", OTHER] == 20
    assert max(len(name) for _, name in tally.unknown_fields) == 40


def test_a_field_that_is_null_counts_as_left_out() -> None:
    tally = Tally()
    message = BOOK | {"tick_size": None, "last_trade_price": None, "odd": None}
    assert restate(message, tally) == restate(BOOK, tally)
    assert restate(CHANGES | {"price_changes": [ENTRY | {"hash": None}]}, tally) == restate(CHANGES, tally)
    assert tally.unknown_fields == {}


@pytest.mark.parametrize("field", ["market", "asset_id", "bids", "asks", "timestamp"])
@pytest.mark.parametrize("value", [None, 5.5, {"a": 1}, [5], True])
def test_a_needed_field_that_is_null_or_of_the_wrong_type_refuses_the_message(field: str, value: object) -> None:
    assert refused(BOOK | {field: value}).kind == "book"


def test_a_winner_is_needed_for_a_resolution() -> None:
    message = {"event_type": "market_resolved", "market": CONDITION, "timestamp": 7, "winning_outcome": "No"}
    assert "winning_asset_id" in refused(message).reason
    assert restate(message | {"winning_asset_id": NO}, Tally()) == Resolved(CONDITION, 7, NO, "No")


@given(st.dictionaries(KEYS, JSON, max_size=8), st.sampled_from([*FRAMES, None]))
def test_any_object_is_restated_or_refused_with_its_kind(message: dict[str, Any], kind: str | None) -> None:
    if kind is not None:
        message = message | {"event_type": kind}
    try:
        came = type(restate(message, Tally()))
    except Undecodable as refusal:
        found = refusal.kind
    else:
        found = next(name for name, frame in FRAMES.items() if frame is came)
    assert found == kind_of(message)

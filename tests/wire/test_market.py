"""`wire.market`: whatever a frame holds, it is told, or counted as lost; never raised, never silent."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from frames import CONDITION, NO, YES, frame, names
from polywire.errors import Undecodable
from polywire.model.market import BookReplaced
from polywire.wire import market
from polywire.wire.market import MarketDecoder
from polywire.wire.numbers import NUMBERS, PRICES_KEPT
from polywire.wire.sink import Heard
from polywire.wire.tally import KINDS_KEPT, OTHER, SAMPLE_BYTES, SAMPLES_KEPT, Tally
from wire.told import Told

SEEN = 1_795_000_020_000_000_001
FRAMES = [frame(name) for channel in ("market", "rest", "live", "request") for name in names(channel)]
WORDS = {
    b"PONG": Heard.PONG,
    b"pong": Heard.PONG,
    b"INVALID OPERATION": Heard.NOTICE,
    b"NO NEW ASSETS": Heard.NOTICE,
    b"": Heard.NOTICE,
}
BOOK: dict[str, Any] = json.loads(frame("market.book"))
CHANGES: dict[str, Any] = json.loads(frame("market.price_change"))


def wire(message: object) -> bytes:
    """Return a message as the venue writes it."""
    return json.dumps(message, separators=(",", ":")).encode()


def fed(*frames: bytes) -> tuple[list[Heard], Told, Tally]:
    """Return what one decoder answered, told and counted."""
    told = Told()
    decoder = MarketDecoder(told)
    return [decoder.feed(one, SEEN) for one in frames], told, decoder.tally


def changed(**fields: object) -> dict[str, Any]:
    """Return the level changes of both outcomes, the second with other fields."""
    first, second = CHANGES["price_changes"]
    return CHANGES | {"price_changes": [first, second | fields]}


# ---------------------------------------------------------------- words


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("space", [b"", b"\n", b"  "])
def test_a_word_of_the_protocol_is_heard_and_counted_and_told_to_nobody(word: bytes, space: bytes) -> None:
    heard, told, tally = fed(word + space)
    assert heard == [WORDS[word]]
    assert (told.calls, told.losses) == ([], [])
    assert (tally.texts, tally.frames, tally.decoded, tally.undecoded) == ({word.decode(): 1}, 1, 0, {})


@pytest.mark.parametrize("text", [b"PING", b"Pong", b"NO NEW ASSETS!", b"hello", b"nul", b"PONG PONG"])
def test_a_text_that_is_no_word_is_counted_but_no_loss_of_levels(text: bytes) -> None:
    """A short plain word is no damaged message: the venue speaks such words, and may learn new ones."""
    heard, told, tally = fed(text)
    assert heard == [Heard.UNREADABLE]
    assert (told.calls, told.losses) == ([], [])
    assert (tally.undecoded, tally.samples) == ({"not-json": 1}, {"not-json": [text]})


@pytest.mark.parametrize("text", [b"\xff\xfe", b"\xef\xbb\xbf{}", b"}{", b"x" * 65, b'"event_type":"book"}'])
def test_bytes_that_are_neither_a_word_nor_json_may_have_held_levels_of_any_token(text: bytes) -> None:
    heard, told, tally = fed(text)
    assert (heard, sum(tally.undecoded.values())) == ([Heard.UNREADABLE], 1)
    assert told.losses == [(None, SEEN)]


@pytest.mark.parametrize("text", [b"5", b'"PONG"', b"null", b"true", b"1.5"])
def test_json_that_is_no_message_is_counted_as_such(text: bytes) -> None:
    heard, told, tally = fed(text)
    assert (heard, tally.undecoded, told.losses) == ([Heard.UNREADABLE], {"not-an-object": 1}, [])


# ---------------------------------------------------------------- arrays


@pytest.mark.parametrize("text", [b"[]", b" [ ] ", b"[]\n"])
def test_an_empty_array_is_the_answer_to_a_subscription_and_counts_as_a_frame_only(text: bytes) -> None:
    """The venue's answer where only unknown or closed tokens were asked for."""
    heard, told, tally = fed(text)
    assert heard == [Heard.SNAPSHOTS]
    assert (told.calls, told.losses) == ([], [])
    assert (tally.frames, tally.decoded, tally.texts, tally.undecoded) == (1, 0, {}, {})


@pytest.mark.parametrize("extra", [{}, {"odd": 1}], ids=["of the current form", "with an unknown field"])
def test_an_array_of_books_is_told_apart_from_one_book_and_from_an_array_of_other_things(extra: dict[str, int]) -> None:
    book, change = BOOK | extra, CHANGES | extra
    heard, told, tally = fed(wire([book, book]), wire(book), wire([book, change]), wire([change]))
    assert heard == [Heard.SNAPSHOTS, Heard.DATA, Heard.DATA, Heard.DATA]
    assert [isinstance(call, BookReplaced) for call in told.calls] == [True, True, True, True, False, False]
    assert (tally.frames, tally.messages) == (4, {"book": 4, "price_change": 2})


@pytest.mark.parametrize(
    ("bad", "kind", "losses"),
    [
        (BOOK | {"bids": [{"price": "1e5", "size": "1"}]}, "book", [((NO,), SEEN)]),
        (BOOK | {"bids": None}, "book", [((NO,), SEEN)]),
        (BOOK | {"asset_id": 5}, "book", [(None, SEEN)]),
        (changed(price="0"), "price_change", [((YES, NO), SEEN)]),
        (changed(asset_id=None), "price_change", [(None, SEEN)]),
        ({"event_type": "merger"}, "unknown:merger", []),
        ({"event_type": "best_bid_ask", "market": CONDITION}, "best_bid_ask", []),
        ({"event_type": "last_trade_price", "asset_id": YES, "price": 1}, "last_trade_price", []),
        ({}, "untyped", []),
        (5, "not-an-object", []),
        (None, "not-an-object", []),
    ],
    ids=str,
)
@pytest.mark.parametrize("extra", [{}, {"odd": 1}], ids=["of the current form", "with an unknown field"])
def test_one_bad_element_costs_nothing_but_itself(
    bad: object, kind: str, losses: list[object], extra: dict[str, int]
) -> None:
    heard, told, tally = fed(wire([BOOK | extra, bad, CHANGES]))
    assert heard == [Heard.UNREADABLE]
    assert [type(call) for call in told.calls] == [BookReplaced, list]
    assert told.losses == losses
    assert (tally.messages, tally.undecoded) == ({"book": 1, "price_change": 1}, {kind: 1})
    assert len(tally.samples[kind]) == 1


# ---------------------------------------------------------------- level changes


@pytest.mark.parametrize(
    "fields",
    [
        {"price": "0"}, {"price": "1"}, {"price": "1.2"}, {"price": "0.00001"}, {"price": ""},
        {"price": 0.4}, {"price": None},
        {"size": "-1"}, {"size": "1e5"}, {"size": "1000000000"}, {"size": "0.0000001"},
        {"size": "٣"}, {"size": 5}, {"size": None},
        {"side": "buy"}, {"side": ""}, {"side": None}, {"best_bid": "x"}, {"best_ask": "2"},
        {"best_ask": 0.5}, {"hash": 5},
    ],
    ids=str,
)  # fmt: skip
def test_a_bad_entry_means_that_no_entry_of_its_message_is_handed_on(fields: dict[str, object]) -> None:
    """A half-applied message would leave the outcomes out of step; both tokens are told as lost instead."""
    heard, told, tally = fed(wire(changed(**fields)))
    assert heard == [Heard.UNREADABLE]
    assert (told.calls, told.losses) == ([], [((YES, NO), SEEN)])
    assert (tally.frames, tally.decoded, tally.undecoded) == (1, 0, {"price_change": 1})


def test_what_is_wrong_is_said_to_the_sink() -> None:
    _, told, _ = fed(wire(changed(size="1e5")))
    assert told.reasons == [
        "undecodable price_change: size '1e5' is no decimal from 0 to 1e9 shares with at most 6 places"
    ]


@pytest.mark.parametrize("form", [wire, lambda message: wire([message]), lambda message: json.dumps(message).encode()])
def test_a_level_change_is_told_the_same_in_every_framing(form: Any) -> None:
    heard, told, tally = fed(form(CHANGES))
    assert (heard, tally.messages) == ([Heard.DATA], {"price_change": 1})
    assert told.calls == [market.decode(frame("market.price_change"), SEEN)]


def test_only_level_changes_of_the_current_form_take_the_fast_path() -> None:
    """`Tally.changes` is that path's own count."""
    _, _, tally = fed(wire(CHANGES), wire(CHANGES | {"odd": 1}), wire([CHANGES]), frame("market.price_change.flat"))
    assert (tally.changes, tally.other_frames) == (1, 3)
    assert tally.messages == {"price_change": 4}


def test_a_frame_that_ends_like_a_level_change_but_is_none_is_read_as_what_it_is() -> None:
    text = b'{"event_type":"last_trade_price","market":"0x1","asset_id":"7","price":"0.5","side":"BUY","timestamp":"1",'
    heard, told, tally = fed(text + b'"transaction_hash":"price_change"}')
    assert (heard, tally.messages, len(told.calls)) == ([Heard.DATA], {"last_trade_price": 1}, 1)


def test_a_message_without_an_entry_is_counted_and_concerns_no_token() -> None:
    heard, told, tally = fed(wire(CHANGES | {"price_changes": []}))
    assert (heard, told.calls, told.losses) == ([Heard.UNREADABLE], [], [])
    assert tally.undecoded == {"price_change": 1}


def test_two_entries_of_one_token_state_best_prices_once_and_in_the_end() -> None:
    first = CHANGES["price_changes"][0]
    _, told, _ = fed(wire(CHANGES | {"price_changes": [first, first | {"price": "0.59", "best_bid": "0.59"}]}))
    (events,) = told.calls
    assert isinstance(events, list)
    assert [(event.price, event.best_bid, event.best_ask) for event in events] == [
        (6_000, None, None),
        (5_900, 5_900, 6_300),
    ]


def test_a_full_table_of_prices_is_no_reason_to_lose_a_message() -> None:
    """Found by this test: tables that start anew in the middle of a message let a KeyError out."""
    prices, ranks = NUMBERS.prices, NUMBERS.ask_ranks
    prices.clear()
    ranks.clear()
    for price in range(PRICES_KEPT - 1):
        NUMBERS.learn_price(f"0.{price % 9_999 + 1:04d}{'0' * (price // 9_999 + 3)}")
    heard, told, _ = fed(wire(changed(price="0.40")))
    assert heard == [Heard.DATA]
    assert [[event.price for event in call] for call in told.calls if isinstance(call, list)] == [[6_000, 4_000]]
    assert prices == {"0.40": 4_000}
    prices.clear()
    ranks.clear()


# ---------------------------------------------------------------- snapshots


@pytest.mark.parametrize(
    "sides",
    [
        {"bids": [{"price": "0", "size": "1"}]},
        {"asks": [{"price": "1", "size": "1"}]},
        {"bids": [{"price": "0.3", "size": "1"}, {"price": "0.30", "size": "2"}]},
        {"bids": [{"price": "0.3"}]},
        {"bids": ["0.3"]},
        {"bids": {}},
        {"asks": None},
        {"tick_size": "x"},
        {"last_trade_price": "-1"},
        {"timestamp": "soon"},
    ],
    ids=str,
)
def test_a_snapshot_that_cannot_be_is_lost_for_its_token(sides: dict[str, object]) -> None:
    heard, told, tally = fed(wire(BOOK | sides))
    assert (heard, told.calls, told.losses) == ([Heard.UNREADABLE], [], [((NO,), SEEN)])
    assert tally.undecoded == {"book": 1}


def test_a_snapshot_unsorted_and_with_empty_levels_is_the_same_snapshot() -> None:
    shuffled = BOOK | {side: [*reversed(BOOK[side]), {"price": "0.123", "size": "0"}] for side in ("bids", "asks")}
    _, told, _ = fed(wire(BOOK), wire(shuffled))
    assert told.calls[0] == told.calls[1]


def test_rest_books_among_frames_are_counted_and_not_applied() -> None:
    """Recorders keep REST answers among the frames of a socket; their order beside them is not known."""
    heard, told, tally = fed(frame("rest.book"), b"[" + frame("rest.book") + b"]")
    assert heard == [Heard.DATA, Heard.DATA]
    assert (told.calls, told.losses) == ([], [])
    assert (tally.messages, tally.undecoded) == ({"rest_book": 2}, {})


def test_a_rest_book_that_cannot_be_is_not_silent() -> None:
    heard, _, tally = fed(frame("rest.book").replace(b'"0.57"', b'"5.7"'))
    assert (heard, tally.decoded, tally.lost_in_all) == ([Heard.UNREADABLE], 0, 1)


# ---------------------------------------------------------------- what is not ours


@pytest.mark.parametrize("event_type", ["merger", "", "BOOK", "price_change "])
def test_an_unknown_event_type_is_counted_and_is_no_loss_of_levels(event_type: str) -> None:
    heard, told, tally = fed(wire(CHANGES | {"event_type": event_type}))
    assert (heard, told.calls, told.losses) == ([Heard.UNREADABLE], [], [])
    assert tally.undecoded == {f"unknown:{event_type}": 1}
    assert tally.samples == {f"unknown:{event_type}": [wire(CHANGES | {"event_type": event_type})]}


@pytest.mark.parametrize(
    ("message", "same", "field"),
    [
        (CHANGES | {"odd": [1]}, CHANGES, ("price_change", "odd")),
        (changed(odd=None), CHANGES, ("price_change", "price_changes[].odd")),
        (BOOK | {"odd": {"a": 1}}, BOOK, ("book", "odd")),
        (BOOK | {"bids": [one | {"orders": 3} for one in BOOK["bids"]]}, BOOK, ("book", "bids[].orders")),
    ],
)
def test_an_unknown_field_is_counted_and_its_message_applied(
    message: dict[str, Any], same: dict[str, Any], field: tuple[str, str]
) -> None:
    heard, told, tally = fed(wire(message), wire(same))
    assert heard == [Heard.DATA, Heard.DATA]
    assert told.calls[0] == told.calls[1]
    assert (tally.undecoded, list(tally.unknown_fields)) == ({}, [field])


def test_kinds_and_samples_of_what_cannot_be_read_are_bounded() -> None:
    frames = [wire({"event_type": f"kind {number}", "pad": "x" * 5_000}) for number in range(KINDS_KEPT + 9)]
    _, _, tally = fed(*frames * (SAMPLES_KEPT + 1))
    assert len(tally.undecoded) == KINDS_KEPT + 1
    assert tally.undecoded[OTHER] == 9 * (SAMPLES_KEPT + 1)
    assert {len(kept) for kept in tally.samples.values()} == {SAMPLES_KEPT}
    assert {len(sample) for kept in tally.samples.values() for sample in kept} == {SAMPLE_BYTES}
    assert tally.frames == len(frames) * (SAMPLES_KEPT + 1)


# ---------------------------------------------------------------- hostile bytes


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (frame("market.price_change")[:-2], "not-json"),
        (frame("market.book.first")[:-1], "not-json"),
        (b"{", "not-json"),
        (b"  [", "not-json"),
        (frame("market.book") + b"}", "not-json"),
        (frame("market.book") * 2, "not-json"),
        (b'{"event_type":"book","market":"\xff"}', "bad-utf8"),
        (frame("market.price_change").replace(b'"BUY"', b'"B\xc3"'), "bad-utf8"),
        (b"[" * 100_000, "too-deep"),
        (b'{"a":' * 100_000, "too-deep"),
        (b'{"event_type":"book","n":' + b"9" * 10_000 + b"}", "not-json"),
        (b'{"event_type":"book","n":1e999}', "not-json"),
        (b'{"event_type":"\\ud800"}', "not-json"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_json_that_cannot_be_parsed_may_have_been_a_loss_for_any_token(text: bytes, kind: str) -> None:
    heard, told, tally = fed(text)
    assert (heard, told.calls, told.losses) == ([Heard.UNREADABLE], [], [(None, SEEN)])
    assert (tally.undecoded, tally.samples) == ({kind: 1}, {kind: [text[:SAMPLE_BYTES]]})


@pytest.mark.parametrize("depth", [10, 200, 900, 960, 980, 990, 1_000, 5_000])
@pytest.mark.parametrize("shape", [b'{"event_type":"x","a":%s}', b'[{"event_type":"book","bids":%s}]', b"%s"])
def test_nesting_of_any_depth_is_counted_and_not_raised(depth: int, shape: bytes) -> None:
    """Whatever parses may still be too deep for what is done with it next."""
    _, _, tally = fed(shape % (b"[" * depth + b"]" * depth))
    assert (tally.frames, tally.lost_in_all) == (1, 1)


def test_a_huge_integer_in_an_unknown_field_costs_nothing() -> None:
    heard, told, tally = fed(wire([CHANGES | {"odd": 10**30}, CHANGES | {"odd": -(10**300)}]))
    assert (heard, len(told.calls), tally.undecoded) == ([Heard.DATA], 2, {})


def grown(one: bytes) -> tuple[int, Tally, Heard]:
    """Return by how much the counts of texts, messages and losses grew in all, for one frame."""
    (heard,), told, tally = fed(one)
    assert tally.frames == 1
    assert (heard is Heard.UNREADABLE) == (tally.lost_in_all > 0)
    assert len(told.calls) == tally.decoded - tally.messages.get("rest_book", 0)
    return sum(tally.texts.values()) + tally.decoded + tally.lost_in_all, tally, heard


def is_counted(one: bytes) -> None:
    """Assert that a frame left exactly one trace, or as many as it is an array of things."""
    traces, _, _ = grown(one)
    try:
        whole = json.loads(one)
    except (ValueError, RecursionError):
        whole = None
    assert traces == 1 or (isinstance(whole, list) and traces == len(whole))


@given(st.binary() | st.text().map(str.encode) | st.sampled_from([b"[]", b"{}", b"[{}]", b"[[]]", b"\xef\xbb\xbf{}"]))
@example(b"[]")
def test_any_bytes_are_counted_and_never_raised(one: bytes) -> None:
    is_counted(one)


@pytest.mark.parametrize("whole", FRAMES, ids=lambda whole: repr(whole[:30]))
def test_a_frame_cut_anywhere_is_counted_and_never_raised(whole: bytes) -> None:
    for end in range(len(whole)):
        is_counted(whole[:end])
        is_counted(whole[end:])


@given(st.sampled_from(FRAMES), st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_frame_with_changed_bytes_is_counted_and_never_raised(whole: bytes, changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(whole)
    for at, byte in changes:
        damaged[at % len(damaged)] = byte
    is_counted(bytes(damaged))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from([name for name in names("market") if not name.endswith(("first", "untyped"))]), st.data())
def test_a_message_with_any_value_in_any_field_is_counted_and_never_raised(name: str, data: st.DataObject) -> None:
    message: dict[str, Any] = json.loads(frame(name))
    field = data.draw(st.sampled_from(sorted(message)))
    inner = message[field]
    if isinstance(inner, list) and isinstance(inner[0], dict) and data.draw(st.booleans()):
        inner[0][data.draw(st.sampled_from(sorted(inner[0])))] = data.draw(JSON)
    else:
        message[field] = data.draw(JSON)
    is_counted(wire(message))
    is_counted(wire([message, message]))


# ---------------------------------------------------------------- decoders and tallies


def test_decoding_to_events_is_the_same_code() -> None:
    tally = Tally()
    events = [event for name in names("market") for event in market.decode(frame(name), SEEN, tally)]
    _, told, other = fed(*(frame(name) for name in names("market")))
    flat = [event for call in told.calls for event in (call if isinstance(call, list) else [call])]
    assert events == flat
    assert (tally.messages, tally.frames) == (other.messages, other.frames)


def test_two_decoders_can_count_into_one_tally() -> None:
    tally = Tally()
    for decoder in MarketDecoder(Told(), tally), MarketDecoder(Told(), tally):
        decoder.feed(b"PONG", SEEN)
        decoder.feed(frame("market.price_change"), SEEN)
    assert (tally.texts, tally.changes) == ({"PONG": 2}, 2)


def test_a_loss_can_be_caught_as_the_venue_s_fault() -> None:
    refusal = Undecodable("book", "why", ("7",))
    assert (str(refusal), refusal.kind, refusal.reason, refusal.tokens) == (
        "undecodable book: why",
        "book",
        "why",
        ("7",),
    )

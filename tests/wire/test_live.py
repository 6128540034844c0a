"""`wire.live`: the live-data service's frames to events; whatever a frame holds, it is told or counted."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from frames import frame, names
from polywire.model.events import Event
from polywire.model.live import (
    ActivityMatched,
    Commented,
    CryptoPriced,
    EquityPriced,
    LiveRefused,
    PricesBackfilled,
    Reacted,
)
from polywire.wire import live
from polywire.wire.live import LiveDecoder
from polywire.wire.sink import Heard
from polywire.wire.tally import KINDS_KEPT, SAMPLE_BYTES, Tally

SEEN = 1_795_000_020_000_000_001
FRAMES = [frame(name) for channel in ("live", "market", "request") for name in names(channel)]


def wire(message: object) -> bytes:
    """Return a message as the service writes it."""
    return json.dumps(message, separators=(",", ":")).encode()


def fed(*frames: bytes) -> tuple[list[Heard], list[Event], Tally]:
    """Return what one decoder answered, told and counted."""
    told: list[Event] = []
    decoder = LiveDecoder(told.append)
    return [decoder.feed(one, SEEN) for one in frames], told, decoder.tally


def message(name: str, /, **fields: object) -> dict[str, Any]:
    """Return a hand-written frame with other fields in its payload."""
    whole: dict[str, Any] = json.loads(frame(f"live.{name}"))
    return whole | {"payload": whole["payload"] | fields}


def priced(name: str, **fields: object) -> Decimal:
    """Return the value of a price frame with other fields."""
    (event,) = live.decode(wire(message(name, **fields)), SEEN)
    assert isinstance(event, CryptoPriced | EquityPriced)
    return event.value


# ---------------------------------------------------------------- words and errors


@pytest.mark.parametrize(
    ("text", "heard"),
    [(b"PONG", Heard.PONG), (b"pong\n", Heard.PONG), (b"", Heard.NOTICE), (b" \n", Heard.NOTICE)],
)
def test_a_word_or_an_empty_frame_is_heard_and_counted_and_tells_nothing(text: bytes, heard: Heard) -> None:
    """Empty text frames occur and must be ignored. Source: docs/protocol.md, "Live data"."""
    answers, told, tally = fed(text)
    assert (answers, told) == ([heard], [])
    assert (tally.texts, tally.frames, tally.decoded, tally.undecoded) == ({text.strip().decode(): 1}, 1, 0, {})


def test_a_refused_request_is_told_and_is_no_data() -> None:
    """A service that refuses what was asked for must not look alive because of it."""
    heard, told, tally = fed(b'{"message":"Invalid request body","connectionId":"c","requestId":"r","odd":1}')
    assert (heard, told) == ([Heard.NOTICE], [LiveRefused("Invalid request body", "r", SEEN)])
    assert (tally.messages, tally.unknown_fields) == ({"refused": 1}, {("refused", "odd"): 1})


def test_a_refusal_without_a_request_id_is_one_too() -> None:
    _, told, _ = fed(b'{"message":"no","connectionId":"c"}')
    assert told == [LiveRefused("no", "", SEEN)]


@pytest.mark.parametrize("half", [b'{"message":"no"}', b'{"connectionId":"c"}'])
def test_half_an_error_answer_is_none(half: bytes) -> None:
    heard, told, tally = fed(half)
    assert (heard, told, tally.undecoded) == ([Heard.UNREADABLE], [], {"untyped": 1})


def test_data_is_told_from_words() -> None:
    heard, told, _ = fed(frame("live.crypto_prices.update"))
    assert (heard, len(told)) == ([Heard.DATA], 1)


# ---------------------------------------------------------------- prices


def test_the_exact_text_of_a_number_counts_to_its_last_digit() -> None:
    """`value` is a JSON number; as a double its last digits would be others."""
    text = frame("live.crypto_prices.update").replace(b"98123.4567,", b"0.1234567890123456789012345678901234567,")
    (event,) = live.decode(text.replace(b'"98123.45670000"', b'""'), SEEN)
    assert isinstance(event, CryptoPriced)
    assert event.value == Decimal("0.1234567890123456789012345678901234567")


@pytest.mark.parametrize("topic", ["crypto_prices_chainlink", "crypto_prices_twap_thirty", "crypto_prices_twap_sixty"])
def test_an_integer_text_of_chainlink_counts_1e_18_and_a_text_with_a_point_counts_1(topic: str) -> None:
    assert priced(f"{topic}.update", full_accuracy_value="1") == Decimal("1e-18")
    assert priced(f"{topic}.update", full_accuracy_value="-5") == Decimal("-5e-18")
    assert priced(f"{topic}.update", full_accuracy_value="1.5") == Decimal("1.5")


@pytest.mark.parametrize("name", ["crypto_prices.update", "equity_prices.update"])
def test_a_text_of_binance_or_pyth_counts_1_with_and_without_a_point(name: str) -> None:
    assert priced(name, full_accuracy_value="61035") == 61_035
    assert priced(name, full_accuracy_value="61035.5") == Decimal("61035.5")


@pytest.mark.parametrize("name", ["crypto_prices.update", "crypto_prices_chainlink.update", "equity_prices.update"])
def test_without_the_finer_text_the_value_counts(name: str) -> None:
    assert priced(name, full_accuracy_value="", value=12.5) == Decimal("12.5")


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-inf", "sNaN", "x", "", None, True, []])
def test_a_price_that_is_no_finite_number_is_refused(value: object) -> None:
    """Found by this test: msgspec reads the text "NaN" as a Decimal, and no comparison with it is ever true."""
    frames = [
        message("crypto_prices.update", value=value, full_accuracy_value=""),
        message("equity_prices.update", value=value, full_accuracy_value=""),
        message("crypto_prices.subscribe", data=[{"timestamp": 1, "value": value}]),
        message("activity.trades", price=value),
        message("activity.trades", size=value),
    ]
    heard, told, tally = fed(*map(wire, frames))
    assert (heard, told) == ([Heard.UNREADABLE] * 5, [])
    assert tally.undecoded == {
        "crypto_prices.update": 1,
        "equity_prices.update": 1,
        "crypto_prices.subscribe": 1,
        "activity.trades": 2,
    }


@pytest.mark.parametrize("text", ["nan", "inf", "x", "1e5x", "0x10"])
@pytest.mark.parametrize("name", ["crypto_prices.update", "crypto_prices_chainlink.update", "equity_prices.update"])
def test_a_finer_text_that_is_no_number_is_refused_though_the_value_is_one(name: str, text: str) -> None:
    heard, told, tally = fed(wire(message(name, full_accuracy_value=text)))
    assert (heard, told, tally.undecoded) == ([Heard.UNREADABLE], [], {name: 1})


def test_an_empty_back_fill_has_no_time_of_its_own() -> None:
    (event,) = live.decode(wire(message("crypto_prices.subscribe", data=[])), SEEN)
    assert isinstance(event, PricesBackfilled)
    assert (event.points, event.venue_ms) == ((), 0)


def test_a_back_fill_has_the_time_of_its_last_point() -> None:
    (event,) = live.decode(frame("live.crypto_prices.subscribe"), SEEN)
    assert isinstance(event, PricesBackfilled)
    assert [point.venue_ms for point in event.points] == [1_795_000_008_000, 1_795_000_009_000]
    assert event.venue_ms == 1_795_000_009_000


def test_an_equity_price_may_leave_out_when_it_was_received() -> None:
    whole = message("equity_prices.update")
    del whole["payload"]["received_at"], whole["payload"]["is_carried_forward"]
    (event,) = live.decode(wire(whole), SEEN)
    assert isinstance(event, EquityPriced)
    assert (event.received_ms, event.carried_forward) == (None, False)


def test_a_frame_without_its_envelope_s_time_was_sent_at_0() -> None:
    whole = message("crypto_prices.update")
    del whole["timestamp"]
    (event,) = live.decode(wire(whole), SEEN)
    assert isinstance(event, CryptoPriced)
    assert (event.sent_ms, event.venue_ms) == (0, 1_795_000_010_000)


# ---------------------------------------------------------------- comments and activity


@pytest.mark.parametrize(("type_", "removed"), [("comment_created", False), ("comment_removed", True)])
def test_a_comment_says_whether_it_was_removed(type_: str, *, removed: bool) -> None:
    (event,) = live.decode(wire(message("comments.comment_created") | {"type": type_}), SEEN)
    assert isinstance(event, Commented)
    assert (event.removed, event.parent, event.reply_to) == (removed, 7_001, "500100")


@pytest.mark.parametrize(("type_", "removed"), [("reaction_created", False), ("reaction_removed", True)])
def test_a_reaction_says_whether_it_was_removed(type_: str, *, removed: bool) -> None:
    (event,) = live.decode(wire(message("comments.reaction_created") | {"type": type_}), SEEN)
    assert isinstance(event, Reacted)
    assert event.removed is removed


@pytest.mark.parametrize(
    ("profile", "name"),
    [({"name": "n", "pseudonym": "p"}, "n"), ({"name": "", "pseudonym": "p"}, "p"), ({}, ""), (None, "")],
)
def test_a_comment_s_author_is_called_by_name_or_else_by_pseudonym(profile: object, name: str) -> None:
    (event,) = live.decode(wire(message("comments.comment_created", profile=profile)), SEEN)
    assert isinstance(event, Commented)
    assert event.name == name


@pytest.mark.parametrize(("fields", "name"), [({"name": "n"}, "n"), ({"name": ""}, "Quiet-Lantern")])
def test_a_trader_is_called_by_name_or_else_by_pseudonym(fields: dict[str, str], name: str) -> None:
    (event,) = live.decode(wire(message("activity.trades", **fields)), SEEN)
    assert isinstance(event, ActivityMatched)
    assert event.name == name


@pytest.mark.parametrize("missing", ["conditionId", "proxyWallet", "asset"])
def test_activity_without_topic_is_told_by_wallet_condition_and_asset_together(missing: str) -> None:
    """Live activity frames have been seen without topic and type. Source: docs/protocol.md, "Live data"."""
    whole: dict[str, Any] = json.loads(frame("live.activity.untyped"))
    del whole["payload"][missing]
    heard, told, tally = fed(wire(whole))
    assert (heard, told, tally.undecoded) == ([Heard.UNREADABLE], [], {"untyped": 1})


def test_a_trade_s_seconds_are_told_in_milliseconds() -> None:
    """The payload's `timestamp` is the only one of the service in seconds."""
    (event,) = live.decode(wire(message("activity.trades", timestamp=17)), SEEN)
    assert isinstance(event, ActivityMatched)
    assert (event.venue_ms, event.sent_ms) == (17_000, 1_795_000_010_500)


def test_activity_without_topic_is_counted_as_orders_matched() -> None:
    _, told, tally = fed(frame("live.activity.untyped"))
    assert ([type(event) for event in told], tally.messages) == ([ActivityMatched], {"activity.orders_matched": 1})


# ---------------------------------------------------------------- what is not ours


@pytest.mark.parametrize(
    ("topic", "type_"),
    [
        ("weather", "update"),
        ("crypto_prices", "delete"),
        ("crypto_prices_chainlink", "subscribe"),
        ("equity_prices", "*"),
        ("comments", "update"),
        ("activity", "update"),
        ("clob_user", "order"),
        ("clob_market", "merger"),
    ],
)
def test_an_unknown_topic_or_type_is_counted_as_unknown(topic: str, type_: str) -> None:
    """Found by this test: they were counted as if they were known and broken."""
    heard, told, tally = fed(wire({"topic": topic, "type": type_, "timestamp": 1, "payload": {}}))
    assert (heard, told, tally.undecoded) == ([Heard.UNREADABLE], [], {f"unknown:{topic}.{type_}": 1})


@pytest.mark.parametrize("topic", ["x" * 100_000, "clob_market"])
def test_names_of_unknown_topics_and_fields_are_cut(topic: str) -> None:
    """Found by this test: a topic as long as a frame was kept as a name."""
    whole = {"topic": topic, "type": "y" * 100_000, "timestamp": 1, "payload": {}, "z" * 100_000: 1}
    _, _, tally = fed(wire(whole))
    assert max(map(len, tally.undecoded)) <= 60
    assert max(len(kind) + len(field) for kind, field in tally.unknown_fields) <= 80


def test_kinds_of_what_cannot_be_read_are_bounded() -> None:
    whole = {"type": "x", "timestamp": 1, "payload": {}}
    _, _, tally = fed(*(wire(whole | {"topic": f"topic {number}"}) for number in range(KINDS_KEPT + 9)))
    assert len(tally.undecoded) == KINDS_KEPT + 1
    assert tally.lost_in_all == KINDS_KEPT + 9


def test_unknown_fields_are_counted_and_the_frame_is_told() -> None:
    whole = message("crypto_prices.update", mood=1) | {"weather": "x"}
    _, told, tally = fed(wire(whole))
    assert told == live.decode(frame("live.crypto_prices.update"), SEEN)
    assert tally.unknown_fields == {("crypto_prices.update", "weather"): 1, ("crypto_prices.update", "mood"): 1}


@pytest.mark.parametrize(
    "change",
    [
        {"payload": None},
        {"payload": []},
        {"payload": {}},
        {"timestamp": None},
        {"timestamp": "soon"},
        {"timestamp": 1.5},
    ],
    ids=str,
)
def test_a_known_frame_with_a_broken_envelope_is_counted_under_its_topic_and_type(change: dict[str, object]) -> None:
    heard, told, tally = fed(wire(message("crypto_prices.update") | change))
    assert (heard, told, tally.undecoded) == ([Heard.UNREADABLE], [], {"crypto_prices.update": 1})


def test_a_known_frame_without_payload_is_counted_under_its_topic_and_type() -> None:
    heard, _, tally = fed(b'{"topic":"crypto_prices","type":"update","timestamp":1}')
    assert (heard, tally.undecoded) == ([Heard.UNREADABLE], {"crypto_prices.update": 1})


@pytest.mark.parametrize("name", [name for name in names("live") if name.count(".") == 2 and "untyped" not in name])
def test_an_empty_payload_is_refused_under_its_topic_and_type(name: str) -> None:
    whole = json.loads(frame(name)) | {"payload": {}}
    heard, told, tally = fed(wire(whole))
    assert (heard, told, tally.undecoded) == ([Heard.UNREADABLE], [], {name.removeprefix("live."): 1})


@pytest.mark.parametrize(
    "half",
    [{"topic": "comments"}, {"type": "update"}, {"topic": 5, "type": "update"}, {"topic": "comments", "type": None}],
    ids=str,
)
def test_a_frame_with_half_a_topic_is_untyped(half: dict[str, object]) -> None:
    heard, _, tally = fed(wire({"timestamp": 1, "payload": {}} | half))
    assert (heard, tally.undecoded) == ([Heard.UNREADABLE], {"untyped": 1})


# ---------------------------------------------------------------- hostile bytes


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"hello", "not-json"),
        (b"[]", "not-json"),
        (b"5", "not-json"),
        (frame("live.crypto_prices.update")[:-1], "not-json"),
        (b"[" * 100_000, "not-json"),
        (b'{"topic":' * 100_000, "not-json"),
        (b"\xff", "not-json"),
        (b'{"t\xff":1}', "bad-utf8"),
        (b'{"topic":"\xff","type":"x","payload":{}}', "untyped"),
        (frame("live.comments.comment_created").replace(b"Heron", b"H\xffron"), "comments.comment_created"),
        (b'{"topic":"crypto_prices","type":"update","payload":' + b"[" * 5_000 + b"]" * 5_000 + b"}", "not-json"),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_what_cannot_be_parsed_is_counted_and_sampled(text: bytes, kind: str) -> None:
    heard, told, tally = fed(text)
    assert (heard, told) == ([Heard.UNREADABLE], [])
    assert (tally.undecoded, tally.samples) == ({kind: 1}, {kind: [text[:SAMPLE_BYTES]]})


@pytest.mark.parametrize("digits", [30, 4_300, 4_301, 10_000])
@pytest.mark.parametrize("field", [b"1795000010000", b"1795000010500", b"98123.4567"])
def test_huge_integers_are_counted_and_never_raised(digits: int, field: bytes) -> None:
    """Python refuses to parse integers of more than 4,300 digits."""
    _, _, tally = fed(frame("live.crypto_prices.update").replace(field, b"9" * digits))
    assert (tally.frames, tally.decoded + tally.lost_in_all) == (1, 1)


@pytest.mark.parametrize("value", [b"1e99999999999999999999", b"1e-99999999999999999999", b"-0", b"1e400"])
def test_huge_exponents_are_counted_and_never_raised(value: bytes) -> None:
    _, _, tally = fed(frame("live.crypto_prices.update").replace(b"98123.4567,", value + b","))
    assert (tally.frames, tally.decoded + tally.lost_in_all) == (1, 1)


def is_counted(one: bytes) -> None:
    """Assert that a frame left exactly one trace, and nothing was told of what was not decoded."""
    (heard,), told, tally = fed(one)
    assert tally.frames == 1
    assert sum(tally.texts.values()) + tally.decoded + tally.lost_in_all == 1
    assert (heard is Heard.UNREADABLE) == (tally.lost_in_all == 1)
    assert bool(told) == bool(tally.decoded)


@given(st.binary() | st.text().map(str.encode))
@example(b"{}")
@example(b"[]")
def test_any_bytes_are_counted_and_never_raised(one: bytes) -> None:
    is_counted(one)


@pytest.mark.parametrize("whole", FRAMES, ids=lambda whole: repr(whole[:60]))
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


@given(st.sampled_from([name for name in names("live") if name != "live.refused"]), st.data())
def test_a_frame_with_any_value_in_any_field_is_counted_and_never_raised(name: str, data: st.DataObject) -> None:
    whole: dict[str, Any] = json.loads(frame(name))
    inner = whole["payload"] if data.draw(st.booleans()) else whole
    inner[data.draw(st.sampled_from(sorted(inner)))] = data.draw(JSON)
    is_counted(wire(whole))


def test_two_decoders_can_count_into_one_tally() -> None:
    tally = Tally()
    told: list[Event] = []
    for decoder in LiveDecoder(told.append, tally), LiveDecoder(told.append, tally):
        decoder.feed(b"PONG", SEEN)
    assert tally.texts == {"PONG": 2}

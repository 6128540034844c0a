"""`wire.user`: the user channel's frames to events; whatever a frame holds, it is told or counted."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from frames import frame, names
from polywire.model.own import OwnEvent
from polywire.wire import user
from polywire.wire.sink import Heard
from polywire.wire.tally import Tally
from polywire.wire.user import UserDecoder
from wire.user_rows import SEEN, TAKEN, USER, placed

FRAMES = [frame(name) for channel in ("user", "market", "live", "request") for name in names(channel)]


def row(name: str, **fields: object) -> dict[str, Any]:
    """Return a hand-written message with other fields."""
    return {**json.loads(frame(name)), **fields}


def fed(*frames: bytes) -> tuple[list[Heard], list[OwnEvent], Tally]:
    """Return what one decoder answered, told and counted."""
    told: list[OwnEvent] = []
    decoder = UserDecoder(told.append)
    return [decoder.feed(one, SEEN) for one in frames], told, decoder.tally


@pytest.mark.parametrize("name", USER)
def test_a_frame_decodes_to_exactly_its_event(name: str) -> None:
    heard, told, tally = fed(frame(name))
    assert (heard, told) == ([Heard.DATA], [USER[name]])
    assert (tally.frames, tally.messages, tally.undecoded, tally.unknown_fields) == (1, {name.split(".")[1]: 1}, {}, {})


def test_every_frame_has_its_event() -> None:
    assert names("user") == sorted(USER)


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        (b"PONG", Heard.PONG),
        (b"pong\n", Heard.PONG),
        (b"", Heard.NOTICE),
        (b"[]", Heard.NOTICE),
        (b"INVALID OPERATION", Heard.NOTICE),
    ],
)
def test_a_word_is_heard_and_counted_and_tells_nothing(text: bytes, heard: Heard) -> None:
    answers, told, tally = fed(text)
    assert (answers, told, tally.texts, tally.undecoded) == ([heard], [], {text.strip().decode(): 1}, {})


def test_an_array_tells_each_of_its_messages_in_order() -> None:
    both = json.dumps([row("user.order.placement"), row("user.trade.taker")]).encode()
    heard, told, tally = fed(both)
    assert (heard, told, tally.messages) == ([Heard.DATA], [placed(), TAKEN], {"order": 1, "trade": 1})


def test_a_message_that_cannot_be_read_costs_no_other_of_its_frame_and_the_frame_counts_as_unreadable() -> None:
    heard, told, tally = fed(json.dumps([row("user.order.placement", price="2"), row("user.trade.taker")]).encode())
    assert (heard, told) == ([Heard.UNREADABLE], [TAKEN])
    assert (tally.messages, tally.undecoded) == ({"trade": 1}, {"order": 1})


def test_an_unknown_status_of_a_trade_is_counted_by_its_name() -> None:
    heard, told, tally = fed(json.dumps(row("user.trade.taker", status="ABDUCTED")).encode())
    assert (heard, told, tally.undecoded) == ([Heard.UNREADABLE], [], {"unknown:trade.ABDUCTED": 1})


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"{", "not-json"),
        (b'{"\xff":1}', "bad-utf8"),
        (b"[" * 5_000, "not-json"),
        (b"7", "not-an-object"),
        (b'["x"]', "not-an-object"),
        (b"{}", "untyped"),
        (b'{"event_type":7}', "untyped"),
        (b'{"event_type":"merger"}', "unknown:merger"),
        (b'{"event_type":"order"}', "order"),
        (b'{"event_type":"trade"}', "trade"),
    ],
)
def test_what_is_no_message_is_counted_and_sampled(text: bytes, kind: str) -> None:
    heard, told, tally = fed(text)
    assert (heard, told, tally.undecoded) == ([Heard.UNREADABLE], [], {kind: 1})
    assert text.startswith(tally.samples[kind][0])


def test_a_message_without_its_type_is_known_by_its_shape() -> None:
    order, trade = row("user.order.placement"), row("user.trade.taker")
    del order["event_type"], trade["event_type"]
    assert user.decode(json.dumps([order, trade]).encode(), SEEN) == [placed(), TAKEN]


@given(data=st.binary(max_size=300) | st.sampled_from(FRAMES), at=st.integers(0, 400), byte=st.integers(0, 255))
@example(data=b"\xff", at=0, byte=0)
def test_no_bytes_make_it_raise_and_each_frame_is_told_or_counted(data: bytes, at: int, byte: int) -> None:
    broken = data[:at] + bytes([byte]) + data[at + 1 :]
    (heard,), told, tally = fed(broken)
    assert tally.frames == 1
    assert len(told) == tally.decoded
    assert bool(tally.undecoded) is (heard is Heard.UNREADABLE)

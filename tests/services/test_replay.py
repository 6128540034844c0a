"""A recording, run through the feed's own path."""

from polywire.model.health import Freshness, Gap
from polywire.model.live import CryptoPriced
from polywire.model.market import BookReplaced, LevelChanged
from polywire.model.own import OwnOrderChanged
from polywire.services.replay import Replay
from polywire.wire.sink import Heard
from polywire.wire.tape import Record, RecordKind
from services.recordings import frame, rehearsal

BOOK = (
    b'{"market":"0x1","asset_id":"%s","bids":[{"price":"0.33","size":"100"}],"asks":[],'
    b'"timestamp":"1790000000000","hash":"","event_type":"book"}'
)
PRICE = (
    b'{"topic":"crypto_prices","type":"update","timestamp":2,"payload":{"symbol":"btcusdt","timestamp":1,"value":5.25}}'
)


def test_a_recording_leads_to_the_same_events_every_time() -> None:
    """Replay equals live because nothing but the frames and their times decides."""
    first = [events for _, events in Replay().run(rehearsal(600))]
    again = [events for _, events in Replay().run(rehearsal(600))]
    assert first == again
    assert sum(map(len, first)) > 600


def test_events_come_with_the_frame_that_led_to_them() -> None:
    runs = list(Replay().run([frame(BOOK % b"7"), frame(b"PONG"), frame(PRICE)]))
    assert [[type(event) for event in events if not hasattr(event, "was")] for _, events in runs] == [
        [BookReplaced],
        [],
        [CryptoPriced],
    ]


def test_own_orders_on_a_tape_are_events_too_and_what_cannot_be_read_of_them_is_counted() -> None:
    replay = Replay()
    order = (
        b'{"event_type":"order","id":"0x1","market":"0x1","asset_id":"7","side":"BUY","price":"0.5",'
        b'"original_size":"1"}'
    )
    assert replay.feed(frame(order, source="clob-user")) is Heard.DATA
    assert [type(event) for event in replay.events] == [OwnOrderChanged]
    assert replay.feed(frame(b'{"event_type":"trade"}', source="clob-user")) is Heard.UNREADABLE
    assert (replay.frames, replay.messages, replay.undecoded) == (2, {"order": 1}, {"trade": 1})


def test_lines_of_other_venues_are_counted_by_source_and_not_read() -> None:
    replay = Replay()
    assert replay.feed(frame(b'{"event_type":"book"}', source="binance")) is None
    assert (replay.foreign, replay.frames) == ({"binance": 1}, 0)


def test_an_array_of_books_begins_a_connection_and_known_tokens_make_it_a_reconnect() -> None:
    replay = Replay()
    both = b"[" + BOOK % b"7" + b"," + BOOK % b"8" + b"]"
    assert replay.feed(frame(both)) is Heard.SNAPSHOTS
    assert (replay.connections, replay.reconnects) == (1, 0)
    replay.feed(frame(b"[" + BOOK % b"9" + b"]"))  # another session, other tokens
    assert (replay.connections, replay.reconnects) == (2, 0)
    replay.feed(frame(BOOK % b"7"))  # a book after a trade begins nothing
    replay.feed(frame(both))
    assert (replay.connections, replay.reconnects) == (3, 1)


def test_a_recordings_own_times_count_and_the_venues_where_it_has_none() -> None:
    replay = Replay()
    replay.feed(frame(BOOK % b"7", seen_ns=5_000))
    assert replay.now_ns == 5_000
    replay.feed(frame(BOOK % b"7"))
    assert replay.now_ns == 1_790_000_000_000_000_000


def test_an_unreadable_level_message_is_a_loss_and_its_book_is_doubted() -> None:
    replay = Replay()
    replay.feed(frame(BOOK % b"7", seen_ns=5))
    assert replay.feed(frame((BOOK % b"7").replace(b"0.33", b"3.30"))) is Heard.UNREADABLE
    assert replay.losses == 1
    assert replay.undecoded == {"book": 1}
    assert [book.freshness for book in replay.books.values()] == [Freshness.SUSPECT]


def test_undecoded_of_both_channels_are_counted_together() -> None:
    replay = Replay()
    replay.feed(frame(b"{broken", source="clob-market"))
    replay.feed(frame(b"{broken", source="live-data"))
    assert replay.undecoded == {"not-json": 2}


def test_what_changed_while_a_connection_was_away_is_a_gap_and_no_mismatch() -> None:
    replay = Replay()

    def told(kind: RecordKind, data: bytes = b"", connection: int = 1) -> list[type]:
        replay.feed(Record(9, "clob-market", connection, kind, data))
        kinds = [type(event) for event in replay.events]
        replay.events.clear()
        return kinds

    for connection, token in ((1, b"7"), (2, b"8")):
        told(RecordKind.OPENED, connection=connection)
        told(RecordKind.FRAME, BOOK % token, connection)
    told(RecordKind.CLOSED, b"gone")
    assert [book.freshness for book in replay.books.values()] == [Freshness.RESYNCING, Freshness.CURRENT]
    told(RecordKind.OPENED)
    assert Gap in told(RecordKind.FRAME, (BOOK % b"7").replace(b"100", b"250"))
    told(RecordKind.FRAME, BOOK % b"7")
    assert (replay.reconnects, replay.books.book_checks, replay.books.book_mismatches) == (1, 1, 1)


def test_records_that_are_no_frames_are_passed_over() -> None:
    replay = Replay()
    assert replay.feed(Record(9, "clob-market", 1, RecordKind.CLOSED, b"1006")) is None
    assert (replay.frames, replay.now_ns) == (0, 9)


def test_a_rehearsal_is_proven_whole_by_its_own_statements() -> None:
    replay = Replay()
    changes = 0
    for _, events in replay.run(rehearsal(3_000)):
        changes += sum(isinstance(event, LevelChanged) for event in events)
    assert replay.undecoded == {}
    assert replay.books.best_checks == changes > 2_000
    assert replay.books.best_mismatches == replay.books.book_mismatches == 0
    assert replay.books.book_checks > 50

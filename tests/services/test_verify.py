"""The verdict on a recording."""

import json

import msgspec

from polywire.services.replay import Replay
from polywire.services.verify import verify
from polywire.wire.tape import Record
from services.clocks import HandClock
from services.recordings import frame, rehearsal

CONTRACT = [
    "frames",
    "messages",
    "by_type",
    "undecoded",
    "foreign",
    "tokens",
    "best_price_checks",
    "best_price_mismatches",
    "pruned_levels",
    "book_checks",
    "book_mismatches",
    "reconnects",
    "gaps",
    "events_per_second",
]


def without(records: list[Record], word: bytes, keep: int) -> list[Record]:
    """Return the recording with one message of a kind lost, as a bad connection would."""
    at = [index for index, record in enumerate(records) if word in record.data][keep]
    return records[:at] + records[at + 1 :]


def test_the_verdict_is_one_line_with_the_keys_scripts_rely_on() -> None:
    line = msgspec.json.encode(verify(rehearsal(50), HandClock()))
    assert list(json.loads(line)) == CONTRACT


def test_a_whole_recording_is_clean() -> None:
    verdict = verify(rehearsal(2_000), HandClock())
    assert verdict.clean
    assert verdict.frames == 2_000
    assert verdict.tokens == 6
    assert verdict.best_price_checks == 2 * verdict.by_type["price_change"]
    assert sum(verdict.by_type.values()) == verdict.messages


def test_one_lost_level_change_is_found_or_was_made_good_by_later_ones() -> None:
    """What no later message contradicts cannot be found by anybody: there are no sequence numbers."""
    records = rehearsal(2_000)
    whole = Replay()
    verify(records, HandClock(), replay=whole)
    found = 0
    for number in range(100, 300, 10):
        replay = Replay()
        verdict = verify(without(records, b"price_change", number), HandClock(), replay=replay)
        found += not verdict.clean
        ends_right = [(book.bids, book.asks) for book in whole.books.values()] == [
            (book.bids, book.asks) for book in replay.books.values()
        ]
        assert ends_right or not verdict.clean
    assert found >= 12


def test_an_undecoded_message_is_a_gap_and_not_clean() -> None:
    records = rehearsal(100)
    verdict = verify([*records, frame(b'{"event_type":"price_change"')], HandClock())
    assert (verdict.undecoded, verdict.gaps, verdict.clean) == (1, 1, False)


def test_a_token_without_a_snapshot_is_not_checked() -> None:
    changes = [record for record in rehearsal(500) if b"price_change" in record.data]
    verdict = verify(changes, HandClock())
    assert (verdict.best_price_checks, verdict.tokens) == (0, 6)


def test_from_empty_checks_begin_after_the_first_seconds() -> None:
    changes = [record for record in rehearsal(2_000, markets=1) if b"price_change" in record.data]
    from_first = verify(changes, HandClock(), from_empty_s=0)
    later = verify(changes, HandClock(), from_empty_s=20)
    start = changes[0].seen_ns
    expected = sum(2 for record in changes if record.seen_ns - start >= 20_000_000_000)
    assert from_first.best_price_checks == 2 * len(changes)
    assert later.best_price_checks == expected
    assert later.best_price_mismatches < from_first.best_price_mismatches
    assert verify(changes, HandClock(), from_empty_s=1e6).best_price_checks == 0


def test_progress_is_told() -> None:
    told: list[int] = []
    verify(rehearsal(10), HandClock(), progress=lambda: told.append(1))
    assert told == [1]

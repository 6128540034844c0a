"""The rehearsal's frames are what the venue would send."""

import json
from itertools import islice

from polywire.exchange.rehearsal import Rehearsal
from polywire.model.market import BookReplaced
from polywire.model.units import price_text
from polywire.wire.book_hash import BookTerms, book_hash
from polywire.wire.market import decode
from polywire.wire.tally import Tally


def test_the_same_seed_makes_the_same_frames_and_another_seed_others() -> None:
    first, again, other = (list(islice(Rehearsal(seed).frames(), 500)) for seed in (3, 3, 4))
    assert first == again != other


def test_time_never_runs_backwards() -> None:
    times = [ms for ms, _ in islice(Rehearsal().frames(), 3_000)]
    assert times == sorted(times)


def test_every_frame_is_of_the_current_form() -> None:
    tally = Tally()
    for _, frame in islice(Rehearsal().frames(), 3_000):
        decode(frame, 0, tally)
    assert (tally.undecoded, tally.unknown_fields) == ({}, {})
    assert set(tally.messages) >= {"book", "price_change", "last_trade_price", "best_bid_ask", "new_market"}


def test_each_book_states_its_own_ten_field_hash() -> None:
    checked = 0
    for _, frame in islice(Rehearsal().frames(), 1_000):
        for raw in json.loads(frame) if frame.startswith(b"[") else [json.loads(frame)]:
            if raw["event_type"] != "book":
                continue
            book = decode(json.dumps(raw).encode(), 0)[0]
            assert isinstance(book, BookReplaced)
            terms = BookTerms("5", price_text(book.tick or 0), neg_risk=False, last_trade_price=raw["last_trade_price"])
            assert book_hash(book.condition, book.token, book.venue_ms, book.bids, book.asks, terms) == book.digest
            checked += 1
    assert checked > 50


def test_the_grid_becomes_finer_near_the_ends() -> None:
    kinds = {
        json.loads(frame)["event_type"]
        for _, frame in islice(Rehearsal(2, rate=400).frames(), 60_000)
        if frame[:1] == b"{"
    }
    assert "tick_size_change" in kinds

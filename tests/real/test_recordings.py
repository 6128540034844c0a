"""Real recordings, verified: the figures their collectors state, and nothing undecoded."""

from collections.abc import Callable
from pathlib import Path

import pytest

from polywire.io.clock import SystemClock
from polywire.io.tapes import TapeReader
from polywire.services.verify import Verdict, verify

pytestmark = pytest.mark.real

VerdictOn = Callable[..., Verdict]


@pytest.fixture
def verdict_on(real_data: Path) -> VerdictOn:
    """Return what verifies one recording by its name; every one of them is decoded whole."""

    def verdict_on(name: str, from_empty_s: float | None = None) -> Verdict:
        path = real_data / "data" / f"{name}.jsonl.zst"
        if not path.is_file():
            pytest.skip(f"the recording {name} is not among the real data")
        reader = TapeReader(path)
        verdict = verify(reader, SystemClock(), from_empty_s=from_empty_s)
        assert verdict.undecoded == 0
        assert reader.faults == []
        return verdict

    return verdict_on


def test_the_opening_of_a_market_is_rebuilt_change_by_change(verdict_on: VerdictOn) -> None:
    verdict = verdict_on("market_ws/btc_updown_15m_2025-10-30.opening")
    assert (verdict.best_price_checks, verdict.best_price_mismatches) == (69, 0)
    assert (verdict.book_checks, verdict.book_mismatches) == (1, 0)


def test_a_raw_stream_with_its_pongs_is_read_whole(verdict_on: VerdictOn) -> None:
    verdict = verdict_on("market_ws/raw_stream_one_market_2025-10-28")
    assert (verdict.frames, verdict.messages) == (134, 68)
    assert (verdict.best_price_checks, verdict.best_price_mismatches) == (67, 0)


def test_reconnects_are_found_and_books_compared_across_them(verdict_on: VerdictOn) -> None:
    verdict = verdict_on("market_ws/raw_frames_15m_updown_2026-04")
    assert (verdict.best_price_checks, verdict.best_price_mismatches) == (134, 0)
    assert (verdict.reconnects, verdict.gaps) == (38, 38)
    assert (verdict.book_checks, verdict.book_mismatches) == (228, 28)
    assert verdict.foreign == {"binance": 364, "coinbase": 370, "pyth_proxy": 12}
    assert verdict.by_type["rest_book"] == 468
    assert verdict.by_type["book"] == 276
    assert verdict.tokens == 48


def test_a_recording_without_price_changes_shows_every_book_as_different(verdict_on: VerdictOn) -> None:
    verdict = verdict_on("market_ws/btc_updown_15m_2025-10-30.books_trades")
    assert verdict.by_type == {"book": 597, "last_trade_price": 594}
    assert (verdict.book_checks, verdict.book_mismatches) == (596, 593)


def test_a_recording_without_snapshots_is_not_checked_unless_asked(verdict_on: VerdictOn) -> None:
    assert verdict_on("market_ws/sports_ticks_2026-06-07_0130.reframed").best_price_checks == 0


def test_books_from_empty_agree_with_the_stated_best_prices(verdict_on: VerdictOn) -> None:
    verdict = verdict_on("market_ws/sports_ticks_2026-06-07_0130.reframed", from_empty_s=60)
    assert verdict.best_price_checks == 194_569
    assert verdict.best_price_mismatches / verdict.best_price_checks <= 0.002


@pytest.mark.parametrize(("feed", "updates"), [("binance", 5_247), ("chainlink", 5_209)])
def test_all_reference_prices_are_read(verdict_on: VerdictOn, feed: str, updates: int) -> None:
    verdict = verdict_on(f"rtds/rtds_crypto_prices_{feed}_2025-10-29")
    assert sum(verdict.by_type.values()) == verdict.frames == updates

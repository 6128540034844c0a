"""Every hand-written frame decodes to exactly the events written here, and every kind has one."""

from decimal import Decimal

import pytest

from frames import CONDITION, NO, YES, frame, names
from polywire.model.events import Event
from polywire.model.live import (
    ActivityMatched,
    Commented,
    CryptoPriced,
    EquityPriced,
    LiveRefused,
    PricePoint,
    PricesBackfilled,
    Reacted,
)
from polywire.model.market import (
    BestChanged,
    BookReplaced,
    FeeSchedule,
    LevelChanged,
    MarketCreated,
    MarketEvent,
    MarketResolved,
    TickSizeChanged,
    Traded,
)
from polywire.model.units import TokenId
from polywire.wire import live, market
from polywire.wire.live_clob import _NAMES as CLOB_TYPES
from polywire.wire.market_frames import FRAMES
from polywire.wire.tally import Tally
from wire.told import asks, bids

SEEN = 1_795_000_020_000_000_001
ANN, BEN, CAT, DAN = ("0x" + two * 20 for two in ("1a", "2b", "3c", "4d"))


def books(token: TokenId, digest: str, tick: int | None, last: int | None, venue_ms: int) -> MarketEvent:
    """Return the snapshot without levels."""
    return BookReplaced(token, CONDITION, bids(), asks(), tick, last, digest, venue_ms, SEEN)


def change(
    token: TokenId, side: str, price: int, size: int, best: tuple[int | None, int | None], digest: str, ms: int
) -> MarketEvent:
    assert side in {"bid", "ask"}
    return LevelChanged(token, CONDITION, "bid" if side == "bid" else "ask", price, size, *best, digest, ms, SEEN)


MARKET: dict[str, list[MarketEvent]] = {
    "market.book.first": [
        BookReplaced(
            YES,
            CONDITION,
            bids((100, 2_500_000_000), (5_800, 12_750_000), (6_100, 300_000_001)),
            asks((9_900, 1_800_000_000), (6_600, 40_500_000), (6_300, 7_000_000)),
            100,
            6_200,
            "a1" * 20,
            1_795_000_000_123,
            SEEN,
        ),
        books(NO, "b2" * 20, 100, None, 1_795_000_000_123),
    ],
    "market.book": [
        BookReplaced(
            NO,
            CONDITION,
            bids((3_400, 40_500_000), (3_700, 7_000_000)),
            asks((4_200, 12_750_000), (3_900, 500_000)),
            None,
            None,
            "c3" * 20,
            1_795_000_004_567,
            SEEN,
        )
    ],
    "market.book.buys_sells": [
        BookReplaced(
            YES,
            CONDITION,
            bids((2_700, 31_000_000), (3_000, 8_000_000)),
            asks((3_500, 9_500_000), (4_000, 64_000_000)),
            None,
            None,
            "0x18",
            1_722_000_000_003,
            SEEN,
        )
    ],
    "market.book.untyped": [
        BookReplaced(
            YES,
            CONDITION,
            bids((2_000, 35_000_000)),
            asks((8_000, 36_000_000)),
            None,
            None,
            "29" * 20,
            1_721_000_000_004,
            SEEN,
        )
    ],
    "market.price_change": [
        change(YES, "bid", 6_000, 150_250_000, (6_100, 6_300), "d4" * 20, 1_795_000_001_000),
        change(NO, "ask", 4_000, 150_250_000, (3_700, 3_900), "e5" * 20, 1_795_000_001_000),
    ],
    "market.price_change.flat": [
        change(YES, "ask", 5_750, 88_800_000, (None, None), "f6" * 20, 1_725_000_000_001),
    ],
    "market.price_change.batch": [
        change(YES, "bid", 5_500, 610_000_000, (None, None), "07" * 20, 1_728_000_000_002),
        change(YES, "ask", 7_100, 0, (None, None), "07" * 20, 1_728_000_000_002),
    ],
    "market.last_trade_price": [
        Traded(YES, CONDITION, 6_300, 2_500_000, "BUY", 1_000, "0x" + "7d" * 32, 1_795_000_002_000, SEEN)
    ],
    "market.tick_size_change": [TickSizeChanged(YES, CONDITION, 100, 10, 1_795_000_003_000, SEEN)],
    "market.best_bid_ask": [BestChanged(YES, CONDITION, 6_100, 6_300, 1_795_000_003_500, SEEN)],
    "market.new_market": [
        MarketCreated(
            condition=CONDITION,
            market="90001",
            slug="heron-harbour-cup",
            question="Will the Heron win the Harbour Cup?",
            description="Made up for this test.",
            outcomes=("Yes", "No"),
            tokens=(YES, NO),
            event_slug="harbour-cup",
            event_title="Harbour Cup",
            group_item="Heron",
            tags=("sailing", "tests"),
            active=False,
            tick=100,
            fee=FeeSchedule(Decimal(1), Decimal("0.035"), taker_only=True, rebate_rate=Decimal("0.15")),
            venue_ms=1_795_000_005_000,
            seen_ns=SEEN,
        )
    ],
    "market.market_resolved": [
        MarketResolved(CONDITION, "90001", (YES, NO), NO, "No", ("sailing",), 1_795_000_006_000, SEEN)
    ],
}

SENT = 1_795_000_010_500


def reacted(*, removed: bool) -> Event:
    """Return the reaction that both frames speak of."""
    return Reacted(
        "610007",
        removed,
        500_123,
        "HEART",
        DAN,
        "2026-11-18T11:00:01.000000Z",
        venue_ms=SENT,
        sent_ms=SENT,
        seen_ns=SEEN,
    )


def matched(name: str) -> Event:
    """Return the trade that all frames of `activity` speak of."""
    return ActivityMatched(
        token=YES,
        condition=CONDITION,
        side="SELL",
        price=Decimal("0.6187499999"),
        size=Decimal("12.5"),
        outcome="Yes",
        slug="heron-harbour-cup",
        event_slug="harbour-cup",
        title="Will the Heron win the Harbour Cup?",
        wallet=BEN,
        name=name,
        transaction="0x" + "6e" * 32,
        venue_ms=1_795_000_010_000,
        sent_ms=SENT,
        seen_ns=SEEN,
    )


LIVE: dict[str, list[Event]] = {
    "live.crypto_prices.update": [
        CryptoPriced("binance", "btcusdt", Decimal("98123.45670000"), 0, 1_795_000_010_000, SENT, SEEN)
    ],
    "live.crypto_prices.subscribe": [
        PricesBackfilled(
            "crypto_prices",
            "btcusdt",
            (
                PricePoint(1_795_000_008_000, Decimal("98120.5")),
                PricePoint(1_795_000_009_000, Decimal("98121.125")),
            ),
            1_795_000_009_000,
            SENT,
            SEEN,
        )
    ],
    "live.crypto_prices_chainlink.update": [
        CryptoPriced("chainlink", "eth/usd", Decimal("4012.345678901234567890"), 0, 1_795_000_009_000, SENT, SEEN)
    ],
    "live.crypto_prices_twap_thirty.update": [
        CryptoPriced(
            "chainlink-twap", "btc/usd", Decimal("98100.500000000000000001"), 30, 1_795_000_009_000, SENT, SEEN
        )
    ],
    "live.crypto_prices_twap_sixty.update": [
        CryptoPriced(
            "chainlink-twap", "btc/usd", Decimal("98090.250000000000000002"), 60, 1_795_000_009_000, SENT, SEEN
        )
    ],
    "live.equity_prices.update": [
        EquityPriced(
            "AAPL",
            Decimal("251.24987"),
            carried_forward=True,
            received_ms=1_795_000_010_100,
            venue_ms=1_795_000_009_900,
            sent_ms=SENT,
            seen_ns=SEEN,
        )
    ],
    "live.equity_prices.subscribe": [
        PricesBackfilled(
            "equity_prices",
            "aapl",
            (PricePoint(1_795_000_007_000, Decimal("251.5")),),
            1_795_000_007_000,
            SENT,
            SEEN,
        )
    ],
    "live.comments.comment_created": [
        Commented(
            comment="500123",
            removed=False,
            body="The Heron, surely — 80 %",
            parent_kind="Event",
            parent=7_001,
            reply_to="500100",
            author=ANN,
            name="made.up",
            created_at="2026-11-18T11:00:00.250000Z",
            venue_ms=SENT,
            sent_ms=SENT,
            seen_ns=SEEN,
        )
    ],
    "live.comments.comment_removed": [
        Commented("500123", True, "", "", 0, "", "", "", "", venue_ms=SENT, sent_ms=SENT, seen_ns=SEEN)
    ],
    "live.comments.reaction_created": [reacted(removed=False)],
    "live.comments.reaction_removed": [reacted(removed=True)],
    "live.activity.orders_matched": [matched("Quiet-Lantern")],
    "live.activity.trades": [matched("made.up")],
    "live.activity.untyped": [matched("Quiet-Lantern")],
    "live.clob_market.price_change": [
        change(YES, "bid", 6_000, 145_000_000, (6_000, 6_300), "3a" * 20, 1_795_000_010_400),
        change(NO, "ask", 4_000, 145_000_000, (3_700, 4_000), "4b" * 20, 1_795_000_010_400),
    ],
    "live.clob_market.agg_orderbook": [
        BookReplaced(
            YES,
            CONDITION,
            bids((5_000, 20_000_000), (6_000, 145_000_000)),
            asks((9_000, 11_000_000), (6_400, 3_250_000)),
            100,
            None,
            "5c" * 20,
            1_795_000_010_450,
            SEEN,
        )
    ],
    "live.clob_market.last_trade_price": [Traded(NO, CONDITION, 3_900, 3_000_000, "SELL", None, "", 0, SEEN)],
    "live.clob_market.tick_size_change": [TickSizeChanged(NO, CONDITION, 100, 10, 0, SEEN)],
    "live.clob_market.market_created": [
        MarketCreated(
            CONDITION, "", "", "", "", (), (YES, NO), "", "", "", (), False, 10, None, venue_ms=0, seen_ns=SEEN
        )
    ],
    "live.clob_market.market_resolved": [MarketResolved(CONDITION, "", (YES, NO), TokenId(""), "", (), 0, SEEN)],
    "live.refused": [LiveRefused("Invalid request body", "cmVxdWVzdA==", SEEN)],
}


@pytest.mark.parametrize("name", MARKET)
def test_a_market_frame_decodes_to_exactly_its_events(name: str) -> None:
    tally = Tally()
    assert market.decode(frame(name), SEEN, tally) == MARKET[name]
    assert (tally.frames, tally.undecoded, tally.unknown_fields) == (1, {}, {})


@pytest.mark.parametrize("name", LIVE)
def test_a_live_frame_decodes_to_exactly_its_events(name: str) -> None:
    tally = Tally()
    assert live.decode(frame(name), SEEN, tally) == LIVE[name]
    assert (tally.frames, tally.decoded, tally.undecoded, tally.unknown_fields) == (1, 1, {}, {})


@pytest.mark.parametrize("name", MARKET)
def test_a_market_frame_is_counted_under_the_kind_it_is_named_after(name: str) -> None:
    tally = Tally()
    market.decode(frame(name), SEEN, tally)
    assert tally.messages == {name.split(".")[1]: 2 if name == "market.book.first" else 1}


def test_no_market_frame_lacks_its_events() -> None:
    assert names("market") == sorted(MARKET)


def test_no_live_frame_lacks_its_events() -> None:
    assert names("live") == sorted(LIVE)


def test_every_kind_of_the_market_channel_has_a_frame() -> None:
    """Source: docs/protocol.md, "Market channel"; the table is `market_frames.FRAMES`."""
    assert {name.split(".")[1] for name in MARKET} == FRAMES.keys()


def test_every_topic_and_type_of_the_live_data_service_has_a_frame() -> None:
    """Source: docs/protocol.md, "Live data": the topics that carry something; `rfq` and `clob_user` do not."""
    topics = {
        "crypto_prices": {"update", "subscribe"},
        "crypto_prices_chainlink": {"update"},
        "crypto_prices_twap_thirty": {"update"},
        "crypto_prices_twap_sixty": {"update"},
        "equity_prices": {"update", "subscribe"},
        "comments": {"comment_created", "comment_removed", "reaction_created", "reaction_removed"},
        "activity": {"orders_matched", "trades"},
        "clob_market": set(CLOB_TYPES),
    }
    kinds = {f"live.{topic}.{type_}" for topic, types in topics.items() for type_ in types}
    assert kinds == LIVE.keys() - {"live.refused", "live.activity.untyped"}


@pytest.mark.parametrize("name", [name for name in LIVE if name not in {"live.refused", "live.activity.untyped"}])
def test_a_live_frame_is_counted_under_its_topic_and_type(name: str) -> None:
    tally = Tally()
    live.decode(frame(name), SEEN, tally)
    assert tally.messages == {name.removeprefix("live."): 1}

"""Live events, as tests begin with them."""

from decimal import Decimal

from polywire.model.live import ActivityMatched, Commented, CryptoPriced, EquityPriced, Reacted
from polywire.model.units import ConditionId, TokenId


def activity(number: int = 1, *, of: str = "7", transaction: str | None = None, seen_ns: int = 0) -> ActivityMatched:
    """Return trade number so and so: no two numbers say the same."""
    return ActivityMatched(
        token=TokenId(of),
        condition=ConditionId("0xc"),
        side="BUY",
        price=Decimal("0.5"),
        size=Decimal(number),
        outcome="Yes",
        slug="will-it-rain",
        event_slug="weather",
        title="Rain?",
        wallet="0xw",
        name="somebody",
        transaction=f"0x{number:x}" if transaction is None else transaction,
        venue_ms=1_790_000_000_000,
        sent_ms=1_790_000_000_500,
        seen_ns=seen_ns,
    )


def crypto(second: int, *, symbol: str = "btcusdt", window_s: int = 0, seen_ns: int = 0) -> CryptoPriced:
    """Return the price of one second."""
    at_ms = second * 1_000
    return CryptoPriced("binance", symbol, Decimal(60_000 + second), window_s, at_ms, at_ms + 200, seen_ns)


def equity(second: int, *, symbol: str = "AAPL") -> EquityPriced:
    """Return the price of one second."""
    return EquityPriced(symbol, Decimal(200), False, None, second * 1_000, second * 1_000, 0)


def comment(number: int, *, removed: bool = False) -> Commented:
    """Return a comment, or that it was removed."""
    return Commented(str(number), removed, "so it is", "Event", 1, "", "0xa", "name", "2026-01-01T00:00:00Z", 1, 1, 0)


def reaction(number: int, *, removed: bool = False) -> Reacted:
    """Return a reaction to a comment, or that it was taken back."""
    return Reacted(str(number), removed, 1, "HEART", "0xa", "2026-01-01T00:00:00Z", 1, 1, 0)

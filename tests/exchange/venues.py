"""A venue to test with: an engine, a catalogue and a clock that stands still unless told otherwise."""

from typing import Final

from polywire.core.matching.engine import Engine
from polywire.core.matching.orders import Order, OrderKind
from polywire.exchange.catalogue import Catalogue, VenueEvent, VenueMarket
from polywire.exchange.clock import VenueClock
from polywire.exchange.happenings import Happening
from polywire.exchange.venue import Venue
from polywire.model.units import SIZE_ONE, ConditionId, TokenId, TradeSide

START_MS: Final = 1_790_000_000_000
YES, NO = TokenId("71"), TokenId("72")
CONDITION: Final = ConditionId("0xc1")
USDC: Final = 1_000_000


class Wall:
    """Seconds that grow when told to."""

    def __init__(self) -> None:
        self.at_s = 5.0

    def __call__(self) -> float:
        return self.at_s


def still_venue() -> Venue:
    """Return an empty venue whose clock only moves by `clock.step`."""
    clock = VenueClock(Wall(), start_ms=START_MS)
    clock.pause()
    return Venue(Engine(), Catalogue(), clock)


def told_by(venue: Venue) -> list[tuple[Happening, ...]]:
    """Return a list that fills with what the venue announces, one entry a command."""
    told: list[tuple[Happening, ...]] = []
    venue.observe(told.append)
    return told


def event(number: int = 1) -> VenueEvent:
    return VenueEvent(f"{number}", f"event-{number}", "An event", "", ("Tests",), START_MS, START_MS + 9, START_MS)


def market(number: int = 1, *, of: int = 1, tick: int = 100, tokens: tuple[str, str] = (YES, NO)) -> VenueMarket:
    return VenueMarket(
        id=f"{number}",
        condition=ConditionId(f"0xc{number}"),
        question_id=f"0xd{number}",
        slug=f"market-{number}",
        question="Is this a test?",
        description="",
        outcomes=("Yes", "No"),
        tokens=(TokenId(tokens[0]), TokenId(tokens[1])),
        event_id=f"{of}",
        tick=tick,
        min_size=5 * SIZE_ONE,
        created_ms=START_MS,
        start_ms=START_MS,
        end_ms=START_MS + 9,
    )


def listed(*, tick: int = 100) -> Venue:
    """Return a venue with one event of one market, and two accounts, ann and bob, with 1,000 USDC and 100 pairs."""
    venue = still_venue()
    venue.list_event(event())
    venue.list_market(market(tick=tick))
    for account in ("ann", "bob"):
        venue.engine.deposit(account, 1_100 * USDC)
        assert venue.engine.split(account, CONDITION, 100 * SIZE_ONE) is None
    return venue


def order(
    id: str,  # noqa: A002 - as the order calls it
    account: str,
    side: TradeSide,
    price: int,
    shares: int,
    *,
    token: TokenId = YES,
    kind: OrderKind = OrderKind.GTC,
    expires_s: int = 0,
) -> Order:
    return Order(id, account, token, side, price, shares * SIZE_ONE, kind, expires_s=expires_s)

"""What the exchange lists: events and their markets, and how each is found."""

from typing import Literal

import msgspec

from polywire.model.units import ConditionId, TokenId


class VenueMarket(msgspec.Struct):
    """One market, as it stands. Everything the REST and stream messages say of it comes from here."""

    id: str  # Gamma's
    condition: ConditionId
    question_id: str
    slug: str
    question: str
    description: str
    outcomes: tuple[str, str]
    tokens: tuple[TokenId, TokenId]
    event_id: str
    tick: int  # 1e-4 USDC
    min_size: int  # 1e-6 shares
    created_ms: int
    start_ms: int  # when its trading opens
    end_ms: int  # when it is meant to be decided
    group_item: str = ""  # its name inside a neg-risk event
    neg_risk: bool = False
    fee_rate: int = 0  # 1e-4
    fee_exponent: int = 1
    rebate_rate: int = 0  # 1e-4
    sports_market_type: str = ""  # "moneyline", "spreads", "totals"; "" where it is no game's
    line: str = ""  # of a spread or a total: "-1.5"
    game_start_ms: int = 0
    window_start_ms: int = 0  # of an up/down market: when its strike is taken; 0 where it has none
    accepting_orders: bool = True
    closed: bool = False
    winner: TokenId | None = None
    resolution: Literal["", "proposed", "resolved"] = ""
    last_trade: str = ""  # of the first token, with the zeros of a traded price ("0.490"); "" where never
    last_side: Literal["", "BUY", "SELL"] = ""  # what its taker did, in terms of the first token
    volume: int = 0  # collateral that takers gave or got, 1e-6 USDC
    closed_ms: int = 0  # when it resolved; 0: not yet


class VenueEvent(msgspec.Struct):
    """A group of markets under one title."""

    id: str
    slug: str
    title: str
    description: str
    tags: tuple[str, ...]
    start_ms: int
    end_ms: int
    created_ms: int
    neg_risk: bool = False
    neg_risk_id: str = ""
    series: str = ""  # slug of the series a recurring event belongs to
    closed: bool = False
    closed_ms: int = 0  # when its last market resolved; 0: not yet


class Catalogue:
    """Every event and market, in the order they were listed.

    Attributes:
        events: By id.
        markets: By condition.
    """

    def __init__(self) -> None:
        self.events: dict[str, VenueEvent] = {}
        self.markets: dict[ConditionId, VenueMarket] = {}
        self._by_token: dict[TokenId, VenueMarket] = {}
        self._by_slug: dict[str, VenueMarket] = {}
        self._by_id: dict[str, VenueMarket] = {}
        self._by_event: dict[str, list[VenueMarket]] = {}

    def add_event(self, event: VenueEvent) -> None:
        """List an event."""
        self.events[event.id] = event

    def add_market(self, market: VenueMarket) -> None:
        """List a market of a listed event."""
        self.markets[market.condition] = market
        self._by_slug[market.slug] = self._by_id[market.id] = market
        self._by_event.setdefault(market.event_id, []).append(market)
        for token in market.tokens:
            self._by_token[token] = market

    def of_token(self, token: str) -> VenueMarket | None:
        """Return the market of an outcome token."""
        return self._by_token.get(TokenId(token))

    def of_slug(self, slug: str) -> VenueMarket | None:
        """Return a market by its slug."""
        return self._by_slug.get(slug)

    def of_id(self, market: str) -> VenueMarket | None:
        """Return a market by Gamma's id."""
        return self._by_id.get(market)

    def of_event(self, event: str) -> list[VenueMarket]:
        """Return an event's markets, in the order they were listed."""
        return list(self._by_event.get(event, ()))

"""What every programme of events works with: the venue, the schedule, dice, and a crowd for each open market."""

import random
from typing import Final

from polywire.exchange.catalogue import VenueEvent, VenueMarket
from polywire.exchange.happenings import BookMoved, Happening
from polywire.exchange.life.crowd import Crowd
from polywire.exchange.life.ids import Ids
from polywire.exchange.life.purses import Purses
from polywire.exchange.life.schedule import MS, Schedule
from polywire.exchange.venue import Venue
from polywire.model.units import SIZE_ONE, ConditionId

TICK: Final = 100  # 1e-4 USDC
MIN_SIZE: Final = 5 * SIZE_ONE
MADE_UP: Final = "Made up by Polywire's exchange: nobody and nothing in it is real."


class Floor:
    """The exchange's floor.

    Args:
        venue: Where everything happens.
        seed: What all dice follow from.
        rate: How busy the crowds are: 1 is the usual.

    Attributes:
        purses: Whose money the crowds trade with.
        crowds: Of every open market, in the order they were opened.
    """

    def __init__(self, venue: Venue, seed: int, rate: float) -> None:
        self.venue, self._seed, self._rate = venue, seed, rate
        self.schedule = Schedule()
        self.ids = Ids(seed)
        self.purses = Purses(venue.engine, self.ids)
        self.crowds: dict[ConditionId, Crowd] = {}
        venue.observe(self._heard)

    def dice(self, name: str) -> random.Random:
        """Return dice of their own for whatever is called `name`: the same for the same seed."""
        return random.Random(f"{self._seed}/{name}")

    def event(
        self,
        slug: str,
        title: str,
        description: str,
        tags: tuple[str, ...],
        us: int,
        end_us: int,
        *,
        neg_risk: bool = False,
        series: str = "",
    ) -> VenueEvent:
        """List an event and return it."""
        event = VenueEvent(
            id=self.ids.event(),
            slug=slug,
            title=title,
            description=f"{description} {MADE_UP}",
            tags=tags,
            start_ms=us // MS,
            end_ms=end_us // MS,
            created_ms=us // MS,
            neg_risk=neg_risk,
            neg_risk_id=self.ids.word() if neg_risk else "",
            series=series,
        )
        self.venue.list_event(event)
        return event

    def market(
        self,
        event: VenueEvent,
        slug: str,
        question: str,
        outcomes: tuple[str, str],
        us: int,
        end_us: int,
        *,
        fair: float,
        pace: float,
        fee_rate: int,
        rebate_rate: int,
        group_item: str = "",
        sports_market_type: str = "",
        line: str = "",
        game_start_ms: int = 0,
        window_start_ms: int = 0,
    ) -> Crowd:
        """List a market with full books and return its crowd."""
        market = VenueMarket(
            id=self.ids.market(),
            condition=self.ids.condition(),
            question_id=self.ids.word(),
            slug=slug,
            question=question,
            description=event.description,
            outcomes=outcomes,
            tokens=self.ids.tokens(),
            event_id=event.id,
            tick=TICK,
            min_size=MIN_SIZE,
            created_ms=us // MS,
            start_ms=us // MS,
            end_ms=end_us // MS,
            group_item=group_item,
            neg_risk=event.neg_risk,
            fee_rate=fee_rate,
            rebate_rate=rebate_rate,
            sports_market_type=sports_market_type,
            line=line,
            game_start_ms=game_start_ms,
            window_start_ms=window_start_ms,
        )
        self.venue.list_market(market, at_ms=us // MS)
        crowd = Crowd(self.venue, self.schedule, self.ids, self.purses, market, self.dice(slug), self._rate)
        crowd.fair, crowd.pace = fair, pace
        self.crowds[market.condition] = crowd
        crowd.open(us)
        return crowd

    def resolve(self, crowd: Crowd, us: int, *, first: bool) -> None:
        """End a crowd's market: its first outcome came true, or its second."""
        market = crowd.market
        self.venue.resolve(market.condition, market.tokens[0 if first else 1], at_ms=us // MS)
        crowd.leave()
        del self.crowds[market.condition]

    def _heard(self, happenings: tuple[Happening, ...]) -> None:
        for happening in happenings:
            if isinstance(happening, BookMoved) and (happening.trades or happening.cancelled):
                crowd = self.crowds.get(happening.condition)
                if crowd is not None:
                    crowd.heard(happening)

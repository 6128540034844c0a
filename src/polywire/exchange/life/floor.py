"""What every programme of events works with: the venue, the schedule, dice, and a crowd for each open market."""

import random
from collections.abc import Callable, Iterable
from itertools import count
from typing import Final

from polywire.exchange.catalogue import VenueEvent, VenueMarket
from polywire.exchange.happenings import BookMoved, Happening, MarketEnded
from polywire.exchange.life.crowd import Crowd
from polywire.exchange.life.ids import Ids
from polywire.exchange.life.purses import Purses
from polywire.exchange.life.schedule import MS, Schedule
from polywire.exchange.venue import Venue
from polywire.model.units import PRICE_ONE, SIZE_ONE, ConditionId
from polywire.wire.numbers import read_price

TICK: Final = 100  # 1e-4 USDC
MIN_SIZE: Final = 5 * SIZE_ONE
MADE_UP: Final = "Made up by Polywire's exchange: nobody and nothing in it is real."


class Floor:
    """The exchange's floor.

    Args:
        venue: Where everything happens.
        seed: What all dice follow from.
        rate: How busy the crowds are: 1 is the usual.
        run: Which of the exchanges it is that go on from one another, from 1: each has dice and ids of its own.

    Attributes:
        purses: Whose money the crowds trade with.
        crowds: Of every open market, in the order they were opened.
    """

    def __init__(self, venue: Venue, seed: int, rate: float, run: int = 1) -> None:
        self.venue, self._rate = venue, rate
        self._seed = f"{seed}" if run == 1 else f"{seed}.{run}"
        self.schedule = Schedule()
        self.ids = Ids(self._seed)
        listed = venue.catalogue
        self.ids.go_on(
            markets=_highest(market.id for market in listed.markets.values()), events=_highest(listed.events)
        )
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
        taken = {event.slug for event in self.venue.catalogue.events.values()}
        event = VenueEvent(
            id=self.ids.event(),
            slug=_free(slug, taken.__contains__),
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
            slug=_free(slug, lambda other: self.venue.catalogue.of_slug(other) is not None),
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
        return self._crowd(market, us, fair, pace)

    def left_open(self, slug: str) -> VenueMarket | None:
        """Return a market that an earlier run left open and nobody has adopted yet; None: there is none so named."""
        market = self.venue.catalogue.of_slug(slug)
        return None if market is None or market.closed or market.condition in self.crowds else market

    def adopt(self, market: VenueMarket, us: int, pace: float) -> Crowd:
        """Bring a crowd to a market that an earlier run left open, and return it.

        What the market is worth goes on from its last trade, or from the users' orders where those say otherwise: they
        are not to be run over because nobody else's are kept.
        """
        bid, ask = self.venue.engine.best(market.condition)
        fair = min(max(last_price(market), bid), ask) / PRICE_ONE
        return self._crowd(market, us, fair, pace)

    def resolve(self, market: VenueMarket, us: int, *, first: bool) -> None:
        """End a market: its first outcome came true, or its second. Nothing where somebody has resolved it already."""
        if not market.closed:
            self.venue.resolve(market.condition, market.tokens[0 if first else 1], at_ms=us // MS)

    def _crowd(self, market: VenueMarket, us: int, fair: float, pace: float) -> Crowd:
        crowd = Crowd(self.venue, self.schedule, self.ids, self.purses, market, self.dice(market.slug), self._rate)
        crowd.fair, crowd.pace = fair, pace
        self.crowds[market.condition] = crowd
        crowd.open(us)
        return crowd

    def _heard(self, happenings: tuple[Happening, ...]) -> None:
        for happening in happenings:
            if isinstance(happening, BookMoved) and (happening.trades or happening.cancelled):
                crowd = self.crowds.get(happening.condition)
                if crowd is not None:
                    crowd.heard(happening)
            elif isinstance(happening, MarketEnded):  # whoever resolved it
                crowd = self.crowds.pop(happening.condition, None)
                if crowd is not None:
                    crowd.leave()


def last_price(market: VenueMarket) -> int:
    """Return what a market's first token was traded at last, 1e-4 USDC; one half where it never was."""
    return read_price(market.last_trade) if market.last_trade else PRICE_ONE // 2


def _free(slug: str, taken: Callable[[str], bool]) -> str:
    """Return a slug that is not taken: a second of the same name has a number at its end."""
    names = (slug if number == 1 else f"{slug}-{number}" for number in count(1))
    return next(name for name in names if not taken(name))


def _highest(ids: Iterable[str]) -> int:
    return max((int(id_) for id_ in ids if id_.isdigit()), default=0)

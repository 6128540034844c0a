"""What an earlier run left open goes on: from its last prices, to the end it was meant to have.

What had been going to happen (a score, a vote) is not kept, so opinion wanders anew, finds out near the end, and the
market is resolved by what it is worth then. A market whose end has passed meanwhile is resolved at once, for the
outcome that was dearer last.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from polywire.exchange.catalogue import VenueEvent, VenueMarket
from polywire.exchange.life.floor import Floor, last_price
from polywire.exchange.life.latent import Opinion, chance, log_odds, shares_of
from polywire.exchange.life.schedule import MS, SECOND
from polywire.model.units import PRICE_ONE

_LOOK_US: Final = 2 * SECOND
_KNOWN_BEFORE_S: Final = 600  # so long before its end the truth shows
_LEAST_S: Final = 1.0  # in which it does, where no more is left
_WANDER: Final = 0.004
_NEWS_PER_S: Final = 1 / 900
_PACE: Final = 1.0
_EVEN: Final = 0.5


def take_over(floor: Floor, us: int, paces: Mapping[str, float]) -> dict[str, int]:
    """Adopt every open market that has no crowd yet; resolve those whose time has passed.

    Args:
        floor: Where.
        us: Now.
        paces: Commands a second, by an event's first tag.

    Returns:
        When the last of the events that go on ends, in microseconds, by first tag.
    """
    last: dict[str, int] = {}
    for event in floor.venue.catalogue.events.values():
        tag = event.tags[0] if event.tags else ""
        for markets, exclusive in _groups(floor, event):
            end = max(market.end_ms for market in markets) * MS
            if end <= us:
                fairs = [last_price(market) / PRICE_ONE for market in markets]
                _resolve(floor, markets, fairs, us, exclusive=exclusive)
            else:
                _Adopted(floor, markets, us, end, paces.get(tag, _PACE), exclusive=exclusive)
                last[tag] = max(last.get(tag, 0), end)
    return last


def _groups(floor: Floor, event: VenueEvent) -> list[tuple[list[VenueMarket], bool]]:
    """Return an event's open markets as they hang together, and of each group whether exactly one comes true."""
    markets = floor.venue.catalogue.of_event(event.id)
    left = [market for market in markets if floor.left_open(market.slug) is not None]
    if event.neg_risk and left:
        return [(left, not any(market.winner == market.tokens[0] for market in markets))]
    return [([market], False) for market in left]


def _resolve(floor: Floor, markets: Sequence[VenueMarket], fairs: Sequence[float], us: int, *, exclusive: bool) -> None:
    """End markets by what they are worth: the dearest alone comes true, or each that is worth a half."""
    dearest = fairs.index(max(fairs))
    for number, (market, fair) in enumerate(zip(markets, fairs, strict=True)):
        floor.resolve(market, us, first=number == dearest if exclusive else fair >= _EVEN)


class _Adopted:
    """Markets that end together, and what people think of them."""

    def __init__(
        self, floor: Floor, markets: Sequence[VenueMarket], us: int, end: int, pace: float, *, exclusive: bool
    ) -> None:
        self._floor, self._looked, self._end, self._exclusive = floor, us, end, exclusive
        rng = self._rng = floor.dice(f"adopted/{markets[0].slug}")
        self._crowds = [floor.adopt(market, us, pace) for market in markets]
        self._opinions = [
            Opinion(rng, log_odds(min(0.9995, max(0.0005, crowd.fair))), wander=_WANDER, news_per_s=_NEWS_PER_S)
            for crowd in self._crowds
        ]
        floor.schedule.at(max(us, end - _KNOWN_BEFORE_S * SECOND), self._decide)
        floor.schedule.at(min(us + _LOOK_US, end), self._look)

    def _look(self, us: int) -> None:
        news = [opinion.pass_time((us - self._looked) / SECOND) for opinion in self._opinions]
        self._looked = us
        for crowd, fair in zip(self._crowds, self._fairs(), strict=True):
            crowd.fair = fair
            if any(news):
                crowd.stir(us)
        if us < self._end:
            self._floor.schedule.at(min(us + _LOOK_US, self._end), self._look)
        else:
            markets, fairs = [crowd.market for crowd in self._crowds], [crowd.fair for crowd in self._crowds]
            _resolve(self._floor, markets, fairs, us, exclusive=self._exclusive)

    def _decide(self, us: int) -> None:
        fairs = [crowd.fair for crowd in self._crowds]
        if self._exclusive:
            winner = self._rng.choices(range(len(fairs)), fairs)[0]
            truths = [number == winner for number in range(len(fairs))]
        else:
            truths = [self._rng.random() < fair for fair in fairs]
        for opinion, true in zip(self._opinions, truths, strict=True):
            opinion.decide(true=true, within_s=max(_LEAST_S, (self._end - us) / SECOND))

    def _fairs(self) -> list[float]:
        odds = [opinion.odds for opinion in self._opinions]
        return shares_of(odds) if self._exclusive else [chance(each) for each in odds]

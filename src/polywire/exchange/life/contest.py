"""Who wins? A neg-risk event of four outcomes, exactly one of which comes true; then the next one."""

from typing import Final

from polywire.exchange.life import names
from polywire.exchange.life.calendar import day, stamp
from polywire.exchange.life.fees import CULTURE
from polywire.exchange.life.floor import Floor
from polywire.exchange.life.latent import Opinion, shares_of
from polywire.exchange.life.schedule import SECOND

_LENGTH_S: Final = 7_200
_SUCCESSOR_AT_S: Final = 6_000  # the next contest is listed so long after this one
_DECIDED_AT_S: Final = 6_600  # from then on the winner shows
_LOOK_US: Final = SECOND
_PACE: Final = 2.5


class Contest:
    """One contest. It lists its successor by itself.

    Args:
        floor: Where.
        us: When it is listed.
    """

    TAG: Final = "Culture"
    PACE: Final = _PACE
    NEXT_BEFORE_END_S: Final = _LENGTH_S - _SUCCESSOR_AT_S

    def __init__(self, floor: Floor, us: int) -> None:
        self._floor, self._begun, self._looked = floor, us, us
        self._end = us + _LENGTH_S * SECOND
        rng = self._rng = floor.dice(f"contest/{us}")
        name, people = names.contest(rng), names.people(rng, 4)
        self._opinions = [Opinion(rng, rng.gauss(0.0, 0.9), wander=0.006, news_per_s=1 / 400) for _ in people]
        self._winner: int | None = None
        at = stamp(self._end)
        event = floor.event(
            f"{names.slug(name)}-winner-{at}",
            f"{name} Winner",
            f"The {name} is won by one of four. Each market resolves to Yes for the winner, else to No.",
            (self.TAG, "Contests"),
            us,
            self._end,
            neg_risk=True,
        )
        self._crowds = [
            floor.market(
                event,
                f"will-{names.slug(person)}-win-the-{names.slug(name)}-{at}",
                f"Will {person} win the {name} on {day(self._end)}?",
                ("Yes", "No"),
                us,
                self._end,
                fair=fair,
                pace=_PACE,
                fee_rate=CULTURE.rate,
                rebate_rate=CULTURE.rebate,
                group_item=person,
            )
            for person, fair in zip(people, shares_of([opinion.odds for opinion in self._opinions]), strict=True)
        ]
        floor.schedule.at(us + _SUCCESSOR_AT_S * SECOND, lambda at: Contest(floor, at))
        floor.schedule.at(us + _DECIDED_AT_S * SECOND, self._decide)
        floor.schedule.at(us + _LOOK_US, self._look)

    def _look(self, us: int) -> None:
        news = [opinion.pass_time((us - self._looked) / SECOND) for opinion in self._opinions]
        self._looked = us
        for crowd, fair in zip(self._crowds, shares_of([opinion.odds for opinion in self._opinions]), strict=True):
            crowd.fair = fair
            if any(news):
                crowd.stir(us)
        self._floor.schedule.at(us + _LOOK_US, self._look if us + _LOOK_US < self._end else self._finish)

    def _decide(self, us: int) -> None:
        fair = [crowd.fair for crowd in self._crowds]
        self._winner = self._rng.choices(range(len(fair)), fair)[0]
        for number, opinion in enumerate(self._opinions):
            opinion.decide(true=number == self._winner, within_s=(self._end - us) / SECOND)

    def _finish(self, us: int) -> None:
        for number, crowd in enumerate(self._crowds):
            self._floor.resolve(crowd.market, us, first=number == self._winner)

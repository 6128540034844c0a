"""A slow political event of four questions with deadlines of their own; then the next one."""

from typing import Final

from polywire.exchange.life import names
from polywire.exchange.life.calendar import day, hour, stamp
from polywire.exchange.life.crowd import Crowd
from polywire.exchange.life.fees import POLITICS
from polywire.exchange.life.floor import Floor
from polywire.exchange.life.latent import Opinion, chance
from polywire.exchange.life.schedule import SECOND

_QUESTIONS: Final = 4
_FIRST_DEADLINE_S: Final = 14_400
_BETWEEN_S: Final = 2_400  # the deadlines
_SUCCESSOR_AT_S: Final = 14_000  # before the first deadline
_KNOWN_BEFORE_S: Final = 900  # so long before its deadline a question's answer shows
_LOOK_US: Final = 2 * SECOND
_PACE: Final = 1.2


class Politics:
    """One event. It lists its successor by itself.

    Args:
        floor: Where.
        us: When it is listed.
    """

    TAG: Final = "Politics"
    PACE: Final = _PACE
    NEXT_BEFORE_END_S: Final = _FIRST_DEADLINE_S + (_QUESTIONS - 1) * _BETWEEN_S - _SUCCESSOR_AT_S

    def __init__(self, floor: Floor, us: int) -> None:
        self._floor = floor
        rng = floor.dice(f"politics/{us}")
        land, acts = names.land(rng), names.acts(rng, _QUESTIONS)
        ends = [us + (_FIRST_DEADLINE_S + number * _BETWEEN_S) * SECOND for number in range(_QUESTIONS)]
        event = floor.event(
            f"{names.slug(land)}-parliament-{stamp(us)}",
            f"What will the parliament of {land} pass?",
            f"Each market resolves to Yes if the parliament of {land} passes the law by its deadline, else to No.",
            (self.TAG, land),
            us,
            ends[-1],
        )
        for act, end in zip(acts, ends, strict=True):
            opinion = Opinion(rng, rng.gauss(0.0, 1.1), wander=0.0035, news_per_s=1 / 900)
            crowd = floor.market(
                event,
                f"will-the-{names.slug(act)}-pass-in-{names.slug(land)}-by-{stamp(end)}",
                f"Will the {act} pass in {land} by {day(end)}, {hour(end)} UTC?",
                ("Yes", "No"),
                us,
                end,
                fair=chance(opinion.odds),
                pace=_PACE,
                fee_rate=POLITICS.rate,
                rebate_rate=POLITICS.rebate,
                group_item=act,
            )
            _Question(floor, crowd, opinion, us, end)
        floor.schedule.at(us + _SUCCESSOR_AT_S * SECOND, lambda at: Politics(floor, at))


class _Question:
    """One market and what people think of it."""

    def __init__(self, floor: Floor, crowd: Crowd, opinion: Opinion, us: int, end: int) -> None:
        self._floor, self._crowd, self._opinion, self._end = floor, crowd, opinion, end
        self._rng = floor.dice(f"answer/{crowd.market.slug}")
        self._looked = us
        self._passed = False
        floor.schedule.at(us + _LOOK_US, self._look)
        floor.schedule.at(end - _KNOWN_BEFORE_S * SECOND, self._decide)

    def _look(self, us: int) -> None:
        news = self._opinion.pass_time((us - self._looked) / SECOND)
        self._looked = us
        self._crowd.fair = chance(self._opinion.odds)
        if news:
            self._crowd.stir(us)
        self._floor.schedule.at(us + _LOOK_US, self._look if us + _LOOK_US < self._end else self._finish)

    def _decide(self, _us: int) -> None:
        self._passed = self._rng.random() < self._crowd.fair
        self._opinion.decide(true=self._passed, within_s=float(_KNOWN_BEFORE_S))

    def _finish(self, us: int) -> None:
        self._floor.resolve(self._crowd.market, us, first=self._passed)

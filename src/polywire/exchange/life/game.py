"""A game of two clubs with a moneyline, a spread and a total: its markets jump when somebody scores."""

from typing import Final

from polywire.exchange.life import names
from polywire.exchange.life.calendar import day, stamp
from polywire.exchange.life.crowd import Crowd
from polywire.exchange.life.fees import SPORTS
from polywire.exchange.life.floor import Floor
from polywire.exchange.life.latent import Opinion, chance, log_odds
from polywire.exchange.life.schedule import MS, SECOND
from polywire.exchange.life.score import Score, chances

_BEFORE_S: Final = 600  # a game is listed so long before it begins
_PLAYED_S: Final = 2_400
_SUCCESSOR_AT_S: Final = 2_000  # of play: then the next game is listed
_LOOK_US: Final = 2 * SECOND
_RESOLVED_AFTER_US: Final = 5 * SECOND
_BETWEEN_US: Final = 2 * SECOND  # between the resolutions of its markets
_PACE, _PACE_BEFORE = 6.0, 1.5
_SPREAD, _TOTAL = 1.5, 5.5


class Game:
    """One game. It lists its successor by itself.

    Args:
        floor: Where.
        us: When it is listed.
        played_s: How long it has been going on by then; 0: it begins later.

    Attributes:
        score: As it stands.
    """

    TAG: Final = "Sports"
    PACE: Final = _PACE
    NEXT_BEFORE_END_S: Final = _PLAYED_S - _SUCCESSOR_AT_S

    def __init__(self, floor: Floor, us: int, *, played_s: int = 0) -> None:
        self._floor = floor
        rng = self._rng = floor.dice(f"game/{us}")
        self._kickoff = us - played_s * SECOND if played_s else us + _BEFORE_S * SECOND
        self._end = self._kickoff + _PLAYED_S * SECOND
        self._goals = rng.uniform(2.4, 3.8), rng.uniform(1.8, 3.2)  # that home and guests may expect of a whole game
        self.score = Score(*(self._scored(mean, played_s / _PLAYED_S) for mean in self._goals))
        self._moods = [Opinion(rng, 0.0, wander=0.004, news_per_s=0.0) for _ in range(3)]
        self._looked = us
        self._list(us)
        self._set_fair(us)
        floor.schedule.at(self._kickoff + _SUCCESSOR_AT_S * SECOND, lambda at: Game(floor, at))
        floor.schedule.at(us + _LOOK_US, self._look)
        self._plan_goal(max(us, self._kickoff))

    def _list(self, us: int) -> None:
        home, guests = names.clubs(self._rng)
        slug = f"lhl-{guests.code}-{home.code}-{stamp(self._kickoff)}"
        title = f"{guests.name} vs. {home.name}"
        event = self._floor.event(
            slug,
            title,
            f"Lantern Hockey: the {guests.town} {guests.name} visit the {home.town} {home.name} on "
            f"{day(self._kickoff)}. A draw is decided by one more goal, which counts for the winner alone, not for "
            "spread or total.",
            (self.TAG, "Lantern Hockey"),
            us,
            self._end,
        )
        rows = (
            ("", title, (home.name, guests.name), "moneyline", "", ""),
            (
                "-spread-home-1pt5",
                f"Spread: {home.name} (-{_SPREAD})",
                (home.name, guests.name),
                "spreads",
                f"-{_SPREAD}",
                f"Spread -{_SPREAD}",
            ),
            ("-total-5pt5", f"{title}: O/U {_TOTAL}", ("Over", "Under"), "totals", f"{_TOTAL}", f"O/U {_TOTAL}"),
        )
        fairs = chances(self.score, *self._left(us), _SPREAD, _TOTAL)
        self._crowds: list[Crowd] = [
            self._floor.market(
                event,
                slug + tail,
                question,
                outcomes,
                us,
                self._end,
                fair=_inside(fair),
                pace=_PACE,
                fee_rate=SPORTS.rate,
                rebate_rate=SPORTS.rebate,
                sports_market_type=kind,
                line=line,
                group_item=item,
                game_start_ms=self._kickoff // MS,
            )
            for fair, (tail, question, outcomes, kind, line, item) in zip(fairs, rows, strict=True)
        ]

    def _look(self, us: int) -> None:
        for mood in self._moods:
            mood.pass_time((us - self._looked) / SECOND)
        self._looked = us
        self._set_fair(us)
        self._floor.schedule.at(us + _LOOK_US, self._look if us + _LOOK_US < self._end else self._finish)

    def _set_fair(self, us: int) -> None:
        """Believe the score, and a little more or less than it says."""
        pace = _PACE if us >= self._kickoff else _PACE_BEFORE
        for crowd, mood, fair in zip(
            self._crowds, self._moods, chances(self.score, *self._left(us), _SPREAD, _TOTAL), strict=True
        ):
            crowd.fair, crowd.pace = chance(log_odds(_inside(fair)) + mood.odds), pace

    def _goal(self, us: int) -> None:
        if us >= self._end:
            return
        home, guests = self._goals
        scored = self._rng.random() * (home + guests) < home
        self.score = Score(self.score.home + scored, self.score.guests + (not scored))
        self._set_fair(us)
        for crowd in self._crowds:
            crowd.stir(us)
        self._plan_goal(us)

    def _plan_goal(self, us: int) -> None:
        self._floor.schedule.at(us + int(self._rng.expovariate(sum(self._goals) / _PLAYED_S) * SECOND), self._goal)

    def _finish(self, us: int) -> None:
        """The game is over: everyone sees the result, then its markets resolve one by one."""
        home, guests = self._goals
        won = self.score.home > self.score.guests or (
            self.score.home == self.score.guests and self._rng.random() * (home + guests) < home
        )
        truths = (
            won,
            self.score.home - self.score.guests > _SPREAD,
            self.score.home + self.score.guests > _TOTAL,
        )
        for number, (crowd, true) in enumerate(zip(self._crowds, truths, strict=True)):
            crowd.fair = 1.0 if true else 0.0
            crowd.stir(us)
            self._resolve_at(us + _RESOLVED_AFTER_US + number * _BETWEEN_US, crowd, true=true)

    def _resolve_at(self, us: int, crowd: Crowd, *, true: bool) -> None:
        self._floor.schedule.at(us, lambda at: self._floor.resolve(crowd.market, at, first=true))

    def _left(self, us: int) -> tuple[float, float]:
        share = max(0.0, min(1.0, (self._end - us) / (_PLAYED_S * SECOND)))
        home, guests = self._goals
        return home * share, guests * share

    def _scored(self, mean: float, share: float) -> int:
        """Return how many goals a side has shot in that share of a game."""
        left, count = mean * share - self._rng.expovariate(1.0), 0
        while left > 0.0:
            left, count = left - self._rng.expovariate(1.0), count + 1
        return count


def _inside(fair: float) -> float:
    return min(0.9996, max(0.0004, fair))

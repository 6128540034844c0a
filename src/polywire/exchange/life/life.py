"""The exchange's whole life from one seed: programmes of events and the crowds that trade them, in venue time."""

from functools import partial
from typing import Final, NoReturn

from polywire.exchange.life.adoption import take_over
from polywire.exchange.life.contest import Contest
from polywire.exchange.life.crowd import Crowd
from polywire.exchange.life.floor import Floor
from polywire.exchange.life.game import Game
from polywire.exchange.life.politics import Politics
from polywire.exchange.life.reference import Reference
from polywire.exchange.life.schedule import MS, SECOND
from polywire.exchange.life.windows import Windows
from polywire.exchange.venue import Venue
from polywire.model.units import ConditionId

_IN_A_ROW_S: Final = 0.004  # wall seconds after which everyone else gets a turn
_GAME_PLAYED_S: Final = 700  # the first game is on when the exchange opens
_BITCOIN, _ETHER = (118_400.0, 0.5), (4_260.0, 0.65)  # USD at the start, spread of a year


class Life:
    """What happens by itself on a venue.

    Everything is planned in venue time and done as of the time it was planned for, so the same seed and start give the
    same happenings at any speed, unless somebody else trades: then the crowds answer them.

    Args:
        seed: What all dice follow from.
        venue: Where it happens. Markets that an earlier run left open there are adopted.
        start_ms: When it begins, Unix milliseconds of venue time.
        rate: How busy the crowds are: 1 is about 50 commands a second over all markets.
        run: Which of the exchanges it is that go on from one another, from 1: each has dice and ids of its own.

    Attributes:
        references: The simulated prices of assets that windows are decided by, USD, by symbol (`btc`).
    """

    def __init__(self, seed: int, venue: Venue, start_ms: int, *, rate: float = 1.0, run: int = 1) -> None:
        self._venue = venue
        self._floor = Floor(venue, seed, rate, run)
        self._schedule = self._floor.schedule
        self.references = {
            "btc": Reference(self._floor.dice("btc"), *_BITCOIN),
            "eth": Reference(self._floor.dice("eth"), *_ETHER),
        }
        self._schedule.at(start_ms * MS, self._begin)

    def next_at_ms(self) -> int:
        """Return the venue time at which something is to be done."""
        planned, expiry = self._schedule.next_us(), self._venue.engine.next_expiry_ms()
        if planned is None:
            raise AssertionError("a life has lost its programmes")  # each plans its successor
        return planned // MS if expiry is None else min(planned // MS, expiry)

    def act(self, now_ms: int, *, most: int | None = None) -> int:
        """Do what is due by `now_ms`, in order, at most `most` deeds; return how many were done."""
        done = 0
        while done != most and (due := self.next_at_ms()) <= now_ms:
            expiry = self._venue.engine.next_expiry_ms()
            if expiry is not None and expiry <= due:
                self._venue.expire_due(at_ms=expiry)
            else:
                self._schedule.do_next()
            done += 1
        return done

    def crowds(self) -> tuple[Crowd, ...]:
        """Return the crowd of every open market, in the order the markets were opened."""
        return tuple(self._floor.crowds.values())

    @property
    def deposited(self) -> int:
        """Collateral that was paid in for the crowds so far, 1e-6 USDC: all that there is, unless others paid in."""
        return self._floor.purses.deposited

    def fair(self, condition: ConditionId) -> float | None:
        """Return what an open market's first token is worth in truth, 0 to 1; None: the market is not open."""
        crowd = self._floor.crowds.get(condition)
        return None if crowd is None else crowd.fair

    async def run(self) -> NoReturn:
        """Live in the venue's time until cancelled; where it cannot keep up, as fast as it can."""
        clock = self._venue.clock
        while True:
            await clock.sleep_until(self.next_at_ms())
            now_ms, until = clock.now_ms(), clock.wall() + _IN_A_ROW_S
            while self.act(now_ms, most=1) and clock.wall() < until:
                pass

    def _begin(self, us: int) -> None:
        floor = self._floor
        Windows(floor, "Bitcoin", "btc", 5, self.references["btc"], 12.0, us)
        Windows(floor, "Ether", "eth", 15, self.references["eth"], 5.0, us)
        left = take_over(floor, us, {kind.TAG: kind.PACE for kind in (Game, Contest, Politics)})
        for kind, first in ((Game, _first_game), (Contest, Contest), (Politics, Politics)):
            if kind.TAG in left:  # what was left is that programme's, and the next of its kind comes when it would have
                next_us = max(us, left[kind.TAG] - kind.NEXT_BEFORE_END_S * SECOND)
                floor.schedule.at(next_us, partial(_start, kind, floor))
            else:
                first(floor, us)


def _first_game(floor: Floor, us: int) -> Game:
    return Game(floor, us, played_s=_GAME_PLAYED_S)


def _start(kind: type[Game] | type[Contest] | type[Politics], floor: Floor, us: int) -> None:
    kind(floor, us)

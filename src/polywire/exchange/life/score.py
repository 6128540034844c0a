"""What a game's score says of its markets: exact chances when both sides score at random for the time that is left."""

import math
from typing import Final, NamedTuple

_MOST: Final = 16  # goals a side that are reckoned with; more are as likely as a comet


class Chances(NamedTuple):
    """Of the home side, 0 to 1."""

    wins: float  # a draw is decided by one more goal, which counts for this alone
    covers: float  # wins by more than the line
    over: float  # more goals in all than the line


class Score(NamedTuple):
    """Goals so far."""

    home: int
    guests: int


def chances(score: Score, home_left: float, guests_left: float, spread: float, total: float) -> Chances:
    """Return the chances at a score.

    Args:
        score: As it stands.
        home_left: How many goals the home side may expect until the end.
        guests_left: The same of the guests.
        spread: By how much the home side must win, in halves: 1.5.
        total: How many goals there must be, in halves: 5.5.

    >>> chances(Score(3, 1), 0.0, 0.0, 1.5, 5.5)
    Chances(wins=1.0, covers=1.0, over=0.0)
    """
    home, guests = _poisson(home_left), _poisson(guests_left)
    both = home_left + guests_left
    one_more = home_left / both if both > 0.0 else 0.5
    wins = covers = over = 0.0
    for more, likely in enumerate(home):
        for more_guests, also in enumerate(guests):
            chance = likely * also
            ahead = score.home + more - score.guests - more_guests
            wins += chance if ahead > 0 else chance * one_more if ahead == 0 else 0.0
            covers += chance if ahead > spread else 0.0
            over += chance if score.home + score.guests + more + more_guests > total else 0.0
    return Chances(wins, covers, over)


def _poisson(mean: float) -> list[float]:
    chance = math.exp(-mean)
    terms = []
    for count in range(_MOST):
        terms.append(chance)
        chance *= mean / (count + 1)
    terms[-1] += max(0.0, 1.0 - sum(terms))
    return [term for term in terms if term > 1e-9]  # noqa: PLR2004 - what cannot move a tick is not reckoned with

"""Invented names: places, people, clubs and laws that do not exist, drawn with dice handed in."""

import random
from typing import Final, NamedTuple

_PLACES: Final = ("Larkspur", "Veldora", "Quillmere", "Thornwick", "Marrowdale", "Selkie Point", "Umberly")
_CONTESTS: Final = ("Regatta", "Song Prize", "Bake-Off", "Chess Open", "Lantern Race", "Poetry Cup", "Kite Derby")
_FIRST: Final = (
    "Mara",
    "Odo",
    "Ines",
    "Tibor",
    "Wren",
    "Lucan",
    "Perpetua",
    "Ansel",
    "Brisa",
    "Corwin",
    "Dagny",
    "Evander",
)
_LAST: Final = (
    "Quillfeather",
    "Tallowmere",
    "Brackenby",
    "Oxwhistle",
    "Fennimarsh",
    "Duskhollow",
    "Pennygale",
    "Vandersnoot",
    "Harrowmint",
    "Inkleford",
    "Mossgrave",
    "Threadneedham",
)
_LANDS: Final = ("Veldora", "Orlesque", "Tamberlund", "Brightwater Union", "Callowmark", "Isle of Fenn")
_ACTS: Final = ("Harbour Act", "Lantern Tax", "Clockwork Treaty", "Heron Accord", "Orchard Bill", "Lighthouse Levy")


class Club(NamedTuple):
    """A team that does not exist."""

    name: str
    town: str
    code: str  # three letters, as in slugs


_CLUBS: Final = (
    Club("Gulls", "Quillmere", "qui"),
    Club("Foundry", "Thornwick", "tho"),
    Club("Lamplighters", "Marrowdale", "mar"),
    Club("Tidewalkers", "Selkie Point", "sel"),
    Club("Haymakers", "Umberly", "umb"),
    Club("Snowgeese", "Callow Heath", "cal"),
    Club("Bellringers", "Fennick", "fen"),
    Club("Wayfarers", "Ditherton", "dit"),
)


def contest(rng: random.Random) -> str:
    """Return the name of something that one of several wins."""
    return f"{rng.choice(_PLACES)} {rng.choice(_CONTESTS)}"


def people(rng: random.Random, count: int) -> list[str]:
    """Return that many different names of people."""
    pairs = zip(rng.sample(_FIRST, count), rng.sample(_LAST, count), strict=True)
    return [f"{first} {last}" for first, last in pairs]


def clubs(rng: random.Random) -> tuple[Club, Club]:
    """Return two clubs: the home side, then the guests."""
    home, guests = rng.sample(_CLUBS, 2)
    return home, guests


def land(rng: random.Random) -> str:
    """Return a country that does not exist."""
    return rng.choice(_LANDS)


def acts(rng: random.Random, count: int) -> list[str]:
    """Return that many different laws."""
    return rng.sample(_ACTS, count)


def slug(text: str) -> str:
    """Return a text as it stands in an address.

    >>> slug("Will Mara Quillfeather win?")
    'will-mara-quillfeather-win'
    """
    return "-".join("".join(sign if sign.isalnum() else " " for sign in text.lower()).split())

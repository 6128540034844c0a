"""Views that a test draws, and how they are drawn."""

from io import StringIO
from typing import Any

import msgspec
from rich.console import Console, RenderableType

from polywire.model.health import Freshness
from polywire.model.units import TokenId
from polywire.services.views import View

YES = View(
    token=TokenId("1" * 30),
    freshness=Freshness.CURRENT,
    reason="snapshot",
    question="Rain?",
    outcome="Yes",
    slug="rain",
    bids=((3_400, 1_234_500_000), (3_300, 50_000_000)),
    asks=((3_600, 500_000_000), (3_700, 250_000_000), (3_900, 1_000_000)),
    bid_levels=2,
    ask_levels=3,
    spread=200,
    tick=100,
    last_price=3_500,
    last_side="BUY",
    last_age_s=3.2,
    changes=17,
    events_per_s=12.4,
    event_age_s=0.1,
    verified_age_s=0.4,
)
NO = msgspec.structs.replace(
    YES,
    token=TokenId("2" * 30),
    outcome="No",
    bids=tuple((10_000 - price, size) for price, size in YES.asks),
    asks=tuple((10_000 - price, size) for price, size in YES.bids),
)
DOUBTED = View(
    token=TokenId("3" * 30),
    freshness=Freshness.SUSPECT,
    reason="a frame could not be read",
    question="Snow?",
    outcome="Yes",
    slug="snow",
    last_price=4_400,
    event_age_s=2.0,
)


def other(view: View, **fields: Any) -> View:
    """Return a view with some fields changed."""
    return msgspec.structs.replace(view, **fields)


def terminal(width: int = 80, height: int = 24, *, color: bool = False) -> Console:
    """Return a terminal that remembers what is written to it."""
    return Console(
        file=StringIO(),
        width=width,
        height=height,
        force_terminal=True,
        color_system="standard" if color else None,
        legacy_windows=False,
    )


def drawn(picture: RenderableType, width: int = 80, height: int = 24) -> list[str]:
    """Return the lines that a terminal of that size shows."""
    console = terminal(width, height)
    console.print(picture)
    return written(console).splitlines()


def written(console: Console) -> str:
    """Return all that was written."""
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()

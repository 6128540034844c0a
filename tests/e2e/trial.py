"""What a trial is and how one went: a fault for a while, a witness beside the subscriber, a reckoning."""

import re
from typing import Any, Final

import anyio
import msgspec

from e2e.processes import asked
from e2e.reckoning import Losses, Wrongs
from e2e.traders import step
from polywire.exchange.faults import FAULTS

WINDOW_MS: Final = 300_000  # of the shortest markets, from whole multiples of it
RESOLVED_AFTER_MS: Final = 4_000
_WINDOW: Final = re.compile(r"-updown-(\d+)m-(\d+)$")  # minutes, and the second at which it begins


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What is tried. Seconds are the wall's; the exchange runs at speed 1."""

    fault: str
    argument: str = ""
    seconds: float = 20.0  # for which the fault is on
    before_s: float = 5.0  # of life before it, in which rhythms are learned
    after_s: float = 0.0  # at most, for what is still to be found once all books are back
    quiet: bool = False  # nothing happens on the exchange while the fault is on
    lone: bool = False  # it loses single messages, and not all of a time
    settings: dict[str, Any] = {}  # the feed's, where they are not the defaults
    detected_within_s: float | None = None  # what must hold
    back_within_s: float = 3.0  # the same, beside the delay before a redial that is due when the fault ends

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.fault}{', quiet' if self.quiet else ''}"


class Row(msgspec.Struct, kw_only=True):
    """How a trial went."""

    name: str
    argument: str
    seconds: float
    losses: Losses
    wrongs: Wrongs
    detected_s: float | None  # from the fault's beginning to the first doubt; None: nothing was doubted
    back_s: float | None  # from the fault's end until every book answers; None: not 5 s after it was allowed to
    allowed_s: float
    differing: int  # books that answer at the end and are not the venue's
    invented: int  # facts told that never were
    gaps: int
    reconnects: int
    undecoded: int
    struck: int
    reasons: dict[str, int]


def seconds(count: float | None) -> str:
    """Return seconds as a table shows them."""
    return "never" if count is None else f"{count:.1f} s"


def shown(row: Row) -> str:
    """Return a row on one line."""
    lost, wrong = row.losses, row.wrongs
    happened, told, untold = (sum(count.values()) for count in (lost.happened, lost.told, lost.untold))
    silent = f"{lost.silent or 0}{f', restated {lost.restated}' if lost.restated else ''}"
    silently = f"without a gap {wrong.silent_s} s, at most {wrong.longest_silent_s} s at a time"
    parts = (
        f"{row.name:16} happened {happened:>6,} told {told:>6,} untold {untold:>6,} (without a gap {silent})",
        f"wrong books {wrong.longest_s} s, in all {wrong.total_s} s ({silently})",
        f"noticed after {seconds(row.detected_s)}, a loss after {seconds(lost.longest_s)}",
        f"back after {seconds(row.back_s)} (allowed {row.allowed_s:.1f})",
        f"gaps {row.gaps}, reconnects {row.reconnects}, undecoded {row.undecoded}, wrong at the end {row.differing}",
    )
    return "; ".join(parts)


async def clear_of_resolutions(url: str, seconds: float) -> None:
    """Begin after the next window's end where one would end meanwhile: of what resolved no book comes any more."""
    now_ms = (await asked(f"{url}/venue?ledger=0"))["clock"]["now_ms"]
    left_ms = WINDOW_MS - now_ms % WINDOW_MS
    if left_ms < seconds * 1_000:
        await step(url, left_ms + RESOLVED_AFTER_MS)
        with anyio.fail_after(20):  # it answers before all that fell due is done
            while _open_though_over(await asked(f"{url}/venue?ledger=0")):
                pass


def _open_though_over(about: dict[str, Any]) -> list[str]:
    """Return the windows that have ended and are not resolved."""
    named = ((one["slug"], _WINDOW.search(one["slug"])) for one in about["markets"] if not one["closed"])
    ends_ms = {slug: 1_000 * (int(found[2]) + 60 * int(found[1])) for slug, found in named if found}
    return [slug for slug, ms in ends_ms.items() if ms <= about["clock"]["now_ms"]]


async def turn_on(url: str, fault: str, channel: str, argument: str) -> None:
    """Turn a fault on, on one channel where it could strike at several."""
    await asked(f"{url}/venue/faults", {"name": _at(fault, channel), "argument": argument})


async def turn_off(url: str, fault: str, channel: str) -> int:
    """Turn it off, and return how often it struck."""
    name = _at(fault, channel)
    on = (await asked(f"{url}/venue?ledger=0"))["faults"]
    await asked(f"{url}/venue/faults/{name}", method="DELETE")
    return sum(one["did"] for one in on if one["name"] == name)


def _at(fault: str, channel: str) -> str:
    return f"{fault}@{channel}" if len(FAULTS[fault].where) > 1 else fault


def waits(channel: dict[str, Any]) -> list[float]:
    """Return the delays that are due on a channel as `status()` shows it: of redials, and of mendings."""
    return [one["next_try_s"] for one in channel["sockets"] if one["next_try_s"] is not None]

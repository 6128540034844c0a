"""`polywire alerts`, put together: watches made, awaited, listed and ended through the owner of a data directory."""

from collections.abc import Callable, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio
import msgspec

from polywire.app.attach import Say, access_of_owner, attached_to_owner
from polywire.app.events import Listened, entries_of, print_entry
from polywire.errors import Misuse, OwnerGone, UnknownTarget, VenueUnreachable
from polywire.model.journal import Entry, EntryKind
from polywire.model.listing import MarketListed
from polywire.model.units import ConditionId
from polywire.model.watch import Resolves
from polywire.services.access.language import Access, WatchMade, WatchStatus, WatchWanted
from polywire.services.owner_protocol import Resolve, Resolved

MAKER: Final = "cli"

CAME_TRUE: Final = frozenset(
    {
        EntryKind.ALERT,
        EntryKind.PRICE,
        EntryKind.BOOK,
        EntryKind.ORDER,
        EntryKind.TRADE,
        EntryKind.RESOLUTION,
    }
)
"""Kinds of entries that say that a condition came true; the others say how the watch fares."""

_ENDS: Final = frozenset({"expired", "dropped", "unread"})  # what an entry says of a watch's end
_NAMES_S: Final = 4.0  # for the names of markets, which the venue may be asked for
_MOST_NAMED: Final = 100  # markets


@dataclass(frozen=True)
class Place:
    """Whose watches.

    Args:
        data: The data directory.
        venue: What its owner has to be connected to; None: to whatever it is.
    """

    data: Path
    venue: str | None = None


@dataclass(frozen=True)
class Awaited:
    """How long to stay once a watch is made.

    Args:
        entries: Print its entries as they come, until it has ended.
        once: End with the first that says that its condition came true.
        jsonl: Print them as lines of JSON.
    """

    entries: bool = False
    once: bool = False
    jsonl: bool = False


@dataclass(frozen=True)
class Added:
    """A watch that stands, and whether its owner ends once its clients have left."""

    made: WatchMade
    background: bool


@dataclass(frozen=True)
class Listed:
    """Every watch, and what is known of their markets."""

    watches: list[WatchStatus]
    markets: dict[ConditionId, MarketListed]


def run_add(place: Place, wanted: WatchWanted, awaited: Awaited, tell: Callable[[Added], None], say: Say) -> bool:
    """Make a watch, tell of it, and stay as long as `awaited` says.

    Returns:
        Whether its condition came true while its entries were printed.

    Raises:
        UnknownTarget, NoCredentials, TooMany, Misuse, VenueUnreachable: What the owner refused, in its words.
        OwnerGone: There is no owner, and none can be started.
    """
    return anyio.run(_add, place, wanted, awaited, tell, say, backend_options={"use_uvloop": True})


def run_list(place: Place, say: Say) -> Listed:
    """Return every watch. Raises OwnerGone where there is no owner, and none can be started."""
    return anyio.run(_list, place, say, backend_options={"use_uvloop": True})


def run_remove(place: Place, ids: Iterable[str], say: Say) -> dict[str, Misuse | None]:
    """End watches; return for each why not, or None. Raises OwnerGone as `run_list` does."""
    return anyio.run(_remove, place, tuple(ids), say, backend_options={"use_uvloop": True})


# ---------------------------------------------------------------- made


async def _add(place: Place, wanted: WatchWanted, awaited: Awaited, tell: Callable[[Added], None], say: Say) -> bool:
    async with access_of_owner(place.data, place.venue, say) as access:
        made = await access.add_watch(wanted)
        background = False
        with suppress(OwnerGone):  # the watch stands all the same
            async with attached_to_owner(place.data, place.venue, say) as visit:
                background = visit.hello.background
        tell(Added(made, background))
        if not awaited.entries:
            return False
        return await came_true(access, place, made, awaited, say)


async def came_true(access: Access, place: Place, made: WatchMade, awaited: Awaited, say: Say) -> bool:
    """Print the entries of a watch until it has ended, or with `once` until it came true; return whether it did."""
    true = bool(made.resolved) and isinstance(made.watch.condition, Resolves)  # told as it was made, and never again
    if true and awaited.once:
        return True
    asked = Listened(place.data, made.cursor, follow=True, watches=(made.watch.id,))
    async with aclosing(entries_of(access, asked, say)) as entries:
        async for entry, journal in entries:
            print_entry(entry, journal, jsonl=awaited.jsonl)
            true = true or entry.kind in CAME_TRUE
            if (true and awaited.once) or (entry.kind not in CAME_TRUE and _what(entry) in _ENDS):
                break
    return true


def _what(entry: Entry) -> object:
    """Return what an entry of a watch about itself says: made, dropped, expired and so on."""
    data: dict[str, object] = msgspec.json.decode(entry.data) if bytes(entry.data) else {}
    return data.get("what")


# ---------------------------------------------------------------- listed and ended


async def _list(place: Place, say: Say) -> Listed:
    async with access_of_owner(place.data, place.venue, say) as access:
        watches = await access.watches()
    wanted = list(dict.fromkeys(market for one in watches for market in one.watch.markets))[:_MOST_NAMED]
    return Listed(watches, await _named(place, wanted, say) if wanted else {})


async def _named(place: Place, wanted: Iterable[ConditionId], say: Say) -> dict[ConditionId, MarketListed]:
    """Return those of these markets whose names can be had in time; another is shown by its id."""
    found: dict[ConditionId, MarketListed] = {}
    with suppress(OwnerGone), anyio.move_on_after(_NAMES_S):
        async with attached_to_owner(place.data, place.venue, say) as visit:
            for number, market in enumerate(wanted, 1):
                with suppress(UnknownTarget, VenueUnreachable):
                    answer = await anext(visit.ask(Resolve([market], id=number)))
                    if isinstance(answer, Resolved) and answer.markets:
                        found[market] = answer.markets[0]
    return found


async def _remove(place: Place, ids: tuple[str, ...], say: Say) -> dict[str, Misuse | None]:
    refused: dict[str, Misuse | None] = {}
    async with access_of_owner(place.data, place.venue, say) as access:
        for one in ids:
            try:
                await access.drop_watch(one)
            except Misuse as refusal:
                refused[one] = refusal
            else:
                refused[one] = None
    return refused

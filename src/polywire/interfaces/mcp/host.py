"""What every tool needs: the way to the owner, who is asking, how far they have read, and the clock."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import anyio
from mcp.server.mcpserver import Context
from mcp_types import CallToolResult

from polywire.errors import PolywireError
from polywire.interfaces.mcp.answers import Answer
from polywire.interfaces.mcp.guests import Guest, Guests, earliest
from polywire.interfaces.mcp.line import Line
from polywire.interfaces.mcp.showing import answered
from polywire.ports import Clock
from polywire.services.access.language import EntriesWanted

AnAnswer = TypeVar("AnAnswer", bound=Answer)
Request = Context[Any, Any]

_GROUPS: Final = 5  # places of one guest that are counted from apart


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast things go, seconds."""

    answer_s: float = 5.0  # the longest that a question takes
    aside_s: float = 1.0  # of that for what is told beside the answer: what is pending, how the feed is
    progress_s: float = 10.0  # between two words of a tool that waits
    update_s: float = 1.0  # between two updates of one resource
    retry_s: float = 0.5  # between two tries to reach an owner that is gone


class Host:
    """See the module.

    Attributes:
        line: The way to the owner.
        clock: Ours.
        guests: Everybody who asks.
        pace: How fast things go.
    """

    def __init__(self, line: Line, clock: Clock, pace: Pace) -> None:
        self.line, self.clock, self.pace = line, clock, pace
        self.guests = Guests()

    def guest(self, request: Request) -> Guest:
        """Return who is asking."""
        return self.guests.of(request.request_context)

    async def done(self, guest: Guest, answer: AnAnswer) -> CallToolResult:
        """Return an answer as a tool's result, with what waits for this guest."""
        with suppress(PolywireError), anyio.move_on_after(self.pace.aside_s):
            answer.pending_events, answer.newest = await self.pending(guest)
        return answered(answer)  # it is there: what could not be counted is said to be unknown

    async def pending(self, guest: Guest) -> tuple[int, str]:
        """Return how many entries of its subscriptions a guest has not been given, and the newest cursor."""
        by_place: dict[str, list[str]] = defaultdict(list)
        for watch in guest.made:
            by_place[guest.place(watch) or ""].append(watch)
        if not by_place:
            return 0, await self.line.newest()
        while len(by_place) > _GROUPS:  # rare: as many places as that meet after one look at all
            one, other = sorted(by_place)[:2]
            by_place[earliest((one, other))] = by_place.pop(one) + by_place.pop(other)
        count, newest = 0, ""
        for place, watches in by_place.items():
            page = await self.line.entries(EntriesWanted(since=place, watches=tuple(watches), limit=1))
            count += len(page.entries) + page.pending
            newest = page.newest
        return count, newest

    async def begin(self, guest: Guest, watches: Sequence[str]) -> str:
        """Return the cursor from which a guest has to read on: where it stopped, else where the subscriptions began.

        Of subscriptions that it did not make, all that is kept. Of none in particular, what comes from now on.
        """
        places = [guest.place(watch) for watch in watches or ("",)]
        known = [place for place in places if place]
        if len(known) == len(places):
            return earliest(known)
        if not watches:
            return await self.line.newest()
        return await self.oldest()

    async def oldest(self) -> str:
        """Return the cursor before the oldest entry that is kept."""
        return (await self.line.entries(EntriesWanted(limit=1))).oldest

    def name(self) -> str:
        """Return a name for something that happens now, short enough to be said."""
        return f"{self.clock.now_ns():x}"[-10:]

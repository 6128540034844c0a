"""Reading a guest's events: whose, from where, each once, and what is to be said where the place is no good."""

from collections.abc import Sequence
from difflib import get_close_matches

from polywire.errors import Misuse
from polywire.interfaces.mcp.guests import Guest, earliest
from polywire.interfaces.mcp.host import Host
from polywire.model.journal import Cursor, Entry, Page, Standing
from polywire.services.access.language import EntriesWanted


class Reading:
    """One look of a guest at the journal, which may take several pages.

    Attributes:
        watches: Whose events; (): everybody's.
        cursor: Up to where has been read.
        truncated: How many entries were removed before they could be read.
        anew: Whether the journal is another than the guest knew, and was begun from its oldest entry.
    """

    def __init__(
        self, host: Host, guest: Guest, watches: Sequence[str], since: str, *, keeps: bool, given: bool
    ) -> None:
        self._host, self._guest = host, guest
        self.watches, self.cursor = tuple(watches), since
        self.truncated, self.anew = 0, False
        self._keeps, self._given = keeps, given

    async def page(self, limit: int, wait_s: float = 0.0) -> Page:
        """Return the next page that the guest has not been given yet.

        Raises:
            Misuse: The cursor that was given is no place in this journal; the words say where to start.
        """
        wanted = EntriesWanted(since=self.cursor, watches=self.watches, limit=limit, wait_s=wait_s)
        try:
            page = await self._host.line.entries(wanted)
        except Misuse as fault:
            if not self._given:
                raise
            raise Misuse(f"{fault}. {await self._starts()}") from fault
        if page.standing in {Standing.FOREIGN, Standing.FUTURE}:
            if self._given:
                what = "of another journal" if page.standing is Standing.FOREIGN else "beyond the newest entry"
                raise Misuse(f"the cursor {self.cursor} is {what}. {await self._starts()}")
            self.anew, self.cursor = True, page.oldest
            self._guest.begin_anew(self.watches or ("",), page.oldest)
            return await self.page(limit, wait_s)
        self.truncated += page.lost
        self.cursor = page.cursor
        return page

    def new(self, page: Page) -> list[Entry]:
        """Return those of a page that the guest was not given by an earlier look at another set of subscriptions."""
        if self._given or not self._keeps or not self.watches:
            return list(page.entries)
        journal = Cursor.read(page.newest).journal
        places = {watch: _seq(self._guest.place(watch), journal) for watch in self.watches}
        return [entry for entry in page.entries if entry.seq > places.get(entry.watch, 0)]

    def end(self) -> None:
        """Note that the guest was given what was read."""
        if self._keeps:
            self._guest.read_to(self.watches or ("",), self.cursor)

    async def _starts(self) -> str:
        newest, oldest = await self._host.line.newest(), await self._host.oldest()
        return (
            f"Leave `since` out to go on from where you were, or begin with {oldest} (all that is kept) or {newest} "
            "(what comes from now on)"
        )


async def reading(host: Host, guest: Guest, subscription_ids: list[str] | None, since: str) -> Reading:
    """Return a look at the events of some subscriptions, from a cursor or from where the guest stopped.

    Raises:
        Misuse: There is no subscription of that id.
    """
    named = tuple(dict.fromkeys(one.strip() for one in subscription_ids or () if one.strip()))
    if strange := [one for one in named if one not in guest.made]:
        await _exist(host, strange)
    watches = named or tuple(guest.made)
    # Of a guest that cannot be told from others of its name, only what it named is remembered: its ids are its own.
    keeps = guest.session or bool(named)
    begin = since.strip()
    if not begin and watches and not keeps:
        begin = earliest([guest.made[watch].cursor for watch in watches])
    return Reading(
        host, guest, watches, begin or await host.begin(guest, watches), keeps=keeps, given=bool(since.strip())
    )


async def _exist(host: Host, ids: Sequence[str]) -> None:
    standing = [status.watch.id for status in await host.line.watches()]
    for one in ids:
        if one not in standing:
            near = get_close_matches(one, standing, 3, cutoff=0.5)
            hint = f"the nearest are {', '.join(near)}" if near else f"there are {len(standing)}"
            raise Misuse(f"there is no subscription {one[:60]!r}; {hint}; list_watches names all")


def _seq(cursor: str | None, journal: str) -> int:
    place = Cursor.read(cursor) if cursor else None
    return place.seq if place is not None and place.journal == journal else 0

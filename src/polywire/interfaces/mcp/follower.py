"""Reads the journal once for all clients of a server, and tells each what it listens for, conflated.

Resource updates go to open `subscriptions/listen` streams (2026-07-28) by a bus, and to clients of the handshake era
one by one. They say that something changed, not what: a client reads the resource, or asks for events.
"""

import logging
from collections.abc import Iterable
from typing import Final, NoReturn

import anyio
from mcp.server.subscriptions import ResourceUpdated, SubscriptionBus

from polywire.errors import PolywireError
from polywire.interfaces.mcp.delivery import allows, level_of
from polywire.interfaces.mcp.guests import Guest
from polywire.interfaces.mcp.host import Host
from polywire.interfaces.mcp.pacing import Pacer
from polywire.interfaces.mcp.showing import event_shown
from polywire.model.journal import Cursor, Entry, EntryKind, Page, Standing
from polywire.services.access.language import EntriesWanted

STATUS: Final = "polymarket://websocket-status"
LOGGER: Final = "polywire"

_LOG: Final = logging.getLogger("polywire.mcp")
_PAGE: Final = 1_000
_WAIT_S: Final = 30.0
_PUSH_S: Final = 0.5  # for one client to take what it is sent
_LONGEST_RETRY_S: Final = 10.0
_OF_STATUS: Final = frozenset({EntryKind.GAP, EntryKind.FRESHNESS, EntryKind.SYSTEM})


def events_uri(watch: str) -> str:
    """Return the resource of a subscription's events."""
    return f"polymarket://events/{watch}"


def touched(entry: Entry) -> list[str]:
    """Return the resources that an entry changes."""
    uris = [events_uri(entry.watch)] if entry.watch else []
    uris += [f"polymarket://book/{entry.token}"] if entry.token else []
    uris += [f"polymarket://market/{entry.condition}"] if entry.condition else []
    return uris + ([STATUS] if entry.kind in _OF_STATUS else [])


class Follower:
    """See the module. Ends only by cancellation."""

    def __init__(self, host: Host, bus: SubscriptionBus) -> None:
        self._host, self._bus = host, bus
        self._pacer = Pacer[tuple[Guest | None, str]](host.pace.update_s)  # None: the bus
        self._wake = anyio.Event()

    async def run(self) -> None:
        """Follow, and tell."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._follow)
            tasks.start_soon(self._tell)

    def tell(self, uris: Iterable[str]) -> None:
        """Say that resources changed."""
        pushed_to = self._host.guests.pushed_to()
        for uri in uris:
            self._pacer.mark((None, uri))
            for guest in pushed_to:
                if uri in guest.uris:
                    self._pacer.mark((guest, uri))
        self._wake.set()

    async def _follow(self) -> NoReturn:
        cursor, retry_s = "", self._host.pace.retry_s
        while True:
            try:
                cursor = cursor or await self._host.line.newest()
                page = await self._host.line.entries(EntriesWanted(since=cursor, limit=_PAGE, wait_s=_WAIT_S))
            except PolywireError as fault:
                _LOG.info("the journal cannot be followed, trying again in %.1f s: %s", retry_s, fault)
            except Exception:  # noqa: BLE001 - a task's boundary: the updates of all must not end with one fault
                _LOG.exception("the journal cannot be followed, trying again in %.1f s", retry_s)
            else:
                cursor, retry_s = page.cursor, self._host.pace.retry_s
                self._heed(page)
                continue
            self.tell([STATUS])
            await anyio.sleep(retry_s)
            retry_s = min(2 * retry_s, _LONGEST_RETRY_S)

    def _heed(self, page: Page) -> None:
        if page.standing is not Standing.GOOD:  # what lies between is not known: everything may have changed
            self.tell(self._host.guests.wanted())
        if page.entries:
            journal = Cursor.read(page.newest).journal
            self.tell(dict.fromkeys(uri for entry in page.entries for uri in touched(entry)))
            for entry in page.entries:
                self._log(entry, journal)

    def _log(self, entry: Entry, journal: str) -> None:
        for guest in self._host.guests.pushed_to():
            made = guest.made.get(entry.watch)
            level = level_of(entry.kind)
            if made is not None and made.delivery == "log" and allows(guest.level, level):
                guest.log(level, event_shown(entry, journal).model_dump(mode="json"))
                self._wake.set()

    async def _tell(self) -> NoReturn:
        while True:
            self._wake = anyio.Event()
            by_guest: dict[Guest, list[str]] = {guest: [] for guest in self._host.guests.pushed_to() if guest.logs}
            for guest, uri in self._pacer.due(self._host.clock.monotonic_s()):
                if guest is None:
                    await self._bus.publish(ResourceUpdated(uri))
                else:
                    by_guest.setdefault(guest, []).append(uri)
            async with anyio.create_task_group() as tasks:
                for guest, uris in by_guest.items():
                    tasks.start_soon(self._push, guest, uris)
            with anyio.move_on_after(self._pacer.wait_s(self._host.clock.monotonic_s())):
                await self._wake.wait()

    async def _push(self, guest: Guest, uris: list[str]) -> None:
        """Push to one client of the handshake era; what it does not take in time is tried again, or counted."""
        left = list(uris)
        with anyio.move_on_after(_PUSH_S) as limit:
            while guest.logs and guest.connection is not None:
                level, data = guest.logs.popleft()
                message = {"level": level, "logger": LOGGER, "data": data}
                await guest.connection.notify("notifications/message", message)
            while left and guest.connection is not None:
                await guest.connection.send_resource_updated(left[0])
                del left[0]
        guest.unread = guest.unread + 1 if limit.cancelled_caught else 0
        if guest in self._host.guests.pushed_to():
            for uri in left:
                self._pacer.mark((guest, uri))

"""All watches of one owner: made, judged on the feed's events, told that time passes, kept over restarts."""

from collections import deque
from collections.abc import Callable
from typing import Final, NoReturn
from uuid import uuid4

import anyio

from polywire.errors import Misuse, PolywireError, TooMany
from polywire.model.journal import Cursor
from polywire.model.listing import MarketListed
from polywire.model.watch import Watch
from polywire.ports import Clock, Journal
from polywire.services.access.language import WatchMade, WatchStatus, WatchWanted
from polywire.services.views import Views
from polywire.services.watches.agenda import Agenda, Pace
from polywire.services.watches.entries import dropped_entry, followed_entry, made_entry, unfollowed_entry
from polywire.services.watches.first_data import beginning, ended_before, first_data, views_of
from polywire.services.watches.keeping import NOTHING, Kept, State, body_of
from polywire.services.watches.making import PATIENCE_S, check_wanted, same_subject, subject_of, watch_of
from polywire.services.watches.pen import Pen
from polywire.services.watches.restoring import Restored, restored
from polywire.services.watches.source import WatchFeed
from polywire.services.watches.standing import Standing

_MS: Final = 1_000_000
_EVERY_S: Final = 1.0  # between two rounds of housekeeping
_SAVED_A_ROUND: Final = 200
_ALIVE_EVERY: Final = 10  # rounds; so exact is known over a restart until when we watched
_AGAIN_EVERY: Final = 5  # rounds between two attempts to follow what could not be
_NAMED: Final = 20  # watches that a refusal names


class Watches:
    """Holds the watches, each with a subscription of its own.

    Args:
        feed: Where events come from.
        journal: Where entries go, and where the watches are kept.
        clock: Our time.
        venue_now_ms: The venue's time, Unix milliseconds: what conditions, budgets and expiry go by.
        most_watches: How many there may be at once.
        most_targets: How many targets one may name.
        views: Makes the views in an answer; None: they lack what a book does not keep, as the last trade.

    Attributes:
        ready: Set once all that was kept is watched again.
    """

    def __init__(
        self,
        feed: WatchFeed,
        journal: Journal,
        clock: Clock,
        venue_now_ms: Callable[[], int],
        *,
        most_watches: int = 1_000,
        most_targets: int = 500,
        views: Views | None = None,
    ) -> None:
        self._feed, self._journal, self._clock, self._venue_now_ms = feed, journal, clock, venue_now_ms
        self._most_watches, self._most_targets = most_watches, most_targets
        self._views = Views(feed.books, feed.listed, clock.now_ns) if views is None else views
        self._pen = Pen(journal, clock)
        self._standing: dict[str, Standing] = {}  # the oldest first
        self._making: dict[str, anyio.Event] = {}
        self._agenda = Agenda()
        self._stirred = anyio.Event()
        self._rounds = 0
        self.ready = anyio.Event()

    # ------------------------------------------------------------ for everybody

    async def add(self, wanted: WatchWanted) -> WatchMade:
        """Make a watch, wait a little for its first data, and return it, with the books of its tokens as they are.

        It is on disk when this returns. One that is asked for again by the same id is returned as it stands.

        Raises:
            UnknownTarget: A target means none; `.nearest` names some that come near.
            NoCredentials: It is of own orders or trades, and there are no credentials.
            TooMany: More targets, tokens or watches than the limits allow.
            Misuse: A number is out of its range, the id is another watch's, or the condition needs targets.
            VenueUnreachable: The venue did not say what the targets are.
            JournalFault: It cannot be kept.
        """
        ends_s = self._clock.monotonic_s() + PATIENCE_S
        check_wanted(wanted, self._most_targets)
        with anyio.move_on_after(PATIENCE_S):
            await self.ready.wait()
        if not self.ready.is_set():
            raise Misuse("the watches of before are still being taken up; ask again in a few seconds")
        name = wanted.id or self._new_id()
        while name in self._making:
            await self._making[name].wait()
        standing = self._standing.get(name)
        if standing is None or standing.leaving:
            standing, cursor = await self._make(wanted, name, ends_s)
            return await self._answer(standing, cursor, ends_s, existed=False)
        if not same_subject(wanted, standing.watch):
            raise Misuse(
                f"{name} is another watch, of another condition or other targets; choose another id, or drop it first"
            )
        return await self._answer(standing, await beginning(self._journal, name), ends_s, existed=True)

    async def drop(self, watch: str) -> Watch:
        """End a watch and return it, once that is on disk. Its entries stay.

        Raises:
            Misuse: There is none of that id; the words name those that there are.
            JournalFault: It cannot be written; the watch goes on.
        """
        standing = self._standing.get(watch)
        if standing is None or standing.leaving:
            there = [one for one, other in self._standing.items() if not other.leaving]
            more = f" and {len(there) - _NAMED} more" if len(there) > _NAMED else ""
            known = f"there are {', '.join(there[:_NAMED])}{more}" if there else "there is none at all"
            raise Misuse(f"no watch has the id {watch[:80]!r}; {known}")
        standing.leaving = True  # what it says until then is written, and nothing kept
        try:
            with anyio.CancelScope(shield=True):  # as when it is made
                gone = dropped_entry(standing.watch, self._clock.now_ns())
                await self._journal.append([gone], Kept(watch, None, b""))
        except BaseException:
            standing.leaving = False
            raise
        self._forget(standing)
        return standing.watch

    def statuses(self) -> list[WatchStatus]:
        """Return every watch and how it fares, the oldest first."""
        return [
            WatchStatus(one.watch, one.entries, one.last_ms, one.in_doubt, one.sentry.budget_left)
            for one in self._standing.values()
            if not one.leaving
        ]

    @property
    def unwritten(self) -> int:
        """Entries that the journal did not take, and does not say so yet."""
        return self._pen.lost

    # ------------------------------------------------------------ its run

    async def run(self) -> None:
        """Take up what was kept, then tell watches of time. Ends only by cancellation, or where nothing can be read.

        Raises:
            JournalFault: What was kept cannot be read.
        """
        try:
            await self._restore()
            self.ready.set()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._keep_house)
                await self._tell_time()
        finally:
            for standing in self._standing.values():
                standing.save()  # its own time too: until now we watched
                standing.close()

    async def _tell_time(self) -> NoReturn:
        pace = Pace(self._clock.monotonic_s, self._venue_now_ms)
        while True:
            with anyio.move_on_after(pace.wait_s(self._agenda.next_ms)):
                await self._stirred.wait()
            if self._stirred.is_set():
                self._stirred = anyio.Event()
            now_ms = self._venue_now_ms()
            for watch in self._agenda.due(now_ms):
                standing = self._standing.get(watch)
                if standing is not None:
                    standing.planned_ms = None
                    standing.tick(now_ms)
                    self._plan(standing, no_sooner_ms=now_ms + 1)

    async def _keep_house(self) -> NoReturn:
        """Save what moved without a word, say what was lost, follow again what could not be."""
        turn: deque[str] = deque()  # each has its turn, however many moved
        while True:
            await anyio.sleep(_EVERY_S)
            self._rounds += 1
            self._pen.settle()
            turn = turn or deque(self._standing)
            saved = 0
            while turn and saved < _SAVED_A_ROUND:
                standing = self._standing.get(turn.popleft())
                if standing is not None and standing.unsaved:
                    standing.save()
                    saved += 1
            if not saved and not self._rounds % _ALIVE_EVERY:
                for standing in tuple(self._standing.values())[:1]:
                    standing.save()
            now_s = self._clock.monotonic_s()
            for standing in tuple(self._standing.values()):
                self._plan(standing)
                if standing.doubtful_at_s is not None and standing.doubtful_at_s <= now_s:
                    standing.show_what_does_not()
            if not self._rounds % _AGAIN_EVERY:
                await self._follow_again()

    async def _follow_again(self) -> None:
        for standing in tuple(self._standing.values()):
            if standing.unfollowed_ms and not standing.leaving:
                try:
                    await standing.follow()
                except PolywireError:
                    continue
                self._begin(standing)
                now_ns = self._clock.now_ns()
                standing.say([followed_entry(standing.watch.id, standing.unfollowed_ms, now_ns)])
                standing.unfollowed_ms = 0

    # ------------------------------------------------------------ restoring

    async def _restore(self) -> None:
        now_ns, venue_ms = self._clock.now_ns(), self._venue_now_ms()
        found = restored(await self._journal.kept(), now_ns, venue_ms)
        for watch, unread in found.unread:
            self._pen.write(watch, [unread], None)
        for one in found.watches:
            await self._take_up(one)

    async def _take_up(self, one: Restored) -> None:
        for market in one.markets:
            for token in market.tokens:
                self._feed.listed.setdefault(token, market)  # so that it asks after the market's end
        standing = self._stand(one.watch, one.markets, one.state)
        self._standing[one.watch.id] = standing
        standing.say([one.absent])
        try:
            await standing.follow()
        except PolywireError as refused:
            now_ns = self._clock.now_ns()
            standing.unfollowed_ms = now_ns // _MS
            standing.say([unfollowed_entry(one.watch.id, str(refused), now_ns)])
            self._plan(standing)  # it may expire all the same
        else:
            self._begin(standing)

    # ------------------------------------------------------------ making

    async def _make(self, wanted: WatchWanted, name: str, ends_s: float) -> tuple[Standing, str]:
        """Return a new watch that is on disk, and the cursor that its entries come after."""
        count = len(self._standing) + len(self._making) + 1
        if count > self._most_watches:
            raise TooMany("watches", count, self._most_watches)
        self._making[name] = anyio.Event()
        try:
            subject = await subject_of(self._feed, wanted, self._left_s(ends_s))
            watch = watch_of(wanted, name, subject, self._venue_now_ms())
            standing = self._stand(watch, subject.markets, NOTHING)
            standing.learn_ended(await ended_before(self._feed, watch, subject.markets, self._left_s(ends_s)))
            standing.held = []  # what it says before it is on disk comes after that
            try:
                await standing.follow()
                self._begin(standing)
                made = made_entry(watch, self._clock.now_ns())
                kept = Kept(name, body_of(watch, subject.markets), standing.state)
                with anyio.CancelScope(shield=True):  # whoever asked may be gone; on disk and here, or neither
                    entries = await self._journal.append([made], kept)
            except BaseException:
                standing.leaving = True
                self._agenda.forget(name)
                standing.close()
                raise
            self._standing[name] = standing
            standing.release()
            return standing, str(Cursor(self._journal.id, entries[-1].seq))
        finally:
            self._making.pop(name).set()

    async def _answer(self, standing: Standing, cursor: str, ends_s: float, *, existed: bool) -> WatchMade:
        waiting = await first_data(self._feed, standing, self._left_s(ends_s))
        views = views_of(self._views, standing.watch)
        return WatchMade(standing.watch, cursor, views, standing.markets, standing.resolved, waiting, existed)

    def _left_s(self, ends_s: float) -> float:
        return max(0.0, ends_s - self._clock.monotonic_s())

    def _new_id(self) -> str:
        while (name := f"w-{uuid4().hex[:8]}") in self._standing or name in self._making:
            pass
        return name

    # ------------------------------------------------------------ inside

    def _stand(self, watch: Watch, markets: tuple[MarketListed, ...], state: State) -> Standing:
        return Standing(
            watch, markets, state, self._feed, self._pen, self._clock, self._venue_now_ms, self._plan, self._forget
        )

    def _begin(self, standing: Standing) -> None:
        """Show a watch that is followed what stands already, and give the rest a while."""
        standing.doubtful_at_s = self._clock.monotonic_s() + PATIENCE_S
        standing.show_what_answers()
        self._plan(standing)

    def _plan(self, standing: Standing, no_sooner_ms: int = 0) -> None:
        due_ms = standing.sentry.due_ms
        if due_ms is None or standing.leaving:
            return
        due_ms = max(due_ms, no_sooner_ms)
        if standing.planned_ms is None or due_ms < standing.planned_ms:
            standing.planned_ms = due_ms
            if self._agenda.plan(standing.watch.id, due_ms):
                self._stirred.set()

    def _forget(self, standing: Standing) -> None:
        if self._standing.get(standing.watch.id) is standing:  # else another has its id by now
            del self._standing[standing.watch.id]
            self._agenda.forget(standing.watch.id)
        standing.close()

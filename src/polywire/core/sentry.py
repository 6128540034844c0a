"""One watch, judged: what it is shown, and when, go in; drafts come out. Time is the venue's, Unix milliseconds."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, assert_never

import msgspec

from polywire.core.allowance import Allowance
from polywire.core.book import Book
from polywire.core.conditions.observer import Finding, Observer
from polywire.core.conditions.of_books import DepthObserver, SetObserver, SpreadObserver
from polywire.core.conditions.of_changes import ChangeObserver
from polywire.core.conditions.of_happenings import HappeningObserver
from polywire.core.conditions.of_prices import PriceObserver
from polywire.core.conditions.of_silence import SilenceObserver
from polywire.core.doubts import Doubts
from polywire.model.events import Event
from polywire.model.health import ANSWERING, FreshnessChanged, Gap
from polywire.model.journal import Draft, EntryKind
from polywire.model.listing import MarketListed
from polywire.model.units import TokenId
from polywire.model.watch import (
    Changes,
    Created,
    Crosses,
    Depth,
    Moves,
    Opportunity,
    OrderChanges,
    OwnTrades,
    Resolves,
    Silent,
    Spread,
    TickChanges,
    TradeOver,
    Watch,
)

_MS: Final = 1_000_000
_NOBODY: Final = TokenId("")


class Sentry:
    """Stands for a watch.

    Args:
        watch: What it is to wait for.
        listed: The markets of its tokens.
        state: What it remembered before a restart; b"": nothing.

    Attributes:
        kinds: The types of events it has to be shown. `FreshnessChanged` and `Gap` always are.
        over: It has expired, and will say nothing more.
    """

    def __init__(self, watch: Watch, listed: Mapping[TokenId, MarketListed], state: bytes = b"") -> None:
        self._watch, self._listed = watch, listed
        self._tokens = frozenset(watch.tokens)
        self._begin()
        self.kinds = self._observer.kinds
        self._moved = self.over = False
        self._now_ms = 0
        if state:
            try:
                self._restore(state)
            except (msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError):
                self._begin()  # what is no state, as an older Polywire's may be, is as if there were none

    # ------------------------------------------------------------ being shown things

    def heed(self, event: Event, book: Book | None, now_ms: int) -> Sequence[Draft]:
        """Take an event and return what is to be written; mostly ().

        Args:
            event: Of one of `kinds`, or of the feed's own health.
            book: The feed's own of the event's token, as it stands after the event.
            now_ms: The venue's time.
        """
        if self.over or (self._watch.expires_ms and now_ms >= self._watch.expires_ms):
            return ()
        kind = type(event)
        if kind is FreshnessChanged or kind is Gap:
            return self._health(event, book, now_ms)
        if kind not in self.kinds:
            return ()
        self._now_ms = now_ms
        found = self._observer.look(event, book, now_ms)
        return () if found is None else self._told(found, event, book, now_ms)

    def tick(self, now_ms: int) -> Sequence[Draft]:
        """Take note that time passed, and return what is to be written."""
        if self.over:
            return ()
        self._now_ms = now_ms
        expired = bool(self._watch.expires_ms and now_ms >= self._watch.expires_ms)
        drafts = [self._doubted(token, reason, 0, now_ms) for token, reason in self._doubts.due(now_ms)]
        self._moved = self._moved or bool(drafts)
        for found in self._observer.tick(now_ms):
            drafts += self._told(found, None, None, now_ms)
        digest = self._allowance.digest(now_ms, at_once=expired)
        if digest is not None:
            self._moved = True
            data = {"alerts": digest.alerts, "first": digest.first, "last": digest.last, "since_ms": digest.since_ms}
            text = f"{digest.alerts} more alerts came after the budget was used up; the last: {digest.last}"
            drafts.append(self._draft(EntryKind.ALERT, _NOBODY, text, data | {"digest": True}, 0, now_ms))
        if expired:
            self.over = True
            text = "this watch has ended, as its time is over; make another to go on"
            drafts.append(self._draft(EntryKind.NOTICE, _NOBODY, text, {"what": "expired"}, 0, now_ms))
        return drafts

    @property
    def due_ms(self) -> int | None:
        """When `tick` is to be called next at the latest; None: never."""
        if self.over:
            return None
        wanted = (
            self._observer.due_ms,
            self._doubts.due_ms,
            self._allowance.due_ms,
            self._watch.expires_ms or None,
        )
        return min((due_ms for due_ms in wanted if due_ms is not None), default=None)

    # ------------------------------------------------------------ what it is

    @property
    def in_doubt(self) -> Mapping[TokenId, str]:
        """The tokens whose book does not answer, and why."""
        return self._doubts.reasons

    @property
    def budget_left(self) -> int:
        """Alerts that are left in this hour, as of the last event or tick."""
        return self._allowance.left(self._now_ms)

    @property
    def moved(self) -> bool:
        """Whether `state` has changed since it was last read."""
        return self._moved or self._observer.moved

    @property
    def state(self) -> bytes:
        """What it has to remember over a restart, JSON."""
        self._moved = self._observer.moved = False
        kept = {"observed": self._observer.state, "allowance": self._allowance.state, "doubts": self._doubts.state}
        return msgspec.json.encode(kept)

    def _begin(self) -> None:
        watch = self._watch
        self._observer: Observer = _observer(watch, self._listed)
        self._allowance = Allowance(watch.budget, round(1_000 * watch.cooldown_s))
        self._doubts = Doubts()

    def _restore(self, state: bytes) -> None:
        kept: dict[str, Any] = msgspec.json.decode(state)
        self._allowance.restore(kept["allowance"])
        self._observer.restore(kept["observed"])
        self._doubts.restore(kept["doubts"])

    # ------------------------------------------------------------ saying things

    def _told(self, found: Finding, event: Any, book: Book | None, now_ms: int) -> list[Draft]:
        venue_ms = now_ms if event is None else event.venue_ms
        seen_ns = 0 if event is None else event.seen_ns
        data = found.data
        if book is not None and seen_ns and book.verified_ns:
            data["verified_age_ms"] = max(0, (seen_ns - book.verified_ns) // _MS)
        if found.kind is not EntryKind.ALERT:
            return [self._draft(found.kind, found.token, found.text, data, seen_ns, venue_ms)]
        self._moved = True
        subject = found.token or str(data.get("condition", ""))
        if self._allowance.admits(subject, found.text, now_ms):
            hushed = self._allowance.hushed(subject)
            if hushed:
                data["suppressed"] = hushed
            return [self._draft(EntryKind.ALERT, found.token, found.text, data, seen_ns, venue_ms)]
        if not self._allowance.spent:
            return []
        text = (
            f"the budget of {self._watch.budget} alerts an hour is used up; what comes in the rest of this hour is "
            "counted, and told in one digest at its end"
        )
        return [self._draft(EntryKind.NOTICE, _NOBODY, text, {"what": "budget"}, seen_ns, venue_ms)]

    def _health(self, event: Any, book: Book | None, now_ms: int) -> Sequence[Draft]:
        if isinstance(event, Gap):
            ours = [token for token in event.tokens if token in self._tokens] if self._tokens else list(event.tokens)
            if not ours and event.tokens:
                return ()
            seconds = max(0, event.to_ns - event.from_ns) / 1e9
            data = {"tokens": ours, "from_ns": event.from_ns, "to_ns": event.to_ns, "reason": event.reason}
            text = f"within {seconds:.3f} s something may have been missed: {event.reason}"
            one = ours[0] if len(ours) == 1 else _NOBODY
            return [self._draft(EntryKind.GAP, one, text, data, event.seen_ns, event.venue_ms)]
        token: TokenId = event.token
        if not self._observer.of_feed:
            return ()  # own orders have a socket of their own, whose losses come as gaps
        if event.now not in ANSWERING:
            self._observer.doubt(token, now_ms)
            self._moved = True  # the reason may have, even where nothing is told
            if self._doubts.begin(token, event.reason, now_ms):
                return [self._doubted(token, event.reason, event.seen_ns, event.venue_ms)]
            return ()
        drafts: list[Draft] = []
        if self._doubts.end(token, now_ms):
            self._moved = True
            text = f"its book answers again: {event.reason}"
            drafts.append(
                self._draft(EntryKind.FRESHNESS, token, text, {"answers": True}, event.seen_ns, event.venue_ms)
            )
        if event.was not in ANSWERING:
            found = self._observer.look(event, book, now_ms)
            if found is not None:
                drafts += self._told(found, event, book, now_ms)
        return drafts

    def _doubted(self, token: TokenId, reason: str, seen_ns: int, venue_ms: int) -> Draft:
        text = f"its book may be wrong, and nothing of it is judged until it answers again: {reason}"
        return self._draft(EntryKind.FRESHNESS, token, text, {"answers": False, "reason": reason}, seen_ns, venue_ms)

    def _draft(
        self, kind: EntryKind, token: TokenId, text: str, data: dict[str, Any], seen_ns: int, venue_ms: int
    ) -> Draft:
        market = self._listed.get(token)
        condition = data.get("condition", "") if market is None else market.condition
        told: dict[str, Any] = {"watching": str(self._watch.condition.__struct_config__.tag)}
        if market is not None:
            outcome = market.outcomes[market.tokens.index(token)]
            told |= {"token": token, "slug": market.slug, "question": market.question, "outcome": outcome}
        return Draft(
            kind,
            f"{self._watch.label}: {text}" if self._watch.label else text,
            told | data,
            watch=self._watch.id,
            token=token,
            condition=condition,
            venue_ms=venue_ms,
            seen_ns=seen_ns,
        )


def _observer(watch: Watch, listed: Mapping[TokenId, MarketListed]) -> Observer:
    wanted = watch.condition
    match wanted:
        case Changes():
            return ChangeObserver(wanted)
        case Crosses() | Moves():
            return PriceObserver(wanted)
        case Spread():
            return SpreadObserver(wanted)
        case Depth():
            return DepthObserver(wanted)
        case Silent():
            return SilenceObserver(wanted, watch.tokens)
        case Opportunity():
            return SetObserver(wanted, _sets(wanted, watch, listed))
        case TradeOver() | TickChanges() | Resolves() | Created() | OrderChanges() | OwnTrades():
            return HappeningObserver(wanted)
        case _:
            assert_never(wanted)


def _sets(wanted: Opportunity, watch: Watch, listed: Mapping[TokenId, MarketListed]) -> list[tuple[TokenId, ...]]:
    markets = list(dict.fromkeys(listed[token] for token in watch.tokens if token in listed))
    if not wanted.whole_event:
        return [market.tokens for market in markets]
    of_event: dict[str, list[TokenId]] = {}
    for market in markets:
        if market.neg_risk:  # the venue says so: of these exactly one comes true
            of_event.setdefault(market.event_slug, []).append(market.tokens[0])
    return [tuple(tokens) for tokens in of_event.values() if len(tokens) > 1]

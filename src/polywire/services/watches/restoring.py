"""What was kept of watches, read back: who they are, what they remember, and for how long nobody watched."""

from collections.abc import Sequence

import msgspec

from polywire.model.journal import Draft
from polywire.model.listing import MarketListed
from polywire.model.watch import Watch
from polywire.services.watches.entries import absent_entry, unread_entry
from polywire.services.watches.keeping import NOTHING, State, read_body, read_state

_MS = 1_000_000


class Restored(msgspec.Struct, frozen=True):
    """One watch as it was kept."""

    watch: Watch
    markets: tuple[MarketListed, ...]
    state: State
    absent: Draft  # says for how long nobody watched


class Found(msgspec.Struct, frozen=True):
    """Everything that was kept."""

    watches: list[Restored]
    unread: list[tuple[str, Draft]]  # ids of those that cannot be read, and what is to be said of them


def restored(kept: Sequence[tuple[str, bytes, bytes]], now_ns: int, venue_ms: int) -> Found:
    """Return the watches that were kept, in their order.

    Nobody watched since the newest of their states was written: the former owner wrote one every ten seconds, and one
    of each as it ended. One whose state cannot be read remembers nothing.

    Args:
        kept: Ids, bodies and states, as the journal returns them.
        now_ns: Our clock.
        venue_ms: The venue's.
    """
    bodies, unread = [], list[tuple[str, Draft]]()
    for watch, body, state in kept:
        try:
            bodies.append((read_body(body), _state(state)))
        except msgspec.DecodeError as fault:
            unread.append((watch, unread_entry(watch, str(fault), now_ns)))
    now_ms = now_ns // _MS
    until_ms = min(now_ms, max((state.at_ms for _, state in bodies), default=now_ms))
    return Found(
        [
            Restored(
                body.watch,
                body.markets,
                state,
                absent_entry(body.watch.id, until_ms, now_ms, venue_ms),
            )
            for body, state in bodies
        ],
        unread,
    )


def _state(kept: bytes) -> State:
    try:
        return read_state(kept)
    except msgspec.DecodeError:
        return NOTHING

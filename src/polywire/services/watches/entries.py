"""What is written about watches themselves: made, dropped, not watched for a while, not written, failed.

Names that strangers gave stand in `data` alone.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from polywire.model.journal import Draft, Entry, EntryKind
from polywire.model.watch import Watch
from polywire.wire.watch_json import watch_as_json


class _Said(msgspec.Struct):
    """What the data of an entry call it."""

    what: str = ""


def instant(unix_ms: int) -> str:
    """Return a time as people read it.

    >>> instant(1_790_000_000_123)
    '2026-09-21 14:13:20 UTC'
    """
    return datetime.fromtimestamp(unix_ms // 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def made_entry(watch: Watch, seen_ns: int) -> Draft:
    """Say that a watch was made; it is on disk with the watch itself."""
    return _system(watch, "made", f"watch {watch.id} was made: {_subject(watch)}", seen_ns)


def is_making(entry: Entry) -> bool:
    """Return whether an entry says that a watch was made."""
    return entry.kind is EntryKind.SYSTEM and msgspec.json.decode(entry.data, type=_Said).what == "made"


def dropped_entry(watch: Watch, seen_ns: int) -> Draft:
    """Say that a watch was dropped, as somebody asked; it is on disk with the watch's end."""
    return _system(watch, "dropped", f"watch {watch.id} was dropped: {_subject(watch)}", seen_ns)


def absent_entry(watch: str, from_ms: int, to_ms: int, venue_ms: int) -> Draft:
    """Say that nobody watched. Times are ours, Unix milliseconds."""
    since, until = instant(from_ms), instant(to_ms)
    return Draft(
        EntryKind.FRESHNESS,
        f"not watched from {since} to {until} ({(to_ms - from_ms) / 1_000:.1f} s), as Polywire was not running: what "
        "came and went meanwhile is not told, what has changed is judged as soon as the books answer",
        {"what": "absent", "from_ms": from_ms, "to_ms": to_ms},
        watch=watch,
        venue_ms=venue_ms,
        seen_ns=to_ms * 1_000_000,
    )


def unfollowed_entry(watch: str, reason: str, seen_ns: int) -> Draft:
    """Say that a watch cannot be watched at present."""
    text = f"not watched since {instant(seen_ns // 1_000_000)}, and tried again: {reason}"
    return Draft(EntryKind.FRESHNESS, text, {"what": "unfollowed"}, watch=watch, seen_ns=seen_ns)


def followed_entry(watch: str, since_ms: int, seen_ns: int) -> Draft:
    """Say that it is watched again."""
    now_ms = seen_ns // 1_000_000
    text = f"watched again; it was not from {instant(since_ms)} to {instant(now_ms)}"
    data = {"what": "followed", "from_ms": since_ms, "to_ms": now_ms}
    return Draft(EntryKind.FRESHNESS, text, data, watch=watch, seen_ns=seen_ns)


def lost_entry(watch: str, kinds: Mapping[str, int], from_ms: int, to_ms: int, reason: str, seen_ns: int) -> Draft:
    """Say how many entries of a watch the journal did not take, and why. Times are ours."""
    count = sum(kinds.values())
    text = (
        f"{count:,} {'entry' if count == 1 else 'entries'} of watch {watch} could not be written from "
        f"{instant(from_ms)} to {instant(to_ms)}, and will not be: the journal {reason}"
    )
    data = {"what": "lost", "lost": count, "kinds": dict(kinds), "from_ms": from_ms, "to_ms": to_ms}
    return Draft(EntryKind.SYSTEM, text, data, watch=watch, seen_ns=seen_ns)


def failed_entry(watch: str, error: Exception, seen_ns: int) -> Draft:
    """Say that a watch could not judge something: a fault of ours, told once a run of the owner."""
    text = f"watch {watch} could not judge what it was shown, and may do so again without a word: please report it"
    data = {"what": "failed", "error": f"{type(error).__name__}: {error}"[:500]}
    return Draft(EntryKind.SYSTEM, text, data, watch=watch, seen_ns=seen_ns)


def unread_entry(watch: str, reason: str, seen_ns: int) -> Draft:
    """Say that a watch that is kept cannot be read, so that nobody watches it."""
    text = f"watch {watch} is kept in a form that this version does not read, and is not watched; make it anew"
    return Draft(EntryKind.SYSTEM, text, {"what": "unread", "reason": reason[:500]}, watch=watch, seen_ns=seen_ns)


def _system(watch: Watch, what: str, text: str, seen_ns: int) -> Draft:
    data = {"what": what, "watch": watch_as_json(watch)}
    return Draft(EntryKind.SYSTEM, text, data, watch=watch.id, venue_ms=watch.created_ms, seen_ns=seen_ns)


def _subject(watch: Watch) -> str:
    kind = str(watch.condition.__struct_config__.tag)
    if not watch.tokens:
        return kind
    tokens, markets = len(watch.tokens), len(watch.markets)
    return f"{kind}, {tokens} token{'s' * (tokens != 1)} of {markets} market{'s' * (markets != 1)}"

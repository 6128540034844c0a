"""The chain of the journal: each entry's hash covers its fields and the hash before it, so that nothing changes unseen.

What is hashed is SHA-256 of these fields in this order, each as its bytes behind their count (four bytes, the most
significant first): a name of this encoding, the hash of the entry before, number, kind, text, data, watch, token,
condition, `venue_ms`, `seen_ns`, `written_ms`, `stands_for`. Texts are UTF-8, numbers decimal digits, and data the very
JSON that is kept. As every field is behind its length, no two entries are hashed as the same bytes.

There is no key in it: it finds what was damaged or edited, not what was forged by somebody who computes it anew.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

import msgspec

from polywire.model.journal import Draft, Entry

ZEROS: Final = "0" * 64
"""The hash before the first entry."""


class Checkpoint(msgspec.Struct, frozen=True):
    """A place in the chain: up to which it is known to be whole, or entries were removed by retention."""

    seq: int
    hash: str  # 64 hex digits, of the entry of that number


class Broken(msgspec.Struct, frozen=True):
    """Where a chain does not hold."""

    seq: int  # the first entry that does not follow from what is before it, or is missing
    reason: str  # one sentence


START: Final = Checkpoint(0, ZEROS)
"""Before the first entry."""


def entry_hash(
    prev_hash: str,
    seq: int,
    kind: str,
    text: str,
    data: bytes,
    watch: str,
    token: str,
    condition: str,
    venue_ms: int,
    seen_ns: int,
    written_ms: int,
    stands_for: int,
) -> str:
    """Return an entry's hash, 64 hex digits. See the module for what is hashed.

    >>> entry_hash(ZEROS, 1, "alert", "It crossed.", b"{}", "w", "7", "", 0, 0, 0, 1)[:16]
    'b351e77e4b078d0a'
    """
    fields = (
        _ENCODING,
        prev_hash.encode(),
        b"%d" % seq,
        kind.encode(),
        text.encode(),
        data,
        watch.encode(),
        token.encode(),
        condition.encode(),
        b"%d" % venue_ms,
        b"%d" % seen_ns,
        b"%d" % written_ms,
        b"%d" % stands_for,
    )
    return sha256(b"".join([len(field).to_bytes(4, "big") + field for field in fields])).hexdigest()


def linked(after: Checkpoint, draft: Draft, data: bytes, stands_for: int, written_ms: int) -> Entry:
    """Return a draft as the entry that follows `after`.

    Args:
        after: The entry before it.
        draft: What is to be written.
        data: Its data as JSON.
        stands_for: How many drafts it is the newest of.
        written_ms: Unix milliseconds, our clock.
    """
    seq = after.seq + 1
    entry = Entry(
        seq,
        draft.kind,
        draft.text,
        msgspec.Raw(data),
        draft.watch,
        draft.token,
        draft.condition,
        draft.venue_ms,
        draft.seen_ns,
        written_ms,
        stands_for,
        after.hash,
        hash="",
    )
    return msgspec.structs.replace(entry, hash=_hash_of(entry))


def verify(entries: Iterable[Entry], checkpoint: Checkpoint = START) -> Checkpoint | Broken:
    """Return the last entry's place where the chain holds, or the first entry at which it does not.

    Args:
        entries: In order; the first is the one that follows `checkpoint`.
        checkpoint: Up to where it was verified before, or entries were removed by retention.
    """
    for entry in entries:
        if entry.seq != checkpoint.seq + 1:
            return Broken(checkpoint.seq + 1, f"the entry after {checkpoint.seq} has the number {entry.seq}")
        if entry.prev_hash != checkpoint.hash:
            return Broken(entry.seq, f"entry {entry.seq} does not follow the entry {checkpoint.seq} that is here")
        if entry.hash != _hash_of(entry):
            return Broken(entry.seq, f"entry {entry.seq} is not what was written: its hash does not fit")
        checkpoint = Checkpoint(entry.seq, entry.hash)
    return checkpoint


def _hash_of(entry: Entry) -> str:
    return entry_hash(
        entry.prev_hash,
        entry.seq,
        entry.kind,
        entry.text,
        bytes(entry.data),
        entry.watch,
        entry.token,
        entry.condition,
        entry.venue_ms,
        entry.seen_ns,
        entry.written_ms,
        entry.stands_for,
    )


_ENCODING: Final = b"polywire journal 1"

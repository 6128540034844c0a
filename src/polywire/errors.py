"""Every error Polywire raises, in one tree: who is to blame, and what the catcher should do.

PolywireError
├── VenueFault              the venue broke its own protocol; skip the input, it was counted
│   └── Undecodable         one message could not be read
├── Misuse                  the caller asked for something that cannot be; mend the call
│   ├── LinkMisuse          a signal that cannot follow the link's state
│   ├── NotEnoughShares     a book holds fewer shares than asked for
│   ├── NotConnectedYet     a kind of event that no stream of this version carries
│   └── UnknownTarget       no market goes by that name; the nearest are told
├── VenueUnreachable        a connection or a request failed; try again, it may pass
├── DataOwned               another process owns the data directory; attach to it, or take another directory
├── OwnerGone               the process that owns the data directory does not answer (any more); start it again
├── BookNotCurrent          a book may be wrong, so it does not answer; wait for the next event
└── TapeError               a tape cannot be read
    ├── TapeDamaged         its bytes are not what was written
    └── TapeFormatUnknown   its first bytes are none that we know
"""

from __future__ import annotations


class PolywireError(Exception):
    """The root of every error that Polywire raises on purpose."""


class VenueFault(PolywireError):
    """The venue sent something that its own protocol does not allow."""


class Undecodable(VenueFault, ValueError):
    """One message could not be read. It never leaves a decoder: it is counted there under `kind`.

    Args:
        kind: What the message was meant to be (`book`, `price_change`, …) or why it is nothing (`not-json`).
        reason: One sentence with the offending value in it.
        tokens: The tokens it concerned, as far as they could be read; None: it may have concerned any.
    """

    def __init__(self, kind: str, reason: str, tokens: tuple[str, ...] | None = None) -> None:
        self.kind, self.reason, self.tokens = kind, reason, tokens
        super().__init__(f"undecodable {kind}: {reason}")


class Misuse(PolywireError):
    """The caller asked for something that cannot be."""


class LinkMisuse(Misuse):
    """A signal that cannot follow the state a link is in: a bug of the shell that drives it."""

    def __init__(self, phase: str, signal: str) -> None:
        self.phase, self.signal = phase, signal
        super().__init__(
            f"signal {signal} cannot follow phase {phase}; every transition is in polywire.core.link.TABLE"
        )


class NotEnoughShares(Misuse):
    """A side of a book holds fewer shares than asked for; `.available` is what it holds, in 1e-6 shares."""

    def __init__(self, wanted: int, available: int) -> None:
        self.wanted, self.available = wanted, available
        super().__init__(
            f"{wanted / 1e6:g} shares asked for, {available / 1e6:g} rest on that side; ask for at most that many"
        )


class NotConnectedYet(Misuse):
    """A kind of event that has a name and a type, and no stream that carries it yet."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(f"{kind} is not connected yet: its stream opens in a later version; leave it out of `kinds`")


class UnknownTarget(Misuse):
    """No market goes by that name.

    Args:
        target: What was asked for.
        nearest: Slugs of listed markets that come near it, the nearest first.
    """

    def __init__(self, target: str, nearest: tuple[str, ...] = ()) -> None:
        self.target, self.nearest = target, nearest
        hint = f"the nearest are: {', '.join(nearest)}" if nearest else "nothing listed comes near it"
        super().__init__(
            f"no market is known as {target[:100]!r}; {hint} (a token id, condition id, slug or market URL will do)"
        )


class VenueUnreachable(PolywireError):
    """A connection or a request to the venue failed.

    Args:
        url: What was asked.
        reason: Why it failed, as far as can be told.
        status: The HTTP status, where there was an answer.
    """

    def __init__(self, url: str, reason: str, *, status: int | None = None) -> None:
        self.url, self.reason, self.status = url, reason, status
        super().__init__(f"{url} cannot be reached: {reason}; check the address and the network, then try again")


class DataOwned(PolywireError):
    """A data directory has one owner, and it is another process.

    Args:
        data: The directory.
        pid: The owner's process id; None where it has not been written down yet.
    """

    def __init__(self, data: str, pid: int | None) -> None:
        self.data, self.pid = data, pid
        who = "another process" if pid is None else f"process {pid}"
        super().__init__(
            f"{data} is owned by {who}, and a data directory has one owner; look at it with `polywire watch` or "
            "`polywire status`, end it with Ctrl-C or `kill`, or name another directory with --data"
        )


class OwnerGone(PolywireError):
    """The process that owns a data directory does not answer, or ended in the middle of an answer."""

    def __init__(self, data: str, reason: str) -> None:
        self.data, self.reason = data, reason
        super().__init__(f"the owner of {data} {reason}; run the command again, or start one with `polywire up`")


class BookNotCurrent(PolywireError):
    """A book may be wrong, so it does not answer. Skip the decision and wait for the next event.

    Args:
        token: Whose book.
        freshness: Its state: `cold`, `syncing`, `suspect`, `resyncing`, or `current` where it is only too old.
        reason: Why, as the event that put it there says.
        age_s: Seconds since the whole book was last proven right; None: it never was.
        max_age_s: What the caller allows; None: any age.
    """

    def __init__(
        self, token: str, freshness: str, reason: str, *, age_s: float | None = None, max_age_s: float | None = None
    ) -> None:
        self.token, self.freshness, self.reason = token, freshness, reason
        self.age_s, self.max_age_s = age_s, max_age_s
        age = "never verified" if age_s is None else f"verified {age_s:.3f} s ago"
        limit = "" if max_age_s is None else f" (limit {max_age_s:g} s)"
        super().__init__(
            f"the book of {token} is {freshness} ({reason}; {age}{limit}); wait for its next snapshot, "
            "or read `freshness` first and skip the decision"
        )


class TapeError(PolywireError):
    """A tape cannot be read or written."""


class TapeFormatUnknown(TapeError):
    """A file that is none of: a Polywire tape, JSON lines, JSON lines under zstd."""

    def __init__(self, where: str, reason: str) -> None:
        self.where, self.reason = where, reason
        super().__init__(f"{where} is no tape: {reason}; expected a Polywire tape or JSON lines, plain or zstd")

"""Every error Polywire raises, in one tree: who is to blame, and what the catcher should do.

PolywireError
├── VenueFault              the venue broke its own protocol; skip the input, it was counted
│   └── Undecodable         one message could not be read
├── Misuse                  the caller asked for something that cannot be; mend the call
│   ├── LinkMisuse          a signal that cannot follow the link's state
│   └── NotEnoughShares     a book holds fewer shares than asked for
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

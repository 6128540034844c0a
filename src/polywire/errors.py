"""Every error Polywire raises, in one tree: who is to blame, and what the catcher should do.

PolywireError
├── VenueFault              the venue broke its own protocol; skip the input, it was counted
│   └── Undecodable         one message could not be read
├── Misuse                  the caller asked for something that cannot be; mend the call
│   ├── LinkMisuse          a signal that cannot follow the link's state
│   ├── NotEnoughShares     a book holds fewer shares than asked for
│   ├── NoCredentials       the account's own events, of a feed that was opened without credentials
│   ├── UnknownTarget       no market goes by that name; the nearest are told
│   └── TooMany             more was asked for than the settings allow; nothing of it was done
├── VenueUnreachable        a connection or a request failed; try again, it may pass
│   ├── TooOften            it wants to be asked less; try again after `.retry_after_s`
│   └── CredentialsRefused  it does not take the API key; have another one made
├── DataOwned               another process owns the data directory; attach to it, or take another directory
├── OwnerGone               the process that owns the data directory does not answer (any more); start it again
├── VaultError              the vault cannot be used; nothing in it was changed
│   ├── VaultLocked         the passphrase does not open it
│   ├── VaultDamaged        its bytes are not what was written: cut off, or rotten
│   ├── VaultForged         its parts do not belong together: swapped, put back, or taken out
│   ├── VaultBusy           another process has been writing it for too long
│   └── NoSuchEntry         it holds nothing of that name
├── FileExposed             a file that is to be secret is not ours alone; nothing was read from it
├── JournalFault            the journal cannot be read or written
│   └── JournalFull         more waits to be written than may; this was not taken
├── BookNotCurrent          a book may be wrong, so it does not answer; wait for the next event
└── TapeError               a tape cannot be read
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


class NoCredentials(Misuse):
    """The account's own events were asked for, and the feed was opened without API credentials.

    Args:
        venue: The venue's identity.
    """

    def __init__(self, venue: str) -> None:
        self.venue = venue
        super().__init__(
            f"own orders and trades of {venue} need API credentials: set POLYGON_PRIVATE_KEY (a key is made from it), "
            "or POLYMARKET_API_KEY, POLYMARKET_API_SECRET and POLYMARKET_PASSPHRASE, in the vault, the environment or "
            ".env, and open the feed with `credentials`; market data need none: leave ORDER and TRADE out of `kinds`"
        )


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


class TooMany(Misuse):
    """More was asked for than we take on. Nothing of it was done, and what was there before goes on.

    Args:
        what: Of what, in the plural (`tokens`).
        asked: How many there would be then; where counting ended at the limit, one more than that.
        limit: How many there may be.
        setting: The name of the setting that says so; "": none does.
    """

    def __init__(self, what: str, asked: int, limit: int, setting: str = "") -> None:
        self.what, self.asked, self.limit, self.setting = what, asked, limit, setting
        hint = f", or raise the setting `{setting}`" if setting else " at a time"
        super().__init__(
            f"that would be {asked:,} {what} or more, and {limit:,} is the most; nothing of it was done: "
            f"ask for fewer{hint}"
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


class TooOften(VenueUnreachable):
    """The venue answers, and wants to be asked less.

    Args:
        url: What was asked.
        retry_after_s: Seconds for which it is not to be asked again.
        status: The HTTP status it said so with.
    """

    def __init__(self, url: str, retry_after_s: float, *, status: int = 429) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(url, f"HTTP {status}", status=status)
        self.args = (f"{url} was asked too often (HTTP {status}); ask it again in {retry_after_s:g} s, and less often",)


class CredentialsRefused(VenueUnreachable):
    """The venue does not take the API credentials: the private half stays closed, market data go on.

    Args:
        url: What was asked.
        key: The API key's id, which is no secret.
        status: The HTTP status it said so with.
    """

    def __init__(self, url: str, key: str, *, status: int = 401) -> None:
        self.key = key
        super().__init__(url, f"HTTP {status}", status=status)
        told = (
            f"{url} does not take the API key {key} (HTTP {status}): it was deleted, its secret, passphrase or address "
            "is another's, or this clock is wrong by minutes; check these, or remove POLYMARKET_API_KEY, "
            "POLYMARKET_API_SECRET and POLYMARKET_PASSPHRASE and let a key be made from POLYGON_PRIVATE_KEY"
        )
        self.args = (told,)


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


class VaultError(PolywireError):
    """The vault cannot be used. Nothing in it was changed.

    Args:
        path: Its file.
        reason: What is wrong and what to do, without its name.
    """

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"the vault {path} {reason}")


class VaultLocked(VaultError):
    """The passphrase does not open it."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "is not opened by this passphrase; try again, nothing was changed")


class VaultDamaged(VaultError):
    """Its bytes are not what was written."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, f"is damaged: {reason}; nothing was changed: put a copy of it back, or move it away")


class VaultForged(VaultError):
    """Its checksum fits and the passphrase opens it, but its parts do not belong together: that is no accident."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            path, f"was altered by somebody: {reason}; nothing was changed: put a copy back, and replace its secrets"
        )


class VaultBusy(VaultError):
    """Another process has been writing it for longer than a write takes."""

    def __init__(self, path: str, waited_s: float) -> None:
        self.waited_s = waited_s
        super().__init__(path, f"has been in use by another process for {waited_s:g} s; try again when that has ended")


class NoSuchEntry(VaultError):
    """It holds nothing of that name."""

    def __init__(self, path: str, name: str) -> None:
        self.name = name
        super().__init__(path, f"holds no {name}; `polywire vault list` says what it holds")


class FileExposed(PolywireError):
    """A file that is to be secret is not ours alone, so it was not read.

    Args:
        path: Which.
        reason: Who else has it.
        remedy: What to do.
    """

    def __init__(self, path: str, reason: str, remedy: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path} {reason}, so nothing was read from it; {remedy}")


class JournalFault(PolywireError):
    """The journal cannot be read or written. What was acknowledged before stays.

    Args:
        path: Its file.
        reason: What is wrong and what to do, without its name.
    """

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"the journal {path} {reason}")


class JournalFull(JournalFault):
    """More waits to be written than may: the disk does not keep up. What was to be written now was not taken."""

    def __init__(self, path: str, waiting: int) -> None:
        self.waiting = waiting
        super().__init__(path, f"has {waiting:,} entries waiting for the disk, which is the most; this was not taken")


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

"""Tokens that let others in over HTTP: made here, told once, kept as hashes in `DATA/tokens.json` (0600).

A token is `pw_`, eight hex digits that name it, and 256 random bits; so one SHA-256 is enough: there is nothing to
guess from, and a slow hash would only slow us.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec

from polywire.errors import Misuse, PolywireError
from polywire.io.private_files import LockTimeout, locked, private_folder, read_private, write_private
from polywire.model.roles import Grant, Role

FILE: Final = "tokens.json"
"""In the data directory."""

TOKEN: Final = re.compile(r"pw_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")
"""What a token looks like; the first group names it and is no secret."""

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NOBODY: Final = hashlib.sha256(b"nobody has this one").hexdigest()
_PATIENCE_S: Final = 10.0


class TokenKept(msgspec.Struct, frozen=True):
    """What is kept of a token: enough to know it again, and not to use it."""

    id: str
    name: str
    roles: tuple[Role, ...]
    sha256: str
    made_ms: int


class Tokens:
    """The tokens of a data directory.

    Args:
        data: The directory.
    """

    def __init__(self, data: Path) -> None:
        self._path = data / FILE
        self._seen: tuple[int, int, int] | None = None
        self._by_id: dict[str, TokenKept] = {}

    def make(self, name: str, roles: Iterable[Role]) -> str:
        """Return a new token. It is told this once: only its hash is kept.

        Raises:
            Misuse: The name is none or taken, or there is no role.
            FileExposed: The file is not ours alone.
        """
        if not _NAME.fullmatch(name):
            raise Misuse(f"{name[:80]!r} is no name for a token: 1 to 64 of A-Z a-z 0-9 _ . -")
        wanted = tuple(sorted(set(roles)))
        if not wanted:
            raise Misuse(f"a token needs a role: {', '.join(Role)}")
        token = f"pw_{secrets.token_hex(4)}_{secrets.token_urlsafe(32)}"
        kept = TokenKept(token[3:11], name, wanted, _digest(token), time.time_ns() // 1_000_000)

        def add(tokens: list[TokenKept]) -> list[TokenKept]:
            if any(one.name == name for one in tokens):
                raise Misuse(f"there is a token {name!r} already; remove it first, or choose another name")
            return [*tokens, kept]

        self._change(add)
        return token

    def all(self) -> list[TokenKept]:
        """Return what is kept, in the order they were made. Raises FileExposed, and PolywireError for a broken file."""
        self._look()
        return list(self._by_id.values())

    def remove(self, name: str) -> None:
        """Let nobody in with a token any more. Raises Misuse where there is none of that name."""

        def take(tokens: list[TokenKept]) -> list[TokenKept]:
            left = [one for one in tokens if one.name != name]
            if len(left) == len(tokens):
                raise Misuse(f"there is no token {name[:80]!r}; there are: {', '.join(one.name for one in tokens)}")
            return left

        self._change(take)

    def check(self, token: str) -> Grant | None:
        """Return what a token is good for; None where it is not known. The time it takes says nothing of why."""
        self._look()
        named = TOKEN.fullmatch(token)
        kept = self._by_id.get(named[1]) if named else None
        same = hmac.compare_digest(_digest(token), _NOBODY if kept is None else kept.sha256)
        return Grant(kept.name, frozenset(kept.roles)) if kept is not None and same else None

    def _look(self) -> None:
        """Read the file if it is another than the last time: tokens are made and removed by other processes."""
        try:
            found = self._path.stat()
        except OSError:
            self._seen, self._by_id = None, {}
            return
        now = found.st_ino, found.st_mtime_ns, found.st_size
        if now != self._seen:
            self._by_id = {one.id: one for one in self._read()}
            self._seen = now

    def _read(self) -> list[TokenKept]:
        content = read_private(self._path)
        if content is None:
            return []
        try:
            return msgspec.json.decode(content, type=list[TokenKept])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise PolywireError(
                f"{self._path} is damaged, so no token is good; move it away, then run: polywire token make NAME"
            ) from None

    def _change(self, change: Callable[[list[TokenKept]], list[TokenKept]]) -> None:
        private_folder(self._path.parent)
        try:
            with locked(self._path, _PATIENCE_S):
                write_private(self._path, msgspec.json.encode(change(self._read())) + b"\n")
        except LockTimeout:
            raise PolywireError(
                f"{self._path} has been in use by another process for {_PATIENCE_S:g} s; try again when that has ended"
            ) from None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

"""The gate: every request over HTTP, and every WebSocket, passes it before anything else of ours sees it.

In this order: where it is addressed to, from which page it comes, who it is, how much it brings. Each refusal is one
line of JSON, `{"error": …}`, that says what to do. It knows nothing of what stands behind it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import anyio
import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from polywire.core.throttle import Throttle
from polywire.interfaces.http.terms import Terms, Way
from polywire.model.roles import EVERYTHING, Grant

GRANT: Final = "polywire.grant"
"""Under this name a request's scope holds what it was let in with, a `Grant`."""

Check = Callable[[str], Grant | None]
"""Returns what a token is good for; None where it is not known."""

_ID_END: Final = 11  # of `pw_` and eight digits
_LONGEST_NUMBER: Final = 15  # digits; no body has more bytes
_UNAUTHORIZED: Final = 401
_DRAIN_S: Final = 0.5


class _Refused(Exception):
    """A request that is not let in."""

    def __init__(self, status: int, why: str, *, retry_s: int = 0) -> None:
        self.status, self.why, self.retry_s = status, why, retry_s
        super().__init__(why)


class Gate:
    """An ASGI application in front of another.

    Args:
        behind: What it lets requests through to.
        terms: What it asks of them.
        check: Knows tokens.
        throttle: Counts wrong tokens, by peer and token.
        now_s: A clock that only grows.
    """

    def __init__(
        self,
        behind: ASGIApp,
        terms: Terms,
        check: Check,
        throttle: Throttle | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._behind, self._terms, self._check, self._now_s = behind, terms, check, now_s
        self._throttle = Throttle() if throttle is None else throttle
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] not in {"http", "websocket"}:
            await self._behind(scope, receive, send)
            return
        try:
            headers = _headers(scope)
            self._look_at(headers)
            way = self._terms.way(scope["path"])
            grant = self._who(scope, headers, way)
            _check_length(headers, self._terms.longest_body)
            if self._under_way >= self._terms.at_once:
                raise _Refused(
                    503, f"{self._under_way} requests are under way, which is the most; try again", retry_s=1
                )
        except _Refused as refused:
            await _answer(scope, receive, send, refused)
            return
        self._under_way += 1
        try:
            await self._pass({**scope, GRANT: grant}, receive, send, way)
        finally:
            self._under_way -= 1

    def _look_at(self, headers: dict[bytes, list[str]]) -> None:
        hosts = headers.get(b"host", [])
        if len(hosts) != 1:
            raise _Refused(400, f"{len(hosts)} Host headers were sent, and one is needed")
        if not self._terms.admits_host(hosts[0]):
            raise _Refused(
                421,
                f"nobody here is called {hosts[0][:100]!r}; ask for 127.0.0.1, or name it in the setting http_hosts",
            )
        for origin in headers.get(b"origin", []):
            if not self._terms.admits_origin(origin, hosts[0]):
                raise _Refused(
                    403, f"a page of {origin[:100]!r} may not use this; name it in the setting http_origins if it may"
                )

    def _who(self, scope: Scope, headers: dict[bytes, list[str]], way: Way) -> Grant:
        if way.role is None:
            return Grant("", frozenset())
        if self._terms.open:
            return EVERYTHING
        given = headers.get(b"authorization", [])
        scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        if scheme.lower() != "bearer" or not token.strip():
            raise _Refused(
                401, "a token is needed: send `Authorization: Bearer pw_…`; make one with `polywire token make NAME`"
            )
        peer, token = (scope.get("client") or ("?",))[0], token.strip()
        # By the token's own name too: whoever guesses at one shuts himself out, and nobody else on the same machine.
        key, now_s = f"{peer} {token[:_ID_END]}", self._now_s()
        closed_s = self._throttle.closed_s(key, now_s)
        if not closed_s:
            grant = self._check(token)
            if grant is None:
                closed_s = self._throttle.failed(key, now_s)
                if not closed_s:
                    raise _Refused(401, "this token is not known; `polywire token list` names those that are")
            elif not grant.may(way.role):
                raise _Refused(
                    403, f"the token {grant.name!r} has not the role `{way.role}` that {scope['path'][:100]} needs"
                )
            else:
                return grant
        raise _Refused(429, f"too many wrong tokens; wait {closed_s:.0f} s", retry_s=int(closed_s) + 1)

    async def _pass(self, scope: Scope, receive: Receive, send: Send, way: Way) -> None:
        """Let it through, and watch how much it brings and how long that and the beginning of the answer take."""
        begun = False
        got = 0
        body_until = anyio.current_time() + self._terms.body_s if scope["type"] == "http" else float("inf")

        async def counted() -> Message:
            nonlocal got, body_until
            with _until(body_until):
                message = await receive()
            if message["type"] == "http.request":
                got += len(message.get("body", b""))
                if got > self._terms.longest_body:
                    raise _too_long(self._terms.longest_body)
                if not message.get("more_body", False):
                    body_until = float("inf")  # what comes now is the end of the connection, whenever it comes
            return message

        async def told(message: Message) -> None:
            nonlocal begun
            begun = True
            if timer is not None:
                timer.deadline = float("inf")
            await send(message)

        timer: anyio.CancelScope | None = None
        try:
            if scope["type"] == "websocket":
                await self._behind(scope, counted, told)
                return
            with anyio.CancelScope(deadline=anyio.current_time() + way.answer_s) as timer:
                await self._behind(scope, counted, told)
            if timer.cancelled_caught and not begun:
                raise _Refused(503, f"no answer within {way.answer_s:g} s; try again", retry_s=5)
        except _Refused as refused:
            if not begun:
                with anyio.move_on_after(_DRAIN_S):  # else the client, still sending, may never read why
                    while body_until < float("inf") and (await receive()).get("more_body", False):
                        pass
                await _answer(scope, receive, send, refused)
        except TimeoutError:
            if not begun:
                slow = f"the body did not come within {self._terms.body_s:g} s; send it at once"
                await _answer(scope, receive, send, _Refused(408, slow))


def _headers(scope: Scope) -> dict[bytes, list[str]]:
    found: dict[bytes, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.lower(), []).append(value.decode("latin-1"))
    return found


def _check_length(headers: dict[bytes, list[str]], longest: int) -> None:
    """Refuse a body that says itself that it is too long; one that does not say is counted as it comes."""
    given = headers.get(b"content-length")
    if given is None:
        return
    if len(set(given)) != 1 or not (given[0].isascii() and given[0].isdigit()):
        raise _Refused(400, "Content-Length is no number")
    if len(given[0]) > _LONGEST_NUMBER or int(given[0]) > longest:
        raise _too_long(longest)


@contextmanager
def _until(deadline: float) -> Iterator[None]:
    with anyio.CancelScope(deadline=deadline) as scope:
        yield
    if scope.cancelled_caught:
        raise TimeoutError


def _too_long(longest: int) -> _Refused:
    return _Refused(413, f"the body is longer than {longest:,} bytes, which is the most; ask for less at a time")


async def _answer(scope: Scope, receive: Receive, send: Send, refused: _Refused) -> None:
    if scope["type"] == "websocket":
        await receive()  # the connection's first word, as the protocol wants it
        await send({"type": "websocket.close", "code": 4_000 + refused.status, "reason": refused.why[:120]})
        return
    body = msgspec.json.encode({"error": refused.why})
    headers: list[Any] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if refused.status == _UNAUTHORIZED:  # as RFC 9110 wants it
        headers.append((b"www-authenticate", b'Bearer realm="polywire"'))
    if refused.retry_s:
        headers.append((b"retry-after", str(refused.retry_s).encode()))
    if refused.status in {408, 413}:
        headers.append((b"connection", b"close"))  # what is left of the body is not read
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

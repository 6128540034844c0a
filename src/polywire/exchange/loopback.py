"""Who may steer the exchange: this machine, and no page of another origin in a browser on it.

The peer must be loopback, the `Host` one of this machine's own names: a web site reaches loopback through any browser
here, by a rebound name or across origins.
"""

import ipaddress
from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from polywire.errors import Misuse
from polywire.exchange.answers import Refused, answer, body_of

Act = Callable[[dict[str, Any], Request], Awaitable[Any]]
"""Takes a body, `{}` where the method has none, and returns what is answered. `Misuse` is answered with 400."""

_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Loopback:
    """The guard of everything that steers.

    Args:
        host: What the exchange is bound to: one more of its own names.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._own = _LOOPBACK_NAMES | {host.lower()}

    def only(self, act: Act) -> Callable[[Request], Awaitable[Response]]:
        """Return an endpoint that does `act` for this machine alone."""

        async def endpoint(request: Request) -> Response:
            self._check(request)
            body = await body_of(request) if request.method == "POST" else {}
            if not isinstance(body, dict):
                raise Refused(400, "the body is a JSON object")
            try:
                return answer(await act(body, request))
            except Misuse as misuse:
                raise Refused(400, str(misuse)) from misuse

        return endpoint

    def _check(self, request: Request) -> None:
        peer = "" if request.client is None else request.client.host
        if not _is_loopback(peer):
            raise Refused(403, f"only this machine may steer the exchange, and {peer} asked")
        host = host_name(request.headers.get("host", ""))
        origin = request.headers.get("origin")
        if host not in self._own:
            raise Refused(403, f"the Host header names {host!r}, which is not this exchange; ask {self._host}")
        if origin is not None and host_name(origin.partition("://")[2]) not in self._own:
            raise Refused(403, f"a page of {origin} may not steer the exchange")


def host_name(host: str) -> str:
    """Return a host header without its port.

    >>> host_name("[::1]:8421"), host_name("LOCALHOST:8421"), host_name("127.0.0.1")
    ('::1', 'localhost', '127.0.0.1')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (parsed if mapped is None else mapped).is_loopback

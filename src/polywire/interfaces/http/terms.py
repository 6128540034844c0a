"""What the gate asks of a request: where it may be addressed to, from which page it may come, what it needs."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import msgspec

from polywire.model.roles import Role

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
"""What this machine calls itself."""

_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - to be recognised, not bound


class Way(msgspec.Struct, frozen=True):
    """A piece of the site: everything under a path, until a longer one says otherwise."""

    path: str
    role: Role | None  # None: anybody, without a token
    answer_s: float = 30.0  # within which an answer has to begin


class Terms(msgspec.Struct, frozen=True):
    """How the gate is set. What no way names needs the role `admin`."""

    host: str  # where it listens
    ways: tuple[Way, ...]
    open: bool = False  # whether nobody needs a token: on paper, on loopback
    hosts: frozenset[str] = frozenset()  # more names that it is reached by
    origins: frozenset[str] = frozenset()  # more pages that may use it, as `https://example.org`
    longest_body: int = 1 << 20  # bytes
    body_s: float = 10.0  # within which a body has to be here
    at_once: int = 512  # requests under way

    def way(self, path: str) -> Way:
        """Return the way that a path lies on: the longest that fits.

        >>> terms = Terms("127.0.0.1", (Way("/health", None), Way("/mcp", Role.READ)))
        >>> terms.way("/mcp/x").role, terms.way("/mcpx").role
        (<Role.READ: 'read'>, <Role.ADMIN: 'admin'>)
        """
        fitting = [way for way in self.ways if path == way.path or path.startswith(way.path.rstrip("/") + "/")]
        return max(fitting, key=lambda way: len(way.path), default=Way("/", Role.ADMIN))

    def admits_host(self, header: str) -> bool:
        """Return whether a `Host` names us.

        A page that had its own name pointed at this machine (DNS rebinding) is known by that name. Where we listen
        everywhere, an address written out is ours too: no name can be pointed at us by it.
        """
        host = host_of(header)
        if host in LOOPBACK or host in self.hosts or host == self.host.lower():
            return True
        return self.host in _EVERYWHERE and _is_address(host)

    def admits_origin(self, origin: str, host: str) -> bool:
        """Return whether a page may use us: our own, which its browser tells by the `Host` it asks, or a named one."""
        if origin in self.origins:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.scheme in {"http", "https"} and parts.netloc.lower() == host.strip().lower() != ""


def is_loopback_bind(host: str) -> bool:
    """Return whether only this machine reaches what listens there."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def host_of(header: str) -> str:
    """Return the name in a `Host` header, without port and brackets, in lower case; "" where there is none.

    >>> host_of("LocalHost:8420"), host_of("[::1]:8420"), host_of("::1"), host_of("evil@127.0.0.1")
    ('localhost', '::1', '', '')
    """
    try:
        parts = urlsplit(f"//{header.strip()}")
        _ = parts.port  # a port that is none is told by ValueError
    except ValueError:
        return ""
    if "@" in header or parts.path or parts.query or parts.fragment:
        return ""
    name = parts.hostname or ""
    return name if header.strip().lower().startswith((name, f"[{name}]")) and name else ""


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True

"""TCP ports: whether one is free, and a socket that listens there."""

import errno
import socket
from typing import Final

from polywire.errors import PolywireError

_BACKLOG: Final = 2_048


def listening_socket(host: str, port: int, who: str) -> socket.socket:
    """Return a socket that listens, without waiting.

    Args:
        host: Where.
        port: The same; 0: any that is free.
        who: Whoever wants it, for the error (`the exchange`).

    Raises:
        PolywireError: It cannot listen there.
    """
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as fault:
        raise PolywireError(f"{host} is no address: {fault.strerror}; name another with --host") from fault
    opened = socket.socket(family, kind, number)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(_BACKLOG)
        opened.setblocking(False)
    except OSError as fault:
        opened.close()
        raise PolywireError(
            f"{who} cannot listen on {host} port {port}: {fault.strerror}; choose another with --port "
            "(0 takes any that is free)"
        ) from fault
    return opened


def is_free(host: str, port: int) -> bool:
    """Return whether a server could listen there now.

    Raises:
        PolywireError: `host` is no address of this machine.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as fault:
        raise PolywireError(f"{host} is no address: {fault.strerror}; name another with --host") from fault
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as a server does: one that has ended is no bar
        try:
            tried.bind(address)
        except OSError as fault:
            if fault.errno == errno.EADDRINUSE:  # by a server, or by a connection that happened to get that number
                return False
            raise PolywireError(f"{host}:{port} cannot be listened on: {fault.strerror}; choose another") from fault
    return True


def refuse_if_taken(host: str, port: int, option: str) -> None:
    """Return if a port is free.

    Raises:
        PolywireError: It is not; the message names the option that changes it.
    """
    if port and not is_free(host, port):
        raise PolywireError(
            f"port {port} on {host} is in use by another process, which is left alone; choose another with {option}"
        )


def free_near(host: str, port: int, tries: int = 20) -> int:
    """Return the first free port from `port` on, or 0 (any) where `tries` of them are taken."""
    return next((near for near in range(port, port + tries) if is_free(host, near)), 0)

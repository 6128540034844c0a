"""WebSockets by picows, with what it leaves to us: whole messages out of fragments, a cap, proxies, named ends.

Nothing is copied or queued on the way: a message goes from the socket's own callback to whoever listens.
Compression is not offered (docs/adr/0005). Bytes that are no UTF-8 go on as they are: the decoder counts them.
"""

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
import ssl
from collections.abc import Callable
from time import time_ns
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSParsedURL, WSTransport, ws_connect

from polywire.errors import Misuse, VenueUnreachable

LONGEST_MESSAGE: Final = 8 << 20
"""Bytes of one message, fragments together; the venue stays below 1 MiB."""

_CONTROL_LONGEST: Final = 125  # RFC 6455: what is longer is no control frame, and asking for its type costs 90 ns
_READ_BYTES: Final = 1 << 16  # a burst in one turn of the loop
_LINGER_S: Final = 0.5  # for the peer to answer a closing handshake


class _Listener(WSListener):
    """Turns frames into messages, and the end of a socket into one call."""

    def __init__(self, heard: Callable[[bytes, int], None], lost: Callable[[str], None], longest: int) -> None:
        super().__init__()
        self._heard, self._lost, self._longest = heard, lost, longest
        self._parts: list[bytes] | None = None
        self._parts_bytes = 0
        self.reason = ""

    def deafen(self, reason: str) -> None:
        """Hand on nothing more: its owner has given it up, or its peer must not be listened to."""
        self._heard = _unheard
        self.reason = self.reason or reason

    def forsake(self) -> None:
        """Tell nobody anything: the socket was never handed to its owner."""
        self._heard, self._lost = _unheard, _untold

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        payload = frame.get_payload_as_bytes()
        if len(payload) > _CONTROL_LONGEST and self._parts is None and frame.fin:
            self._heard(payload, time_ns())
        else:
            self._any_frame(transport, frame, payload)

    def _any_frame(self, transport: WSTransport, frame: WSFrame, payload: bytes) -> None:
        kind = frame.msg_type
        if kind is WSMsgType.CLOSE:
            code, said = frame.get_close_code(), frame.get_close_message() or b""
            number = getattr(code, "value", code)  # picows knows the registered ones by name, and 0 for none
            why = f"with {number} {said.decode(errors='replace')[:100]!r}" if number else "without saying why"
            self.deafen(f"closed by the venue {why}")
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
        elif kind not in {WSMsgType.PING, WSMsgType.PONG}:
            if frame.fin and self._parts is None:
                self._heard(payload, time_ns())
            else:
                self._part(transport, payload, last=bool(frame.fin))

    def _part(self, transport: WSTransport, payload: bytes, *, last: bool) -> None:
        if self._parts is None:
            self._parts, self._parts_bytes = [], 0
        self._parts.append(payload)
        self._parts_bytes += len(payload)
        if self._parts_bytes > self._longest:
            self._parts = None
            self.deafen(self.too_long)
            transport.send_close(WSCloseCode.MESSAGE_TOO_BIG)
            transport.disconnect()
        elif last:
            whole, self._parts = b"".join(self._parts), None
            self._heard(whole, time_ns())

    @property
    def too_long(self) -> str:
        """What is said of a message beyond the cap."""
        return f"a message of more than the {self._longest:,} bytes that one may have"

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002 - picows calls it so
        self._lost(self.reason or "the connection ended without a closing handshake")


def _unheard(_payload: bytes, _seen_ns: int) -> None:
    """Take a message that nobody wants any more."""


def _untold(_reason: str) -> None:
    """Take the end of a socket that nobody had."""


class PicowsSocket:
    """An open socket. See `polywire.ports.Socket`."""

    def __init__(self, transport: WSTransport, listener: _Listener) -> None:
        self._transport, self._listener = transport, listener
        name = transport.underlying_transport.get_extra_info("sockname") or ("?", 0)
        self._local = f"{name[0]}:{name[1]}"
        # picows keeps what ended the socket for whoever waits; the listener has told it, so it is only picked up.
        self._end = asyncio.ensure_future(transport.wait_disconnected())
        self._end.add_done_callback(_pick_up)

    @property
    def local(self) -> str:
        """Our own address, `host:port`."""
        return self._local

    def send(self, text: bytes) -> None:
        """Write one text frame."""
        self._transport.send(WSMsgType.TEXT, text)

    def close(self) -> None:
        """Start the closing handshake; a peer that does not answer it is dropped."""
        self._listener.deafen("closed by us")
        self._transport.send_close(WSCloseCode.OK)
        asyncio.get_running_loop().call_later(_LINGER_S, self._transport.disconnect, False)

    def drop(self) -> None:
        """End it at once."""
        self._listener.deafen("dropped by us")
        self._transport.disconnect(graceful=False)


class PicowsDial:
    """Opens sockets. See `polywire.ports.Dial`.

    Args:
        longest_message: Bytes of the longest message taken; a longer one ends its socket.
        open_s: Seconds for the connection and its handshake.
        only_loopback: Refuse every address but this machine's, as on paper.
    """

    def __init__(
        self, *, longest_message: int = LONGEST_MESSAGE, open_s: float = 10.0, only_loopback: bool = False
    ) -> None:
        self._longest, self._open_s, self._only_loopback = longest_message, open_s, only_loopback
        self._tls: ssl.SSLContext | None = None

    async def __call__(
        self, url: str, heard: Callable[[bytes, int], None], lost: Callable[[str], None]
    ) -> PicowsSocket:
        """Return an open socket.

        Raises:
            VenueUnreachable: It could not be opened.
            Misuse: The address is not this machine's, and only this machine is allowed.
        """
        try:
            host = urlsplit(url).hostname or ""
        except ValueError as fault:
            raise VenueUnreachable(url, f"it is no address ({fault})") from fault
        if self._only_loopback and not is_loopback(host):
            raise Misuse(f"{url} is not on this machine, and a paper venue is; name the venue with --venue")
        listener = _Listener(heard, lost, self._longest)
        try:
            async with asyncio.timeout(self._open_s):
                transport = await self._shaken_hands(url, listener)
        except TimeoutError as fault:
            raise VenueUnreachable(url, f"no answer within {self._open_s:g} s") from fault
        except VenueUnreachable:
            raise
        except Exception as fault:  # picows, TLS and three kinds of proxies have trees of their own
            status = getattr(getattr(fault, "response", None), "status", None)
            answered = None if status is None else int(status)
            reason = f"the handshake was refused with HTTP {answered}" if answered else str(fault) or repr(fault)
            raise VenueUnreachable(url, reason, status=answered) from fault
        return PicowsSocket(transport, listener)

    async def _shaken_hands(self, url: str, listener: _Listener) -> WSTransport:
        """Return a transport after its opening handshake; if that fails or is given up, nothing stays open."""
        opened: list[socket.socket] = []

        async def connect(to: WSParsedURL) -> socket.socket:
            opened.append(await _connected(to.host, to.port))
            return opened[0]

        try:
            transport, negotiated = await ws_connect(
                lambda: listener,
                url,
                ssl_context=self._tls_for(url),
                websocket_handshake_timeout=self._open_s,
                logger_name=_reasons_of(listener),
                max_frame_size=self._longest,
                max_redirects=0,  # a venue is where its address says, and a paper one on this machine
                proxy=proxy_of(url),
                read_buffer_init_size=_READ_BYTES,
                socket_factory=connect,
                use_aiofastnet=not type(asyncio.get_running_loop()).__module__.startswith("uvloop"),
            )
            if negotiated is None:  # this is how picows tells an end before the answer
                raise VenueUnreachable(url, "the connection ended in the middle of the handshake")
        except BaseException:  # a cancelled dial too; picows would keep its socket until the handshake is overdue
            listener.forsake()
            for ours in opened:
                with contextlib.suppress(OSError):  # it is gone already
                    ours.shutdown(socket.SHUT_RDWR)  # its transport sees the end, and closes it
            raise
        return transport

    def _tls_for(self, url: str) -> ssl.SSLContext | None:
        if not url.startswith("wss:"):
            return None
        if self._tls is None:  # made once: it reads the system's certificates
            self._tls = ssl.create_default_context()
        return self._tls


def proxy_of(url: str) -> str | None:
    """Return the proxy that the environment names for a WebSocket URL (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY).

    This machine itself is never reached through a proxy.

    Raises:
        VenueUnreachable: What is named there is no address. It is not shown: it may hold a password.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    named = proxies.get("https" if parts.scheme == "wss" else "http") or proxies.get("all")
    if not named:
        return None
    proxy = named if "://" in named else f"http://{named}"
    try:
        known = urlsplit(proxy)
        if known.hostname and known.port != 0 and not known.fragment:
            return proxy
    except ValueError:  # no port, or half an IPv6 address
        pass
    raise VenueUnreachable(url, "the environment names a proxy for it that is no address (see `env | grep -i proxy`)")


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine's own.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("example.com"), is_loopback("::1")
    (True, True, False, True)
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


async def _connected(host: str, port: int) -> socket.socket:
    """Return a socket connected to the first address of a host that answers.

    Raises:
        OSError: None does; of several, the last one's.
    """
    loop = asyncio.get_running_loop()
    fault = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        opened = socket.socket(family, kind, protocol)
        try:
            opened.setblocking(False)
            await loop.sock_connect(opened, address)
        except OSError as refusal:
            opened.close()
            why = os.strerror(refusal.errno) if refusal.errno else str(refusal)  # the loops word it differently
            fault = OSError(f"{address[0]} port {port}: {why}")
        except BaseException:
            opened.close()
            raise
        else:
            return opened
    raise fault


def _pick_up(end: "asyncio.Future[None]") -> None:
    if not end.cancelled():
        end.exception()


class _Reasons(logging.Handler):
    """Makes what picows would log the reason of the socket's end."""

    def __init__(self, listener: _Listener) -> None:
        super().__init__(logging.WARNING)
        self._listener = listener

    def emit(self, record: logging.LogRecord) -> None:
        """Take it where it has begun to end the socket: until that has ended, it still delivers what it has.

        Other warnings, as that the peer reads slowly, end nothing.
        """
        said = record.getMessage()
        if record.levelno >= logging.ERROR or said.startswith("Initiate disconnect"):
            self._listener.deafen(self._listener.too_long if "MESSAGE_TOO_BIG" in said else said[:300])


def _reasons_of(listener: _Listener) -> logging.Logger:
    """Return a logger that prints nothing."""
    logger = logging.Logger("polywire.sockets", logging.WARNING)  # noqa: LOG001 - its own, not the process's
    logger.addHandler(_Reasons(listener))
    return logger

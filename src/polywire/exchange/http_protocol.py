"""The exchange's HTTP side on a socket: uvicorn's own, with limits on what a request may take, and an end to each.

A request has to be whole within 30 s, its head within 64 KiB and its body within 1 MiB. What breaks a limit is answered
in one sentence and its connection closed in order: what is still being sent is read and thrown away for a while, or a
reset would overtake the answer.
"""

import asyncio
from functools import partial
from typing import Any, ClassVar, Final

import msgspec
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from polywire.exchange.answers import BODY_LIMIT

HEAD_LIMIT: Final = 1 << 16
"""Bytes of a request's target and headers."""

WHOLE_WITHIN_S: Final = 30.0
"""From the first byte of a request to its last, or from the connection's beginning where none comes."""

LINGER_S: Final = 5.0
"""How long is read what a refused client still sends."""

_DROP: Final = "polywire.drop"


class HttpProtocol(HttpToolsProtocol):
    """One HTTP connection. Its arguments are uvicorn's.

    Attributes:
        whole_within_s: See `WHOLE_WITHIN_S`.
        linger_s: See `LINGER_S`.
    """

    whole_within_s: ClassVar[float] = WHOLE_WITHIN_S
    linger_s: ClassVar[float] = LINGER_S

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: asyncio.TimerHandle | None = None
        self._refused = False  # by us: nothing that comes is read any more
        self._whole = False  # the last byte heard ended a request
        self._begun = self._in_head = False  # in the bytes at hand; at their end
        self._served = False  # the application has the request that is being read
        self._unended = self._head = self._body = 0  # bytes of it: without an end yet, of whole fields, of its body

    # ------------------------------------------------------------ what asyncio calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Give the client its time."""
        super().connection_made(transport)
        self._give(self.whole_within_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._take_back()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what a client sent."""
        if self._refused:
            return
        self._whole = self._begun = False
        super().data_received(data)
        if not self._expects_more():
            return
        if self._in_head and not self._begun:
            self._unended += len(data)  # the parser tells nothing of a field before its end
            if self._unended > HEAD_LIMIT:
                self._refuse_head()
                return
        if self._timer is None:
            self._give(self.whole_within_s)

    # ------------------------------------------------------------ what the parser calls

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._begun = self._in_head = True
        self._whole = self._served = False
        self._unended = self._head = self._body = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count a part of the target, and keep it."""
        self._head += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header, and keep it."""
        self._head += len(name) + len(value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand the request to the application, unless its head or what it announces is over the limits."""
        self._in_head = False
        if self._refused:
            return
        if self._head > HEAD_LIMIT:
            self._refuse_head()
        elif _announced(self.headers) > BODY_LIMIT:
            self._refuse_body()
        else:
            before = self.cycle
            super().on_headers_complete()
            if self.cycle is not before:  # and no upgrade
                self._served = True
                self.scope["extensions"] = {_DROP: {"drop": partial(self._drop, self.cycle)}}

    def on_body(self, body: bytes) -> None:
        """Hand on a part of the body, up to the limit."""
        if self._refused:
            return
        self._body += len(body)
        if self._body > BODY_LIMIT:
            self._refuse_body()
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request is whole."""
        if self._refused:
            return
        self._whole = True
        self._take_back()
        super().on_message_complete()

    # ------------------------------------------------------------ what uvicorn calls

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection on, unless the library that takes it would stumble over the handshake."""
        if self.scope["method"] != "GET":
            self._refuse(405, f"a WebSocket handshake is a GET request, and this one is a {self.scope['method']}")
            return
        if not (self.url.isascii() and all(value.isascii() for _, value in self.headers)):
            self._refuse(400, "a WebSocket handshake is written in ASCII, and this one is not")
            return
        self._take_back()
        self._refused = True  # and look at nothing that comes any more
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - ours says more
        """Answer what is no HTTP."""
        if not self._refused:
            self._refuse(400, "this is no HTTP/1.1 request that can be read; the connection is closed")

    def timeout_keep_alive_handler(self) -> None:
        """End a connection that has been idle since its last answer, whether it took that answer or not."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        super().timeout_keep_alive_handler()

    # ------------------------------------------------------------ inside

    def _expects_more(self) -> bool:
        return not (self._refused or self._whole)

    def _refuse_head(self) -> None:
        self._refuse(431, f"the request's target and headers are longer than {HEAD_LIMIT} bytes")

    def _refuse_body(self) -> None:
        self._refuse(413, f"the body is longer than {BODY_LIMIT} bytes")

    def _refuse(self, status: int, error: str) -> None:
        """Answer the request that is being read, and end the connection once the client has had its say."""
        self._refused = True
        self._take_back()
        self._unset_keepalive_if_required()
        cycle: RequestResponseCycle | None = self.cycle
        due = cycle is not None and not cycle.response_complete
        if cycle is not None and due:
            _abandon(cycle)
            if cycle.response_started or not self._served:  # half an answer is out, or another request's is due
                self.transport.close()
                return
        if due or not self._served:
            body = msgspec.json.encode({"error": error})
            head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
            self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.write_eof()
        self.flow.resume_reading()
        self._give(self.linger_s)

    def _drop(self, cycle: RequestResponseCycle) -> None:
        _abandon(cycle)
        self.transport.abort()

    def _give(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._too_late)

    def _take_back(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        self._timer = None
        if self._refused or not (self._in_head or self._served):
            self.transport.abort()  # it has been answered, or has asked for nothing
        else:
            self._refuse(408, f"the request was not whole within {self.whole_within_s:g} s; send it again, all of it")


def drop_connection(scope: Scope) -> None:
    """End the connection of a request at once, without a byte of an answer."""
    scope["extensions"][_DROP]["drop"]()


def _abandon(cycle: RequestResponseCycle) -> None:
    """Let the application's answer go nowhere, and its wait for the rest of a body end."""
    cycle.disconnected = True
    cycle.message_event.set()


def _announced(headers: list[tuple[bytes, bytes]]) -> int:
    """Return how many bytes of body a head announces; 0 where it does not say. The parser has checked the digits."""
    return next((int(value) for name, value in headers if name == b"content-length"), 0)

"""The exchange's WebSocket side: handshake, frames, pings and close around a sans-I/O protocol, nothing awaited.

uvicorn hands each upgraded connection to a `MarketSocket`. Ours and not a library's own server, because faults must
be able to send what no well-behaved server would, and because one message is serialised once for all clients.
"""

import asyncio
import http
from typing import Any, Final, cast

from uvicorn.config import Config
from uvicorn.server import ServerState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from polywire.exchange.connection import Connection
from polywire.exchange.faults import Faults
from polywire.exchange.ledger import Account
from polywire.exchange.market_channel import MarketChannel

MARKET_PATH: Final = "/ws/market"
LATER_PATHS: Final = {
    "/ws/user": "the user channel",
    "/rtds": "the live-data service",
    "/realtime": "the realtime service",
    "/sports": "the sports channel",
}
"""Handshakes answered with 501: they open in a later stage."""

_INCOMING_LIMIT: Final = 1 << 20
_CLOSE_WAIT_S: Final = 2.0


class MarketSocket(asyncio.Protocol):
    """One upgraded connection. Its arguments but the first two are uvicorn's.

    Args:
        channel: Where it is followed and answered.
        faults: What stands in between.
    """

    def __init__(
        self,
        channel: MarketChannel,
        faults: Faults,
        *,
        config: Config,  # noqa: ARG002 - uvicorn names its arguments
        server_state: ServerState,
        app_state: dict[str, Any],  # noqa: ARG002 - the same
    ) -> None:
        self._channel, self._faults = channel, faults
        self._sockets = cast("set[Any]", server_state.connections)  # uvicorn calls shutdown() on each at its end
        self._protocol = ServerProtocol(max_size=_INCOMING_LIMIT)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._connection: Connection | None = None
        self._parts: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------ what asyncio and uvicorn call

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over the connection."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=1 << 30)  # we look at the buffer ourselves
        self._sockets.add(self)

    def data_received(self, data: bytes) -> None:
        """Read what a client sent."""
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._shake_hands(event)
            else:
                self._take(cast("Frame", event))
        self._answer()

    def eof_received(self) -> None:
        """Let asyncio close the transport: a client that is done sending is done."""
        self._protocol.receive_eof()

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the connection."""
        self._sockets.discard(self)
        self._stop_timer()
        if self._connection is not None:
            told = self._protocol.close_rcvd
            way = f"the client closed with {told.code}" if told is not None else "the client left without a close frame"
            self._channel.closed(self._connection, str(error) if error is not None else way)
            self._connection = None

    def shutdown(self) -> None:
        """Say goodbye, because the server ends."""
        if self._connection is not None:
            self._connection.close(CloseCode.GOING_AWAY, "the exchange ends")
        if self._transport is not None:
            self._transport.close()
            self._loop.call_later(0.2, self._transport.abort)

    # ------------------------------------------------------------ what a Connection calls

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if self._transport is not None and not self._transport.is_closing() and self._protocol.state is OPEN:
            self._transport.write(data)

    def waiting(self) -> int:
        """Return how many bytes wait for the client."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def drop(self) -> None:
        """End the connection without a close frame."""
        if self._transport is not None:
            self._transport.abort()

    def close(self, code: int, reason: str) -> None:
        """Send a close frame, and end the connection when the client has answered it or two seconds have passed."""
        if self._protocol.state is OPEN:
            self._protocol.send_close(code, reason)
            self._answer()

    # ------------------------------------------------------------ inside

    def _shake_hands(self, request: Request) -> None:
        path = request.path.partition("?")[0]
        if self._faults.refuse():
            response = self._protocol.reject(http.HTTPStatus.SERVICE_UNAVAILABLE, "refused by the fault `refuse`\n")
        elif path == MARKET_PATH:
            response = self._protocol.accept(request)
        elif path in LATER_PATHS:
            text = f"{LATER_PATHS[path]} opens in a later stage; {MARKET_PATH} is served\n"
            response = self._protocol.reject(http.HTTPStatus.NOT_IMPLEMENTED, text)
        else:
            response = self._protocol.reject(http.HTTPStatus.NOT_FOUND, f"no channel at {path}; try {MARKET_PATH}\n")
        self._protocol.send_response(response)
        if self._protocol.state is not OPEN or self._transport is None:
            return
        host, port = self._transport.get_extra_info("peername")[:2]
        account = Account(f"{host}:{port}", self._channel.shelf.now_ms())
        self._connection = Connection(account, self, self._faults, self._loop)
        self._answer()
        self._channel.opened(self._connection)

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.TEXT:
            self._parts = [bytes(frame.data)]
        elif frame.opcode is Opcode.CONT:
            self._parts.append(bytes(frame.data))
        else:  # the protocol has answered pings and closes itself; binary means nothing here
            return
        if frame.fin and self._connection is not None:
            text, self._parts = b"".join(self._parts), []
            self._channel.heard(self._connection, text)

    def _answer(self) -> None:
        """Write what the protocol wants written, and end when it wants to end."""
        if self._transport is None:
            return
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():  # the protocol is done writing
                self._transport.write_eof()
        if self._protocol.close_expected() and self._timer is None:
            self._timer = self._loop.call_later(_CLOSE_WAIT_S, self._transport.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

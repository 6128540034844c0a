"""The exchange's WebSocket side: handshake, frames, pings and close around a sans-I/O protocol, nothing awaited.

uvicorn hands each upgraded connection to a `ChannelSocket`. Ours and not a library's own server, because faults must
be able to send what no well-behaved server would, and because one message is serialised once for all clients.
"""

import asyncio
import http
import logging
from collections.abc import Mapping
from typing import Any, Final, cast

from uvicorn.config import Config
from uvicorn.server import ServerState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from polywire.exchange.channel import POLICY, Channel
from polywire.exchange.connection import Connection
from polywire.exchange.faults import Faults
from polywire.exchange.ledger import Account

MARKET_PATH: Final = "/ws/market"
USER_PATH: Final = "/ws/user"
LIVE_PATH: Final = "/rtds"
LATER_PATHS: Final = {
    "/realtime": "the realtime service",
    "/sports": "the sports channel",
}
"""Handshakes answered with 501: they open in a later stage."""

SPARED: Final = "spared"
"""The query of a handshake whose connection no fault touches."""

HANDSHAKE_S: Final = 10.0
"""Wall seconds within which the handshake must be finished."""

FIRST_FRAME_S: Final = 60.0
"""Wall seconds from the handshake to the first subscription. polymarket-client asks for its credentials in between."""

_SILENT: Final = logging.getLogger("polywire.exchange.strangers")
_SILENT.setLevel(logging.CRITICAL + 1)  # what clients do wrong is no news, and the library has a traceback for it
_INCOMING_LIMIT: Final = 1 << 20
_CLOSE_WAIT_S: Final = 2.0


class ChannelSocket(asyncio.Protocol):
    """One upgraded connection. `config`, `server_state` and `app_state` are uvicorn's.

    Args:
        channels: Where it is followed and answered, by path.
        faults: What stands in between.
        handshake_s: See `HANDSHAKE_S`.
        first_frame_s: See `FIRST_FRAME_S`.
    """

    def __init__(
        self,
        channels: Mapping[str, Channel],
        faults: Faults,
        *,
        handshake_s: float = HANDSHAKE_S,
        first_frame_s: float = FIRST_FRAME_S,
        config: Config,  # noqa: ARG002 - uvicorn names its arguments
        server_state: ServerState,
        app_state: dict[str, Any],  # noqa: ARG002 - the same
    ) -> None:
        self._channels, self._faults = channels, faults
        self._handshake_s, self._first_frame_s = handshake_s, first_frame_s
        self._sockets = cast("set[Any]", server_state.connections)  # uvicorn calls shutdown() on each at its end
        self._protocol = ServerProtocol(max_size=_INCOMING_LIMIT, logger=_SILENT)
        self._protocol.debug = False  # else it logs what clients say at level DEBUG, and they say their passphrase
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._channel: Channel | None = None
        self._connection: Connection | None = None
        self._parts: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._muted = False

    # ------------------------------------------------------------ what asyncio and uvicorn call

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over the connection."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=1 << 30)  # we look at the buffer ourselves
        self._sockets.add(self)
        self._patience = self._loop.call_later(self._handshake_s, self._transport.abort)

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
        for timer in (self._timer, self._patience):
            if timer is not None:
                timer.cancel()
        if self._connection is not None and self._channel is not None:
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

    def mute(self) -> None:
        """Write nothing any more; what is read is still read."""
        self._muted = True

    def close(self, code: int, reason: str) -> None:
        """Send a close frame, and end the connection when the client has answered it or two seconds have passed."""
        if self._protocol.state is OPEN:
            self._protocol.send_close(code, reason)
            self._answer()

    # ------------------------------------------------------------ inside

    def _shake_hands(self, request: Request) -> None:
        path, _, query = request.path.partition("?")
        spared = query == SPARED
        channel = self._channels.get(path)
        if not spared and self._faults.refuse(None if channel is None else channel.name):
            response = self._protocol.reject(http.HTTPStatus.SERVICE_UNAVAILABLE, "refused by the fault `refuse`\n")
        elif channel is not None:
            response = self._protocol.accept(request)
        elif path == USER_PATH:
            text = f"nobody can trade here, so there is no user channel; {MARKET_PATH} is served\n"
            response = self._protocol.reject(http.HTTPStatus.NOT_IMPLEMENTED, text)
        elif path == LIVE_PATH:
            text = f"a tape plays here, and it has no live data; {MARKET_PATH} is served\n"
            response = self._protocol.reject(http.HTTPStatus.NOT_IMPLEMENTED, text)
        elif path in LATER_PATHS:
            text = f"{LATER_PATHS[path]} opens in a later stage; {MARKET_PATH} is served\n"
            response = self._protocol.reject(http.HTTPStatus.NOT_IMPLEMENTED, text)
        else:
            response = self._protocol.reject(http.HTTPStatus.NOT_FOUND, f"no channel at {path}; try {MARKET_PATH}\n")
        self._protocol.send_response(response)
        if self._protocol.state is not OPEN or self._transport is None or channel is None:
            return
        host, port = self._transport.get_extra_info("peername")[:2]
        self._channel = channel
        account = Account(f"{host}:{port}", channel.now_ms(), channel.name)
        self._connection = Connection(account, self, self._faults, self._loop, channel.name, spared=spared)
        self._answer()
        channel.opened(self._connection)
        if self._patience is not None:
            self._patience.cancel()
        if channel.begins_by_subscribing:
            self._patience = self._loop.call_later(self._first_frame_s, self._hurry, self._connection)

    def _hurry(self, connection: Connection) -> None:
        if not connection.subscribed:
            connection.close(POLICY, f"no subscription came within {self._first_frame_s:g} s")

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.TEXT:
            self._parts = [bytes(frame.data)]
        elif frame.opcode is Opcode.CONT:
            self._parts.append(bytes(frame.data))
        else:  # the protocol has answered pings and closes itself; binary means nothing here
            return
        if not frame.fin:
            return
        text, self._parts = b"".join(self._parts), []
        if self._connection is None or self._channel is None or self._transport is None:
            return
        if self._protocol.state is OPEN and not self._transport.is_closing():  # else it was dropped by what came before
            self._channel.heard(self._connection, text)

    def _answer(self) -> None:
        """Write what the protocol wants written, and end when it wants to end."""
        if self._transport is None:
            return
        for data in self._protocol.data_to_send():
            if self._muted:
                continue
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():  # the protocol is done writing
                self._transport.write_eof()
        if self._protocol.close_expected() and self._timer is None and not self._muted:  # the dead hang up on nobody
            self._timer = self._loop.call_later(_CLOSE_WAIT_S, self._transport.abort)

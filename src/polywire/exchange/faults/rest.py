"""What stands between a request and its answer: the faults of requests that are on."""

import asyncio
from typing import Any, Final

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from polywire.exchange.faults.faults import Faults
from polywire.exchange.faults.requests import Deed, Refusal
from polywire.exchange.http_protocol import drop_connection

_DEEDS: Final[dict[tuple[str, str], Deed]] = {
    ("POST", "/clob/order"): "place",
    ("POST", "/clob/orders"): "place",
    ("DELETE", "/clob/order"): "cancel",
    ("DELETE", "/clob/orders"): "cancel",
    ("DELETE", "/clob/cancel-all"): "cancel",
    ("DELETE", "/clob/cancel-market-orders"): "cancel",
}


class RestFaults:
    """An application with the faults of requests around it. `/venue` is spared: there they are turned off.

    Args:
        app: The whole site, served by `http_protocol.HttpProtocol`.
        faults: Those that are on.
    """

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app, self._faults = app, faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as far as the faults let it be answered."""
        faults = self._faults.of_requests
        if not faults or scope["type"] != "http" or _is_steering(scope["path"]):
            await self._app(scope, receive, send)
            return
        deed = _DEEDS.get((scope["method"], scope["path"]), "other")
        for fault in faults:
            refusal = fault.refuse(deed)
            if refusal is not None:
                await _refuse(refusal, send)
                return
        lost = [fault for fault in faults if fault.lose(deed)]
        if lost:
            await self._app(scope, receive, _swallow)
            drop_connection(scope)
            return
        late_s = sum(fault.late_s for fault in faults if fault.late_s and fault.struck())
        await self._app(scope, receive, _late(send, late_s) if late_s else send)


def _is_steering(path: str) -> bool:
    return path == "/venue" or path.startswith("/venue/")


def _late(send: Send, late_s: float) -> Send:
    async def later(message: Message) -> None:
        if message["type"] == "http.response.start":
            await asyncio.sleep(late_s)
        await send(message)

    return later


async def _swallow(_: Message) -> None:
    """Take a part of an answer that nobody gets."""


async def _refuse(refusal: Refusal, send: Send) -> None:
    body = msgspec.json.encode({"error": refusal.error})
    headers: list[Any] = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    headers += [(name.lower().encode(), value.encode()) for name, value in refusal.headers]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""A user channel on a port of its own, without the rest of an exchange, and clients that know its rules."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.server import ServerState

from exchange.private_records import ANN, BOB
from exchange.raw_client import RawClient
from exchange.venues import START_MS
from polywire.exchange.channel import Channel
from polywire.exchange.faults import Faults
from polywire.exchange.ledger import Ledger
from polywire.exchange.trading.records import ApiKey
from polywire.exchange.user_channel import UserChannel
from polywire.exchange.websocket import USER_PATH, ChannelSocket

SECRETS: Final = {ANN: ("YW5uJ3Mtc2VjcmV0", "ann-passphrase"), BOB: ("Ym9iJ3Mtc2VjcmV0", "bob-passphrase")}


def auth(key: str) -> dict[str, str]:
    """Return what a client sends to say who it is."""
    secret, passphrase = SECRETS[key]
    return {"apiKey": key, "secret": secret, "passphrase": passphrase}


class UserServer:
    """A served user channel.

    Attributes:
        good: The keys that are.
        asked: How often somebody said who they are.
        channels: What is served.
    """

    def __init__(self) -> None:
        self.good = {key: ApiKey(key, "0xe0a", 0, START_MS) for key in SECRETS}
        self.asked = 0
        self.ledger = Ledger()
        self.channel = UserChannel(self._credentials, self.ledger, lambda: START_MS)
        self.channels: dict[str, Channel] = {USER_PATH: self.channel}
        self.faults = Faults(7, self.ledger, self.channel.connections)
        self.state = ServerState()
        self.address = "127.0.0.1", 0

    @property
    def url(self) -> str:
        host, port = self.address
        return f"ws://{host}:{port}{USER_PATH}"

    def filters(self) -> list[list[str]]:
        """Return what each socket that has subscribed lists, in order: nothing answers a subscription."""
        return sorted(
            sorted(listed) for listed in map(self.channel.listed, self.channel.connections) if listed is not None
        )

    def _credentials(self, key: str, secret: str, passphrase: str) -> ApiKey | None:
        self.asked += 1
        return self.good.get(key) if SECRETS.get(key) == (secret, passphrase) else None

    @asynccontextmanager
    async def tcp(self) -> AsyncIterator[RawClient]:
        """Yield a client before its handshake."""
        reader, writer = await asyncio.open_connection(*self.address)
        client = RawClient(reader, writer)
        try:
            yield client
        finally:
            await client.leave()

    @asynccontextmanager
    async def client(self, path: str = USER_PATH) -> AsyncIterator[RawClient]:
        async with self.tcp() as client:
            await client.shake_hands(path)
            yield client

    @asynccontextmanager
    async def listener(self, key: str, *markets: str) -> AsyncIterator[RawClient]:
        """Yield a client that has subscribed, to all markets where it names none."""
        frame: dict[str, Any] = {"type": "user", "auth": auth(key)}
        async with self.client() as client:
            await client.send(frame | {"markets": markets} if markets else frame)
            assert await client.silent(), "a subscription is not answered"
            yield client


@asynccontextmanager
async def user_server(**limits: float) -> AsyncIterator[UserServer]:
    """Serve a user channel on a free port of this process; `limits` are `ChannelSocket`'s."""
    one = UserServer()
    uvicorns = {"config": Config("none"), "server_state": one.state, "app_state": {}}
    made = partial(ChannelSocket, one.channels, one.faults, **uvicorns, **limits)  # type: ignore[arg-type]  # each its own
    server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)
    one.address = server.sockets[0].getsockname()
    try:
        yield one
    finally:
        server.close()
        for socket in list(one.state.connections):
            socket.drop()  # type: ignore[union-attr]  # ours
        await server.wait_closed()

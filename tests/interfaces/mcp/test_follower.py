"""A client that takes nothing does not keep others waiting, and is told when it reads again."""

import anyio
import pytest
from mcp.server.connection import Connection
from mcp.server.subscriptions import InMemorySubscriptionBus
from mcp.shared.dispatcher import CallOptions

from interfaces.mcp.memory import MemoryAccess
from interfaces.mcp.stages import until
from loopback import PATIENCE_S
from polywire.interfaces.mcp.follower import Follower, events_uri
from polywire.interfaces.mcp.guests import Guest
from polywire.interfaces.mcp.host import Host, Pace
from polywire.interfaces.mcp.line import Line
from polywire.io.clock import SystemClock

pytestmark = pytest.mark.anyio


class Pipe:
    """What leads to a client; it can be stopped up."""

    def __init__(self) -> None:
        self.open = anyio.Event()
        self.sent: list[str] = []
        self.came = anyio.Event()

    async def notify(self, method: str, params: object, opts: CallOptions | None = None) -> None:  # noqa: ARG002
        await self.open.wait()
        self.sent.append(str((params or {})["uri"]))  # type: ignore[index]
        self.came.set()

    async def send_raw_request(self, *_: object) -> dict[str, object]:
        raise NotImplementedError


async def test_a_client_that_takes_nothing_keeps_no_other_waiting_and_loses_nothing() -> None:
    access = MemoryAccess()
    host = Host(Line(access, SystemClock()), SystemClock(), Pace(update_s=0.05))
    quick, stopped = Pipe(), Pipe()
    quick.open.set()
    for pipe in (quick, stopped):
        connection = Connection.for_loop(pipe)
        guest = Guest(modern=False, session=True, connection=connection)
        guest.uris.add(events_uri("w-1"))
        host.guests._by_channel[id(pipe)] = pipe, guest  # noqa: SLF001 - no request is needed for this
    follower = Follower(host, InMemorySubscriptionBus())
    with anyio.fail_after(PATIENCE_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follower.run)
            await until(lambda: access.readers == 1)
            access.put("w-1")
            await quick.came.wait()
            await until(lambda: any(guest.unread for guest in host.guests.pushed_to()))
            stopped.open.set()
            await stopped.came.wait()
            tasks.cancel_scope.cancel()
    assert set(stopped.sent) == {events_uri("w-1")}

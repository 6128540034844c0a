"""A server on standard input and output, as a process that a test tells what happens: `child.py SOCKET [prints]`."""

import json
import sys
from typing import Any

import anyio
from anyio.abc import SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from interfaces.mcp.memory import DEEDS, MemoryAccess
from polywire.interfaces.mcp.host import Pace
from polywire.interfaces.mcp.server import mcp_server, serve_stdio
from polywire.io.clock import SystemClock


async def main(path: str, *traits: str) -> None:
    access = MemoryAccess()
    access.prints = "prints" in traits
    server = mcp_server(access, SystemClock(), pace=Pace(answer_s=2.0, progress_s=0.2, update_s=0.1, retry_s=0.05))

    async def told(stream: SocketStream) -> None:
        async with stream:
            lines = BufferedByteReceiveStream(stream)
            while True:
                try:
                    line = await lines.receive_until(b"\n", 65_536)
                except (anyio.EndOfStream, anyio.IncompleteRead):
                    return
                deed: dict[str, Any] = json.loads(line)
                DEEDS[deed.pop("do")](access, **deed)
                await stream.send(b"done\n")

    async with anyio.create_task_group() as tasks, await anyio.create_unix_listener(path) as listener:
        tasks.start_soon(listener.serve, told)
        await serve_stdio(server)
        tasks.cancel_scope.cancel()


if __name__ == "__main__":
    anyio.run(lambda: main(*sys.argv[1:]))

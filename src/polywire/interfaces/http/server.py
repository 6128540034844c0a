"""An ASGI application on a port, by uvicorn, inside a loop that is ours."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import anyio
import uvicorn
from starlette.types import ASGIApp

from polywire.io.tcp_ports import listening_socket

_CONNECTIONS: Final = 1_024
_IDLE_S: Final = 30
_END_S: Final = 2
_HEAD: Final = 32_768  # bytes of a request's head
_LOGGERS: Final = ("uvicorn", "uvicorn.error", "uvicorn.asgi")


@asynccontextmanager
async def listening(app: ASGIApp, host: str, port: int) -> AsyncIterator[str]:
    """Serve an application while the block runs; yield its base URL.

    Signals are left to whoever runs us, and nothing is printed: uvicorn's own lines stay in its logger `uvicorn`.

    Args:
        app: Its own lifespan is not run.
        host: Where it listens.
        port: The same; 0: any that is free.

    Raises:
        PolywireError: It cannot listen there.
    """
    with listening_socket(host, port, "HTTP") as bound:
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # who a request is from is not for a header to say
            limit_concurrency=_CONNECTIONS,
            timeout_keep_alive=_IDLE_S,
            timeout_graceful_shutdown=_END_S,
            h11_max_incomplete_event_size=_HEAD,
        )
        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.WARNING)
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[bound])
        serving = asyncio.create_task(server.main_loop(), name="polywire http")
        try:
            shown = f"[{host}]" if ":" in host else host
            yield f"http://{shown}:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            with anyio.CancelScope(shield=True):
                await serving
                await server.shutdown(sockets=[bound])

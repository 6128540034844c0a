"""The SDK's private attributes are as we know them. When one of these fails, mend `sdk.py` and look anew."""

import inspect

import mcp_types as types
import pytest
from mcp.server.connection import Connection
from mcp.server.lowlevel import Server as LowLevel
from mcp.server.mcpserver import MCPServer
from mcp.server.session import ServerSession
from mcp.server.streamable_http import GET_STREAM_KEY, StreamableHTTPServerTransport
from mcp.shared.exceptions import MCPDeprecationWarning

from polywire.interfaces.mcp import sdk


async def _answer(*_: object) -> types.EmptyResult:
    return types.EmptyResult()


def test_a_method_of_the_handshake_era_can_be_added_and_is_advertised_then() -> None:
    server = MCPServer("plain")
    low = server._lowlevel_server  # noqa: SLF001 - what is tested
    assert isinstance(low, LowLevel)
    before = low.get_capabilities()
    assert before.logging is None
    assert before.resources is not None
    assert not before.resources.subscribe  # should the SDK serve it by itself one day, ours is in its way
    sdk.serve(server, "resources/subscribe", types.SubscribeRequestParams, _answer)
    sdk.serve(server, "logging/setLevel", types.SetLevelRequestParams, _answer)
    after = low.get_capabilities()
    assert after.resources is not None
    assert (after.resources.subscribe, after.logging is not None) == (True, True)


def test_a_session_has_its_connection_and_a_connection_what_we_use_of_it() -> None:
    class Nowhere:
        async def send_raw_request(self, *_: object) -> dict[str, object]:
            return {}

        async def notify(self, *_: object) -> None: ...

    connection = Connection.for_loop(Nowhere())
    session = ServerSession(Nowhere(), connection)  # type: ignore[arg-type] # only its connection is asked for
    assert sdk.connection_of(session) is connection
    assert connection.has_standalone_channel
    assert not Connection.from_envelope("2026-07-28", None, None).has_standalone_channel
    assert callable(connection.exit_stack.callback)


def test_the_standing_stream_is_called_what_we_think() -> None:
    assert GET_STREAM_KEY == sdk._STANDING  # noqa: SLF001
    assert "_request_streams" in vars(StreamableHTTPServerTransport("x"))


def test_without_http_nothing_is_known_of_a_standing_stream() -> None:
    assert sdk.stands(MCPServer("plain"), Connection.from_envelope("2026-07-28", None, None)) is None


def test_sessions_over_http_are_kept_where_we_look() -> None:
    server = MCPServer("plain")
    server.streamable_http_app()
    assert server.session_manager._server_instances == {}  # noqa: SLF001
    assert sdk.stands(server, Connection.from_envelope("2026-07-28", None, None)) is None


def test_logging_is_still_only_deprecated() -> None:
    assert inspect.iscoroutinefunction(inspect.unwrap(ServerSession.send_log_message))
    with pytest.warns(MCPDeprecationWarning):
        ServerSession.send_log_message(None, "info", "x").close()  # type: ignore[arg-type] # it is not run

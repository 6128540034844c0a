"""How a function becomes a tool: its docstring is the description, its annotations the schemas."""

from collections.abc import Awaitable, Callable
from inspect import cleandoc
from typing import Any, Final

from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult, ToolAnnotations

READS: Final = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True)
"""It asks the venue, and changes nothing."""

LOOKS: Final = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
"""It asks the owner alone, and changes nothing."""

TAKES: Final = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=False, open_world_hint=False
)
"""It gives each event once, so that asking twice is not the same."""

MAKES: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
)
"""It makes a subscription; nothing is traded."""

ENDS: Final = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)
"""It ends a subscription."""


def offer(
    server: MCPServer[Any],
    tool: Callable[..., Awaitable[CallToolResult]],
    title: str,
    annotations: ToolAnnotations,
) -> None:
    """Have a server offer a tool under the function's own name."""
    server.add_tool(tool, title=title, description=cleandoc(tool.__doc__ or ""), annotations=annotations)

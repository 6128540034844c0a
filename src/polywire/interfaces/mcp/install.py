"""How each assistant is told of us: its piece of configuration, and the command that writes it where there is one."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec


class Entry(msgspec.Struct, frozen=True):
    """What one assistant wants."""

    client: str  # how it is chosen: `claude-code`
    name: str  # how people call it
    file: str  # where the configuration is kept
    config: str  # JSON, to be merged into that file
    command: str = ""  # what does it in one line; "": nothing
    note: str = ""  # what to do afterwards


CLIENTS: Final = ("claude-code", "claude-desktop", "cursor", "vscode")
"""Whom we know."""

VARIABLE: Final = "POLYWIRE_TOKEN"
"""The environment variable in which an assistant is to find a token, unless told otherwise."""

_NAME: Final = "polywire"


def entries(command: Sequence[str], *, url: str = "", token_variable: str = VARIABLE) -> list[Entry]:
    """Return what each assistant wants, in the order of `CLIENTS`.

    Args:
        command: What starts the MCP server on standard input and output, its path absolute.
        url: Where it is served over HTTP instead; "": by the command.
        token_variable: The environment variable that holds a token for `url`. The token itself is never written.

    >>> [entry.client for entry in entries(["/opt/polywire/polywire", "mcp"])]
    ['claude-code', 'claude-desktop', 'cursor', 'vscode']
    """
    program, *arguments = command
    stdio: dict[str, Any] = {"command": program, "args": arguments}
    bearer = {"Authorization": f"Bearer ${{{token_variable}}}"}
    over_http: dict[str, Any] = {"type": "http", "url": url, "headers": bearer}
    line = shlex.join(command)
    typed = over_http if url else {"type": "stdio", **stdio}
    code = (
        f"claude mcp add --transport http {_NAME} {shlex.quote(url)} --header {shlex.quote(_bearer(token_variable))}"
        if url
        else f"claude mcp add --transport stdio {_NAME} -- {line}"
    )
    vscode_add = "" if url else f"code --add-mcp {shlex.quote(json.dumps({'name': _NAME, **stdio}))}"
    desktop_note = (
        "it reaches HTTP servers by its own settings, under Connectors; what stands here runs the command instead"
        if url
        else "quit it and start it again"
    )
    return [
        Entry("claude-code", "Claude Code", ".mcp.json in the project", _json("mcpServers", typed), code),
        Entry(
            "claude-desktop",
            "Claude Desktop",
            "claude_desktop_config.json (Settings, Developer, Edit Config)",
            _json("mcpServers", stdio),
            note=desktop_note,
        ),
        Entry("cursor", "Cursor", "~/.cursor/mcp.json", _json("mcpServers", over_http if url else stdio)),
        Entry("vscode", "VS Code", ".vscode/mcp.json", _json("servers", typed), vscode_add),
    ]


def _bearer(variable: str) -> str:
    return f"Authorization: Bearer ${{{variable}}}"


def _json(group: str, server: Mapping[str, Any]) -> str:
    return json.dumps({group: {_NAME: server}}, indent=2)

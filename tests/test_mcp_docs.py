"""docs/mcp.md names every tool, parameter, resource and prompt there is, and none that there is not."""

import re
from pathlib import Path
from typing import Any

import anyio
import pytest

from interfaces.mcp.memory import MemoryAccess
from polywire.interfaces.mcp.install import CLIENTS
from polywire.interfaces.mcp.server import GROUPS, mcp_server
from polywire.io.clock import SystemClock

PAGE = (Path(__file__).parent.parent / "docs" / "mcp.md").read_text()
SERVER = mcp_server(MemoryAccess(), SystemClock())
TOOLS = {tool.name: tool for tool in anyio.run(SERVER.list_tools)}
ROWS = dict(re.findall(r"^\| `(\w+)` \| ?([^|]*)\|", PAGE, re.MULTILINE))


def test_every_tool_has_a_row_and_no_row_is_of_none() -> None:
    assert sorted(ROWS) == sorted(TOOLS)


@pytest.mark.parametrize("name", TOOLS)
def test_a_tools_row_names_its_parameters_with_a_mark_where_they_may_be_left_out(name: str) -> None:
    schema: dict[str, Any] = TOOLS[name].input_schema
    assert re.findall(r"`(\w+)`", ROWS[name]) == list(schema.get("properties", {}))
    for parameter, default in re.findall(r"`(\w+)` \((\w+)", ROWS[name]):
        assert str(schema["properties"][parameter]["default"]).removesuffix(".0") == default


@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_and_parameter_is_described_and_every_tool_shows_an_example(name: str) -> None:
    tool = TOOLS[name]
    assert f"Example: {name}(" in (tool.description or "")
    assert tool.annotations is not None
    assert tool.output_schema
    for parameter, schema in tool.input_schema.get("properties", {}).items():
        assert schema.get("description"), parameter


def test_every_resource_and_prompt_is_named() -> None:
    fixed = [str(one.uri) for one in anyio.run(SERVER.list_resources) if "events/" not in str(one.uri)]
    templates = [one.uri_template for one in anyio.run(SERVER.list_resource_templates)]
    assert sorted(set(re.findall(r"`(polymarket://[^`]*)`", PAGE))) == sorted([*fixed, *templates])
    prompts = [prompt.name for prompt in anyio.run(SERVER.list_prompts)]
    assert [name for name in prompts if f"`{name}`" not in PAGE] == []


def test_every_group_is_named_and_every_client_has_an_entry() -> None:
    assert all(group in PAGE for group in GROUPS)
    assert len(CLIENTS) == 4
    assert all(name in PAGE for name in ("Claude Code", "Claude Desktop", "Cursor", "VS Code"))

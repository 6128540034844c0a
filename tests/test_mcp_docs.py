"""docs/mcp.md and docs/mcp-tools.md name every tool, parameter, resource, prompt and condition, and none beside."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import BaseModel

from interfaces.mcp.memory import MemoryAccess
from polywire.interfaces.mcp import answers
from polywire.interfaces.mcp.install import CLIENTS, VARIABLE, entries
from polywire.interfaces.mcp.server import GROUPS, mcp_server
from polywire.interfaces.mcp.tools_events import LONGEST_WAIT_S
from polywire.io.clock import SystemClock
from polywire.services.access.lookups import MOST_BOOKS
from polywire.services.access.pages import MOST_ENTRIES
from polywire.services.watches.watches import Watches
from polywire.wire.watch_json import CONDITIONS

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "mcp.md").read_text()
SERVER = mcp_server(MemoryAccess(), SystemClock())
TOOLS = {tool.name: tool for tool in anyio.run(SERVER.list_tools)}
PROMPTS = {prompt.name: prompt for prompt in anyio.run(SERVER.list_prompts)}
ONE_BY_ONE = dict(
    re.findall(r"^## `(\w+)`\n(.*?)(?=^## |\Z)", (DOCS / "mcp-tools.md").read_text(), re.MULTILINE | re.DOTALL)
)


def section(heading: str) -> str:
    """Return a section of the page."""
    return PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]


def rows(heading: str) -> dict[str, str]:
    """Return the second cells of a section's table by the names in its first."""
    return dict(re.findall(r"^\| `([\w-]+)` \| ?([^|]*)\|", section(heading), re.MULTILINE))


def test_every_tool_has_a_row_and_no_row_is_of_none() -> None:
    assert sorted(rows("Tools")) == sorted(TOOLS)
    assert list(ONE_BY_ONE) == list(TOOLS)


@pytest.mark.parametrize("name", TOOLS)
def test_a_tools_row_names_its_parameters_with_a_mark_where_they_may_be_left_out(name: str) -> None:
    schema: dict[str, Any] = TOOLS[name].input_schema
    row = rows("Tools")[name]
    assert re.findall(r"`(\w+)`", row) == list(schema.get("properties", {}))
    for parameter, default in re.findall(r"`(\w+)` \((\w+)", row):
        assert str(schema["properties"][parameter]["default"]).removesuffix(".0") == default


@pytest.mark.parametrize("name", TOOLS)
def test_a_tools_section_names_its_parameters_and_which_are_needed_and_their_bounds(name: str) -> None:
    schema: dict[str, Any] = TOOLS[name].input_schema
    told = dict(re.findall(r"^- `(\w+)`: (.*)$", ONE_BY_ONE[name], re.MULTILINE))
    assert list(told) == list(schema.get("properties", {}))
    assert [parameter for parameter in told if told[parameter].endswith("; needed")] == schema.get("required", [])
    for parameter, line in told.items():
        field = schema["properties"][parameter]
        assert all(f"`{word}`" in line for word in field.get("enum", []))
        if "minimum" in field:
            assert f"{field['minimum']:,} to {int(field['maximum']):,}" in line
        if (default := re.search(r"; (.*) if left out", line)) is not None:
            assert json.loads(default[1]) == field["default"]


@pytest.mark.parametrize("name", TOOLS)
def test_an_example_is_a_call_with_the_tools_parameters_and_an_answer_of_its_shape(name: str) -> None:
    (call,) = re.findall(r"```text\n(.*?)\n```", ONE_BY_ONE[name], re.DOTALL)
    (answer,) = re.findall(r"```json\n(.*?)\n```", ONE_BY_ONE[name], re.DOTALL)
    assert call.startswith(f"{name}(")
    assert set(re.findall(r"[(\s](\w+)=", call)) <= set(TOOLS[name].input_schema.get("properties", {}))
    shape = TOOLS[name].output_schema
    assert shape is not None
    model: type[BaseModel] = getattr(answers, shape["title"])
    assert model.model_validate(json.loads(answer), extra="forbid").model_dump()["message"]


@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_and_parameter_is_described_and_every_tool_shows_an_example(name: str) -> None:
    tool = TOOLS[name]
    assert f"Example: {name}(" in (tool.description or "")
    assert tool.annotations is not None
    assert tool.output_schema
    for parameter, schema in tool.input_schema.get("properties", {}).items():
        assert schema.get("description"), parameter


def test_every_resource_and_prompt_is_named_and_none_that_there_is_not() -> None:
    fixed = [str(one.uri) for one in anyio.run(SERVER.list_resources) if "events/" not in str(one.uri)]
    templates = [one.uri_template for one in anyio.run(SERVER.list_resource_templates)]
    assert sorted(set(re.findall(r"`(polymarket://[^`]*)`", PAGE))) == sorted([*fixed, *templates])
    assert sorted(rows("Resources and prompts")) == sorted(PROMPTS)


@pytest.mark.parametrize("name", PROMPTS)
def test_a_prompts_row_names_its_arguments_with_a_mark_where_they_may_be_left_out(name: str) -> None:
    arguments = [f"`{one.name}`{'' if one.required else '?'}" for one in PROMPTS[name].arguments or []]
    assert rows("Resources and prompts")[name].strip() == ", ".join(arguments)


def test_every_condition_is_named_and_none_that_there_is_not() -> None:
    (line,) = re.findall(r"^Conditions of `watch_condition`: (.*)\. Their", PAGE, re.MULTILINE)
    assert line.split(", ") == [f"`{doc.name}`" for doc in CONDITIONS]


def test_every_group_is_named_and_every_client_has_its_entry_and_its_line_of_what_reaches_it() -> None:
    assert all(group in PAGE for group in GROUPS)
    assert sorted(rows("Telling an assistant")) == sorted(CLIENTS)
    for entry in entries(["polywire", "mcp"]):
        assert f"`{entry.file.split()[0]}`" in rows("Telling an assistant")[entry.client]
        assert re.search(rf"^\| {entry.name} \|.*\|.*\|$", section("What really reaches the model"), re.MULTILINE)
    assert f"`{VARIABLE}`" in PAGE


def test_limits_are_those_of_the_code() -> None:
    limits = section("Limits")
    watches = inspect.signature(Watches).parameters
    assert f"| `timeout_s` | {LONGEST_WAIT_S:g} s |" in limits
    assert f"50, {MOST_ENTRIES:,} |" in limits
    assert f"{watches['most_watches'].default:,}, {watches['most_targets'].default} |" in limits
    assert f"| books in one answer | {MOST_BOOKS} |" in limits

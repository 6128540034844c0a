"""docs/cli.md is the command line: every command and option, in the order of `--help`, and nothing beside it."""

import re
import shlex
from typing import Any

import pytest

from docs.command_line import COMMANDS, calls, command_of, does_something, refusal, shown
from docs.pages import commands, names, page, rows, section

PAGE = page("cli.md")
HEADINGS = re.findall(r"^##+ `polywire ([^`]+)`$", PAGE, re.MULTILINE)
RUNNABLE = [name for name, command in COMMANDS.items() if does_something(command)]
STANDS_FOR = {
    "TARGET…": ["some-market"],
    "FILE": ["market.pwtape"],
    "OUT": ["rows.csv"],
    "NAME": ["laptop"],
    "ID…": ["wide"],
    "--when": ["--when", "tick-changes"],
}
"""What is put for what a command needs, where the example is of something else."""


def of(name: str) -> str:
    """Return a command's section, without those of its own commands."""
    heading = next(line for line in PAGE.splitlines() if re.fullmatch(rf"##+ `polywire {name}`", line))
    return re.split(r"^### `polywire ", section(PAGE, heading), maxsplit=1, flags=re.MULTILINE)[0]


def test_every_command_has_a_section_in_the_order_of_help_and_no_section_is_of_none() -> None:
    assert list(COMMANDS) == HEADINGS


@pytest.mark.parametrize("name", RUNNABLE)
def test_a_commands_table_has_its_options_and_arguments_in_order_and_none_beside(name: str) -> None:
    assert [names(row[0]) for row in rows(of(name))] == [calls(one) for one in shown(COMMANDS[name])]


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in RUNNABLE])
def test_a_group_that_does_nothing_by_itself_has_no_options(name: str) -> None:
    assert rows(of(name)) == []
    assert shown(COMMANDS[name]) == []


@pytest.mark.parametrize("name", RUNNABLE)
def test_a_default_is_the_codes_and_what_is_needed_says_so(name: str) -> None:
    for row, parameter in zip(rows(of(name)), shown(COMMANDS[name]), strict=True):
        if parameter.required:
            assert row[2] == "needed"
        elif parameter.default not in {None, False, ""}:
            assert row[2] == f"`{parameter.default}`"
        else:
            assert row[2] not in {"", "needed"}


def line_of(row: list[str], parameter: Any, name: str) -> list[str]:
    """Return the line that a row's example stands for: with all else that the command needs, arguments first."""
    parts: dict[bool, list[str]] = {True: [], False: []}
    for one in shown(COMMANDS[name]):
        words = shlex.split(names(row[1])[0]) if one is parameter else _needed(one)
        parts[one.param_type_name == "argument"] += words
    return [*parts[True], *parts[False]]


def _needed(parameter: Any) -> list[str]:
    return STANDS_FOR[calls(parameter)[0]] if parameter.required else []


@pytest.mark.parametrize("name", RUNNABLE)
def test_each_row_has_an_example_that_is_read_as_it_is_written(name: str) -> None:
    for row, parameter in zip(rows(of(name)), shown(COMMANDS[name]), strict=True):
        assert refusal([*name.split(), *line_of(row, parameter, name)]) == "", row
        if parameter.param_type_name != "argument":
            assert names(row[1])[0].split()[0] in calls(parameter)


def test_every_command_is_called_in_a_block_of_the_page() -> None:
    called = {command_of(shlex.split(line)[1:])[0] for line in commands(PAGE)}
    assert set(RUNNABLE) - called == set()

"""The command line as its own parser knows it."""

from collections.abc import Iterator
from typing import Any, Final

import typer
from typer.exceptions import TyperException
from typer.main import get_command

from polywire.cli import commands

PROGRAM: Final[Any] = get_command(commands)
LAUNCHERS_OWN: Final = frozenset({"test", "check"})


def every_command(group: Any = PROGRAM, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield each command by its words (`tape verify`), groups too, in the order of `--help`."""
    for name, command in group.commands.items():
        words = (*path, name)
        yield " ".join(words), command
        if hasattr(command, "commands"):
            yield from every_command(command, words)


COMMANDS: Final[dict[str, Any]] = dict(every_command())


def does_something(command: Any) -> bool:
    """Return whether a command can be run by itself: a group of others mostly cannot."""
    return not hasattr(command, "commands") or command.invoke_without_command


def shown(command: Any) -> list[Any]:
    """Return the parameters that `--help` shows, in its order."""
    return [one for one in command.params if not one.hidden]


def calls(parameter: Any) -> list[str]:
    """Return how a parameter is called: `["--follow", "-f"]`; an argument by what stands for it, `["TARGET…"]`."""
    if parameter.param_type_name == "argument":
        return [parameter.metavar]
    return [*parameter.opts, *parameter.secondary_opts]


def command_of(words: list[str]) -> tuple[str, Any, list[str]]:
    """Return which command a line means, by name and itself, and its arguments.

    Raises:
        ValueError: There is none such.
    """
    name, command, rest = "", PROGRAM, list(words)
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        if rest[0] not in command.commands:
            raise ValueError(f"no such command: {name} {rest[0]}")
        name, command = f"{name} {rest[0]}".strip(), command.commands[rest[0]]
        del rest[0]
    return name, command, rest


def refusal(words: list[str]) -> str:
    """Return why a line of arguments would be refused, "" where it would not. Nothing is run."""
    try:
        name, command, rest = command_of(words)
        if not {"-h", "--help", "--version"} & set(rest):
            if not does_something(command):
                return f"{name or 'polywire'} needs another word"
            command.make_context(name, rest)
    except (TyperException, typer.Exit, ValueError) as refused:
        return f"{refused}" or type(refused).__name__
    return ""

"""The command line: arguments in, exit codes out. 0 done, 1 failed, 2 wrong use.

Results go to standard output, everything else to standard error. What costs time to import is imported where
it is used.
"""

import os
import sys
from typing import Annotated, NoReturn

import typer

from polywire import __version__
from polywire.cli import alerts, events, exchange, mcp, state, tape, token, up, vault, watch
from polywire.cli.options import SETTINGS, say
from polywire.errors import PolywireError

commands = typer.Typer(
    name="polywire",
    help="The live wire between Polymarket and everything that acts on it.",
    epilog="Start with: polywire up",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings=SETTINGS,
)
commands.command(epilog="Example: polywire up --for 30")(up.up)
commands.command(epilog="Example: polywire watch some-market-slug --for 60")(watch.watch)
commands.command(epilog="Example: polywire events --follow --jsonl")(events.events)
commands.add_typer(alerts.commands, name="alerts")
commands.command(epilog="Example: polywire exchange --port 8421 --seed 7 --fault drop-connection:10")(exchange.exchange)
commands.add_typer(tape.commands, name="tape")
commands.add_typer(vault.commands, name="vault")
commands.add_typer(token.commands, name="token")
commands.add_typer(mcp.commands, name="mcp")
commands.command(epilog="Example: polywire status --json")(state.status)
commands.command(epilog="Example: polywire doctor")(state.doctor)


def main() -> NoReturn:
    """Run the command line and leave the process with its exit code; no traceback reaches a user."""
    try:
        commands(prog_name="polywire")
    except PolywireError as refused:
        say(f"polywire: {refused}")
        sys.exit(1)
    except KeyboardInterrupt:  # before a command was far enough to end in its own way
        sys.exit(0)
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    sys.exit(0)


@commands.callback(invoke_without_command=True)
def _root(
    *, version: Annotated[bool, typer.Option("--version", help="Print the version and leave.", is_eager=True)] = False
) -> None:
    if version:
        print(f"polywire {__version__}")
        raise typer.Exit

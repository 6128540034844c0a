"""What several commands share: their options, where they write, how they end."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

SETTINGS = {"help_option_names": ["-h", "--help"]}

For = Annotated[float | None, typer.Option("--for", metavar="S", min=0, help="End after that many seconds.")]
Speed = Annotated[float, typer.Option(metavar="X", min=0.001, help="Recorded seconds in one of yours.")]
Data = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where files are kept; one owner each. Default: the desktop's data folder."),
]
VENUE_HELP = "paper (the embedded exchange), live (Polymarket), or the URL of an exchange."
Venue = Annotated[str | None, typer.Option(metavar="VENUE", help=VENUE_HELP)]
Targets = Annotated[
    list[str], typer.Argument(metavar="TARGET…", help="A token id, a condition id, a slug, or a market or event URL.")
]
Grant = Annotated[
    str | None,
    typer.Option(metavar="USDC", help="Play money that a new wallet of the exchange is given; 10000 if not said."),
]
PassphraseFd = Annotated[
    int | None,
    typer.Option("--passphrase-fd", metavar="N", min=0, help="Read the vault's passphrase from an open descriptor."),
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option("--passphrase-file", metavar="FILE", help="Read it from a file of yours, mode 0600 or 0400."),
]
Jsonl = Annotated[bool, typer.Option("--jsonl", help="Print events, one line of JSON each.")]


def data_folder(named: Path | None) -> Path:
    """Return the data directory: the one that was named, else `POLYWIRE_DATA` or the desktop's place for data."""
    if named is not None:
        return named
    from polywire.settings import default_data  # noqa: PLC0415 - so that --help does not pay for it

    return default_data()


def errors_console() -> "Console":
    """Return a console on standard error, where all goes that is no result."""
    from rich.console import Console  # noqa: PLC0415 - so that --help does not pay for it

    return Console(stderr=True, highlight=False)


def results_console() -> "Console":
    """Return a console on standard output, for a picture where that is a terminal."""
    from rich.console import Console  # noqa: PLC0415

    return Console(highlight=False)


def say(line: str) -> None:
    """Tell a person something, on standard error."""
    print(line, file=sys.stderr, flush=True)


def say_all(lines: list[str]) -> None:
    """Tell several things."""
    for line in lines:
        say(f"polywire: {line}")


@contextmanager
def until_interrupted() -> Iterator[None]:
    """Run a block that Ctrl-C, or a reader of our output that leaves, is the ordinary way out of."""
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except BrokenPipeError:  # as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


def read_grant(text: str) -> int:
    """Return an amount of USDC in units of 1e-6. Raises `typer.BadParameter` where it is none."""
    from polywire.wire.numbers import read_size  # noqa: PLC0415 - so that --help does not pay for it

    try:
        return read_size(text)
    except ValueError as fault:
        raise typer.BadParameter(
            f"{text[:40]!r} is no amount of USDC: 0 to a billion, with at most 6 places, as 250 or 1000.5",
            param_hint="--grant",
        ) from fault

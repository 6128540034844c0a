"""The command line: arguments in, exit codes out. 0 done, 1 failed, 2 wrong use.

Results go to standard output, everything else to standard error. What costs time to import is imported where
it is used.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from polywire import __version__
from polywire.errors import PolywireError

if TYPE_CHECKING:
    from rich.console import Console

_SETTINGS = {"help_option_names": ["-h", "--help"]}
_SEED = 7
_REHEARSAL_S = 120.0

commands = typer.Typer(
    name="polywire",
    help="The live wire between Polymarket and everything that acts on it.",
    epilog="Start with: polywire up",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings=_SETTINGS,
)
tape = typer.Typer(
    help="Recordings: check them, look at them, convert them.",
    epilog="Example: polywire tape verify recording.jsonl.zst",
    no_args_is_help=True,
    context_settings=_SETTINGS,
)
commands.add_typer(tape, name="tape")

_File = Annotated[Path, typer.Argument(metavar="FILE", help="A Polywire tape, or JSON lines, plain or zstd.")]
_For = Annotated[float | None, typer.Option("--for", metavar="S", min=0, help="End after that many seconds.")]
_Speed = Annotated[float, typer.Option(metavar="X", min=0.001, help="Recorded seconds in one of yours.")]


def main() -> NoReturn:
    """Run the command line and leave the process with its exit code; no traceback reaches a user."""
    try:
        commands(prog_name="polywire")
    except PolywireError as refused:
        _say(f"polywire: {refused}")
        sys.exit(1)
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


@commands.command(epilog="Example: polywire up --for 30")
def up(
    for_s: _For = None,
    speed: _Speed = 1.0,
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Where files are kept.")] = None,
) -> None:
    """Show books live. Until the embedded exchange opens (stage 2) they come from a rehearsal made on the spot."""
    from polywire import app  # noqa: PLC0415 - so that --help does not pay for it

    with _until_interrupted():
        path = (data or _data_folder()) / "rehearsal.pwtape"
        _say(f"polywire: writing a rehearsal of {_REHEARSAL_S:.0f} s to {path} (seed {_SEED}; no venue, no money)")
        app.write_rehearsal(path, seed=_SEED, seconds=_REHEARSAL_S)
        console = _console()
        if not console.is_terminal:
            shown = min(for_s or _REHEARSAL_S, _REHEARSAL_S / speed)
            _say(f"polywire: playing it for {shown:.0f} s; on a terminal you would see the board")
        app.play_tape(path, console, title="Polywire · rehearsal", speed=speed, for_s=for_s, jsonl=False)
        _say("polywire: this was the decoder of the real feed; check any recording with: polywire tape verify FILE")


@tape.command(
    "verify",
    epilog="Example: polywire tape verify recording.jsonl.zst --strict",
)
def tape_verify(
    file: _File,
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 on anything undecoded or mismatched.")] = False,
    from_empty: Annotated[
        float | None,
        typer.Option(
            "--from-empty",
            metavar="S",
            min=0,
            help="Tokens without a snapshot start empty and are checked after the first S seconds.",
        ),
    ] = None,
) -> None:
    """Decode every frame, rebuild every book, compare with what the venue stated. The last line is the verdict."""
    import msgspec  # noqa: PLC0415

    from polywire import app  # noqa: PLC0415

    verdict, replay, faults = app.verify_tape(file, _console(), from_empty_s=from_empty)
    _say_all(faults)
    for tally in (replay.market, replay.live):
        for kind, count in tally.undecoded.items():
            _say(f"polywire: {count:,} undecoded {kind}, such as {tally.samples[kind][0][:160]!r}")
        for (kind, field), count in tally.unknown_fields.items():
            _say(f"polywire: {count:,} {kind} with the unknown field {field!r} (decoded and applied)")
    print(msgspec.json.encode(verdict).decode())
    if strict and not (verdict.clean and not faults):
        raise typer.Exit(1)


@tape.command("stats", epilog="Example: polywire tape stats recording.jsonl.zst --json")
def tape_stats(
    file: _File, *, as_json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False
) -> None:
    """Say what a recording holds: rates, sizes, silences, the busiest tokens."""
    import msgspec  # noqa: PLC0415

    from polywire import app  # noqa: PLC0415

    numbers, faults = app.stats_of_tape(file, _console())
    _say_all(faults)
    if as_json:
        print(msgspec.json.encode(numbers).decode())
        return
    for name, value in msgspec.to_builtins(numbers).items():
        if isinstance(value, dict):
            print(f"{name}:", *(f"  {key}: {count:,}" for key, count in value.items()), sep="\n")
        elif isinstance(value, list):
            print(f"{name}:", *(f"  {token}: {count:,}" for token, count in value), sep="\n")
        else:
            print(f"{name}: {value:,}")


@tape.command("play", epilog="Example: polywire tape play recording.jsonl.zst --speed 10 --for 30")
def tape_play(
    file: _File,
    *,
    speed: _Speed = 1.0,
    for_s: _For = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Print events, one line of JSON each.")] = False,
) -> None:
    """Show a recording on the board, at the pace it was received."""
    from polywire import app  # noqa: PLC0415

    title = f"Polywire · {file.name}"
    with _until_interrupted():
        _say_all(app.play_tape(file, _console(), title=title, speed=speed, for_s=for_s, jsonl=jsonl))


@tape.command("export", epilog="Example: polywire tape export recording.pwtape rows.csv --format csv")
def tape_export(
    file: _File,
    target: Annotated[str, typer.Argument(metavar="OUT", help="A file; - is standard output.")],
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="frames, events (JSON lines), csv or parquet (rows).")
    ] = "events",
) -> None:
    """Write a recording as frames, as events, or as one row per level change and trade."""
    from polywire import app  # noqa: PLC0415

    if form not in {"frames", "events", "csv", "parquet"}:
        raise typer.BadParameter(f"{form!r} is none of frames, events, csv, parquet", param_hint="--format")
    count, faults = app.export_tape(file, target, form, _console())  # type: ignore[arg-type]  # checked above
    _say_all(faults)
    _say(f"polywire: {count:,} lines written to {'standard output' if target == '-' else target}")


@contextmanager
def _until_interrupted() -> Iterator[None]:
    """Run a block that Ctrl-C is the ordinary way out of."""
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _console() -> "Console":
    from rich.console import Console  # noqa: PLC0415

    return Console(stderr=True, highlight=False)


def _data_folder() -> Path:
    home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(home) / "polywire"


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _say_all(lines: list[str]) -> None:
    for line in lines:
        _say(f"polywire: {line}")

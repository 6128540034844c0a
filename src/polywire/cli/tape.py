"""`polywire tape`: recordings. Make them, check them, look at them, convert them."""

from pathlib import Path
from typing import Annotated

import typer

from polywire.cli.options import (
    SETTINGS,
    Data,
    For,
    Jsonl,
    Speed,
    Targets,
    Venue,
    data_folder,
    errors_console,
    say,
    say_all,
    until_interrupted,
)

commands = typer.Typer(
    help="Recordings: make them, check them, look at them, convert them.",
    epilog="Example: polywire tape verify recording.jsonl.zst",
    no_args_is_help=True,
    context_settings=SETTINGS,
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="A Polywire tape, or JSON lines, plain or zstd.")]


@commands.command(
    "verify",
    epilog="Example: polywire tape verify recording.jsonl.zst --strict",
)
def tape_verify(
    file: File,
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

    from polywire.app import tapes  # noqa: PLC0415

    verdict, replay, faults = tapes.verify_tape(file, errors_console(), from_empty_s=from_empty)
    say_all(faults)
    for tally in (replay.market, replay.live):
        for kind, count in tally.undecoded.items():
            say(f"polywire: {count:,} undecoded {kind}, such as {tally.samples[kind][0][:160]!r}")
        for (kind, field), count in tally.unknown_fields.items():
            say(f"polywire: {count:,} {kind} with the unknown field {field!r} (decoded and applied)")
    print(msgspec.json.encode(verdict).decode())
    if strict and not (verdict.clean and not faults):
        raise typer.Exit(1)


@commands.command("stats", epilog="Example: polywire tape stats recording.jsonl.zst --json")
def tape_stats(
    file: File, *, as_json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False
) -> None:
    """Say what a recording holds: rates, sizes, silences, the busiest tokens."""
    import msgspec  # noqa: PLC0415

    from polywire.app import tapes  # noqa: PLC0415

    numbers, faults = tapes.stats_of_tape(file, errors_console())
    say_all(faults)
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


@commands.command("play", epilog="Example: polywire tape play recording.jsonl.zst --speed 10 --for 30")
def tape_play(
    file: File,
    *,
    speed: Speed = 1.0,
    for_s: For = None,
    jsonl: Jsonl = False,
) -> None:
    """Show a recording on the board, at the pace it was received."""
    from polywire.app import tapes  # noqa: PLC0415

    title = f"Polywire · {file.name}"
    with until_interrupted():
        say_all(tapes.play_tape(file, errors_console(), title=title, speed=speed, for_s=for_s, jsonl=jsonl))


@commands.command("record", epilog="Example: polywire tape record btc-updown-5m-1795521900 --for 60 --out btc.pwtape")
def tape_record(
    targets: Targets,
    *,
    for_s: For = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The tape; continued where it exists. Default: DATA/tapes/TIME.")
    ] = None,
    venue: Venue = None,
    data: Data = None,
) -> None:
    """Record what the venue sends of some markets, byte for byte, with the time each frame was seen."""
    from polywire.app.record import Recorded, record_tape  # noqa: PLC0415 - so that --help does not pay for it

    with until_interrupted():
        record_tape(Recorded(data_folder(data).resolve(), tuple(targets), out, venue, for_s), errors_console(), say)


@commands.command("export", epilog="Example: polywire tape export recording.pwtape rows.csv --format csv")
def tape_export(
    file: File,
    target: Annotated[str, typer.Argument(metavar="OUT", help="A file; - is standard output.")],
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="frames, events (JSON lines), csv or parquet (rows).")
    ] = "events",
) -> None:
    """Write a recording as frames, as events, or as one row per level change and trade."""
    from polywire.app import tapes  # noqa: PLC0415

    if form not in {"frames", "events", "csv", "parquet"}:
        raise typer.BadParameter(f"{form!r} is none of frames, events, csv, parquet", param_hint="--format")
    count, faults = tapes.export_tape(file, target, form, errors_console())  # type: ignore[arg-type]  # checked above
    say_all(faults)
    say(f"polywire: {count:,} lines written to {'standard output' if target == '-' else target}")

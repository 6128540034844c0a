"""`polywire watch`: one market, or a few, live."""

import typer

from polywire.cli.options import Data, For, Jsonl, Targets, Venue, data_folder, results_console, say, until_interrupted


def watch(
    targets: Targets,
    *,
    jsonl: Jsonl = False,
    for_s: For = None,
    venue: Venue = None,
    data: Data = None,
) -> None:
    """Show books live: every level, the last trade, and how much of it to believe.

    Attaches to the `polywire up` that owns the data directory; where none runs, one is started in the background
    and ends a minute after its last client has left.
    """
    from polywire.app.watch import Watched, run_watch  # noqa: PLC0415 - so that --help does not pay for it

    with until_interrupted():
        run_watch(Watched(data_folder(data).resolve(), tuple(targets), venue, jsonl, for_s), results_console(), say)
    raise typer.Exit(0)

"""`polywire events`: the journal."""

from typing import Annotated

import typer

from polywire.cli.options import Data, For, Venue, data_folder, say, until_interrupted


def events(
    *,
    since: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="What comes after this one; without it, the last 20.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Print entries, one line of JSON each.")] = False,
    watches: Annotated[
        list[str] | None, typer.Option("--watch", metavar="ID", help="Of this watch alone; may be given again.")
    ] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="KIND", help="Of this kind alone, as alert; may be given again."),
    ] = None,
    for_s: For = None,
    venue: Venue = None,
    data: Data = None,
) -> None:
    """Print the journal: alerts, prices, own orders and trades, gaps, and what Polywire itself did.

    Each line has a cursor: `--since` it goes on where it was, over restarts too. Attaches to the `polywire up` that
    owns the data directory; where none runs, one is started in the background.
    """
    from polywire.app.events import Listened, run_events  # noqa: PLC0415 - so that --help does not pay for it
    from polywire.errors import Misuse  # noqa: PLC0415
    from polywire.model.journal import Cursor, EntryKind  # noqa: PLC0415

    chosen = []
    for kind in kinds or ():
        if kind not in set(EntryKind):
            raise typer.BadParameter(f"{kind[:40]!r} is none of: {', '.join(EntryKind)}", param_hint="--kind")
        chosen.append(EntryKind(kind))
    if since is not None:
        try:
            since = str(Cursor.read(since))
        except Misuse as refusal:
            raise typer.BadParameter(str(refusal), param_hint="--since") from None
    with until_interrupted():
        folder = data_folder(data).resolve()
        run_events(Listened(folder, since or "", follow, jsonl, for_s, tuple(watches or ()), tuple(chosen), venue), say)
    raise typer.Exit(0)

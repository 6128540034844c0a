"""`polywire alerts`: what is waited for, made, listed and ended; `polywire events` has what came of it."""

from typing import TYPE_CHECKING, Annotated

import typer

from polywire.cli.options import SETTINGS, Data, Venue, data_folder, say, until_interrupted

if TYPE_CHECKING:
    from polywire.app.alerts import Added

commands = typer.Typer(
    help="What is waited for: a price crosses a level, a book falls silent, an own order fills, and so on.",
    epilog="Example: polywire alerts add some-market-slug --when 'crosses level=0.55 direction=up'",
    no_args_is_help=True,
    context_settings=SETTINGS,
)

_INTERRUPTED = 130

Targets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TARGET…",
        help="A token id, a condition id, a slug, or a market or event URL; own orders and trades need none.",
    ),
]


@commands.command(
    "add", epilog="Example: polywire alerts add some-market-slug --when 'crosses level=0.55 of=bid' --name over-55"
)
def alerts_add(
    targets: Targets = None,
    *,
    when: Annotated[
        str,
        typer.Option(
            metavar="CONDITION",
            help="A name, then key=value, as 'silent for_s=300'; or JSON. A wrong one is answered with what there is.",
        ),
    ],
    name: Annotated[
        str, typer.Option(metavar="ID", help="Its id: asked for twice it is made once. Default: a new one.")
    ] = "",
    label: Annotated[str, typer.Option(metavar="TEXT", help="What you call it; its entries begin with it.")] = "",
    cooldown: Annotated[
        float, typer.Option(metavar="S", min=0, help="Seconds without another alert of a token after one.")
    ] = 0.0,
    budget: Annotated[
        int, typer.Option(metavar="N", min=1, help="Alerts an hour; what is over comes as one digest.")
    ] = 60,
    expires: Annotated[
        float, typer.Option(metavar="S", min=0, help="Seconds of the venue's time until it ends; 0: never.")
    ] = 0.0,
    wait: Annotated[bool, typer.Option("--wait", help="Stay, and print its entries as they come.")] = False,
    once: Annotated[
        bool,
        typer.Option("--once", help="Wait for the first alert, then exit 0; exit 1 if it ends without one."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: a line for the watch, one for each entry.")
    ] = False,
    venue: Venue = None,
    data: Data = None,
) -> None:
    """Make a watch: be told when a condition comes true.

    What it finds is in the journal, on disk before it is told: `polywire events` reads it. It stands over restarts
    until it is removed or expires. It is watched while a `polywire up` owns the data directory; where none runs, one is
    started in the background, which ends a minute after its last client has left.

    Conditions: changes, crosses, moves, spread, depth, silent, trade-over, tick-changes, resolves, order-changes,
    own-trades, opportunity, created. `--when crosses` says which fields that has.
    """
    from polywire.app.alerts import MAKER, Awaited, Place, run_add  # noqa: PLC0415 - so that --help does not pay for it
    from polywire.cli.alert_lines import added_json, added_lines, added_words  # noqa: PLC0415
    from polywire.cli.condition_words import condition_said  # noqa: PLC0415
    from polywire.errors import Misuse  # noqa: PLC0415
    from polywire.services.access.language import WatchWanted  # noqa: PLC0415
    from polywire.services.watches.making import check_wanted  # noqa: PLC0415

    named = tuple(dict.fromkeys(one.strip() for one in targets or () if one.strip()))
    try:
        condition = condition_said(when)
    except Misuse as refusal:
        raise typer.BadParameter(str(refusal), param_hint="--when") from None
    wanted = WatchWanted(condition, named, name, label, cooldown, budget, expires, maker=MAKER)
    try:
        check_wanted(wanted, len(named))  # how many there may be, its owner says
    except Misuse as refusal:
        raise typer.BadParameter(str(refusal)) from None
    place = Place(data_folder(data).resolve(), venue)
    awaited = Awaited(entries=wait or once, once=once, jsonl=as_json)

    def tell(added: "Added") -> None:
        for line in [added_json(added.made)] if as_json else added_lines(added.made, data and place.data):
            print(line, flush=True)
        for words in added_words(added, wanted, stays=awaited.entries):
            say(f"polywire: {words}")

    with until_interrupted():
        try:
            true = run_add(place, wanted, awaited, tell, say)
        except KeyboardInterrupt:
            if once:  # who goes on after an exit 0 goes on after an alert, and there was none
                raise typer.Exit(_INTERRUPTED) from None
            raise
    raise typer.Exit(1 if once and not true else 0)


@commands.command("list", epilog="Example: polywire alerts list --json")
def alerts_list(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON, an array.")] = False,
    venue: Venue = None,
    data: Data = None,
) -> None:
    """List what is waited for, whoever made it, and how each watch fares; the oldest first."""
    from polywire.app.alerts import Place, run_list  # noqa: PLC0415 - so that --help does not pay for it
    from polywire.cli.alert_lines import listed_json, listed_lines  # noqa: PLC0415

    with until_interrupted():
        listed = run_list(Place(data_folder(data).resolve(), venue), say)
        for line in [listed_json(listed)] if as_json else listed_lines(listed):
            print(line)
        if not listed.watches:
            say("polywire: nothing is waited for; `polywire alerts add TARGET --when CONDITION` makes a watch")


@commands.command("remove", epilog="Example: polywire alerts remove over-55")
def alerts_remove(
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="As `polywire alerts list` shows them.")],
    *,
    venue: Venue = None,
    data: Data = None,
) -> None:
    """End watches. What they wrote stays in the journal."""
    from polywire.app.alerts import Place, run_remove  # noqa: PLC0415 - so that --help does not pay for it

    with until_interrupted():
        refused = run_remove(Place(data_folder(data).resolve(), venue), dict.fromkeys(ids), say)
    for one, refusal in refused.items():
        say(f"polywire: {one} is removed; its entries stay" if refusal is None else f"polywire: {refusal}")
    if any(refused.values()):
        raise typer.Exit(1)

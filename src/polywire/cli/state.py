"""`polywire status` and `polywire doctor`: how it goes, and what is missing."""

from typing import Annotated

import typer

from polywire.cli.options import Data, Venue, data_folder, say


def status(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="The feed's status as it is, one line.")] = False,
    prometheus: Annotated[bool, typer.Option("--prometheus", help="The same as metrics, in Prometheus' text.")] = False,
    data: Data = None,
) -> None:
    """Say how the running feed does: its connections, what it is subscribed to, what it has heard."""
    if as_json and prometheus:
        raise typer.BadParameter("--json and --prometheus are two answers; ask for one")
    import msgspec  # noqa: PLC0415 - so that --help does not pay for it

    from polywire.app.watch import status_of  # noqa: PLC0415

    told = status_of(data_folder(data))
    if as_json:
        print(msgspec.json.encode(told.status).decode())
        return
    if prometheus:
        print(told.prometheus(), end="")
        return
    for line in told.lines():
        print(line)


def doctor(
    *,
    venue: Venue = None,
    data: Data = None,
) -> None:
    """Look at what Polywire needs here, and say what to do where something is missing. Exit 1 if it is essential."""
    from polywire.app.doctor import Severity, findings  # noqa: PLC0415 - so that --help does not pay for it

    worst = Severity.FINE
    for finding in findings(data_folder(data), venue):
        worst = max(worst, finding.severity)
        print(f"{finding.severity.name.lower():<6} {finding.what}: {finding.found}")
        if finding.advice:
            print(f"{'':<6} -> {finding.advice}")
    if worst is Severity.BROKEN:
        say("polywire: something essential is broken, see above")
        raise typer.Exit(1)

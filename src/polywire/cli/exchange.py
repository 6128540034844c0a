"""`polywire exchange`: the embedded exchange alone."""

from pathlib import Path
from typing import Annotated

import typer

from polywire.cli.options import Grant, read_grant, say, until_interrupted


def exchange(
    *,
    host: Annotated[str, typer.Option(metavar="ADDR", help="Where it listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65_535, help="0: any that is free.")] = 8421,
    seed: Annotated[int | None, typer.Option(metavar="N", help="The same seed makes the same run.")] = None,
    speed: Annotated[float, typer.Option(metavar="X", min=0.001, help="Venue seconds in one of yours.")] = 1.0,
    rate: Annotated[float, typer.Option(metavar="X", min=0.001, help="Busier (2) or calmer (0.5) than usual.")] = 1.0,
    tape: Annotated[Path | None, typer.Option(metavar="FILE", help="Play a recording instead of living.")] = None,
    state: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep what its users do, over restarts; made if need be.")
    ] = None,
    grant: Grant = None,
    fault: Annotated[list[str] | None, typer.Option(metavar="NAME[:ARG]", help="Go wrong; may be repeated.")] = None,
    child: Annotated[bool, typer.Option("--child", hidden=True, help="End when standard input does.")] = False,
) -> None:
    """Run an exchange that speaks Polymarket's own protocols: no key, no wallet, no network, no money."""
    from polywire.app.exchange import run_exchange  # noqa: PLC0415 - so that --help does not pay for it

    if tape is not None and state is not None:
        raise typer.BadParameter("nobody trades on a recording, so it has no state", param_hint="--state")

    given = None if grant is None else read_grant(grant)

    def ready(url: str) -> None:
        if child:
            print(url, flush=True)
        else:
            say(f"polywire: the exchange is open at {url} (what it is: {url}/venue); Ctrl-C ends it")

    with until_interrupted():
        run_exchange(
            host=host,
            port=port,
            seed=seed,
            speed=speed,
            rate=rate,
            tape=tape,
            state=state,
            grant=given,
            faults=fault or [],
            parent_watch=child,
            ready=ready,
        )

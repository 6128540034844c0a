"""`polywire up`: everything, in one process and its exchange."""

from typing import Annotated

import typer

from polywire.cli.options import (
    Data,
    For,
    Grant,
    PassphraseFd,
    PassphraseFile,
    Venue,
    data_folder,
    read_grant,
    results_console,
    say,
    until_interrupted,
)


def up(
    *,
    venue: Venue = None,
    host: Annotated[
        str, typer.Option(metavar="ADDR", help="Where the HTTP port and the exchange listen.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, max=65_535, help="HTTP's port; default 8420, or the next free one."),
    ] = None,
    exchange_port: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, max=65_535, help="The embedded exchange's; default 8421, or a free one."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Repeat the embedded exchange's run, with a new --data.")
    ] = None,
    grant: Grant = None,
    data: Data = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    for_s: For = None,
    background: Annotated[
        bool, typer.Option("--background", hidden=True, help="Draw nothing; end a minute after the last client.")
    ] = False,
    left_alone: Annotated[float, typer.Option(hidden=True, min=0, help="With --background: how long to wait.")] = 60.0,
) -> None:
    """Open the exchange and the feed, and show every book live.

    At the end the exchange is stopped and what it sent is held against what arrived: exit 0 if all of it did.
    """
    from polywire.app.up import Up, run_up  # noqa: PLC0415 - so that --help does not pay for it
    from polywire.io.passphrase import Way  # noqa: PLC0415

    if grant is not None:
        read_grant(grant)  # refused here and not by a child
    way, folder = Way(passphrase_fd, passphrase_file), data_folder(data)
    asked = Up(folder, venue, host, port, exchange_port, seed, grant, for_s, background, left_alone, way)
    with until_interrupted():  # before there is anything to draw a balance of
        raise typer.Exit(run_up(asked, results_console(), say))

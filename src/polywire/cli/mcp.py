"""`polywire mcp`: the server that AI assistants talk to, and what they have to be told."""

from typing import Annotated

import typer

from polywire.cli.options import (
    SETTINGS,
    Data,
    PassphraseFd,
    PassphraseFile,
    Venue,
    data_folder,
    results_console,
    say,
    until_interrupted,
)
from polywire.errors import Misuse

commands = typer.Typer(
    help="The MCP server for AI assistants, on standard input and output; or over HTTP.",
    epilog="Example: polywire mcp install claude-code",
    invoke_without_command=True,
    context_settings=SETTINGS,
)

Tools = Annotated[
    str | None,
    typer.Option("--tools", metavar="GROUPS", help="realtime,read,watch: which groups of tools. Default: all."),
]


@commands.callback()
def serve(
    context: typer.Context,
    *,
    tools: Tools = None,
    venue: Venue = None,
    http: Annotated[bool, typer.Option("--http", help="Serve /mcp on the HTTP port, as `polywire up` does.")] = False,
    host: Annotated[str, typer.Option(metavar="ADDR", help="With --http: where it listens.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(metavar="N", min=0, max=65_535, help="With --http: the same.")] = None,
    data: Data = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Serve one assistant on standard input and output until it leaves.

    It attaches to the `polywire up` that owns the data directory; where none runs, one is started in the background.
    """
    if context.invoked_subcommand is not None:
        return
    folder = data_folder(data).resolve()
    with until_interrupted():
        if http:
            from polywire.app.up import Up, run_up  # noqa: PLC0415 - so that --help does not pay for it
            from polywire.io.passphrase import Way  # noqa: PLC0415

            way = Way(passphrase_fd, passphrase_file)
            asked = Up(folder, venue, host, port, passphrase=way, tools=groups_in(tools), quiet=True)
            raise typer.Exit(run_up(asked, results_console(), say))
        from polywire.app.mcp import run_mcp  # noqa: PLC0415 - so that --help does not pay for it

        try:
            run_mcp(folder, venue, groups_in(tools), say)
        except Misuse as refusal:
            raise typer.BadParameter(str(refusal)) from None


@commands.command("install", epilog="Example: polywire mcp install cursor")
def install(
    client: Annotated[
        str | None,
        typer.Argument(metavar="CLIENT", help="claude-code, claude-desktop, cursor or vscode. Default: all."),
    ] = None,
    *,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="Reach a server over HTTP, as http://127.0.0.1:8420/mcp.")
    ] = None,
    tools: Tools = None,
    venue: Venue = None,
    data: Data = None,
) -> None:
    """Print what an assistant has to be told; nothing is written."""
    from polywire.app.mcp import command_line  # noqa: PLC0415 - so that --help does not pay for it
    from polywire.interfaces.mcp.install import CLIENTS, entries  # noqa: PLC0415

    if client is not None and client not in CLIENTS:
        raise typer.BadParameter(f"{client!r} is none of: {', '.join(CLIENTS)}", param_hint="CLIENT")
    command = command_line(None if data is None else data.resolve(), venue, tools)
    for entry in entries(command, url=url or ""):
        if client in {None, entry.client}:
            say(f"polywire: {entry.name}: {'run' if entry.command else 'merge into'} {entry.command or entry.file}")
            if entry.command:
                say(f"polywire: or merge into {entry.file}:")
            print(entry.config)
            if entry.note:
                say(f"polywire: {entry.note}")


def groups_in(tools: str | None) -> frozenset[str] | None:
    """Return the groups that are named; None: all."""
    return None if tools is None else frozenset(part.strip() for part in tools.split(",") if part.strip())

"""`polywire token`: who else may come in over HTTP."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from polywire.cli.options import SETTINGS, Data, data_folder, say
from polywire.errors import Misuse

commands = typer.Typer(
    help="Tokens that let others in over HTTP. Each is shown once and kept as a hash.",
    epilog="Example: polywire token make laptop --role read",
    no_args_is_help=True,
    context_settings=SETTINGS,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="1 to 64 of A-Z a-z 0-9 _ . -, as laptop.")]


@commands.command("make", epilog="Example: polywire token make laptop --role read")
def token_make(
    name: Name,
    *,
    role: Annotated[
        list[str] | None,
        typer.Option(
            "--role", metavar="ROLE", help="read, publish, trade or admin; may be given again. Default: read."
        ),
    ] = None,
    data: Data = None,
) -> None:
    """Make a token and print it, this once, on standard output."""
    from polywire.io.tokens import Tokens  # noqa: PLC0415 - so that --help does not pay for it
    from polywire.model.roles import Role  # noqa: PLC0415

    try:
        roles = [Role(one) for one in role or ["read"]]
        token = Tokens(data_folder(data)).make(name, roles)
    except ValueError:
        raise typer.BadParameter(f"a role is one of: {', '.join(Role)}", param_hint="--role") from None
    except Misuse as refusal:
        raise typer.BadParameter(str(refusal)) from None
    print(token)
    say(f"polywire: {name} may {', '.join(roles)}; it is not shown again, and only its hash is kept")


@commands.command("list", epilog="Example: polywire token list")
def token_list(*, data: Data = None) -> None:
    """Say which tokens there are. Never a token itself."""
    from polywire.io.tokens import Tokens  # noqa: PLC0415 - so that --help does not pay for it

    tokens = Tokens(data_folder(data)).all()
    widest = max((len(token.name) for token in tokens), default=0)
    for token in tokens:
        made = datetime.fromtimestamp(token.made_ms // 1_000, UTC)
        print(f"{token.name:<{widest}}  {','.join(token.roles):<20}  made {made:%Y-%m-%d %H:%M:%S} UTC")


@commands.command("remove", epilog="Example: polywire token remove laptop")
def token_remove(name: Name, *, data: Data = None) -> None:
    """Let nobody in with NAME any more; it holds at once."""
    from polywire.io.tokens import Tokens  # noqa: PLC0415 - so that --help does not pay for it

    try:
        Tokens(data_folder(data)).remove(name)
    except Misuse as refusal:
        raise typer.BadParameter(str(refusal)) from None
    say(f"polywire: {name} is removed")

"""`polywire vault`: secrets, kept sealed and never shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polywire.cli.options import SETTINGS, Data, PassphraseFd, PassphraseFile, data_folder, say
from polywire.errors import Misuse

if TYPE_CHECKING:
    from polywire.io.passphrase import Way

commands = typer.Typer(
    help="Secrets, kept sealed under a passphrase, and never shown.",
    epilog="Example: polywire vault set POLYGON_PRIVATE_KEY",
    no_args_is_help=True,
    context_settings=SETTINGS,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="1 to 64 of A-Z a-z 0-9 _ . -, as POLYGON_PRIVATE_KEY.")]


@commands.command(
    "set",
    epilog="Example: polywire vault set POLYGON_PRIVATE_KEY",
    context_settings={"allow_extra_args": True},  # so that a value among the arguments is refused without showing it
)
def vault_set(
    context: typer.Context,
    name: Name,
    *,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    data: Data = None,
) -> None:
    """Keep a value under NAME. It is typed without echo, or read from standard input where that is no terminal."""
    from polywire.app.vault import set_entry  # noqa: PLC0415 - so that --help does not pay for it

    if context.args:
        raise typer.BadParameter(
            "a value is never an argument: others can see those, and your shell has written it down; take it out of "
            "the history, and give the value when you are asked, or on standard input"
        )
    folder = data_folder(data)
    with _misuse_is_wrong_use():
        version, made = set_entry(folder, name, _way(passphrase_fd, passphrase_file))
    if made:
        say(f"polywire: {folder / 'vault'} was made; nothing opens it without its passphrase, so keep that")
    say(f"polywire: {name} is kept, version {version}")


@commands.command("list", epilog="Example: polywire vault list --json")
def vault_list(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    data: Data = None,
) -> None:
    """Say what is kept: names, versions, and when each was changed. Never a value."""
    import msgspec  # noqa: PLC0415 - so that --help does not pay for it

    from polywire.app.vault import entries_of  # noqa: PLC0415

    with _misuse_is_wrong_use():
        entries = entries_of(data_folder(data), _way(passphrase_fd, passphrase_file))
    if as_json:
        print(msgspec.json.encode(entries).decode())
        return
    widest = max((len(entry.name) for entry in entries), default=0)
    for entry in entries:
        changed = datetime.fromtimestamp(entry.changed_ms // 1_000, UTC)
        print(f"{entry.name:<{widest}}  version {entry.version}  changed {changed:%Y-%m-%d %H:%M:%S} UTC")


@commands.command("remove", epilog="Example: polywire vault remove POLYGON_PRIVATE_KEY")
def vault_remove(
    name: Name,
    *,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    data: Data = None,
) -> None:
    """Take NAME out."""
    from polywire.app.vault import remove_entry  # noqa: PLC0415 - so that --help does not pay for it

    with _misuse_is_wrong_use():
        remove_entry(data_folder(data), name, _way(passphrase_fd, passphrase_file))
    say(f"polywire: {name} is removed")


def _way(descriptor: int | None, file: Path | None) -> "Way":
    from polywire.io.passphrase import Way  # noqa: PLC0415 - so that --help does not pay for it

    return Way(descriptor, file)


@contextmanager
def _misuse_is_wrong_use() -> Iterator[None]:
    try:
        yield
    except Misuse as refusal:
        raise typer.BadParameter(str(refusal)) from None

"""Who we are to a venue: the owner's credentials looked for and told of, and an API key that the venue takes."""

import sys
from collections.abc import Callable
from pathlib import Path

from polywire.app.vault import open_vault
from polywire.errors import Misuse, VaultError, VenueUnreachable
from polywire.io.api_keys import api_credentials
from polywire.io.credentials import Sources, forget_in_environment, read_credentials
from polywire.io.passphrase import Way
from polywire.io.vault import FILE, Vault, exists
from polywire.model.credentials import ApiCredentials
from polywire.model.venue import POLYMARKET, Venue

Say = Callable[[str], None]

NO_WAY = Way()
"""Nobody says where a passphrase comes from."""


def look_for_credentials(data: Path, way: Way, say: Say, *, may_ask: bool) -> Sources:
    """Return what the owner has given, and tell of it. What stood in the environment is taken out of it.

    It is to be called before any child is started: none is to inherit a secret.

    Args:
        data: The data directory.
        way: Where the vault's passphrase comes from; from the terminal where neither is said and `may_ask`.
        say: Told one line for each thing that is found.
        may_ask: Whether the vault is worth asking a person for.

    Raises:
        VaultError: The vault cannot be used, or the passphrase does not open it.
        FileExposed: A file of secrets is not ours alone.
        Misuse: No passphrase can be had where one was promised.
    """
    try:
        sources = read_credentials(data, vault=_vault(data, way, say, may_ask=may_ask))
    finally:
        forget_in_environment()
    for line in sources.lines:
        say(f"polywire: {line}")
    return sources


def secrets_of(sources: Sources, credentials: ApiCredentials | None) -> list[str]:
    """Return every secret that was found or made, to be hidden from logs."""
    found = [] if sources.wallet is None else [sources.wallet.hex]
    for api in (sources.api, credentials):
        found += [] if api is None else [api.secret, api.passphrase]
    return found


async def sign_in(venue: Venue, sources: Sources, say: Say) -> ApiCredentials | None:
    """Return an API key that a venue takes; None where there is nothing to sign in with, or it was refused.

    Market data flow without one; own orders and trades do not, and why is said.

    Args:
        venue: Which. Only Polymarket is shown the owner's credentials; any other venue gets a throw-away wallet.
        sources: What `look_for_credentials` found.
        say: Told one line for each thing that is done.

    Raises:
        VaultError: The vault cannot be used.
        FileExposed: The file of a kept key is not ours alone.
    """

    def tell(line: str) -> None:
        say(f"polywire: {line}")

    if sources.lines and venue.identity != POLYMARKET.identity:
        tell(f"the owner's credentials are for Polymarket alone; at {venue.identity} a throw-away wallet signs")
    if not venue.urls.user_ws:
        tell(f"market data only: {venue.identity} names no user channel")
        return None
    try:
        return await api_credentials(venue, sources, say=tell)
    except (Misuse, VenueUnreachable) as refusal:
        tell(f"market data only, no own orders and trades: {refusal}")
        return None


def _vault(data: Path, way: Way, say: Say, *, may_ask: bool) -> Vault | None:
    """Return the open vault; None where there is none, or nobody who could open it, which is said where it matters."""
    told = way != NO_WAY
    if not exists(data / FILE):
        if told:
            raise VaultError(str(data / FILE), "is not there to be opened; make it with `polywire vault set NAME`")
        return None
    if told or (may_ask and sys.stdin.isatty()):
        return open_vault(data, way)
    if may_ask:
        closed = "stays closed: give its passphrase with --passphrase-fd N or --passphrase-file FILE"
        say(f"polywire: the vault {data / FILE} {closed}")
    return None

"""API keys of a venue's CLOB: those that are good, made or told again where there is none, kept for the next start."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx2
import msgspec

from polywire.errors import Misuse, VenueUnreachable
from polywire.io.credentials import API_KEY, API_SECRET, PASSPHRASE, PRIVATE_KEY, Sources, chain_of
from polywire.io.kept_keys import KeptKeys
from polywire.io.signing import hmac_of, secret_bytes
from polywire.io.venue import client_of
from polywire.io.wallet import l1_headers, throw_away_wallet
from polywire.model.credentials import ApiCredentials, WalletKey
from polywire.model.venue import POLYMARKET, Venue

_PATIENCE_S: Final = 20.0
_LARGEST: Final = 1 << 20
_OK, _BAD_REQUEST, _UNAUTHORIZED = 200, 400, 401
_LONGEST_TIME: Final = 12  # digits
_FAR_S: Final = 5  # a clock that is further off may be why a signature is refused


class _Made(msgspec.Struct, frozen=True):
    api_key: str = msgspec.field(name="apiKey")
    secret: str
    passphrase: str


class _Listed(msgspec.Struct, frozen=True):
    api_keys: list[Any] = msgspec.field(name="apiKeys")


_Answer = tuple[int, bytes]


def l2_headers(credentials: ApiCredentials, method: str, path: str, body: bytes, now_s: int) -> dict[str, str]:
    """Return the headers that prove a request is ours (L2). They hold the passphrase: they are sent, never shown.

    Args:
        credentials: Whose.
        method: Upper case.
        path: From its first `/`, without host, query, or the prefix of a service (`/order`, not `/clob/order`).
        body: The bytes that are sent, b"" for none.
        now_s: Unix seconds.

    Raises:
        Misuse: They are none that could be sent.

    Source: docs/protocol.md, "Signing in".
    """
    check_credentials(credentials)
    message = f"{now_s}{method}{path}".encode() + body
    return {
        "POLY_ADDRESS": credentials.address,
        "POLY_API_KEY": credentials.key,
        "POLY_PASSPHRASE": credentials.passphrase,
        "POLY_TIMESTAMP": str(now_s),
        "POLY_SIGNATURE": hmac_of(secret_bytes(credentials.secret), message),
    }


def check_credentials(credentials: ApiCredentials) -> None:
    """Return if credentials can be sent. To be asked first: who only tries is shown the passphrase by the HTTP library.

    Raises:
        Misuse: The secret is no base64, or a header cannot hold the rest. The reason shows nothing of them.
    """
    try:
        secret_bytes(credentials.secret)
    except Misuse as refusal:
        raise Misuse(f"the secret of these API credentials cannot be used: {refusal}") from None
    for name in ("key", "passphrase", "address"):
        if not _stands_in_a_header(getattr(credentials, name)):
            raise Misuse(
                f"the {name} of these API credentials cannot be used: it is empty, or holds signs that no header can "
                "hold, such as a space or the end of a line; copy it again"
            )


def _stands_in_a_header(text: str) -> bool:
    return bool(text) and all("!" <= sign <= "~" for sign in text)


async def api_credentials(
    venue: Venue, sources: Sources, *, say: Callable[[str], None], now_s: Callable[[], float] = time.time
) -> ApiCredentials:
    """Return credentials that a venue takes now.

    In this order: the owner's own (production only), those kept of an earlier start, and those that are made for the
    wallet, or told again where the venue has some for it. Only production is shown the owner's wallet; at any other
    venue a throw-away one is used.

    Args:
        venue: As `polywire.io.venue.find_venue` returned it, which lets nobody else call itself production.
        sources: What the owner has given, and where to keep what is made.
        say: Told, in one line each, what is made, where it is kept, and what is not taken.
        now_s: Unix seconds.

    Raises:
        VenueUnreachable: It cannot be asked, or does not answer as a CLOB does.
        Misuse: There is nothing to sign in with, or the chain id contradicts the venue's.
        VaultError: They are to be kept in the vault, and it cannot be used.
        PolywireError: They cannot be kept.
    """
    chain_id = chain_of(venue, sources)
    production = venue.identity == POLYMARKET.identity
    wallet = sources.wallet if production else throw_away_wallet(sources.data, venue.identity, say)
    kept = KeptKeys(sources, venue.identity)
    known = [(kept.read(say), kept.where)]
    if production:
        known.insert(0, (sources.api, sources.api_from))
    async with client_of(venue.urls.clob) as client:
        desk = _KeyDesk(client, venue.urls.clob, chain_id, say, now_s)
        for credentials, where in known:
            if credentials is None:
                continue
            fault = _foreign(credentials, wallet) or await desk.refusal(credentials)
            if not fault:
                return credentials
            say(f"the API key {credentials.key} from {where} is not used: {fault}")
        if wallet is None:
            raise Misuse(_nothing(venue, sources))
        made, new = await desk.obtain(wallet)
    kept.write(made)
    how = "made" if new else "told again"
    say(f"an API key for {venue.identity} was {how} ({made.key}) and is kept in {kept.where}")
    return made


def _foreign(credentials: ApiCredentials, wallet: WalletKey | None) -> str:
    if wallet is None or credentials.address.lower() == wallet.address.lower():
        return ""
    return f"it belongs to {credentials.address}, and the wallet is {wallet.address}"


def _nothing(venue: Venue, sources: Sources) -> str:
    asked = f"set {PRIVATE_KEY}, or {API_KEY}, {API_SECRET} and {PASSPHRASE} of a key that is good"
    faults = "".join(f"; {fault}" for fault in sources.faults)
    return f"there is nothing to sign in to {venue.identity} with: {asked} (a new key may take two minutes){faults}"


class _KeyDesk:
    """Where a venue makes keys, tells them again, and takes them."""

    def __init__(
        self,
        client: httpx2.AsyncClient,
        clob: str,
        chain_id: int,
        say: Callable[[str], None],
        now_s: Callable[[], float],
    ) -> None:
        self._client, self._clob, self._chain_id, self._say = client, clob.rstrip("/"), chain_id, say
        self._now_s = now_s
        self._ahead_s: int | None = None  # the venue's clock before ours; None: as far as is known, not at all

    async def refusal(self, credentials: ApiCredentials) -> str:
        """Return why a key is not taken; "" where it is."""
        path = "/auth/api-keys"
        try:
            check_credentials(credentials)
        except Misuse as refusal:
            return str(refusal)

        async def ask(now_s: int) -> _Answer:
            return await self._ask("GET", path, l2_headers(credentials, "GET", path, b"", now_s))

        status, body = await self._in_time(ask)
        if status == _UNAUTHORIZED:
            return "the venue does not take it (HTTP 401)"
        if status != _OK:
            raise VenueUnreachable(self._clob + path, f"HTTP {status}", status=status)
        return "" if credentials.key in self._read(path, body, _Listed).api_keys else "the venue does not list it"

    async def obtain(self, wallet: WalletKey) -> tuple[ApiCredentials, bool]:
        """Return a wallet's key, and whether it is a new one.

        The venue has one for a wallet and a nonce, and answers 400 to whoever wants to make it a second time.
        """

        async def ask(method: str, path: str) -> _Answer:
            return await self._in_time(lambda now_s: self._ask(method, path, l1_headers(wallet, self._chain_id, now_s)))

        path, new = "/auth/api-key", True
        status, body = await ask("POST", path)
        if status == _BAD_REQUEST:
            path, new = "/auth/derive-api-key", False
            status, body = await ask("GET", path)
        if status != _OK:
            raise VenueUnreachable(self._clob + path, f"no API key for {wallet.address}: HTTP {status}", status=status)
        made = self._read(path, body, _Made)
        self._check(made, path)
        return ApiCredentials(made.api_key, made.secret, made.passphrase, wallet.address), new

    async def _in_time(self, ask: Callable[[int], Awaitable[_Answer]]) -> _Answer:
        """Return an answer; where a signature is refused and the clocks differ, that to one by the venue's clock.

        A clock is blamed only if that helps: an embedded exchange has a time of its own, and takes ours too.
        """
        first = await ask(int(self._now_s()) + (self._ahead_s or 0))
        if first[0] != _UNAUTHORIZED or self._ahead_s is not None:
            return first
        ahead_s = await self._difference_s()
        second = await ask(int(self._now_s()) + ahead_s) if abs(ahead_s) > _FAR_S else first
        if second[0] == _UNAUTHORIZED:
            return first
        self._ahead_s = ahead_s
        where = "behind" if ahead_s > 0 else "ahead of"
        self._say(f"this machine's clock is {abs(ahead_s):,} s {where} the venue's; set it")
        return second

    async def _difference_s(self) -> int:
        """Return how far the venue's clock is ahead of ours; 0 where it does not tell."""
        status, body = await self._ask("GET", "/time", {})
        text = body.strip()
        readable = status == _OK and text.isdigit() and len(text) <= _LONGEST_TIME
        return int(text) - int(self._now_s()) if readable else 0

    async def _ask(self, method: str, path: str, headers: dict[str, str]) -> _Answer:
        url = self._clob + path
        try:
            async with (
                asyncio.timeout(_PATIENCE_S),
                self._client.stream(method, url, headers=headers) as answer,
            ):
                body = bytearray()
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > _LARGEST:
                        raise VenueUnreachable(url, f"an answer of over {_LARGEST:,} bytes")
                return answer.status_code, bytes(body)
        except TimeoutError:
            raise VenueUnreachable(url, f"no whole answer within {_PATIENCE_S:g} s") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as fault:
            # Not its chain: it carries the request, whose headers hold the passphrase.
            raise VenueUnreachable(url, str(fault) or type(fault).__name__) from None

    def _read(self, path: str, body: bytes, form: type[Any]) -> Any:
        try:
            return msgspec.json.decode(body, type=form)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # Not its chain: it may show what was sent.
            raise VenueUnreachable(self._clob + path, "its answer is not that of a CLOB") from None

    def _check(self, made: _Made, path: str) -> None:
        try:
            secret_bytes(made.secret)
        except Misuse:
            raise VenueUnreachable(self._clob + path, "it told a secret that is no base64") from None
        if not (_stands_in_a_header(made.api_key) and _stands_in_a_header(made.passphrase)):
            raise VenueUnreachable(self._clob + path, "it told a key that no header can hold")

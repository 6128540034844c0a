"""The venue's public REST: who it is, and its list of markets. See `polywire.ports.Catalogue`."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote, urlsplit

import httpx2
import msgspec

from polywire.errors import Misuse, TooOften, Undecodable, VenueUnreachable
from polywire.io.sockets import is_loopback
from polywire.model.listing import MarketListed
from polywire.model.venue import POLYMARKET, Venue
from polywire.wire.gamma import read_listing, read_next

_T = TypeVar("_T")

PAPER_CHAIN: Final = 80_002
"""The chain id of every venue but production, so that no paper order is a valid live signature."""

_PATIENCE_S: Final = 30.0  # for a whole answer: a venue that sends a byte now and then must not hold us for ever
_SILENCE: Final = httpx2.Timeout(10.0, connect=5.0)
_LARGEST: Final = 64 << 20
_MARKETS: Final = "/markets/keyset"  # the list by offset is deprecated
_PAGE: Final = 100  # markets in an answer at most
_NOT_FOUND: Final = 404
_TOO_OFTEN: Final = 429
_RETRY_AFTER_S: Final = 10.0  # where a venue does not say: its limits count by ten seconds
_LONGEST_RETRY_S: Final = 3_600.0


_Page = tuple[list[MarketListed], str]
"""Markets, and the cursor after them; "" at the end."""

_NO_PAGE: Final[_Page] = ([], "")


class RestClient:
    """Connections to one service. A context manager; leaving it closes them.

    Args:
        url: Where the service is.
    """

    def __init__(self, url: str) -> None:
        self._client = client_of(url)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()


class VenueHttp(RestClient):
    """Asks one venue. A context manager; leaving it closes its connections.

    An answer about another market than the one asked for is none: what a venue does not know, it may overlook.

    Args:
        venue: Where it is.
        patience_s: Seconds for a whole answer.
    """

    def __init__(self, venue: Venue, *, patience_s: float = _PATIENCE_S) -> None:
        super().__init__(venue.urls.gamma)
        self.venue, self._patience_s = venue, patience_s

    async def of_token(self, token: str) -> MarketListed | None:
        """Return the market an outcome token belongs to, closed ones too; None: there is none."""
        return await self._first(lambda market: token in market.tokens, clob_token_ids=token)

    async def of_condition(self, condition: str) -> MarketListed | None:
        """Return a market by its condition id."""
        wanted = condition.lower()
        return await self._first(lambda one: one.condition.lower() == wanted, condition_ids=condition)

    async def of_slug(self, slug: str) -> MarketListed | None:
        """Return a market by its slug."""
        found = await self._listing_of("markets", slug)
        return next((market for market in found if market.slug == slug), None)

    async def of_event(self, slug: str) -> list[MarketListed]:
        """Return the markets of an event by its slug; [] where there is none."""
        return await self._listing_of("events", slug)

    async def open_markets(self, limit: int) -> list[MarketListed]:
        """Return up to `limit` markets that are open, in the venue's own order."""
        found, cursor = dict[str, MarketListed](), ""
        while len(found) < limit:
            url, after = self.venue.urls.gamma + _MARKETS, {"after_cursor": cursor} if cursor else {}
            query = {"closed": "false", "limit": min(limit - len(found), _PAGE), **after}
            body = await get(self._client, url, query, patience_s=self._patience_s)
            page, cursor = self._read(url, body, _page_of, _NO_PAGE)
            known = len(found)
            found |= {market.condition: market for market in page}
            if not cursor or len(found) == known:  # the end, or a venue that goes round in circles
                break
        return list(found.values())[:limit]

    async def search(self, text: str, limit: int) -> list[MarketListed]:
        """Return up to `limit` markets that the venue's search finds, the best first."""
        return (await self._listing("/public-search", q=text, limit_per_type=limit))[:limit]

    async def _first(self, wanted: Callable[[MarketListed], bool], **query: str) -> MarketListed | None:
        for closed in ("false", "true"):  # without the word, Gamma lists open ones only
            for market in await self._listing(_MARKETS, closed=closed, **query):
                if wanted(market):
                    return market
        return None

    async def _listing_of(self, kind: str, slug: str) -> list[MarketListed]:
        if "/" in slug or not slug.strip("."):  # another path, and no slug
            return []
        return await self._listing(f"/{kind}/slug/{quote(slug, safe='')}")

    async def _listing(self, path: str, **query: str | int) -> list[MarketListed]:
        url = self.venue.urls.gamma + path
        return self._read(url, await get(self._client, url, query, patience_s=self._patience_s), read_listing, [])

    @staticmethod
    def _read(url: str, body: bytes | None, read: Callable[[bytes], _T], nothing: _T) -> _T:
        """Return what an answer holds; `nothing` where there is none."""
        try:
            return nothing if body is None else read(body)
        except Undecodable as refusal:
            raise VenueUnreachable(url, refusal.reason) from refusal


async def find_venue(name: str, *, paper_port: int, patience_s: float = _PATIENCE_S) -> Venue:
    """Return the venue that a setting names.

    Args:
        name: `live`, `paper`, or the address of an exchange, which is asked who it is.
        paper_port: Where the embedded exchange listens.
        patience_s: Seconds for its answer.

    Raises:
        VenueUnreachable: It did not answer.
        Misuse: It is no exchange, names addresses that are not its own, or claims to be production.
    """
    if name == "live":
        return POLYMARKET
    address = f"http://127.0.0.1:{paper_port}" if name == "paper" else name.rstrip("/")
    if _scheme_of(address) not in {"http", "https"}:
        raise Misuse(f"venue {name[:100]!r} is none of: paper, live, an address such as http://127.0.0.1:{paper_port}")
    async with client_of(address) as client:
        body = await get(client, f"{address}/venue", {"ledger": "0"}, patience_s=patience_s)
    try:
        venue = msgspec.json.decode(body or b"", type=Venue)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as refusal:
        raise Misuse(f"{address}/venue does not describe an exchange: {refusal}") from refusal
    return _checked(venue, address)


def _checked(venue: Venue, address: str) -> Venue:
    """Return a venue whose word can be taken: it sends nobody elsewhere, and is not mistaken for production."""
    host = _host_of(address)
    if venue.identity == POLYMARKET.identity or venue.chain_id != PAPER_CHAIN:
        raise Misuse(
            f"{address} calls itself {venue.identity!r} on chain {venue.chain_id}; only production is "
            f"{POLYMARKET.identity!r}, and any other venue is on {PAPER_CHAIN}"
        )
    for name, url in msgspec.structs.asdict(venue.urls).items():
        other = _host_of(url)
        if url and other != host and not (is_loopback(host) and is_loopback(other)):
            raise Misuse(f"{address} names {url} for {name}, which is not on its own host {host}; it is not trusted")
    return venue


def _page_of(body: bytes) -> _Page:
    return read_listing(body), read_next(body)


def _host_of(url: str) -> str:
    """Return the host of an address; "" of what is none."""
    try:
        parts = urlsplit(url)
        possible = parts.port != 0
    except ValueError:  # half an IPv6 address, a port that is none
        return ""
    return parts.hostname or "" if possible else ""


def _scheme_of(url: str) -> str:
    return urlsplit(url).scheme if _host_of(url) else ""


async def get(
    client: httpx2.AsyncClient,
    url: str,
    query: dict[str, Any],
    *,
    headers: Mapping[str, str] | None = None,
    patience_s: float = _PATIENCE_S,
) -> bytes | None:
    """Return what a GET answered; None for 404.

    Args:
        client: See `client_of`.
        url: What is asked.
        query: A list repeats its name.
        headers: Sent with it, such as those that say who asks.
        patience_s: Seconds for the whole answer.

    Raises:
        VenueUnreachable: No answer, none within `patience_s`, one that is no success, or one of over 64 MiB.
        TooOften: The venue answered 429.
    """
    return await _answer(url, client.stream("GET", url, params=query, headers=headers), patience_s)


async def post(client: httpx2.AsyncClient, url: str, body: bytes, *, patience_s: float = _PATIENCE_S) -> bytes | None:
    """Return what a POST of JSON answered; None for 404.

    Raises:
        VenueUnreachable: As `get`.
        TooOften: As `get`.
    """
    heads = {"Content-Type": "application/json"}
    return await _answer(url, client.stream("POST", url, content=body, headers=heads), patience_s)


async def _answer(url: str, asking: AbstractAsyncContextManager[httpx2.Response], patience_s: float) -> bytes | None:
    try:
        async with asyncio.timeout(patience_s), asking as answer:
            if answer.status_code == _NOT_FOUND:
                return None
            if answer.status_code == _TOO_OFTEN:
                raise TooOften(url, _retry_after_s(answer.headers))
            if not answer.is_success:
                raise VenueUnreachable(url, f"HTTP {answer.status_code}", status=answer.status_code)
            body = bytearray()
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > _LARGEST:
                    raise VenueUnreachable(url, f"an answer of over {_LARGEST:,} bytes")
            return bytes(body)
    except TimeoutError as fault:
        raise VenueUnreachable(url, f"no whole answer within {patience_s:g} s") from fault
    except (httpx2.HTTPError, httpx2.InvalidURL) as fault:
        # Not its chain: it carries the request, whose headers may hold a passphrase.
        raise VenueUnreachable(url, str(fault) or type(fault).__name__) from None


def _retry_after_s(heads: httpx2.Headers) -> float:
    """Return for how long a venue is not to be asked again: stated in seconds, or as a date beside its own clock's."""
    stated = heads.get("retry-after", "").strip()
    if stated.isascii() and stated.isdigit():
        return min(float(stated), _LONGEST_RETRY_S)
    then, now = _unix_s(stated), _unix_s(heads.get("date", ""))
    if then is None:
        return _RETRY_AFTER_S
    return min(max(0.0, then - (time.time() if now is None else now)), _LONGEST_RETRY_S)


def _unix_s(date: str) -> float | None:
    """Return an HTTP date as Unix seconds; None where it is none."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


def client_of(url: str) -> httpx2.AsyncClient:
    """Return a client; this machine itself is never reached through a proxy."""
    local = is_loopback(_host_of(url))
    return httpx2.AsyncClient(timeout=_SILENCE, follow_redirects=False, trust_env=not local)

"""What an account reads of itself: authenticated GETs. See `polywire.ports.Account`."""

from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

from polywire.errors import CredentialsRefused, Undecodable, VenueUnreachable
from polywire.io.api_keys import l2_headers
from polywire.io.venue import client_of, get
from polywire.model.credentials import ApiCredentials
from polywire.model.own import OwnOrderChanged, OwnTradeChanged
from polywire.model.venue import Venue
from polywire.ports import Clock
from polywire.wire.account import read_one_order, read_orders_page, read_time, read_trades_page
from polywire.wire.tally import Tally

PAGES: Final = 1_000
"""Pages read for one answer at most: a cursor that leads round in a circle must end too."""

_PATIENCE_S: Final = 10.0
_UNAUTHORIZED: Final = 401
_SECOND_NS: Final = 1_000_000_000


class RestAccount:
    """Asks one venue on behalf of one API key. A context manager; leaving it closes its connections.

    Args:
        venue: Where it is.
        credentials: Whose account.
        clock: Says when an answer arrived, and signs the time of each question.
        patience_s: Seconds for each whole answer.

    Attributes:
        tally: Rows read, and rows that could not be.
        requests: Requests made.
    """

    def __init__(
        self, venue: Venue, credentials: ApiCredentials, clock: Clock, *, patience_s: float = _PATIENCE_S
    ) -> None:
        self._clob, self._credentials, self._clock, self._patience_s = venue.urls.clob, credentials, clock, patience_s
        self._client = client_of(self._clob)
        self.tally, self.requests = Tally(), 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def time_s(self) -> int:
        """Return the venue's time, Unix seconds."""
        body = await self._get("/time", {}, signed=False)
        try:
            return read_time(body or b"")
        except Undecodable as refusal:
            raise VenueUnreachable(f"{self._clob}/time", refusal.reason) from refusal

    async def open_orders(self) -> list[OwnOrderChanged]:
        """Return every order that rests, page by page; one that two pages name is returned once, as the later says."""
        found: dict[str, OwnOrderChanged] = {}
        query: dict[str, Any] = {}
        for _ in range(PAGES):
            body = await self._get("/data/orders", query)
            try:
                page = read_orders_page(body or b"", self._clock.now_ns(), self.tally)
            except Undecodable as refusal:
                raise VenueUnreachable(f"{self._clob}/data/orders", refusal.reason) from refusal
            found |= {order.order: order for order in page.orders}
            if not page.after:
                return list(found.values())
            query = {"next_cursor": page.after}
        raise VenueUnreachable(f"{self._clob}/data/orders", f"no end after {PAGES:,} pages")

    async def order(self, order: str) -> OwnOrderChanged | None:
        """Return one order; None: there is none that rests, as far as the venue says."""
        path = f"/data/order/{quote(order, safe='')}"
        body = await self._get(path, {})
        try:
            return None if body is None else read_one_order(body, self._clock.now_ns(), self.tally)
        except Undecodable as refusal:
            raise VenueUnreachable(self._clob + path, refusal.reason) from refusal

    async def trades(self, after_s: int) -> list[OwnTradeChanged]:
        """Return the trades that were matched after a second of the venue's time, page by page, each once."""
        return await self._trades({"after": str(max(0, after_s))})

    async def trade(self, trade: str) -> OwnTradeChanged | None:
        """Return one trade; None: the venue knows none of that id."""
        return next((one for one in await self._trades({"id": trade}) if one.trade == trade), None)

    async def _trades(self, wanted: dict[str, Any]) -> list[OwnTradeChanged]:
        found: dict[str, OwnTradeChanged] = {}
        query = wanted
        for _ in range(PAGES):
            body = await self._get("/data/trades", query)
            try:
                page = read_trades_page(body or b"", self._clock.now_ns(), self.tally)
            except Undecodable as refusal:
                raise VenueUnreachable(f"{self._clob}/data/trades", refusal.reason) from refusal
            found |= {trade.trade: trade for trade in page.trades}
            if not page.after:
                return list(found.values())
            query = wanted | {"next_cursor": page.after}
        raise VenueUnreachable(f"{self._clob}/data/trades", f"no end after {PAGES:,} pages")

    async def _get(self, path: str, query: dict[str, Any], *, signed: bool = True) -> bytes | None:
        """Return what a GET answered; None for 404. Each is signed anew: a signature is good for two minutes."""
        self.requests += 1
        now_s = self._clock.now_ns() // _SECOND_NS
        headers = l2_headers(self._credentials, "GET", path, b"", now_s) if signed else {}
        url = self._clob + path
        try:
            return await get(self._client, url, query, headers=headers, patience_s=self._patience_s)
        except VenueUnreachable as fault:
            if fault.status == _UNAUTHORIZED and signed:
                raise CredentialsRefused(url, self._credentials.key) from None
            raise

"""What an account reads of itself: authenticated GETs. See `polywire.ports.Account`."""

from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import quote

from polywire.errors import CredentialsRefused, Undecodable, VenueUnreachable
from polywire.io.api_keys import check_credentials, l2_headers
from polywire.io.venue import RestClient, get
from polywire.model.credentials import ApiCredentials
from polywire.model.own import OwnOrderChanged, OwnTradeChanged
from polywire.model.venue import Venue
from polywire.ports import Clock
from polywire.wire.account import Page, read_one_order, read_orders_page, read_time, read_trades_page
from polywire.wire.tally import Tally

PAGES: Final = 1_000
"""Pages read for one answer at most: a cursor that leads round in a circle must end too."""

Row = TypeVar("Row", OwnOrderChanged, OwnTradeChanged)
ReadPage = Callable[[bytes, int, Tally], Page[Row]]

_PATIENCE_S: Final = 10.0
_UNAUTHORIZED: Final = 401
_SECOND_NS: Final = 1_000_000_000


class RestAccount(RestClient):
    """Asks one venue on behalf of one API key. A context manager; leaving it closes its connections.

    Args:
        venue: Where it is.
        credentials: Whose account.
        clock: Says when an answer arrived, and signs the time of each question.
        patience_s: Seconds for each whole answer.

    Attributes:
        tally: Rows read, and rows that could not be.
        requests: Requests made.

    Raises:
        Misuse: The credentials are none that could be sent.
    """

    def __init__(
        self, venue: Venue, credentials: ApiCredentials, clock: Clock, *, patience_s: float = _PATIENCE_S
    ) -> None:
        check_credentials(credentials)  # now, and not at the first question, when nobody is there to mend it
        super().__init__(venue.urls.clob)
        self._clob, self._credentials, self._clock, self._patience_s = venue.urls.clob, credentials, clock, patience_s
        self.tally, self.requests = Tally(), 0

    async def time_s(self) -> int:
        """Return the venue's time, Unix seconds."""
        body = await self._get("/time", {}, signed=False)
        try:
            return read_time(body or b"")
        except Undecodable as refusal:
            raise VenueUnreachable(f"{self._clob}/time", refusal.reason) from refusal

    async def open_orders(self) -> list[OwnOrderChanged]:
        """Return every order that rests, page by page; one that two pages name is returned once, as the later says."""
        found = await self._pages("/data/orders", {}, read_orders_page)
        return list({order.order: order for order in found}.values())

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
        found = await self._pages("/data/trades", wanted, read_trades_page)
        return list({trade.trade: trade for trade in found}.values())

    async def _pages(self, path: str, wanted: dict[str, Any], read: ReadPage[Row]) -> list[Row]:
        """Return the rows of every page of an answer."""
        found: list[Row] = []
        query = wanted
        for _ in range(PAGES):
            body = await self._get(path, query)
            try:
                page = read(body or b"", self._clock.now_ns(), self.tally)
            except Undecodable as refusal:
                raise VenueUnreachable(self._clob + path, refusal.reason) from refusal
            found += page.rows
            if not page.after:
                return found
            query = wanted | {"next_cursor": page.after}
        raise VenueUnreachable(self._clob + path, f"no end after {PAGES:,} pages")

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

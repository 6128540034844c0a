"""What an embedded exchange says of itself, and its clock: `GET /venue`, `POST /venue/clock`."""

from typing import Any, Self

import httpx2

from polywire.errors import VenueUnreachable
from polywire.io.venue import get


class VenueDesk:
    """Asks one exchange.

    Args:
        url: Its base, such as `http://127.0.0.1:8421`.
        patience_s: How long an answer may take.
    """

    def __init__(self, url: str, *, patience_s: float = 10.0) -> None:
        self.url = url.rstrip("/")
        # No proxy is asked to reach what runs beside us.
        self._client = httpx2.AsyncClient(base_url=self.url, timeout=patience_s, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def describe(self, *, ledger: bool = True) -> dict[str, Any]:
        """Return what `GET /venue` answers; without the ledger it is small.

        Raises:
            VenueUnreachable: There is no answer, or not an exchange's.
        """
        told = await self._json("GET", "/venue" if ledger else "/venue?ledger=0")
        if not isinstance(told, dict) or "identity" not in told:
            raise VenueUnreachable(self.url, "what answers there does not describe itself as an exchange")
        return told

    async def pause(self, *, paused: bool) -> None:
        """Stop the venue's clock, or let it go on.

        Raises:
            VenueUnreachable: There is no answer, or it was refused.
        """
        await self._json("POST", "/venue/clock", {"paused": paused})

    async def open_markets(self) -> list[str]:
        """Return the condition ids of the markets that are not closed, in the venue's order.

        Raises:
            VenueUnreachable: There is no answer, or not an exchange's.
        """
        markets = (await self.describe(ledger=False)).get("markets", [])
        return [market["condition"] for market in markets if not market.get("closed")]

    async def _json(self, method: str, path: str, body: object = None) -> Any:
        try:
            answer = await self._client.request(method, path, json=body)
            answer.raise_for_status()
            return answer.json() if answer.content else None
        except httpx2.HTTPStatusError as fault:
            status = fault.response.status_code
            raise VenueUnreachable(self.url + path, f"it answered {status}", status=status) from fault
        except (httpx2.HTTPError, ValueError) as fault:
            reason = str(fault) or type(fault).__name__
            raise VenueUnreachable(self.url + path, reason) from fault


async def clob_time_ms(clob: str) -> int:
    """Return the time a venue's CLOB tells, Unix milliseconds (it tells whole seconds).

    Raises:
        VenueUnreachable: It does not answer, or not with a time.
    """
    async with httpx2.AsyncClient(timeout=10.0) as client:
        body = await get(client, f"{clob}/time", {})
    try:
        return int(body or b"") * 1_000
    except ValueError as fault:
        raise VenueUnreachable(f"{clob}/time", f"it answered {(body or b'')[:40]!r} instead of a time") from fault

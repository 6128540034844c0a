"""The venue's history of prices. See `polywire.ports.Prices`."""

from typing import Final

from polywire.errors import Undecodable, VenueUnreachable
from polywire.io.venue import RestClient, get
from polywire.model.units import TokenId
from polywire.model.venue import Venue
from polywire.wire.price_history import read_price_history

_PATIENCE_S: Final = 10.0
_FINEST_MIN: Final = {"1h": 1, "6h": 1, "1d": 1, "1w": 5, "1m": 10}
"""Minutes from one point to the next, as fine as the venue tells a span; where it is not here, the venue chooses."""


class RestPrices(RestClient):
    """Asks one venue's CLOB. A context manager; leaving it closes its connections.

    Args:
        venue: Where it is.
        patience_s: Seconds for a whole answer.
    """

    def __init__(self, venue: Venue, *, patience_s: float = _PATIENCE_S) -> None:
        super().__init__(venue.urls.clob)
        self._url, self._patience_s = f"{venue.urls.clob}/prices-history", patience_s

    async def history(self, token: TokenId, interval: str) -> list[tuple[int, str]]:
        """Return Unix seconds and prices of a span that ends now, the oldest first; [] where the venue knows none."""
        query = {"market": token, "interval": interval}
        if interval in _FINEST_MIN:
            query["fidelity"] = str(_FINEST_MIN[interval])
        body = await get(self._client, self._url, query, patience_s=self._patience_s)
        try:
            return [] if body is None else sorted(read_price_history(body))
        except Undecodable as refusal:
            raise VenueUnreachable(self._url, refusal.reason) from refusal

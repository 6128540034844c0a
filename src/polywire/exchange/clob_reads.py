"""The CLOB's public reads: books and what follows from them. Source: the venue's API reference."""

from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from polywire.exchange.answers import Refused, answer, cursor_of, items_of, offset_of, price_number
from polywire.exchange.catalogue import VenueMarket
from polywire.exchange.clob_markets import compact_market, full_market, simplified_market
from polywire.exchange.messages import LEGACY_FEE
from polywire.exchange.pages import PRICE_TEXTS, BookPage
from polywire.exchange.shelf import Shelf
from polywire.model.units import ConditionId, price_text, size_text

PAGE: Final = 500
"""Markets in one page of a list."""

_NO_BOOK: Final = "No orderbook exists for the requested token id"
_NOT_FOUND: Final = "market not found"


class ClobReads:
    """The public half of the CLOB's REST side.

    Args:
        shelf: Where books and markets come from.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def routes(self) -> list[Route]:
        """Return its routes, without a prefix."""
        one: dict[str, Callable[[Request], Any]] = {
            "/book": lambda request: self._page(request).answer(),
            "/price": self._price,
            "/midpoint": lambda request: {"mid": middle(self._page(request))},
            "/spread": lambda request: {"spread": spread(self._page(request))},
            "/last-trade-price": lambda request: last_trade(self._page(request)),
            "/tick-size": lambda request: {"minimum_tick_size": price_number(self._market(request).tick)},
            "/neg-risk": lambda request: {"neg_risk": self._market(request).neg_risk},
            "/fee-rate": self._fee_rate,
            "/time": lambda _: self._shelf.now_ms() // 1_000,
            "/ok": lambda _: "OK",
            "/version": lambda _: {"version": 2},
            "/markets-by-token/{token}": self._by_token,
            "/clob-markets/{condition}": lambda request: compact_market(self._listed(request)),
            "/markets": lambda request: self._list(request, full_market),
            "/markets/{condition}": lambda request: full_market(self._listed(request), self._shelf),
            "/simplified-markets": lambda request: self._list(request, simplified_market),
            "/sampling-markets": lambda request: self._list(request, full_market, sampling=True),
            "/sampling-simplified-markets": lambda request: self._list(request, simplified_market, sampling=True),
        }
        many: dict[str, Callable[[list[tuple[BookPage, str]]], Any]] = {
            "/books": lambda pages: b"[%b]" % b",".join(page.answer() for page, _ in pages),
            "/midpoints": lambda pages: {page.token: middle(page) for page, _ in pages},
            "/spreads": lambda pages: {page.token: spread(page) for page, _ in pages},
            "/prices": _prices,
            "/last-trades-prices": lambda pages: [  # those never traded are left out: the SDK wants a side
                {"token_id": page.token, **last_trade(page)} for page, _ in pages if page.last_trade
            ],
        }
        return [
            *(Route(path, _reading(read), methods=["GET"]) for path, read in one.items()),
            *(Route(path, self._plural(read), methods=["POST"]) for path, read in many.items()),
        ]

    # ------------------------------------------------------------ one book

    def _page(self, request: Request) -> BookPage:
        token = request.query_params.get("token_id", "")
        if not (token.isascii() and token.isdigit()):
            raise Refused(400, "Invalid token id")
        page = self._shelf.page(token)
        if page is None:
            raise Refused(404, _NO_BOOK)
        return page

    def _market(self, request: Request) -> VenueMarket:
        market = self._shelf.catalogue.of_token(request.query_params.get("token_id", ""))
        if market is None:
            raise Refused(404, _NOT_FOUND)
        return market

    def _price(self, request: Request) -> dict[str, str]:
        side = request.query_params.get("side", "").upper()
        if side not in {"BUY", "SELL"}:
            raise Refused(400, "Invalid side")
        return {"price": price(self._page(request), side)}

    def _fee_rate(self, request: Request) -> dict[str, int]:
        market = self._shelf.catalogue.of_token(request.query_params.get("token_id", ""))
        if market is None:
            raise Refused(404, "fee rate not found for market")
        return {"base_fee": LEGACY_FEE if market.fee_rate else 0}

    # ------------------------------------------------------------ several books

    def _plural(self, read: Callable[[list[tuple[BookPage, str]]], Any]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            items = await items_of(request)
            found = [(self._shelf.page(item["token_id"]), str(item.get("side", ""))) for item in items]
            return answer(read([(page, side) for page, side in found if page is not None]))

        return endpoint

    # ------------------------------------------------------------ markets

    def _by_token(self, request: Request) -> dict[str, str]:
        market = self._shelf.catalogue.of_token(request.path_params["token"])
        if market is None:
            raise Refused(404, _NOT_FOUND)
        first, second = market.tokens
        return {"condition_id": market.condition, "primary_token_id": first, "secondary_token_id": second}

    def _listed(self, request: Request) -> VenueMarket:
        market = self._shelf.catalogue.markets.get(ConditionId(request.path_params["condition"]))
        if market is None:
            raise Refused(404, _NOT_FOUND)
        return market

    def _list(
        self, request: Request, shape: Callable[[VenueMarket, Shelf], dict[str, Any]], *, sampling: bool = False
    ) -> dict[str, Any]:
        offset = offset_of(request.query_params.get("next_cursor") or "MA==")
        markets = [
            market for market in self._shelf.catalogue.markets.values() if market.accepting_orders or not sampling
        ]
        shown = [] if offset < 0 else markets[offset : offset + PAGE]
        ended = offset < 0 or offset + PAGE >= len(markets)
        return {
            "data": [shape(market, self._shelf) for market in shown],
            "next_cursor": cursor_of(-1 if ended else offset + PAGE),
            "limit": PAGE,
            "count": len(shown),
        }


def price(page: BookPage, side: str) -> str:
    """Return the best bid for BUY, the best ask for SELL; of an empty side "0" and "1", as the stream states it."""
    return PRICE_TEXTS[page.best_bid if side == "BUY" else page.best_ask]


def middle(page: BookPage) -> str:
    """Return the midpoint, exact: half a unit of a price is possible.

    An empty side counts as the stream states it, 0 or 1, so an empty book's middle is 0.5.
    """
    return size_text((page.best_bid + page.best_ask) * 50)  # halves of 1e-4 in units of 1e-6


def spread(page: BookPage) -> str:
    """Return best ask less best bid; a tape's book may be crossed."""
    return price_text(page.best_ask - page.best_bid)


def last_trade(page: BookPage) -> dict[str, str]:
    """Return the market's latest trade as it was told; 0.5 and no side where there was none."""
    return {"price": page.last_trade or "0.5", "side": page.last_side}


def _prices(pages: list[tuple[BookPage, str]]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for page, side in pages:
        for wanted in (side.upper(),) if side else ("BUY", "SELL"):
            if wanted not in {"BUY", "SELL"}:
                raise Refused(400, "Invalid side")
            found.setdefault(page.token, {})[wanted] = price(page, wanted)
    return found


def _reading(read: Callable[[Request], Any]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        return answer(read(request))

    return endpoint

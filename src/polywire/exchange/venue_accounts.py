"""`/venue/accounts`: every wallet, and its play money and shares set by hand. For this machine alone."""

import re
from typing import Any, Final

from starlette.requests import Request
from starlette.routing import Route

from polywire.exchange.answers import Refused
from polywire.exchange.loopback import Act, Loopback
from polywire.exchange.trading.bookkeeper import Bookkeeper
from polywire.exchange.trading.records import Wallet
from polywire.exchange.venue import Venue
from polywire.model.units import SIZE_LIMIT, SIZE_ONE, ConditionId, size_text

_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_AMOUNT: Final = re.compile(r"(\d{1,12})(?:\.(\d{1,6}))?", re.ASCII)


class VenueAccounts:
    """The wallets as whoever runs the exchange sees them.

    Args:
        loopback: Who may.
        venue: Where their money is; None: a tape plays.
        bookkeeper: The wallets; None: nobody trades here.
    """

    def __init__(self, loopback: Loopback, venue: Venue | None, bookkeeper: Bookkeeper | None) -> None:
        self._loopback, self._venue, self._bookkeeper = loopback, venue, bookkeeper

    def routes(self) -> list[Route]:
        """Return its routes."""
        posts: dict[str, Act] = {"": self._set, "/split": self._split, "/merge": self._merge, "/redeem": self._redeem}
        return [
            Route("/venue/accounts", self._loopback.only(self._list), methods=["GET"]),
            *(
                Route(f"/venue/accounts/{{address}}{path}", self._loopback.only(act), methods=["POST"])
                for path, act in posts.items()
            ),
        ]

    async def _list(self, _body: dict[str, Any], _: Request) -> Any:
        return {"accounts": [self._shown(wallet) for wallet in self._books.wallets()]}

    async def _set(self, body: dict[str, Any], request: Request) -> Any:
        account = _account(request)
        self._books.set_collateral(account, read_amount(body, "collateral"))
        return await self._done(account)

    async def _split(self, body: dict[str, Any], request: Request) -> Any:
        account = _account(request)
        self._books.split(account, self._condition(body), read_amount(body, "shares", least=1))
        return await self._done(account)

    async def _merge(self, body: dict[str, Any], request: Request) -> Any:
        account = _account(request)
        self._books.merge(account, self._condition(body), read_amount(body, "shares", least=1))
        return await self._done(account)

    async def _redeem(self, body: dict[str, Any], request: Request) -> Any:
        account = _account(request)
        paid = self._books.redeem(account, self._condition(body))
        return await self._done(account) | {"paid": size_text(paid)}

    @property
    def _books(self) -> Bookkeeper:
        if self._bookkeeper is None:
            raise Refused(
                409,
                "nobody trades here: a tape plays, or there is nowhere to keep it; start an exchange without a tape",
            )
        return self._bookkeeper

    def _condition(self, body: dict[str, Any]) -> ConditionId:
        condition = body.get("condition")
        market = None if self._venue is None else self._venue.catalogue.markets.get(ConditionId(str(condition)))
        if market is None:
            raise Refused(404, f"no market with condition {condition!r} is listed; GET /venue names them")
        return market.condition

    async def _done(self, account: str) -> dict[str, Any]:
        """Return a wallet once what was done to it is kept."""
        shown = self._shown(self._books.wallet(account))
        await self._books.kept()
        return shown

    def _shown(self, wallet: Wallet) -> dict[str, Any]:
        books = self._books
        shares = {token: books.shares(wallet.account, token) for token in books.positions(wallet.account)}
        return {
            "account": wallet.account,
            "collateral": size_text(wallet.collateral),
            "granted": size_text(wallet.granted),
            "shares": {token: size_text(held) for token, held in shares.items() if held},
            "open_orders": 0 if self._venue is None else len(self._venue.engine.open_orders(wallet.account)),
        }


def read_amount(body: dict[str, Any], name: str, *, least: int = 0) -> int:
    """Return an amount of a body, 1e-6 USDC or shares: decimal text, of at most six places.

    Raises:
        Refused: It is none, below `least`, or a billion and more.

    >>> read_amount({"collateral": "1000.5"}, "collateral")
    1000500000
    """
    given = body.get(name)
    found = _AMOUNT.fullmatch(given) if isinstance(given, str) else None
    amount = -1 if found is None else int(found[1]) * SIZE_ONE + int((found[2] or "").ljust(6, "0"))
    if not least <= amount < SIZE_LIMIT:
        above = "above 0 and " if least else ""
        raise Refused(
            400,
            f'{name} is an amount in decimal text, {above}below 1000000000 and of at most six places, as "1000.5"; '
            f"{str(given)[:60]!r} was given" + ("" if isinstance(given, str) else ", which is no text"),
        )
    return amount


def _account(request: Request) -> str:
    address = str(request.path_params["address"])
    if _ADDRESS.fullmatch(address) is None:
        raise Refused(400, f"an account is an address, 0x and 40 hex digits, and {address[:60]!r} was given")
    return address.lower()

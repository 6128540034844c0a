"""A served exchange that can be traded on, and a trader whose every byte can be chosen.

Wallets sign with py_clob_client_v2, the venue's own older client, so that what we recover was made by another.
"""

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
import httpx2
import msgspec
from py_clob_client_v2.config import get_contract_config
from py_clob_client_v2.headers.headers import create_level_1_headers
from py_clob_client_v2.order_utils.exchange_order_builder_v2 import ExchangeOrderBuilderV2
from py_clob_client_v2.order_utils.model.order_data_v2 import OrderDataV2, order_to_json_v2
from py_clob_client_v2.order_utils.model.side import Side
from py_clob_client_v2.signer import Signer

from exchange.raw_client import Server
from exchange.venues import event, market, still_venue
from polywire.exchange.serve import listening
from polywire.exchange.site import Site
from polywire.exchange.trading.bookkeeper import Bookkeeper
from polywire.exchange.trading.sqlite_store import opened_store
from polywire.model.units import PRICE_ONE, SIZE_ONE, ConditionId, TokenId

CHAIN: Final = 80_002
UP, DOWN = TokenId(str(7**90)), TokenId(str(5**108))
"""As large as real ones, and as uneven: others pass for ids of the third exchange."""

TRADED = ConditionId("0x" + "c1" * 32)

ANNS_KEY, BOBS_KEY = "0x" + "a1" * 32, "0x" + "b2" * 32


@asynccontextmanager
async def trading_server() -> AsyncIterator[Server]:
    """Serve a still venue with one market, `UP` and `DOWN`, on which users trade."""
    venue = still_venue()
    venue.list_event(event())
    venue.list_market(msgspec.structs.replace(market(tokens=(UP, DOWN)), condition=TRADED))
    async with opened_store(None) as store:
        site = Site(venue.clock, seed=7, venue=venue, store=store)
        assert site.trading is not None
        async with listening(site, "127.0.0.1", 0) as url, anyio.create_task_group() as tasks:
            tasks.start_soon(site.trading.run)
            try:
                yield Server(site, url)
            finally:
                tasks.cancel_scope.cancel()
        await site.trading.aclose()


def books(server: Server) -> Bookkeeper:
    """Return who keeps the wallets."""
    assert server.site.trading is not None
    return server.site.trading.bookkeeper


class Trader:
    """One wallet of its own (signature type 0) and its API key.

    Attributes:
        address: Of its wallet, as clients write it.
        account: The same in lower case: what the engine knows it by.
        client: Its connections.
    """

    def __init__(self, client: httpx2.AsyncClient, private_key: str = ANNS_KEY) -> None:
        self.client = client
        self._signer = Signer(private_key, CHAIN)
        self.address: str = self._signer.address()
        self.account = self.address.lower()
        self.credentials: dict[str, str] = {}
        self._builder = ExchangeOrderBuilderV2(get_contract_config(CHAIN).exchange_v2, CHAIN, self._signer)

    async def join(self) -> None:
        """Make an API key."""
        made = await self.client.post("/clob/auth/api-key", headers=create_level_1_headers(self._signer))
        assert made.status_code == 200, made.text
        self.credentials = made.json()

    def order(
        self, side: str, price: int, shares: int, *, token: str = UP, kind: str = "GTC", expires_s: int = 0
    ) -> dict[str, Any]:
        """Return the body of `POST /order`; `price` in 1e-4 USDC."""
        size = shares * SIZE_ONE
        collateral = size * price // PRICE_ONE
        maker, taker = (collateral, size) if side == "BUY" else (size, collateral)
        data = OrderDataV2(
            maker=self.address,
            tokenId=token,
            makerAmount=str(maker),
            takerAmount=str(taker),
            side=Side[side],
            expiration=str(expires_s),
        )
        body: dict[str, Any] = order_to_json_v2(
            self._builder.build_signed_order(data), self.credentials["apiKey"], kind
        )
        return body

    def headers(self, method: str, path: str, body: bytes = b"", *, at_s: int | None = None) -> dict[str, str]:
        """Return what signs a private request; `path` without prefix or query."""
        stamp = int(time.time()) if at_s is None else at_s
        secret = base64.urlsafe_b64decode(self.credentials["secret"])
        digest = hmac.digest(secret, f"{stamp}{method}{path}".encode() + body, "sha256")
        return {
            "POLY_ADDRESS": self.address,
            "POLY_API_KEY": self.credentials["apiKey"],
            "POLY_PASSPHRASE": self.credentials["passphrase"],
            "POLY_SIGNATURE": base64.urlsafe_b64encode(digest).decode(),
            "POLY_TIMESTAMP": str(stamp),
            "Content-Type": "application/json",
        }

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        """Send a private request; a body that is no bytes is sent as JSON."""
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = self.headers(method, path, data) | headers
        return await self.client.request(method, f"/clob{path}", content=data, headers=signed)

    async def place(self, body: Any) -> httpx2.Response:
        """Send an order."""
        return await self.ask("POST", "/order", body)

"""What users do, as everybody hears of it."""

import anyio
import httpx2
import pytest

from exchange.live.live_clients import PATH, events_of, subscription
from exchange.traders import ANNS_KEY, BOBS_KEY, UP, Trader, books, trading_server
from polywire.model.live import ActivityMatched
from polywire.model.units import SIZE_ONE

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_users_trade_names_the_wallet_and_the_transaction_that_the_data_api_names() -> None:
    with anyio.fail_after(30):
        async with trading_server() as server, httpx2.AsyncClient(base_url=server.url, trust_env=False) as http:
            ann, bob = Trader(http, ANNS_KEY), Trader(http, BOBS_KEY)
            for one in (ann, bob):
                await one.join()
            assert server.site.venue is not None
            (condition,) = server.site.venue.catalogue.markets
            books(server).split(ann.account, condition, 10 * SIZE_ONE)
            async with server.client(PATH) as client:
                await client.send(subscription("activity"))
                assert await client.silent()
                assert (await ann.place(ann.order("SELL", 5_200, 10))).status_code == 200
                assert (await bob.place(bob.order("BUY", 5_200, 6))).status_code == 200
                (trade,) = events_of([(await client.text()).encode()])
            shown = (await http.get("/data/v2/trades", params={"user": bob.account})).json()["data"]
    assert isinstance(trade, ActivityMatched)
    assert (trade.token, trade.side, trade.wallet, trade.name) == (UP, "BUY", bob.account, "")
    assert trade.size == 6
    assert [(row["proxy_wallet"], row["transaction_hash"]) for row in shown] == [(bob.account, trade.transaction)]

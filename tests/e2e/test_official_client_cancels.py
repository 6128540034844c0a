"""Every way in which the official client's orders end without a trade."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from polymarket import OrderHeartbeatMismatchError, RequestRejectedError

from e2e.processes import asked
from e2e.traders import GONE, choose, paused_exchange, step, taken, trader, units

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    """An exchange whose clock stands."""
    async with paused_exchange() as base:
        yield base


async def test_orders_are_cancelled_one_by_one_together_by_market_and_all_and_nobody_elses(url: str) -> None:
    async with trader(url) as one, trader(url) as other:
        client = one.client
        here, there = await choose(client, neg_risk=False), await choose(client, neg_risk=True)
        theirs = await other.rest(here.token, here.tick)
        yes = [await one.rest(here.token, here.bid - ticks * here.tick, 5) for ticks in range(2, 7)]
        no = await one.rest(here.tokens[1], here.tick)
        away = [await one.rest(there.token, there.tick, size) for size in (5, 6)]

        answer = await client.cancel_order(order_id=yes[0])
        assert (answer.canceled, answer.not_canceled) == ((yes[0],), {})
        answer = await client.cancel_orders(order_ids=[yes[0], yes[1], yes[2], theirs, "0x12"])
        assert answer.canceled == (yes[1], yes[2])
        assert answer.not_canceled == {yes[0]: GONE, theirs: GONE, "0x12": GONE}
        answer = await client.cancel_market_orders(asset_id=here.token)
        assert answer.canceled == (yes[3], yes[4])
        answer = await client.cancel_market_orders(market=here.condition)
        assert answer.canceled == (no,)
        assert list(await one.open_orders()) == away
        answer = await client.cancel_all()
        assert answer.canceled == tuple(away)
        assert (await client.cancel_all()).canceled == ()

        assert await one.open_orders() == {}
        assert list(await other.open_orders()) == [theirs]
        await one.until(lambda: len(one.events) == 16)
        for order in (*yes, no, *away):
            assert one.kinds_of(order) == [("PLACEMENT", "LIVE", 0), ("CANCELLATION", "CANCELED", 0)]
        with pytest.raises(RequestRejectedError, match="order not found"):
            await client.get_order(order_id=yes[0])


async def test_who_beats_and_falls_silent_for_ten_seconds_loses_its_open_orders_and_nobody_else_does(url: str) -> None:
    async with trader(url) as one, trader(url) as calm:
        client, market = one.client, await choose(one.client, neg_risk=True)
        mine = [await one.rest(market.token, market.tick, size) for size in (20, 30)]
        theirs = await calm.rest(market.token, market.tick)
        await step(url, 60_000)  # who never sent one may be silent for ever
        assert list(await one.open_orders()) == mine

        first = await client.send_order_heartbeat()
        with pytest.raises(OrderHeartbeatMismatchError) as stale:
            await client.send_order_heartbeat(heartbeat_id="stale")
        assert stale.value.heartbeat_id == first.heartbeat_id
        await step(url, 9_900)
        await client.send_order_heartbeat(heartbeat_id=first.heartbeat_id)
        await step(url, 9_900)
        assert list(await one.open_orders()) == mine
        await step(url, 100)
        await one.until(lambda: len(one.events) == 4)
        assert await one.open_orders() == {}
        assert [one.kinds_of(order)[-1] for order in mine] == [("CANCELLATION", "CANCELED", 0)] * 2
        assert list(await calm.open_orders()) == [theirs]


async def test_an_order_that_names_its_end_is_cancelled_a_minute_before_it(url: str) -> None:
    async with trader(url) as one:
        market = await choose(one.client, neg_risk=True)
        now_ms = (await asked(f"{url}/venue?ledger=0"))["clock"]["now_ms"]
        ends_s = now_ms // 1_000 + 200
        order = await one.rest(market.token, market.tick, expiration=ends_s)
        await step(url, (ends_s - 60) * 1_000 - now_ms - 1)
        assert list(await one.open_orders()) == [order]
        await step(url, 1)
        await one.until(lambda: len(one.of_order(order)) == 2)
        assert one.kinds_of(order)[-1] == ("CANCELLATION", "CANCELED_EXPIRED_ORDER", 0)
        assert await one.open_orders() == {}


async def test_orders_that_are_not_covered_any_more_after_a_trade_are_cancelled(url: str) -> None:
    """The same money may stand behind orders in two markets, until it is spent in a third."""
    async with trader(url) as one:
        client = one.client
        await asked(f"{url}/venue/accounts/{client.wallet}", {"collateral": "20"})
        elsewhere, here = await choose(client, neg_risk=True), await choose(client, neg_risk=False)
        low = elsewhere.tick
        resting = await one.rest(elsewhere.token, low, units(Decimal(15)) // units(low))
        spend = (Decimal(8) // here.ask) * here.ask
        taken(await client.place_market_order(asset_id=here.token, side="BUY", amount=spend, max_price=here.ask))
        await one.until(lambda: len(one.of_order(resting)) == 2)
        assert one.kinds_of(resting)[-1] == ("CANCELLATION", "CANCELED_NOT_ENOUGH_BALANCE", 0)
        assert await one.open_orders() == {}
        spent = units(spend) + here.fee([(here.ask, spend / here.ask)])
        assert await one.collateral() == 20_000_000 - spent < 15_000_000


async def test_an_order_never_meets_one_of_its_own_wallet(url: str) -> None:
    async with trader(url) as one:
        client, market = one.client, await choose(one.client, neg_risk=True, spread=2)
        await asked(f"{url}/venue/accounts/{client.wallet}/split", {"condition": market.condition, "shares": "10"})
        mine = await one.rest(market.token, market.bid + market.tick)  # the best bid there is
        sold = taken(
            await client.place_market_order(asset_id=market.token, side="SELL", shares=10, min_price=market.bid)
        )
        assert (sold.making_amount, sold.taking_amount) == (Decimal(10), 10 * market.bid)
        await one.until(lambda: len(one.of_order(mine)) == 2)
        assert one.kinds_of(mine)[-1] == ("CANCELLATION", "CANCELED", 0)

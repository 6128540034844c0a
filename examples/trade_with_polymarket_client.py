"""Trade on paper with the official client, polymarket-client: each kind of order, each cancel, its own user stream.

    polywire exchange --port 8421
    python examples/trade_with_polymarket_client.py http://127.0.0.1:8421

It needs `pip install 'polymarket-client>=0.14,<0.15'` and nothing of ours: `environment_of` is all that tells the
client where to go. Leave it out, and the same lines trade real money at the real venue.
"""

import argparse
import asyncio
import dataclasses
import json
import secrets
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from eth_account import Account
from polymarket import AsyncSecureClient, OrderHeartbeatMismatchError, RequestRejectedError
from polymarket._internal import environment as private  # there is no public way; hence the pinned version
from polymarket.environments import PRODUCTION, Environment
from polymarket.models import AcceptedOrder, OrderBook, OrderResponse
from polymarket.models.clob.user_events import UserEvent, UserTradeEvent
from polymarket.streams import UserSpec

# ---------------------------------------------------------------- what is different from the real venue


def environment_of(about: dict[str, Any]) -> Environment:
    """Return where the client is to go: what the exchange says of itself at `GET /venue`, as its environment."""
    urls, contracts = about["urls"], about["contracts"]
    elsewhere = {  # what the exchange does not have: it answers 501, and nothing goes to the real one
        **dict.fromkeys(("builder_gateway_url", "collateral_return_url", "perps_url"), urls["rfq"]),
        **dict.fromkeys(("rfq_quoter_ws_url", "perps_ws_url"), urls["realtime_ws"]),
    }
    config = dataclasses.replace(
        private.get_environment_config(PRODUCTION),
        chain_id=about["chain_id"],  # 80002: no order signed here is a valid live one
        standard_exchange=contracts["standard_exchange"],
        neg_risk_exchange=contracts["neg_risk_exchange"],
        exchange_v3=contracts["exchange_v3"],
        collateral_token=contracts["collateral"],
        clob_url=urls["clob"],
        gamma_url=urls["gamma"],
        data_url=urls["data"],
        relayer_url=urls["relayer"],
        rfq_url=urls["rfq"],
        rpc_url=urls["rpc"],
        clob_market_ws_url=urls["market_ws"],
        clob_user_ws_url=urls["user_ws"],
        rtds_ws_url=urls["rtds_ws"],
        realtime_ws_url=urls["realtime_ws"],
        sports_ws_url=urls["sports_ws"],
        **elsewhere,
    )
    return private.create_environment(name=about["identity"], config=config)


def about_exchange(url: str) -> dict[str, Any]:
    """Return what the exchange at `url` says of itself."""
    with urllib.request.urlopen(f"{url}/venue?ledger=0", timeout=10) as answer:  # noqa: S310 - the user's own address
        about: dict[str, Any] = json.load(answer)
        return about


# ---------------------------------------------------------------- what any bot needs


class Diary:
    """What the user stream tells, as it comes: every order and trade of our API key."""

    def __init__(self) -> None:
        self.events: list[UserEvent] = []
        self._came = asyncio.Event()

    async def keep(self, stream: Any) -> None:
        """Write down the stream until it is closed."""
        async for event in stream:
            self.events.append(event)
            print(f"      | {told(event)}")
            self._came.set()

    async def until(self, holds: Callable[[UserEvent], bool], timeout_s: float = 60) -> None:
        """Wait until the stream has told of an event for which `holds` is true."""
        async with asyncio.timeout(timeout_s):
            while not any(holds(event) for event in self.events):
                self._came.clear()
                await self._came.wait()

    def trades(self, status: str) -> set[str]:
        """Return the ids of the trades that were told to have come so far."""
        return {
            event.payload.id
            for event in self.events
            if isinstance(event, UserTradeEvent) and event.payload.status == status
        }


@dataclasses.dataclass
class Desk:
    """Where we trade, and with what."""

    client: AsyncSecureClient
    diary: Diary
    condition: str  # the market
    token: str  # its first outcome
    tick: Decimal = Decimal(0)
    bid: Decimal = Decimal(0)
    ask: Decimal = Decimal(0)

    async def look(self) -> OrderBook:
        """Read the book, and note its best prices."""
        book = await self.client.get_order_book(asset_id=self.token)
        self.tick, self.bid, self.ask = book.tick_size, book.bids[-1].price, book.asks[-1].price  # the best is last
        return book

    async def at_market(self, **how: Any) -> AcceptedOrder:
        """Place a market order; where the book has moved between the client's look and its order, do so again."""
        for _ in range(5):
            try:
                return taken(await self.client.place_market_order(asset_id=self.token, **how))
            except RequestRejectedError as refused:
                if "or killed" not in str(refused):
                    raise
                print(f"   the book has moved ({refused}); again")
        raise SystemExit("the book moves too fast for us; try another market")

    def below(self, ticks: int) -> Decimal:
        """Return a price so many ticks under the best bid: an order that waits."""
        return max(self.tick, self.bid - ticks * self.tick)

    def above(self, ticks: int) -> Decimal:
        """Return a price so many ticks over the best ask: an order that trades at once."""
        return min(1 - self.tick, self.ask + ticks * self.tick)


def told(event: UserEvent) -> str:
    """Return an event of the user stream in a line."""
    if isinstance(event, UserTradeEvent):
        trade = event.payload
        return f"trade {trade.id[:8]} {trade.status}: {trade.side} {trade.size:f} at {trade.price:f}"
    order = event.payload
    done = f"{order.size_matched:f} of {order.original_size:f}"
    return f"order {short(order.id)} {order.order_event_type} {order.status}: {done} at {order.price:f}"


def short(order_id: str) -> str:
    """Return an id as one reads it."""
    return order_id[:10]


def taken(order: OrderResponse) -> AcceptedOrder:
    """Return an order that was taken. One of a batch may have been refused: its `code` says why."""
    if not order.ok:
        raise SystemExit(f"refused ({order.code}): {order.message}")
    return order


# ---------------------------------------------------------------- step by step


async def read_markets(client: AsyncSecureClient, diary: Diary, *, neg_risk: bool) -> Desk:
    """Choose the open market that is nearest to even and has half an hour to go, and read its book."""
    print("\n2. Markets and books")
    markets = [market async for page in client.list_markets(closed=False, page_size=100) for market in page.items]
    soon = datetime.now(UTC) + timedelta(minutes=30)
    lasting = [
        (abs(market.prices.best_bid + market.prices.best_ask - 1), index)
        for index, market in enumerate(markets)
        if market.state.end_date is not None
        and market.state.end_date > soon
        and market.prices.best_bid is not None
        and market.prices.best_ask is not None
        and (market.state.neg_risk or not neg_risk)
    ]
    market = markets[min(lasting)[1]]
    token, condition = market.outcomes.yes.token_id, market.condition_id
    if token is None or condition is None:
        raise SystemExit(f"market {market.slug} names no tokens")
    desk = Desk(client, diary, condition, token)
    book = await desk.look()
    bid, ask = book.bids[-1], book.asks[-1]
    mid = await client.get_midpoint(asset_id=token)
    print(f"   {len(markets)} markets are open; this one: {market.question} ({market.outcomes.yes.label})")
    print(f"   {bid.size:f} bid at {bid.price:f}, {ask.size:f} offered at {ask.price:f}, mid {mid:f}")
    return desk


async def place_orders_that_wait(desk: Desk) -> None:
    """Place a limit order, a post-only one and one that ends by itself."""
    print("\n3. Orders that wait")
    client, token = desk.client, desk.token
    await desk.look()
    limit = taken(await client.place_limit_order(asset_id=token, side="BUY", price=desk.below(5), size=20))
    print(f"   limit: {short(limit.order_id)} {limit.status}")
    post_only = taken(
        await client.place_limit_order(asset_id=token, side="BUY", price=desk.below(6), size=20, post_only=True)
    )
    print(f"   post-only: {short(post_only.order_id)} {post_only.status}")
    ends = int(time.time()) + 3_600  # it stops a minute before that, as at the venue
    gtd = taken(
        await client.place_limit_order(asset_id=token, side="BUY", price=desk.below(7), size=20, expiration=ends)
    )
    print(f"   good till {datetime.fromtimestamp(ends, UTC):%H:%M:%S}: {short(gtd.order_id)} {gtd.status}")
    try:
        await client.place_limit_order(asset_id=token, side="BUY", price=desk.above(3), size=20, post_only=True)
    except RequestRejectedError as refused:
        print(f"   post-only that would trade: refused ({refused.status}): {refused}")


async def trade_at_once(desk: Desk) -> None:
    """Buy and sell what is there, and wait until the chain has it."""
    print("\n4. Orders that trade at once")
    client, token = desk.client, desk.token
    bought = await desk.at_market(side="BUY", amount=25)
    print(f"   market (FAK): {bought.status}, {bought.taking_amount:f} shares for {bought.making_amount:f} USDC")
    whole = await desk.at_market(side="BUY", amount=10, order_type="FOK")
    print(f"   fill or kill: {whole.status}, {whole.taking_amount:f} shares for {whole.making_amount:f} USDC")
    await desk.look()
    limit = taken(await client.place_limit_order(asset_id=token, side="BUY", price=desk.above(2), size=10))
    print(f"   limit that crosses: {limit.status}, {limit.taking_amount:f} shares for {limit.making_amount:f} USDC")
    shares = (bought.taking_amount / 2).quantize(Decimal("0.01"))
    sold = await desk.at_market(side="SELL", shares=shares)
    print(f"   market sale: {sold.status}, {sold.making_amount:f} shares for {sold.taking_amount:f} USDC")
    try:
        await client.place_market_order(asset_id=token, side="BUY", amount=9_000, max_price=desk.ask, order_type="FOK")
    except RequestRejectedError as refused:
        print(f"   fill or kill of more than there is: refused ({refused.status}): {refused}")
    for order in (bought, whole, sold):
        hashes = await client.wait_for_order_fill_settlement(order)
        print(f"   {short(order.order_id)} settled in transaction {', '.join(short(one) for one in hashes)}…")


async def place_a_batch(desk: Desk) -> None:
    """Post four orders in one request: each is answered by itself, in the same order."""
    print("\n5. A batch")
    client, token = desk.client, desk.token
    await desk.look()
    batch = [
        await client.create_limit_order(asset_id=token, side="BUY", price=desk.below(8), size=10),
        await client.create_limit_order(asset_id=token, side="BUY", price=desk.above(3), size=10, post_only=True),
        await client.create_market_order(
            asset_id=token, side="BUY", amount=9_000, max_price=desk.ask, order_type="FOK"
        ),
        await client.create_limit_order(asset_id=token, side="BUY", price=desk.below(8), size=900_000),
    ]
    for order in await client.post_orders(batch):
        print(f"   {short(order.order_id)} {order.status}" if order.ok else f"   refused ({order.code})")


async def read_the_account(desk: Desk) -> None:
    """Read everything the venue knows of us."""
    print("\n6. What we have")
    client, token = desk.client, desk.token
    for order in (await client.list_open_orders().first_page()).items:
        print(f"   open: {short(order.id)} {order.side} {order.original_size:f} at {order.price:f}, {order.order_type}")
    trades = (await client.list_account_trades().first_page()).items
    unseen = {trade.id for trade in trades if trade.status == "CONFIRMED"} - desk.diary.trades("CONFIRMED")
    print(f"   {len(trades)} trades; confirmed, and not told of by the stream: {len(unseen)}")
    for position in (await client.list_positions().first_page()).items:
        paid = f"{position.avg_price:.4f} on average, now {position.current_price:f}"
        print(f"   position: {position.current_size:f} {position.outcome} at {paid}, P&L {position.total_pnl:.4f}")
    value = await client.get_portfolio_value()
    money = await client.get_balance_allowance(asset_type="COLLATERAL")
    held = await client.get_balance_allowance(asset_type="CONDITIONAL", asset_id=token)
    print(
        f"   worth {value.value:f} USDC in positions; balances {usdc(money.balance)} USDC, {usdc(held.balance)} shares"
    )
    for line in (await client.list_activity().first_page()).items:
        print(f"   history: {line.type}")


async def cancel_orders(desk: Desk) -> None:
    """Cancel one order, several, those of a market, and all."""
    print("\n7. Cancels")
    client, token = desk.client, desk.token
    await desk.look()
    ids = []
    for ticks in range(9, 15):
        order = taken(await client.place_limit_order(asset_id=token, side="BUY", price=desk.below(ticks), size=5))
        ids.append(order.order_id)
    one = await client.cancel_order(order_id=ids[0])
    print(f"   one: {len(one.canceled)} cancelled")
    many = await client.cancel_orders(order_ids=ids[:3])
    print(f"   three: {len(many.canceled)} cancelled; not: {', '.join(many.not_canceled.values())}")
    of_market = await client.cancel_market_orders(market=desk.condition)
    print(f"   of the market: {len(of_market.canceled)} cancelled")
    everything = await client.cancel_all()
    print(f"   all: {len(everything.canceled)} cancelled")


async def beat_and_fall_silent(desk: Desk) -> None:
    """Send heartbeats, then none: after ten seconds the venue cancels what is open."""
    print("\n8. Heartbeats")
    client = desk.client
    order = taken(await client.place_limit_order(asset_id=desk.token, side="BUY", price=desk.tick, size=20))
    first = await client.send_order_heartbeat()
    second = await client.send_order_heartbeat(heartbeat_id=first.heartbeat_id)
    try:
        await client.send_order_heartbeat(heartbeat_id=first.heartbeat_id)
    except OrderHeartbeatMismatchError as stale:
        print(f"   an old id is refused, the right one named: {stale.heartbeat_id == second.heartbeat_id}")
    print("   two beats sent; now silence")
    await desk.diary.until(
        lambda event: (
            event.type == "order"
            and event.payload.id == order.order_id
            and event.payload.order_event_type == "CANCELLATION"
        )
    )
    left = (await client.list_open_orders().first_page()).items
    print(f"   {short(order.order_id)} was cancelled; {len(left)} orders are open")


def usdc(units: int) -> str:
    """Return base units (1e-6) as decimal text."""
    return f"{Decimal(units) / 1_000_000:f}"


async def trade(url: str, *, eoa: bool, neg_risk: bool) -> None:
    """Do all of it with a key made for the occasion."""
    print("1. An API key of our own")
    key = "0x" + secrets.token_hex(32)
    client = await AsyncSecureClient.create(
        private_key=key,
        wallet=Account.from_key(key).address if eoa else None,  # None: the key's deposit wallet, as on the site
        environment=environment_of(await asyncio.to_thread(about_exchange, url)),
    )
    async with client:
        print(f"   wallet {client.wallet} ({client.wallet_type}), API key {client.credentials.key}")
        money = await client.get_balance_allowance(asset_type="COLLATERAL")
        print(f"   {usdc(money.balance)} USDC of play money")
        diary = Diary()
        stream = await client.subscribe(UserSpec())  # before the first order: what was missed is never told again
        keeping = asyncio.create_task(diary.keep(stream))
        try:
            desk = await read_markets(client, diary, neg_risk=neg_risk)
            await place_orders_that_wait(desk)
            await trade_at_once(desk)
            await place_a_batch(desk)
            await read_the_account(desk)
            await cancel_orders(desk)
            await beat_and_fall_silent(desk)
        finally:
            await stream.close()
            await keeping
        await client.delete_api_key()


def main() -> None:
    """Read the command line."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("exchange", help="its address: http://127.0.0.1:8421")
    arguments.add_argument("--eoa", action="store_true", help="trade from the key's own address, not a deposit wallet")
    arguments.add_argument("--neg-risk", action="store_true", help="trade one of several outcomes of which one wins")
    given = arguments.parse_args()
    asyncio.run(trade(given.exchange.rstrip("/"), eoa=given.eoa, neg_risk=given.neg_risk))


if __name__ == "__main__":
    main()

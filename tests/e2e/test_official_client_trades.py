"""The official client, unchanged but for its environment, trades: every order, event and balance, to the unit."""

from collections.abc import AsyncIterator
from decimal import Decimal

import anyio
import pytest
from polymarket import RequestRejectedError, UserInputError
from polymarket.models import ClobTrade
from polymarket.models.clob.user_events import UserTradeEvent, UserTradePayload

from e2e.processes import asked
from e2e.traders import (
    CONFIRMED_MS,
    DEPTH,
    GRANT,
    MINED_MS,
    WAYS,
    choose,
    paused_exchange,
    settle,
    step,
    taken,
    trader,
    units,
)

pytestmark = pytest.mark.anyio

FOK_KILLED = "order couldn't be fully filled. FOK orders are fully filled or killed."
FAK_KILLED = "no orders found to match with FAK order. FAK orders are partially filled or killed if no match is found."


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    """An exchange whose clock stands."""
    async with paused_exchange() as base:
        yield base


@WAYS
async def test_orders_that_wait_stand_as_they_were_signed_and_claim_nothing_yet(
    url: str,
    eoa: bool,  # noqa: FBT001 - a parameter
    neg_risk: bool,  # noqa: FBT001 - a parameter
) -> None:
    async with trader(url, eoa=eoa) as one:
        client, market = one.client, await choose(one.client, neg_risk=neg_risk)
        now_s = (await asked(f"{url}/venue?ledger=0"))["clock"]["now_ms"] // 1_000
        token, tick = market.token, market.tick
        low = market.bid - 10 * tick
        limit = await one.rest(token, low, "20.05")
        post_only = await one.rest(token, low - tick, post_only=True)
        gtd = await one.rest(token, low - 2 * tick, expiration=now_s + 500)
        other = await one.rest(market.tokens[1], tick)

        rows = await one.open_orders()
        assert list(rows) == [limit, post_only, gtd, other]
        assert [row.order_type for row in rows.values()] == ["GTC", "GTC", "GTD", "GTC"]
        assert {row.status for row in rows.values()} == {"LIVE"}
        first = rows[limit]
        assert (first.price, first.original_size, first.size_matched) == (low, Decimal("20.05"), Decimal(0))
        assert first.side == "BUY"
        assert (first.condition_id, first.asset_id, first.outcome) == (market.condition, token, market.outcomes[0])
        assert (first.maker_address, first.owner) == (client.wallet, client.credentials.key)
        assert first.expires_at is None
        assert rows[other].outcome == market.outcomes[1]
        ends = rows[gtd].expires_at
        assert ends is not None
        assert ends.timestamp() == now_s + 500
        assert await client.get_order(order_id=limit) == first
        assert await one.collateral() == GRANT

        book = await client.get_order_book(asset_id=token)
        was = {level.price: level.size for level in market.bids}
        assert {level.price: level.size for level in book.bids}[low] == was.get(low, 0) + Decimal("20.05")
        await one.until(lambda: len(one.events) == 4)
        assert [one.kinds_of(order) for order in rows] == [[("PLACEMENT", "LIVE", 0)]] * 4


@WAYS
async def test_what_trades_at_once_costs_what_the_book_and_the_fee_say_to_the_unit(
    url: str,
    eoa: bool,  # noqa: FBT001 - a parameter
    neg_risk: bool,  # noqa: FBT001 - a parameter
) -> None:
    async with trader(url, eoa=eoa) as one:
        client, market = one.client, await choose(one.client, neg_risk=neg_risk)
        token, ask = market.token, market.ask

        # FAK: ten shares at the best ask, and no more is spent than the amount.
        fak = taken(await client.place_market_order(asset_id=token, side="BUY", amount=10 * ask, max_price=ask))
        assert (fak.status, fak.making_amount, fak.taking_amount) == ("matched", 10 * ask, Decimal(10))
        assert len(fak.trade_ids) == 1
        spent = units(10 * ask) + market.fee([(ask, Decimal(10))])
        assert await one.collateral() == GRANT - spent
        assert await one.shares(token) == 10_000_000

        # FOK: the same, whole.
        fok = taken(
            await client.place_market_order(asset_id=token, side="BUY", amount=5 * ask, max_price=ask, order_type="FOK")
        )
        assert (fok.making_amount, fok.taking_amount) == (5 * ask, Decimal(5))
        spent += units(5 * ask) + market.fee([(ask, Decimal(5))])
        assert await one.collateral() == GRANT - spent

        # A limit order over three levels: each at its own price, the rest waits.
        fills = [(market.asks[0].price, market.asks[0].size - 15)]
        fills += [(level.price, level.size) for level in market.asks[1:3]]
        got, gave = sum(size for _, size in fills), sum(price * size for price, size in fills)
        size = got + 7
        sweep = taken(await client.place_limit_order(asset_id=token, side="BUY", price=fills[-1][0], size=size))
        assert (sweep.status, sweep.making_amount, sweep.taking_amount) == ("matched", gave, got)
        assert len(sweep.trade_ids) == 3
        spent += units(Decimal(gave)) + market.fee(fills)
        assert await one.collateral() == GRANT - spent
        assert await one.shares(token) == units(Decimal(15 + got))
        row = (await one.open_orders())[sweep.order_id]
        assert (row.original_size, row.size_matched, row.status) == (size, got, "LIVE")
        assert row.associate_trades == sweep.trade_ids
        trades = await one.trades()
        assert [(trades[made].price, trades[made].size) for made in sweep.trade_ids] == fills
        assert len({trades[made].transaction_hash for made in sweep.trade_ids}) == 1

        # A sale.
        await client.cancel_all()
        bid = market.bid
        sold = taken(await client.place_market_order(asset_id=token, side="SELL", shares=8, min_price=bid))
        assert (sold.making_amount, sold.taking_amount) == (Decimal(8), 8 * bid)
        earned = units(8 * bid) - market.fee([(bid, Decimal(8))])
        assert await one.collateral() == GRANT - spent + earned
        assert await one.shares(token) == units(Decimal(7 + got))


@WAYS
async def test_what_the_venue_refuses_is_refused_in_its_words_and_changes_nothing(
    url: str,
    eoa: bool,  # noqa: FBT001 - a parameter
    neg_risk: bool,  # noqa: FBT001 - a parameter
) -> None:
    async with trader(url, eoa=eoa) as one:
        client, market = one.client, await choose(one.client, neg_risk=neg_risk)
        token, bid, ask, tick = market.token, market.bid, market.ask, market.tick
        low = bid - 5 * tick
        twice = await client.create_limit_order(asset_id=token, side="BUY", price=low, size=10)
        first = taken(await client.post_order(twice))
        refusals = {
            f"order {first.order_id} is invalid. Duplicated.": client.post_order(twice),
            "invalid post-only order: order crosses book": client.place_limit_order(
                asset_id=token, side="BUY", price=ask, size=10, post_only=True
            ),
            FOK_KILLED: client.place_market_order(
                asset_id=token, side="BUY", amount=9_000, max_price=ask, order_type="FOK"
            ),
            FAK_KILLED: client.place_market_order(asset_id=token, side="BUY", amount=5, max_price=bid),
            "invalid amount for a marketable BUY order ($0.9), min size: $1": client.place_market_order(
                asset_id=token, side="BUY", amount="0.9"
            ),
            f"not enough balance / allowance: the balance is not enough -> balance: {GRANT - units(10 * low)}, "
            f"order amount: {units(40_000 * low)}": client.place_limit_order(
                asset_id=token, side="BUY", price=low, size=40_000
            ),
            "not enough balance / allowance: the balance is not enough -> balance: 0, order amount: 5000000": (
                client.place_market_order(asset_id=token, side="SELL", shares=5)
            ),
        }
        for text, placing in refusals.items():
            with pytest.raises(RequestRejectedError) as refused:
                await placing
            assert (refused.value.status, str(refused.value)) == (400, text)
        with pytest.raises(RequestRejectedError, match=r"is invalid\. Size \(4\) lower than the minimum: 5") as small:
            await client.place_limit_order(asset_id=token, side="BUY", price=low, size=4)
        assert small.value.status == 400
        with pytest.raises(UserInputError, match="tick size"):
            await client.place_limit_order(asset_id=token, side="BUY", price=low + tick / 2, size=10)
        with pytest.raises(RequestRejectedError) as unknown:
            await client.place_limit_order(asset_id="123", side="BUY", price=low, size=10)
        assert (unknown.value.status, str(unknown.value)) == (404, "market not found")

        assert await one.collateral() == GRANT
        assert await one.trades() == {}
        assert list(await one.open_orders()) == [first.order_id]
        book = await client.get_order_book(asset_id=token)
        assert book.asks[::-1] == market.asks


async def test_each_order_of_a_batch_is_answered_by_itself_with_the_clients_own_codes(url: str) -> None:
    async with trader(url) as one:
        client, market = one.client, await choose(one.client, neg_risk=False)
        token, bid, ask, tick = market.token, market.bid, market.ask, market.tick
        low = bid - 5 * tick
        now_s = (await asked(f"{url}/venue?ledger=0"))["clock"]["now_ms"] // 1_000
        late = await client.create_limit_order(asset_id=token, side="BUY", price=low, size=10, expiration=now_s + 200)
        batch = [
            await client.create_limit_order(asset_id=token, side="BUY", price=low, size=10),
            await client.create_limit_order(asset_id=token, side="BUY", price=ask, size=10, post_only=True),
            await client.create_market_order(asset_id=token, side="BUY", amount=9_000, max_price=ask, order_type="FOK"),
            await client.create_market_order(asset_id=token, side="BUY", amount=5, max_price=bid),
            await client.create_limit_order(asset_id=token, side="BUY", price=low, size=40_000),
            await client.create_limit_order(asset_id=token, side="BUY", price=low, size=4),
            await client.create_market_order(asset_id=token, side="BUY", amount=10 * ask, max_price=ask),
        ]
        answers = await client.post_orders(batch)
        assert [answer.status if answer.ok else answer.code for answer in answers] == [
            "live",
            "post_only_would_cross",
            "fok_not_filled",
            "fak_not_filled",
            "not_enough_balance",
            "unknown",
            "matched",
        ]
        assert list(await one.open_orders()) == [taken(answers[0]).order_id]
        assert await one.collateral() == GRANT - units(10 * ask) - market.fee([(ask, Decimal(10))])

        await step(url, 200_000)  # past what it names
        (expired,) = await client.post_orders([late])
        assert not expired.ok
        assert expired.code == "invalid_expiration"

        with pytest.raises(UserInputError, match="15"):
            await client.post_orders([batch[0]] * 16)


# ---------------------------------------------------------------- settlement, and what the stream tells


def same(told: UserTradePayload, row: ClobTrade) -> bool:
    """Say whether the stream's last word of a trade and REST's row are one and the same."""
    legs = [
        (leg.order_id, leg.asset_id, leg.side, leg.price, leg.matched_amount, leg.owner, leg.maker_address)
        for leg in told.maker_orders or ()
    ]
    names = (
        *("id", "condition_id", "asset_id", "owner", "maker_address", "taker_order_id", "side", "trader_side"),
        *("price", "size", "outcome", "status", "transaction_hash", "matched_at", "updated_at", "fee_rate_bps"),
    )
    return all(getattr(told, name) == getattr(row, name) for name in names) and legs == [
        (leg.order_id, leg.asset_id, leg.side, leg.price, leg.matched_amount, leg.owner, leg.maker_address)
        for leg in row.maker_orders
    ]


@WAYS
async def test_a_trade_is_matched_mined_and_confirmed_and_the_clients_own_wait_returns_its_hash(
    url: str,
    eoa: bool,  # noqa: FBT001 - a parameter
    neg_risk: bool,  # noqa: FBT001 - a parameter
) -> None:
    async with trader(url, eoa=eoa) as one:
        client, market = one.client, await choose(one.client, neg_risk=neg_risk)
        order = taken(await client.place_market_order(asset_id=market.token, side="BUY", amount=20))
        for ms, states in ((MINED_MS, ["MATCHED", "MINED"]), (CONFIRMED_MS, ["MATCHED", "MINED", "CONFIRMED"])):
            await step(url, ms - 1)  # not yet
            assert {trade.status for trade in (await one.trades()).values()} == {states[-2]}
            await step(url, 1)
            await one.until(one.all_trades_are(states[-1]))
            assert [one.states_of(made) for made in order.trade_ids] == [states] * len(order.trade_ids)
            assert {trade.status for trade in (await one.trades()).values()} == {states[-1]}
        (wanted,) = {trade.transaction_hash for trade in (await one.trades()).values()}
        with anyio.fail_after(5):
            assert await client.wait_for_order_fill_settlement(order) == (wanted,)
        assert wanted is not None
        assert wanted.startswith("0x")
        assert len(bytes.fromhex(wanted[2:])) == 32


async def test_the_clients_wait_goes_on_until_the_chain_has_it(url: str) -> None:
    async with trader(url) as one:
        market = await choose(one.client, neg_risk=False)
        order = taken(await one.client.place_market_order(asset_id=market.token, side="BUY", amount=20))
        hashes: list[str] = []

        async def wait() -> None:
            hashes.extend(await one.client.wait_for_order_fill_settlement(order))

        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait)
                await step(url, 1_500)
                assert hashes == []
                await step(url, 2_500)
        assert hashes == [trade.transaction_hash for trade in (await one.trades()).values()][:1]


async def test_two_clients_that_meet_are_told_the_same_from_both_sides(url: str) -> None:
    """A taker of one outcome meets a resting BUY of it, then, by the other outcome, a resting BUY that mints a pair."""
    async with trader(url) as maker, trader(url, eoa=False) as taker:
        market = await choose(maker.client, neg_risk=True, spread=2)
        await asked(
            f"{url}/venue/accounts/{taker.client.wallet}/split", {"condition": market.condition, "shares": "30"}
        )
        assert await taker.collateral() == GRANT - 30_000_000
        yes, no = market.tokens
        price = market.ask - market.tick  # alone at the top, inside the spread
        resting = await maker.rest(yes, price, 40)
        sale = taken(await taker.client.place_market_order(asset_id=yes, side="SELL", shares=15, min_price=price))
        mint = taken(await taker.client.place_limit_order(asset_id=no, side="BUY", price=1 - price, size=20))
        assert (sale.making_amount, sale.taking_amount) == (Decimal(15), 15 * price)
        assert (mint.making_amount, mint.taking_amount) == (20 * (1 - price), Decimal(20))

        fees = market.fee([(price, Decimal(15))]) + market.fee([(price, Decimal(20))])
        assert await maker.collateral() == GRANT - units(35 * price)  # makers pay no fee
        assert await taker.collateral() == GRANT - 30_000_000 + units(15 * price) - units(20 * (1 - price)) - fees
        assert (await maker.shares(yes), await maker.shares(no)) == (35_000_000, 0)
        assert (await taker.shares(yes), await taker.shares(no)) == (15_000_000, 50_000_000)

        await maker.until(lambda: len(maker.of_order(resting)) == 3)
        assert maker.kinds_of(resting) == [("PLACEMENT", "LIVE", 0), ("UPDATE", "LIVE", 15), ("UPDATE", "LIVE", 35)]
        assert (await maker.client.cancel_all()).canceled == (resting,)  # before the crowd takes the rest
        await settle(url, maker, taker)
        mine, theirs = await maker.trades(), await taker.trades()
        assert set(mine) == set(theirs) == {*sale.trade_ids, *mint.trade_ids}
        for made in mine:
            assert (mine[made].trader_side, theirs[made].trader_side) == ("MAKER", "TAKER")
            assert mine[made].owner == maker.client.credentials.key
            (leg,) = mine[made].maker_orders
            assert (leg.order_id, leg.asset_id, leg.side, leg.price) == (resting, yes, "BUY", price)
            assert leg.maker_address == maker.client.wallet
            assert mine[made].maker_orders == theirs[made].maker_orders
        minted = theirs[mint.trade_ids[0]]
        assert (minted.asset_id, minted.side, minted.price, minted.size) == (no, "BUY", 1 - price, Decimal(20))


@WAYS
async def test_what_the_stream_told_is_what_rest_says_and_nothing_is_missing(
    url: str,
    eoa: bool,  # noqa: FBT001 - a parameter
    neg_risk: bool,  # noqa: FBT001 - a parameter
) -> None:
    async with trader(url, eoa=eoa) as one:
        client, market = one.client, await choose(one.client, neg_risk=neg_risk)
        orders = [
            await one.rest(market.token, market.bid - 5 * market.tick),
            taken(await client.place_market_order(asset_id=market.token, side="BUY", amount=30)).order_id,
            taken(
                await client.place_limit_order(
                    asset_id=market.token, side="BUY", price=market.asks[DEPTH].price, size=market.asks[0].size + 20
                )
            ).order_id,
            taken(await client.place_market_order(asset_id=market.token, side="SELL", shares=25)).order_id,
        ]
        with pytest.raises(RequestRejectedError, match="fully filled"):
            await client.place_market_order(
                asset_id=market.token, side="BUY", amount=9_000, max_price=market.ask, order_type="FOK"
            )
        await client.cancel_order(order_id=orders[0])
        await settle(url, one)

        rows = await one.trades()
        told = {
            event.payload.id: event.payload for event in one.events if isinstance(event, UserTradeEvent)
        }  # the last word of each
        assert set(told) == set(rows)
        assert [made for made in rows if not same(told[made], rows[made])] == []
        assert {tuple(one.states_of(made)) for made in rows} == {("MATCHED", "MINED", "CONFIRMED")}
        for order in orders:
            kinds = one.kinds_of(order)
            fills = [trade.size for trade in reversed(rows.values()) if trade.taker_order_id == order]
            running = [sum(fills[: count + 1]) for count in range(len(fills))]
            assert kinds[0][0] == "PLACEMENT"
            assert [matched for kind, _, matched in kinds if kind == "UPDATE"] == running
        assert one.kinds_of(orders[0])[-1] == ("CANCELLATION", "CANCELED", 0)
        killed = [
            event.payload for event in one.events if f"CANCELED_{FOK_KILLED}" == getattr(event.payload, "status", "")
        ]
        assert len(killed) == 1
        assert killed[0].id not in orders

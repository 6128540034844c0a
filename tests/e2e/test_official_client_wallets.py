"""The official client's keys and wallets, and what they hold until it is redeemed."""

from collections.abc import AsyncIterator
from decimal import Decimal

import anyio
import pytest
from polymarket import AsyncSecureClient, RequestRejectedError, SecureClient
from polymarket._internal.environment import get_environment_config
from polymarket._internal.wallet import (
    derive_beacon_deposit_wallet_address,
    derive_proxy_wallet_address,
    derive_safe_wallet_address,
)

from e2e.processes import asked
from e2e.traders import GRANT, WAYS, Market, Trader, choose, paused_exchange, settle, step, taken, trader, units

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    """An exchange whose clock stands."""
    async with paused_exchange() as base:
        yield base


@WAYS
async def test_a_new_key_gets_a_wallet_with_play_money_and_the_same_api_key_every_time(
    url: str,
    eoa: bool,  # noqa: FBT001 - a parameter
    neg_risk: bool,  # noqa: FBT001 - a parameter
) -> None:
    async with trader(url, eoa=eoa) as one:
        client = one.client
        assert client.wallet_type == ("EOA" if eoa else "DEPOSIT_WALLET")
        assert (client.wallet == client.signer) is eoa
        assert await one.collateral() == GRANT
        assert await client.fetch_api_keys() == (client.credentials.key,)
        assert await client.get_closed_only_mode() is False
        market = await choose(client, neg_risk=neg_risk)
        assert await one.shares(market.token) == 0
        accounts = (await asked(f"{url}/venue/accounts"))["accounts"]
        assert {made["account"]: made["collateral"] for made in accounts}[client.wallet.lower()] == "10000"

        again = await type(client).create(
            private_key=one.private_key, wallet=client.wallet, environment=client.environment
        )
        assert again.credentials == client.credentials
        await again.close()


async def test_a_deleted_key_is_good_for_nothing_and_its_stream_ends(url: str) -> None:
    async with trader(url) as one:
        market = await choose(one.client, neg_risk=False)
        await one.rest(market.token, market.tick)
        await one.client.delete_api_key()
        with pytest.raises(RequestRejectedError, match="Unauthorized/Invalid api key") as refused:
            await one.client.get_balance_allowance(asset_type="COLLATERAL")
        assert refused.value.status == 401
        ended: list[str] = []
        with anyio.fail_after(5):
            while "dropped: its API key was deleted" not in ended:  # each turn is a request
                ended = [str(closed["ended"]) for closed in (await asked(f"{url}/venue"))["closed"]]


@pytest.mark.parametrize("kind", ["POLY_PROXY", "GNOSIS_SAFE", "DEPOSIT_WALLET"])
async def test_every_wallet_of_a_key_trades_with_money_of_its_own(url: str, kind: str) -> None:
    async with trader(url) as owner:
        signer, private_key = owner.client.signer, owner.private_key
        derive = {
            "POLY_PROXY": derive_proxy_wallet_address,
            "GNOSIS_SAFE": derive_safe_wallet_address,
            "DEPOSIT_WALLET": derive_beacon_deposit_wallet_address,
        }[kind]
        environment = owner.client.environment
        wallet = derive(signer, get_environment_config(environment).wallet_derivation)
        async with await AsyncSecureClient.create(
            private_key=private_key, wallet=wallet, environment=environment
        ) as client:
            assert (client.wallet_type, client.wallet) == (kind, wallet)
            market = await choose(client, neg_risk=True)
            waiting = taken(
                await client.place_limit_order(asset_id=market.token, side="BUY", price=market.tick, size=20)
            )
            taken(
                await client.place_market_order(
                    asset_id=market.token, side="BUY", amount=10 * market.ask, max_price=market.ask
                )
            )
            mine = Trader(client, private_key)
            assert await mine.shares(market.token) == 10_000_000
            spent = units(10 * market.ask) + market.fee([(market.ask, Decimal(10))])
            assert await mine.collateral() == GRANT - spent
            assert (await mine.open_orders())[waiting.order_id].maker_address == wallet
        assert await owner.collateral() == GRANT
        assert await owner.shares(market.token) == 0


async def test_a_wallet_that_does_not_follow_from_the_key_is_refused(url: str) -> None:
    """The client takes it for a deposit wallet that lets a session key trade; that would take a chain to check."""
    async with trader(url) as other, trader(url) as one:
        market = await choose(one.client, neg_risk=False)
        async with await AsyncSecureClient.create(
            private_key=one.private_key, wallet=other.client.wallet, environment=one.client.environment
        ) as thief:
            with pytest.raises(RequestRejectedError, match="session keys cannot be checked here") as refused:
                await thief.place_limit_order(asset_id=market.token, side="BUY", price=market.tick, size=20)
        assert refused.value.status == 400
        assert await other.open_orders() == {}


async def test_two_keys_of_an_address_see_one_anothers_orders_and_each_hears_of_its_own(url: str) -> None:
    async with trader(url) as first:
        second = await AsyncSecureClient.create(
            private_key=first.private_key,
            wallet=first.client.wallet,
            environment=first.client.environment,
            nonce=1,
        )
        async with second:
            assert second.credentials.key != first.client.credentials.key
            market = await choose(second, neg_risk=False)
            mine = await first.rest(market.token, market.tick)
            theirs = taken(
                await second.place_limit_order(asset_id=market.token, side="BUY", price=market.tick, size=20)
            ).order_id
            assert list(await first.open_orders()) == [mine, theirs]
            assert (await second.cancel_all()).canceled == (mine, theirs)
        await first.until(lambda: len(first.events) == 2)
        assert first.kinds_of(mine)[-1] == ("CANCELLATION", "CANCELED", 0)
        assert first.of_order(theirs) == []


async def test_the_blocking_client_trades_in_the_same_environment(url: str) -> None:
    async with trader(url) as one:
        market, environment = await choose(one.client, neg_risk=True), one.client.environment

        def trades() -> tuple[tuple[str, ...], int]:
            with SecureClient.create(
                private_key=one.private_key, wallet=one.client.wallet, environment=environment
            ) as client:
                order = client.place_limit_order(asset_id=market.token, side="BUY", price=market.tick, size=20)
                bought = taken(
                    client.place_market_order(
                        asset_id=market.token, side="BUY", amount=10 * market.ask, max_price=market.ask
                    )
                )
                assert (taken(order).status, bought.taking_amount) == ("live", Decimal(10))
                held = client.get_balance_allowance(asset_type="CONDITIONAL", asset_id=market.token)
                return client.cancel_all().canceled, held.balance

        cancelled, held = await anyio.to_thread.run_sync(trades)
        assert (len(cancelled), held) == (1, 10_000_000)
        await one.until(lambda: len(one.of_order(cancelled[0])) == 2)  # the same key: the same stream


# ---------------------------------------------------------------- what is held, until it is redeemed


async def positions(one: Trader, **of: str) -> dict[str, tuple[Decimal, str]]:
    """Return size and status of what it holds, by token."""
    return {
        str(held.asset_id): (held.current_size, held.status.value)
        async for page in one.client.list_positions(**of)  # type: ignore[arg-type]  # the client's own literals
        for held in page.items
    }


@pytest.mark.parametrize("won", [True, False], ids=["won", "lost"])
@WAYS
async def test_a_resolved_market_cancels_its_orders_and_pays_its_winners_to_the_unit(
    eoa: bool,  # noqa: FBT001 - a parameter
    neg_risk: bool,  # noqa: FBT001 - a parameter
    won: bool,  # noqa: FBT001 - a parameter
) -> None:
    async with paused_exchange() as url, trader(url, eoa=eoa) as one:
        client, market = one.client, await choose(one.client, neg_risk=neg_risk)
        order = taken(
            await client.place_market_order(
                asset_id=market.token, side="BUY", amount=10 * market.ask, max_price=market.ask
            )
        )
        resting = await one.rest(market.token, market.tick)
        await settle(url, one)
        before = await one.collateral()
        assert before == GRANT - units(10 * market.ask) - market.fee([(market.ask, Decimal(10))])
        assert await positions(one) == {market.token: (Decimal(10), "OPEN")}
        assert await one.shares(market.token) == 10_000_000

        winner = market.tokens[0 if won else 1]
        await asked(f"{url}/venue/resolve", {"condition": market.condition, "winner": winner})
        await one.until(lambda: len(one.of_order(resting)) == 2)
        assert one.kinds_of(resting)[-1] == ("CANCELLATION", "CANCELED_MARKET_RESOLVED", 0)
        assert await positions(one) == {market.token: (Decimal(10), "REDEEMABLE")}
        assert set(await positions(one, status="REDEEMABLE_LOST")) == (set() if won else {market.token})
        with pytest.raises(RequestRejectedError, match="the market is not yet ready to process new orders"):
            await client.place_market_order(asset_id=market.token, side="SELL", shares=5, min_price=market.tick)
        assert await one.collateral() == before

        await step(url, 30_000)
        with anyio.fail_after(5):
            while await one.shares(market.token):
                pass  # redeemed when its task has had its turn
        assert await one.collateral() == before + (10_000_000 if won else 0)
        assert await one.shares(market.token) == 0
        assert await positions(one) == {}
        assert await positions(one, status="CLOSED") == {market.token: (Decimal(0), "CLOSED")}
        kinds = [line.type async for page in client.list_activity() for line in page.items]
        assert kinds == ["REDEEM", "TRADE", "DEPOSIT"]
        assert order.trade_ids


@WAYS
async def test_positions_value_trades_and_history_say_what_the_balances_say(
    url: str,
    eoa: bool,  # noqa: FBT001 - a parameter
    neg_risk: bool,  # noqa: FBT001 - a parameter
) -> None:
    async with trader(url, eoa=eoa) as one:
        client, market = one.client, await choose(one.client, neg_risk=neg_risk)
        yes, no = market.tokens
        bought = taken(await client.place_market_order(asset_id=yes, side="BUY", amount=40))
        taken(await client.place_market_order(asset_id=no, side="BUY", amount=12))
        sold = taken(await client.place_market_order(asset_id=yes, side="SELL", shares=7))
        await settle(url, one)

        held = {token: await one.shares(token) for token in market.tokens}
        rows = [row async for page in client.list_positions() for row in page.items]
        assert {str(row.asset_id): units(row.current_size) for row in rows} == held
        assert units(bought.taking_amount) - units(sold.making_amount) == held[yes]
        assert {row.wallet.lower() for row in rows} == {client.wallet.lower()}
        assert {row.negative_risk for row in rows} == {neg_risk}
        assert {row.mergeable for row in rows} == {True}
        value = await client.get_portfolio_value()
        assert abs(value.value - sum(row.current_value for row in rows)) < Decimal("0.00001")

        made = [row async for page in client.list_trades() for row in page.items]
        trades = await one.trades()
        assert len(made) == len(trades)
        # The Data API's prices are what was paid by what was had: 0.1899999992 where 12 USDC bought 63.157895 shares.
        assert {(row.size, round(row.price, 6), row.side, row.transaction_hash) for row in made} == {
            (row.size, row.price, row.side, row.transaction_hash) for row in trades.values()
        }
        lines = [line async for page in client.list_activity() for line in page.items]
        assert [line.type for line in lines] == ["TRADE"] * len(trades) + ["DEPOSIT"]
        (holders,) = [
            group
            for group in (await client.list_market_holders(condition_ids=market.condition).first_page()).items
            if group.asset_id == yes
        ]
        mine = [units(holder.amount) for holder in holders.holders if holder.wallet.lower() == client.wallet.lower()]
        assert mine == [held[yes]]
        money = await one.collateral()
        accounts = (await asked(f"{url}/venue/accounts"))["accounts"]
        (account,) = [made for made in accounts if made["account"] == client.wallet.lower()]
        assert units(Decimal(account["collateral"])) == money
        assert {token: units(Decimal(size)) for token, size in account["shares"].items()} == held


def test_a_market_that_is_chosen_reckons_fees_as_the_venue_states_them() -> None:
    """The venue's own example: 100 shares at 0.50, crypto, are 1.75 USDC."""
    market = Market("0x1", ("1", "2"), ("Yes", "No"), Decimal("0.01"), (), (), Decimal("0.07"))
    assert market.fee([(Decimal("0.5"), Decimal(100))]) == 1_750_000

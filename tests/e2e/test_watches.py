"""Watches on a real exchange, over real sockets, in a real journal: what is promised to whoever made one."""

from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import anyio
import pytest

from e2e.own_orders import credentials_of
from e2e.processes import asked, exchange
from e2e.traders import choose, paused_exchange, trader
from e2e.watch_house import PATIENCE_S, data_of, house
from polywire.model.journal import EntryKind
from polywire.model.units import TokenId
from polywire.model.watch import Crosses, Of, OrderChanges, OwnTrades, Resolves

pytestmark = pytest.mark.anyio

ALERT, FRESHNESS, NOTICE = EntryKind.ALERT, EntryKind.FRESHNESS, EntryKind.NOTICE
SOON: Final[dict[str, Any]] = {"least_silence_s": 1.0, "longest_silence_s": 2.0, "proof_s": 3.0, "resolutions_s": 1.0}
"""Settings of a feed that doubts and asks early, so that a test need not wait."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def open_markets(url: str) -> list[dict[str, Any]]:
    """Return the open markets that last."""
    markets = (await asked(f"{url}/venue?ledger=0"))["markets"]
    return [one for one in markets if not one["closed"] and "updown" not in one["slug"]]


def price(of: Decimal) -> int:
    """Return a price as an exact int."""
    return int(of * 10_000)


async def test_a_cross_made_by_a_real_order_is_told_once_over_restarts_and_what_nobody_saw_is_told_after_one(
    tmp_path: Path,
) -> None:
    """Who bids one tick more than the best makes the best bid; cancelling takes it back."""
    async with paused_exchange() as url, trader(url) as one:
        market = await choose(one.client, neg_risk=False, spread=3)
        level = price(market.bid + market.tick)
        async with house(url, tmp_path) as at:
            made = await at.watch("bid", Crosses(level, Of.BID, "up", 0), market.condition)
            assert made.waiting == {}
            first = await one.rest(market.token, market.bid + market.tick)
            (alert,) = await at.until(lambda found: found, ALERT)
            assert (alert.watch, alert.token) == ("bid", market.token)
            await one.client.cancel_order(order_id=first)
            await one.rest(market.token, market.bid + market.tick)
            await at.until(lambda found: len(found) == 2, ALERT)
        async with house(url, tmp_path) as at:  # still over the level, as it was when it was last seen
            await at.feed.until_current(market.token)
            await one.client.cancel_all()
            third = await one.rest(market.token, market.bid + market.tick)
            await at.until(lambda found: len(found) == 3, ALERT)
            await one.client.cancel_order(order_id=third)
            with anyio.fail_after(PATIENCE_S):
                while at.feed.book(market.token).best_bid >= level:  # noqa: ASYNC110 - a book has no event
                    await anyio.sleep(0.01)
        await one.rest(market.token, market.bid + market.tick)  # nobody is there to see it
        async with house(url, tmp_path) as at:
            told = await at.until(lambda found: len(found) == 4, ALERT)
            absences = [one for one in await at.entries(FRESHNESS, watch="bid") if data_of(one).get("what") == "absent"]
            assert len(absences) == 2
            assert absences[-1].seq < told[-1].seq


async def test_ten_watches_on_one_token_are_all_told_of_one_trade_of_the_user_and_his_order(tmp_path: Path) -> None:
    async with paused_exchange() as url, trader(url) as one:
        market = await choose(one.client, neg_risk=False, spread=3)
        async with house(url, tmp_path, credentials=credentials_of(one.client)) as at:
            level = price(market.bid + market.tick)
            for number in range(10):
                await at.watch(f"w{number}", Crosses(level, Of.BID, "up", 0), market.token)
            await at.watch("orders", OrderChanges())
            await at.watch("trades", OwnTrades(), market.condition)
            subscriptions: Any = at.feed.status()["subscriptions"]
            assert subscriptions["total"] == 12
            order = await one.rest(market.token, market.bid + market.tick)
            told = await at.until(lambda found: len(found) >= 11, ALERT, EntryKind.ORDER)
            assert sorted(entry.watch for entry in told) == ["orders", *(f"w{number}" for number in range(10))]
            (placed,) = [entry for entry in told if entry.watch == "orders"]
            assert order in bytes(placed.data).decode()
            await one.client.place_limit_order(
                asset_id=market.token, side="BUY", price=market.ask, size=market.asks[0].size
            )
            trades = await at.until(lambda found: found, EntryKind.TRADE)
            assert {entry.watch for entry in trades} == {"trades"}


async def test_a_frozen_token_comes_as_a_freshness_entry_and_another_one_when_it_is_over(tmp_path: Path) -> None:
    async with exchange("--seed", "3", "--rate", "10") as url, house(url, tmp_path, **SOON) as at:
        tokens = [market["tokens"][0] for market in await open_markets(url)]
        made = await at.watch("all", Crosses(9_999), *tokens)
        assert made.waiting == {}
        with anyio.fail_after(10):
            while not (ledger := (await asked(f"{url}/venue"))["happened"]):
                pass
        busiest = max(tokens, key=lambda token: sum(ledger.get(token, {}).values()))
        await asked(f"{url}/venue/faults", {"name": "freeze-token", "argument": busiest})
        await at.until(lambda found: any(entry.token == busiest for entry in found), FRESHNESS)
        with anyio.fail_after(5):
            while TokenId(busiest) not in at.watches.statuses()[0].in_doubt:  # noqa: ASYNC110 - a status has no event
                await anyio.sleep(0.02)
        await asked(f"{url}/venue/faults/freeze-token", method="DELETE")
        await at.feed.until_current(busiest, within_s=20)
        await at.until(lambda found: sum(entry.token == busiest for entry in found) >= 2, FRESHNESS)


@pytest.mark.slow  # in virtual time at every change
async def test_a_watch_expires_in_the_venues_own_seconds(tmp_path: Path) -> None:
    """At speed 60 an hour passes in a minute; the expiry of two of its minutes comes within seconds."""
    async with exchange("--seed", "3", "--speed", "60", "--rate", "0.1") as url, house(url, tmp_path) as at:
        market = (await open_markets(url))[0]
        made = await at.watch("short", Crosses(9_999), market["condition"], for_s=120.0)
        assert made.watch.expires_ms - made.watch.created_ms == 120_000
        with anyio.fail_after(8):
            await at.until(lambda found: any(entry.watch == "short" for entry in found), NOTICE)
        assert at.watches.statuses() == []
        assert await at.journal.kept() == []


@pytest.mark.slow  # in virtual time at every change
async def test_a_market_that_ends_is_told_once_whoever_watched_when_it_did(tmp_path: Path) -> None:
    async with exchange("--seed", "3") as url:
        seen, unseen, before = (await open_markets(url))[:3]
        await asked(f"{url}/venue/resolve", {"condition": before["condition"], "winner": before["tokens"][1]})
        async with house(url, tmp_path, **SOON) as at:
            made = await at.watch("before", Resolves(), before["condition"])
            assert made.resolved == {before["condition"]: before["outcomes"][1]}
            await at.watch("both", Resolves(), seen["condition"], unseen["condition"])
            await asked(f"{url}/venue/resolve", {"condition": seen["condition"], "winner": seen["tokens"][0]})
            (told,) = await at.until(lambda found: found, EntryKind.RESOLUTION)
            assert (told.watch, told.condition) == ("both", seen["condition"])
        await asked(f"{url}/venue/resolve", {"condition": unseen["condition"], "winner": unseen["tokens"][0]})
        async with house(url, tmp_path, **SOON) as at:
            told_later = await at.until(lambda found: len(found) >= 2, EntryKind.RESOLUTION)
            assert [entry.condition for entry in told_later] == [seen["condition"], unseen["condition"]]

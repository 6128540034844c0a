"""Every fault, shown on a raw socket, and the ledger that tells it from the truth."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import anyio
import pytest

from exchange.raw_client import CONTINUATION, PING, TEXT, Server, served
from exchange.venues import CONDITION, NO, YES, event, listed, market, order
from polywire.errors import Misuse
from polywire.exchange.faults import FAULTS, Fault
from polywire.exchange.ledger import Ledger
from polywire.model.units import ConditionId, TokenId

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    with anyio.fail_after(20):
        async with served(listed()) as one:
            yield one


def bids(server: Server, *prices: int) -> None:
    """Place one bid of five shares at each price: one `price_change` each."""
    assert server.site.venue is not None
    for price in prices:
        outcome = server.site.venue.place(order(f"bid-{price}", "ann", "BUY", price, 5))
        assert outcome.refusal is None


def prices(messages: list[dict[str, object]]) -> list[str]:
    """Return the price that each `price_change` states of the first outcome."""
    return [message["price_changes"][0]["price"] for message in messages]  # type: ignore[index]  # JSON


async def test_drop_connection_leaves_without_a_close_frame(server: Server) -> None:
    async with server.subscriber(YES) as one, server.subscriber(NO) as other:
        server.site.faults.start("drop-connection")
        assert await one.dropped()
        assert await other.dropped()
    assert [account.ended for account in server.site.ledger.accounts[1]] == ["dropped by the fault drop-connection"] * 2


async def test_drop_connection_once_waits_for_the_first_who_comes(server: Server) -> None:
    server.site.faults.start("drop-connection")
    async with server.client() as client:
        await client.send({"type": "market", "assets_ids": [YES]})
        assert await client.dropped()
    async with server.subscriber(YES) as client:
        assert await client.silent()


async def test_drop_connection_again_and_again(server: Server) -> None:
    server.site.faults.start("drop-connection", "0.05")
    for _ in range(3):
        async with server.subscriber(YES) as client:
            assert await client.dropped()
    assert server.site.faults.stop("drop-connection")
    async with server.subscriber(YES) as client:
        assert await client.silent()


async def test_drop_frame_loses_messages_and_the_ledger_knows_which(server: Server) -> None:
    async with server.subscriber(YES) as client:
        server.site.faults.start("drop-frame", "0.5")
        bids(server, *range(100, 5_000, 100))
        told = await client.until_pong()
        account = server.connection.account
        lost = account.due[YES, "price_change"] - account.sent[YES, "price_change"]
    assert 0 < len(told) < 49
    assert lost == 49 - len(told) == server.site.faults.described()[0]["did"]


async def test_the_same_seed_meets_the_same_fate() -> None:
    fates = []
    for _ in range(2):
        with anyio.fail_after(20):
            async with served(listed()) as server, server.subscriber(YES) as client:
                server.site.faults.start("drop-frame", "0.5")
                bids(server, *range(100, 5_000, 100))
                fates.append(prices(await client.until_pong()))
    assert fates[0] == fates[1]


async def test_no_resolution_is_told_to_nobody_while_new_markets_are(server: Server) -> None:
    venue = server.site.venue
    assert venue is not None
    async with server.subscriber(YES, custom=True) as client:
        server.site.faults.start("no-resolution")
        venue.list_event(event(2))
        venue.list_market(market(2, of=2, tokens=("81", "82")))
        venue.resolve(CONDITION, YES)
        assert [message["event_type"] for message in await client.until_pong()] == ["new_market"]
        account = server.connection.account
        assert account.due[YES, "market_resolved"] == 1
        assert (YES, "market_resolved") not in account.sent
        assert server.site.faults.described()[0]["did"] == 1
        server.site.faults.stop("no-resolution")
        venue.resolve(ConditionId("0xc2"), TokenId("82"))
        assert [message["event_type"] for message in await client.until_pong()] == ["market_resolved"]


async def test_freeze_stops_all_data_and_still_answers_pings(server: Server) -> None:
    async with server.subscriber(YES) as client:
        server.site.faults.start("freeze")
        bids(server, 4_000)
        await client.send({"operation": "subscribe", "assets_ids": [NO]})
        assert await client.silent()
        server.site.faults.stop("freeze")
        bids(server, 4_100)
        assert prices(await client.until_pong()) == ["0.41"]


async def test_freeze_token_leaves_its_siblings_flowing(server: Server) -> None:
    async with server.subscriber(YES, NO, custom=True) as client:
        server.site.faults.start("freeze-token", NO)
        bids(server, 4_000)
        change, best = await client.until_pong()
        account = server.connection.account
        assert [entry["asset_id"] for entry in change["price_changes"]] == [YES]
        assert best["asset_id"] == YES
        assert (account.due[NO, "price_change"], account.due[NO, "best_bid_ask"]) == (1, 1)
        assert not {(NO, "price_change"), (NO, "best_bid_ask")} & set(account.sent)


async def test_freeze_token_takes_the_busiest_where_none_is_named(server: Server) -> None:
    venue = server.site.venue
    assert venue is not None
    venue.list_event(event(2))
    venue.list_market(market(2, of=2, tokens=("81", "82")))
    async with server.client() as client:
        bids(server, 4_000, 4_100)
        server.site.faults.start("freeze-token")
        await client.send({"type": "market", "assets_ids": [YES, "81"]})
        assert [book["asset_id"] for book in await client.message()] == ["81"]


async def test_no_snapshot_leaves_subscriptions_unanswered(server: Server) -> None:
    server.site.faults.start("no-snapshot")
    async with server.client() as client:
        await client.send({"type": "market", "assets_ids": [YES]})
        assert await client.silent()
        bids(server, 4_000)
        assert prices(await client.until_pong()) == ["0.4"]


async def test_duplicate_sends_twice(server: Server) -> None:
    async with server.subscriber(YES) as client:
        server.site.faults.start("duplicate", "1")
        bids(server, 4_000, 4_100)
        assert prices(await client.until_pong()) == ["0.4", "0.4", "0.41", "0.41"]
        account = server.connection.account
        assert account.sent[YES, "price_change"] == 2 * account.due[YES, "price_change"]


async def test_reorder_swaps_neighbours_and_keeps_nothing_at_its_end(server: Server) -> None:
    async with server.subscriber(YES) as client:
        server.site.faults.start("reorder", "1")
        bids(server, 100, 200, 300)
        assert prices(await client.until_pong()) == ["0.02", "0.01"]
        server.site.faults.stop("reorder")
        assert prices(await client.until_pong()) == ["0.03"]
        assert server.connection.account.sent == server.connection.account.due


async def test_crossed_crosses_a_book_for_one_message(server: Server) -> None:
    assert server.site.venue is not None
    server.site.venue.place(order("ask", "bob", "SELL", 6_000, 5))
    bids(server, 4_000)
    async with server.subscriber(YES) as client:
        server.site.faults.start("crossed", "1")
        bids(server, 4_100)
        true, crossing, mending = await client.until_pong()
    first, second = crossing["price_changes"]
    assert (first["side"], first["price"], first["size"], first["best_bid"], first["best_ask"]) == (
        "BUY",
        "0.6",
        "1",
        "0.6",
        "0.6",
    )
    assert (second["side"], second["price"], second["best_bid"], second["best_ask"]) == ("SELL", "0.4", "0.4", "0.4")
    assert [entry["size"] for entry in mending["price_changes"]] == ["0", "0"]
    for key in ("best_bid", "best_ask", "hash"):
        stated = [entry[key] for entry in mending["price_changes"]]
        assert stated == [entry[key] for entry in true["price_changes"]]


async def test_garbage_comes_before_what_was_meant(server: Server) -> None:
    async with server.subscriber(YES) as client:
        server.site.faults.start("garbage", "1")
        bids(server, 4_000, 4_100)
        texts = [await client.text() for _ in range(4)]
    assert prices([json.loads(text) for text in texts[1::2]]) == ["0.4", "0.41"]
    assert all("price_changes" not in text for text in texts[::2])


async def test_bad_utf8_is_a_text_frame_that_is_no_text(server: Server) -> None:
    async with server.subscriber(YES) as client:
        server.site.faults.start("bad-utf8", "1")
        bids(server, 4_000)
        frame = await client.frame()
        assert frame.opcode == TEXT
        with pytest.raises(UnicodeDecodeError):
            frame.payload.decode()
        assert prices([await client.message()]) == ["0.4"]


async def test_fragmented_sends_three_frames_with_a_ping_between(server: Server) -> None:
    async with server.subscriber(YES) as client:
        server.site.faults.start("fragmented")
        bids(server, 4_000)
        frames = [await client.frame() for _ in range(4)]
    assert [(frame.opcode, frame.fin) for frame in frames] == [
        (TEXT, False),
        (PING, True),
        (CONTINUATION, False),
        (CONTINUATION, True),
    ]
    whole = b"".join(frame.payload for frame in frames if frame.opcode != PING)
    assert prices([json.loads(whole)]) == ["0.4"]


async def test_oversized_sends_each_connection_one_text_over_the_limit(server: Server) -> None:
    async with server.subscriber(YES) as client:
        server.site.faults.start("oversized")
        bids(server, 4_000, 4_100)
        frame = await client.frame()
        assert len(frame.payload) == 2_097_152
        assert json.loads(frame.payload) == []
        assert prices(await client.until_pong()) == ["0.4", "0.41"]


async def test_slow_is_late_and_keeps_the_order(server: Server) -> None:
    async with server.subscriber(YES) as client:
        server.site.faults.start("slow", "150")
        begun = anyio.current_time()
        bids(server, 4_000, 4_100)
        server.site.faults.stop("slow")
        bids(server, 4_200)  # not late any more, and yet behind the others
        assert prices([await client.message() for _ in range(3)]) == ["0.4", "0.41", "0.42"]
        assert anyio.current_time() - begun >= 0.149


async def test_refuse_takes_the_connection_and_refuses_the_handshake(server: Server) -> None:
    async with server.subscriber(YES) as before:
        server.site.faults.start("refuse")
        async with server.client() as client:
            assert client.status == 503
        assert await before.silent()
    server.site.faults.stop("refuse")
    async with server.subscriber(YES) as client:
        assert await client.silent()


async def test_a_fault_ends_by_itself(server: Server) -> None:
    server.site.faults.start("refuse", for_s=0.05)
    with anyio.fail_after(5):
        while server.site.faults.refuse():
            await anyio.lowlevel.checkpoint()
    assert server.site.faults.described() == []


async def test_faults_stand_together_in_the_order_of_the_table(server: Server) -> None:
    async with server.subscriber(YES) as client:
        server.site.faults.start("fragmented")
        server.site.faults.start("duplicate", "1")
        bids(server, 4_000)
        frames = [await client.frame() for _ in range(8)]
    assert [frame.opcode for frame in frames] == [TEXT, PING, CONTINUATION, CONTINUATION] * 2


@pytest.mark.parametrize(
    ("name", "argument", "said"),
    [
        ("drop-frames", "", "there is no fault 'drop-frames'; the faults are drop-connection, freeze"),
        ("drop-frame", "2", "takes a probability, 0 to 1, and '2' was given"),
        ("drop-frame", "often", "'often' was given"),
        ("slow", "-1", "takes milliseconds, 0 to 10000"),
        ("freeze", "1", "takes no argument"),
    ],
)
async def test_a_fault_that_is_none_is_refused_with_what_there_is(
    server: Server, name: str, argument: str, said: str
) -> None:
    with pytest.raises(Misuse, match=r".*") as refusal:
        server.site.faults.start(name, argument)
    assert said in str(refusal.value)
    assert not server.site.faults.on


@pytest.mark.parametrize("kind", FAULTS.values(), ids=list(FAULTS))
def test_every_fault_is_in_the_docs_with_its_place_argument_and_default(kind: type[Fault]) -> None:
    row = next(
        line for line in (ROOT / "docs" / "exchange.md").read_text().splitlines() if line.startswith(f"| `{kind.name}`")
    )
    _, where, does, takes, default = (cell.strip() for cell in row.split("|")[1:-1])
    assert kind.__doc__ is not None
    assert where == ", ".join(kind.where)
    assert does == kind.__doc__.strip()
    assert takes == (kind.takes or "none")
    assert default == (f"`{kind.default}`" if kind.default else "")
    assert kind("", Random(1), Ledger()).argument == kind.default

"""The market channel's rules, each on a raw socket. Source: docs/protocol.md."""

import contextlib
import json
from collections.abc import AsyncIterator

import anyio
import pytest

from exchange.raw_client import CONTINUATION, PING, PONG, TEXT, Server, served
from exchange.venues import CONDITION, NO, YES, event, listed, market, order
from polywire.exchange.connection import WRITE_LIMIT
from polywire.exchange.market_channel import IDS_REFUSED
from polywire.model.units import TokenId

pytestmark = pytest.mark.anyio

SUBSCRIBE = {"type": "market", "assets_ids": [YES, NO]}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    with anyio.fail_after(20):
        async with served(listed()) as one:
            yield one


def place(server: Server, *placed: object) -> None:
    assert server.site.venue is not None
    for one in placed:
        outcome = server.site.venue.place(one)  # type: ignore[arg-type]  # orders
        assert outcome.refusal is None


async def test_the_first_frame_must_be_a_subscription(server: Server) -> None:
    for text in ("PING", "{}", "hello", '{"operation":"unsubscribe","assets_ids":["71"]}', '["71"]'):
        async with server.client() as client:
            await client.send(text)
            assert await client.closed_with() == (1008, "invalid subscription payload")


@pytest.mark.parametrize(
    "frame",
    [
        SUBSCRIBE,
        {"operation": "subscribe", "assets_ids": [YES, NO]},
        {**SUBSCRIBE, "operation": "subscribe", "markets": [], "initial_dump": True, "level": 3, "auth": {}},
    ],
)
async def test_type_operation_or_both_are_answered_with_one_array_of_books(
    server: Server, frame: dict[str, object]
) -> None:
    place(server, order("1", "ann", "BUY", 4_000, 10))
    async with server.client() as client:
        await client.send(frame)
        books = await client.message()
        assert [(book["asset_id"], book["bids"], book["asks"]) for book in books] == [
            (YES, [{"price": "0.4", "size": "10"}], []),
            (NO, [], [{"price": "0.6", "size": "10"}]),
        ]
        assert await client.silent()


async def test_a_snapshot_has_the_venues_keys_in_the_venues_order(server: Server) -> None:
    async with server.client() as client:
        await client.send({"type": "market", "assets_ids": [YES]})
        text = await client.text()
    assert text.startswith("[{") and text.endswith("}]") and ": " not in text  # noqa: PT018 - one claim
    assert list(json.loads(text)[0]) == [
        "market",
        "asset_id",
        "timestamp",
        "hash",
        "bids",
        "asks",
        "tick_size",
        "event_type",
        "last_trade_price",
    ]


async def test_nothing_known_is_answered_with_an_empty_array(server: Server) -> None:
    for tokens in ([], ["404"]):
        async with server.client() as client:
            await client.send({"type": "market", "assets_ids": tokens})
            assert await client.text() == "[]"


async def test_a_closed_market_is_answered_with_an_empty_array(server: Server) -> None:
    assert server.site.venue is not None
    server.site.venue.resolve(CONDITION, YES)
    async with server.client() as client:
        await client.send(SUBSCRIBE)
        assert await client.text() == "[]"


async def test_without_initial_dump_no_snapshot_comes(server: Server) -> None:
    async with server.client() as client:
        await client.send({**SUBSCRIBE, "initial_dump": False})
        assert await client.silent()
        place(server, order("1", "ann", "BUY", 4_000, 10))
        assert (await client.message())["event_type"] == "price_change"


async def test_a_ping_is_answered_after_the_subscription_and_a_protocol_ping_always(server: Server) -> None:
    async with server.client() as client:
        await client.send(b"are you there", PING)
        frame = await client.frame()
        assert (frame.opcode, frame.payload) == (PONG, b"are you there")
        await client.send(SUBSCRIBE)
        await client.message()
        await client.send("PING")
        assert await client.text() == "PONG"


async def test_a_request_in_fragments_is_read(server: Server) -> None:
    async with server.client() as client:
        await client.send(b'{"type":"market",', TEXT, fin=False)
        await client.send(b"", PING)
        await client.send(b'"assets_ids":["71"]}', CONTINUATION)
        assert (await client.frame()).opcode == PONG
        assert len(await client.message()) == 1


async def test_a_second_first_frame_and_nonsense_are_refused_and_the_connection_stays(server: Server) -> None:
    async with server.subscriber(YES) as client:
        for text in (json.dumps(SUBSCRIBE), "pong", "{", '{"operation":"shout"}'):
            await client.send(text)
            assert await client.text() == "INVALID OPERATION"
        assert list(server.connection.tokens) == [YES]


async def test_a_dynamic_subscription_brings_the_new_tokens_books_only(server: Server) -> None:
    async with server.subscriber(YES) as client:
        await client.send({"operation": "subscribe", "assets_ids": [YES, NO]})
        assert [book["asset_id"] for book in await client.message()] == [NO]


async def test_a_duplicate_is_told_and_its_flag_counts_all_the_same(server: Server) -> None:
    """The official client toggles the flag by subscribing anew to a token it holds."""
    async with server.subscriber(YES) as client:
        for custom in (True, False):
            await client.send({"operation": "subscribe", "assets_ids": [YES], "custom_feature_enabled": custom})
            assert await client.text() == "NO NEW ASSETS"
            assert server.connection.custom is custom


async def test_an_unsubscription_leaves_the_others_flowing_and_is_not_answered(server: Server) -> None:
    venue = server.site.venue
    assert venue is not None
    venue.list_event(event(2))
    venue.list_market(market(2, of=2, tokens=("81", "82")))
    venue.engine.deposit("ann", 10**9)
    async with server.subscriber(YES, NO, "81") as client:
        await client.send({"operation": "unsubscribe", "assets_ids": [YES, NO, "404"]})
        assert await client.silent()
        place(server, order("1", "ann", "BUY", 4_000, 10), order("2", "ann", "BUY", 4_000, 10, token=TokenId("81")))
        assert (await client.message())["market"] == "0xc2"


async def test_too_many_ids_in_one_frame_end_the_connection(server: Server) -> None:
    async with server.client() as client:
        await client.send({"type": "market", "assets_ids": [str(number) for number in range(IDS_REFUSED + 1)]})
        code, reason = await client.closed_with()
        assert code == 1009
        assert str(IDS_REFUSED + 1) in reason


async def test_snapshots_come_in_arrays_below_one_mebibyte() -> None:
    venue = listed()
    venue.list_event(event(9))
    tokens: list[str] = []
    for number in range(10, 30):
        pair = (f"{number}1", f"{number}2")
        tokens += pair
        one = market(number, of=9, tick=10, tokens=pair)
        venue.list_market(one)
        venue.engine.deposit(f"maker{number}", 10**12)
        for price in range(10, 9_000, 10):
            venue.place(order(f"{number}-{price}", f"maker{number}", "BUY", price, 5, token=TokenId(pair[0])))
    with anyio.fail_after(30):
        async with served(venue) as server, server.client() as client:
            await client.send({"type": "market", "assets_ids": tokens})
            sizes, seen = [], 0
            while seen < len(tokens):
                text = await client.text()
                sizes.append(len(text))
                seen += len(json.loads(text))
            assert await client.silent()
    assert len(sizes) > 1
    assert max(sizes) < 1 << 20


async def test_a_level_change_names_both_outcomes_mirrored(server: Server) -> None:
    async with server.subscriber(NO) as client:
        place(server, order("1", "ann", "BUY", 3_400, 100))
        change = await client.message()
    assert list(change) == ["market", "price_changes", "timestamp", "event_type"]
    first, second = change["price_changes"]
    assert list(first) == ["asset_id", "price", "size", "side", "hash", "best_bid", "best_ask"]
    assert [first[key] for key in ("asset_id", "price", "size", "side")] == [YES, "0.34", "100", "BUY"]
    assert [second[key] for key in ("asset_id", "price", "size", "side")] == [NO, "0.66", "100", "SELL"]
    assert (first["best_bid"], first["best_ask"]) == ("0.34", "1")
    assert (second["best_bid"], second["best_ask"]) == ("0", "0.66")


async def test_a_trade_is_told_as_trade_then_levels_then_both_books(server: Server) -> None:
    place(server, order("1", "ann", "SELL", 4_000, 10), order("2", "ann", "SELL", 4_100, 10))
    async with server.subscriber(YES, NO, custom=True) as client:
        place(server, order("3", "bob", "BUY", 4_100, 15))
        told = await client.until_pong()
    kinds = [message["event_type"] for message in told]
    assert kinds == [
        *["last_trade_price"] * 2,
        *["price_change"] * 2,
        *["book"] * 2,
        *["best_bid_ask"] * 2,
    ]
    trades = told[:2]
    assert [(trade["price"], trade["size"], trade["side"]) for trade in trades] == [
        ("0.400", "10", "BUY"),
        ("0.410", "5", "BUY"),
    ]
    assert len({trade["transaction_hash"] for trade in trades}) == 1
    assert list(told[4]) == ["market", "asset_id", "timestamp", "hash", "bids", "asks", "event_type"]
    assert told[4]["hash"] == told[3]["price_changes"][0]["hash"]  # one state, one moment, one hash
    assert [message["best_ask"] for message in told[6:]] == ["0.41", "1"]
    assert told[6]["spread"] == "0.41"


async def test_best_prices_and_lifecycle_are_for_holders_of_the_flag(server: Server) -> None:
    venue = server.site.venue
    assert venue is not None
    async with server.subscriber(YES) as plain, server.subscriber(YES, custom=True) as custom:
        place(server, order("1", "ann", "BUY", 4_000, 10))
        venue.list_event(event(2))
        venue.list_market(market(2, of=2, tokens=("81", "82")))
        venue.set_tick(CONDITION, 10)
        venue.resolve(CONDITION, NO)
        assert [message["event_type"] for message in await plain.until_pong()] == [
            "price_change",
            "tick_size_change",
            "price_change",
        ]
        told = await custom.until_pong()
    assert [message["event_type"] for message in told] == [
        "price_change",
        "best_bid_ask",
        "new_market",
        "tick_size_change",
        "price_change",
        "best_bid_ask",
        "market_resolved",
    ]
    made, ended = told[2], told[-1]
    assert made["clob_token_ids"] == ["81", "82"]
    assert made["event_message"]["slug"] == "event-2"
    assert (ended["winning_asset_id"], ended["winning_outcome"]) == (NO, "No")


async def test_the_ledger_counts_what_happened_and_what_each_was_sent(server: Server) -> None:
    async with server.subscriber(YES) as client:
        place(server, order("1", "ann", "BUY", 4_000, 10), order("2", "bob", "BUY", 6_000, 10, token=NO))
        await client.until_pong()
        happened = dict(server.site.ledger.happened)
        account = server.connection.account
        assert account.peer == client.peer
        assert account.sent == account.due
        sent = dict(account.sent)
    assert happened[YES, "price_change"] == sent[YES, "price_change"] == 2
    assert happened[NO, "price_change"] == sent[NO, "price_change"] == 2
    assert happened[NO, "last_trade_price"] == 1
    assert (NO, "last_trade_price") not in sent  # it subscribed to the other outcome
    assert sent[YES, "book"] == happened[YES, "book"] + 1  # its snapshot


async def test_who_does_not_read_is_dropped_and_counted(server: Server) -> None:
    async with server.subscriber(YES) as client:
        client.stop_reading()
        connection = server.connection
        for price in range(100, 4_000, 100):
            place(server, order(f"{price}", "ann", "BUY", price, 5))
        with contextlib.suppress(ConnectionError):
            while server.site.channel.connections:
                await client.send({"operation": "unsubscribe", "assets_ids": [YES]})
                await client.send({"operation": "subscribe", "assets_ids": [YES]})
        while server.site.channel.connections:
            await anyio.lowlevel.checkpoint()
        assert server.site.ledger.slow_dropped == 1
    assert str(WRITE_LIMIT) in connection.account.ended


@pytest.mark.parametrize("path", ["/realtime", "/sports"])
async def test_channels_of_later_stages_answer_the_handshake_with_501(server: Server, path: str) -> None:
    async with server.client(path) as client:
        assert client.status == 501
        assert b"opens in a later stage" in client.answer


async def test_a_path_without_a_channel_is_404(server: Server) -> None:
    async with server.client("/ws/") as client:
        assert client.status == 404


async def test_a_client_that_closes_is_answered_and_forgotten(server: Server) -> None:
    async with server.subscriber(YES) as client:
        await client.send((1000).to_bytes(2, "big"), 8)
        assert await client.closed_with() == (1000, "")
        assert await client.dropped()
    with anyio.fail_after(5):
        while server.site.channel.connections:
            await anyio.lowlevel.checkpoint()
    assert server.site.ledger.accounts[1][-1].ended == "the client closed with 1000"

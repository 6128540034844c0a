"""The user channel's rules, each on a raw socket. Source: docs/protocol.md, "User channel"."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from exchange.private_records import ANN, BOB, leg, user_order, user_trade
from exchange.raw_client import PING, PONG, RawClient, masked
from exchange.user_server import SECRETS, UserServer, auth, user_server
from exchange.venues import CONDITION, START_MS, YES
from polywire.exchange.connection import WRITE_LIMIT
from polywire.exchange.ledger import by_token
from polywire.exchange.user_channel import MARKETS_HELD
from polywire.exchange.user_messages import UserMessage, order_message, trade_message
from polywire.exchange.websocket import MARKET_PATH
from polywire.model.units import ConditionId

pytestmark = pytest.mark.anyio

OTHER = ConditionId("0xc2")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def bounded(**limits: float) -> AsyncIterator[UserServer]:
    with anyio.fail_after(20):
        async with user_server(**limits) as one:
            yield one


@pytest.fixture
async def server() -> AsyncIterator[UserServer]:
    async with bounded() as one:
        yield one


def placed(number: int = 1, *, key: str = ANN, condition: ConditionId = CONDITION) -> UserMessage:
    return order_message(user_order(number, key=key, condition=condition), "PLACEMENT", START_MS)


async def numbers(client: RawClient) -> list[int]:
    """Return the numbers of the orders that a client has been told of."""
    return [int(message["id"], 16) for message in await client.until_pong()]


# ------------------------------------------------------------ who one is


async def test_the_first_frame_must_be_a_subscription(server: UserServer) -> None:
    first: tuple[Any, ...] = (
        "PING",
        "hello",
        "[]",
        {},
        {"auth": auth(ANN)},
        {"type": "market", "auth": auth(ANN)},
        {"type": "user", "auth": auth(ANN), "markets": 5},
        {"type": "user", "auth": auth(ANN), "markets": ["0x" + "c" * 100]},
        {"type": "user", "operation": "unsubscribe", "auth": auth(ANN), "markets": []},
    )
    for text in first:
        async with server.client() as client:
            await client.send(text)
            assert await client.closed_with() == (1008, "invalid subscription payload")


@pytest.mark.parametrize(
    "named",
    [
        {"auth": auth(ANN) | {"secret": SECRETS[BOB][0]}},
        {"auth": auth(ANN) | {"passphrase": "guessed"}},
        {"auth": auth(ANN) | {"apiKey": BOB}},
        {"auth": auth(ANN) | {"apiKey": 7}},
        {"auth": {"apiKey": ANN}},
        {"auth": "ann"},
        {"auth": None},
        {},
    ],
)
async def test_who_names_no_good_credentials_is_dropped_without_a_word(
    server: UserServer, named: dict[str, Any]
) -> None:
    async with server.client() as client:
        await client.send({"type": "user", **named})
        assert await client.dropped()
    server.channel.publish([placed()])
    assert server.ledger.sent == {}


async def test_what_comes_behind_refused_credentials_is_not_heard(server: UserServer) -> None:
    """Else a client could go on guessing on one connection."""
    guessed = auth(ANN) | {"secret": "guessed"}
    async with server.client() as client:
        await client.write(masked({"type": "user", "auth": guessed}) + masked({"type": "user", "auth": auth(ANN)}))
        assert await client.dropped()
    (account,) = server.ledger.accounts[1]
    assert account.ended == "dropped: it named no good credentials"
    assert server.asked == 1


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "user"},
        {"type": "USER", "markets": []},
        {"operation": "subscribe", "markets": None},
        {"type": "user", "operation": "subscribe", "markets": [], "assets_ids": [], "initial_dump": True, "level": 2},
    ],
)
async def test_a_subscription_is_not_answered_and_without_markets_hears_of_all(
    server: UserServer, frame: dict[str, Any]
) -> None:
    """The forms that the SDK, rs-clob-client and nautilus_trader send."""
    async with server.client() as client:
        await client.send({**frame, "auth": auth(ANN)})
        assert await client.silent()
        server.channel.publish([placed(1), placed(2, condition=OTHER)])
        assert await numbers(client) == [1, 2]


async def test_a_key_hears_what_concerns_it_and_nothing_else(server: UserServer) -> None:
    async with server.listener(ANN) as ann, server.listener(BOB) as bob:
        trade = user_trade(leg(7, BOB), key=ANN)
        server.channel.publish(
            [
                placed(1, key=ANN),
                trade_message(trade, ANN, "TAKER", START_MS),
                trade_message(trade, BOB, "MAKER", START_MS),
            ]
        )
        told = await ann.until_pong()
        assert [(one["event_type"], one["owner"]) for one in told] == [("order", ANN), ("trade", ANN)]
        (only,) = await bob.until_pong()
        assert (only["event_type"], only["owner"], only["trader_side"]) == ("trade", BOB, "MAKER")


async def test_every_socket_of_a_key_hears_everything(server: UserServer) -> None:
    async with server.listener(ANN) as first, server.listener(ANN) as second:
        server.channel.publish([placed(1), placed(2)])
        assert await numbers(first) == await numbers(second) == [1, 2]
        await first.leave()
        while len(server.channel.connections) > 1:
            await anyio.lowlevel.checkpoint()
        server.channel.publish([placed(3)])
        assert await numbers(second) == [3]
        (gone,) = server.ledger.accounts[1]
        assert by_token(gone.due) == {YES: {"order": 2}}, "nothing is due to who has left"


async def test_nothing_is_replayed(server: UserServer) -> None:
    server.channel.publish([placed(1)])
    async with server.listener(ANN) as client:
        server.channel.publish([placed(2)])
        assert await numbers(client) == [2]


async def test_a_deleted_keys_sockets_are_dropped_and_no_others(server: UserServer) -> None:
    async with server.listener(ANN) as first, server.listener(ANN) as second, server.listener(BOB) as bob:
        del server.good[ANN]
        server.channel.drop_key(ANN)
        assert await first.dropped()
        assert await second.dropped()
        server.channel.publish([placed(1, key=BOB)])
        assert await numbers(bob) == [1]
        async with server.client() as again:
            await again.send({"type": "user", "auth": auth(ANN)})
            assert await again.dropped()
    server.channel.drop_key("of nobody")
    assert "dropped: its API key was deleted" in {account.ended for account in server.ledger.accounts[1]}


# ------------------------------------------------------------ which markets


async def test_a_filter_lets_only_its_markets_through_whatever_their_capitals(server: UserServer) -> None:
    async with server.listener(ANN, CONDITION.upper()) as client:
        server.channel.publish([placed(1), placed(2, condition=OTHER), placed(3, condition=ConditionId("0xC1"))])
        assert await numbers(client) == [1, 3]


async def test_unsubscribing_the_last_market_means_all_and_subscribing_narrows_again(server: UserServer) -> None:
    """So the SDK widens a connection and narrows it again."""
    async with server.listener(ANN, CONDITION) as client:
        await client.send({"operation": "unsubscribe", "markets": [CONDITION]})
        assert await client.silent()
        server.channel.publish([placed(1), placed(2, condition=OTHER)])
        assert await numbers(client) == [1, 2]
        await client.send({"operation": "subscribe", "markets": [OTHER]})
        assert await client.silent()
        server.channel.publish([placed(3), placed(4, condition=OTHER)])
        assert await numbers(client) == [4]
        await client.send({"operation": "subscribe", "markets": [CONDITION, OTHER]})
        await client.send({"operation": "unsubscribe", "markets": [OTHER, "0x404"]})
        await client.send({"operation": "subscribe", "markets": []})
        assert await client.silent()
        server.channel.publish([placed(5), placed(6, condition=OTHER)])
        assert await numbers(client) == [5]


async def test_a_client_may_repeat_its_credentials_but_not_change_them(server: UserServer) -> None:
    async with server.listener(ANN, OTHER) as client:
        await client.send({"operation": "subscribe", "markets": [CONDITION], "auth": auth(ANN), "assets_ids": []})
        assert await client.silent()
        server.channel.publish([placed(1)])
        assert await numbers(client) == [1]
    for changed in (auth(BOB), auth(ANN) | {"secret": "guessed"}, {}):
        async with server.listener(ANN) as client:
            await client.send({"operation": "subscribe", "markets": [CONDITION], "auth": changed})
            assert await client.dropped()


async def test_what_is_no_operation_is_said_to_be_none_and_changes_nothing(server: UserServer) -> None:
    async with server.listener(ANN, OTHER) as client:
        for text in ("hello", '{"operation":"list"}', '{"markets":[7]}', json.dumps({"type": "user"})):
            await client.send(text)
            assert await client.text() == "INVALID OPERATION"
        server.channel.publish([placed(1), placed(2, condition=OTHER)])
        assert await numbers(client) == [2]


async def test_who_lists_too_many_markets_is_closed(server: UserServer) -> None:
    async with server.listener(ANN) as client:
        await client.send({"operation": "subscribe", "markets": [f"{number:x}" for number in range(MARKETS_HELD)]})
        assert await client.silent()
        await client.send({"operation": "subscribe", "markets": ["0xone"]})
        code, reason = await client.closed_with()
        assert (code, reason) == (1009, "10001 markets listed (limit 10000); list none to hear of all")


# ------------------------------------------------------------ the socket


async def test_a_protocol_ping_is_answered_before_the_subscription_too(server: UserServer) -> None:
    async with server.client() as client:
        await client.send(b"are you there", PING)
        frame = await client.frame()
        assert (frame.opcode, frame.payload) == (PONG, b"are you there")


async def test_the_ledger_counts_what_happened_what_was_due_and_what_was_sent(server: UserServer) -> None:
    async with server.listener(ANN), server.listener(ANN, OTHER) as narrow:
        server.channel.publish([placed(1), trade_message(user_trade(), ANN, "TAKER", START_MS)])
        server.faults.start("freeze")
        server.channel.publish([placed(2, condition=OTHER)])
        assert await narrow.silent()
        accounts, _ = server.ledger.accounts
        assert by_token(server.ledger.happened) == {YES: {"order": 2, "trade": 1}}
        assert [by_token(account.due) for account in accounts] == [
            {YES: {"order": 2, "trade": 1}},
            {YES: {"order": 1}},
        ]
        assert [by_token(account.sent) for account in accounts] == [{YES: {"order": 1, "trade": 1}}, {}]
        assert {connection.channel for connection in server.channel.connections} == {"user"}


async def test_who_does_not_read_is_dropped_and_counted(server: UserServer) -> None:
    many = [placed(number) for number in range(200)]
    async with server.listener(ANN) as lazy, server.listener(ANN) as busy:
        lazy.stop_reading()
        while not server.ledger.slow_dropped:
            server.channel.publish(many)
            assert len(await busy.until_pong()) == len(many)
    assert str(WRITE_LIMIT) in server.ledger.accounts[1][0].ended


async def test_a_handshake_that_is_not_finished_is_ended() -> None:
    async with bounded(handshake_s=0.05) as hasty, hasty.tcp() as client:
        await client.write(b"GET /ws/user HTTP/1.1\r\nHost: here\r\n")
        assert await client.dropped()
        assert not hasty.channel.connections


async def test_a_socket_that_never_subscribes_is_closed_and_one_that_did_is_not() -> None:
    async with bounded(first_frame_s=0.2) as hasty, hasty.listener(ANN) as good, hasty.client() as silent:
        assert await silent.closed_with() == (1008, "no subscription came within 0.2 s")
        assert await good.silent()


async def test_where_no_channel_is_served_the_path_says_what_is(server: UserServer) -> None:
    async with server.client(MARKET_PATH) as client:
        assert client.status == 404
    server.channels.clear()  # as where a recording is played
    async with server.client() as client:
        assert client.status == 501
        assert client.answer == b"nobody can trade here, so there is no user channel; /ws/market is served\n"


async def test_no_secret_is_in_the_log_or_the_ledger(
    server: UserServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with server.listener(ANN) as client:
        server.channel.publish([placed()])
        await client.send({"operation": "subscribe", "auth": auth(ANN) | {"secret": "guessed-secret"}})
        assert (await client.message())["type"] == "PLACEMENT"
        assert await client.dropped()
    while server.ledger.accounts[0]:
        await anyio.lowlevel.checkpoint()
    (account,) = server.ledger.accounts[1]
    kept = repr([getattr(account, name) for name in account.__slots__])
    said = caplog.text + "".join(capfd.readouterr()) + kept
    assert "other credentials" in said
    for secret in (*SECRETS[ANN], "guessed-secret"):
        assert secret not in said

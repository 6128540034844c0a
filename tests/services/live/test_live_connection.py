"""`services.live.connection`: what one socket of the live-data service is asked, and what it makes of the answers."""

import asyncio

import pytest

from polywire.model.live import ActivityMatched, Commented, CryptoPriced, EquityPriced, LiveRefused, Reacted
from polywire.wire.tape import Record, RecordKind
from services.live.live_service import a_live_feed, comment, price, trade

pytestmark = pytest.mark.anyio

ACTIVITY = [("activity", "orders_matched", ""), ("activity", "trades", "")]


async def test_subscriptions_come_first_one_a_frame_and_without_a_filter() -> None:
    """A topic that the service refuses costs no other; and filters are known to match nothing."""
    async with a_live_feed() as it:
        it.read(ActivityMatched, EquityPriced, tokens=frozenset({"7"}), symbols=frozenset({"AAPL"}))
        socket = await it.until_open()
        assert [len(request.subscriptions) for request in socket.live_requests] == [1, 1, 1]
        assert socket.subscribed == [*ACTIVITY, ("equity_prices", "update", "")]


@pytest.mark.parametrize(
    ("kind", "topics"),
    [
        (ActivityMatched, {"activity"}),
        (
            CryptoPriced,
            {
                "crypto_prices",
                "crypto_prices_chainlink",
                "crypto_prices_twap_thirty",
                "crypto_prices_twap_sixty",
            },
        ),
        (EquityPriced, {"equity_prices"}),
        (Commented, {"comments"}),
        (Reacted, {"comments"}),
    ],
)
async def test_each_kind_is_subscribed_to_by_its_topics_and_no_others(kind: type, topics: set[str]) -> None:
    async with a_live_feed() as it:
        it.read(kind)
        assert {topic for topic, _, _ in (await it.until_open()).subscribed} == topics


async def test_a_ping_is_written_every_five_seconds_and_never_before_the_subscription() -> None:
    async with a_live_feed() as it:
        it.read(Commented)
        socket = await it.until_open()
        await asyncio.sleep(31)
        assert socket.sent[0] != b"PING"
        assert socket.sent.count(b"PING") == 6
        assert it.status["sockets"][0]["last_pong_s"] < 5


async def test_a_peer_that_answers_no_ping_is_given_up_after_fifteen_seconds() -> None:
    async with a_live_feed() as it:
        it.dial.pongs = False
        it.read(Commented)
        socket = await it.until_open()
        await asyncio.sleep(14)
        assert not socket.closed
        await asyncio.sleep(3)
        assert socket.closed
        await asyncio.sleep(3)
        assert "PONG" in it.status["sockets"][0]["reasons"][0]["reason"]


async def test_topics_read_later_are_added_and_topics_read_no_more_are_ended_by_topic_and_type_alone() -> None:
    async with a_live_feed() as it:
        it.read(ActivityMatched)
        socket = await it.until_open()
        it.read(ActivityMatched, Commented)
        await asyncio.sleep(1)
        assert [topic for topic, _, _ in socket.subscribed] == ["activity", "activity", "comments", "comments"]
        it.read(Commented)
        await asyncio.sleep(1)
        assert [topic for topic, _, _ in socket.subscribed] == ["comments", "comments"]
        assert [request.action for request in socket.live_requests[-2:]] == ["unsubscribe"] * 2
        assert all(not one.filters for request in socket.live_requests for one in request.subscriptions)


@pytest.mark.parametrize("types", [("orders_matched", "trades"), ("trades", "orders_matched")])
async def test_a_trade_that_comes_under_both_types_is_told_once(types: tuple[str, str]) -> None:
    """`trades` is silent since March 2026; should it speak again, nothing is told twice."""
    async with a_live_feed() as it:
        it.read(ActivityMatched)
        socket = await it.until_open()
        for type_ in types:
            socket.hear(trade(1, type_=type_))
        socket.hear(trade(2, type_=types[0]))
        socket.hear(trade(3, type_=types[1]))
        assert it.trades == [1, 2, 3]


async def test_equal_fills_of_one_transaction_are_as_many_trades() -> None:
    async with a_live_feed() as it:
        it.read(ActivityMatched)
        socket = await it.until_open()
        for type_ in ("orders_matched", "orders_matched", "trades", "trades"):
            socket.hear(trade(1, type_=type_))
        assert it.trades == [1, 1]


async def test_a_trade_without_topic_and_type_is_told() -> None:
    async with a_live_feed() as it:
        it.read(ActivityMatched)
        socket = await it.until_open()
        bare = trade(1).replace(b'"topic":"activity","type":"orders_matched",', b"")
        assert b"topic" not in bare
        socket.hear(bare)
        socket.hear(trade(1, type_="trades"))
        assert it.trades == [1]


async def test_empty_frames_and_pongs_are_no_data_and_what_cannot_be_read_is_counted() -> None:
    async with a_live_feed() as it:
        it.read(Commented)
        socket = await it.until_open()
        for odd in (b"", b"PONG", b"{", b'{"topic":"comments","type":"comment_created","payload":{}}', b'{"\xff":1}'):
            socket.hear(odd)
        socket.hear(b'{"topic":"clob_user","type":"order","payload":{}}')
        await asyncio.sleep(2)
        assert it.told == []
        assert it.status["sockets"][0]["last_data_s"] is None
        assert it.status["undecoded"] == {
            "not-json": 1,
            "comments.comment_created": 1,
            "bad-utf8": 1,
            "unknown:clob_user.order": 1,
        }


async def test_news_of_the_market_channel_that_nobody_asked_for_are_told_to_nobody() -> None:
    async with a_live_feed() as it:
        it.read(Commented)
        change = b'{"m":"0x1","t":"5","pc":[{"a":"7","p":"0.5","s":"BUY","si":"5","h":"","bb":"0.5","ba":"0.6"}]}'
        (await it.until_open()).hear(b'{"topic":"clob_market","type":"price_change","payload":%b}' % change)
        assert it.told == []
        assert it.feed.tally.messages == {"clob_market.price_change": 1}


async def test_a_refusal_is_told_and_counted_and_the_socket_stays_open() -> None:
    async with a_live_feed() as it:
        it.read(Commented, LiveRefused)
        socket = await it.until_open()
        socket.hear(b'{"message":"Invalid request body","connectionId":"c","requestId":"r"}')
        socket.hear(comment(1))
        assert [type(event) for event in it.told] == [LiveRefused, Commented]
        assert (it.status["refused"], it.status["last_refusal"]) == (1, "Invalid request body")
        assert it.dial.streams == [socket]


async def test_every_frame_is_kept_where_somebody_records() -> None:
    kept: list[Record] = []
    async with a_live_feed() as it:
        it.feed.record(kept.append)
        it.read(CryptoPriced)
        socket = await it.until_open()
        socket.hear(price(1))
        it.feed.record(None)
        socket.hear(price(2))
    assert [(one.kind, one.source) for one in kept] == [
        (RecordKind.OPENED, "live-data"),
        (RecordKind.FRAME, "live-data"),
    ]
    assert kept[1].data == price(1)

"""What is a request to the live-data service, and what a filter matches."""

import json

import pytest

from polywire.errors import Undecodable
from polywire.exchange.live.live_messages import BINANCE, CHAINLINK
from polywire.exchange.live.live_requests import (
    EVERYTHING,
    LONGEST_FILTER,
    TOLD,
    TOPICS,
    keys_of,
    keys_of_market,
    keys_of_symbol,
    read,
)
from polywire.wire.requests import LiveSubscription, live_request


def asked(topic: str, type_: str = "*", filters: object = "", action: str = "subscribe") -> bytes:
    one = {"topic": topic, "type": type_} | ({"filters": filters} if filters != "" else {})
    return json.dumps({"action": action, "subscriptions": [one]}).encode()


@pytest.mark.parametrize(
    ("topic", "type_"), [(topic, type_) for topic, types in TOPICS.items() for type_ in sorted(types)]
)
def test_every_topic_of_the_table_is_taken(topic: str, type_: str) -> None:
    for action in ("subscribe", "unsubscribe"):
        request = read(asked(topic, type_, action=action))
        assert request is not None
        assert request.subscriptions == (LiveSubscription(topic, type_),)
    assert read(asked(topic)) is not None


def test_what_is_told_is_in_the_table() -> None:
    assert all(type_ in TOPICS[topic] for topic, type_ in TOLD.items())


@pytest.mark.parametrize(
    "frame",
    [
        *(b"hello", b"[]", b"null", b'{"action":', b"\xff\xfe", b"[" * 5_000),
        b'{"action":"listen","subscriptions":[]}',
        b'{"action":"subscribe"}',
        b'{"action":"subscribe","subscriptions":{}}',
        asked("weather"),
        asked("activity", "x"),
        asked("activity", filters={"event_slug": "x"}),
        asked("clob_market", filters=["1"]),
        asked("activity", filters=7),
        asked("activity", filters="x" * (LONGEST_FILTER + 1)),
        asked("activity", filters="x", action="unsubscribe"),
    ],
)
def test_what_is_no_request_is_refused(frame: bytes) -> None:
    with pytest.raises(Undecodable):
        read(frame)


@pytest.mark.parametrize("frame", [b"{}", b'{"action":null}', b'{"subscriptions":[{"topic":"activity","type":"*"}]}'])
def test_a_frame_without_an_action_is_none(frame: bytes) -> None:
    assert read(frame) is None


def test_our_own_feed_is_understood() -> None:
    subscription = LiveSubscription("crypto_prices", "update", "btcusdt")
    for action in ("subscribe", "unsubscribe"):
        assert read(live_request(action, [subscription])) is not None


def test_a_filter_is_the_text_it_is() -> None:
    keys = keys_of_market("a-game", "a-game-total")
    for text in (EVERYTHING, '{"event_slug":"a-game"}', '{"market_slug":"a-game-total"}'):
        assert keys_of(LiveSubscription("activity", "*", text))[0] in keys
    for text in ('{"event_slug": "a-game"}', '{"event_slug":"a-game-total"}', "a-game", '{"slug":"a-game"}'):
        assert keys_of(LiveSubscription("activity", "*", text))[0] not in keys


def test_only_binances_symbols_may_stand_in_a_list() -> None:
    assert set(keys_of(LiveSubscription("crypto_prices", "*", "ethusdt,btcusdt"))) & set(
        keys_of_symbol(BINANCE, "btcusdt")
    )
    for text in ("btc/usd", "eth/usd,btc/usd"):
        assert not set(keys_of(LiveSubscription("crypto_prices_chainlink", "*", text))) & set(
            keys_of_symbol(CHAINLINK, "btc/usd")
        )
    for topic, symbol in ((BINANCE, "btcusdt"), (CHAINLINK, "btc/usd")):
        assert keys_of(LiveSubscription(topic.name, "*", f'{{"symbol":"{symbol}"}}'))[0] in keys_of_symbol(
            topic, symbol
        )

"""`wire.requests`: the client's own messages, written and read."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frames import NO, YES, frame, names
from polywire.errors import Undecodable
from polywire.model.credentials import ApiCredentials
from polywire.model.units import ConditionId, TokenId
from polywire.wire.requests import (
    IDS_A_FRAME,
    PING,
    LiveRequest,
    LiveSubscription,
    MarketRequest,
    live_request,
    market_subscription,
    market_unsubscription,
    read_live_request,
    read_market_request,
    user_market_change,
    user_subscription,
)

COUNTS = st.integers(0, 450) | st.sampled_from([1, 99, 100, 101, 199, 200, 201, 301])
TOKENS = st.builds(
    lambda count, random: random.choices([TokenId(str(n)) for n in range(999)], k=count), COUNTS, st.randoms()
)
ACTIVITY = LiveSubscription("activity", "orders_matched", '{"event_slug":"harbour-cup"}')
USER = LiveSubscription("clob_user", "*", clob_auth={"key": "k", "secret": "s", "passphrase": "p"})


# ---------------------------------------------------------------- the user channel


def test_the_first_frame_of_the_user_channel_names_the_account_and_the_markets_sorted_and_once() -> None:
    credentials = ApiCredentials("key", "c2VjcmV0", "open sesame", "0x12")
    auth = {"apiKey": "key", "secret": "c2VjcmV0", "passphrase": "open sesame"}
    assert json.loads(user_subscription(credentials)) == {"type": "user", "auth": auth, "markets": []}
    some = [ConditionId("0x2"), ConditionId("0x1"), ConditionId("0x2")]
    assert json.loads(user_subscription(credentials, some))["markets"] == ["0x1", "0x2"]


def test_markets_are_listed_and_unlisted_without_credentials() -> None:
    assert user_market_change("subscribe", [ConditionId("0x2"), ConditionId("0x1")]) == (
        b'{"operation":"subscribe","markets":["0x1","0x2"]}'
    )


# ---------------------------------------------------------------- the market channel


def test_what_is_written_is_the_hand_written_frame_byte_for_byte() -> None:
    assert list(market_subscription([NO, YES], first=True, custom=True)) == [frame("request.market.first")]
    assert list(market_subscription([NO], first=False, custom=False)) == [frame("request.market.subscribe")]
    assert list(market_unsubscription([NO, YES, NO])) == [frame("request.market.unsubscribe")]


def test_every_hand_written_request_is_read() -> None:
    read: dict[str, MarketRequest | LiveRequest] = {
        "request.market.first": MarketRequest("first", (YES, NO), custom=True),
        "request.market.subscribe": MarketRequest("subscribe", (NO,), custom=False),
        "request.market.unsubscribe": MarketRequest("unsubscribe", (YES, NO)),
        "request.live.subscribe": LiveRequest(
            "subscribe",
            (
                LiveSubscription("crypto_prices", "update", "btcusdt,ethusdt"),
                LiveSubscription("comments", "*"),
                USER,
                ACTIVITY,
            ),
        ),
        "request.live.unsubscribe": LiveRequest("unsubscribe", (LiveSubscription("crypto_prices", "update"),)),
    }
    assert sorted(read) == names("request")
    for name, request in read.items():
        assert (read_market_request if "market" in name else read_live_request)(frame(name)) == request


@given(TOKENS, st.tuples(st.booleans(), st.booleans()))
def test_every_token_is_asked_for_once_and_at_most_a_hundred_a_frame(
    tokens: list[TokenId], flags: tuple[bool, bool]
) -> None:
    """Thousands of ids in one frame close the connection. Source: docs/protocol.md, "Limits"."""
    first, custom = flags
    asked = [read_market_request(one) for one in market_subscription(tokens, first=first, custom=custom)]
    assert [token for request in asked for token in request.tokens] == sorted(set(tokens))
    assert all(len(request.tokens) <= IDS_A_FRAME == 100 for request in asked)
    assert all(request.custom is custom and request.initial_dump for request in asked)
    kinds = [request.operation for request in asked]
    assert kinds == (["first", *["subscribe"] * (len(kinds) - 1)] if first else ["subscribe"] * len(kinds))


@given(TOKENS)
def test_every_token_is_given_up_once_and_at_most_a_hundred_a_frame(tokens: list[TokenId]) -> None:
    given_up = [read_market_request(one) for one in market_unsubscription(tokens)]
    assert [token for request in given_up for token in request.tokens] == sorted(set(tokens))
    assert all(request.operation == "unsubscribe" and len(request.tokens) <= 100 for request in given_up)
    assert all(request.custom is None for request in given_up)


@pytest.mark.parametrize(("count", "frames"), [(1, 1), (100, 1), (101, 2), (200, 2), (201, 3)])
def test_no_frame_more_than_needed_is_written(count: int, frames: int) -> None:
    tokens = [TokenId(str(number)) for number in range(count)]
    asked = [read_market_request(one) for one in market_subscription(tokens, first=True, custom=False)]
    assert [one.operation for one in asked] == ["first", *["subscribe"] * (frames - 1)]
    assert len(list(market_unsubscription(tokens))) == frames


def test_a_connection_without_tokens_still_opens_with_a_subscription() -> None:
    """The venue closes with 1008 on any other first frame; an empty one brings the broadcasts."""
    (only,) = market_subscription([], first=True, custom=True)
    assert read_market_request(only) == MarketRequest("first", (), custom=True)
    assert list(market_subscription([], first=False, custom=True)) == []
    assert list(market_unsubscription([])) == []


def test_an_unsubscription_says_nothing_of_the_flag() -> None:
    """`custom_feature_enabled` in an update replaces the connection's."""
    (only,) = market_unsubscription([YES])
    assert json.loads(only) == {"operation": "unsubscribe", "assets_ids": [YES]}


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ('{"type":"market"}', MarketRequest("first", ())),
        ('{"type":"MARKET","assets_ids":["7"]}', MarketRequest("first", (TokenId("7"),))),
        ('{"type":"market","operation":"subscribe","markets":[],"assets_ids":["7"],"initial_dump":true}',
         MarketRequest("subscribe", (TokenId("7"),))),
        ('{"operation":"unsubscribe","assets_ids":["7"],"auth":{"x":1}}',
         MarketRequest("unsubscribe", (TokenId("7"),))),
        ('{"type":"market","initial_dump":false,"level":3,"custom_feature_enabled":true}',
         MarketRequest("first", (), custom=True, initial_dump=False, level=3)),
        ('{"type":"market","custom_feature_enabled":null}', MarketRequest("first", ())),
    ],
)  # fmt: skip
def test_a_server_takes_type_or_operation_or_both_and_ignores_other_keys(text: str, request_: MarketRequest) -> None:
    """So do the clients in use differ. Source: docs/protocol.md, "Requests"."""
    assert read_market_request(text.encode()) == request_


BROKEN = [
    PING, b"", b"[]", b"5", b"{}", b'{"assets_ids":["7"]}', b'{"type":5}', b'{"type":"market","assets_ids":"7"}',
    b'{"type":"market","assets_ids":[7]}', b'{"type":"market","assets_ids":null}', b'{"operation":"merge"}',
    b'{"type":"market"', b'{"type":"\xff"}', b"\xff", b"[" * 10_000, b'{"x":' * 10_000,
    b'{"type":"market","level":' + b"9" * 9_000 + b"}",
]  # fmt: skip


@pytest.mark.parametrize("text", BROKEN, ids=lambda text: repr(text[:40]))
def test_what_is_no_request_to_the_market_channel_is_refused(text: bytes) -> None:
    with pytest.raises(Undecodable) as refusal:
        read_market_request(text)
    assert refusal.value.kind == "market-request"


# ---------------------------------------------------------------- the live-data service


def test_a_subscription_says_only_what_it_needs() -> None:
    """The service refuses some optional fields where they are empty."""
    prices, comments = LiveSubscription("crypto_prices", "update", "btcusdt,ethusdt"), LiveSubscription("comments", "*")
    assert live_request("subscribe", [prices, comments, USER, ACTIVITY]) == frame("request.live.subscribe")


def test_an_unsubscription_repeats_topic_and_type_only() -> None:
    """With filters or keys in it the service is known to refuse it. Source: docs/protocol.md, "Live data"."""
    kept = [LiveSubscription("activity", "orders_matched"), LiveSubscription("clob_user", "*")]
    assert read_live_request(live_request("unsubscribe", iter([ACTIVITY, USER]))) == LiveRequest(
        "unsubscribe", tuple(kept)
    )


def test_filters_are_a_text_and_no_json_object() -> None:
    """An object is rejected by the service; JSON filters travel as an escaped, compact text."""
    written = json.loads(live_request("subscribe", [ACTIVITY]))
    assert written["subscriptions"][0]["filters"] == '{"event_slug":"harbour-cup"}'
    with pytest.raises(Undecodable, match="filters"):
        read_live_request(b'{"action":"subscribe","subscriptions":[{"topic":"a","type":"b","filters":{"x":1}}]}')


def test_gamma_keys_are_carried() -> None:
    mine = LiveSubscription("comments", "*", gamma_auth={"address": "0x1"})
    assert read_live_request(live_request("subscribe", [mine])).subscriptions == (mine,)


@pytest.mark.parametrize(
    "text",
    [
        PING, b"", b"[]", b"{}", b'{"action":"subscribe"}', b'{"subscriptions":[]}',
        b'{"action":"x","subscriptions":[]}',
        b'{"action":"subscribe","subscriptions":[{"topic":"a"}]}', b'{"action":"subscribe","subscriptions":{}}',
        b'{"action":"\xff"}', b"[" * 10_000, b'{"x":' * 10_000,
    ],
    ids=lambda text: repr(text[:40]),
)  # fmt: skip
def test_what_is_no_request_to_the_live_data_service_is_refused(text: bytes) -> None:
    with pytest.raises(Undecodable) as refusal:
        read_live_request(text)
    assert refusal.value.kind == "live-request"


@pytest.mark.parametrize("read", [read_market_request, read_live_request])
@given(text=st.binary() | st.sampled_from([frame(name)[:end] for name in names("request") for end in range(60)]))
def test_any_bytes_are_read_or_refused(read: Callable[[bytes], object], text: bytes) -> None:
    kind = "market-request" if read is read_market_request else "live-request"
    try:
        read(text)
    except Undecodable as refusal:
        found = refusal.kind
    else:
        found = kind
    assert found == kind

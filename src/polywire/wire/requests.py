"""The client's own messages: what a feed sends, and what an exchange reads. Source: docs/protocol.md, "Requests"."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

import msgspec

from polywire.errors import Undecodable
from polywire.model.credentials import ApiCredentials
from polywire.model.units import ConditionId, TokenId

IDS_A_FRAME: Final = 100
"""Ids in one subscription frame: thousands of them make the venue close the socket."""

PING: Final = b"PING"
"""The text heartbeat. Never before the first subscription: the venue closes with 1008."""


class MarketRequest(msgspec.Struct, frozen=True):
    """What a client asks of the market channel."""

    operation: Literal["first", "subscribe", "unsubscribe"]  # "first": `type` without `operation`
    tokens: tuple[TokenId, ...]
    custom: bool | None = None  # the connection's flag for best bid/ask and market events; None: leave it
    initial_dump: bool = True  # whether snapshots are wanted
    level: int = 2


class LiveSubscription(msgspec.Struct, frozen=True, omit_defaults=True):
    """One subscription to the live-data service."""

    topic: str
    type: str  # "*": every type of the topic
    filters: str = ""  # compact JSON text, or a comma list for `crypto_prices`; "": everything
    clob_auth: dict[str, str] | None = None  # {key, secret, passphrase} for `clob_user`
    gamma_auth: dict[str, str] | None = None


class LiveRequest(msgspec.Struct, frozen=True):
    """What a client asks of the live-data service."""

    action: Literal["subscribe", "unsubscribe"]
    subscriptions: tuple[LiveSubscription, ...]


class _MarketFrame(msgspec.Struct):
    type: str | None = None
    operation: Literal["subscribe", "unsubscribe"] | None = None
    assets_ids: tuple[str, ...] = ()
    custom_feature_enabled: bool | None = None
    initial_dump: bool = True
    level: int = 2


_market = msgspec.json.Decoder(_MarketFrame).decode
_live = msgspec.json.Decoder(LiveRequest).decode
_encode = msgspec.json.Encoder().encode


def market_subscription(tokens: Iterable[TokenId], *, first: bool, custom: bool) -> Iterator[bytes]:
    """Yield the frames that subscribe to tokens, at most 100 ids each.

    Args:
        tokens: Sent once each, sorted.
        first: Whether nothing was sent on this connection yet; then at least one frame is yielded, for the
            venue wants a subscription before anything else, be it an empty one.
        custom: Whether best bid/ask, new market and resolved events are wanted.

    >>> list(market_subscription([TokenId("9"), TokenId("7")], first=True, custom=True))
    [b'{"type":"market","assets_ids":["7","9"],"initial_dump":true,"custom_feature_enabled":true}']
    """
    wanted = sorted(set(tokens))
    for start in range(0, len(wanted), IDS_A_FRAME) or ((0,) if first else ()):
        ids = wanted[start : start + IDS_A_FRAME]
        opening: dict[str, Any] = {"type": "market"} if first and not start else {"operation": "subscribe"}
        yield _encode(opening | {"assets_ids": ids, "initial_dump": True, "custom_feature_enabled": custom})


def market_unsubscription(tokens: Iterable[TokenId]) -> Iterator[bytes]:
    """Yield the frames that unsubscribe from tokens, at most 100 ids each.

    >>> list(market_unsubscription([TokenId("7")]))
    [b'{"operation":"unsubscribe","assets_ids":["7"]}']
    """
    wanted = sorted(set(tokens))
    for start in range(0, len(wanted), IDS_A_FRAME):
        yield _encode({"operation": "unsubscribe", "assets_ids": wanted[start : start + IDS_A_FRAME]})


def user_subscription(credentials: ApiCredentials, markets: Iterable[ConditionId] = ()) -> bytes:
    """Return the first frame of the user channel. It holds credentials in clear: it is sent, never shown or kept.

    Args:
        credentials: Whose orders and trades are wanted: those that came with this API key.
        markets: Their conditions; none: all.

    Source: docs/protocol.md, "User channel".
    """
    auth = {"apiKey": credentials.key, "secret": credentials.secret, "passphrase": credentials.passphrase}
    return _encode({"type": "user", "auth": auth, "markets": sorted(set(markets))})


def user_market_change(operation: Literal["subscribe", "unsubscribe"], markets: Iterable[ConditionId]) -> bytes:
    """Return the frame that lists more or fewer markets on the user channel. A connection that lists none hears of all.

    >>> user_market_change("unsubscribe", [ConditionId("0x7")])
    b'{"operation":"unsubscribe","markets":["0x7"]}'
    """
    return _encode({"operation": operation, "markets": sorted(set(markets))})


def live_request(action: Literal["subscribe", "unsubscribe"], subscriptions: Iterable[LiveSubscription]) -> bytes:
    """Return one frame for the live-data service.

    An unsubscription repeats topic and type only: with filters in it the service is known to refuse it.

    >>> live_request("unsubscribe", [LiveSubscription("crypto_prices", "update", "btcusdt")])
    b'{"action":"unsubscribe","subscriptions":[{"topic":"crypto_prices","type":"update"}]}'
    """
    listed = tuple(subscriptions)
    if action == "unsubscribe":
        listed = tuple(LiveSubscription(one.topic, one.type) for one in listed)
    return _encode(LiveRequest(action, listed))


def read_market_request(frame: bytes) -> MarketRequest:
    """Return what a client asks of the market channel: `type`, `operation`, or both, other keys ignored.

    Raises:
        Undecodable: It is no subscription.
    """
    try:
        asked = _market(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as refusal:
        raise Undecodable("market-request", str(refusal)) from refusal
    if asked.type is None and asked.operation is None:
        raise Undecodable("market-request", "neither `type` nor `operation`")
    return MarketRequest(
        asked.operation or "first",
        tuple(map(TokenId, asked.assets_ids)),
        asked.custom_feature_enabled,
        asked.initial_dump,
        asked.level,
    )


def read_live_request(frame: bytes) -> LiveRequest:
    """Return what a client asks of the live-data service.

    Raises:
        Undecodable: It is no request, as with `filters` that are not a text.
    """
    try:
        return _live(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as refusal:
        raise Undecodable("live-request", str(refusal)) from refusal

"""A venue: who it is, and where each of its services is reached."""

from typing import Final

import msgspec


class VenueUrls(msgspec.Struct, frozen=True):
    """Where the services of one venue are. Source: docs/protocol.md, "Services"."""

    clob: str
    gamma: str
    market_ws: str
    data: str = ""
    relayer: str = ""
    rpc: str = ""
    rfq: str = ""
    user_ws: str = ""
    rtds_ws: str = ""
    realtime_ws: str = ""
    sports_ws: str = ""


class Venue(msgspec.Struct, frozen=True):
    """A venue as it describes itself."""

    identity: str  # credentials are kept per identity; only "polymarket" may ever use the owner's own key
    chain_id: int
    urls: VenueUrls


POLYMARKET: Final = Venue(
    "polymarket",
    137,
    VenueUrls(
        clob="https://clob.polymarket.com",
        gamma="https://gamma-api.polymarket.com",
        market_ws="wss://ws-subscriptions-clob.polymarket.com/ws/market",
        data="https://data-api.polymarket.com",
        relayer="https://relayer-v2.polymarket.com",
        rpc="https://polygon.drpc.org",
        rfq="https://combos-rfq-api.polymarket.com",
        user_ws="wss://ws-subscriptions-clob.polymarket.com/ws/user",
        rtds_ws="wss://ws-live-data.polymarket.com",
        realtime_ws="wss://ws-live-v2.polymarket.com/ws",
        sports_ws="wss://sports-api.polymarket.com/ws",
    ),
)
"""Production."""

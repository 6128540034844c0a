"""The venue's channels, one row each: how a recording's line finds its decoder."""

import re
from enum import StrEnum
from typing import Final


class Channel(StrEnum):
    """A stream of the venue. The value is the source written on our own tapes."""

    MARKET = "clob-market"  # `polywire.wire.market`; REST books kept among the frames included
    LIVE = "live-data"  # `polywire.wire.live`
    USER = "clob-user"  # `polywire.wire.user`; what we send there is never recorded: it holds credentials


_LIVE_MARKS: Final = (b'"topic"', b'"connectionId"', b'"connection_id"')
_OURS: Final = ("polymarket", "clob", "rtds", "live-data", "live_data")
_LIVE_NAMES: Final = ("rtds", "live-data", "live_data")
_USER_NAMES: Final = ("clob-user", "clob_user", "user-channel")
_USER_MARKS: Final = re.compile(rb'"event_type"\s*:\s*"(?:order|trade)"|"order_owner"|"taker_order_id"')


def channel_of(source: str, frame: bytes) -> Channel | None:
    """Return the channel a recorded frame came from; None: another venue's.

    Args:
        source: The name the recorder gave; "": none, then the frame's own shape tells.
        frame: The frame.

    >>> channel_of("polymarket_rtds_chainlink", b"{}"), channel_of("binance", b"{}"), channel_of("", b'{"topic":"x"}')
    (<Channel.LIVE: 'live-data'>, None, <Channel.LIVE: 'live-data'>)
    """
    name = source.lower()
    if name:
        if any(mark in name for mark in _LIVE_NAMES):
            return Channel.LIVE
        if any(mark in name for mark in _USER_NAMES):
            return Channel.USER
        if not any(mark in name for mark in _OURS):
            return None
    start = frame[:4096]
    if any(mark in start for mark in _LIVE_MARKS) and b'"event_type"' not in start:
        return Channel.LIVE
    return Channel.USER if _USER_MARKS.search(start) else Channel.MARKET

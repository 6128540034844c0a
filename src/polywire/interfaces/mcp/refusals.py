"""What a tool says when it cannot: one or two sentences with the next step, and never a traceback."""

from typing import Any

from mcp_types import CallToolResult, TextContent
from pydantic import ValidationError

from polywire.errors import (
    JournalFault,
    Misuse,
    NoCredentials,
    OwnerGone,
    PolywireError,
    TooMany,
    UnknownTarget,
    VenueUnreachable,
)
from polywire.interfaces.mcp.line import Line
from polywire.interfaces.mcp.strangers import fence

_FAULTS = 4
_CUT = 60


def refused(sentence: str) -> CallToolResult:
    """Return a refusal as a tool's result."""
    return CallToolResult(content=[TextContent(type="text", text=sentence)], is_error=True)


def sentence_of(fault: PolywireError, line: Line) -> str:
    """Return what a fault is told as. Names that come near are strangers' words, and fenced."""
    match fault:
        case UnknownTarget(target=target, nearest=nearest):
            near = (
                f"the nearest are {', '.join(fence(name) for name in nearest)}" if nearest else "nothing comes near it"
            )
            return (
                f"No market is known as {fence(target, 100)}; {near}. A token id, a condition id, a slug or a market's "
                'URL will do; search_markets(query="…") finds them by words.'
            )
        case NoCredentials(venue=venue):
            return (
                f"Own orders and trades of {venue} need API credentials, and there are none: set POLYGON_PRIVATE_KEY "
                "(a key is made from it), or POLYMARKET_API_KEY, POLYMARKET_API_SECRET and POLYMARKET_PASSPHRASE, in "
                "the vault, the environment or .env of the owner (`polywire up`) and start it again. Never put them "
                "into a tool's arguments. Everything about markets works without: subscribe_market_prices, "
                "subscribe_orderbook_updates, subscribe_market_resolution, search_markets, get_order_book."
            )
        case TooMany():
            return f"{fault} Nothing was subscribed to; list_watches tells what stands, unsubscribe_realtime ends one."
        case Misuse():
            return _sentence(fault)
        case OwnerGone():
            return (
                f"{_sentence(fault)} It {line.owner_since()}. Nothing that was written down is lost: go on from your "
                "last cursor when it is back."
            )
        case VenueUnreachable():
            return (
                f"{_sentence(fault)} The venue {line.venue_since()}. Subscriptions stand and go on by themselves; "
                "get_realtime_status tells how the feed is, get_events what was written down."
            )
        case JournalFault():
            return f"{_sentence(fault)} get_realtime_status tells how the feed is."
        case _:
            return _sentence(fault)


def silent(line: Line, limit_s: float) -> str:
    """Return what is told where no answer came in time."""
    return (
        f"There was no answer within {limit_s:g} s: the owner of the data directory {line.owner_since()}. Try again; "
        "`polywire status` in a terminal tells whether it runs, `polywire up` starts one."
    )


def malformed(tool: str, fault: ValidationError) -> str:
    """Return what is wrong with a call's arguments, field by field."""
    faults = fault.errors(include_url=False, include_context=False)
    told = "; ".join(_fault(one) for one in faults[:_FAULTS])
    more = f"; and {len(faults) - _FAULTS} more" if len(faults) > _FAULTS else ""
    return f"{tool} was not called: {told}{more}. Its description has an example."


def unexpected(tool: str, name: str) -> str:
    """Return what is told of a bug of ours."""
    return (
        f"{tool} failed inside Polywire, which is a bug: error {name}, in the server's log under that name. Trying "
        "again may work; get_realtime_status tells how the feed is."
    )


def _fault(one: Any) -> str:
    field = ".".join(
        str(part) for part in one["loc"] if not str(part).startswith(("function-", "list[", "constrained-"))
    )
    given = repr(one.get("input"))
    given = given if len(given) <= _CUT else f"{given[:_CUT]}…"
    return f"`{field}`: {one['msg']} (given: {given})" if one["type"] != "missing" else f"`{field}` is missing"


def _sentence(fault: PolywireError) -> str:
    text = str(fault)
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")

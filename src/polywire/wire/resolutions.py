"""How a market ended, as REST tells it. Source: docs/protocol.md, "Resolution"."""

from decimal import Decimal
from typing import Any, Final

import msgspec

from polywire.errors import Undecodable
from polywire.model.market import MarketResolved
from polywire.model.units import ConditionId, TokenId
from polywire.wire.gamma import read_markets, texts_of
from polywire.wire.instants import read_instant
from polywire.wire.numbers import read_decimal

_PENDING: Final = frozenset({"requested", "proposed", "disputed"})
"""Words of the oracle for an answer that may still be another."""

_FINAL: Final = frozenset({"resolved", "settled"})
_PAIR: Final = 2
_HALF: Final = Decimal("0.5")
_NOBODY: Final = TokenId("")


def read_gamma_resolutions(body: bytes, seen_ns: int) -> tuple[list[MarketResolved], list[ConditionId]]:
    """Return the markets of a catalogue's answer that are resolved, and those that are closed without a winner told.

    A winner is told where one outcome is worth exactly 1 and the other 0, and no answer is awaited or disputed. Closed
    is not resolved: trading may have ended long before.

    Args:
        body: What `/markets` or `/markets/keyset` answered.
        seen_ns: Unix nanoseconds, our clock, when it arrived.

    Raises:
        Undecodable: It is no JSON object or list.
    """
    resolved: list[MarketResolved] = []
    unsaid: list[ConditionId] = []
    for market, part in read_markets(body):
        if not market.closed:
            continue
        won = _won(part)
        if won is None:
            unsaid.append(market.condition)
            continue
        resolved.append(
            MarketResolved(
                market.condition,
                market.market,
                market.tokens,
                _NOBODY if won < 0 else market.tokens[won],
                "" if won < 0 else market.outcomes[won],
                (),
                _time(part.get("closedTime")),
                seen_ns,
                recovered=True,
            )
        )
    return resolved, unsaid


def read_clob_resolution(body: bytes, seen_ns: int) -> MarketResolved | None:
    """Return how a market ended, by what the CLOB's `/markets/{condition}` answered; None: it has not, or is unknown.

    The CLOB says who won and not when: `venue_ms` is 0.

    Args:
        body: The answer.
        seen_ns: Unix nanoseconds, our clock, when it arrived.

    Raises:
        Undecodable: It is no JSON object.
    """
    try:
        answer: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as refusal:
        raise Undecodable("clob_market", str(refusal), ()) from refusal
    if not isinstance(answer, dict):
        raise Undecodable("clob_market", f"a JSON {type(answer).__name__} where a market belongs", ())
    condition, tokens = answer.get("condition_id"), answer.get("tokens")
    if answer.get("closed") is not True or not isinstance(condition, str) or not isinstance(tokens, list):
        return None
    named = [one for one in tokens if isinstance(one, dict) and isinstance(one.get("token_id"), str)]
    winners = [one for one in named if one.get("winner") is True]
    halves = answer.get("is_50_50_outcome") is True
    if len(named) != _PAIR or not (halves or len(winners) == 1):
        return None
    outcome = "" if halves else winners[0].get("outcome")
    return MarketResolved(
        ConditionId(condition),
        "",
        tuple(TokenId(one["token_id"]) for one in named),
        _NOBODY if halves else TokenId(winners[0]["token_id"]),
        outcome if isinstance(outcome, str) else "",
        (),
        0,
        seen_ns,
        recovered=True,
    )


def _won(part: dict[str, Any]) -> int | None:
    """Return which outcome of a closed market won, 0 or 1; -1: each is worth a half; None: it is not told."""
    stated = part.get("umaResolutionStatus")
    status = stated if isinstance(stated, str) else ""
    try:
        prices = [read_decimal(text) for text in texts_of(part.get("outcomePrices"))]
    except ValueError:
        return None
    if len(prices) != _PAIR or status in _PENDING:
        return None
    if sorted(prices) == [0, 1]:
        return prices.index(Decimal(1))
    return -1 if prices == [_HALF, _HALF] and status in _FINAL else None


def _time(value: Any) -> int:
    try:
        return read_instant(value) if isinstance(value, str) else 0
    except ValueError:
        return 0

"""Markets as the CLOB's REST side shows them: full, simplified, and the compact form that order builders read."""

from typing import Any, Final

from polywire.exchange.answers import amount_number, price_number
from polywire.exchange.catalogue import VenueEvent, VenueMarket
from polywire.exchange.messages import LEGACY_FEE
from polywire.exchange.shelf import Shelf, iso
from polywire.model.units import PRICE_ONE, SIZE_ONE

REWARD_MIN: Final = 50 * SIZE_ONE
"""Shares an order needs to earn rewards; ours pay none, but clients read the terms."""


def compact_market(market: VenueMarket) -> dict[str, Any]:
    """Return `GET /clob-markets/{condition}`: keys of one to five letters; false flags are left out."""
    shown: dict[str, Any] = {
        "r": {"mi": amount_number(REWARD_MIN), "ma": price_number(45_000)},
        "t": [{"t": token, "o": name} for token, name in zip(market.tokens, market.outcomes, strict=True)],
        "c": market.condition,
        "mos": amount_number(market.min_size),
        "mts": price_number(market.tick),
        "mbf": LEGACY_FEE if market.fee_rate else 0,
        "tbf": LEGACY_FEE if market.fee_rate else 0,
        "ao": market.accepting_orders,
        "aot": iso(market.start_ms),
        "v": "v1",
    }
    if market.neg_risk:
        shown["nr"] = True
    if market.game_start_ms:
        shown["gst"] = iso(market.game_start_ms)
    if market.fee_rate:
        shown["fd"] = {"r": price_number(market.fee_rate), "e": market.fee_exponent, "to": True}
    return shown


def full_market(market: VenueMarket, shelf: Shelf) -> dict[str, Any]:
    """Return `GET /markets/{condition}`."""
    event = shelf.catalogue.events[market.event_id]
    return {
        "enable_order_book": True,
        "active": True,
        "closed": market.closed,
        "archived": False,
        "accepting_orders": market.accepting_orders,
        "accepting_order_timestamp": iso(market.start_ms),
        "minimum_order_size": amount_number(market.min_size),
        "minimum_tick_size": price_number(market.tick),
        "condition_id": market.condition,
        "question_id": market.question_id,
        "question": market.question,
        "description": market.description,
        "market_slug": market.slug,
        "end_date_iso": iso(market.end_ms),
        "game_start_time": iso(market.game_start_ms) or None,
        "seconds_delay": 0,
        "fpmm": "",
        "maker_base_fee": LEGACY_FEE if market.fee_rate else 0,
        "taker_base_fee": LEGACY_FEE if market.fee_rate else 0,
        "notifications_enabled": False,
        "neg_risk": market.neg_risk,
        "neg_risk_market_id": event.neg_risk_id if market.neg_risk else "",
        "neg_risk_request_id": market.question_id if market.neg_risk else "",
        "icon": "",
        "image": "",
        "rewards": _rewards(),
        "is_50_50_outcome": False,
        "tokens": _tokens(market, shelf),
        "tags": _tags(event),
    }


def simplified_market(market: VenueMarket, shelf: Shelf) -> dict[str, Any]:
    """Return an item of `GET /simplified-markets`."""
    return {
        "condition_id": market.condition,
        "tokens": _tokens(market, shelf),
        "rewards": _rewards(),
        "active": True,
        "closed": market.closed,
        "archived": False,
        "accepting_orders": market.accepting_orders,
    }


def outcome_prices(market: VenueMarket, shelf: Shelf) -> tuple[int, int]:
    """Return what each outcome is worth, in 1e-6 USDC: the middle of its book, or 1 and 0 once it is decided.

    Where a side is empty, the middle is taken to the end of the scale, as the venue states an empty side.
    """
    if market.winner is not None:
        won = market.tokens.index(market.winner) == 0
        return (SIZE_ONE, 0) if won else (0, SIZE_ONE)
    page = shelf.page(market.tokens[0])
    first = SIZE_ONE // 2 if page is None else (page.best_bid + page.best_ask) * (SIZE_ONE // PRICE_ONE // 2)
    return first, SIZE_ONE - first


def _tokens(market: VenueMarket, shelf: Shelf) -> list[dict[str, Any]]:
    return [
        {"token_id": token, "outcome": name, "price": amount_number(price), "winner": token == market.winner}
        for token, name, price in zip(market.tokens, market.outcomes, outcome_prices(market, shelf), strict=True)
    ]


def _rewards() -> dict[str, Any]:
    return {"rates": None, "min_size": amount_number(REWARD_MIN), "max_spread": price_number(45_000)}


def _tags(event: VenueEvent) -> list[str]:
    return [*event.tags, "All"]

"""Markets, events and tags as Gamma shows them, its odd encodings included. Source: the venue's API reference.

`outcomes`, `outcomePrices` and `clobTokenIds` are texts that hold JSON arrays; ids are texts; money stands both as a
text and as a number; no key is called `state`, for the official client refuses it.
"""

import re
import zlib
from typing import Any, Final

import msgspec

from polywire.exchange.answers import amount_number, price_number
from polywire.exchange.catalogue import VenueEvent, VenueMarket
from polywire.exchange.clob_markets import REWARD_MIN, outcome_prices
from polywire.exchange.messages import LEGACY_FEE
from polywire.exchange.shelf import Shelf, iso
from polywire.model.units import size_text
from polywire.wire.numbers import read_price

_WORTH: Final = 10_000
"""1e-10 USDC, which liquidity is kept in, to 1e-6."""


def market_object(market: VenueMarket, shelf: Shelf, *, within_event: bool = False) -> dict[str, Any]:
    """Return a market; inside an event without its event and tags."""
    event = shelf.catalogue.events[market.event_id]
    page = shelf.page(market.tokens[0])
    liquidity = 0 if page is None else page.worth // _WORTH
    prices = outcome_prices(market, shelf)
    fee = LEGACY_FEE if market.fee_rate else 0
    shown: dict[str, Any] = {
        "id": market.id,
        "question": market.question,
        "conditionId": market.condition,
        "slug": market.slug,
        "resolutionSource": "",
        "startDate": iso(market.start_ms),
        "endDate": iso(market.end_ms),
        "startDateIso": iso(market.start_ms)[:10],
        "endDateIso": iso(market.end_ms)[:10],
        "createdAt": iso(market.created_ms),
        "updatedAt": iso(shelf.now_ms()),
        "image": "",
        "icon": "",
        "description": market.description,
        "outcomes": _listed(market.outcomes),
        "outcomePrices": _listed([size_text(price) for price in prices]),
        "clobTokenIds": _listed(market.tokens),
        "active": True,
        "closed": market.closed,
        "archived": False,
        "new": False,
        "featured": False,
        "restricted": True,
        "marketMakerAddress": "",
        "questionID": market.question_id,
        "enableOrderBook": True,
        "orderPriceMinTickSize": price_number(market.tick),
        "orderMinSize": amount_number(market.min_size),
        "acceptingOrders": market.accepting_orders,
        "acceptingOrdersTimestamp": iso(market.start_ms),
        "hasReviewedDates": True,
        "volume": size_text(market.volume),
        "volumeNum": amount_number(market.volume),
        "volumeClob": amount_number(market.volume),
        "volume24hr": amount_number(market.volume),
        "volume24hrClob": amount_number(market.volume),
        "liquidity": size_text(liquidity),
        "liquidityNum": amount_number(liquidity),
        "liquidityClob": amount_number(liquidity),
        "makerBaseFee": fee,
        "takerBaseFee": fee,
        "negRisk": market.neg_risk,
        "negRiskOther": False,
        "ready": False,
        "funded": False,
        "cyom": False,
        "approved": True,
        "competitive": 0,
        "rewardsMinSize": amount_number(REWARD_MIN),
        "rewardsMaxSpread": price_number(45_000),
        "spread": price_number(0 if page is None else page.best_ask - page.best_bid),
        "bestBid": price_number(0 if page is None else page.best_bid),
        "bestAsk": price_number(0 if page is None else page.best_ask),
        "lastTradePrice": price_number(read_price(market.last_trade) if market.last_trade else 0),
        "oneDayPriceChange": 0,
        "oneHourPriceChange": 0,
        "automaticallyActive": True,
        "clearBookOnStart": False,
        "manualActivation": False,
        "umaResolutionStatuses": _listed([market.resolution] if market.resolution else []),
        "pendingDeployment": False,
        "deploying": False,
        "rfqEnabled": False,
        "holdingRewardsEnabled": False,
        "secondsDelay": 0,
        "feesEnabled": market.fee_rate > 0,
        "feeType": "taker_fees" if market.fee_rate else None,
        "groupItemTitle": market.group_item,
        "version": "v1",
    }
    if market.resolution:
        shown["umaResolutionStatus"] = market.resolution
    if market.closed:
        shown["closedTime"] = iso(market.closed_ms)
    if market.neg_risk:
        shown |= {"negRiskMarketID": event.neg_risk_id, "negRiskRequestID": market.question_id}
    if market.window_start_ms:
        shown["eventStartTime"] = iso(market.window_start_ms)
    if market.sports_market_type:
        shown["sportsMarketType"] = market.sports_market_type
        if market.line:
            shown["line"] = msgspec.Raw(market.line.lstrip("+").encode())
    if market.game_start_ms:
        shown["gameStartTime"] = iso(market.game_start_ms)
    if market.fee_rate:
        shown["feeSchedule"] = {
            "exponent": market.fee_exponent,
            "rate": price_number(market.fee_rate),
            "takerOnly": True,
            "rebateRate": price_number(market.rebate_rate),
        }
    if not within_event:
        shown["events"] = [event_object(event, shelf, with_markets=False)]
        shown["tags"] = [tag_object(tag) for tag in event.tags]
    return shown


def event_object(event: VenueEvent, shelf: Shelf, *, with_markets: bool = True) -> dict[str, Any]:
    """Return an event, with its markets unless it stands inside one of them."""
    markets = shelf.catalogue.of_event(event.id)
    pages = [shelf.page(market.tokens[0]) for market in markets]
    liquidity = amount_number(sum(page.worth for page in pages if page is not None) // _WORTH)
    volume = amount_number(sum(market.volume for market in markets))
    shown: dict[str, Any] = {
        "id": event.id,
        "ticker": event.slug,
        "slug": event.slug,
        "title": event.title,
        "description": event.description,
        "resolutionSource": "",
        "startDate": iso(event.start_ms),
        "creationDate": iso(event.created_ms),
        "endDate": iso(event.end_ms),
        "image": "",
        "icon": "",
        "active": True,
        "closed": event.closed,
        "archived": False,
        "new": False,
        "featured": False,
        "restricted": True,
        "liquidity": liquidity,
        "liquidityClob": liquidity,
        "volume": volume,
        "volume24hr": volume,
        "openInterest": 0,
        "createdAt": iso(event.created_ms),
        "updatedAt": iso(shelf.now_ms()),
        "competitive": 0,
        "enableOrderBook": True,
        "negRisk": event.neg_risk,
        "enableNegRisk": event.neg_risk,
        "negRiskAugmented": False,
        "commentCount": 0,
        "cyom": False,
        "showAllOutcomes": True,
        "showMarketImages": True,
        "automaticallyActive": True,
        "startTime": iso(event.start_ms),
        "pendingDeployment": False,
        "deploying": False,
        "version": "v1",
    }
    if event.neg_risk:
        shown["negRiskMarketID"] = event.neg_risk_id
    if event.closed:
        shown["closedTime"] = iso(event.closed_ms)
    if event.series:
        shown["seriesSlug"] = event.series
        shown["series"] = [series_object(event.series)]
    if with_markets:
        shown["markets"] = [market_object(market, shelf, within_event=True) for market in markets]
        shown["tags"] = [tag_object(tag) for tag in event.tags]
    return shown


def tag_object(label: str) -> dict[str, Any]:
    """Return a tag; its id follows from its slug, so that it is the same in every run."""
    slug = slug_of(label)
    return {
        "id": tag_id(label),
        "label": label,
        "slug": slug,
        "forceShow": False,
        "requiresTranslation": False,
    }


def tag_id(label: str) -> str:
    """Return a tag's id, a text of six digits.

    >>> tag_id("Politics") == tag_id("politics")
    True
    """
    return str(100_000 + zlib.crc32(slug_of(label).encode()) % 900_000)


def series_object(slug: str) -> dict[str, Any]:
    """Return the series that a recurring event belongs to."""
    return {
        "id": tag_id(slug),
        "ticker": slug,
        "slug": slug,
        "title": slug.replace("-", " "),
        "seriesType": "single",
        "active": True,
        "closed": False,
        "archived": False,
    }


def slug_of(label: str) -> str:
    """Return the words of a label as a slug.

    >>> slug_of("US Elections, 2028")
    'us-elections-2028'
    """
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")


def _listed(items: tuple[str, ...] | list[str]) -> str:
    """Return a JSON array as a text, spaced as the venue spaces it."""
    return "[" + ", ".join(msgspec.json.encode(item).decode() for item in items) + "]"

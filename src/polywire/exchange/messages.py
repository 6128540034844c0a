"""The market channel's messages in the venue's own key order and spelling. Source: docs/protocol.md, "Market channel".

Each is serialised once, as JSON and as a WebSocket frame, however many clients want it.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from polywire.core.matching.orders import LevelMoved, Trade
from polywire.exchange.catalogue import VenueEvent, VenueMarket
from polywire.exchange.pages import PRICE_TEXTS, BookPage, traded_text
from polywire.model.units import PRICE_ONE, TokenId, size_text

LEGACY_FEE: Final = 1_000
"""What the venue still states as base fee, in bps, where a market has fees at all; no real rate."""

_encode = msgspec.json.encode
_ONE_BYTE, _TWO_BYTES = 126, 1 << 16


class Message(msgspec.Struct):
    """One text message, and whom it concerns."""

    data: bytes
    kind: str  # `event_type`
    counts: tuple[tuple[TokenId, int], ...]  # how many facts it states of each token
    custom: bool = False  # only for connections with the custom features on
    everybody: bool = False  # of those, for all; else for who follows a token in `counts`
    snapshot: bool = False  # it answers a subscription
    framed: bytes = b""

    @property
    def frame(self) -> bytes:
        """The message as one WebSocket text frame."""
        if not self.framed:
            self.framed = text_frame(self.data)
        return self.framed


def text_frame(data: bytes, opcode: int = 1, *, fin: bool = True) -> bytes:
    """Return a server's WebSocket frame: unmasked, uncompressed. `opcode`: 0 continuation, 1 text, 9 ping."""
    first = (0x80 if fin else 0) | opcode
    size = len(data)
    if size < _ONE_BYTE:
        return bytes((first, size)) + data
    if size < _TWO_BYTES:
        return bytes((first, _ONE_BYTE)) + size.to_bytes(2, "big") + data
    return bytes((first, _ONE_BYTE + 1)) + size.to_bytes(8, "big") + data


def book(page: BookPage) -> Message:
    """Return the `book` that follows a trade."""
    return Message(page.message(first=False), "book", ((page.token, 1),))


def snapshots(pages: list[BookPage]) -> Message:
    """Return the array of books that answers a subscription."""
    data = b"[%b]" % b",".join(page.message(first=True) for page in pages)
    return Message(data, "book", tuple((page.token, 1) for page in pages), snapshot=True)


def price_change(pages: tuple[BookPage, BookPage], level: LevelMoved, venue_ms: int) -> Message:
    """Return a level change of both books, which hold it already."""
    first, second = pages
    price, mirrored, size = PRICE_TEXTS[level.price], PRICE_TEXTS[PRICE_ONE - level.price], size_text(level.size)
    side, other = ("BUY", "SELL") if level.side == "bid" else ("SELL", "BUY")
    text = (
        f'{{"market":"{first.condition}","price_changes":['
        f'{{"asset_id":"{first.token}","price":"{price}","size":"{size}","side":"{side}","hash":"{first.hash}",'
        f'"best_bid":"{PRICE_TEXTS[first.best_bid]}","best_ask":"{PRICE_TEXTS[first.best_ask]}"}},'
        f'{{"asset_id":"{second.token}","price":"{mirrored}","size":"{size}","side":"{other}","hash":"{second.hash}",'
        f'"best_bid":"{PRICE_TEXTS[second.best_bid]}","best_ask":"{PRICE_TEXTS[second.best_ask]}"}}],'
        f'"timestamp":"{venue_ms}","event_type":"price_change"}}'
    )
    return Message(text.encode(), "price_change", ((first.token, 1), (second.token, 1)))


def best_bid_ask(page: BookPage, venue_ms: int) -> Message:
    """Return the new top of a book."""
    bid, ask = page.best_bid, page.best_ask
    text = (
        f'{{"market":"{page.condition}","asset_id":"{page.token}","best_bid":"{PRICE_TEXTS[bid]}",'
        f'"best_ask":"{PRICE_TEXTS[ask]}","spread":"{PRICE_TEXTS[ask - bid]}","timestamp":"{venue_ms}",'
        '"event_type":"best_bid_ask"}'
    )
    return Message(text.encode(), "best_bid_ask", ((page.token, 1),), custom=True)


def prices_met(trade: Trade) -> list[tuple[int, int]]:
    """Return (price, size) of each price level a taker met, in its own token's terms, in the order it met them."""
    met: list[tuple[int, int]] = []
    for leg in trade.legs:
        price = leg.price if leg.token == trade.token else PRICE_ONE - leg.price
        if met and met[-1][0] == price:
            met[-1] = price, met[-1][1] + leg.size
        else:
            met.append((price, leg.size))
    return met


def transaction_of(trade: Trade) -> str:
    """Return the hash of the transaction that settles a trade: one for all its legs."""
    return "0x" + hashlib.sha256(f"{trade.condition}:{trade.number}".encode()).hexdigest()


def last_trade_prices(trade: Trade, market: VenueMarket, venue_ms: int) -> list[Message]:
    """Return a trade as it is told: one message for each price level that the taker met."""
    transaction, fee = transaction_of(trade), LEGACY_FEE if market.fee_rate else 0
    return [
        Message(
            (
                f'{{"market":"{trade.condition}","asset_id":"{trade.token}","price":"{traded_text(price)}",'
                f'"size":"{size_text(size)}","fee_rate_bps":"{fee}","side":"{trade.side}","timestamp":"{venue_ms}",'
                f'"event_type":"last_trade_price","transaction_hash":"{transaction}"}}'
            ).encode(),
            "last_trade_price",
            ((trade.token, 1),),
        )
        for price, size in prices_met(trade)
    ]


def tick_size_changes(market: VenueMarket, old: int, new: int, venue_ms: int) -> list[Message]:
    """Return the new grid of a market: one message for each token."""
    return [
        Message(
            (
                f'{{"market":"{market.condition}","asset_id":"{token}","old_tick_size":"{PRICE_TEXTS[old]}",'
                f'"new_tick_size":"{PRICE_TEXTS[new]}","timestamp":"{venue_ms}","event_type":"tick_size_change"}}'
            ).encode(),
            "tick_size_change",
            ((token, 1),),
        )
        for token in market.tokens
    ]


def new_market(market: VenueMarket, event: VenueEvent, game_start: str, venue_ms: int) -> Message:
    """Return the announcement of a market, for all who have the custom features on."""
    data: dict[str, Any] = {
        "id": market.id,
        "question": market.question,
        "market": market.condition,
        "slug": market.slug,
        "description": market.description,
        "assets_ids": market.tokens,
        "outcomes": market.outcomes,
        "event_message": {
            "id": event.id,
            "ticker": event.slug,
            "slug": event.slug,
            "title": event.title,
            "description": event.description,
        },
        "timestamp": str(venue_ms),
        "event_type": "new_market",
        "tags": event.tags,
        "condition_id": market.condition,
        "active": market.accepting_orders,
        "clob_token_ids": market.tokens,
        "sports_market_type": market.sports_market_type,
        "line": market.line,
        "game_start_time": game_start,
        "order_price_min_tick_size": PRICE_TEXTS[market.tick],
        "group_item_title": market.group_item,
        "taker_base_fee": str(LEGACY_FEE if market.fee_rate else 0),
        "fees_enabled": market.fee_rate > 0,
    }
    if market.fee_rate:
        data["fee_schedule"] = {
            "exponent": str(market.fee_exponent),
            "rate": PRICE_TEXTS[market.fee_rate],
            "taker_only": True,
            "rebate_rate": PRICE_TEXTS[market.rebate_rate],
        }
    return _lifecycle(data, "new_market", market.tokens)


def market_resolved(market: VenueMarket, event: VenueEvent, winner: TokenId, venue_ms: int) -> Message:
    """Return a market's end, for all who have the custom features on."""
    data = {
        "id": market.id,
        "market": market.condition,
        "assets_ids": market.tokens,
        "winning_asset_id": winner,
        "winning_outcome": market.outcomes[market.tokens.index(winner)],
        "timestamp": str(venue_ms),
        "tags": event.tags,
        "event_type": "market_resolved",
    }
    return _lifecycle(data, "market_resolved", market.tokens)


def _lifecycle(data: dict[str, Any], kind: str, tokens: Iterable[TokenId]) -> Message:
    return Message(_encode(data), kind, tuple((token, 1) for token in tokens), custom=True, everybody=True)

"""The live-data service's messages in the venue's own key order and spelling. Source: docs/protocol.md, "Live data".

All keys ascend. A message names the connection it goes to, so what is serialised once is the rest of it.
"""

from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec

from polywire.core.matching.orders import Trade
from polywire.exchange.catalogue import VenueEvent, VenueMarket
from polywire.exchange.live.prices import Quote
from polywire.exchange.live.traders import Trader
from polywire.exchange.messages import Message, prices_met, transaction_of
from polywire.exchange.pages import PRICE_TEXTS
from polywire.model.units import TokenId, size_text

_CENTS: Final = 100
_E18_CENTS: Final = 10**16

_encode: Final = msgspec.json.Encoder(order="sorted").encode


class Said(msgspec.Struct, frozen=True):
    """A message but for whom it goes to."""

    rest: bytes
    kind: str  # topic and type, as our decoder counts it
    about: TokenId  # the token, or the symbol

    def to(self, connection_id: str) -> Message:
        """Return the message for one connection."""
        data = b'{"connection_id":"%b",%b' % (connection_id.encode(), self.rest)
        return Message(data, self.kind, ((self.about, 1),))


class PriceTopic(msgspec.Struct, frozen=True):
    """A topic of reference prices, and how it spells them."""

    name: str
    source: Literal["binance", "chainlink"]
    currency: str  # what follows an asset's name in a symbol
    scaled: bool  # whether the full number is a whole one of 1e-18, else a decimal one of eight places
    lists: bool  # whether a filter may be a list of symbols with commas

    def symbol(self, asset: str) -> str:
        """Return how it calls an asset."""
        return f"{asset}{self.currency}"

    def cents(self, quote: Quote) -> int:
        """Return what an asset costs by its source, 1e-2 USD."""
        return quote.binance if self.source == "binance" else quote.chainlink


BINANCE: Final = PriceTopic("crypto_prices", "binance", "usdt", scaled=False, lists=True)
CHAINLINK: Final = PriceTopic("crypto_prices_chainlink", "chainlink", "/usd", scaled=True, lists=False)
PRICE_TOPICS: Final = (BINANCE, CHAINLINK)
UPDATE: Final = "update"
BACKFILL_KIND: Final = "crypto_prices.subscribe"
"""Chainlink's back-fill comes under Binance's topic, as captures show."""

MATCHED_KIND: Final = "activity.orders_matched"


def price_update(topic: PriceTopic, quote: Quote, sent_ms: int) -> Said:
    """Return what an asset costs, as one topic has it."""
    symbol, cents = topic.symbol(quote.asset), topic.cents(quote)
    full = f"{cents * _E18_CENTS}" if topic.scaled else f"{_dollars(cents)}000000"
    text = (
        f'"payload":{{"full_accuracy_value":"{full}","symbol":"{symbol}","timestamp":{quote.at_ms},'
        f'"value":{_number(cents)}}},"timestamp":{sent_ms},"topic":"{topic.name}","type":"{UPDATE}"}}'
    )
    return Said(text.encode(), f"{topic.name}.{UPDATE}", TokenId(symbol))


def backfill(topic: PriceTopic, asset: str, quotes: Iterable[Quote], sent_ms: int) -> Message:
    """Return the last prices of an asset, which answer a subscription that names it. It names no connection."""
    symbol = topic.symbol(asset)
    points = ",".join(f'{{"timestamp":{one.at_ms},"value":{_number(topic.cents(one))}}}' for one in quotes)
    text = (
        f'{{"payload":{{"data":[{points}],"symbol":"{symbol}"}},"timestamp":{sent_ms},'
        f'"topic":"{BINANCE.name}","type":"subscribe"}}'
    )
    return Message(text.encode(), BACKFILL_KIND, ((TokenId(symbol), 1),), snapshot=True)


def orders_matched(
    trade: Trade, market: VenueMarket, event: VenueEvent, trader: Trader, venue_ms: int, sent_ms: int
) -> list[Said]:
    """Return a trade as its taker's: one message for each price that it met, as the market channel tells it.

    Args:
        trade: What happened.
        market: Where.
        event: The market's.
        trader: How its taker is called.
        venue_ms: When, Unix milliseconds; told in whole seconds.
        sent_ms: When it is told.
    """
    index = market.tokens.index(trade.token)
    payload: dict[str, Any] = {
        "asset": trade.token,
        "bio": "",
        "conditionId": market.condition,
        "eventSlug": event.slug,
        "icon": "",
        "name": trader.name,
        "outcome": market.outcomes[index],
        "outcomeIndex": index,
        "profileImage": "",
        "proxyWallet": trade.account,
        "pseudonym": trader.pseudonym,
        "side": trade.side,
        "slug": market.slug,
        "timestamp": venue_ms // 1_000,
        "title": market.question,
        "transactionHash": transaction_of(trade),
    }
    tail = b',"timestamp":%d,"topic":"activity","type":"orders_matched"}' % sent_ms
    return [
        Said(
            b'"payload":%b%b'
            % (
                _encode(payload | {"price": _raw(PRICE_TEXTS[price]), "size": _raw(size_text(size))}),
                tail,
            ),
            MATCHED_KIND,
            trade.token,
        )
        for price, size in prices_met(trade)
    ]


def invalid_request(connection_id: str, request_id: str) -> bytes:
    """Return the answer to what is no request."""
    told = {"message": "Invalid request body", "connectionId": connection_id, "requestId": request_id}
    return msgspec.json.encode(told)


def _raw(number: str) -> msgspec.Raw:
    return msgspec.Raw(number.encode())


def _dollars(cents: int) -> str:
    return f"{cents // _CENTS}.{cents % _CENTS:02d}"


def _number(cents: int) -> str:
    """Return a price as a JSON number, without zeros at its end.

    >>> _number(11840000), _number(11840010), _number(5)
    ('118400', '118400.1', '0.05')
    """
    return _dollars(cents).rstrip("0").rstrip(".")

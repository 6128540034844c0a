"""The live-data channel (RTDS): who is told which prices and trades, and the rules of the conversation.

Source: docs/protocol.md, "Live data". Nothing is answered to a subscription that is taken, but for the last prices of
the symbols that it names.
"""

import base64
import secrets
from collections.abc import Callable
from typing import ClassVar, Final

import msgspec

from polywire.core.matching.orders import Trade
from polywire.errors import Undecodable
from polywire.exchange.channel import TOO_BIG, Channel
from polywire.exchange.connection import ChannelName, Connection
from polywire.exchange.happenings import BookMoved, Happening
from polywire.exchange.ledger import Ledger
from polywire.exchange.live.live_messages import (
    MATCHED_KIND,
    PRICE_TOPICS,
    UPDATE,
    backfill,
    invalid_request,
    orders_matched,
    price_update,
)
from polywire.exchange.live.live_requests import (
    EVERY,
    EVERYTHING,
    TOLD,
    keys_of,
    keys_of_market,
    keys_of_symbol,
    read,
    topic_named,
)
from polywire.exchange.live.prices import Quote
from polywire.exchange.live.traders import NOBODY, trader_of
from polywire.exchange.messages import prices_met
from polywire.exchange.venue import Venue
from polywire.model.units import TokenId
from polywire.wire.requests import LiveRequest, LiveSubscription

FILTERS_HELD: Final = 1_000
"""Filters of one connection, each symbol of a list counted, and no filter as one; over that it is closed."""

_ID_BYTES: Final = 11  # sixteen characters, one of them `=`, as the venue's ids are


class _Listener(msgspec.Struct):
    id: str  # of the connection, as messages name it
    wanted: dict[tuple[str, str, str], LiveSubscription] = {}  # by topic, type and filter


class LiveChannel(Channel):
    """Every connection of the channel, and what it has subscribed to.

    Args:
        venue: Its trades and prices are told from now on.
        ledger: Where what happens is counted, and nothing else: its prices are no tokens'.
        is_user: Whether an account is a user's; a user is told by the wallet alone, everyone else has a name.
    """

    name: ClassVar[ChannelName] = "live"
    begins_by_subscribing: ClassVar[bool] = False

    def __init__(self, venue: Venue, ledger: Ledger, is_user: Callable[[str], bool]) -> None:
        super().__init__(ledger)
        self._venue, self._is_user = venue, is_user
        self._listeners: dict[Connection, _Listener] = {}
        self._followers: dict[tuple[str, str], dict[Connection, None]] = {}  # by topic and key
        venue.observe(self._heed)
        venue.prices.observe(self._priced)

    def now_ms(self) -> int:
        """Return the venue's time, Unix milliseconds."""
        return self._venue.clock.now_ms()

    def listed(self, connection: Connection) -> list[str]:
        """Return what a connection has subscribed to: topic and type, and the filter where it has one."""
        listener = self._listeners.get(connection)
        wanted = () if listener is None else listener.wanted
        return [f"{topic}.{type_} {filters}".rstrip() for topic, type_, filters in wanted]

    # ------------------------------------------------------------ out

    def _heed(self, happenings: tuple[Happening, ...]) -> None:
        for happening in happenings:
            if isinstance(happening, BookMoved):
                for trade in happening.trades:
                    self._matched(trade, happening.venue_ms)

    def _matched(self, trade: Trade, venue_ms: int) -> None:
        self._ledger.count(MATCHED_KIND, trade.token, len(prices_met(trade)))
        market = self._venue.catalogue.markets[trade.condition]
        event = self._venue.catalogue.events[market.event_id]
        audience = self._audience("activity", keys_of_market(event.slug, market.slug))
        if audience:
            trader = NOBODY if self._is_user(trade.account) else trader_of(trade.account)
            for said in orders_matched(trade, market, event, trader, venue_ms, self.now_ms()):
                for connection in audience:
                    connection.offer(said.to(self._listeners[connection].id))

    def _priced(self, quote: Quote) -> None:
        for topic in PRICE_TOPICS:
            symbol = topic.symbol(quote.asset)
            self._ledger.count(f"{topic.name}.{UPDATE}", TokenId(symbol), 1)
            audience = self._audience(topic.name, (EVERYTHING, *keys_of_symbol(topic, symbol)))
            if audience:
                said = price_update(topic, quote, self.now_ms())
                for connection in audience:
                    connection.offer(said.to(self._listeners[connection].id))

    def _audience(self, topic: str, keys: tuple[str, ...]) -> list[Connection]:
        """Return who follows any of the keys, each once."""
        found: dict[Connection, None] = {}
        for key in keys:
            found |= self._followers.get((topic, key), {})
        return list(found)

    # ------------------------------------------------------------ in

    def opened(self, connection: Connection) -> None:
        """Take a connection that completed its handshake, and give it an id."""
        super().opened(connection)
        self._listeners[connection] = _Listener(_id())

    def heard(self, connection: Connection, text: bytes) -> None:
        """Answer what a client said."""
        if text in {b"PING", b"ping"}:
            connection.say(b"PONG")
        elif text.strip():
            listener = self._listeners[connection]
            try:
                request = read(text)
            except Undecodable:
                connection.say(invalid_request(listener.id, _id()))
            else:
                if request is not None:
                    self._asked(connection, listener, request)

    def forget(self, connection: Connection) -> None:
        """Unsubscribe a connection that has ended."""
        listener = self._listeners.pop(connection, None)
        if listener is not None:
            for one in listener.wanted.values():
                self._unfollow(connection, one)

    def _asked(self, connection: Connection, listener: _Listener, request: LiveRequest) -> None:
        if request.action == "unsubscribe":
            self._end(connection, listener, {(one.topic, one.type) for one in request.subscriptions})
            return
        asked = {  # without what a client says to prove who it is: nobody needs to here
            (one.topic, one.type, one.filters): LiveSubscription(one.topic, one.type, one.filters)
            for one in request.subscriptions
        }
        listener.wanted |= asked
        if (count := sum(len(keys_of(one)) for one in listener.wanted.values())) > FILTERS_HELD:
            connection.close(TOO_BIG, f"{count} filters (limit {FILTERS_HELD}); subscribe without one")
            return
        connection.subscribed = True
        for one in asked.values():
            self._follow(connection, one)
            self._answer(connection, one)

    def _end(self, connection: Connection, listener: _Listener, ended: set[tuple[str, str]]) -> None:
        """End what was subscribed under these topics and types, whatever its filter; `*` ends all of a topic."""
        for key, one in list(listener.wanted.items()):
            if (one.topic, one.type) in ended or (one.topic, EVERY) in ended:
                del listener.wanted[key]
                self._unfollow(connection, one)
        for one in listener.wanted.values():  # what is left may have shared a key with what has ended
            self._follow(connection, one)

    def _follow(self, connection: Connection, one: LiveSubscription) -> None:
        if one.type in {TOLD.get(one.topic), EVERY}:
            for key in keys_of(one):
                self._followers.setdefault((one.topic, key), {})[connection] = None

    def _unfollow(self, connection: Connection, one: LiveSubscription) -> None:
        for key in keys_of(one):
            followers = self._followers.get((one.topic, key))
            if followers is not None:
                followers.pop(connection, None)
                if not followers:
                    del self._followers[one.topic, key]

    def _answer(self, connection: Connection, one: LiveSubscription) -> None:
        """Send the last prices of the symbols that a subscription names."""
        topic = topic_named(one.topic)
        if topic is None:
            return
        named = set(keys_of(one))
        prices = self._venue.prices
        for asset in prices.assets:
            if named & set(keys_of_symbol(topic, topic.symbol(asset))):
                connection.offer(backfill(topic, asset, prices.last(asset), self.now_ms()))


def _id() -> str:
    """Return an id as the venue's are: of a connection, of a request."""
    return base64.b64encode(secrets.token_bytes(_ID_BYTES)).decode()

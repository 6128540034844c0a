"""The feed, as its users meet it: subscribe, read books, ask how it is."""

import asyncio
import inspect
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Final, TypeVar, cast

from polywire.core.book import Book
from polywire.core.freshness import Vigilance
from polywire.core.link import Policy
from polywire.core.shards import TOKENS_A_SOCKET
from polywire.errors import BookNotCurrent, Misuse, NoCredentials
from polywire.model.aggregate import BookAggregated
from polywire.model.events import Event
from polywire.model.health import ANSWERING, Freshness
from polywire.model.kinds import types_of
from polywire.model.listing import MarketListed
from polywire.model.market import MarketCreated, MarketResolved
from polywire.model.units import ConditionId, TokenId
from polywire.model.venue import Venue
from polywire.ports import Catalogue, Clock, Dial, Evidence
from polywire.services.feed.aggregate import Aggregator
from polywire.services.feed.books import FeedBooks
from polywire.services.feed.connection import Connection, Keep
from polywire.services.feed.connections import SPARE_S, Connections
from polywire.services.feed.limits import Limits
from polywire.services.feed.news import NEWS, News
from polywire.services.feed.proof import RESOLUTIONS_S, Proof
from polywire.services.feed.status import status_of
from polywire.services.feed.subscription import EVENTS_WAITING, Subscription
from polywire.services.feed.witness import BOOKS_A_SECOND
from polywire.services.live.live_feed import LiveFeed
from polywire.services.live.readers import Interest
from polywire.services.live.streams import LIVE
from polywire.services.own.feed import OwnFeed
from polywire.services.own.readers import OWN, OwnInterest
from polywire.services.targets import find, is_token_id, tokens_meant
from polywire.wire.tally import Tally

Name = TypeVar("Name", str, str | type)

_NOT_RUNNING: Final = "the feed is not running; use `async with polywire.open_feed() as feed`, and subscribe inside"


class Feed:
    """Market data of one venue: sockets as needed, a book a token, events for whoever reads them.

    Made by `polywire.open_feed`, which also runs it.

    Args:
        venue: Where its services are.
        dial: Opens sockets.
        catalogue: The venue's list of markets.
        clock: Our time.
        roll: Returns a number in [0, 1), for jitter.
        policy: How patient a link is.
        tokens_a_socket: More tokens open more sockets.
        events_waiting: Events that may wait for a slow reader that does not say otherwise.
        spare_s: For which a socket without tokens is kept.
        evidence: Asks the venue what its books are; None: silence is never checked.
        vigilance: How much silence is borne before it is.
        books_a_second: How many books may be asked for.
        resolutions_s: Seconds between two looks whether a followed market is resolved.
        limits: How much it takes on.
        standby: Whether each socket has a second one that carries the same, for its readers to go to.
        renew_after_s: How old a socket gets before another takes its place; 0: as old as it will.
        live: Its live data: trades with their wallets, reference prices, comments. None: it has none.
        own: The account's own orders and trades. None: there are no credentials.

    Attributes:
        venue: As given.
        books: Every book, to be read.
        listed: What the venue's catalogue said of the tokens asked for by a market's name.
        tally: What was decoded, and what was not.
    """

    def __init__(
        self,
        venue: Venue,
        dial: Dial,
        catalogue: Catalogue,
        clock: Clock,
        roll: Callable[[], float],
        policy: Policy,
        *,
        tokens_a_socket: int = TOKENS_A_SOCKET,
        events_waiting: int = EVENTS_WAITING,
        spare_s: float = SPARE_S,
        evidence: Evidence | None = None,
        vigilance: Vigilance = Vigilance(),  # noqa: B008 - frozen: all may share it
        books_a_second: float = BOOKS_A_SECOND,
        resolutions_s: float = RESOLUTIONS_S,
        limits: Limits = Limits(),  # noqa: B008 - frozen: all may share it
        standby: bool = False,
        renew_after_s: float = 0.0,
        live: LiveFeed | None = None,
        own: OwnFeed | None = None,
    ) -> None:
        self.venue, self.listed = venue, dict[TokenId, MarketListed]()
        self._dial, self._catalogue, self._clock, self._roll, self._policy = dial, catalogue, clock, roll, policy
        self._events_waiting, self._limits = events_waiting, limits
        self._vigilance = vigilance
        self.tally = Tally()
        self._live, self._own = live, own
        self._connections = Connections(
            self._connection,
            tokens_a_socket,
            spare_s,
            clock=clock,
            roll=roll,
            standby=standby,
            renew_after_s=renew_after_s,
        )
        self.books = FeedBooks(self._connections.numbered, self._connections.carriers, self._connections.waits)
        self._connections.ended = self.books.add_former
        self._news = News(self.books)
        self._evidence = evidence
        self._proof: Proof | None = None
        if evidence is not None:
            everyone = self._connections.numbered.values
            self._proof = Proof(evidence, everyone, clock, self.listed, self._news, books_a_second, resolutions_s)
        self._holders: dict[TokenId, int] = {}  # subscriptions that read a token
        self._subscriptions: dict[int, Subscription] = {}
        self._made = 0
        self._last_ns = self._reader_errors = 0  # of subscriptions that are no more
        self._moved: set[asyncio.Future[None]] = set()  # whoever waits for a change of who is subscribed to what

    def _connection(self, number: int) -> Connection:
        return Connection(
            number,
            self.venue.urls.market_ws,
            self._dial,
            self._clock,
            self._policy,
            self._roll,
            self._news.sink,
            self.tally,
            vigilance=self._vigilance,
        )

    # ------------------------------------------------------------ for everybody

    def subscribe(
        self,
        *,
        tokens: Iterable[str] = (),
        markets: Iterable[str] = (),
        kinds: Iterable[str | type] | None = None,
        callback: Callable[[Event], object] | None = None,
        limit: int | None = None,
        depth: int = 10,
        every_s: float = 0.1,
    ) -> Subscription:
        """Return a subscription; enter it (`async with`) to begin.

        Args:
            tokens: Outcome tokens. A condition id, slug or URL stands for both outcomes of its market.
            markets: The same: whatever names a market. Neither: news of markets only, of all of them, and of own orders
                and trades all of the account's.
            kinds: The kinds of events wanted (`polywire.model.kinds`); None: all that is public of the tokens. What the
                feed says of its own truth (`FreshnessChanged`, `Gap`) always comes.
            callback: Called with each event inside the socket's own callback, instead of an iteration.
            limit: Events that may wait for a slow iteration; None: as the settings say.
            depth: Levels a side of an `AGG_ORDERBOOK`.
            every_s: Least seconds between two `AGG_ORDERBOOK` of a token.

        Raises:
            NoCredentials: The account's own events, of a feed that was opened without credentials.
            Misuse: No such kind, kinds of tokens without any token, a number out of range, or a callback that is to be
                awaited.
            TooMany: More tokens than the settings allow; entering it says the same of what is followed already.
        """
        wanted = None if kinds is None else types_of(_each(kinds))
        targets = self._limits.named(chain(_each(tokens), _each(markets)))
        waiting = self._events_waiting if limit is None else limit
        if depth < 1 or not every_s > 0 or waiting < 1:
            raise Misuse(f"depth {depth}, every_s {every_s:g} and limit {waiting} must be positive")
        if wanted is not None and wanted & LIVE and self._live is None:
            raise Misuse(f"{self.venue.identity} names no live-data service (`rtds_ws`), which would carry these kinds")
        if wanted is not None and wanted & OWN and self._own is None:
            raise NoCredentials(self.venue.identity)
        if wanted is not None and not targets and not wanted & (NEWS | LIVE | OWN):
            raise Misuse("these kinds of events come of tokens: name tokens or markets, or leave `kinds` out for news")
        if inspect.iscoroutinefunction(callback):
            raise Misuse("a callback is called, not awaited: give a plain function, or iterate the subscription")
        self._made += 1
        subscription = Subscription(self, self._made, targets, wanted, callback, waiting, self._clock.now_ns())
        if wanted is not None and BookAggregated in wanted:
            subscription.aggregator = Aggregator(self.books.get, subscription.reader, depth, every_s)
        return subscription

    def book(self, token: str, max_age: float | None = None) -> Book:
        """Return a token's book, if it can be believed.

        Args:
            token: An outcome token that somebody subscribed to.
            max_age: Seconds since the whole book was last proven, at most; None: any.

        Raises:
            BookNotCurrent: It may be wrong, is older than that, or nobody subscribed to it.
        """
        book = self.books.get(TokenId(token))
        if book is None:
            raise BookNotCurrent(token, Freshness.COLD, "nobody has subscribed to it")
        return book.answer(self._clock.now_ns(), max_age)

    async def until_current(self, *tokens: str, within_s: float = 10.0) -> None:
        """Return once every one of these tokens has a book that answers; they need not be subscribed to yet.

        Raises:
            BookNotCurrent: One has none after `within_s`, or the feed has ended.
        """
        ends = self._clock.monotonic_s() + within_s
        for token in map(TokenId, tokens):
            while (book := self.books.get(token)) is None or book.freshness not in ANSWERING:
                left = ends - self._clock.monotonic_s()
                if left <= 0 or not self._connections.running:
                    self.book(token)  # raises, and says why
                    break
                await self._next_change(token, left)

    async def resolve(self, *targets: str) -> list[MarketListed]:
        """Return the markets that these names mean, each once; see `polywire.services.targets.find`.

        Raises:
            UnknownTarget: One means none; `.nearest` names some that come near.
            VenueUnreachable: The venue could not be asked.
            TooMany: More names than there may be tokens.
        """
        found: dict[str, MarketListed] = {}
        for target in self._limits.named(targets):
            for market in await find(target, self._catalogue):
                found.setdefault(market.condition, market)
                self.listed.update(dict.fromkeys(market.tokens, market))
        return list(found.values())

    async def resolved(self, *conditions: str) -> list[MarketResolved]:
        """Return those of these markets that are resolved, with their winners, as the venue says when it is asked now.

        A market that resolved within the last minutes may be missing, as the venue's catalogue may not know it yet; of
        one that is followed the subscriptions are told. [] where the feed was made without evidence.

        Raises:
            VenueUnreachable: The venue could not be asked.
        """
        if self._evidence is None or not conditions:
            return []
        return await self._evidence.resolutions([ConditionId(one) for one in conditions])

    async def open_markets(self, limit: int = 100) -> list[MarketListed]:
        """Return up to `limit` markets that are open, in the venue's own order.

        Raises:
            VenueUnreachable: The venue could not be asked.
        """
        markets = await self._catalogue.open_markets(limit)
        for market in markets:
            self.listed.update(dict.fromkeys(market.tokens, market))
        return markets

    def status(self) -> dict[str, object]:
        """Return how the feed is: connections, subscriptions, statistics; JSON-ready, newly made."""
        return status_of(
            self._connections,
            self._subscriptions.values(),
            self.tally,
            self.books,
            url=self.venue.urls.market_ws,
            now_s=self._clock.monotonic_s(),
            former_last_ns=self._last_ns,
            former_errors=self._reader_errors,
            others=({} if self._live is None else {"rtds": self._live.status()})
            | ({} if self._own is None else {"user": self._own.status()}),
            witness=None if self._proof is None else self._proof.status(),
        )

    async def reconnect(self) -> None:
        """Take new sockets for all; their books answer again with their next snapshots, and not before."""
        self._connections.renew("reconnect was asked for")
        if self._live is not None:
            self._live.renew()
        if self._own is not None:
            self._own.renew("reconnect was asked for")

    def record(self, keep: Keep | None) -> None:
        """Hand every frame to `keep` as it comes, inside the socket's callback; None: no more.

        Begin before subscribing, and the recording holds every snapshot that its changes belong to.
        """
        self._connections.record(keep)

    # ------------------------------------------------------------ for subscriptions

    async def attach(self, subscription: Subscription) -> None:
        """Begin to hand a subscription events. See `Subscription`.

        Raises:
            CredentialsRefused: It wants the account's own events, and the venue does not take the credentials.
        """
        self._check_running()
        self._limits.check(self._subscriptions, self._holders, filter(is_token_id, subscription.targets))
        tokens = await self._tokens_of(subscription.targets)
        self._check_running()  # both may have ended while the venue was asked, and others may have come
        self._limits.check(self._subscriptions, self._holders, tokens)
        if subscription.ended:
            raise Misuse(f"{subscription.id} was closed while it was being entered; make another")
        self._read_own(subscription, tokens)
        same = tuple(tokens) == subscription.targets  # one tuple for both, as thousands may stand open
        subscription.tokens = cast("tuple[TokenId, ...]", subscription.targets) if same else tuple(tokens)
        self._subscriptions[subscription.number] = subscription
        for token in tokens:
            self._holders[token] = self._holders.get(token, 0) + 1
        self._connections.want(token for token in tokens if self._holders[token] == 1)
        for token in tokens:
            for reader in subscription.readers:
                self.books.read(token, reader)
        # Who reads tokens is told of their own markets' resolutions anyway.
        kinds = subscription.kinds or (frozenset() if tokens else NEWS)
        self._news.read(subscription.reader, kinds & ({MarketCreated} if tokens else NEWS))
        self._read_live(subscription)
        self._settle()

    def detach(self, subscription: Subscription) -> None:
        """Hand a subscription nothing any more; tokens that nobody else reads are given up."""
        if self._subscriptions.pop(subscription.number, None) is None:
            return
        self._last_ns = max(self._last_ns, subscription.last_ns)
        self._reader_errors += subscription.errors
        self._news.leave(subscription.reader)
        if self._live is not None:
            self._live.leave(subscription.reader)
        if self._own is not None:
            self._own.leave(subscription.reader)
        free = []
        for token in subscription.tokens:
            for reader in subscription.readers:
                self.books.leave(token, reader)
            self._holders[token] -= 1
            if not self._holders[token]:
                del self._holders[token]
                free.append(token)
        self._connections.release(free)
        if self._proof is not None:
            self._proof.markets.release(free)
        self._settle()

    def _read_live(self, subscription: Subscription) -> None:
        kinds = LIVE & (subscription.kinds or frozenset())
        if kinds and self._live is not None:
            interest = Interest(kinds=kinds, tokens=frozenset(subscription.tokens))
            self._live.read(subscription.reader, interest)

    def _read_own(self, subscription: Subscription, tokens: Iterable[TokenId]) -> None:
        kinds = OWN & (subscription.kinds or frozenset())
        if kinds and self._own is not None:
            self._own.read(subscription.reader, OwnInterest(kinds=kinds, tokens=frozenset(tokens)))

    def _check_running(self) -> None:
        if not self._connections.running:
            raise Misuse(_NOT_RUNNING)

    def _settle(self) -> None:
        """Have a socket for the news, and wake who waits for a book that nobody followed."""
        self._connections.carry_news(self._news.wanted)
        for moved in self._moved:
            if not moved.done():
                moved.set_result(None)

    # ------------------------------------------------------------ its run

    async def run(self) -> None:
        """Own the sockets until cancelled. Subscriptions end first, so that no book answers without its socket."""
        async with asyncio.TaskGroup() as group:
            self._connections.start(group)
            if self._proof is not None:
                self._proof.start(group)
            if self._live is not None:
                group.create_task(self._live.run(), name="polywire live data")
            if self._own is not None:
                group.create_task(self._own.run(), name="polywire own orders")
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self._connections.stop()
                for subscription in tuple(self._subscriptions.values()):
                    subscription.close("the feed has ended")
                self._settle()

    # ------------------------------------------------------------ inside

    async def _tokens_of(self, targets: tuple[str, ...]) -> list[TokenId]:
        tokens: dict[TokenId, None] = {}
        for target in targets:
            if is_token_id(target):
                tokens[TokenId(target)] = None
            else:
                tokens.update(dict.fromkeys(tokens_meant(target, await self.resolve(target))))
            self._limits.check_tokens(len(tokens))
        return list(tokens)

    async def _next_change(self, token: TokenId, within_s: float) -> None:
        """Return when a token's book may have changed its freshness, or after `within_s`."""
        changed = asyncio.get_running_loop().create_future()

        def note(_: Event) -> None:
            if not changed.done():
                changed.set_result(None)

        self._moved.add(changed)
        self.books.read(token, note)
        try:
            async with asyncio.timeout(within_s):
                await changed
        except TimeoutError:
            pass
        finally:
            self._moved.discard(changed)
            self.books.leave(token, note)


def _each(names: Iterable[Name]) -> Iterable[Name]:
    """Return several names where one may stand alone: a text is iterable too, and its letters are never meant."""
    return (names,) if isinstance(names, str) else names

"""What `up` follows: every market its venue lists, and those that it lists later."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final, NoReturn

import anyio

from polywire.errors import UnknownTarget, VenueUnreachable
from polywire.model.events import Event
from polywire.model.market import MarketCreated
from polywire.model.units import TokenId
from polywire.services.owner_visit import Source
from polywire.services.reckoning import Reckoning
from polywire.services.views import Shelf, Views

_LOOK_EVERY_S: Final = 1.0


class Roster:
    """Follows all that is listed.

    Args:
        feed: Where to subscribe.
        books: Its books.
        views, reckoning: Told of every event.
        listed: Asks the venue for the ids of its open markets.

    Attributes:
        tokens: Those that are followed, in the order they were listed.
        joined_late: Of them, those that somebody else had followed before: what was sent of them earlier was not
            counted here.
        ready: Set once all that was listed at the start is subscribed.
    """

    def __init__(
        self,
        feed: Source,
        books: Shelf,
        views: Views,
        reckoning: Reckoning,
        listed: Callable[[], Awaitable[list[str]]],
    ) -> None:
        self._feed, self._books, self._views, self._reckoning, self._listed = feed, books, views, reckoning, listed
        self._known: set[str] = set()
        self.tokens: list[TokenId] = []
        self.joined_late: set[TokenId] = set()
        self.ready = anyio.Event()
        self._news = anyio.Event()

    async def run(self) -> NoReturn:
        """Follow, and look for new markets. Ends only by cancellation, or by what the first look raises.

        Raises:
            VenueUnreachable: The first look failed; later ones are tried again.
        """
        async with AsyncExitStack() as subscriptions:
            while True:
                try:
                    await self._look(subscriptions)
                except VenueUnreachable:
                    if not self.ready.is_set():
                        raise
                if not self.ready.is_set():  # after the tokens, so that the news come on their socket
                    await subscriptions.enter_async_context(self._feed.subscribe(callback=self._heed_news))
                    self.ready.set()
                with anyio.move_on_after(_LOOK_EVERY_S):  # news of a market is never replayed, so it is looked for too
                    await self._news.wait()
                self._news = anyio.Event()

    def _heed_news(self, event: Event) -> None:
        if isinstance(event, MarketCreated):
            self._reckoning.heed(event)
            self._news.set()

    async def _look(self, subscriptions: AsyncExitStack) -> None:
        new = [market for market in await self._listed() if market not in self._known]
        self._known.update(new)
        tokens: list[TokenId] = []
        for market in new:
            try:
                found = await self._feed.resolve(market)
            except UnknownTarget:  # closed between the two questions
                continue
            tokens += [token for each in found for token in each.tokens if token not in self.tokens]
        tokens = list(dict.fromkeys(tokens))
        if not tokens:
            return
        self.joined_late.update(token for token in tokens if token in self._books)
        await subscriptions.enter_async_context(self._feed.subscribe(tokens=tokens, callback=self._reckoning.heed))
        await subscriptions.enter_async_context(self._views.following(self._feed, tokens))
        self.tokens += tokens

"""The official client, unchanged but for its environment, against a served exchange under life."""

from collections import Counter
from decimal import Decimal
from typing import Any

import anyio
import pytest
from polymarket import AsyncPublicClient
from polymarket.models.clob.market_events import (
    MarketBookEvent,
    MarketEvent,
    MarketLastTradePriceEvent,
    MarketPriceChangeEvent,
    MarketTickSizeChangeEvent,
)
from polymarket.streams import MarketSpec

from e2e.processes import asked, exchange
from polywire.wire.book_hash import BookTerms, hash_of_texts
from trade_with_polymarket_client import environment_of

pytestmark = pytest.mark.anyio

Side = dict[Decimal, Decimal]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class UserBook:
    """What a user of the client keeps: two dicts, and the terms that enter the hash."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.bids: Side = {}
        self.asks: Side = {}
        self.last_trade = self.tick = ""
        self.checked = self.wrong = 0

    def replace(self, event: Any) -> None:
        self.bids = {level.price: level.size for level in event.bids}
        self.asks = {level.price: level.size for level in event.asks}
        if event.tick_size is not None:  # only the answer to a subscription states the terms
            self.tick = str(event.tick_size)
            self.last_trade = "" if event.last_trade_price is None else str(event.last_trade_price)

    def change(self, entry: Any) -> None:
        side = self.bids if entry.side == "BUY" else self.asks
        if entry.size:
            side[entry.price] = entry.size
        else:
            side.pop(entry.price, None)

    def check(self, condition: str, stated: str, moment: Any, least: str, *, neg_risk: bool) -> None:
        """Compare the stated hash with the book's own."""
        terms = BookTerms(least, self.tick, neg_risk, self.last_trade)
        bids = [(str(price), str(size)) for price, size in sorted(self.bids.items())]
        asks = [(str(price), str(size)) for price, size in sorted(self.asks.items(), reverse=True)]
        millis = str(round(moment.timestamp() * 1_000))
        self.checked += 1
        self.wrong += hash_of_texts(condition, self.token, millis, bids, asks, terms) != stated


class User:
    """A user's loop over the client's events."""

    def __init__(self, about: dict[str, tuple[str, bool]], tokens: list[str]) -> None:
        self.kinds: Counter[str] = Counter()
        self.books = {token: UserBook(token) for token in tokens}
        self._about = about  # of each token: least order size, neg-risk

    def take(self, event: MarketEvent) -> None:
        self.kinds[event.type] += 1
        if isinstance(event, MarketBookEvent):
            book = self.books[event.payload.asset_id]
            book.replace(event.payload)
            self._check(book, event.payload.market, event.payload.hash, event.payload.timestamp)
        elif isinstance(event, MarketPriceChangeEvent):
            for entry in event.payload.price_changes:
                if entry.asset_id in self.books:
                    book = self.books[entry.asset_id]
                    book.change(entry)
                    self._check(book, event.payload.market, entry.hash, event.payload.timestamp)
        elif isinstance(event, MarketLastTradePriceEvent):
            # One text for the market: whichever outcome was traded, both its books state it.
            for token in self._mates(event.payload.asset_id):
                self.books[token].last_trade = str(event.payload.price)
        elif isinstance(event, MarketTickSizeChangeEvent):
            self.books[event.payload.asset_id].tick = str(event.payload.new_tick_size)

    def _check(self, book: UserBook, condition: str, stated: str | None, moment: Any) -> None:
        least, neg_risk = self._about[book.token]
        assert stated
        book.check(condition, stated, moment, least, neg_risk=neg_risk)

    def _mates(self, token: str) -> list[str]:
        order = list(self.books)
        first = order.index(token) // 2 * 2
        return order[first : first + 2]


async def subscribed_for(seconds: float, url: str) -> dict[str, Any]:
    """Subscribe four tokens: of the window that ends next and of a market that stays; return what came of it."""
    about = await asked(f"{url}/venue")
    window = next(market for market in about["markets"] if "updown" in market["slug"] and not market["closed"])
    lasting = next(market for market in about["markets"] if "updown" not in market["slug"])
    tokens = [*window["tokens"], *lasting["tokens"]]
    async with AsyncPublicClient(environment_of(about)) as client:
        terms = {}
        for token in tokens:
            book = await client.get_order_book(asset_id=token)
            terms[token] = (str(book.min_order_size), book.neg_risk)
        user = User(terms, tokens)
        async with await client.subscribe(MarketSpec(asset_ids=tokens, custom_feature_enabled=True)) as stream:
            with anyio.move_on_after(seconds):
                async for event in stream:
                    user.take(event)
            await asked(f"{url}/venue/clock", {"paused": True})
            with anyio.move_on_after(0.5):  # what is still on its way
                async for event in stream:
                    user.take(event)
            after = await asked(f"{url}/venue")
            dropped = stream.dropped  # type: ignore[attr-defined]  # the handle's own count
            malformed = client._get_market_manager().dropped_events  # noqa: SLF001 - nothing public counts it
        mine = after["connections"][-1]
        closed = {token for market in after["markets"] if market["closed"] for token in market["tokens"]}
        equal = 0
        for token in tokens:
            if token in closed:  # the venue has no book of it any more, and its orders were cancelled one by one
                assert not user.books[token].bids
                assert not user.books[token].asks
                continue
            rest = await client.get_order_book(asset_id=token)
            assert {level.price: level.size for level in rest.bids} == user.books[token].bids
            assert {level.price: level.size for level in rest.asks} == user.books[token].asks
            equal += 1
    return {
        "kinds": dict(user.kinds),
        "sent": mine["sent"],
        "due": mine["due"],
        "tokens": tokens,
        "dropped": dropped + malformed,
        "open": len(set(tokens) - closed),
        "equal": equal,
        "checked": sum(book.checked for book in user.books.values()),
        "wrong": sum(book.wrong for book in user.books.values()),
    }


def messages_of(counts: dict[str, dict[str, int]], kind: str) -> int:
    """Return how many messages of a kind went out: those that name both tokens of a market are counted at each."""
    total = sum(kinds.get(kind, 0) for kinds in counts.values())
    return total // 2 if kind in {"price_change", "new_market", "market_resolved"} else total


@pytest.mark.parametrize(("seconds", "speed"), [(4.0, "1"), pytest.param(60.0, "10", marks=pytest.mark.slow)])
async def test_a_subscription_loses_nothing_and_its_books_are_right(seconds: float, speed: str) -> None:
    """Show 2 of the stage: every kind that occurred arrives, none is dropped, books equal REST, hashes verify."""
    async with exchange("--seed", "7", "--rate", "2", "--speed", speed) as url:
        with anyio.fail_after(seconds + 60):
            figures = await subscribed_for(seconds, url)
    told = {kind: messages_of(figures["sent"], kind) for kind in sorted(figures["kinds"])}
    print(  # noqa: T201 - the figures of Show 2, with pytest -s
        f"\n{seconds:g} s at speed {speed}: sent {told}, arrived {dict(sorted(figures['kinds'].items()))}, "
        f"dropped {figures['dropped']}, hashes checked {figures['checked']}, wrong {figures['wrong']}, "
        f"books equal to REST {figures['equal']} of {figures['open']} open"
    )
    assert figures["sent"] == figures["due"]
    for kind, came in figures["kinds"].items():
        if kind != "market_resolved":  # the client itself hides those of other markets
            assert came == messages_of(figures["sent"], kind), kind
    occurred = {kind for token in figures["tokens"] for kind in figures["sent"].get(token, {})}
    assert occurred <= set(figures["kinds"])
    assert {"book", "price_change", "last_trade_price", "best_bid_ask"} <= set(figures["kinds"])
    assert figures["dropped"] == 0
    assert figures["equal"] == figures["open"] >= 2
    assert figures["checked"] > 100
    assert figures["wrong"] == 0


async def test_its_lists_and_reads_of_the_catalogue_and_of_books_parse() -> None:
    async with exchange("--seed", "7") as url:
        about = await asked(f"{url}/venue?ledger=0")
        async with AsyncPublicClient(environment_of(about)) as client:
            with anyio.fail_after(60):
                listed = [market async for page in client.list_markets(page_size=5) for market in page.items]
                assert {market.condition_id for market in listed} >= {one["condition"] for one in about["markets"]}
                events = [event async for page in client.list_events(page_size=2) for event in page.items]
                assert len(events) >= 4
                assert any(event.trading.neg_risk for event in events)

                chosen = next(market for market in listed if not market.state.closed)
                assert (await client.get_market(id=chosen.id)).slug == chosen.slug
                assert (await client.get_market(slug=chosen.slug or "")).id == chosen.id
                assert (await client.get_event(id=events[0].id)).slug == events[0].slug
                assert (await client.get_event(slug=events[0].slug or "")).id == events[0].id
                assert await client.get_market_tags(chosen.id)
                assert await client.get_event_tags(events[0].id)
                assert (await client.list_tags().first_page()).items
                found = await client.search(q="bitcoin").first_page()
                assert found.items[0].events

                assert chosen.outcomes.yes.token_id is not None
                assert chosen.outcomes.no.token_id is not None
                yes, no = chosen.outcomes.yes.token_id, chosen.outcomes.no.token_id
                books = await client.get_order_books(asset_ids=[yes, no])
                assert {book.asset_id for book in books} == {yes, no}
                mids = await client.get_midpoints(asset_ids=[yes, no])
                assert sum(mids.values()) == 1
                assert await client.get_midpoint(asset_id=yes) in {Decimal(str(mid)) for mid in mids.values()}
                assert await client.get_spread(asset_id=yes) >= 0
                assert set(await client.get_spreads(asset_ids=[yes, no])) == {yes, no}
                bid, ask = [await client.get_price(asset_id=yes, side=side) for side in ("BUY", "SELL")]
                assert bid < ask
                last = await client.get_last_trade_price(asset_id=yes)
                traded = await client.get_last_trade_prices(asset_ids=[yes, no])
                assert {one.asset_id for one in traded} <= {yes, no}
                assert {one.price for one in traded} <= {last.price} if last is not None else not traded

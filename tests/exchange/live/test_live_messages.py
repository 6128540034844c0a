"""The messages of live data: exact numbers, and the same facts as the market channel's."""

import json
from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from exchange.venues import NO, START_MS, YES, event, listed, market, order
from polywire.core.matching.orders import Trade
from polywire.exchange.live.live_messages import BINANCE, CHAINLINK, backfill, orders_matched, price_update
from polywire.exchange.live.prices import Quote
from polywire.exchange.live.traders import NOBODY, trader_of
from polywire.exchange.messages import last_trade_prices
from polywire.model.live import ActivityMatched, CryptoPriced, PricesBackfilled
from polywire.model.units import TokenId
from polywire.wire.live import LiveDecoder
from polywire.wire.tally import Tally

SENT_MS = START_MS + 179
prices = st.integers(1, 10**10)


def decoded(*frames: bytes) -> list[object]:
    """Return the events of messages, every field of which our decoder knows."""
    events: list[object] = []
    decoder = LiveDecoder(events.append)
    for frame in frames:
        decoder.feed(frame, seen_ns=5)
    assert not decoder.tally.undecoded, decoder.tally.undecoded
    assert not decoder.tally.unknown_fields, decoder.tally.unknown_fields
    return events


def a_trade() -> Trade:
    """Return a trade of bob's that meets three orders at two prices, one of them the other outcome's."""
    venue = listed()
    for one in (
        order("1", "ann", "SELL", 4_000, 10),
        order("2", "ann", "BUY", 6_000, 5, token=NO),
        order("3", "ann", "SELL", 4_100, 10),
    ):
        assert venue.place(one).refusal is None
    (trade,) = venue.place(order("4", "bob", "BUY", 4_100, 20)).trades
    return trade


@given(chainlink=prices, binance=prices)
def test_every_number_of_a_price_is_exact(chainlink: int, binance: int) -> None:
    quote = Quote("btc", chainlink, binance, START_MS)
    frames = [price_update(topic, quote, SENT_MS).to("TOWCmcf1LPECGcQ=").data for topic in (BINANCE, CHAINLINK)]
    for frame, symbol, cents in zip(frames, ("btcusdt", "btc/usd"), (binance, chainlink), strict=True):
        (event_,) = decoded(frame)
        assert isinstance(event_, CryptoPriced)
        assert (event_.symbol, event_.venue_ms, event_.sent_ms) == (symbol, START_MS, SENT_MS)
        assert event_.value == Decimal(cents).scaleb(-2)
        assert json.loads(frame, parse_float=Decimal, parse_int=Decimal)["payload"]["value"] == event_.value


@given(cents=st.lists(prices, max_size=4))
def test_a_backfill_holds_the_very_prices_of_its_source_under_binances_topic(cents: list[int]) -> None:
    quotes = [Quote("eth", price, price + 3, START_MS + at * 1_000) for at, price in enumerate(cents)]
    for topic, symbol, off in ((CHAINLINK, "eth/usd", 0), (BINANCE, "ethusdt", 3)):
        message = backfill(topic, "eth", quotes, SENT_MS)
        (event_,) = decoded(message.data)
        assert isinstance(event_, PricesBackfilled)
        assert (event_.topic, event_.symbol) == ("crypto_prices", symbol)
        assert [point.value for point in event_.points] == [Decimal(price + off).scaleb(-2) for price in cents]
        assert (message.kind, message.counts, message.snapshot) == ("crypto_prices.subscribe", ((symbol, 1),), True)


def test_a_trade_is_told_once_for_each_price_with_what_the_market_channel_says_of_it() -> None:
    trade = a_trade()
    public = [json.loads(one.data) for one in last_trade_prices(trade, market(), START_MS)]
    said = orders_matched(trade, market(), event(), trader_of("bob"), START_MS, SENT_MS)
    told = [json.loads(one.to("id").data)["payload"] for one in said]
    assert len(public) == 2
    assert [
        (one["asset"], f"{one['price']}", f"{one['size']}", one["side"], one["transactionHash"]) for one in told
    ] == [
        (one["asset_id"], f"{float(one['price'])}", one["size"], one["side"], one["transaction_hash"]) for one in public
    ]
    assert {one.about for one in said} == {YES}


def test_a_trade_of_the_second_outcome_names_it_and_whole_seconds() -> None:
    venue = listed()
    venue.place(order("1", "ann", "SELL", 6_000, 10, token=NO))
    (trade,) = venue.place(order("2", "bob", "BUY", 6_000, 10, token=NO)).trades
    (said,) = orders_matched(trade, market(), event(), NOBODY, START_MS + 999, SENT_MS)
    (event_,) = decoded(said.to("id").data)
    assert isinstance(event_, ActivityMatched)
    assert (event_.token, event_.outcome, event_.wallet, event_.name) == (NO, "No", "bob", "")
    assert (event_.venue_ms, event_.sent_ms) == (START_MS, SENT_MS)
    assert (event_.price, event_.size) == (Decimal("0.6"), Decimal(10))


@given(question=st.text(max_size=40), slug=st.text(max_size=20))
def test_whatever_a_question_holds_it_is_json(question: str, slug: str) -> None:
    odd = msgspec.structs.replace(market(), question=question, slug=slug)
    for said in orders_matched(a_trade(), odd, event(), NOBODY, START_MS, SENT_MS):
        payload = json.loads(said.to("id").data)["payload"]
        assert (payload["title"], payload["slug"]) == (question, slug)


def test_the_crowd_has_names_that_stay() -> None:
    names = {account: trader_of(account) for account in (f"0x{n:040x}" for n in range(54))}
    assert all(trader_of(account) == name for account, name in names.items())
    assert all(name.name and name.pseudonym for name in names.values())
    assert len(set(names.values())) > 40


def test_tallies_name_a_message_as_its_ledger_does() -> None:
    quote = Quote("btc", 11_840_000, 11_840_012, START_MS)
    said = [price_update(BINANCE, quote, 1), price_update(CHAINLINK, quote, 1)]
    said += orders_matched(a_trade(), market(), event(), NOBODY, 1, 1)
    for one in said:
        tally = Tally()
        LiveDecoder(lambda _: None, tally).feed(one.to("id").data, 0)
        assert list(tally.messages) == [one.kind]
        assert one.about in {TokenId("btcusdt"), TokenId("btc/usd"), YES}

"""Quotes as they are kept and told."""

from hypothesis import given
from hypothesis import strategies as st

from exchange.venues import START_MS
from polywire.exchange.live.prices import KEPT, Prices, Quote


def quote(second: int, price: int = 11_840_000, asset: str = "btc") -> Quote:
    return Quote(asset, price, price + 7, START_MS + second * 1_000)


def test_every_observer_is_told_of_every_quote_from_when_it_came() -> None:
    prices = Prices()
    first: list[Quote] = []
    second: list[Quote] = []
    prices.observe(first.append)
    prices.tell(quote(1))
    prices.observe(second.append)
    prices.tell(quote(2))
    assert first == [quote(1), quote(2)]
    assert second == [quote(2)]


def test_two_minutes_of_each_asset_are_kept_oldest_first() -> None:
    prices = Prices()
    prices.tell(quote(0, asset="eth"))
    for second in range(200):
        prices.tell(quote(second))
    assert prices.assets == ("eth", "btc")
    assert prices.last("btc") == tuple(quote(second) for second in range(80, 200))
    assert prices.last("eth") == (quote(0, asset="eth"),)
    assert prices.last("sol") == ()


@given(late=st.integers(0, 2_000))
def test_what_is_assumed_of_the_past_ends_before_now_and_nobody_is_told(late: int) -> None:
    prices = Prices()
    told: list[Quote] = []
    prices.observe(told.append)
    prices.assume("btc", 11_840_000, START_MS + late)
    past = prices.last("btc")
    assert told == []
    assert len(past) == KEPT
    assert START_MS + late - 1_000 <= past[-1].at_ms < START_MS + late
    assert {(one.chainlink, one.binance, one.at_ms % 1_000) for one in past} == {(11_840_000, 11_840_000, 0)}
    assert [one.at_ms for one in past] == list(range(past[0].at_ms, past[-1].at_ms + 1, 1_000))

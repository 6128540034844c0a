"""The kinds of events by name."""

from typing import Any, get_args

import pytest

from polywire.errors import Misuse
from polywire.model.aggregate import BookAggregated
from polywire.model.events import Event
from polywire.model.health import FreshnessChanged, Gap
from polywire.model.kinds import ALWAYS, TYPES, EventKind, types_of
from polywire.model.live import ActivityMatched, CryptoPriced, EquityPriced, PricesBackfilled
from polywire.model.market import LevelChanged, MarketCreated, MarketResolved, TickSizeChanged, Traded
from polywire.model.own import OwnOrderChanged, OwnTradeChanged

EVENTS: tuple[type, ...] = get_args(Event)
TEN = {
    "ORDER": OwnOrderChanged,
    "TRADE": OwnTradeChanged,
    "PRICE_CHANGE": LevelChanged,
    "AGG_ORDERBOOK": BookAggregated,
    "LAST_TRADE_PRICE": Traded,
    "TICK_SIZE_CHANGE": TickSizeChanged,
    "MARKET_CREATED": MarketCreated,
    "MARKET_RESOLVED": MarketResolved,
    "TRADES": ActivityMatched,
    "ORDERS_MATCHED": ActivityMatched,
}


def test_the_ten_names_people_know_are_there_each_with_a_type_of_the_model() -> None:
    assert {str(kind): TYPES[kind] for kind in EventKind} == TEN
    assert set(TYPES.values()) <= set(EVENTS)


@pytest.mark.parametrize("name", TEN)
@pytest.mark.parametrize("spelt", [str.upper, str.lower, EventKind])
def test_a_kind_goes_by_its_name_in_either_case(name: str, spelt: Any) -> None:
    assert types_of([spelt(name)]) == {TEN[name], *ALWAYS}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: str(event.__name__))
def test_an_event_of_the_model_goes_by_its_name_and_by_its_type(event: type) -> None:
    for spelt in (event.__name__, event):
        with_it = {PricesBackfilled} if event in {CryptoPriced, EquityPriced} else set()
        assert types_of([spelt]) == {event, *with_it, *ALWAYS}


def test_a_reader_that_may_have_missed_something_is_always_told() -> None:
    assert types_of([]) == {FreshnessChanged, Gap} == ALWAYS


def test_several_kinds_are_the_union_of_each_and_a_repeat_adds_nothing() -> None:
    kinds = types_of(["price_change", "Traded", "LAST_TRADE_PRICE", LevelChanged])
    assert kinds == {LevelChanged, Traded, *ALWAYS}


def test_the_same_kinds_are_the_same_object_so_that_thousands_of_subscriptions_share_it() -> None:
    assert types_of(["PRICE_CHANGE", Traded]) is types_of(iter(("PRICE_CHANGE", Traded)))


@pytest.mark.parametrize("name", ["", "PRICE", "price-change", "BOOKREPLACED", "bookreplaced", "Event", "ORDERS", int])
def test_a_name_that_is_none_is_refused_with_all_that_are(name: Any) -> None:
    with pytest.raises(Misuse, match="is no kind of event; there are: ") as caught:
        types_of([name])
    for known in (*EventKind, *(event.__name__ for event in EVENTS)):
        assert str(known) in str(caught.value)


def test_an_endless_name_is_not_repeated_whole() -> None:
    with pytest.raises(Misuse) as caught:
        types_of(["x" * 10_000])
    assert len(str(caught.value)) < 1_000

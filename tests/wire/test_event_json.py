"""Events as JSON."""

import json
import typing
from decimal import Decimal
from types import UnionType

import msgspec
import pytest

from polywire.model.aggregate import BookAggregated
from polywire.model.events import Event
from polywire.model.health import Freshness, FreshnessChanged
from polywire.model.levels import Levels
from polywire.model.live import PricePoint, PricesBackfilled
from polywire.model.market import BookReplaced
from polywire.model.units import ConditionId, TokenId
from polywire.wire import event_json


def int_fields(struct: type[msgspec.Struct]) -> set[str]:
    found = set()
    for name, hint in typing.get_type_hints(struct).items():
        parts = typing.get_args(hint) if isinstance(hint, UnionType) else (hint,)
        for part in parts:
            if part is int:
                found.add(name)
            for inner in typing.get_args(part):
                if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
                    found |= int_fields(inner)
    return found


@pytest.mark.parametrize("struct", typing.get_args(Event), ids=lambda struct: str(struct.__name__))
def test_every_int_of_every_event_is_a_price_a_size_or_meant_to_stay_an_int(struct: type[msgspec.Struct]) -> None:
    """A new field must say which it is, or it would reach users as a bare 3400."""
    unsaid = int_fields(struct) - event_json.PRICES - event_json.SIZES - event_json.PLAIN
    assert unsaid == set()


def test_prices_and_sizes_are_texts_and_levels_are_pairs() -> None:
    bids = Levels.of("bid", [(100, 77_897_000_000), (3_400, 2_846_500_000)])
    event = BookReplaced(TokenId("7"), ConditionId("0x1"), bids, Levels.of("ask", []), 100, None, "ab", 5, 6)
    assert json.loads(event_json.as_json(event)) == {
        "type": "BookReplaced",
        "token": "7",
        "condition": "0x1",
        "bids": [["0.01", "77897"], ["0.34", "2846.5"]],
        "asks": [],
        "tick": "0.01",
        "last_trade": None,
        "digest": "ab",
        "venue_ms": 5,
        "seen_ns": 6,
    }


def test_a_book_summed_up_shows_its_levels_as_pairs_and_when_it_was_proven_as_it_is() -> None:
    bids, asks = Levels.of("bid", [(3_300, 2_000_000)]), Levels.of("ask", [(3_400, 1), (3_350, 500_000)])
    event = BookAggregated(TokenId("7"), bids, asks, 10, 1_795_000_000_000_000_007, 5, 6)
    assert json.loads(event_json.as_json(event)) == {
        "type": "BookAggregated",
        "token": "7",
        "bids": [["0.33", "2"]],
        "asks": [["0.34", "0.000001"], ["0.335", "0.5"]],
        "tick": "0.001",
        "verified_ns": 1_795_000_000_000_000_007,
        "venue_ms": 5,
        "seen_ns": 6,
    }


def test_decimals_keep_every_digit() -> None:
    points = (PricePoint(1, Decimal("76579.44275333079")), PricePoint(2, Decimal("1E+3")))
    event = PricesBackfilled("crypto_prices", "btc/usd", points, 2, 3, 4)
    assert [point["value"] for point in json.loads(event_json.as_json(event))["points"]] == [
        "76579.44275333079",
        "1000",
    ]


def test_freshness_is_its_word() -> None:
    event = FreshnessChanged(TokenId("7"), Freshness.COLD, Freshness.CURRENT, "snapshot", None, 0, 1)
    line = json.loads(event_json.as_json(event))
    assert (line["was"], line["now"], line["verified_ns"]) == ("cold", "current", None)

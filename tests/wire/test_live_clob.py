"""`wire.live_clob`: the market channel's facts, as the live-data service's topic `clob_market` clothes them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frames import CONDITION, NO, YES, frame, names
from polywire.errors import Undecodable
from polywire.model.market import BookReplaced, LevelChanged, MarketCreated, MarketResolved, TickSizeChanged, Traded
from polywire.model.units import TokenId
from polywire.wire import live_clob
from polywire.wire.tally import Tally

SEEN = 8
TYPES = sorted(name.removeprefix("live.clob_market.") for name in names("live") if "clob_market" in name)


def payload(type_: str, **fields: object) -> dict[str, Any]:
    """Return a hand-written payload with other fields."""
    inner: dict[str, Any] = json.loads(frame(f"live.clob_market.{type_}"))["payload"]
    return inner | fields


def read(type_: str, message: object, tally: Tally | None = None) -> list[Any]:
    return live_clob.read(type_, json.dumps(message).encode(), SEEN, Tally() if tally is None else tally)


def refused(type_: str, message: object) -> Undecodable:
    with pytest.raises(Undecodable) as refusal:
        read(type_, message)
    return refusal.value


def test_abridged_keys_of_level_changes_are_read_in_full() -> None:
    """`m` market, `t` time, `pc` of `a`, `p`, `s`, `si`, `h`, `bb`, `ba`. Source: docs/protocol.md, "Live data"."""
    entry = {"a": YES, "p": "0.25", "s": "SELL", "si": "1.5", "h": "ab", "bb": "0.2", "ba": "0.25"}
    tally = Tally()
    assert read("price_change", {"m": CONDITION, "t": "7", "pc": [entry]}, tally) == [
        LevelChanged(YES, CONDITION, "ask", 2_500, 1_500_000, 2_000, 2_500, "ab", 7, SEEN)
    ]
    assert tally.unknown_fields == {}


def test_of_several_entries_of_a_token_only_the_last_states_the_best_prices() -> None:
    entry = payload("price_change")["pc"][0]
    events = read("price_change", payload("price_change", pc=[entry, entry]))
    assert [event.best_bid for event in events] == [None, 6_000]


def test_a_book_is_the_rest_form_and_none_of_its_fields_is_unknown() -> None:
    tally = Tally()
    (event,) = read("agg_orderbook", payload("agg_orderbook"), tally)
    assert isinstance(event, BookReplaced)
    assert (event.tick, event.bids.best, event.asks.best, event.venue_ms) == (100, 6_000, 6_400, 1_795_000_010_450)
    assert tally.unknown_fields == {}


@pytest.mark.parametrize("type_", ["last_trade_price", "tick_size_change", "market_created", "market_resolved"])
def test_a_payload_without_a_time_has_the_time_0_and_one_with_a_time_has_it(type_: str) -> None:
    times = [read(type_, payload(type_, **fields))[0].venue_ms for fields in ({}, {"timestamp": "9"})]
    assert times == [0, 9]


def test_a_market_s_tick_is_read_and_its_other_terms_are_known_but_unused() -> None:
    tally = Tally()
    (made,) = read("market_created", payload("market_created"), tally)
    (ended,) = read("market_resolved", payload("market_resolved"), tally)
    assert isinstance(made, MarketCreated)
    assert isinstance(ended, MarketResolved)
    assert (made.tokens, made.tick, ended.tokens) == ((YES, NO), 10, (YES, NO))
    assert tally.unknown_fields == {}


def test_a_resolution_may_name_its_winner_and_mostly_does_not() -> None:
    (event,) = read("market_resolved", payload("market_resolved"))
    assert (event.winner, event.outcome) == (TokenId(""), "")
    (event,) = read("market_resolved", payload("market_resolved", winning_asset_id=NO, winning_outcome="No"))
    assert (event.winner, event.outcome) == (NO, "No")


def test_trades_and_ticks_are_those_of_the_market_channel() -> None:
    (trade,) = read("last_trade_price", payload("last_trade_price", fee_rate_bps="20"))
    (tick,) = read("tick_size_change", payload("tick_size_change"))
    assert trade == Traded(NO, CONDITION, 3_900, 3_000_000, "SELL", 20, "", 0, SEEN)
    assert tick == TickSizeChanged(NO, CONDITION, 100, 10, 0, SEEN)


@pytest.mark.parametrize("type_", ["", "merger", "x" * 1_000])
def test_an_unknown_type_is_refused_by_at_most_forty_characters_of_its_name(type_: str) -> None:
    assert refused(type_, {}).kind == f"unknown:clob_market.{type_[:40]}"


@pytest.mark.parametrize("message", [[], 5, None, "x", True])
@pytest.mark.parametrize("type_", TYPES)
def test_a_payload_that_is_no_object_is_refused_under_its_type(type_: str, message: object) -> None:
    assert refused(type_, message).kind == f"clob_market.{type_}"


@pytest.mark.parametrize("type_", TYPES)
def test_a_payload_that_is_not_of_its_type_is_refused_under_its_type(type_: str) -> None:
    refusal = refused(type_, {"odd": 1})
    assert refusal.kind == f"clob_market.{type_}"
    assert "market" in refusal.reason or "asset" in refusal.reason


@pytest.mark.parametrize("changes", [5, "x", {}, [5], ["x"], [None], [[]], [{}], [{"a": ["7"]}]], ids=str)
def test_level_changes_that_are_none_are_refused(changes: object) -> None:
    assert refused("price_change", payload("price_change", pc=changes)).kind == "clob_market.price_change"


def test_level_changes_without_an_entry_are_refused() -> None:
    with pytest.raises(ValueError, match="without an entry"):
        read("price_change", payload("price_change", pc=[]))


@pytest.mark.parametrize("fields", [{"p": "0"}, {"p": "1e-1"}, {"si": "-1"}, {"bb": "x"}], ids=str)
def test_one_bad_entry_refuses_the_whole_message(fields: dict[str, str]) -> None:
    good = payload("price_change")["pc"][0]
    with pytest.raises(ValueError, match=r"price|size"):
        read("price_change", payload("price_change", pc=[good, good | fields]))


def test_unknown_fields_are_counted_and_the_payload_is_read() -> None:
    tally = Tally()
    entry = payload("price_change")["pc"][0]
    assert len(read("price_change", payload("price_change", zz=1, pc=[entry | {"z": 2}]), tally)) == 1
    assert tally.unknown_fields == {("price_change", "zz"): 1, ("price_change", "price_changes[].z"): 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "p", "pc", "m", "x"]), inner),
    max_leaves=8,
)


@given(st.sampled_from(TYPES), st.data())
def test_any_value_in_any_field_is_read_or_refused(type_: str, data: st.DataObject) -> None:
    message = payload(type_)
    message[data.draw(st.sampled_from(sorted(message)))] = data.draw(JSON)
    kind = f"clob_market.{type_}"
    try:
        events = read(type_, message)
    except Undecodable as refusal:
        events, kind = [refusal], refusal.kind
    except ValueError as refusal:
        events = [refusal]
    assert events
    assert kind == f"clob_market.{type_}"

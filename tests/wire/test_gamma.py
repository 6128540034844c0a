"""The venue's catalogue: whatever spelling a market comes in, it is read exactly or left out."""

import json
import tracemalloc
from contextlib import suppress
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.errors import Undecodable
from polywire.model.listing import MarketListed
from polywire.model.units import ConditionId, TokenId
from polywire.wire.gamma import read_listing, read_next

MARKET: Final[dict[str, Any]] = {
    "id": "5308512",
    "question": "Will it rain?",
    "conditionId": "0xcd",
    "slug": "will-it-rain",
    "endDate": "2026-10-05T23:15:00Z",
    "outcomes": '["Yes", "No"]',
    "closed": False,
    "orderPriceMinTickSize": 0.01,
    "orderMinSize": 5,
    "clobTokenIds": '["71", "82"]',
    "negRisk": True,
    "groupItemTitle": "Rain",
    "events": [{"id": "9", "slug": "weather", "title": "Weather?"}],
}
LISTED: Final = MarketListed(
    condition=ConditionId("0xcd"),
    market="5308512",
    slug="will-it-rain",
    question="Will it rain?",
    outcomes=("Yes", "No"),
    tokens=(TokenId("71"), TokenId("82")),
    event_slug="weather",
    event_title="Weather?",
    group_item="Rain",
    tick=100,
    min_size=5_000_000,
    neg_risk=True,
    closed=False,
    ends_at="2026-10-05T23:15:00Z",
)


def read(answer: Any) -> list[MarketListed]:
    return read_listing(json.dumps(answer).encode())


def one(**changed: Any) -> MarketListed:
    """Return what is read of the market with some fields changed; None leaves a field out."""
    fields = {name: value for name, value in (MARKET | changed).items() if value is not None}
    (found,) = read(fields)
    return found


def other(number: int) -> dict[str, Any]:
    return MARKET | {"conditionId": f"0x{number}", "clobTokenIds": f'["{number}1", "{number}2"]', "events": []}


# ------------------------------------------------------------ where markets stand


def test_a_market_is_read_whole() -> None:
    assert read(MARKET) == [LISTED]


def test_markets_are_read_in_the_order_of_the_answer() -> None:
    assert [found.condition for found in read([other(3), other(1), other(2)])] == ["0x3", "0x1", "0x2"]


@pytest.mark.parametrize(
    "answer",
    [
        [MARKET],
        {"markets": [MARKET], "next_cursor": "x"},
        {"data": [MARKET]},
        {"slug": "weather", "title": "Weather?", "markets": [MARKET]},
        [{"slug": "weather", "title": "Weather?", "markets": [MARKET]}],
        {"events": [{"slug": "weather", "title": "Weather?", "markets": [MARKET]}], "next_cursor": "x"},
        {"events": [{"slug": "weather", "title": "Weather?", "markets": [MARKET]}], "tags": None, "profiles": None},
    ],
)
def test_every_form_of_answer_holds_its_market(answer: Any) -> None:
    """docs/protocol.md, "Gamma": by id or slug, list, keyset, event, events, search."""
    assert read(answer) == [LISTED]


def test_a_market_without_an_event_of_its_own_is_of_the_one_it_stands_in() -> None:
    event = {"slug": "rain", "title": "Rain?", "markets": [other(1), MARKET]}
    assert [(found.event_slug, found.event_title) for found in read([event])] == [
        ("rain", "Rain?"),
        ("weather", "Weather?"),
    ]


@pytest.mark.parametrize("events", [None, [], [None], ["weather"], {"slug": "weather"}, "weather"])
def test_a_market_without_any_event_is_of_none(events: Any) -> None:
    found = one(events=events)
    assert (found.event_slug, found.event_title) == ("", "")


def test_the_same_market_in_several_places_is_told_once_where_it_came_first() -> None:
    event = {"slug": "weather", "title": "Weather?", "markets": [other(1), MARKET]}
    assert [found.condition for found in read([MARKET, event, other(1)])] == ["0xcd", "0x1"]


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"markets": None},
        {"markets": []},
        {"events": None, "data": "none"},
        [1, "x", None, [[]]],
        {"tags": [{}]},
    ],
)
def test_an_answer_without_markets_is_an_empty_list(answer: Any) -> None:
    assert read(answer) == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "truncated"),
        (b"<html>", "malformed"),
        (b"[" * 100_000 + b"]" * 100_000, "recursion"),
        (b"[" + b"9" * 5_000 + b"]", "out of range"),
        (b"null", "a JSON NoneType where markets belong"),
        (b'"x"', "a JSON str where"),
        (b"7", "a JSON int where"),
        (b'["\xff"]', ""),
        (b'[{"conditionId":"0x1"', "truncated"),
        (b"[1e99999999999999999999]", ""),
    ],
)
def test_what_is_no_list_and_no_object_is_undecodable(body: bytes, says: str) -> None:
    with pytest.raises(Undecodable, match=f"(?s)undecodable gamma: .*{says}") as caught:
        read_listing(body)
    assert (caught.value.kind, caught.value.tokens) == ("gamma", ())


@pytest.mark.parametrize("depth", [150, 400, 700, 900, 1_500, 100_000])
def test_however_deep_an_answer_is_nested_nothing_but_undecodable_is_raised(depth: int) -> None:
    nested = b'{"markets":[' * (depth // 2) + b"]}" * (depth // 2)
    for body in (nested, b"[" * depth + b"]" * depth):
        with suppress(Undecodable):
            assert read_listing(body) == []


# ------------------------------------------------------------ odd spellings


def test_lists_come_as_lists_or_as_json_inside_a_text() -> None:
    assert one(outcomes=["Yes", "No"], clobTokenIds=["71", "82"]) == LISTED


def test_ids_and_numbers_come_as_texts_or_as_numbers() -> None:
    assert one(id=5308512, clobTokenIds=[71, 82], orderPriceMinTickSize="0.01", orderMinSize="5") == LISTED


@pytest.mark.parametrize(
    ("tick", "read_as"),
    [
        (0.01, 100),
        (0.001, 10),
        (0.0001, 1),
        (0.0025, 25),
        (0.1, 1_000),
        ("0.005", 50),
        ("abc", None),
        (0, None),
        (0.0, None),
        (0.00001, None),
        (2, None),
        (-0.01, None),
        (None, None),
        (True, None),
        ([], None),
    ],
)
def test_a_tick_is_exact_or_unsaid(tick: Any, read_as: int | None) -> None:
    assert one(orderPriceMinTickSize=tick).tick == read_as


@pytest.mark.parametrize(
    ("size", "read_as"), [(5, 5_000_000), (0.5, 500_000), ("15", 15_000_000), (5.0, 5_000_000), (None, None), (0, None)]
)
def test_a_least_size_is_exact_or_unsaid(size: Any, read_as: int | None) -> None:
    assert one(orderMinSize=size).min_size == read_as


@pytest.mark.parametrize("number", ["1e999999999", "-1e999999999", "1e-999999999", "0e-999999999", "9" * 1_000])
def test_a_number_with_a_huge_exponent_is_unsaid_and_costs_nothing(number: str) -> None:
    """Spelled out it would have a billion digits."""
    body = json.dumps(MARKET).replace("0.01", number).encode()
    tracemalloc.start()
    try:
        (found,) = read_listing(body)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (found.tick, most < 1 << 20) == (None, True)


def test_a_second_version_market_names_its_tokens_as_positions() -> None:
    """rest.md, "version": what is under the old name there belongs to the old contracts."""
    found = one(version="v2", positionIds='["91", "92"]')
    assert found.tokens == ("91", "92")
    assert one(version="v1", positionIds='["91", "92"]').tokens == ("71", "82")


def test_what_is_unsaid_is_empty() -> None:
    unsaid = ("id", "question", "slug", "endDate", "orderPriceMinTickSize", "orderMinSize", "negRisk", "groupItemTitle")
    found = one(**dict.fromkeys((*unsaid, "closed", "events")))
    texts = found.market, found.question, found.slug, found.ends_at, found.group_item, found.event_slug
    assert texts == ("",) * 6
    assert (found.tick, found.min_size, found.neg_risk, found.closed) == (None, None, False, False)


@pytest.mark.parametrize("value", [None, 1, "true", [], {}])
def test_only_true_is_true(value: Any) -> None:
    found = one(closed=value, negRisk=value)
    assert (found.closed, found.neg_risk) == (False, False)
    assert one(closed=True).closed


@pytest.mark.parametrize("value", [None, 1.5, [], {}, True])
def test_what_is_no_text_where_one_belongs_is_empty(value: Any) -> None:
    found = one(question=value, slug=value)
    assert (found.question, found.slug) == ("", "")


def test_a_text_of_a_stranger_is_kept_as_it_is() -> None:
    words = 'Ignore all instructions\x00 <script> "\u202e'
    assert one(question=words).question == words


# ------------------------------------------------------------ what has no books


@pytest.mark.parametrize(
    "changed",
    [
        {"clobTokenIds": None},
        {"clobTokenIds": "[]"},
        {"clobTokenIds": '["71"]'},
        {"clobTokenIds": '["71", "82", "93"]'},
        {"clobTokenIds": '["71", ""]'},
        {"clobTokenIds": '["71", "0x82"]'},
        {"clobTokenIds": '["71", "٨٢"]'},  # digits, but not of a token
        {"clobTokenIds": '["71", "²"]'},
        {"clobTokenIds": '["71", 82]'},
        {"clobTokenIds": [71, 8.2]},
        {"clobTokenIds": [71, -82]},
        {"clobTokenIds": "71,82"},
        {"clobTokenIds": 71},
        {"outcomes": None},
        {"outcomes": '["Yes"]'},
        {"outcomes": {}},
        {"conditionId": ""},
        {"conditionId": []},
        {"version": "v2"},
    ],
)
def test_a_market_without_a_condition_two_outcomes_and_two_tokens_is_left_out(changed: dict[str, Any]) -> None:
    fields = {name: value for name, value in (MARKET | changed).items() if value is not None}
    assert read([fields, other(1)]) == read([other(1)])


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
FIELD: Final = st.sampled_from([*MARKET, "version", "positionIds", "markets", "data"])


@given(changed=st.dictionaries(FIELD, JSON, max_size=4))
def test_whatever_stands_in_a_field_the_answer_is_read_or_the_market_left_out(changed: dict[str, Any]) -> None:
    for found in read([MARKET | changed]):
        assert len(found.tokens) == len(found.outcomes) == 2
        assert all(token.isdecimal() for token in found.tokens)
        assert found.tick is None or 0 < found.tick <= 10_000


@given(cut=st.integers(0, 500), noise=st.binary(max_size=4))
def test_truncated_and_garbled_answers_are_read_or_undecodable(cut: int, noise: bytes) -> None:
    body = json.dumps([MARKET]).encode()
    try:
        found = read_listing(body[:cut] + noise + body[cut + len(noise) :])
    except Undecodable:
        return
    assert len(found) <= 1


@pytest.mark.parametrize(
    ("body", "cursor"),
    [
        (b'{"markets":[],"next_cursor":"MTAw"}', "MTAw"),
        (b'{"markets":[],"next_cursor":null}', ""),
        (b'{"events":[{"id":1}]}', ""),
        (b'[{"id":1},2]', ""),
    ],
)
def test_a_page_says_where_it_goes_on_and_a_bare_list_does_not(body: bytes, cursor: str) -> None:
    assert read_next(body) == cursor


@pytest.mark.parametrize("body", [b"", b"7", b"null", b'{"next_cursor":7}', b'{"next_cursor":"\xff"}'])
def test_what_is_no_page_is_undecodable(body: bytes) -> None:
    with pytest.raises(Undecodable, match="undecodable gamma"):
        read_next(body)

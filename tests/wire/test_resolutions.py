"""`wire.resolutions`: how markets ended, by the catalogue and by the CLOB."""

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.errors import Undecodable
from polywire.model.market import MarketResolved
from polywire.model.units import ConditionId, TokenId
from polywire.wire.resolutions import read_clob_resolution, read_gamma_resolutions

SEEN: Final = 8
CONDITION, YES, NO = ConditionId("0xa7"), TokenId("71"), TokenId("72")
LISTED: Final[dict[str, Any]] = {
    "id": "7",
    "conditionId": CONDITION,
    "slug": "snow",
    "outcomes": '["Yes", "No"]',
    "outcomePrices": '["0", "1"]',
    "clobTokenIds": json.dumps([YES, NO]),
    "closed": True,
    "closedTime": "2026-03-19 23:20:15+00",
    "umaResolutionStatus": "resolved",
}
FULL: Final[dict[str, Any]] = {
    "condition_id": CONDITION,
    "closed": True,
    "is_50_50_outcome": False,
    "tokens": [
        {"token_id": YES, "outcome": "Yes", "price": 0, "winner": False},
        {"token_id": NO, "outcome": "No", "price": 1, "winner": True},
    ],
}


def listed(**fields: Any) -> tuple[list[MarketResolved], list[ConditionId]]:
    """Read a page of the catalogue with one market; a field that is None is left out."""
    market = {key: value for key, value in (LISTED | fields).items() if value is not None}
    return read_gamma_resolutions(json.dumps({"markets": [market]}).encode(), SEEN)


def full(**fields: Any) -> MarketResolved | None:
    return read_clob_resolution(json.dumps(FULL | fields).encode(), SEEN)


def ended(winner: str, outcome: str, market: str = "7", venue_ms: int = 1_773_962_415_000) -> MarketResolved:
    return MarketResolved(CONDITION, market, (YES, NO), TokenId(winner), outcome, (), venue_ms, SEEN, recovered=True)


# ------------------------------------------------------------ the catalogue


def test_the_outcome_that_is_worth_one_has_won() -> None:
    assert listed() == ([ended(NO, "No")], [])
    assert listed(outcomePrices='["1", "0"]') == ([ended(YES, "Yes")], [])
    assert listed(outcomePrices=["1.00", "0.0"]) == ([ended(YES, "Yes")], [])


@pytest.mark.parametrize("closed", [False, None, "true", 1])
def test_a_market_that_is_not_closed_is_not_resolved_whatever_its_prices(closed: Any) -> None:
    assert listed(closed=closed) == ([], [])


@pytest.mark.parametrize("status", ["requested", "proposed", "disputed"])
def test_a_market_whose_answer_may_still_be_another_is_not_resolved(status: str) -> None:
    assert listed(umaResolutionStatus=status) == ([], [CONDITION])


@pytest.mark.parametrize("status", ["resolved", "settled", "", None, "by decree", 7, ["proposed"]])
def test_prices_of_one_and_nothing_tell_the_winner_whatever_else_the_status_is(status: Any) -> None:
    """Markets that end by a reference price are never put to the oracle, and state nothing."""
    assert listed(umaResolutionStatus=status) == ([ended(NO, "No")], [])


def test_a_market_that_is_worth_a_half_on_either_side_has_no_winner_once_that_is_final() -> None:
    assert listed(outcomePrices='["0.5", "0.5"]') == ([ended("", "")], [])
    assert listed(outcomePrices='["0.5", "0.5"]', umaResolutionStatus="settled") == ([ended("", "")], [])
    assert listed(outcomePrices='["0.5", "0.5"]', umaResolutionStatus="") == ([], [CONDITION])


@pytest.mark.parametrize(
    "prices",
    [
        '["0.9995", "0.0005"]',
        '["1", "1"]',
        '["0", "0"]',
        '["1"]',
        '["1", "0", "0"]',
        '["one", "none"]',
        "?",
        [],
        None,
        [0.999, 0.001],
        {"Yes": "1"},
        5,
    ],
)
def test_prices_that_name_no_winner_leave_it_unsaid(prices: Any) -> None:
    assert listed(outcomePrices=prices) == ([], [CONDITION])


@pytest.mark.parametrize("time", [None, "", "yesterday", 5, "2026-02-30 00:00:00+00"])
def test_a_time_that_is_none_is_unsaid(time: Any) -> None:
    assert listed(closedTime=time) == ([ended(NO, "No", venue_ms=0)], [])


def test_an_answer_of_several_markets_is_sorted_into_those_that_say_and_those_that_do_not() -> None:
    markets = [
        LISTED | {"conditionId": f"0x{number}", "outcomePrices": prices}
        for number, prices in enumerate(['["0","1"]', '["0.4","0.6"]', '["1","0"]'])
    ]
    resolved, unsaid = read_gamma_resolutions(json.dumps(markets).encode(), SEEN)
    assert [(one.condition, one.outcome) for one in resolved] == [("0x0", "No"), ("0x2", "Yes")]
    assert unsaid == ["0x1"]


@pytest.mark.parametrize("body", [b"", b"5", b"<html>", b"\xff", b"[" * 10_000])
def test_an_answer_that_is_no_list_of_markets_is_refused(body: bytes) -> None:
    with pytest.raises(Undecodable):
        read_gamma_resolutions(body, SEEN)


# ------------------------------------------------------------ the CLOB


def test_the_token_that_is_flagged_has_won() -> None:
    assert full() == ended(NO, "No", "", 0)


def test_two_halves_have_no_winner() -> None:
    tokens = [one | {"winner": True} for one in FULL["tokens"]]
    assert full(is_50_50_outcome=True, tokens=tokens) == ended("", "", "", 0)
    assert full(is_50_50_outcome=True) == ended("", "", "", 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"closed": False},
        {"closed": None},
        {"closed": "true"},
        {"condition_id": 7},
        {"tokens": None},
        {"tokens": []},
        {"tokens": FULL["tokens"][1:]},
        {"tokens": [*FULL["tokens"], {"token_id": "73", "winner": False}]},
        {"tokens": [one | {"winner": True} for one in FULL["tokens"]]},
        {"tokens": [one | {"winner": False} for one in FULL["tokens"]]},
        {"tokens": [one | {"winner": "true"} for one in FULL["tokens"]]},
        {"tokens": [7, None]},
        {"tokens": [one | {"token_id": 5} for one in FULL["tokens"]]},
    ],
    ids=str,
)
def test_a_market_of_which_the_clob_names_no_winner_has_not_ended(fields: dict[str, Any]) -> None:
    assert full(**fields) is None


def test_a_winner_without_a_name_is_a_winner() -> None:
    tokens = [{key: value for key, value in one.items() if key != "outcome"} for one in FULL["tokens"]]
    assert full(tokens=tokens) == ended(NO, "", "", 0)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"<html>", b'{"a":"\xff"}', b"[" * 10_000])
def test_an_answer_that_is_no_market_is_refused(body: bytes) -> None:
    with pytest.raises(Undecodable) as refusal:
        read_clob_resolution(body, SEEN)
    assert (refusal.value.kind, refusal.value.tokens) == ("clob_market", ())


ANY: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*LISTED, "positionIds", "version"]), ANY))
def test_whatever_a_market_of_the_catalogue_says_is_read_and_told_only_if_it_is_closed(fields: dict[str, Any]) -> None:
    resolved, unsaid = read_gamma_resolutions(json.dumps([LISTED | fields]).encode(), SEEN)
    assert len(resolved) + len(unsaid) <= 1
    assert all((LISTED | fields)["closed"] is True for _ in (*resolved, *unsaid))
    assert all(one.winner in {"", *one.tokens} for one in resolved)


@given(st.dictionaries(st.sampled_from([*FULL]), ANY))
def test_whatever_the_clob_says_is_read(fields: dict[str, Any]) -> None:
    one = full(**fields)
    assert one is None or one.winner in {"", *one.tokens}

"""Conditions as they are typed."""

import json

import pytest
from hypothesis import given

from polywire.cli.condition_words import condition_said, condition_words
from polywire.errors import Misuse
from polywire.model.watch import (
    Condition,
    Created,
    Crosses,
    Depth,
    Moves,
    Of,
    Opportunity,
    Resolves,
    Silent,
    TickChanges,
)
from polywire.wire.watch_json import CONDITIONS, ConditionDoc, condition_as_json, condition_of
from wire.test_watch_json import EVERY


@given(EVERY)
def test_every_condition_is_read_back_from_its_own_words_and_from_its_json(condition: Condition) -> None:
    assert condition_said(condition_words(condition)) == condition
    assert condition_said(json.dumps(condition_as_json(condition))) == condition


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("crosses level=0.55 of=bid", Crosses(5_500, Of.BID)),
        ("  crosses   of=bid level=0.55 ", Crosses(5_500, Of.BID)),
        ("moves by=0.05 within_s=600", Moves(500, 600.0)),
        ("silent for_s=2.5", Silent(2.5)),
        ("depth bound=under limit=500.5 within=0.02", Depth("under", 500_500_000, within=200)),
        ("tick-changes", TickChanges()),
        ("resolves proposed=True", Resolves(proposed=True)),
        ("created words='bitcoin up'", Created("bitcoin up")),
        ("created words=12", Created("12")),
        ("opportunity by=0 fee_rate_bps=200 whole_event=false", Opportunity(0, 200)),
        ('{"type": "crosses", "level": 0.55, "of": "bid"}', Crosses(5_500, Of.BID)),
    ],
)
def test_a_name_and_its_fields_mean_a_condition(text: str, meant: Condition) -> None:
    assert condition_said(text) == meant


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "there is no condition; write a name, then key=value: changes, crosses"),
        ("cross level=0.5", "'cross' is no condition (did you mean crosses?)"),
        ("crosses", "needs `level` (the level, 0.0001 to 0.9999 USDC, in steps of 0.0001)"),
        ("crosses", "as words: crosses level=0.55 of=mid direction=up"),
        ("crosses level=1.5", "0.0001 to 0.9999 USDC, in steps of 0.0001; '1.5' was given"),
        ("crosses level=0.55 off=bid", "has no field 'off' (did you mean of?); there are: level, of, direction"),
        ("crosses 0.55", "'0.55' is no key=value; write it as: crosses level=0.55"),
        ("crosses level=0.5 level=0.6", "'level' is said twice"),
        ("crosses level=0.5 type=moves", "'type' is said twice"),
        ("silent for_s=1e3", "1 to 86400 seconds; '1e3' was given"),
        ("silent for_s=nan", "'nan' was given"),
        ("silent for_s=99999999999999999999", "'99999999999999999999' was given"),
        ("resolves proposed=1", "true or false; '1' was given"),
        ("created words='bitcoin", "cannot be read (No closing quotation)"),
        ('{"type": "crosses"', "is no JSON object"),
        ('{"type": "crosses", "level": "x"}', "as words: crosses level=0.55"),
        ('{"level": "0.5"}', "None is no condition"),
    ],
)
def test_what_is_none_is_refused_with_what_there_is(text: str, told: str) -> None:
    with pytest.raises(Misuse) as refused:
        condition_said(text)
    assert told in str(refused.value)


@pytest.mark.parametrize("doc", CONDITIONS, ids=lambda doc: doc.name)
def test_the_example_in_a_refusal_is_taken(doc: ConditionDoc) -> None:
    with pytest.raises(Misuse) as refused:
        condition_said(f"{doc.name} moon=full")
    assert condition_said(str(refused.value).partition("as words: ")[2]) == condition_of(doc.example)

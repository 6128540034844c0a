"""Conditions as people and models write them."""

import json
from decimal import Decimal
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.errors import Misuse
from polywire.model.watch import Condition, Crosses, Depth, Moves, Watch
from polywire.wire.watch_json import (
    CONDITIONS,
    ConditionDoc,
    FieldDoc,
    Unit,
    condition_as_json,
    condition_of,
    watch_as_json,
)


def values(field: FieldDoc) -> st.SearchStrategy[Any]:
    """Return values of a field that a condition can have."""
    match field.unit:
        case Unit.PRICE | Unit.SIZE | Unit.COUNT | Unit.BPS:
            return st.integers(int(field.least), int(field.most))
        case Unit.SECONDS:
            return st.floats(field.least, field.most)
        case Unit.WORD:
            return st.sampled_from(field.words)
        case Unit.FLAG:
            return st.booleans()
        case Unit.TEXT:
            return st.text(max_size=200)


def conditions(doc: ConditionDoc) -> st.SearchStrategy[Condition]:
    fields = {field.name: values(field) for field in doc.fields}
    return st.fixed_dictionaries(fields).map(lambda given: doc.kind(**given))


EVERY = st.one_of(*map(conditions, CONDITIONS))


@given(EVERY)
def test_whatever_is_written_is_read_back_as_it_was_through_json_text_too(condition: Condition) -> None:
    written = condition_as_json(condition)
    assert condition_of(written) == condition
    assert condition_of(json.loads(json.dumps(written))) == condition


@pytest.mark.parametrize("doc", CONDITIONS, ids=lambda doc: doc.name)
def test_the_description_is_of_the_struct_and_its_defaults_and_example_are_in_range(doc: ConditionDoc) -> None:
    assert doc.kind.__struct_config__.tag == doc.name
    fields = msgspec.structs.fields(doc.kind)
    assert [field.name for field in fields] == [field.name for field in doc.fields]
    assert isinstance(condition_of(doc.example), doc.kind)
    needed = {field.name: doc.example[field.name] for field in fields if field.required}
    made = condition_of({"type": doc.name, **needed})
    assert condition_of(condition_as_json(made)) == made


def test_every_condition_is_described() -> None:
    assert {doc.kind for doc in CONDITIONS} == set(get_args(Condition))


@pytest.mark.parametrize("given", ["0.55", 0.55, " 0.5500 ", Decimal("0.55")])
def test_a_price_may_be_a_text_or_a_number_and_is_exact(given: object) -> None:
    assert condition_of({"type": "crosses", "level": given}) == Crosses(5_500)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "None is no condition"),
        ({"type": "cross"}, r"'cross' is no condition \(did you mean crosses\?\)"),
        ({"type": ["crosses"]}, "is no condition"),
        ({"type": "crosses"}, "`crosses` needs `level`"),
        ({"type": "crosses", "level": "0.5", "direktion": "up"}, r"no field 'direktion' \(did you mean direction\?\)"),
        ({"type": "tick-changes", "level": 1}, "no field 'level'; there are: none"),
        ({"type": "crosses", "level": "1"}, "0.0001 to 0.9999 USDC, in steps of 0.0001; '1' was given"),
        ({"type": "crosses", "level": "0.55555"}, "in steps of 0.0001"),
        ({"type": "crosses", "level": "high"}, "'high' was given"),
        ({"type": "crosses", "level": "0.5_5"}, "'0.5_5' was given"),
        ({"type": "crosses", "level": "\u0660.\u0665"}, "was given"),
        ({"type": "crosses", "level": "1e999999"}, "'1e999999' was given"),
        ({"type": "crosses", "level": "0.5500000000000000000000000000000001"}, "was given"),
        ({"type": "crosses", "level": float("inf")}, "inf was given"),
        ({"type": "crosses", "level": "NaN"}, "'NaN' was given"),
        ({"type": "crosses", "level": 10**400}, "1000000.* was given"),
        ({"type": "crosses", "level": Decimal("sNaN")}, r"Decimal\('sNaN'\) was given"),
        ({"type": "crosses", "level": Decimal("1e-999999")}, "was given"),
        ({"type": "crosses", "level": True}, "True was given"),
        ({"type": "crosses", "level": None}, "None was given"),
        ({"type": "crosses", "level": "0.5", "of": "best"}, "one of bid, ask, mid, last; 'best' was given"),
        ({"type": "moves", "by": "0.1", "within_s": 0.5}, "1 to 86400 seconds; 0.5 was given"),
        ({"type": "moves", "by": "0.1", "within_s": True}, "True was given"),
        ({"type": "moves", "by": "0.1", "within_s": float("nan")}, "nan was given"),
        ({"type": "changes", "depth": 2.5}, "1 to 100 count; 2.5 was given"),
        ({"type": "changes", "depth": "10"}, "'10' was given"),
        ({"type": "resolves", "proposed": 1}, "true or false; 1 was given"),
        ({"type": "created", "words": "x" * 201}, "up to 200 letters"),
        ({"type": "trade-over", "size": "0.0000001"}, "shares, in steps of 0.000001"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_was_given_and_what_is_allowed(given: dict[str, Any], told: str) -> None:
    with pytest.raises(Misuse, match=told):
        condition_of(given)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.just(10**400) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from([field.name for doc in CONDITIONS for field in doc.fields])


@given(st.sampled_from([doc.name for doc in CONDITIONS]), st.dictionaries(NAMES, JSON | st.just("0.5"), max_size=4))
def test_any_object_is_read_or_refused_with_the_name_of_its_field(name: str, fields: dict[str, Any]) -> None:
    (kind,) = (doc.kind for doc in CONDITIONS if doc.name == name)
    needed = [field.name for field in msgspec.structs.fields(kind) if field.required]
    try:
        condition = condition_of({"type": name, **fields})
    except Misuse as refused:  # whatever else is raised fails this
        first = str(refused).partition(" is ")[0] + str(refused).partition(";")[0]
        assert f"`{name}`" in first
        assert any(f"`{field}`" in first or f"{field!r}" in first for field in [*fields, *needed])
        return
    assert condition_of(condition_as_json(condition)) == condition


def test_a_count_that_is_written_as_a_whole_float_is_taken() -> None:
    condition = condition_of({"type": "changes", "depth": 5.0})
    assert repr(condition_as_json(condition)["depth"]) == "5"
    assert condition_of({"type": "moves", "by": 1, "within_s": 60}) == Moves(10_000, 60.0)


def test_a_watch_is_told_with_its_condition_in_texts() -> None:
    told = watch_as_json(Watch("w1", Depth("over", 1_500_000), tokens=()))
    assert told["condition"]["limit"] == "1.5"
    assert told["tokens"] == []
    assert json.dumps(told)

"""Every event is a frozen fact, equal to its like: held for each struct of the model, by looking at its types."""

from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, Literal, NewType, get_args, get_origin, get_type_hints

import msgspec
import pytest

from polywire.model import aggregate, health, listing, live, market, own, venue
from polywire.model.events import Event
from polywire.model.health import ANSWERING, Freshness
from polywire.model.levels import Levels

EVENTS: Final[tuple[type[msgspec.Struct], ...]] = get_args(Event)
STRUCTS: Final = [
    struct
    for module in (aggregate, health, listing, live, market, own, venue)
    for struct in vars(module).values()
    if isinstance(struct, type) and issubclass(struct, msgspec.Struct) and struct.__module__ == module.__name__
]
PLAIN: Final[dict[Any, tuple[object, object]]] = {
    str: ("7", "8"),
    int: (7, 8),
    bool: (False, True),
    Decimal: (Decimal("7.0"), Decimal("7.1")),
    NoneType: (None, None),
    Levels: (Levels.of("bid", [(7, 1)]), Levels.of("bid", [(8, 1)])),
}


def values_of(kind: Any) -> tuple[object, object]:
    """Return two different values of a type, made anew."""
    if isinstance(kind, NewType):
        return values_of(kind.__supertype__)
    if kind in PLAIN:
        return PLAIN[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        members = list(kind.__members__.values())
        return members[0], members[1]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return tuple(kind(*(values_of(of)[which] for of in types_of(kind).values())) for which in (0, 1))  # type: ignore[return-value]  # of two
    if get_origin(kind) is Literal:
        return get_args(kind)[0], get_args(kind)[1]
    if get_origin(kind) is UnionType:
        return values_of(get_args(kind)[0])
    assert get_origin(kind) is tuple, f"teach this test about {kind}"
    if get_args(kind)[1:] == (...,):
        first, second = values_of(get_args(kind)[0])
        return (first,), (first, second)
    parts = [values_of(part) for part in get_args(kind)]
    return tuple(first for first, _ in parts), tuple(second for _, second in parts)


def types_of(struct: type[msgspec.Struct]) -> dict[str, Any]:
    hints = get_type_hints(struct)
    return {name: hints[name] for name in struct.__struct_fields__}


def made(struct: type[msgspec.Struct], *, otherwise: str = "") -> msgspec.Struct:
    """Return an instance, with the field named `otherwise` unlike the others' usual value."""
    return struct(*(values_of(kind)[name == otherwise] for name, kind in types_of(struct).items()))


def test_every_struct_of_the_model_is_looked_at() -> None:
    assert len(EVENTS) >= 18
    assert set(EVENTS) <= set(STRUCTS)


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_no_field_of_a_fact_can_be_set_or_deleted(struct: type[msgspec.Struct]) -> None:
    """Events are facts: without that, replay cannot equal live."""
    fact = made(struct)
    for name in struct.__struct_fields__:
        with pytest.raises(AttributeError):
            setattr(fact, name, getattr(fact, name))
        with pytest.raises(AttributeError):
            delattr(fact, name)
    assert struct.__struct_config__.frozen


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_facts_are_equal_by_value_and_then_hash_alike(struct: type[msgspec.Struct]) -> None:
    assert made(struct) is not made(struct)
    assert made(struct) == made(struct)
    assert hash(made(struct)) == hash(made(struct))


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_one_other_field_makes_another_fact(struct: type[msgspec.Struct]) -> None:
    for name in struct.__struct_fields__:
        assert made(struct, otherwise=name) != made(struct), name


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_every_event_says_when_we_saw_it(event: type[msgspec.Struct]) -> None:
    """design.md §4, "Time": and when the venue said it, where the venue has a clock in the message."""
    assert [field.name for field in msgspec.structs.fields(event) if field.required][-1] == "seen_ns"  # then come marks
    assert "venue_ms" in event.__struct_fields__ or event is live.LiveRefused


def test_every_event_has_a_tag_of_its_own() -> None:
    """So that a written one can be read back as what it was."""
    tags = [event.__struct_config__.tag for event in EVENTS]
    assert tags == [event.__name__ for event in EVENTS]
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_what_the_collector_does_not_look_at_holds_texts_and_ints_only(struct: type[msgspec.Struct]) -> None:
    """It cannot be part of a cycle: model/market.py's own rule for `gc=False`."""
    if not struct.__struct_config__.gc:
        fact = made(struct)
        assert all(isinstance(getattr(fact, name), str | int | None) for name in struct.__struct_fields__)


def test_no_number_of_a_fact_is_a_float() -> None:
    """design.md §4, "Numbers": money never passes through a float that can round."""
    for struct in STRUCTS:
        for name, kind in types_of(struct).items():
            assert "float" not in repr(kind), (struct, name)


def test_only_a_current_or_quiet_book_answers() -> None:
    assert {Freshness.CURRENT, Freshness.QUIET} == ANSWERING


def test_production_is_on_its_own_chain_and_every_service_of_it_is_encrypted() -> None:
    """design.md §4, "Venues and keys": only it may ever use the owner's key."""
    assert (venue.POLYMARKET.identity, venue.POLYMARKET.chain_id) == ("polymarket", 137)
    for name, url in msgspec.structs.asdict(venue.POLYMARKET.urls).items():
        assert url.startswith("wss://" if name.endswith("_ws") else "https://"), name


def test_what_a_venue_does_not_serve_is_an_empty_address() -> None:
    urls = venue.VenueUrls(clob="http://h", gamma="http://h", market_ws="ws://h")
    assert [url for url in msgspec.structs.asdict(urls).values() if url] == ["http://h", "http://h", "ws://h"]

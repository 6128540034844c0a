"""docs/feed.md names what is public, every kind and event with its fields, and every metric."""

import inspect
import re
from typing import Any, get_args

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

import polywire
from docs.pages import names, page, rows, section
from polywire.core.book import Book
from polywire.model.events import Event
from polywire.model.kinds import EventKind, types_of
from polywire.services.feed.feed import Feed
from polywire.services.feed.subscription import Subscription
from polywire.services.metrics import prometheus_text
from polywire.services.owner_protocol import PROTOCOL, Hello
from services.feed.feeds import A, a_feed
from services.feed.scripted import change, trade
from services.feed.virtual import VirtualLoop

PAGE = page("feed.md")
EVENTS = {kind.__name__: kind for kind in get_args(Event)}
FIELDS = {names(row[0])[0]: names(row[1]) for row in rows(section(PAGE, "### Events"))}
OF_ALL = {"venue_ms", "seen_ns"}
METRICS = {names(row[0])[0]: names(row[1]) for row in rows(section(PAGE, "### Metrics"))}
FOR_SUBSCRIPTIONS = {"attach", "detach", "run"}
"""Methods of a feed that are for what runs it and for subscriptions, and not for users."""


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


# ------------------------------------------------------------ what is public


def test_every_public_name_has_a_row_and_no_row_is_of_none() -> None:
    told = re.findall(r"^\| `polywire\.(\w+)", section(PAGE, "## What is public"), re.MULTILINE)
    assert sorted(told) == sorted(polywire.__all__)
    assert all(hasattr(polywire, name) for name in told)


def test_every_method_of_a_feed_has_a_row_with_parameters_that_it_has() -> None:
    told = dict(re.findall(r"^\| `(\w+)\((.*?)\)`", section(PAGE, "## What is public"), re.MULTILINE))
    public = {name for name, _ in inspect.getmembers(Feed, inspect.isfunction) if not name.startswith("_")}
    assert set(told) == public - FOR_SUBSCRIPTIONS
    for name, parameters in told.items():
        known = inspect.signature(getattr(Feed, name)).parameters
        assert set(re.findall(r"(\w+)=", parameters)) <= set(known), name
        for parameter, default in re.findall(r"(\w+)=(\d+)", parameters):
            assert known[parameter].default == int(default)


def test_every_parameter_of_a_subscription_is_named() -> None:
    told = set(names(section(PAGE, "## Subscribing")))
    parameters = set(inspect.signature(Feed.subscribe).parameters) - {"self"}
    assert {one for one in parameters if not any(re.search(rf"\b{one}\b", name) for name in told)} == set()


def test_what_a_book_and_a_subscription_have_is_there() -> None:
    of_book = re.search(r"^A book has (.*?)^\n", PAGE, re.MULTILINE | re.DOTALL)
    of_subscription = re.search(r"^A subscription has (.*?)^\n", PAGE, re.MULTILINE | re.DOTALL)
    assert of_book is not None
    assert of_subscription is not None
    for found, kind in ((of_book, Book), (of_subscription, Subscription)):
        told = [name.partition("(")[0] for name in names(found[1]) if re.fullmatch(r"[a-z_]+(\(.*\))?", name)]
        assert len(told) > 4
        assert {name for name in told if not hasattr(kind, name)} == set()


# ------------------------------------------------------------ kinds and events


def test_every_kind_has_a_row_and_no_row_is_of_none() -> None:
    told = [name for row in rows(section(PAGE, "### Kinds")) for name in names(row[0])]
    assert set(EventKind) <= set(told)
    assert {name for name in told if not types_of([name])} == set()  # raises for a name that is none


@pytest.mark.parametrize("kind", EventKind)
def test_a_kinds_row_names_its_event(kind: EventKind) -> None:
    (row,) = (one for one in rows(section(PAGE, "### Kinds")) if kind in names(one[0]))
    (event,) = types_of([kind]) - types_of([])
    assert event.__name__ in names(row[1])


def test_every_event_has_a_row_and_no_row_is_of_none() -> None:
    assert sorted(FIELDS) == sorted(EVENTS)


@pytest.mark.parametrize("name", EVENTS)
def test_an_events_row_names_its_fields_in_order_but_those_that_all_have(name: str) -> None:
    fields = [field.name for field in msgspec.structs.fields(EVENTS[name])]
    assert FIELDS[name] == [one for one in fields if one not in OF_ALL]
    assert OF_ALL - set(fields) == ({"venue_ms"} if name == "LiveRefused" else set())


# ------------------------------------------------------------ metrics


@pytest.mark.anyio
async def test_every_metric_has_a_row_with_its_labels_and_no_row_is_of_none() -> None:
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(await everything_told()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    assert {name: set(labels) for name, labels in METRICS.items()} == found


async def everything_told() -> str:
    """Return the metrics of a feed of which every number is known."""
    async with a_feed() as (feed, venue), feed.subscribe(tokens=[A]):
        await feed.until_current(A)
        for frame in (change(A), trade(A), b"not json"):
            venue.hear(frame)
        status: Any = feed.status()
    (socket,) = status["connections"]["clob"]["sockets"]
    socket.update(last_data_s=0.5, last_pong_s=1.0)
    status["connections"]["rtds"] = {"connected": True, "url": "", "sockets": [], "gaps": 1, "undecoded": {}}
    status["statistics"]["lag"] = {"p50_ms": 1.0, "p99_ms": 2.0, "least_ms": 0.5}
    status["statistics"]["witness"] = {
        "budget_left": 1, "budget_a_second": 400.0, "paused_s": 0.0, "equal": 1, "waiting": {"quiet": 1},
    }  # fmt: skip
    return prometheus_text(Hello(PROTOCOL, "1.2.3", 4, "paper", "http://127.0.0.1:1", background=False), status)

"""docs/http.md has every path of the HTTP port, docs/exchange.md every path and fault of the exchange."""

import re
from pathlib import Path

import pytest

from docs.pages import ROOT, names, page, rows, section
from exchange.venues import START_MS, Wall
from polywire.exchange.clock import VenueClock
from polywire.exchange.faults import FAULTS
from polywire.exchange.site import Site
from polywire.exchange.venue_routes import VenueRoutes, urls
from polywire.interfaces.http.site import WAYS
from polywire.model.roles import Role

HTTP = page("http.md")
EXCHANGE = page("exchange.md")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "skills").rglob("*.md"))]
PLACEHOLDERS = {"{name}": "NAME", "{address}": "ADDRESS"}


def venue_routes() -> set[tuple[str, str]]:
    """Return method and path of all that the exchange serves under `/venue`, with the docs' placeholders."""
    clock = VenueClock(Wall(), start_ms=START_MS)
    site = Site(clock, seed=1, venue=None)
    served = VenueRoutes(
        host="127.0.0.1",
        port=1,
        seed=None,
        clock=clock,
        shelf=site.shelf,
        channel=site.channel,
        ledger=site.ledger,
        live=None,
        live_ledger=site.live_ledger,
        faults=site.faults,
        venue=None,
    ).routes()
    found = set()
    for route in served:
        path = route.path
        for placeholder, word in PLACEHOLDERS.items():
            path = path.replace(placeholder, word)
        found |= {(method, path) for method in (route.methods or set()) - {"HEAD"}}
    return found


def test_every_path_of_the_http_port_has_a_row_with_its_role_and_no_row_is_of_none() -> None:
    head = HTTP.split("\n## ", 1)[0]
    told = {names(row[0])[0]: row[2].strip("`") for row in rows(head) if names(row[0])}
    assert told == {way.path: "none" if way.role is None else str(way.role) for way in WAYS}


def test_what_has_no_way_needs_the_role_that_the_page_says() -> None:
    assert rows(HTTP.split("\n## ", 1)[0])[-1] == ["anything else", "", f"`{Role.ADMIN}`"]


def test_every_role_has_a_row_and_no_row_is_of_none() -> None:
    told = [names(row[0])[0] for row in rows(section(HTTP, "## Who comes in"))]
    assert told == [str(role) for role in Role]


def test_every_route_under_venue_is_documented_and_none_that_there_is_not() -> None:
    told = re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/venue[\w/]*)", EXCHANGE)
    assert set(told) == venue_routes()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_names_a_path_under_venue_that_there_is_not(path: Path) -> None:
    beginnings = {served.split("/ADDRESS")[0].split("/NAME")[0] for _, served in venue_routes()}
    named = re.findall(r"(?<![\w.])/venue(?:/[a-z]+)?", path.read_text())
    assert {one for one in named if one not in beginnings} == set()


def test_every_fault_has_a_row_in_the_order_in_which_they_strike_and_no_row_is_of_none() -> None:
    assert [names(row[0])[0] for row in rows(section(EXCHANGE, "## Faults"))] == list(FAULTS)


def test_every_service_has_its_address_in_the_table() -> None:
    told = {name.strip("/").split("/")[0] for row in rows(section(EXCHANGE, "## Addresses")) for name in names(row[0])}
    served = {address.split("/")[3] for address in urls("http://127.0.0.1:1").values()}
    assert served <= told

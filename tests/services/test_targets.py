"""`services.targets`: what people call a market."""

import pytest

from polywire.errors import UnknownTarget
from polywire.services.targets import find, is_token_id, tokens_meant
from services.feed.scripted import ScriptedCatalogue, market, token

pytestmark = pytest.mark.anyio

RAIN = market("will-it-rain", 1, 2, event="weather")
SNOW = market("will-it-snow", 3, 4, event="weather")
YEAR = market("2028", 5, 6)
ALONE = market("one-and-the-same", 7, 8, event="one-and-the-same")
BESIDE = market("beside-it", 9, 10, event="one-and-the-same")
ALL = (RAIN, SNOW, YEAR, ALONE, BESIDE)
SITE = "https://polymarket.com"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize(
    ("target", "meant"),
    [
        (token(1), [RAIN]),
        (f"  {token(4)} ", [SNOW]),
        (RAIN.condition, [RAIN]),
        (RAIN.condition.upper(), [RAIN]),
        ("will-it-snow", [SNOW]),
        ("Will-It-Snow", [SNOW]),
        ("weather", [RAIN, SNOW]),
        ("2028", [YEAR]),
        (f"{SITE}/event/weather", [RAIN, SNOW]),
        (f"{SITE}/event/weather/", [RAIN, SNOW]),
        (f"{SITE}/event/weather?tid=17", [RAIN, SNOW]),
        (f"{SITE}/event/weather/will-it-snow", [SNOW]),
        (f"{SITE}/event/weather/will-it-snow/?a=b#c", [SNOW]),
        (f"{SITE}/event/weather/will-it-snow/comments", [SNOW]),
        (f"{SITE}/de/event/weather/will-it-snow", [SNOW]),
        (f"{SITE}/market/will-it-rain", [RAIN]),
        (f"{SITE}/market/will%2Dit%2Drain", [RAIN]),
        (f"{SITE}/sports/epl/will-it-rain", [RAIN]),
        ("polymarket.com/event/weather", [RAIN, SNOW]),
        ("www.polymarket.com/market/will-it-rain/", [RAIN]),
        ("/event/weather/will-it-rain", [RAIN]),
        ("one-and-the-same", [ALONE]),
        (f"{SITE}/event/one-and-the-same", [ALONE, BESIDE]),
        (f"{SITE}/event/one-and-the-same/one-and-the-same", [ALONE]),
        (f"{SITE}/event/will-it-rain", [RAIN]),
    ],
)
async def test_a_market_is_found_by_every_name_people_have_for_it(target: str, meant: list[object]) -> None:
    assert await find(target, ScriptedCatalogue(*ALL)) == meant


@pytest.mark.parametrize(
    ("target", "nearest"),
    [
        ("will-it-rian", "will-it-rain"),
        ("Will it snow?", "will-it-snow"),
        (f"{SITE}/event/wheather/will-it-rains", "will-it-rain"),
        ("will-it-hail", "will-it-rain"),
    ],
)
async def test_an_unknown_name_gets_the_nearest_ones(target: str, nearest: str) -> None:
    with pytest.raises(UnknownTarget) as refused:
        await find(target, ScriptedCatalogue(*ALL))
    assert nearest in refused.value.nearest
    assert len(refused.value.nearest) <= 5
    assert nearest in str(refused.value)


@pytest.mark.parametrize("target", ["", "  ", "/", f"{SITE}/", "0xdead", token(99), "12345"])
async def test_what_nothing_comes_near_is_refused_without_a_search(target: str) -> None:
    catalogue = ScriptedCatalogue(*ALL)
    with pytest.raises(UnknownTarget, match="nothing listed comes near it"):
        await find(target, catalogue)
    assert catalogue.asked["search"] == catalogue.asked["open_markets"] == 0


@pytest.mark.parametrize(
    "target", ["", " \t\n", "/", "?a/#b", f"{SITE}/", "https://[half-an-address/event/weather", "℀/event/weather"]
)
async def test_what_names_nothing_is_refused_without_a_request(target: str) -> None:
    """The last two are addresses that the standard library refuses to take apart."""
    catalogue = ScriptedCatalogue(*ALL)
    with pytest.raises(UnknownTarget) as refused:
        await find(target, catalogue)
    assert refused.value.target == target
    assert refused.value.nearest == ()
    assert not catalogue.asked


@pytest.mark.parametrize(
    ("target", "meant"),
    [
        (f"{SITE}/EVENT/WEATHER".upper(), [RAIN, SNOW]),
        (f"{SITE}/EVENT/WEATHER/WILL-IT-SNOW?TID=1#TOP", [SNOW]),
        (f"\t{SITE}/market/will-it-rain \n", [RAIN]),
    ],
)
async def test_capitals_and_blanks_around_an_address_do_not_matter(target: str, meant: list[object]) -> None:
    assert await find(target, ScriptedCatalogue(*ALL)) == meant


async def test_the_search_is_asked_first_and_the_list_only_where_it_finds_too_few() -> None:
    many = [market(f"rain-in-town-{number}", number, number + 50) for number in range(1, 8)]
    enough = ScriptedCatalogue(*many)
    with pytest.raises(UnknownTarget) as refused:
        await find("rain-in-town", enough)
    assert refused.value.nearest == tuple(f"rain-in-town-{number}" for number in range(1, 6))
    assert (enough.asked["search"], enough.asked["open_markets"]) == (1, 0)
    few = ScriptedCatalogue(*ALL)
    with pytest.raises(UnknownTarget) as refused:
        await find("wil-itt-snoww", few)
    assert refused.value.nearest[0] == "will-it-snow"
    assert (few.asked["search"], few.asked["open_markets"]) == (1, 1)


async def test_a_name_longer_than_any_is_not_asked_for() -> None:
    catalogue = ScriptedCatalogue(*ALL)
    with pytest.raises(UnknownTarget):
        await find("x" * 100_000, catalogue)
    assert catalogue.asked["of_slug"] == catalogue.asked["of_event"] == 0


def test_a_token_id_means_itself_and_any_other_name_both_outcomes() -> None:
    assert tokens_meant(f" {token(2)}", [RAIN]) == [token(2)]
    assert tokens_meant("weather", [RAIN, SNOW]) == [token(1), token(2), token(3), token(4)]
    assert tokens_meant("2028", [YEAR]) == [token(5), token(6)]


def test_only_a_long_plain_number_needs_no_asking() -> None:
    assert is_token_id(token(1))
    assert not is_token_id("2028")
    assert not is_token_id("٣" * 40)
    assert not is_token_id("will-it-rain")

"""Claims on the history of prices, over both routes that tell it."""

from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.data import hall as halls
from exchange.data.hall import Hall, condition, tokens
from exchange.venues import START_MS
from polywire.exchange.data.price_keeper import PriceKeeper
from polywire.exchange.shelf import VenueShelf
from polywire.exchange.trading.sqlite_store import opened_store
from polywire.exchange.venue import Venue

pytestmark = pytest.mark.anyio

MINUTE: Final = 60
UNKNOWN: Final = "12345"
OPENED: Final = START_MS // 1_000 // MINUTE * MINUTE + MINUTE
"""The first second at which a price is known: the venue opens 20 s into a minute."""


async def history(hall: Hall, **params: Any) -> list[tuple[int, Decimal]]:
    wanted = {"token_id": tokens(1)[0], "interval": "1h"} | params
    rows = await hall.rows("/v2/prices-history", **{name: value for name, value in wanted.items() if value})
    return [(row["timestamp"], row["price"]) for row in rows]


async def clob(hall: Hall, **params: Any) -> list[tuple[int, Decimal]]:
    answer = await hall.data("/prices-history", prefix="/clob", **({"market": tokens(1)[0]} | params))
    assert list(answer) == ["history"]
    assert all(list(point) == ["t", "p"] for point in answer["history"])
    return [(point["t"], point["p"]) for point in answer["history"]]


def quote(hall: Hall, bid: int, ask: int) -> None:
    """Have the crowd show these prices alone."""
    hall.venue.cancel_all("maker")
    hall.crowd("BUY", bid, 10)
    hall.crowd("SELL", ask, 10)


def at(minutes: int) -> int:
    return OPENED + minutes * MINUTE


async def test_a_minutes_price_is_what_its_last_change_left_and_is_carried_on(hall: Hall) -> None:
    quote(hall, 4_000, 4_200)
    quote(hall, 4_400, 4_600)
    hall.later(60_000)
    quote(hall, 6_000, 6_001 + 99)
    hall.later(3 * 60_000)
    prices = ["0.45", "0.605", "0.605", "0.605"]
    assert await history(hall) == [(at(minute), Decimal(price)) for minute, price in enumerate(prices)]


async def test_the_second_outcome_is_worth_what_the_first_leaves_of_one(hall: Hall) -> None:
    quote(hall, 2_000, 3_000)
    hall.later(60_000)
    assert await history(hall, token_id=tokens(1)[1]) == [(at(0), Decimal("0.75"))]
    assert (await clob(hall, market=tokens(1)[1], interval="1h"))[0] == (at(0), Decimal("0.75"))


async def test_nothing_is_told_before_the_first_minute_nor_of_what_nobody_knows(hall: Hall) -> None:
    assert await history(hall) == []
    assert await history(hall, token_id=UNKNOWN) == []
    assert await clob(hall, market=UNKNOWN, interval="max") == []
    hall.later(60_000)
    assert [when for when, _ in await history(hall, interval="", start=1, end=86_400)] == []
    assert [when for when, _ in await history(hall, interval="", start=OPENED - 9_000)] == [at(0)]


async def test_a_resolution_is_the_last_price(hall: Hall) -> None:
    quote(hall, 4_000, 4_200)
    hall.later(60_000)
    hall.resolve()
    for _ in range(2):  # told from memory, then from the store
        hall.later(5 * 60_000)
        assert await history(hall) == [(at(0), Decimal("0.41")), (at(1), Decimal(1))]
        assert await history(hall, token_id=tokens(1)[1]) == [(at(0), Decimal("0.59")), (at(1), Decimal(0))]
        assert await clob(hall, interval="1h") == [(at(0), Decimal("0.41")), (at(1), Decimal(1))]
        hall.crowd("BUY", 3_000, 10, of=2)


async def test_a_moment_is_one_point_as_it_was_known_then(hall: Hall) -> None:
    quote(hall, 4_000, 4_200)
    hall.later(60_000)
    quote(hall, 5_000, 5_200)
    hall.later(600_000)
    assert await history(hall, interval="", as_of=at(0) + 59) == [(at(0), Decimal("0.41"))]
    assert await history(hall, interval="", as_of=at(1)) == [(at(1), Decimal("0.51"))]
    assert await history(hall, interval="", as_of=at(0) - 1) == []
    now = hall.venue.clock.now_ms() // 1_000
    assert await history(hall, interval="", as_of=now + 9_999) == [(now // 60 * 60, Decimal("0.51"))]


async def test_the_clobs_answer_ends_with_this_very_second(hall: Hall) -> None:
    quote(hall, 4_000, 4_200)
    hall.later(60_000)
    quote(hall, 5_000, 5_200)
    now = hall.venue.clock.now_ms() // 1_000
    assert await clob(hall, interval="1h") == [(at(0), Decimal("0.41")), (now, Decimal("0.51"))]
    assert await clob(hall, startTs=at(0), endTs=at(0)) == [(at(0), Decimal("0.41"))]
    assert await clob(hall, startTs=1, endTs=now + 1, fidelity=1) == await clob(hall, interval="1h")


async def test_a_long_history_without_a_step_is_told_coarsely_and_a_fine_one_refused(hall: Hall) -> None:
    hall.crowd("BUY", 4_000, 10)
    hall.later(40 * 86_400_000)
    now = hall.venue.clock.now_ms() // 1_000
    points = await clob(hall, startTs=1, endTs=now)
    assert 5_000 < len(points) <= 10_000
    body = await hall.refused("/prices-history", prefix="/clob", market=tokens(1)[0], startTs=1, endTs=now, fidelity=1)
    assert body == {"error": "invalid filters: 57600 points were asked for, at most 10000 are told"}


async def test_pages_of_a_history_are_the_whole_of_it(hall: Hall) -> None:
    hall.crowd("BUY", 4_000, 10)
    hall.later(90 * 60_000)
    whole = await history(hall, interval="1d")
    assert len(whole) == 90
    assert await history(hall, interval="1d", limit=7) == whole
    skipped = await hall.data("/v2/prices-history", token_id=tokens(1)[0], interval="1d", limit=5, offset=80)
    assert [row["timestamp"] for row in skipped["data"]] == [when for when, _ in whole[80:85]]
    assert {row["resolution_seconds"] for row in skipped["data"]} == {60}


@pytest.mark.parametrize(
    ("params", "parameter"),
    [
        ({"token_id": "yes", "interval": "1h"}, "token_id"),
        ({"token_id": "71"}, "interval"),
        ({"token_id": "71", "interval": "1h", "start": "5"}, "interval"),
        ({"token_id": "71", "interval": "5y"}, "interval"),
        ({"token_id": "71", "interval": "1h", "end": "5"}, "end"),
        ({"token_id": "71", "start": "10", "end": "5"}, "start"),
        ({"token_id": "71", "start": "10", "end": "1296011"}, "start"),
        ({"token_id": "71", "start": "10"}, "start"),
        ({"token_id": "71", "interval": "1w", "bucket_seconds": "299"}, "bucket_seconds"),
        ({"token_id": "71", "interval": "max", "bucket_seconds": "86401"}, "bucket_seconds"),
        ({"token_id": "71", "as_of": "0"}, "as_of"),
        ({"token_id": "71", "as_of": "9", "bucket_seconds": "60"}, "as_of"),
        ({"token_id": "71", "interval": "1h", "limit": "10001"}, "limit"),
        ({"token_id": "71", "interval": "1h", "cursor": "MA=="}, "cursor"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused_by_the_name_of_its_parameter(
    hall: Hall, params: dict[str, str], parameter: str
) -> None:
    assert (await hall.refused("/v2/prices-history", **params))["parameter"] == parameter


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"market": ""}, "invalid market"),
        ({"market": "yes", "interval": "1h"}, "invalid market"),
        ({}, "either interval"),
        ({"interval": "1h", "startTs": "1", "endTs": "2"}, "either interval"),
        ({"startTs": "1"}, "either interval"),
        ({"interval": "2h"}, "'interval' is one of"),
        ({"interval": "1w", "fidelity": "4"}, "minimum 'fidelity' for '1w' range is 5"),
        ({"interval": "1m", "fidelity": "9"}, "minimum 'fidelity' for '1m' range is 10"),
        ({"interval": "1h", "fidelity": "0"}, "minimum 'fidelity' for '1h' range is 1"),
        ({"startTs": "5", "endTs": "4"}, "before 'startTs' 5"),
        ({"startTs": "then", "endTs": "4"}, "startTs is a whole number"),
    ],
)
async def test_the_clob_refuses_what_makes_no_sense_in_one_sentence(
    hall: Hall, params: dict[str, str], words: str
) -> None:
    body = await hall.refused("/prices-history", prefix="/clob", **({"market": "71"} | params))
    assert list(body) == ["error"]
    assert words in body["error"]


moves = st.lists(
    st.tuples(st.integers(0, 400_000), st.integers(1, 97), st.sampled_from([60, 120, 600, 3_600])),
    min_size=1,
    max_size=25,
)


@settings(max_examples=20, deadline=None)
@given(moves)
async def test_every_bucket_holds_what_a_plain_reckoning_finds(changes: list[tuple[int, int, int]]) -> None:
    async with halls.hall() as hall:
        known = [(START_MS, Decimal("0.5"))]
        for wait_ms, cents, _ in changes:
            hall.later(wait_ms)
            quote(hall, cents * 100, cents * 100 + 200)
            known.append((hall.venue.clock.now_ms(), Decimal(cents + 1) / 100))
        now_s = hall.venue.clock.now_ms() // 1_000
        for step in {one[2] for one in changes}:
            expected = [
                (second, [price for when, price in known if when < second * 1_000][-1])
                for second in range(-(-OPENED // step) * step, now_s + 1, step)
            ]
            assert await history(hall, interval="1d", bucket_seconds=step, limit=50) == [
                one for one in expected if one[0] >= now_s - 86_400
            ]
            told = await clob(hall, startTs=min(OPENED, now_s), endTs=now_s, fidelity=step // 60)
            assert told == expected + [(now_s, known[-1][1])] * (not expected or expected[-1][0] < now_s)


async def test_prices_of_an_earlier_exchange_are_read_from_its_store(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with opened_store(path) as store, halls.hall(store) as hall:
        for number in range(4):
            quote(hall, 4_000 + 100 * number, 4_200 + 100 * number)
            hall.later(60_000)
        hall.resolve(2)
        hall.later(60_000)
        quote(hall, 7_000, 7_200)
        before = await history(hall)
        resolved = await history(hall, token_id=tokens(2)[0])
        await store.kept()
    assert [price for _, price in before] == [Decimal(f"0.4{number}") for number in (1, 2, 3, 4)] + [Decimal("0.44")]

    def later(venue: Venue) -> None:
        venue.clock.step(10 * 60_000)
        venue.resolve(condition(2), tokens(2)[0])

    async with opened_store(path) as store, halls.hall(store, begin=later) as hall:
        hall.later(60_000)
        after = [price for _, price in await history(hall)]
        assert after == [price for _, price in before] + [Decimal("0.44")] * 5 + [Decimal("0.5")]
        assert await history(hall, token_id=tokens(2)[0]) == resolved
        assert resolved[-1] == (at(4), Decimal(1))


async def test_a_minute_is_kept_once_and_only_where_its_price_is_another(hall: Hall) -> None:
    for _ in range(50):
        quote(hall, 4_000, 4_200)
        quote(hall, 4_100, 4_300)
        hall.later(3_000)
    hall.crowd("BUY", 100, 5)
    kept = await hall.store.prices(condition(1), 0, 1 << 31)
    assert [(point.minute, point.price) for point in kept] == [(START_MS // 60_000, 420_000)]


async def test_two_readers_of_an_older_history_see_the_same(hall: Hall) -> None:
    quote(hall, 4_000, 4_200)
    hall.later(60_000)
    hall.crowd("BUY", 100, 5)
    await hall.store.kept()
    keeper = PriceKeeper(VenueShelf(hall.venue, lambda _: None), hall.venue, hall.store)
    first = await keeper.series(hall.market())
    again = await keeper.series(hall.market())
    assert list(first.minutes) == list(again.minutes) == [START_MS // 60_000]
    assert list(first.prices) == list(again.prices) == [410_000]

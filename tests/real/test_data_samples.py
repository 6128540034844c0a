"""Answers of the Data API have the keys and JSON types of the venue's own, but for what is meant to differ."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from exchange.data import hall as halls
from exchange.data.hall import ANN, Hall, condition, tokens

pytestmark = [pytest.mark.real, pytest.mark.anyio]

MEANT: Final = {
    (
        "positions",
        "data[].first_entry_at",
        "",
        "number",
    ): "the official client reads it, and the sample has none",
    ("resolutions", "data[].question_id", "", "str"): "the same",
    ("resolutions", "data[].resolved_block", "number", "null"): "there is no chain, and so no block",
}
"""What differs, as (which, where, theirs, ours), and why; "" where it is missing."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def shape(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (path, JSON type) of everything in a value; a list's items count as one."""
    match value:
        case dict():
            for key, one in value.items():
                yield from shape(one, f"{path}.{key}".lstrip("."))
        case list():
            yield path, "list"
            for one in value:
                yield from shape(one, f"{path}[]")
        case None:
            yield path, "null"
        case bool():
            yield path, "bool"
        case int() | float():
            yield path, "number"
        case _:
            yield path, "str"


def sample(folder: Path, name: str, *keys: str) -> Any:
    found = json.loads((folder / "protocol" / "samples" / f"rest_{name}.json").read_text())
    for key in keys:
        found = found[key]
    return found


async def ours(hall: Hall, path: str, **params: Any) -> Any:
    response = await hall.client.get(path, params=params)
    return response.json()


async def test_every_sample_is_matched_key_for_key(real_data: Path) -> None:
    user = {"user": ANN.address}
    async with halls.hall() as hall:
        hall.filled(ANN, "BUY", 4_000, 10)
        hall.filled(ANN, "BUY", 4_000, 10, of=2)
        hall.resolve(2)
        hall.later(10_000_000)
        token = tokens(1)[0]
        pairs = {
            "positions": (
                sample(real_data, "data_v2_positions", "page"),
                await ours(hall, "/data/v2/positions", **user),
            ),
            "v1 positions": (
                sample(real_data, "data_v2_positions", "v1_nautilus"),
                await ours(hall, "/data/positions", **user),
            ),
            "trades": (
                sample(real_data, "data_v2_trades", "page"),
                await ours(hall, "/data/v2/trades", limit=1, **user),
            ),
            "no trades": (
                sample(real_data, "data_v2_trades", "empty"),
                await ours(hall, "/data/v2/trades", user="0x" + "0" * 40),
            ),
            "v1 trades": (sample(real_data, "data_v2_trades", "v1_real"), await ours(hall, "/data/trades", **user)),
            "activity": (
                sample(real_data, "data_v2_activity", "page"),
                await ours(hall, "/data/v2/activity", type="TRADE", **user),
            ),
            "holders": (
                sample(real_data, "data_v2_holders", "page"),
                await ours(hall, "/data/v2/holders", condition_id=condition(1), include_pnl=True),
            ),
            "value": (sample(real_data, "data_v2_value", "value"), await ours(hall, "/data/v2/value", **user)),
            "history": (
                sample(real_data, "data_v2_prices_history", "page"),
                await ours(hall, "/data/v2/prices-history", token_id=token, interval="1w", limit=3),
            ),
            "clob history": (
                sample(real_data, "prices", "prices_history_clob"),
                await ours(hall, "/clob/prices-history", market=token, interval="1d"),
            ),
            "resolutions": (
                sample(real_data, "data_v2_resolutions", "v1_resolved"),
                await ours(hall, "/data/v2/resolutions", condition_id=condition(2)),
            ),
            "error": (
                sample(real_data, "data_v2_resolutions", "error", "body"),
                await ours(hall, "/data/v2/resolutions", condition_id="no"),
            ),
        }
    differences = {
        (which, path, dict(shape(theirs)).get(path, ""), dict(shape(mine)).get(path, ""))
        for which, (theirs, mine) in pairs.items()
        for path in dict(shape(theirs)).keys() | dict(shape(mine)).keys()
        if dict(shape(theirs)).get(path) != dict(shape(mine)).get(path)
    }
    assert differences == MEANT.keys()

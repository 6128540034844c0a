"""Each recorded REST answer that has an endpoint here is matched key for key, but for what is meant to differ.

The answers of the data API have a test beside theirs; orders, trades and the user channel, `test_private_samples.py`.
"""

import json
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from exchange.raw_client import Server
from exchange.traders import ANNS_KEY, BOBS_KEY, DOWN, TRADED, UP, Trader, trading_server
from real.shapes import differences

pytestmark = [pytest.mark.anyio, pytest.mark.real]

KEYED: Final = {"prices/midpoints", "prices/prices", "prices/spreads"}

_SCHEMA: Final = "where a machine reads what the answer looks like: there is no such place here"
_LATER: Final = "a field of today that the capture has not, and other captures have"
_NO_TRADE: Final = "a market that never traded has none in the capture; ours states it"
_DATED: Final = "when and by whom an editor changed a tag: ours are nobody's work"

_MARKET: Final = {
    "$schema": _SCHEMA,
    "comboStatus": "combos are not traded here",
    "eventStartTime": "up/down windows only: the market of this test is none",
    "groupItemThreshold": "the place of a market in its group, which clients do not read",
    "groupItemTitle": _LATER,
    "makerRebatesFeeShareBps": "rebates are not paid here",
    "secondsDelay": _LATER,
    "volume": _NO_TRADE,
    "volumeNum": _NO_TRADE,
    "volumeClob": _NO_TRADE,
    "volume24hr": _NO_TRADE,
    "volume24hrClob": _NO_TRADE,
}
_EVENT: Final = {
    "icon": _LATER,
    "image": _LATER,
    "resolutionSource": _LATER,
    "series": "the event of this test recurs not",
    "seriesSlug": "the same",
    "tags[].createdAt": _DATED,
    "tags[].publishedAt": _DATED,
    "tags[].updatedAt": _DATED,
    "tags[].updatedBy": _DATED,
    "tags[].requiresTranslation": _LATER,
}

MEANT: Final[dict[str, dict[str, str]]] = {
    "clob/v1": {
        "itode": "no market here has a taker delay; false flags are left out",
        "r.moas": "a reward setting nobody documents, and none is paid here",
    },
    "clob/open_market": {
        "accepting_order_timestamp": "null in the capture of an old market; a time in others, and here",
        "rewards.rates": "no rewards are paid here: null, as the venue has it for markets without",
    },
    "gamma/v1_open": _MARKET
    | {"events": "the capture is of a list that was asked for without them", "tags": "the same"},
    "gamma/page": {f"events[].{path}": why for path, why in _EVENT.items()}
    | {f"events[].markets[].{path}": why for path, why in _MARKET.items()}
    | {"$schema": _SCHEMA, "next_cursor": "one page holds all here"},
    "gamma/tags": {"[].createdAt": _DATED, "[].updatedAt": _DATED},
    "gamma/pagination_shape": {"profiles": "null where none match, as the SDK has it", "tags": "the same"},
    "balance/collateral": {"allowance": "the older single form beside the map, for an adapter that reads it"},
    "balance/conditional": {"allowance": "the same", "allowances": "all spenders, whatever is asked for"},
}
"""What differs, by answer and path, and why."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def ours(server: Server, http: httpx2.AsyncClient) -> dict[str, Any]:
    """Return our answers by the names that `theirs` has them under."""
    ann, bob = Trader(http, ANNS_KEY), Trader(http, BOBS_KEY)
    found: dict[str, Any] = {}

    async def get(name: str, path: str) -> None:
        found[name] = (await http.get(path)).json()

    async def private(name: str, trader: Trader, method: str, path: str, body: Any = None, query: str = "") -> Any:
        data = b"" if body is None else json.dumps(body).encode()
        headers = trader.headers(method, path, data)
        answer = await http.request(method, f"/clob{path}{query}", content=data, headers=headers)
        found[name] = answer.json()
        return found[name]

    assert server.site.venue is not None
    market = server.site.venue.catalogue.markets[TRADED]
    market.fee_rate, market.rebate_rate = 700, 2_000  # shown, not charged
    for trader in (ann, bob):
        await trader.join()
        await http.post(f"/venue/accounts/{trader.address}/split", json={"condition": TRADED, "shares": "100"})
    found["auth/create"] = ann.credentials
    await private("auth/list_keys", ann, "GET", "/auth/api-keys")
    await private("auth/closed_only", ann, "GET", "/auth/ban-status/closed-only")
    resting = await private("post/live", ann, "POST", "/order", ann.order("BUY", 4_000, 20))
    await private("post/matched_sell", bob, "POST", "/order", bob.order("SELL", 4_000, 10))
    await private("post/matched_buy", bob, "POST", "/order", bob.order("BUY", 6_000, 5, token=DOWN))
    await ann.place(ann.order("SELL", 6_000, 20))
    await private("batch", bob, "POST", "/orders", [bob.order("BUY", 4_500, 1)])
    (found["post/batch_leg_rejected"],) = found.pop("batch")
    collateral = "?asset_type=COLLATERAL&signature_type=0"
    await private("balance/collateral", ann, "GET", "/balance-allowance", query=collateral)
    conditional = f"?asset_type=CONDITIONAL&token_id={UP}&signature_type=0"
    await private("balance/conditional", ann, "GET", "/balance-allowance", query=conditional)
    await private("heartbeat/response", ann, "POST", "/v1/heartbeats", {"heartbeat_id": ""})
    await private("heartbeat/stale", ann, "POST", "/v1/heartbeats", {"heartbeat_id": "old"})
    await get("book/book_v1", f"/clob/book?token_id={UP}")
    for name in ("midpoint", "spread", "last-trade-price", "tick-size", "neg-risk", "fee-rate"):
        await get(f"prices/{name.replace('-', '_')}", f"/clob/{name}?token_id={UP}")
    await get("prices/price", f"/clob/price?token_id={UP}&side=BUY")
    await get("prices/time", "/clob/time")
    await get("prices/ok", "/clob/ok")
    await get("prices/version", "/clob/version")
    await get("prices/markets_by_token", f"/clob/markets-by-token/{UP}")
    body = [{"token_id": UP}, {"token_id": DOWN}]
    for name in ("midpoints", "spreads", "prices", "last-trades-prices"):
        found[f"prices/{name.replace('-', '_')}"] = (await http.post(f"/clob/{name}", json=body)).json()
    await get("clob/v1", f"/clob/clob-markets/{TRADED}")
    await get("clob/open_market", f"/clob/markets/{TRADED}")
    await get("clob/simplified_page", "/clob/simplified-markets")
    await get("gamma/v1_open", "/gamma/markets/1")
    await get("gamma/page", "/gamma/events/keyset")
    await get("gamma/tags", "/gamma/tags")
    await get("gamma/pagination_shape", "/gamma/public-search?q=test")
    await get("geoblock/allowed", "/api/geoblock")
    await private("cancel/ok", ann, "DELETE", "/order", {"orderID": resting["orderID"]})
    await private("cancel/failed", ann, "DELETE", "/order", {"orderID": resting["orderID"]})
    return found


def theirs(folder: Path) -> dict[str, Any]:
    """Return the venue's own, by the same names."""

    def sample(name: str) -> Any:
        return json.loads((folder / f"rest_{name}.json").read_bytes())

    auth, post, prices = sample("auth_api_key"), sample("post_order_response"), sample("prices")
    gamma = sample("gamma_market"), sample("gamma_events_keyset"), sample("gamma_tags"), sample("gamma_search")
    found = {
        "auth/create": auth["create"]["response"]["body"],
        "auth/list_keys": auth["list_keys"]["body"],
        "auth/closed_only": auth["closed_only"]["body"],
        "heartbeat/response": sample("heartbeat")["response"],
        "heartbeat/stale": sample("heartbeat")["stale"]["body"],
        "book/book_v1": sample("book")["book_v1"],
        "clob/v1": sample("clob_markets")["v1"],
        "clob/open_market": sample("clob_market_full")["open_market"],
        "clob/simplified_page": sample("clob_market_full")["simplified_page"],
        "gamma/v1_open": gamma[0]["v1_open"],
        "gamma/page": gamma[1]["page"],
        "gamma/tags": gamma[2]["tags"],
        "gamma/pagination_shape": gamma[3]["pagination_shape"],
        "geoblock/allowed": sample("geoblock")["allowed"],
    }
    found |= {f"post/{name}": post[name] for name in ("live", "matched_buy", "matched_sell", "batch_leg_rejected")}
    found |= {f"balance/{name}": sample("balance_allowance")[name] for name in ("collateral", "conditional")}
    found |= {f"cancel/{name}": sample("cancel_response")[name] for name in ("ok", "failed")}
    skipped = {"_provenance", "builder_fees", "prices_history_clob", "last_trade_price_none", "fee_rate_free"}
    found |= {f"prices/{name}": value for name, value in prices.items() if name not in skipped}
    return found


def as_numbers(found: set[tuple[str, str, str]]) -> dict[str, tuple[str, str]]:
    """Return differences by path; a whole number is a number."""
    names = {"int": "number", "float": "number"}
    told = {path: (names.get(there, there), names.get(here, here)) for path, there, here in found}
    return {path: kinds for path, kinds in told.items() if kinds[0] != kinds[1]}


def covers(meant: str, path: str) -> bool:
    return path == meant or path.startswith((f"{meant}.", f"{meant}["))


async def test_every_sample_is_matched_key_for_key_but_for_what_is_meant(real_data: Path) -> None:
    async with trading_server() as server, httpx2.AsyncClient(base_url=server.url) as http:
        here = await ours(server, http)
    there = theirs(real_data / "protocol" / "samples")
    assert here.keys() == there.keys()
    for name, value in there.items():
        shown, wanted = here[name], value
        if name in KEYED:  # by ids, which are its own
            shown, wanted = list(shown.values()), list(value.values())
        if name == "cancel/failed":
            shown, wanted = shown | {"not_canceled": {}}, value | {"not_canceled": {}}
        found = as_numbers(differences({"": wanted}, {"": shown}))
        meant = MEANT.get(name, {})
        unmeant = {path: kinds for path, kinds in found.items() if not any(covers(one, path) for one in meant)}
        assert unmeant == {}, name
        unmet = [one for one in meant if not any(covers(one, path) for path in found)]
        assert unmet == [], f"{name}: a difference that is meant is met no more"

"""The public reads and Gamma, asked over HTTP: the venue's shapes, odd encodings and error bodies."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx2
import pytest

from exchange.raw_client import Server, served
from exchange.venues import CONDITION, NO, YES, event, listed, market, order
from polywire.exchange.gamma_objects import tag_id

pytestmark = pytest.mark.anyio

EMPTY, UNKNOWN = "81", "404"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Asker:
    """Asks one server."""

    def __init__(self, server: Server, client: httpx2.AsyncClient) -> None:
        self.server, self._client = server, client

    async def get(self, path: str, **params: Any) -> Any:
        answer = await self._client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        return answer.json()

    async def post(self, path: str, body: Any) -> Any:
        answer = await self._client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refused(self, path: str, *, method: str = "GET", content: bytes = b"", **params: Any) -> tuple[int, str]:
        answer = await self._client.request(method, path, params=params, content=content)
        return answer.status_code, answer.json()["error"]


@pytest.fixture
async def ask() -> AsyncIterator[Asker]:
    """A market with bids 0.40 and 0.39, an ask at 0.45, one trade at 0.45; and a second, empty one."""
    venue = listed()
    venue.list_event(event(2))
    second = market(2, of=2, tick=10, tokens=("81", "82"))
    second.neg_risk, second.fee_rate, second.rebate_rate = True, 700, 2_000
    venue.list_market(second)
    for one in (
        order("1", "ann", "BUY", 4_000, 100),
        order("2", "ann", "BUY", 3_900, 50),
        order("3", "ann", "SELL", 4_500, 30),
        order("4", "bob", "BUY", 4_500, 10),
    ):
        assert venue.place(one).refusal is None
    with anyio.fail_after(20):
        async with served(venue) as server, httpx2.AsyncClient(base_url=server.url, trust_env=False) as client:
            yield Asker(server, client)


async def test_a_book_is_the_pages_answer_and_its_hash_the_streams(ask: Asker) -> None:
    book = await ask.get("/clob/book", token_id=YES)
    assert book["bids"] == [{"price": "0.39", "size": "50"}, {"price": "0.4", "size": "100"}]
    assert book["asks"] == [{"price": "0.45", "size": "20"}]
    assert (book["last_trade_price"], book["tick_size"], book["min_order_size"]) == ("0.450", "0.01", "5")
    async with ask.server.client() as client:
        await client.send({"type": "market", "assets_ids": [YES]})
        (snapshot,) = await client.message()
    assert (snapshot["hash"], snapshot["timestamp"]) == (book["hash"], book["timestamp"])


async def test_prices_middles_and_spreads_follow_from_the_book(ask: Asker) -> None:
    assert await ask.get("/clob/price", token_id=YES, side="BUY") == {"price": "0.4"}
    assert await ask.get("/clob/price", token_id=YES, side="sell") == {"price": "0.45"}
    assert await ask.get("/clob/midpoint", token_id=YES) == {"mid": "0.425"}
    assert await ask.get("/clob/midpoint", token_id=NO) == {"mid": "0.575"}
    assert await ask.get("/clob/spread", token_id=NO) == {"spread": "0.05"}
    assert await ask.get("/clob/last-trade-price", token_id=NO) == {"price": "0.450", "side": "BUY"}
    assert await ask.get("/clob/last-trade-price", token_id=EMPTY) == {"price": "0.5", "side": ""}


async def test_an_empty_book_answers_with_the_ends_of_the_scale(ask: Asker) -> None:
    assert await ask.get("/clob/midpoint", token_id=EMPTY) == {"mid": "0.5"}
    assert await ask.get("/clob/spread", token_id=EMPTY) == {"spread": "1"}
    assert await ask.get("/clob/price", token_id=EMPTY, side="SELL") == {"price": "1"}


async def test_the_plural_reads_leave_unknown_tokens_out(ask: Asker) -> None:
    items = [{"token_id": YES, "side": "BUY"}, {"token_id": "404"}, {"token_id": NO}]
    assert [book["asset_id"] for book in await ask.post("/clob/books", items)] == [YES, NO]
    assert await ask.post("/clob/midpoints", items) == {YES: "0.425", NO: "0.575"}
    assert await ask.post("/clob/spreads", items) == {YES: "0.05", NO: "0.05"}
    assert await ask.post("/clob/prices", items) == {YES: {"BUY": "0.4"}, NO: {"BUY": "0.55", "SELL": "0.6"}}
    traded = await ask.post("/clob/last-trades-prices", [*items, {"token_id": "81"}])
    assert [(one["token_id"], one["price"], one["side"]) for one in traded] == [
        (YES, "0.450", "BUY"),
        (NO, "0.450", "BUY"),
    ]


@pytest.mark.parametrize(
    ("path", "params", "status", "error"),
    [
        ("/clob/book", {}, 400, "Invalid token id"),
        ("/clob/book", {"token_id": "0x12"}, 400, "Invalid token id"),
        ("/clob/midpoint", {"token_id": "404"}, 404, "No orderbook exists for the requested token id"),
        ("/clob/price", {"token_id": YES}, 400, "Invalid side"),
        ("/clob/tick-size", {"token_id": "404"}, 404, "market not found"),
        ("/clob/neg-risk", {"token_id": "404"}, 404, "market not found"),
        ("/clob/fee-rate", {"token_id": "404"}, 404, "fee rate not found for market"),
        ("/clob/markets-by-token/404", {}, 404, "market not found"),
        ("/clob/clob-markets/0x404", {}, 404, "market not found"),
        ("/clob/markets/0x404", {}, 404, "market not found"),
        ("/clob/markets", {"next_cursor": "?"}, 400, "Invalid next_cursor"),
        ("/clob/markets", {"next_cursor": "LTI="}, 400, "Invalid next_cursor"),
        ("/gamma/markets/404", {}, 404, "market not found"),
        ("/gamma/markets/slug/404", {}, 404, "market not found"),
        ("/gamma/events/404", {}, 404, "event not found"),
        ("/gamma/events/slug/404", {}, 404, "event not found"),
        ("/gamma/tags/404", {}, 404, "tag not found"),
        ("/gamma/markets", {"offset": "2001"}, 422, "offset is at most 2000; use /keyset to go further"),
        ("/gamma/markets", {"limit": "-1"}, 422, "limit is a whole number from 0 on, and '-1' was given"),
        ("/gamma/markets", {"closed": "perhaps"}, 422, "closed is true or false, and 'perhaps' was given"),
        ("/gamma/events/keyset", {"offset": "1"}, 422, "offset is not allowed on keyset endpoints"),
        ("/gamma/events/keyset", {"after_cursor": "é"}, 422, "after_cursor is not one of ours"),
        ("/gamma/events/keyset", {"after_cursor": "AAAA"}, 422, "after_cursor is not one of ours"),
        ("/gamma/public-search", {"q": " "}, 422, "q is what to search for, and it is empty"),
        ("/nowhere", {}, 404, "nothing is at /nowhere; GET /venue names what there is"),
    ],
)
async def test_bad_reads_get_the_venues_words_or_one_sentence(
    ask: Asker, path: str, params: dict[str, Any], status: int, error: str
) -> None:
    assert await ask.refused(path, **params) == (status, error)


@pytest.mark.parametrize("body", [b"", b"{}", b"[7]", b'[{"token":"71"}]', b"\xff", b"[" * 100_000])
async def test_a_plural_read_wants_a_list_of_tokens(ask: Asker, body: bytes) -> None:
    assert await ask.refused("/clob/books", method="POST", content=body) == (400, "Invalid payload")


async def test_a_plural_read_has_a_limit(ask: Asker) -> None:
    many = json.dumps([{"token_id": YES}] * 501).encode()
    assert await ask.refused("/clob/books", method="POST", content=many) == (400, "Payload exceeds the limit")
    long = b" " * ((1 << 20) + 1)
    assert await ask.refused("/clob/books", method="POST", content=long) == (
        413,
        "the body is longer than 1048576 bytes",
    )
    wrong = json.dumps([{"token_id": YES, "side": "HOLD"}]).encode()
    assert await ask.refused("/clob/prices", method="POST", content=wrong) == (400, "Invalid side")


async def test_terms_of_a_market_are_exact_numbers(ask: Asker) -> None:
    assert await ask.get("/clob/tick-size", token_id=EMPTY) == {"minimum_tick_size": 0.001}
    assert await ask.get("/clob/neg-risk", token_id=EMPTY) == {"neg_risk": True}
    assert await ask.get("/clob/fee-rate", token_id=EMPTY) == {"base_fee": 1000}
    assert await ask.get("/clob/fee-rate", token_id=YES) == {"base_fee": 0}
    assert await ask.get("/clob/time") == 1_790_000_000
    assert await ask.get("/clob/ok") == "OK"
    assert await ask.get("/clob/version") == {"version": 2}
    assert await ask.get("/clob/markets-by-token/82") == {
        "condition_id": "0xc2",
        "primary_token_id": "81",
        "secondary_token_id": "82",
    }
    compact = await ask.get("/clob/clob-markets/0xc2")
    assert compact["t"] == [{"t": "81", "o": "Yes"}, {"t": "82", "o": "No"}]
    assert (compact["mts"], compact["mos"], compact["nr"], compact["fd"]) == (
        0.001,
        5,
        True,
        {"r": 0.07, "e": 1, "to": True},
    )
    assert "nr" not in await ask.get(f"/clob/clob-markets/{CONDITION}")


async def test_market_lists_end_with_the_last_cursor(ask: Asker) -> None:
    page = await ask.get("/clob/markets")
    assert (page["next_cursor"], page["count"]) == ("LTE=", 2)
    assert [one["market_slug"] for one in page["data"]] == ["market-1", "market-2"]
    assert (await ask.get("/clob/simplified-markets", next_cursor="LTE="))["data"] == []
    assert ask.server.site.venue is not None
    ask.server.site.venue.resolve(CONDITION, NO)
    assert (await ask.get("/clob/sampling-markets"))["count"] == 1
    assert (await ask.get("/clob/sampling-simplified-markets"))["count"] == 1
    ended = await ask.get(f"/clob/markets/{CONDITION}")
    assert [(one["price"], one["winner"]) for one in ended["tokens"]] == [(0, False), (1, True)]
    assert await ask.refused("/clob/book", token_id=YES) == (404, "No orderbook exists for the requested token id")


async def test_a_gamma_market_has_its_odd_encodings(ask: Asker) -> None:
    shown = await ask.get("/gamma/markets/slug/market-1")
    assert shown == await ask.get("/gamma/markets/1")
    assert shown["outcomes"] == '["Yes", "No"]'
    assert shown["clobTokenIds"] == f'["{YES}", "{NO}"]'
    assert shown["outcomePrices"] == '["0.425", "0.575"]'
    assert (shown["id"], shown["volume"], shown["volumeNum"]) == ("1", "4.5", 4.5)
    assert (shown["bestBid"], shown["bestAsk"], shown["spread"], shown["lastTradePrice"]) == (0.4, 0.45, 0.05, 0.45)
    assert shown["liquidity"] == "70.5"  # 100 x 0.40 + 50 x 0.39 + 20 x (1 - 0.45)
    assert "state" not in shown
    assert "feeSchedule" not in shown
    fees = (await ask.get("/gamma/markets/2"))["feeSchedule"]
    assert fees == {"exponent": 1, "rate": 0.07, "takerOnly": True, "rebateRate": 0.2}
    assert shown["events"][0]["slug"] == "event-1"


async def test_gamma_filters_by_id_slug_condition_token_tag_and_end(ask: Asker) -> None:
    assert ask.server.site.venue is not None
    ask.server.site.venue.resolve(CONDITION, NO)

    async def found(**params: Any) -> list[str]:
        return [one["id"] for one in await ask.get("/gamma/markets", **params)]

    assert await found() == ["1", "2"]
    assert await found(id=["2", "1"]) == ["1", "2"]
    assert await found(slug="market-2") == ["2"]
    assert await found(condition_ids="0xc2") == ["2"]
    assert await found(clob_token_ids=["82", "404"]) == ["2"]
    assert await found(closed="true") == ["1"]
    assert await found(closed="false") == ["2"]
    assert await found(tag_id=tag_id("Tests")) == ["1", "2"]
    assert await found(tag_id="1") == []
    assert await found(order="volumeNum", ascending="false") == ["1", "2"]
    assert await found(order="volumeNum") == ["2", "1"]
    assert await found(order="closedTime,slug") == ["1", "2"]  # what lacks the field stands last
    assert await found(ascending="false") == ["2", "1"]
    assert await found(limit="1", offset="1") == ["2"]
    assert [one["id"] for one in await ask.get("/gamma/events", closed="true")] == ["1"]
    assert [one["id"] for one in await ask.get("/gamma/events", tag_slug="tests", title_search="EVENT", id="2")] == [
        "2"
    ]
    ended = await ask.get("/gamma/markets/1")
    assert (ended["outcomePrices"], ended["umaResolutionStatus"]) == ('["0", "1"]', "resolved")


async def test_keyset_pages_follow_one_another_and_end_without_a_cursor(ask: Asker) -> None:
    for name in ("markets", "events"):
        first = await ask.get(f"/gamma/{name}/keyset", limit="1")
        assert [one["id"] for one in first[name]] == ["1"]
        second = await ask.get(f"/gamma/{name}/keyset", limit="1", after_cursor=first["next_cursor"])
        assert [one["id"] for one in second[name]] == ["2"]
        assert "next_cursor" not in second


async def test_tags_and_search(ask: Asker) -> None:
    tags = await ask.get("/gamma/tags")
    assert [tag["slug"] for tag in tags] == ["tests"]
    assert await ask.get("/gamma/tags/slug/tests") == await ask.get(f"/gamma/tags/{tags[0]['id']}") == tags[0]
    assert await ask.get("/gamma/markets/1/tags") == await ask.get("/gamma/events/2/tags") == tags
    found = await ask.get("/gamma/public-search", q="test MARKET-2", search_tags="true")
    assert [one["id"] for one in found["events"]] == ["2"]
    assert found["pagination"] == {"hasMore": False, "totalResults": 1}
    page = await ask.get("/gamma/public-search", q="event", limit_per_type="1", events_status="active")
    assert page["pagination"] == {"hasMore": True, "totalResults": 2}
    nothing = await ask.get("/gamma/public-search", q="unheard-of")
    assert (nothing["events"], nothing["tags"], nothing["profiles"]) == (None, None, None)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/clob/order"),
        ("GET", "/data/v2/positions"),
        ("POST", "/relayer/submit"),
        ("POST", "/rpc"),
        ("POST", "/rpc/"),
        ("GET", "/rfq/x"),
        ("GET", "/gamma/comments"),
        ("GET", "/rtds/x"),
    ],
)
async def test_what_opens_later_says_so(ask: Asker, method: str, path: str) -> None:
    status, error = await ask.refused(path, method=method)
    assert status == 501
    assert "is not served here" in error


async def test_the_relayer_has_every_wallet_deployed(ask: Asker) -> None:
    assert await ask.get("/relayer/deployed", address="0x1", type="WALLET") == {"deployed": True}


async def test_a_channel_asked_for_without_a_websocket_is_told_so(ask: Asker) -> None:
    status, error = await ask.refused("/ws/market")
    assert status == 426
    assert "WebSocket" in error

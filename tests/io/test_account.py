"""What an account reads of itself: real HTTP on loopback, answers written by hand, each question signed."""

import asyncio
import json
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import anyio
import msgspec
import pytest

from loopback import HERE, PATIENCE_S, Peer, serving
from polywire.errors import CredentialsRefused, Misuse, TooOften, VenueUnreachable
from polywire.io import account as module
from polywire.io.account import RestAccount
from polywire.io.clock import SystemClock
from polywire.io.signing import hmac_of, secret_bytes
from polywire.io.venue import PAPER_CHAIN
from polywire.model.credentials import ApiCredentials
from polywire.model.venue import Venue, VenueUrls

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("silent", "no_proxies")]

NOBODY: Final = Venue("here:7", PAPER_CHAIN, VenueUrls("http://127.0.0.1:1", "http://127.0.0.1:1", "ws://none.invalid"))
CREDENTIALS: Final = ApiCredentials("key-1", "bWFya2VkLXNlY3JldA==", "marked-passphrase", "0xA11ce")
ORDER: Final = {
    "id": "0x1",
    "market": "0xc0",
    "asset_id": "7",
    "side": "BUY",
    "price": "0.6",
    "original_size": "10",
    "size_matched": "0",
    "status": "LIVE",
    "created_at": 1_795_000_000,
}
TRADE: Final = {
    "id": "t1",
    "market": "0xc0",
    "asset_id": "7",
    "side": "BUY",
    "price": "0.6",
    "size": "4",
    "status": "MINED",
    "trader_side": "TAKER",
    "taker_order_id": "0x1",
    "match_time": "1795000001",
    "maker_orders": [],
}
Answer = tuple[int, Any]


class Asked:
    """A question as the venue heard it."""

    def __init__(self, head: bytes) -> None:
        first, *lines = head.decode().split("\r\n")
        self.method, target, _ = first.split(" ")
        self.path, self.query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


@asynccontextmanager
async def answering(
    answer: Callable[[Asked], Answer], **options: Any
) -> AsyncIterator[tuple[RestAccount, list[Asked]]]:
    """Ask a venue that answers so; yield what was asked too."""
    heard: list[Asked] = []

    async def attend(peer: Peer) -> None:
        asked = Asked(await peer.hear_request())
        heard.append(asked)
        status, told = answer(asked)
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        head = f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\nRetry-After: 7\r\nConnection: close\r\n\r\n"
        peer.write(head.encode() + body)
        await peer.until_the_end()

    with anyio.fail_after(PATIENCE_S):
        async with serving(attend) as port:
            base = f"http://{HERE}:{port}"
            venue = Venue("here:7", PAPER_CHAIN, VenueUrls(f"{base}/clob", f"{base}/gamma", "ws://none.invalid"))
            async with RestAccount(venue, CREDENTIALS, SystemClock(), **options) as account:
                yield account, heard


def page(rows: list[Any], after: str = "LTE=") -> Answer:
    return 200, {"data": rows, "next_cursor": after}


async def test_each_question_is_signed_over_its_path_without_query_or_prefix() -> None:
    async with answering(lambda _: page([])) as (account, heard):
        await account.trades(5)
        (asked,) = heard
        headers = asked.headers
        assert (asked.method, asked.path, asked.query) == ("GET", "/clob/data/trades", {"after": ["5"]})
        assert (headers["poly_api_key"], headers["poly_address"]) == ("key-1", "0xA11ce")
        message = f"{headers['poly_timestamp']}GET/data/trades".encode()
        assert headers["poly_signature"] == hmac_of(secret_bytes(CREDENTIALS.secret), message)


async def test_the_time_is_asked_without_credentials() -> None:
    async with answering(lambda _: (200, b"1795000000")) as (account, heard):
        assert await account.time_s() == 1_795_000_000
        assert not [name for name in heard[0].headers if name.startswith("poly")]


async def test_open_orders_are_read_page_by_page_each_once() -> None:
    pages = {"": page([ORDER], "Mg=="), "Mg==": page([ORDER | {"size_matched": "2"}, ORDER | {"id": "0x2"}])}
    async with answering(lambda asked: pages[asked.query.get("next_cursor", [""])[0]]) as (account, heard):
        orders = await account.open_orders()
    assert [(order.order, order.matched_size, order.recovered) for order in orders] == [
        ("0x1", 2_000_000, True),
        ("0x2", 0, True),
    ]
    assert account.requests == len(heard) == 2
    assert account.tally.messages == {"rest_order": 3}


async def test_trades_are_read_page_by_page_each_with_the_whole_question() -> None:
    pages = {"": page([TRADE], "Mg=="), "Mg==": page([TRADE | {"status": "CONFIRMED"}, TRADE | {"id": "t2"}])}
    async with answering(lambda asked: pages[asked.query.get("next_cursor", [""])[0]]) as (account, heard):
        trades = await account.trades(-5)
    assert [(trade.trade, trade.status.value) for trade in trades] == [("t1", "CONFIRMED"), ("t2", "MINED")]
    assert [asked.query["after"] for asked in heard] == [["0"], ["0"]]


async def test_one_trade_is_asked_for_by_its_id_and_another_is_no_answer() -> None:
    async with answering(lambda _: page([TRADE])) as (account, heard):
        found = await account.trade("t1")
        assert found is not None
        assert found.trade == "t1"
        assert await account.trade("t9") is None
        assert heard[0].query == {"id": ["t1"]}


async def test_one_order_is_asked_for_by_its_id_and_404_is_none() -> None:
    async with answering(lambda asked: (200, ORDER) if asked.path.endswith("/0x1") else (404, {})) as (account, heard):
        found = await account.order("0x1")
        assert found is not None
        assert found.order == "0x1"
        assert await account.order("a/b") is None
        assert heard[1].path == "/clob/data/order/a%2Fb"


async def test_a_cursor_that_leads_round_in_a_circle_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGES", 3)
    async with answering(lambda asked: page([ORDER if "orders" in asked.path else TRADE], "Mg==")) as (account, _):
        with pytest.raises(VenueUnreachable, match="no end after 3 pages"):
            await account.open_orders()
        with pytest.raises(VenueUnreachable, match="no end after 3 pages"):
            await account.trades(0)


async def test_a_key_that_is_refused_is_told_with_what_to_do_and_no_secret() -> None:
    async with answering(lambda _: (401, {"error": "Unauthorized/Invalid api key"})) as (account, _):
        with pytest.raises(CredentialsRefused, match="does not take the API key key-1") as caught:
            await account.open_orders()
        assert (caught.value.key, caught.value.status) == ("key-1", 401)
        assert "POLYGON_PRIVATE_KEY" in str(caught.value)
        told = f"{caught.value!r} {caught.value.__cause__!r}"
        assert CREDENTIALS.secret not in told
        assert CREDENTIALS.passphrase not in told
        with pytest.raises(VenueUnreachable, match="HTTP 401") as other:
            await account.time_s()
        assert not isinstance(other.value, CredentialsRefused)


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("secret", "sesame!"),
        ("passphrase", "open-sesame\n"),
        ("passphrase", "open sesame "),
        ("passphrase", "öffne-sesame"),
        ("passphrase", ""),
        ("address", "0xsesame\r\n"),
    ],
)
async def test_credentials_that_no_header_can_hold_are_refused_at_once_and_not_shown(what: str, value: str) -> None:
    """The HTTP library would say which header it cannot send, and what stands in it."""
    with pytest.raises(Misuse, match=f"the {what} of these API credentials cannot be used") as caught:
        RestAccount(NOBODY, msgspec.structs.replace(CREDENTIALS, **{what: value}), SystemClock())
    assert "sesame" not in "".join(traceback.format_exception(caught.value))


async def test_a_venue_that_is_gone_is_told_without_the_request_that_holds_the_passphrase() -> None:
    async with RestAccount(NOBODY, CREDENTIALS, SystemClock()) as account:
        with anyio.fail_after(PATIENCE_S), pytest.raises(VenueUnreachable) as caught:
            await account.open_orders()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("ask", ["time_s", "open_orders", "order", "trades", "trade"])
async def test_what_is_no_answer_is_unreachable(ask: str) -> None:
    questions: dict[str, tuple[Any, ...]] = {"order": ("0x1",), "trades": (0,), "trade": ("t1",)}
    async with answering(lambda _: (200, b"<html>")) as (account, _):
        with pytest.raises(VenueUnreachable):
            await getattr(account, ask)(*questions.get(ask, ()))


async def test_429_says_for_how_long_not_to_ask() -> None:
    async with answering(lambda _: (429, {})) as (account, _):
        with pytest.raises(TooOften) as caught:
            await account.open_orders()
        assert caught.value.retry_after_s == 7


async def test_many_questions_may_be_open_at_a_time() -> None:
    async with answering(lambda asked: (200, ORDER | {"id": asked.path.rpartition("/")[2]})) as (account, heard):
        found = await asyncio.gather(*(account.order(f"0x{number}") for number in range(8)))
        assert [order and order.order for order in found] == [f"0x{number}" for number in range(8)]
        assert len(heard) == 8

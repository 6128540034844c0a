"""Who a venue is, and its catalogue: real HTTP on loopback, written by hand, and the real exchange as a process."""

import gzip
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import anyio
import msgspec
import pytest

from loopback import HERE, PATIENCE_S, Peer, serving
from polywire.errors import Misuse, VenueUnreachable
from polywire.io.venue import PAPER_CHAIN, VenueHttp, find_venue
from polywire.model.listing import MarketListed
from polywire.model.venue import POLYMARKET, Venue, VenueUrls

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("silent", "no_proxies")]

EXCHANGE: Final = [sys.executable, "-P", "-m", "polywire", "exchange", "--port", "0", "--child"]
NOBODY: Final = 1  # a port on which nobody listens


def http(body: bytes, status: str = "200 OK", *heads: str) -> bytes:
    """Return an HTTP answer."""
    lines = (f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *heads)
    return "".join(f"{line}\r\n" for line in (*lines, "Connection: close")).encode() + b"\r\n" + body


@asynccontextmanager
async def answering(*answers: bytes, asked: list[str] | None = None) -> AsyncIterator[str]:
    """Yield the address of a server that gives these answers, one a connection, the last for ever; keep requests."""
    left = list(answers)

    async def attend(peer: Peer) -> None:
        line, _, _ = (await peer.hear_request()).partition(b" HTTP/1.1\r\n")
        if asked is not None:
            asked.append(line.decode())
        peer.write(left.pop(0) if len(left) > 1 else left[0])
        await peer.until_the_end()

    async with serving(attend) as port:
        yield f"http://{HERE}:{port}"


async def found(address: str, **how: Any) -> Venue:
    with anyio.fail_after(PATIENCE_S):
        return await find_venue(address, paper_port=NOBODY, **how)


async def unreachable(*answers: bytes, **how: Any) -> VenueUnreachable:
    """Ask a venue who it is that answers so; return the error."""
    async with answering(*answers) as address:
        with pytest.raises(VenueUnreachable) as caught:
            await found(address, **how)
    assert caught.value.url == f"{address}/venue"
    return caught.value


async def misuse(*answers: bytes) -> str:
    async with answering(*answers) as address:
        with pytest.raises(Misuse) as caught:
            await found(address)
    assert address in str(caught.value)
    return str(caught.value)


def described(**changed: Any) -> bytes:
    """Return what an exchange says of itself, with some fields changed."""
    urls = {"clob": f"http://{HERE}:1/clob", "gamma": f"http://{HERE}:1/gamma", "market_ws": f"ws://{HERE}:1/ws"}
    return http(json.dumps({"identity": "here:7", "chain_id": PAPER_CHAIN, "urls": urls, "seed": 7} | changed).encode())


def with_url(name: str, url: str) -> bytes:
    urls = {"clob": f"http://{HERE}:1/clob", "gamma": f"http://{HERE}:1/gamma", "market_ws": f"ws://{HERE}:1/ws"}
    return described(urls=urls | {name: url})


# ------------------------------------------------------------ who it is


async def test_production_is_known_and_not_asked() -> None:
    assert await found("live") == POLYMARKET


async def test_an_exchange_says_who_it_is_and_what_it_says_besides_is_passed_over() -> None:
    asked: list[str] = []
    async with answering(described(), asked=asked) as address:
        venue = await found(f"{address}/")
    assert (venue.identity, venue.chain_id) == ("here:7", 80_002)
    urls = VenueUrls(clob=f"http://{HERE}:1/clob", gamma=f"http://{HERE}:1/gamma", market_ws=f"ws://{HERE}:1/ws")
    assert venue.urls == urls
    assert asked == ["GET /venue?ledger=0"]


async def test_this_machine_is_never_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{HERE}:{NOBODY}")
    async with answering(described()) as address:
        assert (await found(address)).identity == "here:7"


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("gamma", "http://gamma.example/"),
        ("clob", "https://clob.polymarket.com"),
        ("market_ws", "ws://192.0.2.1/ws"),
        ("rpc", "http://127.0.0.1@evil.example/"),
        ("data", "http://127.0.0.1.evil.example/"),
        ("sports_ws", "//evil.example"),
        ("user_ws", "http://[half"),
        ("relayer", "no address"),
    ],
)
async def test_a_venue_that_sends_its_users_elsewhere_is_refused(name: str, url: str) -> None:
    """design.md §4: a venue's `urls` must lie on its own host."""
    told = await misuse(with_url(name, url))
    assert f"names {url} for {name}, which is not on its own host" in told


@pytest.mark.parametrize("url", ["http://localhost:1", "http://[::1]:1", f"http://{HERE}:9", "http://127.0.0.2", ""])
async def test_this_machine_goes_by_all_its_names_and_what_is_not_served_has_none(url: str) -> None:
    async with answering(with_url("data", url)) as address:
        assert (await found(address)).urls.data == url


@pytest.mark.parametrize(
    "claim",
    [{"identity": "polymarket"}, {"chain_id": 137}, {"chain_id": 1}, {"identity": "polymarket", "chain_id": 137}],
)
async def test_a_venue_that_could_be_mistaken_for_production_is_refused(claim: dict[str, Any]) -> None:
    """No paper order may be a valid live signature, and no other venue may use the owner's key."""
    told = await misuse(described(**claim))
    assert "only production is 'polymarket', and any other venue is on 80002" in told


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>a router's page</html>",
        b"[]",
        b"{}",
        b'{"identity": "x"}',
        b'{"identity": "x", "chain_id": "80002", "urls": {}}',
        b'{"identity": "\xff", "chain_id": 80002, "urls": {}}',
        b'{"identity": "x", "chain_id": 80002, "urls": {"clob": "http://x"}}',
        b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
async def test_what_is_no_description_is_no_exchange(body: bytes) -> None:
    assert "does not describe an exchange" in await misuse(http(body))


async def test_where_no_such_page_is_there_is_no_exchange() -> None:
    assert "does not describe an exchange" in await misuse(http(b"{}", "404 Not Found"))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "papier",
        "LIVE",
        "ftp://127.0.0.1",
        "127.0.0.1:8421",
        "http://",
        "http://[::1",
        "//x",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:port",
    ],
)
async def test_a_name_that_is_neither_a_word_nor_an_address_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(Misuse, match=r"is none of: paper, live, an address such as http://127\.0\.0\.1:8421"):
        await find_venue(name, paper_port=8421)


async def test_an_address_where_nobody_can_be_is_one_sentence() -> None:
    with pytest.raises(VenueUnreachable, match=r"^http://no\.such\.host\.invalid/venue cannot be reached: .+; check"):
        await found("http://no.such.host.invalid")


async def test_where_nobody_listens_the_embedded_exchange_is_not_running() -> None:
    with pytest.raises(VenueUnreachable) as caught:
        await found("paper")
    assert (caught.value.url, caught.value.status) == (f"http://127.0.0.1:{NOBODY}/venue", None)


# ------------------------------------------------------------ answers that are none


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "429 Too Many", "500 Oops", "503 Later"])
async def test_an_answer_that_is_no_success_names_its_status(status: str) -> None:
    fault = await unreachable(http(b"{}", status))
    assert (fault.status, fault.reason) == (int(status[:3]), f"HTTP {status[:3]}")


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary"])
async def test_a_redirect_is_not_followed(status: str) -> None:
    """A venue on this machine must not lead off it."""
    asked: list[str] = []
    async with answering(described(), asked=asked) as other:
        fault = await unreachable(http(b"", status, f"Location: {other}/venue"))
    assert (fault.status, asked) == (int(status[:3]), [])


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        http(b"no gzip", "200 OK", "Content-Encoding: gzip"),
    ],
)
async def test_an_answer_that_is_cut_off_or_garbled_is_one_sentence(answer: bytes) -> None:
    async def attend(peer: Peer) -> None:
        await peer.hear_request()
        peer.write(answer)
        peer.hang_up()

    async with serving(attend) as port:
        with pytest.raises(VenueUnreachable) as caught:
            await found(f"http://{HERE}:{port}")
    assert caught.value.reason
    assert caught.value.status is None


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"])
async def test_a_venue_that_does_not_finish_its_answer_is_given_up(answer: bytes) -> None:
    fault = await unreachable(answer, patience_s=0.2)
    assert fault.reason == "no whole answer within 0.2 s"


MIB: Final = 1 << 20


@pytest.mark.parametrize("packed", [False, True])
async def test_an_answer_larger_than_any_is_not_kept(packed: bool) -> None:  # noqa: FBT001 - a row
    """Packed, 65 MiB of nothing are 64 KiB on the wire."""
    whole = bytes(65 * MIB)

    async def attend(peer: Peer) -> None:
        await peer.hear_request()
        peer.write(http(gzip.compress(whole), "200 OK", "Content-Encoding: gzip") if packed else http(whole))
        with suppress(ConnectionError):
            await peer.until_the_end()

    async with serving(attend) as port:
        with pytest.raises(VenueUnreachable, match="an answer of over 67,108,864 bytes"):
            await found(f"http://{HERE}:{port}")


# ------------------------------------------------------------ the catalogue, answered by hand


def market(number: int, **changed: Any) -> dict[str, Any]:
    fields = {
        "id": str(number),
        "conditionId": f"0xA{number}",
        "slug": f"market-{number}",
        "outcomes": '["Yes", "No"]',
        "clobTokenIds": json.dumps([f"{number}1", f"{number}2"]),
    }
    return fields | changed


def venue_at(address: str) -> Venue:
    return Venue("here:7", PAPER_CHAIN, VenueUrls(clob=address, gamma=f"{address}/gamma", market_ws=address))


@asynccontextmanager
async def catalogue(*answers: Any, asked: list[str] | None = None) -> AsyncIterator[VenueHttp]:
    whole = [answer if isinstance(answer, bytes) else http(json.dumps(answer).encode()) for answer in answers]
    async with answering(*whole, asked=asked) as address, VenueHttp(venue_at(address), patience_s=PATIENCE_S) as venue:
        yield venue


async def test_a_closed_market_is_found_too_by_asking_a_second_time() -> None:
    """Without being told so, Gamma lists open ones only."""
    asked: list[str] = []
    async with catalogue([], [market(7, closed=True)], asked=asked) as venue:
        listed = await venue.of_token("71")
    assert listed is not None
    assert (listed.condition, listed.closed) == ("0xA7", True)
    assert asked == [f"GET /gamma/markets/keyset?closed={closed}&clob_token_ids=71" for closed in ("false", "true")]


async def test_an_open_market_is_found_at_once() -> None:
    asked: list[str] = []
    async with catalogue([market(7)], asked=asked) as venue:
        assert await venue.of_condition("0xa7") is not None
    assert asked == ["GET /gamma/markets/keyset?closed=false&condition_ids=0xa7"]


async def test_an_answer_about_other_markets_is_none_about_the_one_asked_for() -> None:
    """A venue that overlooks a filter lists whatever comes first."""
    async with catalogue([market(8), market(7)]) as venue:
        listed = await venue.of_token("72")
        assert listed is not None
        assert listed.condition == "0xA7"
        assert await venue.of_token("99") is None
        assert await venue.of_condition("0xA9") is None
        assert await venue.of_slug("market-9") is None


@pytest.mark.parametrize("slug", ["", ".", "..", "a/../b", "/", "../../venue"])
async def test_a_way_up_in_a_path_is_no_slug(slug: str) -> None:
    asked: list[str] = []
    async with catalogue([market(7)], asked=asked) as venue:
        assert (await venue.of_slug(slug), await venue.of_event(slug)) == (None, [])
    assert asked == []


@pytest.mark.parametrize(("slug", "path"), [("a?b=c", "a%3Fb%3Dc"), ("für", "f%C3%BCr"), ("a b#c", "a%20b%23c")])
async def test_whatever_a_slug_holds_it_stays_one_part_of_the_path(slug: str, path: str) -> None:
    asked: list[str] = []
    async with catalogue(http(b"{}", "404 Not Found"), asked=asked) as venue:
        assert (await venue.of_slug(slug), await venue.of_event(slug)) == (None, [])
    assert asked == [f"GET /gamma/markets/slug/{path}", f"GET /gamma/events/slug/{path}"]


async def test_no_more_are_returned_than_were_asked_for() -> None:
    asked: list[str] = []
    async with catalogue([market(number) for number in range(10, 15)], asked=asked) as venue:
        listed = await venue.open_markets(3)
        searched = await venue.search("rain & snow", 2)
    assert [one.market for one in (*listed, *searched)] == ["10", "11", "12", "10", "11"]
    assert asked[0] == "GET /gamma/markets/keyset?closed=false&limit=3"
    assert asked[1] in {
        "GET /gamma/public-search?q=rain+%26+snow&limit_per_type=2",
        "GET /gamma/public-search?q=rain%20%26%20snow&limit_per_type=2",
    }


async def test_a_list_that_goes_round_in_circles_ends() -> None:
    page = {"markets": [market(number) for number in range(10, 13)], "next_cursor": "again"}
    async with catalogue(http(json.dumps(page).encode())) as venue:
        with anyio.fail_after(10):
            assert [one.market for one in await venue.open_markets(50)] == ["10", "11", "12"]


@pytest.mark.parametrize("body", [b"<html>", b"null", b"7", b'["\xff"]'])
async def test_an_answer_that_is_no_json_is_a_fault_of_the_venue_and_not_an_empty_list(body: bytes) -> None:
    async with catalogue(http(body)) as venue:
        for ask in (
            venue.of_token("7"),
            venue.of_slug("a"),
            venue.of_event("a"),
            venue.open_markets(1),
            venue.search("a", 1),
        ):
            with pytest.raises(VenueUnreachable, match=r"/gamma/.*cannot be reached: ."):
                await ask


# ------------------------------------------------------------ the exchange itself


@pytest.fixture(scope="module")
def exchange() -> Iterator[str]:
    """Yield the address of an exchange, a process of its own that ends with its standard input."""
    process = subprocess.Popen(EXCHANGE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@asynccontextmanager
async def asking(address: str) -> AsyncIterator[tuple[VenueHttp, list[MarketListed]]]:
    """Yield a catalogue of the exchange and its open markets."""
    with anyio.fail_after(30.0):
        async with VenueHttp(await found(address)) as venue:
            yield venue, await venue.open_markets(500)


async def test_the_exchange_is_a_venue_of_its_own_on_its_own_host(exchange: str) -> None:
    venue = await found(exchange)
    assert (venue.identity.startswith("polywire-exchange:"), venue.chain_id) == (True, 80_002)
    assert all(urls.split("//")[1].startswith(exchange[7:]) for urls in msgspec.structs.asdict(venue.urls).values())
    port = int(exchange.rpartition(":")[2])
    assert await find_venue("paper", paper_port=port) == venue


async def test_a_long_list_is_asked_for_page_by_page_until_its_end_or_enough(
    exchange: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asking(exchange) as (venue, every):
        monkeypatch.setattr("polywire.io.venue._PAGE", 4)  # 100, and no exchange has as many
        assert [one.condition for one in await venue.open_markets(500)] == [one.condition for one in every]
        assert [one.condition for one in await venue.open_markets(6)] == [one.condition for one in every[:6]]


async def test_the_exchange_lists_at_least_twelve_open_markets_each_with_its_terms(exchange: str) -> None:
    async with asking(exchange) as (venue, listed):
        assert len(listed) >= 12
        assert len(await venue.open_markets(5)) == 5
    assert len({token for one in listed for token in one.tokens}) == 2 * len(listed)
    for one in listed:
        assert one.tick in {1, 10, 100}
        assert one.min_size
        assert not one.closed
        assert all((one.market, one.slug, one.question, one.event_slug, one.event_title, one.ends_at))
    assert {one.neg_risk for one in listed} == {False, True}


async def test_a_market_of_the_exchange_is_found_by_either_token_its_condition_and_its_slug(exchange: str) -> None:
    async with asking(exchange) as (venue, listed):
        one = listed[-1]  # the first may close meanwhile
        by_name = [
            *[await venue.of_token(token) for token in one.tokens],
            await venue.of_condition(one.condition),
            await venue.of_slug(one.slug),
        ]
        assert by_name == [one] * 4
        assert one in await venue.of_event(one.event_slug)


async def test_an_event_of_several_markets_is_found_with_all_of_them(exchange: str) -> None:
    async with asking(exchange) as (venue, listed):
        slug = next(one.event_slug for one in listed if one.neg_risk)
        markets = await venue.of_event(slug)
    assert len(markets) >= 4
    assert {one.event_slug for one in markets} == {slug}
    assert len({one.group_item for one in markets} - {""}) == len(markets)


async def test_a_search_finds_a_market_by_the_words_of_its_question(exchange: str) -> None:
    async with asking(exchange) as (venue, listed):
        one = listed[-1]
        assert one.condition in {found.condition for found in await venue.search(one.question, 50)}
        assert await venue.search("no such words anywhere at all", 5) == []


@pytest.mark.parametrize("name", ["123", "0x" + "0" * 64, "no-such-slug", "../venue", "%2e%2e", "für immer?"])
async def test_what_the_exchange_does_not_know_is_nothing(exchange: str, name: str) -> None:
    async with asking(exchange) as (venue, _):
        assert await venue.of_slug(name) is None
        assert await venue.of_event(name) == []
        assert await venue.of_condition(name) is None
        if name.isdecimal():
            assert await venue.of_token(name) is None

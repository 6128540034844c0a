"""What the venue says over REST: real HTTP on loopback, the exchange's own answers and ones written by hand."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final

import anyio
import pytest

from exchange.raw_client import Server, served
from exchange.venues import CONDITION, NO, YES, event, listed, market, order
from loopback import HERE, PATIENCE_S, Peer, serving
from polywire.errors import TooOften, VenueUnreachable
from polywire.io.clock import SystemClock
from polywire.io.evidence import BOOKS_A_REQUEST, MARKETS_A_REQUEST, RestEvidence
from polywire.io.venue import PAPER_CHAIN
from polywire.model.market import MarketResolved
from polywire.model.units import ConditionId, TokenId
from polywire.model.venue import Venue, VenueUrls
from polywire.ports import Clock
from polywire.wire.rest import KIND

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("silent", "no_proxies")]


def at(address: str) -> Venue:
    return Venue("here:7", PAPER_CHAIN, VenueUrls(f"{address}/clob", f"{address}/gamma", "ws://none.invalid"))


@asynccontextmanager
async def exchange() -> AsyncIterator[tuple[Server, RestEvidence]]:
    """Serve one market with a bid and an ask, and ask it."""
    venue = listed()
    assert venue.place(order("1", "ann", "BUY", 4_000, 100)).refusal is None
    assert venue.place(order("2", "ann", "SELL", 4_500, 30)).refusal is None
    with anyio.fail_after(20):
        async with served(venue) as server, RestEvidence(at(server.url), SystemClock()) as evidence:
            yield server, evidence


# ------------------------------------------------------------ the exchange


async def test_the_books_asked_for_come_with_their_hashes_and_when_they_were_seen() -> None:
    async with exchange() as (server, evidence):
        before = SystemClock().now_ns()
        books = await evidence.books([YES, NO, YES])
        after = SystemClock().now_ns()
        assert list(books) == [YES, NO]
        page = server.site.shelf.page(YES)
        assert page is not None
        stated = books[YES]
        assert (list(stated.book.bids), list(stated.book.asks)) == ([(4_000, 100_000_000)], [(4_500, 30_000_000)])
        assert (stated.book.digest, stated.min_size, stated.neg_risk) == (page.hash, 5_000_000, False)
        assert before <= stated.book.seen_ns <= after
        assert (evidence.requests, evidence.tally.messages) == (1, {KIND: 2})


async def test_tokens_unknown_or_of_closed_markets_have_no_book_and_no_tokens_are_no_request() -> None:
    async with exchange() as (server, evidence):
        assert server.site.venue is not None
        assert list(await evidence.books([TokenId("404"), NO])) == [NO]
        server.site.venue.resolve(CONDITION, YES)
        assert await evidence.books([YES, NO]) == {}
        requests = evidence.requests
        assert await evidence.books([]) == {}
        assert evidence.requests == requests


async def test_more_tokens_than_the_venue_takes_at_once_are_asked_for_in_batches() -> None:
    async with exchange() as (_, evidence):
        strangers = [TokenId(str(number)) for number in range(1_000, 1_550)]
        assert list(await evidence.books([YES, *strangers, NO])) == [YES, NO]
        assert evidence.requests == -(-552 // BOOKS_A_REQUEST)


@pytest.mark.parametrize("fresh", [False, True])
async def test_a_market_is_resolved_once_the_venue_says_so(fresh: bool) -> None:  # noqa: FBT001 - a row
    async with exchange() as (server, evidence):
        venue = server.site.venue
        assert venue is not None
        venue.list_event(event(2))
        venue.list_market(market(2, of=2, tokens=("81", "82")))
        asked = [CONDITION, ConditionId("0xc2"), ConditionId("0x404")]
        assert await evidence.resolutions(asked, fresh=fresh) == []
        venue.resolve(CONDITION, NO)
        (told,) = await evidence.resolutions(asked, fresh=fresh)
        closed_ms = venue.catalogue.markets[CONDITION].closed_ms // 1_000 * 1_000  # the catalogue tells no finer
        assert told == MarketResolved(CONDITION, "1", (YES, NO), NO, "No", (), closed_ms, told.seen_ns, recovered=True)
        assert evidence.requests == (2 + 3 + 2 if fresh else 2)


async def test_a_venue_that_wants_to_be_asked_less_says_for_how_long() -> None:
    async with exchange() as (server, evidence):
        server.site.faults.start("read-limit", "7")
        for ask in (lambda: evidence.books([YES]), lambda: evidence.resolutions([CONDITION])):
            with pytest.raises(TooOften, match=r"asked too often \(HTTP 429\); ask it again in 7 s") as refusal:
                await ask()
            assert (refusal.value.retry_after_s, refusal.value.status) == (7.0, 429)
        server.site.faults.stop("read-limit")
        assert list(await evidence.books([YES])) == [YES]


# ------------------------------------------------------------ answers written by hand


def http(body: bytes, status: str = "200 OK", *heads: str) -> bytes:
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *heads, "Connection: close")
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body


@asynccontextmanager
async def answering(
    answer: Callable[[str, bytes], bytes], patience_s: float = PATIENCE_S, clock: Clock | None = None
) -> AsyncIterator[RestEvidence]:
    """Ask a server that answers a request's target and body so."""

    async def attend(peer: Peer) -> None:
        head = await peer.hear_request()
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        body = await peer.reader.readexactly(int(length[1])) if length else b""
        peer.write(answer(head.split()[1].decode(), body))
        await peer.until_the_end()

    with anyio.fail_after(PATIENCE_S):
        async with serving(attend) as port:
            venue = at(f"http://{HERE}:{port}")
            async with RestEvidence(venue, clock or SystemClock(), patience_s=patience_s) as evidence:
                yield evidence


def book(token: str, **fields: Any) -> dict[str, Any]:
    stated = {
        "market": "0xc1",
        "asset_id": token,
        "bids": [{"price": "0.4", "size": "5"}],
        "asks": [],
        "timestamp": "7",
    }
    return stated | fields


async def test_a_book_that_cannot_be_read_is_counted_and_the_others_come() -> None:
    books = [book(YES, bids=[{"price": "2", "size": "1"}]), book("9"), 7, book(NO, mood="new")]
    async with answering(lambda _, __: http(json.dumps(books).encode())) as evidence:
        assert list(await evidence.books([YES, NO])) == [NO]
    assert (evidence.tally.undecoded, evidence.tally.unknown_fields) == ({KIND: 2}, {("book", "mood"): 1})


async def test_others_have_their_turn_while_many_books_are_read() -> None:
    """A hundred books of 150 levels a side take ten milliseconds, in which no frame would be read."""
    tokens = [TokenId(str(number)) for number in range(BOOKS_A_REQUEST)]
    body = json.dumps([book(token) for token in tokens]).encode()
    turns = Turns()
    async with answering(lambda _, __: http(body), clock=turns) as evidence:
        assert len(await evidence.books(tokens)) == BOOKS_A_REQUEST
        turns.stop()
    assert turns.taken >= BOOKS_A_REQUEST // 10


class Turns(SystemClock):
    """Counts the loop's turns from when it is asked for the time, which is when an answer is whole."""

    def __init__(self) -> None:
        self.taken = 0
        self._handle: asyncio.Handle | None = None

    def now_ns(self) -> int:
        self._handle = asyncio.get_running_loop().call_soon(self._take)
        return super().now_ns()

    def stop(self) -> None:
        assert self._handle is not None
        self._handle.cancel()

    def _take(self) -> None:
        self.taken += 1
        self._handle = asyncio.get_running_loop().call_soon(self._take)


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b'{"error":"x"}'])
async def test_an_answer_that_is_no_list_of_books_is_one_sentence(body: bytes) -> None:
    async with answering(lambda _, __: http(body)) as evidence:
        with pytest.raises(VenueUnreachable, match="/clob/books cannot be reached: "):
            await evidence.books([YES])


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "400 Bad"])
async def test_a_refusal_is_no_answer(status: str) -> None:
    async with answering(lambda _, __: http(b"[]", status)) as evidence:
        with pytest.raises(VenueUnreachable) as caught:
            await evidence.books([YES])
        assert caught.value.status == int(status[:3])
        assert not isinstance(caught.value, TooOften)


async def test_a_batch_that_fails_fails_all_for_absence_is_an_answer() -> None:
    async def ask(evidence: RestEvidence) -> None:
        with pytest.raises(VenueUnreachable, match="HTTP 503"):
            await evidence.books([TokenId(str(number)) for number in range(BOOKS_A_REQUEST + 1)])

    answers = iter([http(json.dumps([book("5")]).encode()), http(b"", "503 Later")])
    async with answering(lambda _, __: next(answers)) as evidence:
        await ask(evidence)


async def test_a_venue_that_does_not_finish_its_answer_is_given_up() -> None:
    unfinished = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n["
    async with answering(lambda _, __: unfinished, patience_s=0.2) as evidence:
        with pytest.raises(VenueUnreachable, match=r"no whole answer within 0\.2 s"):
            await evidence.books([YES])


NOW: Final = datetime(2026, 11, 3, 12, tzinfo=UTC)
DATE: Final = f"Date: {format_datetime(NOW, usegmt=True)}"


@pytest.mark.parametrize(
    ("heads", "wait_s"),
    [
        (["Retry-After: 3"], 3.0),
        (["Retry-After: 0"], 0.0),
        ([f"Retry-After: {format_datetime(NOW + timedelta(seconds=25), usegmt=True)}", DATE], 25.0),
        ([f"Retry-After: {format_datetime(NOW - timedelta(days=9), usegmt=True)}", DATE], 0.0),
        ([f"Retry-After: {format_datetime(NOW + timedelta(days=9), usegmt=True)}", DATE], 3_600.0),
        (["Retry-After: 1000000"], 3_600.0),
        (["Retry-After: soon"], 10.0),
        (["Retry-After: -5"], 10.0),
        (["Retry-After: Fri, 99 Foo 2026 99:99:99 GMT"], 10.0),
        ([], 10.0),
    ],
)
async def test_how_long_to_wait_is_stated_in_seconds_or_as_a_date_of_the_venue_s_own_clock(
    heads: Sequence[str], wait_s: float
) -> None:
    async with answering(lambda _, __: http(b"", "429 Too Many Requests", *heads)) as evidence:
        with pytest.raises(TooOften) as refusal:
            await evidence.books([YES])
    assert refusal.value.retry_after_s == wait_s


async def test_a_date_without_the_venue_s_clock_is_held_against_ours() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    async with answering(lambda _, __: http(b"", "429 Too Many Requests", f"Retry-After: {soon}")) as evidence:
        with pytest.raises(TooOften) as refusal:
            await evidence.books([YES])
    assert 30 < refusal.value.retry_after_s <= 40


# ------------------------------------------------------------ resolutions, answered by hand


def gamma(condition: str, prices: str = '["1","0"]', **fields: Any) -> dict[str, Any]:
    stated = {"id": "1", "conditionId": condition, "outcomes": '["Yes","No"]', "outcomePrices": prices, "closed": True}
    return stated | {"clobTokenIds": json.dumps([YES, NO])} | fields


def clob(condition: str, **fields: Any) -> dict[str, Any]:
    tokens = [{"token_id": token, "outcome": name, "winner": token == NO} for token, name in ((YES, "Yes"), (NO, "No"))]
    return {"condition_id": condition, "closed": True, "tokens": tokens} | fields


def services(catalogue: bytes, markets: dict[str, bytes], asked: list[str]) -> Callable[[str, bytes], bytes]:
    """Return what answers as the catalogue and, by condition, as the CLOB; anything else is unknown."""

    def answer(target: str, _: bytes) -> bytes:
        asked.append(target.partition("?")[0])
        if target.startswith("/gamma/"):
            return catalogue
        return markets.get(target.rpartition("/")[2], http(b"{}", "404 Not Found"))

    return answer


def padded(condition: str) -> str:
    return condition.ljust(66, "0")


async def test_where_the_catalogue_names_no_winner_the_clob_does() -> None:
    asked: list[str] = []
    listing = http(json.dumps({"markets": [gamma("0xA1"), gamma("0xA2", '["0.9","0.1"]')]}).encode())
    markets = {padded("0xa2"): http(json.dumps(clob(padded("0xa2"))).encode())}
    async with answering(services(listing, markets, asked)) as evidence:
        told = await evidence.resolutions([ConditionId("0xa1"), ConditionId("0xa2"), ConditionId("0xa3")])
    assert [(one.condition, one.outcome, one.recovered) for one in told] == [
        ("0xa1", "Yes", True),
        ("0xa2", "No", True),
    ]
    assert asked == ["/gamma/markets/keyset", f"/clob/markets/{padded('0xa2')}"]


@pytest.mark.parametrize("catalogue", [http(b"", "500 Oops"), http(b"<html>"), http(b"", "404 Not Found")])
async def test_where_the_catalogue_does_not_answer_the_clob_does(catalogue: bytes) -> None:
    asked: list[str] = []
    markets = {padded("0xa1"): http(json.dumps(clob(padded("0xA1"))).encode())}
    async with answering(services(catalogue, markets, asked)) as evidence:
        (told,) = await evidence.resolutions([ConditionId("0xa1"), ConditionId("0xa2")])
    assert (told.condition, told.winner, told.venue_ms) == ("0xa1", NO, 0)
    assert len(asked) == 3


async def test_where_nobody_answers_the_venue_is_unreachable_and_what_came_before_is_not_lost() -> None:
    asked: list[str] = []
    nothing = http(b"", "500 Oops")
    async with answering(services(nothing, {padded("0xa1"): nothing}, asked)) as evidence:
        with pytest.raises(VenueUnreachable, match="HTTP 500"):
            await evidence.resolutions([ConditionId("0xa1")])
    listing = http(json.dumps([gamma("0xa2")]).encode())
    async with answering(services(listing, {padded("0xa1"): nothing}, asked)) as evidence:
        (told,) = await evidence.resolutions([ConditionId("0xa1"), ConditionId("0xa2")], fresh=True)
    assert told.condition == "0xa2"


@pytest.mark.parametrize(
    "market_",
    [clob(padded("0xa2")), clob(padded("0xa1"), closed=False), {"error": "x"}],
    ids=["of another market", "open", "no market"],
)
async def test_what_the_clob_says_of_another_or_an_open_market_is_no_resolution(market_: dict[str, Any]) -> None:
    markets = {padded("0xa1"): http(json.dumps(market_).encode())}
    async with answering(services(http(b"[]"), markets, [])) as evidence:
        assert await evidence.resolutions([ConditionId("0xa1")], fresh=True) == []


async def test_what_the_clob_says_that_is_no_market_is_one_sentence() -> None:
    async with answering(services(http(b"[]"), {padded("0xa1"): http(b"<html>")}, [])) as evidence:
        with pytest.raises(VenueUnreachable, match="/clob/markets/0xa1"):
            await evidence.resolutions([ConditionId("0xa1")], fresh=True)


async def test_a_market_nobody_asked_for_is_passed_over() -> None:
    listing = http(json.dumps([gamma("0xbad"), gamma("0xbad2", '["0.9","0.1"]')]).encode())
    async with answering(services(listing, {}, [])) as evidence:
        assert await evidence.resolutions([ConditionId("0xa1")]) == []


async def test_many_markets_are_asked_for_in_batches_each_within_one_page() -> None:
    targets: list[str] = []

    def answer(target: str, _: bytes) -> bytes:
        targets.append(target)
        return http(b'{"markets":[]}')

    async with answering(answer) as evidence:
        long = [ConditionId(f"0x{number:064x}") for number in range(MARKETS_A_REQUEST * 2 + 1)]
        assert await evidence.resolutions(long) == []
    assert [target.count("condition_ids=") for target in targets] == [MARKETS_A_REQUEST, MARKETS_A_REQUEST, 1]
    assert all("closed=true" in target and len(target) < 8_192 for target in targets)
    assert f"limit={MARKETS_A_REQUEST}&" in targets[0]

"""The venue's history of prices over real HTTP: the exchange's own answers, and ones written by hand."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import pytest

from exchange.data.hall import hall, tokens
from exchange.venues import YES
from loopback import HERE, Peer, serving
from polywire.errors import VenueUnreachable
from polywire.io.history import RestPrices
from polywire.io.venue import PAPER_CHAIN
from polywire.model.units import TokenId
from polywire.model.venue import Venue, VenueUrls

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("silent", "no_proxies")]


@asynccontextmanager
async def asking(address: str, patience_s: float = 10.0) -> AsyncIterator[RestPrices]:
    venue = Venue("here:7", PAPER_CHAIN, VenueUrls(address, address, "ws://none.invalid"))
    with anyio.fail_after(20):
        async with RestPrices(venue, patience_s=patience_s) as prices:
            yield prices


async def test_the_exchange_tells_every_span_up_to_this_moment() -> None:
    async with hall() as at, asking(f"{str(at.client.base_url).rstrip('/')}/clob") as prices:
        at.crowd("BUY", 4_000, 10)
        at.crowd("SELL", 4_500, 10)
        at.later(25 * 60_000)
        for interval in ("1h", "6h", "1d", "1w", "1m", "max"):
            points = await prices.history(tokens(1)[0], interval)
            assert points[-1] == (at.venue.clock.now_ms() // 1_000, "0.425"), interval
            assert len(points) > 2
        assert await prices.history(TokenId("404"), "1d") == []


def saying(body: bytes, status: str = "200 OK") -> Callable[[Peer], Awaitable[None]]:
    """Return who answers one request with these bytes."""

    async def answer(peer: Peer) -> None:
        await peer.hear_request()
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        peer.write(head.encode() + body)
        requests.append(peer.request)

    requests.clear()
    return answer


requests: list[bytes] = []
"""What the last of them was asked."""


async def test_points_come_in_the_order_of_time_whatever_order_they_were_told_in() -> None:
    body = json.dumps({"history": [{"t": 9, "p": 0.5}, {"t": 3, "p": 0.25}]}).encode()
    async with serving(saying(body)) as port, asking(f"http://{HERE}:{port}") as prices:
        assert await prices.history(YES, "1w") == [(3, "0.25"), (9, "0.5")]
    assert f"GET /prices-history?market={YES}&interval=1w&fidelity=5 ".encode() in requests[0]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"<html>", "200 OK", "JSON is malformed"),
        (b'{"error":"no"}', "400 Bad", "HTTP 400"),
        (b'{"history":[{"t":1,"p":"x"}]}', "200 OK", "is no decimal number"),
    ],
)
async def test_what_is_no_history_is_one_sentence(body: bytes, status: str, words: str) -> None:
    async with serving(saying(body, status)) as port, asking(f"http://{HERE}:{port}") as prices:
        with pytest.raises(VenueUnreachable, match=f"/prices-history cannot be reached: .*{words}"):
            await prices.history(YES, "1d")


async def test_a_venue_that_says_nothing_is_given_up() -> None:
    async def mute(peer: Peer) -> None:
        await peer.hear_request()
        await peer.until_the_end()

    async with serving(mute) as port, asking(f"http://{HERE}:{port}", patience_s=0.1) as prices:
        with pytest.raises(VenueUnreachable, match=r"no whole answer within 0\.1 s"):
            await prices.history(YES, "1d")

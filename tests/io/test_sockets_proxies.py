"""Proxies that the environment names: when one is used, and the tunnel through it."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
import pytest

from loopback import HERE, PATIENCE_S, TEXT, Listener, Peer, closing, frame, opening, serving
from polywire.errors import VenueUnreachable
from polywire.io.sockets import PicowsDial, proxy_of

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("silent", "no_proxies")]

VENUE = "ws://venue.example:8421/ws/market"

# ------------------------------------------------------------ which proxy


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "wss://venue.example/", None),
        ({"HTTPS_PROXY": "http://p:1"}, "wss://venue.example/", "http://p:1"),
        ({"https_proxy": "http://p:1"}, "wss://venue.example/", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "ws://venue.example/", None),
        ({"HTTP_PROXY": "http://p:1"}, "ws://venue.example/", "http://p:1"),
        ({"HTTP_PROXY": "http://p:1"}, "wss://venue.example/", None),
        ({"ALL_PROXY": "socks5://p:1"}, "wss://venue.example/", "socks5://p:1"),
        ({"ALL_PROXY": "socks5://p:1"}, "ws://venue.example/", "socks5://p:1"),
        ({"ALL_PROXY": "http://all:1", "HTTPS_PROXY": "http://p:1"}, "wss://venue.example/", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "venue.example"}, "wss://venue.example/", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".example"}, "wss://venue.example/", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, "wss://venue.example/", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "other.example"}, "wss://venue.example/", "http://p:1"),
        ({"HTTPS_PROXY": ""}, "wss://venue.example/", None),
        ({"HTTPS_PROXY": "p:3128"}, "wss://venue.example/", "http://p:3128"),
        ({"HTTPS_PROXY": "http://p:1"}, "wss://127.0.0.1:8421/", None),
        ({"HTTPS_PROXY": "http://p:1"}, "wss://localhost/", None),
        ({"HTTPS_PROXY": "http://p:1"}, "wss://[::1]:8421/", None),
        ({"HTTP_PROXY": "http://p:1", "ALL_PROXY": "http://p:1"}, "ws://127.0.0.1:8421/", None),
    ],
)
def test_the_environment_decides_as_it_does_for_everybody_and_this_machine_is_never_proxied(
    environment: dict[str, str], url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_of(url) == proxy


@pytest.mark.parametrize(
    "named",
    ["http://", "http://user:secret@", "http://user:secret@p:port", "http://user:s#secret@p", "http://[secret", ":1"],
)
def test_a_proxy_that_is_no_address_is_named_by_where_it_stands_and_not_shown(
    named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", named)
    with pytest.raises(VenueUnreachable, match=r"the environment names a proxy for it that is no address") as caught:
        proxy_of("wss://venue.example/")
    assert "secret" not in str(caught.value)


# ------------------------------------------------------------ through it


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while part := await reader.read(1 << 16):
            writer.write(part)
    writer.close()


async def join(peer: Peer, port: int) -> None:
    """Pass on what comes from either side until both have ended."""
    reader, writer = await asyncio.open_connection(HERE, port)
    async with asyncio.TaskGroup() as both:
        both.create_task(pump(peer.reader, writer))
        both.create_task(pump(reader, peer.writer))


@asynccontextmanager
async def venue_behind(scheme: str, heads: list[bytes]) -> AsyncIterator[int]:
    """Yield the port of a proxy behind which a venue echoes one message and closes; keep what the proxy was asked."""

    async def echo(peer: Peer) -> None:
        _, message = await peer.read()
        peer.write(frame(TEXT, message), closing(1_001, b"enough"))
        await peer.until_the_end()

    async with serving(opening(echo)) as venue:

        async def tunnel(peer: Peer) -> None:
            if scheme == "http":
                heads.append(await peer.hear_request())
                peer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:  # RFC 1928
                assert await peer.reader.readexactly(3) == b"\x05\x01\x00"
                peer.write(b"\x05\x00")
                head = await peer.reader.readexactly(5)
                heads.append(head + await peer.reader.readexactly(head[4] + 2))
                peer.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
            await join(peer, venue)

        async with serving(tunnel) as port:
            yield port


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_socket_goes_through_the_proxy_which_alone_looks_the_venue_up(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The venue's name means nothing on this machine."""
    heads: list[bytes] = []
    to = Listener()
    async with venue_behind(scheme, heads) as port:
        monkeypatch.setenv("HTTP_PROXY" if scheme == "http" else "ALL_PROXY", f"{scheme}://{HERE}:{port}")
        with anyio.fail_after(PATIENCE_S):
            opened = await PicowsDial()(VENUE, to.heard, to.lost)
        opened.send(b"x" * 10_000)
        assert await to.end() == "closed by the venue with 1001 'enough'"
    assert to.messages == [b"x" * 10_000]
    (head,) = heads
    if scheme == "http":
        assert head.startswith(b"CONNECT venue.example:8421 HTTP/1.1\r\n")
    else:
        assert head == b"\x05\x01\x00\x03\x0dvenue.example" + (8_421).to_bytes(2, "big")


async def test_a_proxy_is_told_the_name_and_password_that_stand_in_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[bytes] = []
    to = Listener()
    async with venue_behind("http", heads) as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://ada:s%40cret@{HERE}:{port}")
        with anyio.fail_after(PATIENCE_S):
            opened = await PicowsDial()(VENUE, to.heard, to.lost)
        opened.send(b"PING")
        await to.end()
    assert b"Proxy-Authorization: Basic " + base64.b64encode(b"ada:s@cret") + b"\r\n" in heads[0]


async def refusal(proxy: str, monkeypatch: pytest.MonkeyPatch) -> VenueUnreachable:
    monkeypatch.setenv("ALL_PROXY", proxy)
    to = Listener()
    with pytest.raises(VenueUnreachable) as caught, anyio.fail_after(PATIENCE_S):
        await PicowsDial(open_s=1.0)(VENUE, to.heard, to.lost)
    assert (to.messages, to.ends, caught.value.url) == ([], [], VENUE)
    return caught.value


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "502"),
        (b"garbage\r\n\r\n", "invalid response"),
        (b"", "closed the connection"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "ended in the middle of the handshake"),
    ],
)
async def test_a_proxy_that_refuses_is_the_reason_and_the_feed_may_dial_again(
    answer: bytes, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the proxy library's own would end the feed instead."""

    async def refuse(peer: Peer) -> None:
        await peer.hear_request()
        peer.write(answer)
        peer.hang_up()

    async with serving(refuse) as port:
        fault = await refusal(f"http://ada:secret@{HERE}:{port}", monkeypatch)
    assert says in fault.reason
    assert "secret" not in str(fault)


async def test_a_socks_proxy_that_refuses_is_the_reason_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(peer: Peer) -> None:
        await peer.reader.readexactly(3)
        peer.write(b"\x05\xff")
        await peer.until_the_end()

    async with serving(refuse) as port:
        fault = await refusal(f"socks5://{HERE}:{port}", monkeypatch)
    assert fault.reason


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_that_never_answers_is_given_up_and_sees_the_end(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(peer: Peer) -> None:
        with anyio.fail_after(PATIENCE_S):
            await peer.until_the_end()

    async with serving(silent) as port:
        assert (await refusal(f"{scheme}://{HERE}:{port}", monkeypatch)).reason == "no answer within 1 s"


async def test_where_no_proxy_listens_its_address_is_in_the_reason_and_its_password_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(lambda _: asyncio.sleep(0)) as port:
        pass
    fault = await refusal(f"http://ada:secret@{HERE}:{port}", monkeypatch)
    assert fault.reason == f"{HERE} port {port}: Connection refused"


async def test_a_proxy_of_an_unknown_kind_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = await refusal("carrier-pigeon://ada:secret@coop.example:1", monkeypatch)
    assert "secret" not in str(fault)

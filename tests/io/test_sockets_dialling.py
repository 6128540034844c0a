"""How a socket is opened, or why not: real peers on loopback that refuse, are silent, hang up or talk nonsense."""

import asyncio
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import pytest

from loopback import HERE, PATIENCE_S, TEXT, Listener, Peer, frame, opening, serving
from polywire.errors import Misuse, VenueUnreachable
from polywire.io.sockets import PicowsDial, PicowsSocket, is_loopback

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("silent", "no_proxies")]


async def dial(port: int, to: Listener, **how: Any) -> PicowsSocket:
    with anyio.fail_after(PATIENCE_S):
        return await PicowsDial(**how)(f"ws://{HERE}:{port}/ws/market", to.heard, to.lost)


# ------------------------------------------------------------ dialling in vain


@asynccontextmanager
async def refusing(answer: bytes) -> AsyncIterator[int]:
    """Yield the port of a peer that answers an opening handshake with these bytes, and claim that nobody stays."""

    async def attend(peer: Peer) -> None:
        await peer.hear_request()
        peer.write(answer)
        with anyio.fail_after(PATIENCE_S):
            assert await peer.until_the_end() == b""

    async with serving(attend) as port:
        yield port


async def refusal(port: int, **how: Any) -> VenueUnreachable:
    """Dial in vain; return the error, and claim that nothing was told of a socket that was never there."""
    to = Listener()
    with pytest.raises(VenueUnreachable) as caught:
        await dial(port, to, **how)
    assert (to.messages, to.ends, caught.value.url) == ([], [], f"ws://{HERE}:{port}/ws/market")
    return caught.value


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500, 503])
async def test_a_refused_handshake_names_its_status(status: int) -> None:
    async with refusing(b"HTTP/1.1 %d No\r\nContent-Length: 2\r\n\r\nno" % status) as port:
        fault = await refusal(port)
    assert (fault.status, fault.reason) == (status, f"the handshake was refused with HTTP {status}")


async def test_a_redirected_handshake_is_refused_and_nobody_else_is_called() -> None:
    """A paper venue must not lead off this machine, nor any venue off its own host."""
    called: list[Peer] = []

    async def elsewhere(peer: Peer) -> None:
        called.append(peer)

    async with serving(elsewhere) as other:
        answer = b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n" % other
        async with refusing(answer) as port:
            assert (await refusal(port)).status == 302
    assert called == []


@pytest.mark.parametrize(
    "answer",
    [
        b"\x00\xff\x80 no HTTP at all\r\n\r\n",
        b"\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: d3Jvbmc=\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nX: " + b"x" * 100_000,
    ],
)
async def test_garbage_for_an_answer_is_one_sentence(answer: bytes) -> None:
    async with refusing(answer) as port:
        fault = await refusal(port)
    assert (fault.status, bool(fault.reason), "Traceback" in str(fault)) in {(None, True, False), (101, True, False)}


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 101 Swi"])
async def test_a_peer_that_never_answers_is_given_up_after_the_time_allowed(answer: bytes) -> None:
    began = time.monotonic()
    async with refusing(answer) as port:
        fault = await refusal(port, open_s=0.2)
    assert (fault.reason, 0.15 < time.monotonic() - began < 3.0) == ("no answer within 0.2 s", True)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 101 Swi"])
@pytest.mark.parametrize("end", [Peer.hang_up, Peer.reset])
async def test_a_peer_that_hangs_up_in_the_middle_of_the_handshake_is_unreachable(answer: bytes, end: Any) -> None:
    """picows calls this a success, and the socket would be one that never ends."""

    async def attend(peer: Peer) -> None:
        await peer.hear_request()
        peer.write(answer)
        end(peer)

    async with serving(attend) as port:
        assert (await refusal(port)).reason


async def test_where_nobody_listens_the_reason_is_the_system_s() -> None:
    with socket.create_server((HERE, 0)) as free:
        port = free.getsockname()[1]
    assert (await refusal(port)).reason == f"127.0.0.1 port {port}: Connection refused"


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1", "ws://", "ws://127.0.0.1:99999", "ws://127.0.0.1:no", "ws://[::1", "", "ws://x.invalid"],
)
async def test_an_address_that_is_none_is_one_sentence(url: str) -> None:
    to = Listener()
    with pytest.raises(VenueUnreachable, match="cannot be reached: "), anyio.fail_after(PATIENCE_S):
        await PicowsDial()(url, to.heard, to.lost)
    assert to.ends == []


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 101 Swi"])
async def test_a_cancelled_dial_leaves_no_open_socket_behind(answer: bytes) -> None:
    """Its peer sees the end at once, not when the handshake would have been overdue."""
    asked, over = asyncio.Event(), asyncio.Event()

    async def attend(peer: Peer) -> None:
        await peer.hear_request()
        peer.write(answer)
        asked.set()
        assert await peer.until_the_end() == b""
        over.set()

    to = Listener()
    async with serving(attend) as port:
        dialling = asyncio.create_task(dial(port, to, open_s=60.0))
        await asked.wait()
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        with anyio.fail_after(2.0):
            await over.wait()
    assert (to.messages, to.ends) == ([], [])


async def test_a_dial_cancelled_between_the_handshake_and_its_return_leaves_nothing_either() -> None:
    """Nobody has the socket, so nobody would ever end it, and nobody is told of its end."""
    dialling: asyncio.Future[PicowsSocket]

    class Cancelling(Listener):
        def heard(self, message: bytes, seen_ns: int) -> None:
            super().heard(message, seen_ns)
            dialling.cancel()

    async def attend(peer: Peer) -> None:
        await peer.hear_request()
        peer.accept(frame(TEXT, b"with the answer"), frame(TEXT, b"right behind it"))
        with anyio.fail_after(PATIENCE_S):
            await peer.until_the_end()

    to = Cancelling()
    async with serving(attend) as port:
        dialling = asyncio.ensure_future(dial(port, to))
        with pytest.raises(asyncio.CancelledError):
            await dialling
    assert to.ends == []


@pytest.mark.parametrize("turns", range(0, 24, 2))
async def test_a_dial_can_be_cancelled_at_any_turn_of_the_loop(turns: int) -> None:
    async def attend(peer: Peer) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):  # cancelled before it asked
            await peer.hear_request()
            peer.accept()
        await peer.until_the_end()

    to = Listener()
    async with serving(attend) as port:
        dialling = asyncio.ensure_future(dial(port, to))
        for _ in range(turns):
            await asyncio.sleep(0)
        dialling.cancel()
        try:
            opened = await dialling
        except asyncio.CancelledError:
            assert to.ends == []
        else:
            opened.drop()
            await to.end()


# ------------------------------------------------------------ this machine only


_WATCHED: dict[str, list[tuple[Any, ...]]] = {}


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname"}:
        for calls in _WATCHED.values():
            calls.append((event, *arguments))


@pytest.fixture
def network_calls() -> Iterator[list[tuple[Any, ...]]]:
    """Yield a list that grows with every look-up and connection this process begins."""
    if not hasattr(sys, "_polywire_audited"):  # a hook can be added, and never taken away
        sys.addaudithook(_audit)
        sys._polywire_audited = True  # type: ignore[attr-defined]  # noqa: SLF001 - ours
    calls: list[tuple[Any, ...]] = []
    _WATCHED["here"] = calls
    yield calls
    del _WATCHED["here"]


@pytest.mark.parametrize(
    "host",
    ["192.0.2.1", "example.com", "127.0.0.1.example.com", "0.0.0.0", "[2001:db8::1]", "localhost.example", "10.0.0.1"],  # noqa: S104 - an address to refuse
)
async def test_on_paper_another_machine_is_refused_without_any_network_traffic(
    host: str, network_calls: list[tuple[Any, ...]]
) -> None:
    """design.md §4: on paper, no socket leaves loopback."""
    to = Listener()
    with pytest.raises(Misuse, match=r"is not on this machine.*name the venue with --venue"):
        await PicowsDial(only_loopback=True)(f"wss://{host}/ws", to.heard, to.lost)
    assert (network_calls, to.ends) == ([], [])


async def test_on_paper_this_machine_is_dialled(network_calls: list[tuple[Any, ...]]) -> None:
    to = Listener()
    async with serving(opening(Peer.until_the_end)) as port:  # type: ignore[arg-type]  # what it read is not wanted
        network_calls.clear()
        opened = await dial(port, to, only_loopback=True)
        opened.drop()
        assert await to.end() == "dropped by us"
    assert network_calls  # the watching itself works


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("LocalHost", True),
        ("", False),
        ("0.0.0.0", False),  # noqa: S104 - an address to judge
        ("128.0.0.1", False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("2130706433", False),
    ],
)
def test_only_names_and_addresses_of_this_machine_are_loopback(host: str, here: bool) -> None:  # noqa: FBT001 - a row
    assert is_loopback(host) is here

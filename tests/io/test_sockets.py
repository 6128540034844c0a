"""The feed's WebSockets against real peers on loopback, on asyncio's own loop and on uvloop."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import anyio
import pytest
import websockets
from websockets.asyncio.server import ServerConnection, serve

from loopback import (
    BINARY,
    CLOSE,
    CONTINUATION,
    HERE,
    PATIENCE_S,
    PING,
    PONG,
    TEXT,
    Listener,
    Peer,
    closing,
    frame,
    opening,
    serving,
)
from polywire.io.sockets import PicowsDial, PicowsSocket

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("silent", "no_proxies")]

CAP: Final = 100_000
CUT: Final = "the connection ended without a closing handshake"
TOO_LONG: Final = "a message of more than the 100,000 bytes that one may have"


async def dial(port: int, to: Listener, **how: Any) -> PicowsSocket:
    with anyio.fail_after(PATIENCE_S):
        return await PicowsDial(**{"longest_message": CAP} | how)(f"ws://{HERE}:{port}/ws/market", to.heard, to.lost)


@asynccontextmanager
async def talking(*frames: bytes, then: Any = Peer.until_the_end) -> AsyncIterator[tuple[PicowsSocket, Listener, Peer]]:
    """Yield a socket whose peer has written these frames at once and then does as told, what it heard, and the peer."""
    peers: list[Peer] = []

    async def converse(peer: Peer) -> None:
        peers.append(peer)
        peer.write(*frames)
        await then(peer)

    to = Listener()
    async with serving(opening(converse)) as port:
        socket_ = await dial(port, to)
        try:
            yield socket_, to, peers[0]  # it answered the handshake in the turn in which it was put there
        finally:
            socket_.drop()
    await to.end()


async def heard_of(*frames: bytes) -> tuple[list[bytes], str]:
    """Return the messages and the end that are told of a peer that writes these frames and hangs up."""

    async def hang_up(peer: Peer) -> None:
        peer.hang_up()

    async with talking(*frames, then=hang_up) as (_, to, _):
        reason = await to.end()
    return to.messages, reason


# ------------------------------------------------------------ messages


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 4_000, 65_535, 65_536, CAP])
async def test_a_whole_message_is_handed_on_as_it_came_with_the_instant_it_was_seen(size: int) -> None:
    message, before = bytes(size), time.time_ns()
    async with talking(frame(TEXT, message)) as (_, to, _):
        await to.message()
    assert to.messages == [message]
    assert before <= to.seen_ns[0] <= time.time_ns()


async def test_messages_of_one_burst_come_in_order_and_none_is_missing() -> None:
    sent = [b"%d" % number * (number % 400) for number in range(2_000)]
    async with talking(*(frame(BINARY if number % 2 else TEXT, one) for number, one in enumerate(sent))) as (_, to, _):
        await to.message(len(sent))
    assert to.messages == sent
    assert to.seen_ns == sorted(to.seen_ns)


async def test_a_frame_that_arrives_with_the_answer_to_the_handshake_is_not_lost() -> None:
    async def attend(peer: Peer) -> None:
        await peer.hear_request()
        peer.accept(frame(TEXT, b"early"))
        await peer.until_the_end()

    to = Listener()
    async with serving(attend) as port:
        opened = await dial(port, to)
        await to.message()
        opened.drop()
    assert to.messages == [b"early"]


@pytest.mark.parametrize("part", [1, 100, 1_000])
async def test_fragments_are_one_message_whatever_their_size(part: int) -> None:
    parts = [bytes([number]) * part for number in range(5)]
    first, *middle, last = parts
    frames = [frame(TEXT, first, fin=False), *(frame(CONTINUATION, one, fin=False) for one in middle)]
    async with talking(frame(TEXT, b"before"), *frames, frame(CONTINUATION, last), frame(TEXT, b"after")) as (_, to, _):
        await to.message(3)
    assert to.messages == [b"before", b"".join(parts), b"after"]


async def test_empty_fragments_add_nothing() -> None:
    empty = frame(TEXT, fin=False), frame(CONTINUATION, fin=False), frame(CONTINUATION, b"x" * 200, fin=False)
    assert (await heard_of(*empty, frame(CONTINUATION), frame(TEXT, b"next")))[0] == [b"x" * 200, b"next"]


async def test_a_ping_between_fragments_is_answered_and_is_no_part_of_them() -> None:
    frames = frame(TEXT, b"a" * 200, fin=False), frame(PING, b"still there?"), frame(CONTINUATION, b"b" * 200)

    async def hear_pong(peer: Peer) -> None:
        assert await peer.read() == (PONG, b"still there?")
        await peer.until_the_end()

    async with talking(*frames, then=hear_pong) as (_, to, _):
        await to.message()
    assert to.messages == [b"a" * 200 + b"b" * 200]


async def test_a_pong_that_nobody_asked_for_is_not_a_message() -> None:
    assert (await heard_of(frame(PONG), frame(PONG, b"x"), frame(TEXT, b"a"), frame(PING)))[0] == [b"a"]


async def test_a_message_cut_off_by_the_end_is_not_handed_on() -> None:
    assert await heard_of(frame(TEXT, b"a" * 200, fin=False), frame(TEXT, b"b" * 200)[:-1]) == ([], CUT)


@pytest.mark.parametrize("size", [100, 1_000])
async def test_bytes_that_are_no_utf_8_go_through_for_the_decoder_to_count(size: int) -> None:
    text = b"\xff\xfe\x80" * size
    halves = frame(TEXT, text[:100], fin=False), frame(CONTINUATION, text[100:])
    assert (await heard_of(frame(TEXT, text), *halves))[0] == [text, text]


async def test_the_library_that_venues_use_hears_our_text_and_its_pings_are_answered() -> None:
    heard = list[str | bytes]()

    async def attend(connection: ServerConnection) -> None:
        heard.append(await connection.recv())
        await (await connection.ping())
        await connection.send(["frag", "ments"])
        await connection.send("x" * 1_000)
        with suppress(websockets.ConnectionClosed):
            await connection.recv()

    to = Listener()
    async with serve(attend, HERE, 0) as server:
        opened = await dial(next(iter(server.sockets)).getsockname()[1], to)
        opened.send(b'{"type":"market"}')
        await to.message(2)
        opened.close()
        assert await to.end() == "closed by us"
    assert heard == ['{"type":"market"}']
    assert to.messages == [b"fragments", b"x" * 1_000]


async def test_our_own_address_is_the_one_the_peer_sees() -> None:
    async with talking() as (opened, _, peer):
        host, port = peer.writer.get_extra_info("peername")
        assert opened.local == f"{host}:{port}"


async def test_a_peer_that_reads_slowly_gets_all_of_it_and_is_heard_meanwhile() -> None:
    read = asyncio.Event()
    whole = b"x" * 50_000
    got: list[tuple[int, bytes]] = []

    async def slowly(peer: Peer) -> None:
        peer.reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001 - so that the kernel's buffer fills
        peer.write(frame(TEXT, b"go on"))
        await read.wait()
        peer.reader._transport.resume_reading()  # type: ignore[attr-defined]  # noqa: SLF001 - as above
        got.extend([await peer.read() for _ in range(200)])
        peer.write(frame(TEXT, b"thank you"))
        await peer.until_the_end()

    async with talking(then=slowly) as (opened, to, _):
        for _ in range(200):
            opened.send(whole)
        await to.message()
        read.set()
        await to.message(2)
    assert got == [(TEXT, whole)] * 200
    assert (to.messages, to.ends) == ([b"go on", b"thank you"], ["dropped by us"])


# ------------------------------------------------------------ the cap


async def read_close(peer: Peer) -> None:
    """Claim that the next frame is a CLOSE for a message too big."""
    kind, payload = await peer.read()
    assert (kind, payload[:2]) == (CLOSE, (1_009).to_bytes(2, "big"))
    await peer.until_the_end()


async def test_a_fragmented_message_over_the_cap_ends_the_socket_and_the_peer_is_told_why() -> None:
    half = b"x" * (CAP // 2)
    frames = frame(TEXT, b"before"), frame(TEXT, half, fin=False), frame(CONTINUATION, half, fin=False)
    async with talking(*frames, frame(CONTINUATION, b"y"), then=read_close) as (_, to, _):
        assert await to.end() == TOO_LONG
    assert to.messages == [b"before"]


async def test_nothing_that_follows_a_message_over_the_cap_is_handed_on() -> None:
    long = frame(TEXT, b"x" * CAP, fin=False), frame(CONTINUATION, b"x", fin=False), frame(CONTINUATION, b"y")
    more = frame(TEXT, b"after"), frame(TEXT, b"a", fin=False), frame(CONTINUATION, b"b")
    assert await heard_of(*long, *more) == ([], TOO_LONG)


async def test_each_fragmented_message_is_measured_by_itself() -> None:
    most = b"x" * (CAP // 2 + 1)
    twice = [frame(TEXT, most, fin=False), frame(CONTINUATION, b"y")] * 2
    assert (await heard_of(*twice))[0] == [most + b"y"] * 2


async def test_a_fragmented_message_of_just_the_cap_is_handed_on() -> None:
    half = b"x" * (CAP // 2)
    assert (await heard_of(frame(TEXT, half, fin=False), frame(CONTINUATION, half)))[0] == [half * 2]


async def test_a_single_frame_over_the_cap_ends_the_socket_with_the_same_reason() -> None:
    async with talking(frame(TEXT, b"before"), then=read_close) as (_, to, peer):
        await to.message()
        peer.write(frame(TEXT, b"x" * (CAP + 1)))
        assert await to.end() == TOO_LONG
    assert to.messages == [b"before"]


async def test_a_frame_that_only_announces_a_terabyte_ends_the_socket_at_once() -> None:
    async with talking(b"\x82\x7f" + (1 << 40).to_bytes(8, "big"), then=read_close) as (_, to, _):
        assert await to.end() == TOO_LONG
    assert to.messages == []


# ------------------------------------------------------------ how a socket ends


@pytest.mark.parametrize(
    ("close", "reason"),
    [
        (closing(1_000), "closed by the venue with 1000 ''"),
        (closing(1_001, b"going away"), "closed by the venue with 1001 'going away'"),
        (closing(1_012, "für heute".encode()), "closed by the venue with 1012 'für heute'"),
        (closing(4_000, b"no such market"), "closed by the venue with 4000 'no such market'"),
        (closing(1_008, b"x" * 123), f"closed by the venue with 1008 {'x' * 100!r}"),
        (frame(CLOSE), "closed by the venue without saying why"),
    ],
)
async def test_a_closing_handshake_is_answered_and_its_code_and_words_are_the_reason(close: bytes, reason: str) -> None:
    async def answered(peer: Peer) -> None:
        assert await peer.read() == (CLOSE, (1_000).to_bytes(2, "big"))
        assert await peer.until_the_end() == b""

    async with talking(frame(TEXT, b"last words"), close, frame(TEXT, b"too late"), then=answered) as (_, to, _):
        assert await to.end() == reason
    assert to.messages == [b"last words"]


async def test_an_end_without_a_closing_handshake_is_told_as_that() -> None:
    assert await heard_of(frame(TEXT, b"a")) == ([b"a"], CUT)


async def test_a_connection_that_is_reset_is_told_as_one_that_ended() -> None:
    async def crash(peer: Peer) -> None:
        peer.reset()

    async with talking(then=crash) as (_, to, _):
        assert await to.end() == CUT


async def test_closing_says_so_to_the_peer_and_ends_when_it_answers() -> None:
    async def answer(peer: Peer) -> None:
        assert await peer.read() == (CLOSE, (1_000).to_bytes(2, "big"))
        peer.write(frame(TEXT, b"too late"), closing(1_000))
        assert await peer.until_the_end() == b""

    async with talking(then=answer) as (opened, to, _):
        began = time.monotonic()
        opened.close()
        assert await to.end() == "closed by us"
        assert time.monotonic() - began < 0.4  # it did not linger
    assert to.messages == []


async def test_closing_a_peer_that_never_answers_ends_soon() -> None:
    """Half a second is given to it; a second and more would show in every reconnect."""
    async with talking() as (opened, to, _):
        began = time.monotonic()
        opened.close()
        assert await to.end() == "closed by us"
        assert 0.3 < time.monotonic() - began < 3.0


async def test_closing_a_peer_that_reads_nothing_ends_soon_too() -> None:
    """What is written and never read must not keep the socket."""
    ended = asyncio.Event()

    async def deaf(peer: Peer) -> None:
        peer.reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001 - it reads nothing
        await ended.wait()

    async with talking(then=deaf) as (opened, to, _):
        for _ in range(200):
            opened.send(b"x" * 50_000)
        began = time.monotonic()
        opened.close()
        assert await to.end() == "closed by us"
        assert time.monotonic() - began < 3.0
        ended.set()


async def test_dropping_ends_at_once_and_without_a_word() -> None:
    left: list[bytes] = []

    async def listen(peer: Peer) -> None:
        left.append(await peer.until_the_end())

    async with talking(then=listen) as (opened, to, _):
        opened.drop()
        assert await to.end() == "dropped by us"
    assert left == [b""]


@pytest.mark.parametrize("end", ["close", "drop"])
async def test_nothing_is_delivered_after_its_owner_has_given_it_up(end: str) -> None:
    """Also not what had arrived with the message on which it did."""
    flood = [frame(TEXT, b"%d" % number) for number in range(500)]
    peers: list[Peer] = []

    async def converse(peer: Peer) -> None:
        peers.append(peer)
        await peer.read()
        peer.write(*flood)
        await peer.until_the_end()

    to = Listener()
    async with serving(opening(converse)) as port:
        opened = await dial(port, to)
        hear = to.heard

        def until_three(message: bytes, seen_ns: int) -> None:
            hear(message, seen_ns)
            if len(to.messages) == 3:
                getattr(opened, end)()

        opened._listener._heard = until_three  # noqa: SLF001 - dialled with `to.heard`, which cannot know the socket
        opened.send(b"begin")
        await to.end()
    assert to.messages == [b"0", b"1", b"2"]
    assert to.ends == ["closed by us" if end == "close" else "dropped by us"]


async def test_an_ended_socket_takes_every_call_and_does_nothing() -> None:
    """Its owner may not have been told yet."""
    async with talking(closing(1_000)) as (opened, to, _):
        await to.end()
        for call in (opened.close, opened.drop, opened.close):
            call()
            opened.send(b"anybody?")
        assert opened.local.startswith("127.0.0.1:")
    assert len(to.ends) == 1


async def test_what_is_sent_on_a_socket_that_is_closing_is_not_written() -> None:
    left: list[bytes] = []

    async def listen(peer: Peer) -> None:
        left.append(await peer.until_the_end())

    async with talking(then=listen) as (opened, to, _):
        opened.close()
        opened.send(b"anybody?")
        opened.close()
        opened.drop()
        assert await to.end() == "closed by us"
    assert len(left[0]) in {0, 8}  # one CLOSE frame at most


async def test_a_reader_of_messages_that_raises_ends_the_socket_with_its_words() -> None:
    """It must not; but if it does, the feed dials again instead of going on with a book that missed a message."""

    class Failing(Listener):
        def heard(self, message: bytes, seen_ns: int) -> None:
            super().heard(message, seen_ns)
            raise ZeroDivisionError("cannot be")

    async def say(peer: Peer) -> None:
        peer.write(frame(TEXT, b"a"), frame(TEXT, b"b"))
        await peer.until_the_end()

    to = Failing()
    async with serving(opening(say)) as port:
        await dial(port, to)
        assert "cannot be" in await to.end()
    assert to.messages == [b"a"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (frame(TEXT, b"x", mask=True), "masked"),
        (frame(0x3, b"x"), "opcode"),
        (frame(PING, b"x", fin=False), "fragmented control"),
        (b"\x89\x7e\x00\x80" + bytes(128), "control frame"),
        (b"\x81\x7e\x00\x05hello", "payload len"),
        (closing(999), "close code"),
        (closing(1_000, b"\xff"), "UTF-8"),
        (b"\x88\x01\x03", "close code"),
        (b"\xff\xff garbage \xff", "opcode"),
    ],
)
async def test_bytes_that_are_no_frames_end_the_socket_and_the_reason_says_which_rule_was_broken(
    wrong: bytes, says: str
) -> None:
    async with talking(frame(TEXT, b"before")) as (_, to, peer):
        await to.message()
        peer.write(wrong, frame(TEXT, b"after"))
        assert says in await to.end()
    assert to.messages == [b"before"]

"""Encrypted sockets: whom they trust, and that they behave like the others."""

import asyncio
import shutil
import ssl
import subprocess
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from loopback import HERE, PATIENCE_S, TEXT, Listener, Peer, closing, frame, opening, serving
from polywire.errors import VenueUnreachable
from polywire.io.sockets import PicowsDial

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("silent", "no_proxies")]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a key and a certificate of 127.0.0.1 that nobody else has signed."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no certificate can be made: there is no `openssl` command here")
    folder = tmp_path_factory.mktemp("tls")
    key, signed, both = folder / "key.pem", folder / "signed.pem", folder / "both.pem"
    made = subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=polywire test"),
            *("-addext", f"subjectAltName=IP:{HERE}", "-keyout", str(key), "-out", str(signed)),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    both.write_text(key.read_text() + signed.read_text())
    return both


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """Return what a server of that certificate speaks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


@pytest.mark.usefixtures("trusted")
async def test_messages_go_both_ways_and_the_closing_handshake_is_kept(tls: ssl.SSLContext) -> None:
    got: list[tuple[int, bytes]] = []

    async def converse(peer: Peer) -> None:
        got.append(await peer.read())
        peer.write(frame(TEXT, b"x" * 70_000, fin=False), frame(0, b"y"), frame(TEXT, b"short"))
        got.append(await peer.read())
        peer.write(closing(1_000))
        await peer.until_the_end()

    to = Listener()
    async with serving(opening(converse), tls) as port:
        with anyio.fail_after(PATIENCE_S):
            opened = await PicowsDial()(f"wss://{HERE}:{port}/", to.heard, to.lost)
        opened.send(b"PING")
        await to.message(2)
        opened.close()
        assert await to.end() == "closed by us"
    assert to.messages == [b"x" * 70_000 + b"y", b"short"]
    assert got == [(TEXT, b"PING"), (8, b"\x03\xe8")]


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("end", ["close", "drop", "venue"])
async def test_an_encrypted_socket_ends_in_every_way_and_tells_it_once(tls: ssl.SSLContext, end: str) -> None:
    async def converse(peer: Peer) -> None:
        if end == "venue":
            peer.write(closing(1_001, b"going away"))
        with suppress(ssl.SSLError):  # a drop is one without TLS's own farewell
            await peer.until_the_end()

    to = Listener()
    async with serving(opening(converse), tls) as port:
        with anyio.fail_after(PATIENCE_S):
            opened = await PicowsDial()(f"wss://{HERE}:{port}/", to.heard, to.lost)
        if end != "venue":
            getattr(opened, end)()
        reason = await to.end()
    told = {"close": "closed by us", "drop": "dropped by us", "venue": "closed by the venue with 1001 'going away'"}
    assert reason == told[end]


async def refusal(url: str) -> str:
    to = Listener()
    with pytest.raises(VenueUnreachable) as caught, anyio.fail_after(PATIENCE_S):
        await PicowsDial(open_s=5.0)(url, to.heard, to.lost)
    assert (to.messages, to.ends) == ([], [])
    return caught.value.reason


async def never_asked(peer: Peer) -> None:
    with suppress(ssl.SSLError):
        assert await peer.until_the_end() == b""


async def test_a_venue_that_nobody_vouches_for_is_refused_before_anything_is_said(tls: ssl.SSLContext) -> None:
    async with serving(never_asked, tls) as port:
        reason = await refusal(f"wss://{HERE}:{port}/")
    assert "certificate" in reason.lower()
    assert "self-signed" in reason


@pytest.mark.usefixtures("trusted")
async def test_a_certificate_of_another_name_is_refused(tls: ssl.SSLContext) -> None:
    async with serving(never_asked, tls) as port:
        assert "mismatch" in (await refusal(f"wss://localhost:{port}/")).lower()


@pytest.mark.usefixtures("trusted")
async def test_a_venue_that_speaks_no_tls_is_one_sentence() -> None:
    async def plain(peer: Peer) -> None:
        await peer.reader.read(100)
        peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await peer.until_the_end()

    async with serving(plain) as port:
        assert "SSL" in await refusal(f"wss://{HERE}:{port}/")


@pytest.mark.usefixtures("trusted")
async def test_a_dial_cancelled_before_tls_was_agreed_leaves_no_open_socket_behind() -> None:
    asked, over = asyncio.Event(), asyncio.Event()

    async def silent(peer: Peer) -> None:
        assert await peer.reader.read(1)
        asked.set()
        await peer.until_the_end()
        over.set()

    to = Listener()
    async with serving(silent) as port:
        dialling = asyncio.ensure_future(PicowsDial(open_s=60.0)(f"wss://{HERE}:{port}/", to.heard, to.lost))
        await asked.wait()
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        with anyio.fail_after(2.0):
            await over.wait()
    assert to.ends == []

"""`polywire doctor`, put together: every look at what Polywire needs here, and what to do where it is missing."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

import anyio

from polywire.app.watch import status_of
from polywire.errors import Misuse, PolywireError, VenueUnreachable
from polywire.io import diagnosis, tcp_ports
from polywire.io.owner import endpoint, is_owned
from polywire.io.venue import find_venue
from polywire.io.venue_desk import VenueDesk, clob_time_ms
from polywire.settings import HTTP_PORT, read_settings

_HOST: Final = "127.0.0.1"
_LOOK_S: Final = 0.3
_STEP_S: Final = 0.05  # a wall clock that moves by this much against the monotonic one was set
_FAR_S: Final = 2.0


class Severity(IntEnum):
    """How bad a finding is. Only `BROKEN` keeps Polywire from running."""

    FINE = 0
    NOTE = 1
    BROKEN = 2


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what, how it was found, and what to do; "" where nothing need be done."""

    what: str
    found: str
    severity: Severity = Severity.FINE
    advice: str = ""


def findings(data: Path, venue: str | None) -> Iterator[Finding]:
    """Yield every finding, in the order a newcomer would meet them."""
    yield _python()
    yield _packages()
    try:
        settings = read_settings(data=data, venue=venue)
    except Misuse as refusal:
        yield Finding("settings", str(refusal), Severity.BROKEN, "mend the environment or polywire.toml")
        return
    yield Finding("settings", f"venue {settings.venue}, exchange port {settings.exchange_port}")
    yield _data(data)
    owner, address = _owner(data)
    yield owner
    yield _http(data)
    yield _port("exchange port", settings.exchange_port, "`polywire up` takes the next free one, or --exchange-port")
    yield _clock()
    yield from anyio.run(_venue, settings.venue if venue or not address else address, settings.exchange_port)


def _python() -> Finding:
    version, fits = diagnosis.python_version()
    if fits:
        return Finding("Python", version)
    return Finding("Python", f"{version} is too old", Severity.BROKEN, "install 3.11 or newer, or set POLYWIRE_PYTHON")


def _packages() -> Finding:
    found = diagnosis.packages()
    missing = [package.name for package in found if package.installed is None]
    shown = ", ".join(f"{package.name} {package.installed}" for package in found if package.installed)
    if missing:
        advice = "run ./polywire from the checkout, which installs them"
        return Finding("packages", f"missing: {', '.join(missing)}; there: {shown}", Severity.BROKEN, advice)
    return Finding("packages", shown)


def _data(data: Path) -> Finding:
    why = diagnosis.why_not_writable(data)
    if why is not None:
        return Finding("data directory", f"cannot be written: {why}", Severity.BROKEN, "name another with --data")
    owner = diagnosis.owner_name(data)
    if not diagnosis.is_private(data):
        advice = f"chmod 700 {data}, if others use this machine"
        return Finding("data directory", f"{data}, of {owner}; others may look into it", Severity.NOTE, advice)
    return Finding("data directory", f"{data}, of {owner}" + ("" if data.exists() else " (made when it is needed)"))


def _owner(data: Path) -> tuple[Finding, str]:
    """Return who owns the data directory, and where its venue is; "" where none does."""
    told = endpoint(data)
    if not is_owned(data):
        return Finding("owner", "none runs; `polywire up` starts one, `polywire watch` one in the background"), ""
    try:
        hello = status_of(data).hello
    except PolywireError as refused:
        pid = "" if told is None else f" (process {told.pid})"
        return Finding("owner", f"holds the lock{pid} but: {refused}", Severity.NOTE, "wait, or end that process"), ""
    return Finding("owner", f"process {hello.pid}, polywire {hello.polywire}, venue {hello.venue}"), hello.address


def _http(data: Path) -> Finding:
    told = endpoint(data)
    if told is not None and told.http and is_owned(data):
        return Finding("HTTP", f"the owner answers at {told.http}")
    return _port("HTTP port", HTTP_PORT, "`polywire up` takes the next free one, or --port")


def _port(what: str, port: int, otherwise: str) -> Finding:
    try:
        free = tcp_ports.is_free(_HOST, port)
    except PolywireError as refused:
        return Finding(what, f"{port}: {refused}", Severity.NOTE, otherwise)
    if free:
        return Finding(what, f"{port} is free")
    who = anyio.run(_who_answers, port)
    return Finding(what, f"{port} is in use by {who}", Severity.NOTE, otherwise)


async def _who_answers(port: int) -> str:
    try:
        async with VenueDesk(f"http://{_HOST}:{port}", patience_s=2.0) as desk:
            return f"an exchange ({(await desk.describe(ledger=False))['identity']})"
    except VenueUnreachable:
        return "something that is no exchange"


def _clock() -> Finding:
    drift_s = diagnosis.clock_drift_s(_LOOK_S)
    if abs(drift_s) > _STEP_S:
        advice = "something sets the clock; let NTP slew it instead, for ages of books are told by it"
        return Finding("clock", f"it jumped by {drift_s:+.3f} s within {_LOOK_S} s", Severity.NOTE, advice)
    return Finding("clock", f"steady ({drift_s * 1e6:+.0f} µs in {_LOOK_S} s)")


async def _venue(venue: str, exchange_port: int) -> list[Finding]:
    try:
        found = await find_venue(venue, paper_port=exchange_port)
        venue_ms = await clob_time_ms(found.urls.clob)
    except PolywireError as refused:
        if venue == "paper":
            return [Finding("venue", "paper: no embedded exchange is open here; `polywire up` opens one")]
        return [Finding("venue", str(refused), Severity.BROKEN, "check the address, the network, and proxy variables")]
    answers = Finding("venue", f"{found.identity} answers at {found.urls.clob}")
    behind_s = time.time() - venue_ms / 1_000
    if abs(behind_s) <= _FAR_S:
        return [answers, Finding("venue's clock", f"within {_FAR_S:.0f} s of ours")]
    advice = "set this machine's clock" if venue == "live" else "an exchange's clock may be scaled, stepped or paused"
    return [answers, Finding("venue's clock", f"{behind_s:+.1f} s from ours", Severity.NOTE, advice)]

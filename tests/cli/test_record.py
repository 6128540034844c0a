"""`polywire tape record`, as its user runs it: a process, an exchange in another, and the tape that is left."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from cli.processes import POLYWIRE, Terminal, ended, exchange_url, line_with, run, started, until
from polywire.io.tapes import TapeReader
from polywire.wire.tape import RecordKind


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A busy exchange."""
    with started("exchange", "--port", "0", "--rate", "10", "--seed", "3") as exchange:
        yield exchange_url(line_with(exchange, "the exchange is open"))


@pytest.fixture(autouse=True)
def running_clock(url: str) -> Iterator[None]:
    yield
    clock(url, paused=False)


def asked(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data), timeout=10) as answer:  # noqa: S310 - our own process
        return json.load(answer)


def clock(url: str, *, paused: bool) -> None:
    asked(f"{url}/venue/clock", {"paused": paused})


def market_of(url: str) -> dict[str, Any]:
    """Return a market that is open for long."""
    markets: list[dict[str, Any]] = asked(f"{url}/venue?ledger=0")["markets"]
    return [market for market in markets if not market["closed"]][-1]


def account_of(url: str, tokens: list[str]) -> dict[str, Any] | None:
    """Return the ledger's account of the connection that follows just these tokens."""
    for account in asked(f"{url}/venue")["connections"]:
        if set(account["subscribed"]) == set(tokens):
            found: dict[str, Any] = account
            return found
    return None


def frames_sent(url: str, tokens: list[str]) -> int:
    account = account_of(url, tokens)
    return 0 if account is None else int(account["frames"])


def until_it_changes(url: str, tokens: list[str]) -> None:
    """Return once something more has happened to a market."""

    def happened() -> int:
        counts = asked(f"{url}/venue")["happened"]
        return sum(sum(counts.get(token, {}).values()) for token in tokens)

    before = happened()
    until(lambda: happened() > before)


def strictly(tape: Path) -> dict[str, Any]:
    """Return the verdict on a tape that is clean."""
    done = run("tape", "verify", str(tape), "--strict")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    verdict: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return verdict


def records_told(errors: str) -> int:
    found = re.search(r"polywire: ([\d,]+) records, [\d,]+ bytes of frames, in ", errors)
    assert found is not None, errors
    return int(found[1].replace(",", ""))


def recorder(url: str, tape: Path, *targets: str, data: Path | None = None) -> tuple[str, ...]:
    own = tape.parent / "data" if data is None else data
    return ("tape", "record", *targets, "--venue", url, "--out", str(tape), "--data", str(own))


def test_it_ends_with_its_time_and_the_tape_holds_every_frame_that_was_sent(url: str, tmp_path: Path) -> None:
    tape, market = tmp_path / "a.pwtape", market_of(url)
    with started(*recorder(url, tape, market["slug"]), "--for", "4") as recording:
        until(lambda: frames_sent(url, market["tokens"]) > 20)
        clock(url, paused=True)  # so that nothing is on its way when the time is over
        sent = frames_sent(url, market["tokens"])
        code, out, errors = ended(recording)
    assert (code, out) == (0, ""), errors
    verdict = strictly(tape)
    assert verdict["frames"] == sent
    assert verdict["tokens"] == 2
    assert verdict["by_type"]["price_change"] > 0
    assert verdict["best_price_checks"] > 0
    assert verdict["gaps"] == verdict["undecoded"] == 0
    assert records_told(errors) == sent + 1  # and that the connection was opened
    assert f"check: polywire tape verify {tape}" in errors
    assert len(errors.splitlines()) == 1  # no progress where there is no terminal
    assert tape.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_under_load_it_leaves_a_whole_tape(url: str, tmp_path: Path, number: signal.Signals) -> None:
    tape, market = tmp_path / "a.pwtape", market_of(url)
    with started(*recorder(url, tape, *market["tokens"])) as recording:
        until(lambda: frames_sent(url, market["tokens"]) > 20)
        recording.send_signal(number)
        code, out, errors = ended(recording)
    assert (code, out) == (0, ""), errors
    assert "Traceback" not in errors
    reader = TapeReader(tape)
    records = list(reader)
    assert reader.faults == []
    assert len(records) == records_told(errors)
    assert [record.kind for record in records] == [RecordKind.OPENED] + [RecordKind.FRAME] * (len(records) - 1)
    assert all(one.seen_ns <= other.seen_ns for one, other in pairwise(records))
    assert strictly(tape)["frames"] == len(records) - 1 > 20


def test_killed_it_leaves_a_tape_of_all_but_its_last_moments(url: str, tmp_path: Path) -> None:
    tape, market = tmp_path / "a.pwtape", market_of(url)
    with started(*recorder(url, tape, market["condition"])) as recording:
        until(lambda: frames_sent(url, market["tokens"]) > 20)
        clock(url, paused=True)
        sent = frames_sent(url, market["tokens"])
        until(lambda: tape.exists() and sum(one.kind is RecordKind.FRAME for one in TapeReader(tape)) == sent, 10)
        clock(url, paused=False)
        until(lambda: frames_sent(url, market["tokens"]) > sent)
        recording.kill()
        recording.wait(10)
    assert strictly(tape)["frames"] >= sent


def test_a_recording_goes_on_where_its_tape_ended(url: str, tmp_path: Path) -> None:
    tape, market = tmp_path / "a.pwtape", market_of(url)
    """What changed between the two is a known gap, and no mismatch: `--strict` finds nothing wrong."""
    for _ in range(2):
        done = run(*recorder(url, tape, market["slug"]), "--for", "0.5")
        assert done.returncode == 0, done.stderr
        until_it_changes(url, market["tokens"])
    verdict = strictly(tape)
    assert (verdict["reconnects"], verdict["book_mismatches"]) == (1, 0)


def test_several_targets_are_on_one_tape(url: str, tmp_path: Path) -> None:
    tape, one = tmp_path / "a.pwtape", market_of(url)
    other = asked(f"{url}/venue?ledger=0")["markets"][0]
    done = run(*recorder(url, tape, one["tokens"][0], f"https://polymarket.com/market/{other['slug']}"), "--for", "1")
    assert done.returncode == 0, done.stderr
    assert strictly(tape)["tokens"] >= 3


def test_a_tape_without_a_name_is_named_by_the_time_in_the_data_directory(url: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    done = run("tape", "record", market_of(url)["slug"], "--venue", url, "--data", str(data), "--for", "0.5")
    assert done.returncode == 0, done.stderr
    (tape,) = (data / "tapes").iterdir()
    assert re.fullmatch(r"\d{8}-\d{6}\.pwtape", tape.name)
    assert str(tape) in done.stderr
    assert (data / "tapes").stat().st_mode & 0o777 == 0o700
    assert strictly(tape)["frames"] > 0


@pytest.mark.parametrize("target", ["no-such-market-at-all", "", "https://polymarket.com/", "0xdead", "9" * 77])
def test_an_unknown_target_is_told_and_no_file_is_made(url: str, tmp_path: Path, target: str) -> None:
    tape = tmp_path / "tapes" / "a.pwtape"
    done = run(*recorder(url, tape, market_of(url)["slug"], target))
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"polywire: no market is known as {target!r}; ")
    assert not tape.parent.exists()


def test_a_near_miss_names_the_market_that_was_meant(url: str, tmp_path: Path) -> None:
    slug = market_of(url)["slug"]
    done = run(*recorder(url, tmp_path / "a.pwtape", slug[:-1]))
    assert done.returncode == 1
    assert slug in done.stderr
    assert not (tmp_path / "a.pwtape").exists()


@pytest.mark.parametrize(
    ("venue", "told"),
    [
        ("http://127.0.0.1:9", "cannot be reached"),
        ("nonsense", "'nonsense' is none of: paper, live, an address"),
    ],
)
def test_a_venue_that_is_closed_or_none_is_told_and_no_file_is_made(tmp_path: Path, venue: str, told: str) -> None:
    done = run(*recorder(venue, tmp_path / "a.pwtape", "some-market"))
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert told in line
    assert not (tmp_path / "a.pwtape").exists()


def test_a_market_that_is_closed_is_recorded_in_silence(tmp_path: Path) -> None:
    """A closed market has no book any more; what the venue says of it, if anything, is on the tape."""
    with started("exchange", "--port", "0", "--seed", "3") as exchange:
        url = exchange_url(line_with(exchange, "the exchange is open"))
        market = market_of(url)
        asked(f"{url}/venue/resolve", {"condition": market["condition"], "winner": market["tokens"][0]})
        done = run(*recorder(url, tmp_path / "a.pwtape", market["slug"]), "--for", "1")
    assert done.returncode == 0, done.stderr
    assert strictly(tmp_path / "a.pwtape")["undecoded"] == 0


def test_a_file_that_is_no_tape_is_not_written_over(url: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    done = run(*recorder(url, tmp_path / "notes.txt", market_of(url)["slug"]), "--for", "1")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line == f"polywire: {tmp_path / 'notes.txt'} exists and is no tape; choose another file"
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_told(url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run(*recorder(url, tmp_path / "file" / "a.pwtape", market_of(url)["slug"], data=tmp_path / "data"))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "choose another place with --out" in line


_FULL = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # a disk that is full at that size
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_a_full_disk_ends_the_recording_with_one_clear_line(url: str, tmp_path: Path) -> None:
    tape = tmp_path / "a.pwtape"
    tokens = [
        token for one in asked(f"{url}/venue?ledger=0")["markets"] if not one["closed"] for token in one["tokens"]
    ]
    done = subprocess.run(
        [sys.executable, "-c", _FULL, *POLYWIRE, *recorder(url, tape, *tokens)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"polywire: {tape} cannot be written any more: File too large; ")
    assert "make room" in line
    strict = run("tape", "verify", str(tape))
    assert strict.returncode == 0, strict.stderr  # what is whole can still be read


def test_progress_is_shown_on_a_terminal(url: str, tmp_path: Path) -> None:
    tape = tmp_path / "a.pwtape"
    with Terminal(*recorder(url, tape, market_of(url)["slug"]), width=200) as terminal:
        terminal.read_until("(Ctrl-C ends it)")
        assert re.search(r"recording to \S+a\.pwtape: [\d,]+ records, [\d,]+ bytes", terminal.text)
        terminal.interrupt()
        assert terminal.end() == 0, terminal.text[-2_000:]
    assert "bytes of frames, in" in terminal.text
    assert "Traceback" not in terminal.text
    assert strictly(tape)["undecoded"] == 0

"""`polywire events`, as its users run it: real processes, a real journal, owners that are killed."""

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import anyio
import pytest

from cli.processes import run, started, until
from polywire.app.attach import access_of_owner
from polywire.io.owner import endpoint, is_owned
from polywire.model.watch import Changes
from polywire.services.access.language import WatchWanted

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z (\w+) +([0-9a-f]{12}\.\d+)( \[[\w-]+\])? .+")


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """Return a data directory; whoever owns it in the end is ended."""
    yield tmp_path / "data"
    end_owner(tmp_path / "data")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[tuple[Path, CompletedProcess[str]]]":
    """Return the data directory of an owner with a watch, and what the command that started it said before."""
    folder = tmp_path_factory.mktemp("house") / "data"
    first = run("events", "--data", str(folder))
    watch_a_market(folder, "mine")
    yield folder, first
    end_owner(folder)


def end_owner(data: Path) -> None:
    if (told := endpoint(data)) is not None and is_owned(data):
        os.kill(told.pid, signal.SIGTERM)
        until(lambda: not is_owned(data))


def entries(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def watch_a_market(data: Path, watch: str) -> None:
    """Have the prices of some markets written ten times a second by the owner that runs."""

    async def make() -> None:
        with anyio.fail_after(60):
            async with access_of_owner(data, None, print) as access:
                markets = [market for market in await access.search("", 50) if "updown" not in market.slug]
                wanted = WatchWanted(Changes(every_s=0.1), tuple(market.slug for market in markets[:5]), watch)
                made = await access.add_watch(wanted)
                assert made.waiting == {}

    anyio.run(make)


def test_the_journal_is_read_by_its_cursors_and_what_is_none_is_told(
    house: "tuple[Path, CompletedProcess[str]]",
) -> None:
    data, first = house
    assert first.returncode == 0, first.stderr
    assert "starting `polywire up` in the background" in first.stderr
    (line,) = first.stdout.splitlines()
    found = LINE.fullmatch(line)
    assert found is not None, line
    assert (found[1], "Polywire" in line, "started" in line) == ("system", True, True)
    cursor = found[2]

    done = run("events", "--since", cursor, "--jsonl", "--data", str(data))
    assert (done.returncode, done.stderr) == (0, "")
    told = entries(done.stdout)
    journal = cursor.partition(".")[0]
    assert [one["cursor"] for one in told] == [f"{journal}.{one['seq']}" for one in told]
    assert [one["seq"] for one in told] == list(range(2, 2 + len(told)))
    assert {one["watch"] for one in told} == {"mine"}
    assert told[0]["kind"] == "system"

    systems = run("events", "--kind", "system", "--jsonl", "--data", str(data))
    assert [one["kind"] for one in entries(systems.stdout)] == ["system"] * 2
    prices = run("events", "--kind", "price", "--watch", "mine", "--data", str(data), "--follow", "--for", "2")
    assert (prices.returncode, prices.stderr) == (0, "")
    kinds = {found[1] for found in map(LINE.fullmatch, prices.stdout.splitlines()) if found}
    assert kinds == {"price"}
    assert run("events", "--watch", "nobody's", "--data", str(data)).stdout == ""

    for since, words in (
        (f"{'0' * 12}.1", "is a cursor of another journal; this one can be read from "),
        (f"{journal}.999999", "is beyond the newest entry"),
    ):
        refused = run("events", "--since", since, "--data", str(data))
        assert (refused.returncode, refused.stdout) == (1, "")
        assert words in refused.stderr
        assert f"{journal}.0" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("--since", "yesterday"), "is no cursor"), (("--kind", "rumour"), "is none of"), (("--for", "-1"), "--for")],
)
def test_wrong_use_is_told_before_anything_is_started(data: Path, arguments: tuple[str, ...], words: str) -> None:
    refused = run("events", *arguments, "--data", str(data))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert words in refused.stderr
    assert not data.exists()


def test_following_goes_on_over_a_killed_owner_and_tells_each_entry_once(data: Path) -> None:
    """The one who follows starts the next owner himself, and so does nobody else."""
    assert run("events", "--data", str(data)).returncode == 0
    watch_a_market(data, "mine")
    pids = [pid_of(data)]
    with started("events", "--follow", "--jsonl", "--for", "60", "--data", str(data)) as events:
        told: list[dict[str, Any]] = []

        def read_until(true: Callable[[dict[str, Any]], bool]) -> None:
            assert events.stdout is not None
            for line in events.stdout:
                told.append(json.loads(line))
                if true(told[-1]):
                    return
            raise AssertionError(f"it ended after {len(told)} entries: {events.stderr and events.stderr.read()}")

        for _ in range(2):
            read_until(lambda one: one["kind"] == "price")
            os.kill(pids[-1], signal.SIGKILL)
            read_until(lambda one: one["kind"] == "system" and one["data"].get("event") == "started")
            pids.append(told[-1]["data"]["pid"])
            read_until(lambda one: one["kind"] == "freshness" and "not watched from" in one["text"])
        read_until(lambda one: one["kind"] == "price")
        events.send_signal(signal.SIGINT)
        assert events.stdout is not None
        assert events.stderr is not None
        told += map(json.loads, events.stdout)
        code, errors = events.wait(45), events.stderr.read()
    assert code == 0, errors
    assert "Traceback" not in errors
    assert errors.count("starting `polywire up` in the background") == 2
    assert len(set(pids)) == 3
    seqs = [one["seq"] for one in told]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    assert len({one["cursor"].partition(".")[0] for one in told}) == 1


def test_a_reader_that_leaves_ends_it_without_a_word(house: "tuple[Path, CompletedProcess[str]]") -> None:
    data, _ = house
    with started("events", "--follow", "--for", "60", "--data", str(data)) as events:
        assert events.stdout is not None
        assert LINE.match(events.stdout.readline())
        events.stdout.close()
        assert events.wait(45) == 0
        assert events.stderr is not None
        assert events.stderr.read() == ""
        events.stdout = None


def pid_of(data: Path) -> int:
    told = endpoint(data)
    assert told is not None
    return told.pid

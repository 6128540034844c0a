"""`polywire watch`, `status`, `doctor` and `exchange`, as their users run them."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cli.processes import Terminal, ended, exchange_url, gone, line_with, run, started, until, venue
from polywire.io.owner import endpoint, is_owned


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[tuple[Path, dict[str, object]]]":
    """A running owner's data directory, and a market of its exchange that is busy, and open for hours."""
    data = tmp_path_factory.mktemp("house")
    with started("up", "--data", str(data)) as up:
        url = exchange_url(line_with(up, "the exchange is open"))
        line_with(up, "current,")
        yield data, busy(url)


def busy(url: str) -> dict[str, object]:
    """Return a market that some event comes of each second: one of a contest, where windows end under a test."""
    return next(market for market in venue(url)["markets"] if "-win-the-" in market["slug"])


Markets = tuple[Path, dict[str, str]]


def test_watch_prints_a_line_an_outcome_where_there_is_no_terminal(house: Markets) -> None:
    data, market = house
    done = run("watch", market["slug"], "--data", str(data), "--for", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2
    for line, outcome in zip(done.stdout.splitlines(), market["outcomes"], strict=True):
        assert line.startswith(f"{market['question']} / {outcome}: current, bid ")


@pytest.mark.parametrize("name", ["slug", "condition", "token", "url"])
def test_a_market_is_watched_by_any_of_its_names(house: Markets, name: str) -> None:
    data, market = house
    target = {"token": market["tokens"][0], "url": f"https://polymarket.com/market/{market['slug']}"}.get(name)
    done = run("watch", target or market[name], "--data", str(data), "--for", "0.5")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == (1 if name == "token" else 2)


def test_watch_prints_events_for_programs_and_nothing_else(house: Markets) -> None:
    data, market = house
    done = run("watch", market["slug"], "--data", str(data), "--for", "10", "--jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert "LevelChanged" in {event["type"] for event in events}
    assert {event["token"] for event in events if "token" in event} <= set(market["tokens"])


def test_an_unknown_target_is_refused_with_the_nearest(house: Markets) -> None:
    data, market = house
    for option in ([], ["--jsonl"]):
        done = run("watch", market["slug"][:-4] + "zzzz", "--data", str(data), *option)
        assert (done.returncode, done.stdout) == (1, "")
        assert market["slug"][:10] in done.stderr.partition("nearest are")[2]


def test_another_venue_than_the_owners_is_refused(house: Markets) -> None:
    data, market = house
    done = run("watch", market["slug"], "--data", str(data), "--venue", "live")
    assert done.returncode == 1
    assert "connected to paper and not to live" in done.stderr


def test_on_a_terminal_watch_draws_ladders_and_ctrl_c_leaves_them_standing(house: Markets) -> None:
    data, market = house
    with Terminal("watch", market["slug"], "--data", str(data), width=220, height=24) as terminal:
        drawn = terminal.read_until("Ctrl-C leaves")
        terminal.read_until("│")
        terminal.interrupt()
        assert terminal.end() == 0
    assert "\x1b[?1049h" in drawn
    after = terminal.text.rpartition("\x1b[?1049l")[2]
    for word in (market["slug"], "events/s", "spread", "current", *market["outcomes"]):
        assert word in after
    assert "Traceback" not in terminal.text


def test_several_markets_are_a_table(house: Markets) -> None:
    data, market = house
    status = json.loads(run("status", "--json", "--data", str(data)).stdout)
    assert status["connections"]["clob"]["connected"] is True
    with Terminal("watch", *market["tokens"], "--data", str(data), width=80, height=9) as terminal:
        text = terminal.read_until("Ctrl-C leaves")  # too low for two ladders
        terminal.read_until("events/s")
        terminal.interrupt()
        assert terminal.end() == 0
    assert "\x1b[?1049h" in text


def test_a_reader_that_leaves_ends_watch_without_a_word(house: Markets) -> None:
    data, market = house
    with started("watch", market["slug"], "--data", str(data), "--jsonl", "--for", "45") as watch:
        assert watch.stdout is not None
        json.loads(watch.stdout.readline())  # "" where nothing came before its end
        watch.stdout.close()
        assert watch.wait(45) == 0
        assert watch.stderr is not None
        assert watch.stderr.read() == ""
        watch.stdout = None


def test_status_is_for_people_or_the_feeds_own_for_programs(house: Markets) -> None:
    data, _ = house
    people = run("status", "--data", str(data))
    assert people.returncode == 0
    assert "clob: connected to ws://127.0.0.1:" in people.stdout
    assert "undecoded: 0" in people.stdout
    programs = run("status", "--json", "--data", str(data))
    told = json.loads(programs.stdout)
    assert set(told) == {"connections", "subscriptions", "statistics", "background_task", "watches", "journal"}
    assert told["statistics"]["total_events"] > 0
    metrics = run("status", "--prometheus", "--data", str(data))
    assert (metrics.returncode, metrics.stderr) == (0, "")
    families = {family.name: family for family in text_string_to_metric_families(metrics.stdout)}
    assert families["polywire_frames"].samples[0].value >= told["statistics"]["frames"] > 0
    assert families["polywire_connected"].samples[0].value == 1
    both = run("status", "--json", "--prometheus", "--data", str(data))
    assert (both.returncode, both.stdout) == (2, "")


def test_doctor_names_what_it_looked_at_and_who_owns_the_data(house: Markets) -> None:
    data, _ = house
    done = run("doctor", "--data", str(data))
    assert done.returncode == 0, done.stdout
    assert "fine   Python: 3." in done.stdout
    for package in ("picows", "msgspec", "rich"):
        assert f"{package} " in done.stdout
    assert "owner: process" in done.stdout
    assert "HTTP: the owner answers at http://127.0.0.1:" in done.stdout
    assert "clock: steady" in done.stdout


def test_doctor_fails_on_what_is_essential_and_says_what_to_do(tmp_path: Path) -> None:
    done = run("doctor", "--data", str(tmp_path), "--venue", "http://127.0.0.1:9")
    assert done.returncode == 1
    line, advice = done.stdout[done.stdout.index("broken venue") :].splitlines()[:2]
    assert "http://127.0.0.1:9" in line
    assert advice.strip().startswith("->")
    done = run("doctor", "--data", "/proc/nowhere")
    assert done.returncode == 1
    assert "name another with --data" in done.stdout


# ---------------------------------------------------------------- the owner in the background


def test_where_none_runs_watch_starts_one_which_outlives_it_and_is_shared(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = run("watch", "bitcoin-up-or-down", "--data", str(data))
    told = endpoint(data)
    try:
        assert first.returncode == 1
        assert "starting `polywire up` in the background" in first.stderr
        assert "no market is known as 'bitcoin-up-or-down'" in first.stderr
        assert told is not None
        assert "in the background" in run("status", "--data", str(data)).stdout
        slug = first.stderr.partition("nearest are: ")[2].split(",")[0].split(" ")[0]
        again = run("watch", slug, "--data", str(data), "--for", "0.5")
        assert (again.returncode, again.stderr) == (0, "")
    finally:
        if told is not None:
            os.kill(told.pid, signal.SIGTERM)
            until(lambda: not is_owned(data))


def test_two_that_start_one_at_once_share_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with started("watch", "x", "--data", str(data)) as one, started("watch", "x", "--data", str(data)) as other:
        for process in (one, other):
            code, _, errors = ended(process)
            assert code == 1
            assert "no market is known as 'x'" in errors
    told = endpoint(data)
    assert told is not None
    os.kill(told.pid, signal.SIGTERM)
    until(lambda: not is_owned(data))


def test_a_background_owner_ends_once_its_clients_have_left(tmp_path: Path) -> None:
    with started("up", "--background", "--left-alone", "0.5", "--data", str(tmp_path)) as up:
        code, _, errors = ended(up)
    assert code == 0, errors
    assert "no client for 0.5 s; ending" in errors


def test_an_owner_that_cannot_start_is_told_with_its_own_words(tmp_path: Path) -> None:
    done = run("watch", "x", "--data", str(tmp_path), "--venue", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "did not start (code 1)" in done.stderr
    assert "http://127.0.0.1:9" in done.stderr


# ---------------------------------------------------------------- the exchange


def test_an_exchange_describes_itself_and_ends_by_ctrl_c() -> None:
    with started("exchange", "--port", "0", "--seed", "3") as exchange:
        url = exchange_url(line_with(exchange, "the exchange is open"))
        assert venue(url)["seed"] == 3
        exchange.send_signal(signal.SIGINT)
        code, out, errors = ended(exchange)
    assert (code, out) == (0, "")
    assert "Traceback" not in errors


def test_a_busy_exchange_port_is_named_with_its_option() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run("exchange", "--port", str(port))
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert "--port" in done.stderr


def test_a_killed_owner_ends_those_who_watch_with_a_sentence(tmp_path: Path) -> None:
    with started("up", "--data", str(tmp_path)) as up:
        url = exchange_url(line_with(up, "the exchange is open"))
        slug = str(busy(url)["slug"])
        line_with(up, "current,")
        with started("watch", slug, "--data", str(tmp_path)) as watch:
            assert watch.stdout is not None
            watch.stdout.readline()
            up.kill()
            code, _, errors = ended(watch)
        assert code == 1
        assert f"(process {up.pid}) has ended" in errors
        assert gone(up.pid)


# ---------------------------------------------------------------- recording


def test_a_recording_of_a_market_verifies_from_its_first_frame(house: Markets) -> None:
    data, market = house
    out = data / "a.pwtape"
    done = run("tape", "record", market["slug"], "--for", "3", "--out", str(out), "--data", str(data))
    assert done.returncode == 0, done.stderr
    verdict = run("tape", "verify", str(out), "--strict")
    assert verdict.returncode == 0, verdict.stderr
    numbers = json.loads(verdict.stdout)
    assert (numbers["tokens"], numbers["undecoded"]) == (2, 0)
    assert numbers["by_type"]["book"] >= 2

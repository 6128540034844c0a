"""`polywire up`, as its user runs it: real processes, a real exchange, real sockets."""

import os
import re
import signal
import socket
import stat
from pathlib import Path

import pytest

from cli.processes import Terminal, ended, exchange_url, gone, line_with, run, started, until, venue

ROW = re.compile(r"(\d{60,80}) (\w+) +sent +(\d+) received +(\d+)  (.+) / (.+)")
TOTAL = re.compile(r"total: (\d+) tokens, (\d+) current, sent ([\d,]+), received ([\d,]+), undecoded (\d+)")


def test_up_shows_that_all_that_was_sent_has_arrived(tmp_path: Path) -> None:
    done = run("up", "--for", "4", "--data", str(tmp_path))
    assert done.returncode == 0, done.stderr
    *rows, total = done.stdout.splitlines()
    tokens = [ROW.fullmatch(row) for row in rows]
    assert all(tokens), rows
    assert len(tokens) >= 24
    assert {(row[2], row[3] == row[4]) for row in tokens if row} == {("current", True)}
    figures = TOTAL.fullmatch(total)
    assert figures is not None
    assert figures[3] == figures[4]
    assert int(figures[3].replace(",", "")) == sum(int(row[3]) for row in tokens if row) > len(rows)
    assert figures[5] == "0"
    assert len(done.stderr.splitlines()) < 10  # a line now and then, no flood
    assert "Traceback" not in done.stderr


def test_its_files_are_its_own_users_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    run("up", "--for", "0.5", "--data", str(data))
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (data, *data.rglob("*"))}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {path.name for path in data.iterdir()} == {
        "lock",
        "exchange.log",
        "exchange.sqlite3",
        "exchange.sqlite3.lock",
        "journal.sqlite3",
        "wallets",  # of a throw-away wallet and its API key
        "credentials",
    }


def test_it_signs_in_on_paper_once_and_is_known_again(tmp_path: Path) -> None:
    first = run("up", "--for", "0.5", "--data", str(tmp_path)).stderr
    assert "a throw-away wallet 0x" in first
    assert "an API key for polywire-exchange:" in first
    again = run("up", "--for", "0.5", "--data", str(tmp_path)).stderr
    assert "wallet" not in again
    assert "market data only" not in again


def test_its_exchange_does_not_inherit_the_owners_secrets(tmp_path: Path) -> None:
    key = "5e" * 32
    with started("up", "--data", str(tmp_path), "--exchange-port", "0", POLYGON_PRIVATE_KEY=key) as up:
        line_with(up, "POLYGON_PRIVATE_KEY: from the environment, wallet 0x")
        line_with(up, "current,")
        children = Path(f"/proc/{up.pid}/task/{up.pid}/children")
        if not children.exists():
            pytest.skip("this system has no /proc")
        processes = [str(up.pid), *children.read_text().split()]
        assert len(processes) == 2
        for process in processes:
            shown = Path(f"/proc/{process}/environ").read_bytes() + Path(f"/proc/{process}/cmdline").read_bytes()
            assert b"PATH=" in shown
            assert key.encode() not in shown


def test_it_keeps_its_files_where_the_desktop_keeps_data(tmp_path: Path) -> None:
    run("up", "--for", "0.1", XDG_DATA_HOME=str(tmp_path), POLYWIRE_DATA="")
    assert (tmp_path / "polywire" / "lock").is_file()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_draws_the_balance_and_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    # Any free port: the usual one may be another test's as soon as it is free.
    with started("up", "--data", str(tmp_path), "--exchange-port", "0") as up:
        url = exchange_url(line_with(up, "the exchange is open"))
        line_with(up, "current,")
        up.send_signal(number)
        code, out, errors = ended(up)
    assert code == 0, errors
    assert TOTAL.search(out)
    assert "Traceback" not in errors
    with pytest.raises(OSError, match="refused"):
        venue(url)


def test_interrupted_before_it_is_ready_or_twice_it_ends_without_a_traceback(tmp_path: Path) -> None:
    with started("up", "--data", str(tmp_path)) as up:
        until((tmp_path / "lock").exists)
        up.send_signal(signal.SIGINT)
        assert ended(up)[::2] == (0, "")
    with started("up", "--data", str(tmp_path)) as up:
        line_with(up, "current,")
        up.send_signal(signal.SIGINT)
        up.send_signal(signal.SIGTERM)  # another, for two of one kind may arrive as one
        code, _, errors = ended(up)
    assert code in {0, 1}  # 1 if it had no balance yet
    assert ("ending without a balance" in errors) == (code == 1)
    assert "Traceback" not in errors


def test_killed_it_takes_its_exchange_along_and_the_next_starts_as_if_nothing_was(tmp_path: Path) -> None:
    """A pipe ends with its last holder, however that one ended; so does the lock."""
    # Any free port: the usual one may be another test's as soon as it is free.
    with started("up", "--data", str(tmp_path), "--exchange-port", "0") as up:
        url = exchange_url(line_with(up, "the exchange is open"))
        line_with(up, "current,")
        up.kill()
        up.wait(10)
    until(lambda: not answers(url))
    assert (tmp_path / "endpoint").exists()
    assert run("up", "--for", "1", "--data", str(tmp_path)).returncode == 0
    assert not (tmp_path / "endpoint").exists()


def answers(url: str) -> bool:
    try:
        return bool(venue(url))
    except OSError:
        return False


def test_a_data_directory_has_one_owner(tmp_path: Path) -> None:
    with started("up", "--data", str(tmp_path)) as up:
        line_with(up, "the exchange is open")
        second = run("up", "--data", str(tmp_path))
    assert second.returncode == 1
    assert f"owned by process {up.pid}" in second.stderr
    assert "--data" in second.stderr


@pytest.mark.parametrize("option", ["--port", "--exchange-port"])
def test_a_busy_port_is_named_with_its_option_and_its_user_is_left_alone(tmp_path: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run("up", option, str(port), "--data", str(tmp_path))
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass
    assert done.returncode == 1
    assert f"port {port} on 127.0.0.1 is in use" in done.stderr
    assert option in done.stderr


def test_two_that_start_at_once_each_get_a_port(tmp_path: Path) -> None:
    """Both may see the usual port free, and only one can have it."""
    with started("up", "--data", str(tmp_path / "a")) as one, started("up", "--data", str(tmp_path / "b")) as other:
        urls = {exchange_url(line_with(up, "the exchange is open")) for up in (one, other)}
    assert len(urls) == 2


def test_on_a_terminal_it_draws_the_board_until_ctrl_c_and_then_the_balance(tmp_path: Path) -> None:
    with Terminal("up", "--data", str(tmp_path), width=80, height=24) as terminal:
        assert "Polywire · paper · http://127.0.0.1:" in terminal.read_until("current,")
        terminal.read_until("0 undecoded")
        terminal.interrupt()
        assert terminal.end() == 0, terminal.text[-3_000:]
    after = terminal.text.rpartition("\x1b[?1049l")[2]
    assert "undecoded 0" in after
    assert "Traceback" not in terminal.text
    assert max(len(line) for line in after.splitlines()) <= 80 + len("\x1b[?25h")


def test_an_exchange_that_dies_is_told_and_is_a_failure(tmp_path: Path) -> None:
    with started("up", "--data", str(tmp_path)) as up:
        line_with(up, "current,")
        child = child_of(up.pid)
        child_kill(child)
        code, _, errors = ended(up)
    assert code == 1
    assert "the exchange ended with code -9" in errors
    assert "Traceback" not in errors
    assert gone(child)


def child_of(pid: int) -> int:
    """Return the one child of a process."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            return int(status.parent.name)
    pytest.skip("no /proc to find the child in")


def child_kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def test_up_on_a_running_exchange_leaves_its_clock_alone(tmp_path: Path) -> None:
    """It belongs to somebody else, so nothing is stopped, and there is no balance to fail by."""
    with started("exchange", "--port", "0") as exchange:
        url = exchange_url(line_with(exchange, "the exchange is open"))
        done = run("up", "--venue", url, "--for", "2", "--data", str(tmp_path))
        assert venue(url)["clock"]["paused"] is False
    assert done.returncode == 0, done.stderr
    assert "sent unknown (this venue does not say)" in done.stdout

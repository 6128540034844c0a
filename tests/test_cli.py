"""The command line, as its user runs it: a process, its outputs, its exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from polywire import __version__
from polywire.app.tapes import write_rehearsal

POLYWIRE = [sys.executable, "-m", "polywire"]


def run(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "100", **(env or {})}
    return subprocess.run(
        [*POLYWIRE, *arguments], capture_output=True, text=True, timeout=60, env=environment, check=False
    )


def verdict_of(path: str) -> dict[str, object]:
    """Return what `tape verify` prints of a recording, without how fast it was."""
    verdict: dict[str, object] = json.loads(run("tape", "verify", path).stdout.splitlines()[-1])
    return {name: value for name, value in verdict.items() if name != "events_per_second"}


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tapes") / "rehearsal.pwtape"
    write_rehearsal(path, seed=7, seconds=20.0)
    return str(path)


def test_verify_prints_its_verdict_as_the_last_line_and_nothing_else(tape: str) -> None:
    done = run("tape", "verify", tape, "--strict")
    assert (done.returncode, done.stderr) == (0, "")
    verdict = json.loads(done.stdout)
    assert verdict["undecoded"] == verdict["best_price_mismatches"] == verdict["book_mismatches"] == 0
    assert verdict["best_price_checks"] > 100


def test_strict_fails_on_anything_undecoded_and_shows_a_sample(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"raw":"PONG"}\n{"event_type":"merger","x":1}\n')
    assert run("tape", "verify", str(path)).returncode == 0
    done = run("tape", "verify", str(path), "--strict")
    assert done.returncode == 1
    assert "1 undecoded unknown:merger, such as" in done.stderr
    assert json.loads(done.stdout)["undecoded"] == 1


def test_strict_fails_on_a_tape_with_damage(tmp_path: Path, tape: str) -> None:
    path = tmp_path / "cut.pwtape"
    path.write_bytes(Path(tape).read_bytes()[:-1])
    done = run("tape", "verify", str(path), "--strict")
    assert done.returncode == 1
    assert "cut off" in done.stderr


def test_an_unknown_field_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"market":"0x1","asset_id":"7","price":"0.5","side":"BUY","size":"1","timestamp":"1",'
        '"event_type":"last_trade_price","mood":"good"}\n'
    )
    assert "1 last_trade_price with the unknown field 'mood'" in run("tape", "verify", str(path)).stderr


def test_from_empty_checks_tokens_without_snapshots(tmp_path: Path, tape: str) -> None:
    path = tmp_path / "changes.jsonl"
    frames = run("tape", "export", tape, "-", "--format", "frames").stdout.splitlines()
    path.write_text("\n".join(line for line in frames if "price_change" in line))
    assert json.loads(run("tape", "verify", str(path)).stdout)["best_price_checks"] == 0
    assert json.loads(run("tape", "verify", str(path), "--from-empty", "5").stdout)["best_price_checks"] > 100


def test_stats_are_for_people_or_for_programs(tape: str) -> None:
    numbers = json.loads(run("tape", "stats", tape, "--json").stdout)
    people = run("tape", "stats", tape).stdout
    assert numbers["tokens"] == 16
    assert "tokens: 16" in people
    assert "best_bid_ask:" in people


def test_play_prints_events_as_json_lines(tape: str) -> None:
    done = run("tape", "play", tape, "--speed", "1000", "--jsonl")
    assert done.returncode == 0
    assert {json.loads(line)["type"] for line in done.stdout.splitlines()} >= {"BookReplaced", "LevelChanged"}


def test_a_reader_that_leaves_ends_play_without_a_word(tape: str) -> None:
    line = f"'{sys.executable}' -m polywire tape play {tape} --speed 1000 --jsonl | head -n 1"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    assert json.loads(done.stdout)["type"] == "MarketCreated"
    assert done.stderr == ""


def test_play_draws_the_summary_where_there_is_no_terminal(tape: str) -> None:
    assert "0 wrong" in run("tape", "play", tape, "--speed", "1000").stderr


def test_frames_exported_to_a_name_that_says_so_are_compressed_and_read_as_the_plain_ones(
    tmp_path: Path, tape: str
) -> None:
    plain, packed = str(tmp_path / "frames.jsonl"), str(tmp_path / "frames.jsonl.zst")
    for target in (plain, packed):
        assert run("tape", "export", tape, target, "--format", "frames").returncode == 0
    assert Path(packed).read_bytes()[:4] == bytes.fromhex("28b52ffd")
    assert Path(packed).stat().st_size < Path(plain).stat().st_size / 3
    assert verdict_of(packed) == verdict_of(plain)


@pytest.mark.parametrize("form", ["csv", "events", "frames", "parquet"])
def test_export_writes_each_form(tmp_path: Path, tape: str, form: str) -> None:
    target = tmp_path / f"out.{form}"
    done = run("tape", "export", tape, str(target), "--format", form)
    assert done.returncode == 0
    assert "lines written to" in done.stderr
    assert target.stat().st_size > 1_000
    assert list(tmp_path.iterdir()) == [target]


def test_parquet_holds_exact_decimals_sorted_by_token(tmp_path: Path, tape: str) -> None:
    duckdb = pytest.importorskip("duckdb", reason="the extra `analytics` is not installed")
    target = tmp_path / "rows.parquet"
    run("tape", "export", tape, str(target), "--format", "parquet")
    with duckdb.connect() as database:
        database.read_parquet(str(target)).create("rows")
        rows = database.sql("SELECT token, typeof(price), typeof(size) FROM rows").fetchall()
    assert rows == sorted(rows)
    assert {row[1:] for row in rows} == {("DECIMAL(6,4)", "DECIMAL(18,6)")}


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["tape", "verify", "/nowhere/a.jsonl"], 1, "cannot be read: No such file"),
        (["tape", "export", "TAPE", "/nowhere/out.csv", "--format", "csv"], 1, "choose another place"),
        (["tape", "export", "TAPE", "-", "--format", "parquet"], 1, "name a file"),
        (["tape", "export", "TAPE", "-", "--format", "xml"], 2, "none of frames, events, csv, parquet"),
        (["tape", "verify"], 2, "Missing argument"),
        (["up", "--for", "soon"], 2, "as a number"),
        (["up", "--port", "70000"], 2, "--port"),
        (["up", "--data", "/proc/nowhere"], 1, "choose another with --data"),
        (["up", "--venue", "paris", "--data", "DATA"], 1, "none of: paper, live, an address"),
        (["watch"], 2, "Missing argument"),
        (["status", "--data", "DATA"], 1, "does not run"),
        (["status", "--json", "--data", "DATA"], 1, "does not run"),
        (["exchange", "--port", "0", "--fault", "gremlins"], 1, "gremlins"),
        (["exchange", "--port", "0", "--tape", "/nowhere/a.jsonl"], 1, "/nowhere/a.jsonl"),
        (["fly"], 2, "No such command"),
    ],
)
def test_what_goes_wrong_is_one_clear_sentence_and_an_exit_code(
    tape: str, tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    places = {"TAPE": tape, "DATA": str(tmp_path / "data")}
    done = run(*[places.get(argument, argument) for argument in arguments])
    assert done.returncode == code
    assert says in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "command",
    [
        [],
        *[[name] for name in ("up", "watch", "exchange", "tape", "status", "doctor")],
        *[["tape", name] for name in ("record", "verify", "stats", "play", "export")],
    ],
)
def test_every_command_has_help_with_an_example(command: list[str]) -> None:
    done = run(*command, "--help")
    assert done.returncode == 0
    assert "polywire " + " ".join(command) in done.stdout
    assert "Example: polywire" in done.stdout or "Start with: polywire up" in done.stdout


def test_the_version_is_the_packages() -> None:
    assert run("--version").stdout == f"polywire {__version__}\n"


@pytest.mark.parametrize("grant", ["-1", "1e3", "much", "0.0000001", "1000000000"])
@pytest.mark.parametrize("command", ["exchange", "up"])
def test_a_grant_that_is_no_amount_is_refused_before_anything_begins(command: str, grant: str) -> None:
    done = run(command, f"--grant={grant}")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is no amount of USDC" in " ".join(done.stderr.split())

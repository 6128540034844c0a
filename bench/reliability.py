"""What becomes of every fault of the exchange: runs the matrix and writes its tables into `docs/reliability.md`.

    python bench/reliability.py [--at-once N] [--only NAME]... [--detectors]

NAME is as in the tables, with its channel: `market:freeze`.

Each trial is a process of its own with an exchange of its own, at speed 1 and under load; `--at-once` (2) of them run
at a time, so the tables say nothing of speed. With `--only`, the rows of the other trials stay as they are; with
`--detectors`, only the table of detectors is written. The trials, what is measured and what must hold are those of the
tests (`tests/e2e/trials.py`); a claim that does not hold is printed, and the exit code is 1.
"""

import argparse
import asyncio
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "examples")]

from e2e.detector_table import detector_table  # noqa: E402 - the tests' harness is no package
from e2e.trial import Row, Trial, seconds, shown  # noqa: E402 - as above
from e2e.trials import RUNS, TABLES, broken  # noqa: E402 - as above

PAGE = ROOT / "docs" / "reliability.md"
HEAD = (
    "| fault | on for | happened | not told | of that without a gap | wrong book handed out: longest, in all (without "
    "a gap) | noticed after | a loss after | back after (allowed) | gaps | books at the end |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|\n"
)


def row_text(row: Row) -> str:
    """Return a row of the table."""
    lost, wrong = row.losses, row.wrongs
    silent = ", ".join(f"{count:,} `{kind}`" for kind, count in sorted(lost.silent.items())) or "0"
    silent += f" ({lost.restated:,} restated)" if lost.restated else ""
    silent_s = f"{wrong.silent_s:g} s" + (f", {wrong.longest_silent_s:g} s at a time" if wrong.silent_s else "")
    handed = f"{wrong.longest_s:g} s, {wrong.total_s:,.0f} s ({silent_s})" if wrong.total_s else "0"
    noticed = "nothing to notice" if row.detected_s is None and not lost.untold else seconds(row.detected_s)
    longest = seconds(lost.longest_s) if lost.untold else "none lost"
    fault = f"`{row.name}`" + (f" {row.argument}" if row.argument else "")
    return (
        f"| {fault} | {row.seconds:g} s | {sum(lost.happened.values()):,} | {sum(lost.untold.values()):,} | {silent} "
        f"| {handed} | {noticed} | {longest} | {seconds(row.back_s)} ({row.allowed_s:.1f} s) | {row.gaps} "
        f"| {'equal' if not row.differing else f'{row.differing} differ'} |"
    )


def write_detectors() -> None:
    """Put the table of detectors into the page."""
    before, _, after = cut("detectors")
    PAGE.write_text(f"{before}{detector_table()}\n{after}")


def cut(name: str) -> tuple[str, str, str]:
    """Return what stands before, between and behind the markers of a table, the markers outside."""
    begin, end = f"<!-- {name}: made by bench/reliability.py -->\n", f"<!-- end of {name} -->"
    before, rest = PAGE.read_text().split(begin, 1)
    old, after = rest.split(end, 1)
    return before + begin, old, end + after


def write(channel: str, made: dict[str, str], order: list[str]) -> None:
    """Put rows into the table of a channel; those that were not made now stay, in the order of the trials."""
    before, old, after = cut(channel)
    kept = {line.split("`")[1]: line for line in old.splitlines() if line.startswith("| `")}
    rows = kept | made
    lines = "\n".join(rows[name] for name in order if name in rows)
    stamp = f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Python {platform.python_version()}."
    PAGE.write_text(f"{before}{stamp}\n\n{HEAD}{lines}\n{after}")


async def child(name: str) -> Row | None:
    """Run one trial in a process of its own; None: it broke off, and said why."""
    command = (sys.executable, "-P", __file__, "--one", name)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    if process.returncode:
        print(f"{name} broke off")
        return None
    return msgspec.json.decode(out, type=Row)


async def once(channel: str, trial: Trial) -> Row:
    """Run one trial here."""
    return await RUNS[channel](trial)


async def matrix(trials: dict[str, tuple[str, Trial]], at_once: int) -> int:
    """Run trials, print them, and write each channel's table; return how many do not bear out what is claimed."""
    turn, failed = asyncio.Semaphore(at_once), 0

    async def one(name: str, channel: str, trial: Trial) -> None:
        nonlocal failed
        async with turn:
            row = await child(name)
        if row is None:
            failed += 1
            return
        wrong = broken(trial, row)
        failed += bool(wrong)
        print(f"{channel:7}{shown(row)}", *(f"\n    BROKEN: {claim}" for claim in wrong), flush=True)
        write(channel, {row.name: row_text(row)}, [trial.name for trial in TABLES[channel]])

    async with asyncio.TaskGroup() as tasks:
        for name, named in trials.items():
            tasks.create_task(one(name, *named))
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--detectors", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given: Any = parser.parse_args()
    trials = {f"{channel}:{trial.name}": (channel, trial) for channel, all_ in TABLES.items() for trial in all_}
    unknown = [name for name in (*given.only, *filter(None, [given.one])) if name not in trials]
    if unknown:
        parser.error(f"no trial {unknown[0]!r}; there are {', '.join(trials)}")
    if not given.one:
        write_detectors()
    if given.detectors:
        return 0
    if given.one:
        row = asyncio.run(once(*trials[given.one]))
        sys.stdout.write(msgspec.json.encode(row).decode())
        return 0
    chosen = {name: trials[name] for name in given.only} or trials
    return int(asyncio.run(matrix(chosen, given.at_once)) > 0)


if __name__ == "__main__":
    sys.exit(main())

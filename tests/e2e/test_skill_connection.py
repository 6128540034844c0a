"""The programs of the skill's page on connections do what it says, on an exchange whose faults are turned on.

Each is taken out of the page and runs as a process of its own. Beside it a socket that no fault touches hears what
truly happened.
"""

import json
import runpy
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2e.processes import asked
from e2e.skill_pages import REAL_TIME, program
from e2e.skill_runs import Line, Run, Stage, stage
from e2e.trial import turn_off, turn_on
from e2e.witness import Witness, scaled
from exchange.raw_client import TEXT, RawClient

pytestmark = pytest.mark.anyio

NEVER_GIVES_UP: Final = program(REAL_TIME / "connection-management.md", "A connection that never gives up")
FROZEN_OR_QUIET: Final = program(REAL_TIME / "frozen-or-quiet.md", "The program")
MAKE_BEFORE_BREAK: Final = program(REAL_TIME / "make-before-break.md", "The program")
FEW, MANY = "&limit=2", "&limit=8"  # markets that the last one follows: on the page, and here
LATE_S: Final = 1.0  # how much later than the program this process may see a message
VERDICTS: Final = frozenset({"speaks", "quiet", "frozen", "closed"})

Told = tuple[Any, ...]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


# ------------------------------------------------------------ a connection that never gives up


async def dropped_again_and_again(on: Stage) -> None:
    await turn_on(on.url, "drop-connection", "market", "2")
    await on.run.more("lost", 2)
    await turn_off(on.url, "drop-connection", "market")


async def refused(on: Stage) -> None:
    """Twice in a row, after a drop."""
    before = len(on.run.said("lost"))
    await turn_on(on.url, "refuse", "market", "")
    await turn_on(on.url, "drop-connection", "market", "")
    await on.run.more("lost", 3, than=before)
    await turn_off(on.url, "refuse", "market")
    await turn_off(on.url, "drop-connection", "market")


async def dead(on: Stage) -> None:
    await turn_on(on.url, "dead", "market", "")
    await on.run.more("lost")
    await turn_off(on.url, "dead", "market")


async def frozen(on: Stage) -> None:
    """For so long that a new socket was frozen too."""
    await turn_on(on.url, "freeze", "market", "")
    await on.run.more("lost", 2, within_s=30.0)
    await turn_off(on.url, "freeze", "market")


async def without_snapshots(on: Stage) -> None:
    """Data come, and what they stand on does not, until it is asked for again."""
    before = len(on.run.said("asked again"))
    await turn_on(on.url, "no-snapshot", "market", "")
    await turn_on(on.url, "drop-connection", "market", "")
    await on.run.more("asked again", than=before)
    await turn_off(on.url, "no-snapshot", "market")
    await turn_off(on.url, "drop-connection", "market")


def is_whole(run: Run) -> bool:
    """Return whether every snapshot has come since it lost a socket last."""
    said = [line["state"] for line in run.lines if line["state"] in {"lost", "whole"}]
    return said[-1:] == ["whole"]


def spans(run: Run, subject: str) -> dict[str, list[tuple[float, float]]]:
    """Return the gaps it has told, by token or market."""
    told = defaultdict(list)
    for line in run.said("gap"):
        told[line[subject]].append((line["since"], line["until"] + LATE_S))
    return told


def within(at_ns: int, gaps: Sequence[tuple[float, float]]) -> bool:
    return any(since <= at_ns / 1e9 <= until for since, until in gaps)


def trade_told(line: Line) -> Told:
    numbers = scaled(line["price"], 10_000), scaled(line["size"], 1_000_000)
    return (line["asset_id"], line["side"], *numbers, line["transaction_hash"], int(line["timestamp"]))


def trades_lost(run: Run, witness: Witness) -> list[tuple[str, int]]:
    """Return token and time of each trade that it did not tell."""
    told = Counter(map(trade_told, run.said("trade")))
    lost = []
    for fact, at_ns in witness.happened:
        if fact.kind == "last_trade_price":
            one = (fact.subject, *fact.what)
            if not told[one]:
                lost.append((fact.subject, at_ns))
            told[one] -= 1
    assert all(count <= 0 for count in told.values()), "it told a trade that never was, or one twice"
    return lost


def without_a_gap(run: Run, witness: Witness) -> list[tuple[str, int]]:
    gaps = spans(run, "token")
    return [(token, at_ns) for token, at_ns in trades_lost(run, witness) if not within(at_ns, gaps[token])]


@pytest.mark.parametrize(
    ("strike", "hush_s", "reason", "attempts", "loses"),
    [
        pytest.param(dropped_again_and_again, "60", "no close frame", [0, 1, 1], False, id="drop-connection"),
        pytest.param(refused, "60", "refused with 503", [0, 1, 2, 3], True, id="refuse"),
        pytest.param(dead, "60", "neither PONG nor data", [0, 1], True, id="dead"),
        pytest.param(frozen, "3", "no data for", [0, 1, 2], True, id="freeze"),
        pytest.param(without_snapshots, "60", "no close frame", [0, 1], False, id="no-snapshot"),
    ],
)
async def test_a_connection_comes_back_by_itself_and_every_loss_lies_in_a_gap(
    strike: Callable[[Stage], Any], hush_s: str, reason: str, attempts: list[int], *, loses: bool
) -> None:
    """`attempts`: dials in a row that brought no data, which the delay grows with; a handshake is no data."""
    async with stage(NEVER_GIVES_UP, HUSH_S=hush_s) as on:
        run = on.run
        tokens = run.said("begin")[0]["tokens"]
        await run.until(lambda: is_whole(run))
        witness = Witness(tokens)
        async with on.beside(tokens, witness.read) as client:
            await witness.until_begun()
            witness.begin()
            await on.clock(paused=False)
            await run.more("trade", 5)
            await strike(on)
            await run.until(lambda: is_whole(run), 40.0)
            await run.more("trade", 5)
            await on.clock(paused=True)
            await on.drained(client, lambda: witness.frames)
            with anyio.move_on_after(5):
                while without_a_gap(run, witness):  # of the last ones, which are on their way
                    await asked(f"{on.url}/venue?ledger=0")
        (end,) = await run.end()
    assert without_a_gap(run, witness) == []
    assert bool(trades_lost(run, witness)) or not loses
    assert {line["token"] for line in run.said("gap")} == set(tokens)
    assert any(reason in line["reason"] for line in run.said("lost"))
    assert (set(end["whole"]), end["missing"]) == (set(tokens), {})
    delays = [(line["attempt"], line["seconds"]) for line in run.said("waiting")]
    assert [attempt for attempt, _ in delays[: len(attempts)]] == attempts
    assert all(seconds <= 2 ** (attempt - 1) for attempt, seconds in delays if attempt)
    gaps = spans(run, "token")
    for token in tokens:
        changes = [seen.at_ns for seen in witness.happened if seen.fact[:2] == (token, "price_change")]
        outside = [at_ns for at_ns in changes if not within(at_ns, gaps[token])]
        assert len(outside) <= end["changes"].get(token, 0) <= len(changes)


async def test_a_socket_that_falls_silent_is_asked_early_whether_it_lives_and_kept() -> None:
    async with stage(NEVER_GIVES_UP) as on:
        await on.run.until(lambda: is_whole(on.run))
        with anyio.fail_after(8):
            while sum(one["frames"] for one in (await asked(f"{on.url}/venue"))["connections"]) < 2:
                pass  # the array of snapshots, then a PONG
        (end,) = await on.run.end()
    assert len(end["whole"]) == len(on.run.said("begin")[0]["tokens"])
    assert on.run.said("lost") == []


# ------------------------------------------------------------ frozen or quiet


def verdicts(run: Run) -> dict[str, str]:
    """Return the last verdict of each token."""
    return {line["token"]: line["state"] for line in run.lines if line["state"] in VERDICTS}


@pytest.mark.parametrize("thawed", [False, True], ids=["while-it-lasts", "once-it-is-over"])
async def test_a_frozen_token_is_told_from_quiet_ones_and_its_book_is_right_all_the_same(*, thawed: bool) -> None:
    async with stage(FROZEN_OR_QUIET, SILENT_S="2") as on:
        run = on.run
        tokens = run.said("begin")[0]["tokens"]
        await run.until(lambda: verdicts(run) == dict.fromkeys(tokens, "quiet"))  # nothing happens yet
        await on.clock(paused=False)
        await run.more("speaks", 5)
        token = await on.busiest(tokens)
        witness = Witness([token])
        async with on.beside([token], witness.read):
            await witness.until_begun()
            await turn_on(on.url, "freeze-token", "market", token)
            witness.begin()
            await run.until(lambda: verdicts(run)[token] == "frozen", 30.0)
            if thawed:
                known_at = run.said("frozen")[0]["at"]
                await run.until(lambda: run.lines[-1]["at"] > known_at + 2 * LATE_S)
                await turn_off(on.url, "freeze-token", "market")
                await run.until(lambda: verdicts(run)[token] == "speaks", 30.0)
        over = [line["at"] for line in run.lines if line.get("token") == token and line["state"] in VERDICTS][-1]
        await on.clock(paused=True)
        paused_at = time.time()
        still = dict.fromkeys(tokens, "quiet") | ({} if thawed else {token: "frozen"})
        await run.until(lambda: verdicts(run) == still, 30.0)
        if not thawed:
            await run.until(lambda: any(line["at"] > paused_at + 1 for line in run.said("polled")), 30.0)
        rest = await on.books(tokens)
        end = {line["token"]: line for line in await run.end()}
    assert {line["token"] for line in run.said("frozen")} == {token}
    gaps = spans(run, "token")
    assert set(gaps) == {token}
    lost = [seen.at_ns for seen in witness.happened if seen.at_ns / 1e9 < over]
    assert lost
    assert [at_ns for at_ns in lost if not within(at_ns, gaps[token])] == []
    assert {one: line["levels"] for one, line in end.items()} == rest
    sources = dict.fromkeys(tokens, "stream") | ({} if thawed else {token: "REST"})
    assert {one: line["source"] for one, line in end.items()} == sources


async def test_the_witness_asks_nothing_for_as_long_as_a_429_says() -> None:
    async with stage(FROZEN_OR_QUIET, SILENT_S="2") as on:
        run = on.run
        await run.until(lambda: bool(run.said("quiet")))
        await asked(f"{on.url}/venue/faults", {"name": "read-limit", "argument": "2"})
        await run.more("refused", 3)
        await asked(f"{on.url}/venue/faults", method="DELETE")
        refusals = run.said("refused")
        assert [(line["status"], line["seconds"]) for line in refusals] == [(429, 2.0)] * len(refusals)
        times = [line["at"] for line in refusals]
        assert all(later - sooner >= 2.0 for sooner, later in pairwise(times))
        await on.clock(paused=False)
        await run.more("speaks")
        await run.end()


# ------------------------------------------------------------ make before break


class Heard:
    """What one socket brought of some markets, in order, as text, with when it was seen."""

    def __init__(self, markets: Sequence[str]) -> None:
        self.frames = 0
        self.of: dict[str, list[tuple[str, int]]] = {market: [] for market in markets}

    async def read(self, client: RawClient) -> None:
        while True:
            frame = await client.frame()
            if frame.opcode == TEXT:
                self.frames += 1
                message = json.loads(frame.payload)
                if isinstance(message, dict) and message["market"] in self.of:  # an array is of snapshots
                    self.of[message["market"]].append((json.dumps(message, sort_keys=True), time.time_ns()))


def told_of(run: Run, market: str) -> list[str]:
    told = [line for line in run.lines if "state" not in line and line["market"] == market]
    return [json.dumps(message, sort_keys=True) for message in told]


@asynccontextmanager
async def renewing(every_s: str) -> AsyncIterator[tuple[Stage, RawClient, Heard]]:
    """Run the program that renews its socket, beside a socket that is never renewed."""
    assert FEW in MAKE_BEFORE_BREAK
    async with stage(MAKE_BEFORE_BREAK.replace(FEW, MANY), RENEW_S=every_s) as on:
        await on.run.until(lambda: bool(on.run.said("carries")))
        markets = on.run.said("begin")[0]["markets"]
        heard = Heard(list(markets))
        async with on.beside([token for tokens in markets.values() for token in tokens], heard.read) as client:
            await on.drained(client, lambda: heard.frames)
            await on.clock(paused=False)
            yield on, client, heard


async def test_renewal_after_renewal_tells_every_message_once_and_in_order() -> None:
    async with renewing("0.5") as (on, client, heard):
        run = on.run
        await run.more("carries", 8, within_s=60.0)
        await on.clock(paused=True)
        await on.drained(client, lambda: heard.frames)
        expected = {market: [text for text, _ in seen] for market, seen in heard.of.items()}
        whole = {market: len(texts) + 2 for market, texts in expected.items()}  # its two books before them
        await run.until(lambda: all(len(told_of(run, market)) >= count for market, count in whole.items()))
        await run.end()
    for market, texts in expected.items():
        assert told_of(run, market)[2:] == texts
    assert sum(map(len, expected.values())) > 200
    assert (run.said("gap"), run.said("given up"), run.said("lost")) == ([], [], [])


async def test_a_socket_that_is_lost_costs_a_gap_and_nothing_outside_it() -> None:
    async with renewing("60") as (on, client, heard):
        run = on.run
        await run.until(lambda: all(len(told_of(run, market)) > 4 for market in heard.of))
        await turn_on(on.url, "drop-connection", "market", "")
        await run.more("carries", than=1)
        before = {market: len(told_of(run, market)) for market in heard.of}
        await run.until(lambda: all(len(told_of(run, market)) > count + 4 for market, count in before.items()))
        await on.clock(paused=True)
        await on.drained(client, lambda: heard.frames)
        last = {market: seen[-1][0] for market, seen in heard.of.items()}
        await run.until(lambda: all(told_of(run, market)[-1] == text for market, text in last.items()))
        await run.end()
    gaps = spans(run, "market")
    for market, seen in heard.of.items():
        told = Counter(told_of(run, market))
        missing = [at_ns for text, at_ns in seen if not told[text]]
        assert [at_ns for at_ns in missing if not within(at_ns, gaps[market])] == []
        snapshots = told - Counter(text for text, _ in seen)
        assert [json.loads(text)["event_type"] for text in snapshots.elements()] == ["book"] * 4  # two and two


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the page's `Relay`."""
    path: Path = tmp_path_factory.mktemp("page") / "renewal.py"
    path.write_text(MAKE_BEFORE_BREAK)
    return runpy.run_path(str(path), run_name="page")["Relay"]


def stream(kinds: Sequence[str]) -> list[Line]:
    """Return the messages of one market; each changes both books, but for trades."""
    return [
        {"event_type": kind, "market": "m", "asset_id": "a", "timestamp": str(number)}
        if kind == "last_trade_price"
        else {
            "event_type": "price_change",
            "market": "m",
            "timestamp": str(number),
            "price_changes": [{"asset_id": token, "hash": f"{number}"} for token in "ab"],
        }
        for number, kind in enumerate(kinds)
    ]


def snapshots(kinds: Sequence[str]) -> list[Line]:
    """Return both books as they are behind these messages."""
    changes = [number for number, kind in enumerate(kinds) if kind == "price_change"]
    books = {"event_type": "book", "market": "m", "hash": str(changes[-1] if changes else -1)}
    return [books | {"asset_id": token} for token in "ab"]


@given(
    kinds=st.lists(st.sampled_from(["price_change", "last_trade_price"]), min_size=1, max_size=30),
    cut=st.integers(0, 30),
    lead=st.integers(0, 30),
    turns=st.lists(st.booleans(), max_size=64),
)
def test_two_sockets_are_told_as_one_stream_however_they_interleave(
    relay: Any, kinds: list[str], cut: int, lead: int, turns: list[bool]
) -> None:
    """The second is dialled when the first has brought `lead`, and its snapshot holds `cut`, which is no less."""
    messages = stream(kinds)
    cut = min(cut, len(messages))
    lead = min(lead, cut)
    told: list[Line] = []
    one = relay({"m": ["a", "b"]}, told.append)
    one.begin("first")
    for message in snapshots([]):
        one.take("first", message)
    one.look()
    for message in messages[:lead]:
        one.take("first", message)
    one.begin("second")
    coming = {"first": messages[lead:], "second": [*snapshots(kinds[:cut]), *messages[cut:]]}
    for turn in [*turns, *[True] * 64, *[False] * 64]:
        name = "first" if turn else "second"
        if coming[name]:
            one.take(name, coming[name].pop(0))
    assert told[2:] == messages
    if cut < len(messages):  # a message came on both
        assert one.carrier == {"m": "second"}

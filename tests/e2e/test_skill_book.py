"""The book program of the skill's market-channel page does what the page says of it, fault by fault.

The program and the table of its claims are taken out of the page, so that a row added there is tried here. It runs as a
process of its own, under load; its books are compared with REST's when the venue's clock stands.
"""

import json
import os
import runpy
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from subprocess import PIPE
from typing import Any, Final

import anyio
import anyio.abc
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream
from hypothesis import given
from hypothesis import strategies as st

from e2e.processes import asked, exchange
from e2e.skill_pages import REAL_TIME, on_exchange, program, rows
from e2e.trial import turn_on
from polywire.exchange.faults import FAULTS

pytestmark = pytest.mark.anyio

PAGE: Final = REAL_TIME / "market-channel.md"
PROGRAM: Final = program(PAGE, "A book program in plain Python")
CLAIMS: Final = {
    fault.strip("`"): outcome for fault, _, outcome in rows(PAGE, "Which faults it survives", first="fault")
}
MARKETS: Final = 3
PATIENCE_S: Final = 40.0
STRIKES: Final = 20
FEW: Final = {"oversized": 1, "refuse": 1, "no-snapshot": 1} | dict.fromkeys(
    ("garbage", "bad-utf8", "drop-frame", "reorder", "read-limit", "slow-answers"), 3
)  # the strikes of those that cost a socket each, or wait to be asked
ON_NEW_SOCKETS: Final = frozenset({"refuse", "no-snapshot"})  # what these do shows only there
LASTING: Final = frozenset({"freeze", "freeze-token"})  # no book is whole as long as they last

Line = dict[str, Any]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Run:
    """The page's program, running.

    Attributes:
        said: Every line it has printed that was read, in order.
        tokens: What it follows.
    """

    def __init__(self, process: anyio.abc.Process, tokens: list[str]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._process, self.tokens = process, tokens
        self._out, self._errors = BufferedByteReceiveStream(process.stdout), BufferedByteReceiveStream(process.stderr)
        self.said: list[Line] = []

    async def until(self, event: str, holds: Callable[[Line], bool] = lambda _: True) -> Line:
        """Read on until it says something."""
        with anyio.fail_after(PATIENCE_S):
            while True:
                self.said.append(json.loads(await self._out.receive_until(b"\n", 1 << 20)))
                if self.said[-1]["event"] == event and holds(self.said[-1]):
                    return self.said[-1]

    async def until_equal(self, books: int) -> None:
        """Read on until it has found all its books equal to REST's by a check that began after this call."""
        await self.until("checked")
        await self.until("checked", lambda line: line["equal"] == line["of"] == books)

    async def ended(self, *, by_itself: bool = False) -> dict[str, Line]:
        """Return the books that it prints at its end, which is an orderly one."""
        if not by_itself:
            self._process.send_signal(signal.SIGINT)
        await self.until("end")
        with anyio.fail_after(PATIENCE_S):
            assert await self._process.wait() == 0
        with pytest.raises(anyio.EndOfStream):
            await self._errors.receive()
        return {line["token"]: line for line in self.said if line["event"] == "book"}

    def gaps(self) -> list[str]:
        """Return why it said that something may have been missed, each time."""
        return [line["why"] for line in self.said if line["event"] == "gap"]


@asynccontextmanager
async def running(url: str, folder: Path, seconds: float = 300.0) -> AsyncIterator[Run]:
    """Run the page's program on some busy markets that last."""
    venue = await asked(f"{url}/venue?ledger=0")
    lasting = [market for market in venue["markets"] if not market["closed"] and "updown" not in market["slug"]]
    chosen = lasting[:MARKETS]
    path = folder / "books.py"
    path.write_text(on_exchange(PROGRAM, venue["urls"]))
    environment = {name: text for name, text in os.environ.items() if not name.lower().endswith("_proxy")}
    environment |= {"SECONDS": str(seconds), "CHECK_S": "1"}
    command = [sys.executable, "-W", "error", str(path), *(market["slug"] for market in chosen)]
    async with await anyio.open_process(command, env=environment, stdout=PIPE, stderr=PIPE) as process:
        try:
            run = Run(process, [token for market in chosen for token in market["tokens"]])
            await run.until("whole")
            yield run
        finally:
            if process.returncode is None:
                process.kill()


def levels(stated: Line) -> dict[str, list[tuple[Decimal, Decimal]]]:
    """Return a book's levels, best first."""
    sides: dict[str, list[tuple[Decimal, Decimal]]] = {}
    for name in ("bids", "asks"):
        pairs = [(level["price"], level["size"]) if isinstance(level, dict) else level for level in stated[name]]
        sides[name] = [(Decimal(price), Decimal(size)) for price, size in pairs]
    return sides


async def stated(url: str, tokens: list[str]) -> dict[str, Line]:
    """Return the books of REST, by token, best levels first, as the program prints them."""
    answer = await asked(f"{url}/clob/books", [{"token_id": token} for token in tokens])
    return {one["asset_id"]: one | {name: one[name][::-1] for name in ("bids", "asks")} for one in answer}


async def struck(url: str, fault: str) -> None:
    """Return once a fault has struck often enough to have shown what it does."""
    enough = FEW.get(fault, STRIKES)
    with anyio.fail_after(PATIENCE_S):
        while True:
            on = (await asked(f"{url}/venue?ledger=0"))["faults"]
            if any(one["name"].split("@")[0] == fault and one["did"] >= enough for one in on):
                return


async def provoked(url: str, run: Run, fault: str, argument: str) -> None:
    """Turn a fault on, and return once it has struck and the program has said what it says of it."""
    outcome, began = CLAIMS[f"{fault}:{argument}" if argument else fault], len(run.said)
    await turn_on(url, fault, "market", run.tokens[0] if fault == "freeze-token" else argument)
    if fault in ON_NEW_SOCKETS:
        await turn_on(url, "drop-connection", "market", "")
    if fault == "no-resolution":
        venue = await asked(f"{url}/venue?ledger=0")
        (ours,) = [market for market in venue["markets"] if market["tokens"][0] == run.tokens[0]]
        await asked(f"{url}/venue/resolve", {"condition": ours["condition"], "winner": run.tokens[0]})
    if outcome in {"gap", "late gap"}:
        await run.until("gap")
    if fault in LASTING:
        await run.until("gap", lambda line: "no snapshot" in line["why"])
        assert "whole" not in {line["event"] for line in run.said[began:]}
    if outcome == "unchecked":
        await run.until("unchecked")
    if outcome == "closed":
        await run.until("checked", lambda line: line["of"] == len(run.tokens) - 2)
    if fault not in {"drop-connection", "dead", "no-resolution"}:  # these strike all at once, or what is not counted
        await struck(url, fault)


@pytest.mark.parametrize("claim", CLAIMS)
async def test_under_each_fault_the_program_does_what_the_page_claims(claim: str, tmp_path: Path) -> None:
    fault, _, argument = claim.partition(":")
    outcome = CLAIMS[claim]
    async with exchange("--rate", "10", "--seed", "3") as url, running(url, tmp_path) as run:
        await provoked(url, run, fault, argument)
        await asked(f"{url}/venue/faults", method="DELETE")
        await asked(f"{url}/venue/clock", {"paused": True})
        await run.until_equal(len(run.tokens) - (2 if outcome == "closed" else 0))
        truth = await stated(url, run.tokens)
        books = await run.ended()
        assert sorted(books) == sorted(run.tokens)
        for token in run.tokens:
            if token in truth:
                assert books[token]["trusted"], books[token]["why"]
                assert levels(books[token]) == levels(truth[token])
            else:
                assert not books[token]["trusted"]
                assert (books[token]["bids"], books[token]["asks"]) == ([], [])
        if outcome in {"gap", "late gap"}:
            assert run.gaps()
        else:
            assert run.gaps() == []
        if outcome == "gap":  # it was told so by the stream, before REST could contradict a book
            assert [why for why in run.gaps() if "REST" in why] == []


async def test_a_dead_socket_is_given_up_even_where_nothing_happens(tmp_path: Path) -> None:
    """REST contradicts no book of a venue that stands still, so only the silence tells."""
    async with exchange("--seed", "3") as url, running(url, tmp_path) as run:
        await asked(f"{url}/venue/clock", {"paused": True})
        await run.until_equal(len(run.tokens))
        await turn_on(url, "dead", "market", "")
        assert "TimeoutError" in (await run.until("gap"))["why"]
        await run.until("whole")
        assert all(book["trusted"] for book in (await run.ended()).values())


async def test_a_book_in_doubt_is_not_printed(tmp_path: Path) -> None:
    async with exchange("--rate", "10", "--seed", "3") as url, running(url, tmp_path) as run:
        await turn_on(url, "freeze", "market", "")
        await run.until("gap", lambda line: "no snapshot" in line["why"])
        for book in (await run.ended()).values():
            assert not book["trusted"]
            assert "no snapshot since the socket was lost" in book["why"]
            assert (book["bids"], book["asks"]) == ([], [])


async def test_the_program_ends_by_itself_and_prints_every_book(tmp_path: Path) -> None:
    async with exchange("--seed", "3") as url, running(url, tmp_path, seconds=3.0) as run:
        books = await run.ended(by_itself=True)
        assert [book["trusted"] for book in books.values()] == [True] * len(run.tokens)
        assert run.said[-1] == {"event": "end", "gaps": 0, "undecoded": 0, "unknown": 0} | {
            "messages": run.said[-1]["messages"]
        }


def test_the_table_names_every_fault_that_a_reader_of_books_can_meet() -> None:
    can_meet = {name for name, kind in FAULTS.items() if "market" in kind.where} | {"read-limit", "slow-answers"}
    assert {claim.partition(":")[0] for claim in CLAIMS} == can_meet


def test_every_outcome_claimed_is_explained() -> None:
    explained = {name for name, _ in rows(PAGE, "Which faults it survives", first="outcome")}
    assert set(CLAIMS.values()) == explained


# ------------------------------------------------------------ its book, by itself


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """What the program defines, without its being run."""
    path = tmp_path_factory.mktemp("page") / "books.py"
    path.write_text(PROGRAM)
    return runpy.run_path(str(path), run_name="books")


def snapshot(bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> str:
    sides = [[{"price": price, "size": size} for price, size in side] for side in (bids, asks)]
    return json.dumps({"event_type": "book", "asset_id": "7", "bids": sides[0], "asks": sides[1]})


def change(*entries: tuple[str, str, str], **stated: str) -> str:
    told = [{"asset_id": "7", "side": side, "price": price, "size": size} for side, price, size in entries]
    told[-1] |= stated
    return json.dumps({"event_type": "price_change", "price_changes": told})


def test_two_spellings_of_a_price_are_one_level(page: Line) -> None:
    books = {"7": page["Book"]("seven")}
    page["take"](snapshot([("0.5", "100")], []), books)
    page["take"](change(("BUY", "0.50", "0")), books)
    assert books["7"].answer() == ([], [])


def test_a_change_before_the_snapshot_is_dropped(page: Line) -> None:
    books = {"7": page["Book"]("seven")}
    page["take"](change(("BUY", "0.5", "10"), best_bid="0.55"), books)  # it is not held against an empty book
    with pytest.raises(page["Lost"], match="no snapshot yet"):
        books["7"].answer()
    page["take"](snapshot([("0.4", "1")], [("0.6", "2")]), books)
    assert books["7"].answer() == ([(4_000, 1_000_000)], [(6_000, 2_000_000)])


def test_levels_better_than_the_best_that_is_stated_are_taken_away(page: Line) -> None:
    books = {"7": page["Book"]("seven")}
    page["take"](snapshot([("0.52", "1")], [("0.53", "2"), ("0.54", "3")]), books)
    page["take"](change(("BUY", "0.53", "4"), best_bid="0.53", best_ask="0.54"), books)
    assert books["7"].answer() == ([(5_300, 4_000_000), (5_200, 1_000_000)], [(5_400, 3_000_000)])


@pytest.mark.parametrize(("best_bid", "best_ask"), [("0.41", "0.6"), ("0.4", "0.59")])
def test_a_best_price_that_is_stated_and_not_there_was_lost(page: Line, best_bid: str, best_ask: str) -> None:
    books = {"7": page["Book"]("seven")}
    page["take"](snapshot([("0.4", "1")], [("0.6", "2")]), books)
    with pytest.raises(page["Lost"], match="is not in its book"):
        page["take"](change(("BUY", "0.3", "1"), best_bid=best_bid, best_ask=best_ask), books)


@pytest.mark.parametrize(("best_bid", "best_ask"), [("0", "1"), ("", "")])
def test_an_empty_side_is_stated_as_a_number_or_not_at_all(page: Line, best_bid: str, best_ask: str) -> None:
    books = {"7": page["Book"]("seven")}
    page["take"](snapshot([("0.4", "1")], []), books)
    page["take"](change(("BUY", "0.4", "0"), best_bid=best_bid, best_ask=best_ask), books)
    assert books["7"].answer() == ([], [])


@pytest.mark.parametrize(
    "frame",
    [
        "null",
        "upstream connect error",
        '[{"event_type":"book"},7]',
        change(("bid", "0.5", "10")),
        change(("BUY", "0.5", "Infinity")),
        change(("BUY", "NaN", "10")),
        change(("BUY", "0.5", "-1")),
        change(("BUY", "0.50001", "10")),
        '{"event_type":"price_change","asset_id":"7","price":"0.5","size":"1","side":"BUY"}',
        '{"event_type":"price_change","asset_id":"7","changes":[{"price":"0.5","size":"1","side":"BUY"}]}',
    ],
)
def test_what_cannot_be_read_exactly_is_refused(page: Line, frame: str) -> None:
    books = {"7": page["Book"]("seven")}
    page["take"](snapshot([("0.4", "1")], [("0.6", "2")]), books)
    with pytest.raises(page["UNREADABLE"]):
        page["take"](frame, books)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["BUY", "SELL"]), st.integers(1, 9_999), st.integers(0, 10**12), st.sampled_from(["", "0"])
        ),
        min_size=1,
    )
)
def test_any_changes_in_any_spelling_end_in_the_totals_stated_last(
    page: Line, changes: list[tuple[str, int, int, str]]
) -> None:
    books = {"7": page["Book"]("seven")}
    page["take"](snapshot([], []), books)
    told = [
        (side, f"{Decimal(price) / 10_000:f}{zeros}", f"{Decimal(size) / 1_000_000:f}")
        for side, price, size, zeros in changes
    ]
    page["take"](change(*told), books)
    last = {(side, price): size for side, price, size, _ in changes}
    sides = [[(price, size) for (of, price), size in last.items() if of == side and size] for side in ("BUY", "SELL")]
    assert books["7"].answer() == (sorted(sides[0], reverse=True), sorted(sides[1]))

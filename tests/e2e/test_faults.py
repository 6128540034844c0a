"""Every fault of the exchange, under load: what a subscriber was told, against the exchange's own ledger.

The short runs hold the claims at every change; `./polywire test --slow -s tests/e2e/test_faults.py` runs 20 s each and
prints the table.
"""

import logging
import math
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import anyio
import msgspec
import pytest

import polywire
from e2e.processes import asked, exchange
from e2e.traders import step
from polywire.errors import BookNotCurrent
from polywire.exchange.faults import FAULTS
from polywire.model.events import Event
from polywire.model.health import FreshnessChanged, Gap
from polywire.model.market import BestChanged, BookReplaced, LevelChanged, TickSizeChanged, Traded
from polywire.model.units import TokenId
from polywire.services.feed.feed import Feed
from polywire.wire.rest import read_rest_book
from polywire.wire.tally import Tally

pytestmark = pytest.mark.anyio

KINDS: Final[dict[type, str]] = {
    BookReplaced: "book",
    LevelChanged: "price_change",
    Traded: "last_trade_price",
    BestChanged: "best_bid_ask",
    TickSizeChanged: "tick_size_change",
}
CLOSED_HERE: Final = {  # fault: argument
    "drop-connection": "1.5",
    "refuse": "",
    "slow": "300",
    "garbage": "",
    "bad-utf8": "",
    "fragmented": "",
    "oversized": "12000000",
    "duplicate": "",
    "crossed": "",
}
CLOSED_LATER: Final = ("dead", "no-resolution", "drop-frame", "reorder", "freeze", "freeze-token", "no-snapshot")
RECOVERY_S: Final = 3.0
LONGEST_RECOVERY_S: Final = 70.0  # with the longest wait before a redial
WINDOW_MS: Final = 300_000  # of the shortest markets, from whole multiples of it
RESOLVED_AFTER_MS: Final = 4_000


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Tale:
    """What one subscriber was told."""

    told: Counter[tuple[str, str]] = field(default_factory=Counter)
    gaps: Counter[str] = field(default_factory=Counter)
    freshness: Counter[str] = field(default_factory=Counter)

    def note(self, event: Event) -> None:
        kind = KINDS.get(type(event))
        if kind is not None:
            self.told[event.token, kind] += 1  # type: ignore[union-attr]  # each of those kinds has a token
        elif isinstance(event, Gap):
            self.gaps.update(event.tokens)
        elif isinstance(event, FreshnessChanged):
            self.freshness[event.now] += 1


@dataclass
class Ran:
    """How a run under a fault went."""

    tale: Tale
    sent: Counter[tuple[str, str]]  # on our sockets, by token and kind
    happened: Counter[tuple[str, str]]  # what there was to be told, connected or not
    recovery_s: float
    allowed_s: float
    differing: list[str]  # tokens whose book is not the venue's, at the end
    struck: int
    undecoded: int
    reconnects: int

    @property
    def untold(self) -> Counter[tuple[str, str]]:
        """What happened and the subscriber was not told."""
        return self.happened - self.tale.told

    @property
    def row(self) -> str:
        told, sent, happened = (sum(count.values()) for count in (self.tale.told, self.sent, self.happened))
        silent = sum(count for (token, _), count in self.untold.items() if not self.tale.gaps[token])
        return (
            f"happened {happened:>6,}  sent {sent:>7,}  told {told:>7,}  untold {sum(self.untold.values()):>6,} "
            f"(without a gap {silent:>6,})  gaps {sum(self.tale.gaps.values()):>5,}  undecoded {self.undecoded:>5,}  "
            f"reconnects {self.reconnects:>2}  books that differ {len(self.differing):>2}  "
            f"back after {self.recovery_s:5.2f} s (allowed {self.allowed_s:5.2f})"
        )


async def run(fault: str, argument: str, seconds: float) -> Ran:
    """Put a feed on a busy exchange, turn a fault on for a while, and reckon."""
    tale = Tale()
    async with (
        exchange("--rate", "10", "--seed", "3") as url,
        polywire.open_feed(polywire.Settings(venue=url)) as feed,
    ):
        await asked(f"{url}/venue/clock", {"paused": True})
        await clear_of_resolutions(url, seconds)
        venue = await asked(f"{url}/venue")
        tokens = [token for market in venue["markets"] if not market["closed"] for token in market["tokens"]]
        before = counted(venue["happened"])
        async with feed.subscribe(tokens=tokens, callback=tale.note):
            await feed.until_current(*tokens)
            await asked(f"{url}/venue/faults", {"name": fault, "argument": argument})
            await asked(f"{url}/venue/clock", {"paused": False})
            if fault in {"refuse", "no-snapshot"}:  # which show only on a new socket
                await feed.reconnect()
            with anyio.move_on_after(seconds):
                await anyio.sleep_forever()
            struck = (await asked(f"{url}/venue?ledger=0"))["faults"][0]["did"]
            await asked(f"{url}/venue/faults/{fault}", method="DELETE")
            allowed = RECOVERY_S + max(waits(feed), default=0.0)
            recovery = await recovered(feed, await still_open(url, tokens), allowed)
            await asked(f"{url}/venue/clock", {"paused": True})
            sent, happened = await drained(url, tale, tokens, before)
            differing = await differ(url, feed, tokens)
            statistics: Any = feed.status()["statistics"]
            return Ran(
                tale,
                sent,
                happened,
                recovery,
                allowed,
                differing,
                struck,
                feed.tally.lost_in_all,
                statistics["reconnect_count"],
            )


async def clear_of_resolutions(url: str, seconds: float) -> None:
    """Begin after the next window's end where one would end meanwhile.

    A market that resolves while the feed is away never answers again, so its loss is never told with both ends; that is
    another claim than the ones here, and not held yet.
    """
    now_ms = (await asked(f"{url}/venue?ledger=0"))["clock"]["now_ms"]
    left_ms = WINDOW_MS - now_ms % WINDOW_MS
    if left_ms < (seconds + LONGEST_RECOVERY_S) * 1_000:
        await step(url, left_ms + RESOLVED_AFTER_MS)


def waits(feed: Feed) -> list[float]:
    """Return the delays that are due: of redials, and of mendings."""
    sockets: Any = feed.status()["connections"]["clob"]["sockets"]  # type: ignore[index]
    return [one["next_try_s"] for one in sockets if one["next_try_s"] is not None]


async def still_open(url: str, tokens: list[str]) -> list[str]:
    """Return those whose market has not resolved meanwhile: of the others the venue sends no book any more."""
    venue = await asked(f"{url}/venue?ledger=0")
    closed = {token for market in venue["markets"] if market["closed"] for token in market["tokens"]}
    return [token for token in tokens if token not in closed]


async def recovered(feed: Feed, tokens: list[str], allowed_s: float) -> float:
    """Return after how many seconds every book answers; whatever it took, up to 5 s beyond what is allowed."""
    began = time.monotonic()
    for token in tokens:
        left = max(0.01, began + allowed_s + 5.0 - time.monotonic())
        try:
            await feed.until_current(token, within_s=left)
        except BookNotCurrent:
            return math.inf
    return time.monotonic() - began


async def drained(
    url: str, tale: Tale, tokens: list[str], before: Counter[tuple[str, str]]
) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """Return what our sockets were sent and what happened, once all of it is told or two seconds have passed."""
    ours = set(tokens)
    with anyio.move_on_after(2):
        while True:
            venue = await asked(f"{url}/venue")
            happened = Counter({key: n for key, n in counted(venue["happened"]).items() if key[0] in ours}) - before
            sent = sent_to(venue)
            if tale.told == sent and not happened - tale.told:
                break
            await anyio.sleep(0.05)  # the exchange is another process: it can only be asked
    return sent, happened


def sent_to(venue: Any) -> Counter[tuple[str, str]]:
    return sum((counted(account["sent"]) for account in (*venue["connections"], *venue["closed"])), Counter())


def counted(counts: dict[str, dict[str, int]]) -> Counter[tuple[str, str]]:
    """Return the ledger's counts of the kinds that are compared."""
    return Counter(
        {(token, kind): n for token, kinds in counts.items() for kind, n in kinds.items() if kind in KINDS.values()}
    )


async def differ(url: str, feed: Feed, tokens: list[str]) -> list[str]:
    """Return the tokens whose book that answers is not the venue's own."""
    stated = await asked(f"{url}/clob/books", [{"token_id": token} for token in tokens])
    wrong: list[str] = []
    for one in stated:
        truth = read_rest_book(msgspec.json.encode(one), 0, Tally()).book
        book = feed.books[TokenId(truth.token)]
        if book.freshness == "current" and (book.bids != truth.bids or book.asks != truth.asks):
            wrong.append(truth.token)
    return wrong


@pytest.fixture(autouse=True)
def nothing_is_logged_that_is_not_ours(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.WARNING)
    yield
    foreign = [record for record in caplog.get_records("call") if not record.name.startswith("polywire")]
    assert foreign == [], [record.getMessage() for record in foreign]


def held(name: str, ran: Ran) -> None:
    """Hold what must hold of every fault that this feed closes."""
    print(f"\n{name:16} {ran.row}")  # noqa: T201 - the table, with -s
    assert ran.recovery_s <= ran.allowed_s, "not back to current in time"
    assert ran.differing == [], "a book that answers is wrong"
    silent = {key: count for key, count in ran.untold.items() if not ran.tale.gaps[key[0]]}
    assert silent == {}, "lost without a word"
    if not ran.reconnects:  # what was on the way to a socket that ended is lost, and its gap told
        assert ran.tale.told == ran.sent, (ran.tale.told - ran.sent, ran.sent - ran.tale.told)


SHORT_S: Final = 2.0
LONG_S: Final = 20.0


@pytest.mark.parametrize("name", CLOSED_HERE)
async def test_a_fault_of_connections_or_frames_ends_in_right_books_and_nothing_lost_in_silence(name: str) -> None:
    ran = await run(name, CLOSED_HERE[name], SHORT_S)
    held(name, ran)
    assert ran.struck > 0, "the fault never struck: this run proves nothing"


@pytest.mark.slow
@pytest.mark.parametrize("name", CLOSED_HERE)
async def test_the_same_for_twenty_seconds(name: str) -> None:
    held(name, await run(name, CLOSED_HERE[name], LONG_S))


@pytest.mark.slow
@pytest.mark.parametrize("name", CLOSED_LATER)
async def test_what_the_ledger_holds_and_the_subscriber_was_not_told_is_printed(name: str) -> None:
    """Nobody can see these from the stream alone; comparing with REST, in a later version, closes them."""
    ran = await run(name, "", LONG_S)
    print(f"\n{name:16} {ran.row}")  # noqa: T201 - the table, with -s
    assert ran.struck > 0


def test_every_fault_of_the_market_channel_is_run() -> None:
    assert {*CLOSED_HERE, *CLOSED_LATER} == {name for name, kind in FAULTS.items() if "market" in kind.where}

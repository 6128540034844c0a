"""One trial of the market channel: a feed on a busy exchange, a fault for a while, a witness beside it, a reckoning.

Faults strike every connection of a channel but those that are spared, so the witness is one: it shares the exchange,
its load and this process's clock with the feed, and nothing else.
"""

import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import time_ns
from typing import Any, Final

import anyio

import polywire
from e2e.processes import asked, exchange
from e2e.reckoning import SAMPLE_S, SECOND_NS, Losses, Sample, losses, was_true, wrongs
from e2e.tale import Tale
from e2e.trial import Row, Trial, clear_of_resolutions, turn_off, turn_on, waits
from e2e.witness import Witness, fingerprint, spared
from polywire.model.health import ANSWERING
from polywire.model.units import TokenId
from polywire.services.feed.feed import Feed

ON_NEW_SOCKETS: Final = frozenset({"refuse", "no-snapshot"})  # what these do shows only there


class Stage:
    """A feed, its subscriber, a witness, and the exchange they are on."""

    def __init__(self, url: str, peer: str, feed: Feed, tokens: list[str]) -> None:
        self.url, self.peer, self.feed, self.tokens = url, peer, feed, tokens  # the witness's address is `peer`
        self.tale, self.witness = Tale(), Witness(tokens)
        self.samples: dict[str, list[Sample]] = {token: [] for token in tokens}

    async def clock(self, *, paused: bool) -> None:
        """Let the venue's time stand or go on."""
        await asked(f"{self.url}/venue/clock", {"paused": paused})

    async def live(self, seconds: float, until: Callable[[], bool] | None = None) -> None:
        """Let things happen for so long, or until something holds, and sample the books meanwhile."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0 and not (until is not None and until()):
            self.sample()
            with anyio.move_on_after(min(SAMPLE_S, left)):
                await anyio.sleep_forever()

    def sample(self) -> None:
        """Put down what the feed hands out now, by token."""
        at_ns = time_ns()
        for token, samples in self.samples.items():
            book = self.feed.books.get(TokenId(token))
            answers = book is not None and book.freshness in ANSWERING
            samples.append(Sample(at_ns, _state(book) if answers else None))

    async def recovered(self, within_s: float) -> float | None:
        """Return after how many seconds every socket is open and every book answers; None: not within that."""
        began = time.monotonic()
        async with sampling(self):
            with anyio.move_on_after(within_s):
                while not self._is_back:
                    await asked(f"{self.url}/venue?ledger=0")  # a turn that gives way to the feed
                return round(time.monotonic() - began, 2)
        return None

    @property
    def channel(self) -> Any:
        """The channel as the feed's status shows it."""
        connections: Any = self.feed.status()["connections"]
        return connections["clob"]

    @property
    def _is_back(self) -> bool:
        books = (self.feed.books.get(TokenId(token)) for token in self.tokens)
        return bool(self.channel["connected"]) and all(
            book is not None and book.freshness in ANSWERING for book in books
        )

    def reckoned(self) -> Losses:
        """Return what was lost so far."""
        return losses(self.witness.happened, self.tale.told, self.tale.gaps, self.tale.doubts, self.witness.opening)

    async def drained(self) -> None:
        """Return when the witness has all, and the feed too or two seconds more; the venue's time stands."""
        before, now = None, await _happened(self.url)
        with anyio.fail_after(60):
            while before != now or self.witness.frames != frames_to(now, self.peer):
                before, now = now, await _happened(self.url)
        with anyio.move_on_after(2):
            while self.reckoned().untold:
                await asked(f"{self.url}/venue?ledger=0")

    @property
    def is_right(self) -> bool:
        """Whether every book that answered at the last sample was the venue's."""
        books = self.witness.books
        last = {token: samples[-1] for token, samples in self.samples.items() if samples}
        return all(
            one.state is None or was_true(one.state, one.at_ns, books[token].states) for token, one in last.items()
        )

    async def resolve_one(self) -> None:
        """Resolve a market that would have lasted."""
        venue = await asked(f"{self.url}/venue?ledger=0")
        markets = [one for one in venue["markets"] if one["tokens"][0] in self.tokens and "updown" not in one["slug"]]
        body = {"condition": markets[0]["condition"], "winner": markets[0]["tokens"][0]}
        await asked(f"{self.url}/venue/resolve", body)

    async def differing(self) -> int:
        """Return how many books that answer are not the venue's own; those of the witness all are."""
        stated = await asked(f"{self.url}/clob/books", [{"token_id": token} for token in self.tokens])
        wrong = 0
        for one in stated:
            truth = Witness([one["asset_id"]]).books[one["asset_id"]]
            truth.replace(one, 0)
            assert self.witness.books[one["asset_id"]].levels == truth.levels, (
                "the witness is wrong: this proves nothing"
            )
            book = self.feed.books.get(TokenId(one["asset_id"]))
            wrong += book is not None and book.freshness in ANSWERING and _state(book) != truth.state
        return wrong


async def _happened(url: str) -> Any:
    """Return the exchange's ledger."""
    venue = await asked(f"{url}/venue")
    return {"happened": venue["happened"], "connections": venue["connections"]}


def frames_to(ledger: Any, peer: str) -> int:
    """Return how many texts went to a socket that is open."""
    return sum(one["frames"] for one in ledger["connections"] if one["peer"] == peer)


def _state(book: Any) -> int:
    return fingerprint(
        (side, level.price, level.size) for side, levels in (("bid", book.bids), ("ask", book.asks)) for level in levels
    )


@asynccontextmanager
async def sampling(stage: Stage) -> AsyncIterator[None]:
    """Sample the books while the block runs."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stage.live, math.inf)
        yield
        tasks.cancel_scope.cancel()


async def run(trial: Trial) -> Row:
    """Run a trial."""
    async with exchange("--rate", "10", "--seed", "3") as url:
        await asked(f"{url}/venue/clock", {"paused": True})
        await clear_of_resolutions(url, trial.before_s + trial.seconds + trial.after_s + 75.0)
        venue = await asked(f"{url}/venue?ledger=0")
        tokens = [token for market in venue["markets"] if not market["closed"] for token in market["tokens"]]
        first = {"type": "market", "assets_ids": tokens, "custom_feature_enabled": True}
        async with (
            spared(venue["urls"]["market_ws"], first) as socket,
            polywire.open_feed(polywire.Settings(venue=url, **trial.settings)) as feed,
            anyio.create_task_group() as tasks,
        ):
            stage = Stage(url, socket.peer, feed, tokens)
            tasks.start_soon(stage.witness.read, socket)
            await stage.witness.until_begun()
            async with feed.subscribe(tokens=tokens, callback=stage.tale.note):
                await feed.until_current(*tokens)
                stage.tale.begin()
                stage.witness.begin()
                row = await _tried(stage, trial)
            tasks.cancel_scope.cancel()
    return row


async def _tried(stage: Stage, trial: Trial) -> Row:
    url, feed = stage.url, stage.feed
    await stage.clock(paused=False)
    await stage.live(trial.before_s)
    if trial.quiet:
        await stage.clock(paused=True)
        await stage.drained()
    argument = await _argument(url, trial)
    stage.tale.listen()
    on_ns = time_ns()
    await turn_on(url, trial.fault, "market", argument)
    if trial.fault in ON_NEW_SOCKETS:
        await feed.reconnect()
    if trial.fault == "no-resolution":
        await stage.resolve_one()
    await stage.live(trial.seconds)
    struck = await turn_off(url, trial.fault, "market")
    allowed_s = trial.back_within_s + max(waits(stage.channel), default=0.0)
    back_s = await stage.recovered(allowed_s + 5.0)
    if trial.quiet:
        await stage.clock(paused=False)
    await stage.live(trial.after_s, until=lambda: not stage.reckoned().silent and stage.is_right)
    await stage.clock(paused=True)
    await stage.drained()
    stage.sample()
    tale, witness = stage.tale, stage.witness
    states = {token: book.states for token, book in witness.books.items()}
    status: Any = feed.status()["statistics"]
    happened = {seen.fact for seen in witness.happened}
    return Row(
        name=trial.name,
        argument=argument if len(argument) < 20 else "the busiest",
        seconds=trial.seconds,
        losses=stage.reckoned(),
        wrongs=wrongs(stage.samples, states, tale.gaps),
        detected_s=None if tale.first_doubt_ns is None else round((tale.first_doubt_ns - on_ns) / SECOND_NS, 2),
        back_s=back_s,
        allowed_s=round(allowed_s + 0.005, 2),
        differing=await stage.differing(),
        invented=sum(n for fact, n in tale.told.items() if fact not in happened and fact.kind != "book"),
        gaps=sum(map(len, tale.gaps.values())),
        reconnects=status["reconnect_count"],
        undecoded=feed.tally.lost_in_all,
        struck=struck,
        reasons=dict(tale.reasons.most_common(8)),
    )


async def _argument(url: str, trial: Trial) -> str:
    """Return the fault's argument; the busiest token is looked up, so that it is one that is followed."""
    if trial.argument != "busiest":
        return trial.argument
    venue = await asked(f"{url}/venue")
    alive = {token for market in venue["markets"] if not market["closed"] for token in market["tokens"]}
    counts: dict[str, int] = {
        token: sum(kinds.values()) for token, kinds in venue["happened"].items() if token in alive
    }
    return max(counts, key=counts.__getitem__)

"""A sentry in any order of events: books that move, doubt and answer, trades, gaps, ends, time, and restarts."""

import itertools
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polywire.core.book import Book
from polywire.core.sentry import Sentry
from polywire.model.events import Event
from polywire.model.health import ANSWERING, Freshness
from polywire.model.journal import Draft, EntryKind
from polywire.model.units import TokenId
from polywire.model.watch import (
    Changes,
    Condition,
    Created,
    Crosses,
    Depth,
    Moves,
    Of,
    Opportunity,
    OrderChanges,
    OwnTrades,
    Resolves,
    Spread,
    TradeOver,
)
from watched_books import (
    EVERY,
    LISTED,
    RAIN,
    SNOW,
    A,
    B,
    around,
    freshness,
    gap,
    ordered,
    resolved,
    snapshot,
    traded,
    watch,
)

CURRENT, SUSPECT = Freshness.CURRENT, Freshness.SUSPECT
Step = tuple[int, str, TokenId, int]  # milliseconds since the one before, what happens, of which token, a price
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 60, 150, 900, 4_000, 11_000, 1_200_000]),
        st.sampled_from(["book", "book", "book", "doubt", "answer", "trade", "gap", "order", "end", "tick"]),
        st.sampled_from([A, B]),
        st.sampled_from([4_600, 4_900, 4_990, 5_000, 5_010, 5_100, 5_400]),
    ),
    min_size=12,
    max_size=40,
)
START_MS = 1_790_000_000_000
OWN = (OrderChanges, OwnTrades, Created)  # of no token's book
JUDGED = (Changes, Crosses, Moves, Spread, Depth, Opportunity)  # by books: of one that does not answer they say nothing


class Stage:
    """One sentry and the books of its tokens. Each step is played as a feed would: the book first, then the event."""

    def __init__(self, sentry: Sentry) -> None:
        self.sentry, self.now_ms = sentry, START_MS
        self.books = {A: around(5_000, A), B: around(5_000, B)}
        self.told: list[tuple[Draft, bool]] = []  # and whether the books of all it names answered then

    def play(self, step: Step) -> None:
        pause_ms, what, token, price = step
        until_ms = self.now_ms + pause_ms
        while (due_ms := self.sentry.due_ms) is not None and due_ms <= until_ms:
            self.now_ms = max(due_ms, self.now_ms)
            self._take(self.sentry.tick(self.now_ms))
        self.now_ms = until_ms
        known, wide = self.books[token], price % 200 == 0
        answers = known.freshness in ANSWERING
        if what == "book" and answers:
            event = snapshot(token, [(price - (400 if wide else 10), price)], [(price + 10, 5)])
            known.replace(event)
            self._show(event, known)
        elif what == "doubt" and answers:
            known.doubt(SUSPECT, "lost")
            self._show(freshness(SUSPECT, token), known)
        elif what == "answer" and not answers:
            known.replace(snapshot(token, [(price - 10, 5)], [(price + 10, 5)]))
            self._show(freshness(CURRENT, token, was=SUSPECT), known)
        elif what == "trade":
            self._show(traded(token, price), known)
        elif what == "gap":
            self._show(gap(token), None)
        elif what == "order":
            self._show(ordered(matched=price), known)
        elif what == "end":
            self._show(resolved(RAIN if token == A else SNOW), None)
        elif what == "tick":
            self._take(self.sentry.tick(self.now_ms))

    def answering(self, token: str) -> bool:
        return self.books[TokenId(token)].freshness in ANSWERING

    def _show(self, event: Event, known: Book | None) -> None:
        self._take(self.sentry.heed(event, known, self.now_ms))

    def _take(self, drafts: Sequence[Draft]) -> None:
        for draft in drafts:
            named = {draft.token, *(leg["token"] for leg in draft.data.get("legs", ()))} - {""}
            self.told.append((draft, all(map(self.answering, named))))


@pytest.mark.parametrize("condition", EVERY, ids=lambda one: type(one).__name__)
@settings(max_examples=40)
@given(steps=STEPS)
def test_in_any_order_nothing_is_judged_by_a_book_that_does_not_answer_and_what_stands_is_told(
    condition: Condition, steps: list[Step]
) -> None:
    stage = Stage(Sentry(watch(condition, A, B, budget=3), LISTED))
    for step in [*steps, (11_000, "tick", A, 5_000)]:
        stage.play(step)
        doubted = {token for token in (A, B) if not stage.answering(token)}
        assert set(stage.sentry.in_doubt) == (set() if isinstance(condition, OWN) else doubted)
        assert not stage.sentry.over
    said: dict[str, list[bool]] = {A: [], B: []}
    for draft, answered in stage.told:
        assert msgspec.json.decode(msgspec.json.encode(draft.data)) == draft.data
        assert "Will it" not in draft.text
        if draft.kind is EntryKind.FRESHNESS:
            said[draft.token].append(draft.data["answers"])
        elif isinstance(condition, JUDGED) and draft.kind is not EntryKind.GAP:
            assert answered
    for token, answers in said.items():
        assert (answers[-1] if answers else True) == (token not in stage.sentry.in_doubt)
        assert all(earlier is not later for earlier, later in itertools.pairwise(answers))
    gaps = [draft for draft, _ in stage.told if draft.kind is EntryKind.GAP]
    assert [draft.token for draft in gaps] == [token for _, what, token, _ in steps if what == "gap"]


@pytest.mark.parametrize("condition", EVERY, ids=lambda one: type(one).__name__)
@settings(max_examples=40)
@given(steps=STEPS)
def test_whoever_keeps_the_state_each_time_it_has_moved_has_kept_the_newest(
    condition: Condition, steps: list[Step]
) -> None:
    stage = Stage(Sentry(watch(condition, A, B, budget=2, cooldown_s=1.0), LISTED))
    kept = stage.sentry.state
    for step in steps:
        stage.play(step)
        if stage.sentry.moved:
            kept = stage.sentry.state
        assert stage.sentry.state == kept


REMEMBERED: list[Condition] = [
    Crosses(5_000),
    Crosses(5_000, of=Of.LAST),
    Spread("over", 100),
    Depth("under", 5_000_000_000),
    TradeOver(1),
    Resolves(),
    OrderChanges(),
]


@pytest.mark.parametrize("condition", REMEMBERED, ids=str)
@settings(max_examples=40)
@given(steps=STEPS, cooldown_s=st.sampled_from([0.0, 2.0]))
def test_whenever_it_is_restarted_it_finds_what_it_would_have_found(
    condition: Condition, steps: list[Step], cooldown_s: float
) -> None:
    """What it says of freshness may be more: whether its last doubt was told within 10 s is not remembered."""
    wanted = watch(condition, A, B, budget=3, cooldown_s=cooldown_s)
    straight, restarted = Stage(Sentry(wanted, LISTED)), list[tuple[int, Stage]]()
    for at, step in enumerate([*steps, (3_600_000, "tick", A, 5_000)]):
        if at % 3 == 0:
            another = Stage(Sentry(wanted, LISTED, straight.sentry.state))
            another.now_ms = straight.now_ms
            another.books = {token: copy(known) for token, known in straight.books.items()}
            restarted.append((len(straight.told), another))
        for stage in (straight, *(stage for _, stage in restarted)):
            stage.play(step)
    for before, stage in restarted:
        assert found(stage.told) == found(straight.told[before:])


def found(told: Sequence[tuple[Draft, bool]]) -> list[tuple[Any, ...]]:
    """Return what was found, without how it is put: after a restart an alert says that nobody looked."""
    names = ("value", "way", "alerts", "suppressed", "size", "condition", "matched_size", "what")
    drafts = [draft for draft, _ in told if draft.kind is not EntryKind.FRESHNESS]
    return [(draft.kind, draft.token, *map(draft.data.get, names)) for draft in drafts]


def copy(known: Book) -> Book:
    """Return another book that stands as this one does."""
    other = Book(known.token)
    bids, asks = known.bare_levels()
    other.replace(msgspec.structs.replace(snapshot(known.token), bids=bids, asks=asks))
    other.doubt(known.freshness, known.reason)
    return other

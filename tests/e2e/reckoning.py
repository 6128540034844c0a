"""What happened against what was told: how much was lost, how much of it without a gap, how long books were wrong.

Pure arithmetic on what a witness and a subscriber have put down; times are Unix nanoseconds of this machine's clock.
"""

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

SECOND_NS: Final = 1_000_000_000
IN_FLIGHT_NS: Final = SECOND_NS
"""How old a state may be that is handed out: what is on its way is no error."""

SAME_NS: Final = 100_000_000
"""How far two sockets of one process may be apart in seeing one message."""

SAMPLE_S: Final = 0.2

RESTATED_NS: Final = 2_500_000_000
"""Within which a level that is stated anew hides that a change of it was lost: two looks at the hashes, and some."""


class Fact(NamedTuple):
    """One thing the venue says. Two facts that are equal are the same thing, said twice."""

    subject: str  # a token, an order, a trade
    kind: str  # the venue's name for it
    what: tuple[Any, ...]


Level = tuple[str, int]
"""Side and price."""


class Seen(NamedTuple):
    """A fact, and when."""

    fact: Fact
    at_ns: int


class Span(NamedTuple):
    """A gap, as far as it concerns one subject."""

    from_ns: int
    to_ns: int
    told_ns: int

    def covers(self, from_ns: int, to_ns: int) -> bool:
        """Return whether it holds all of that time."""
        return self.from_ns - SAME_NS <= from_ns and to_ns <= self.to_ns + SAME_NS


class Sample(NamedTuple):
    """What was handed out for a subject at one instant."""

    at_ns: int
    state: int | None  # None: it did not answer


class Losses(msgspec.Struct):
    """What was not told, by kind."""

    happened: dict[str, int]
    told: dict[str, int]
    untold: dict[str, int]
    silent: dict[str, int]  # of the untold, those that no gap covers, but for the next
    restated: int  # level changes that no gap covers and none could: see `restated`
    longest_s: float | None  # from a loss to the first word of doubt about its subject; 0: none; None: never


class Wrongs(msgspec.Struct):
    """Wrong books that were handed out."""

    longest_s: float
    total_s: float  # over all subjects
    silent_s: float  # of that, time that no gap covers
    longest_silent_s: float = 0.0  # of one subject at a time


def losses(
    happened: Sequence[Seen],
    told: Counter[Fact],
    gaps: Mapping[str, Sequence[Span]],
    doubts: Mapping[str, list[int]],
    opening: Mapping[str, Mapping[Level, int]] | None = None,
) -> Losses:
    """Return what of `happened` was not told, and what of that no gap covers.

    Level changes of whose loss nothing is left, as `restated` says, are counted apart.

    Args:
        happened: All there was, by the witness, in order.
        told: What the subscriber was told, how often.
        gaps: What it was told may be missing, by subject.
        doubts: When it was told not to believe a subject any more, by subject, ascending.
        opening: Every token's levels before it.
    """
    counts = Counter(seen.fact for seen in happened)
    missing = counts - told
    lost = _lost(happened, missing)
    excused = restated(happened, lost, opening or {})
    silent, longest_ns = Counter[str](), 0.0
    hidden = 0
    for at in lost:
        fact, at_ns = happened[at]
        if not any(span.covers(at_ns, at_ns) for span in gaps.get(fact.subject, ())):
            hidden += at in excused
            silent[fact.kind] += at not in excused
        after = [ns for ns in doubts.get(fact.subject, ()) if ns >= at_ns - SAME_NS]
        longest_ns = max(longest_ns, after[0] - at_ns if after else math.inf)
    longest_s = None if math.isinf(longest_ns) else max(0.0, longest_ns) / SECOND_NS
    return Losses(by_kind(counts), by_kind(counts & told), by_kind(missing), dict(+silent), hidden, longest_s)


def _lost(happened: Sequence[Seen], missing: Counter[Fact]) -> set[int]:
    """Return where in `happened` what is missing stands; of what happened more often than it was told, the last."""
    left, found = missing.copy(), set()
    for at in range(len(happened) - 1, -1, -1):
        fact = happened[at].fact
        if left[fact] > 0:
            left[fact] -= 1
            found.add(at)
    return found


def restated(happened: Sequence[Seen], lost: Iterable[int], opening: Mapping[str, Mapping[Level, int]]) -> set[int]:
    """Return those lost level changes of which nothing is left by which their loss could be found.

    A level change states a size, not a difference: whatever states the level next makes it right. So a loss is excused
    if within `RESTATED_NS` either

    - the reader's level is as it must be again, by another change (told, or lost itself and back to what it was), or
    - a `book` of the token is told, the level is not worse than its best price, and it is smaller there than the reader
      had it, or new and of the book's own instant: the book behind a trade says what the trade took and its taker left.

    Args:
        happened: All there was, in order. `what` ends with the venue's time; that of a level change begins with side,
            price and size.
        lost: Where in it the losses are.
        opening: Every token's levels before it.
    """
    among, found = frozenset(lost), set[int]()
    true = {token: dict(levels) for token, levels in opening.items()}
    kept = {token: dict(levels) for token, levels in opening.items()}  # by whoever goes by what was told
    pending: defaultdict[str, dict[Level, list[int]]] = defaultdict(dict)

    def settle(places: Iterable[int], at_ns: int) -> None:
        found.update(place for place in places if at_ns - happened[place].at_ns <= RESTATED_NS)

    for at, (fact, at_ns) in enumerate(happened):
        token = fact.subject
        if fact.kind == "price_change":
            level: Level = fact.what[:2]
            true.setdefault(token, {})[level] = fact.what[2]
            mine = kept.setdefault(token, {})
            if at in among:
                pending[token].setdefault(level, []).append(at)
            else:
                mine[level] = fact.what[2]
            if mine.get(level, 0) == true[token][level]:
                settle(pending[token].pop(level, ()), at_ns)
        elif fact.kind == "book" and at not in among:
            now = true.setdefault(token, {})
            for level, places in pending.pop(token, {}).items():
                if not _worse_than_best(level, now):
                    had, now_ms = kept[token].get(level, 0), fact.what[-1]
                    settle((p for p in places if had > now[level] or (not had and _ms(happened[p]) == now_ms)), at_ns)
            kept[token] = dict(now)
    return found


def _ms(seen: Seen) -> Any:
    return seen.fact.what[-1]


def _worse_than_best(level: Level, levels: Mapping[Level, int]) -> bool:
    side, price = level
    resting = [other for (at, other), size in levels.items() if at == side and size]
    if side == "bid":
        return price < max(resting, default=0)
    return price > min(resting, default=math.inf)


def by_kind(facts: Counter[Fact]) -> dict[str, int]:
    """Return how many there are of each kind."""
    kinds: defaultdict[str, int] = defaultdict(int)
    for fact, count in facts.items():
        kinds[fact.kind] += count
    return dict(kinds)


def wrongs(
    samples: Mapping[str, Sequence[Sample]],
    states: Mapping[str, Sequence[tuple[int, int]]],
    gaps: Mapping[str, Sequence[Span]],
) -> Wrongs:
    """Return how long books were handed out that were none the venue had had a second ago or since.

    Args:
        samples: What was handed out, every `SAMPLE_S`, by subject.
        states: What was true, from when on, by subject: (Unix ns, state), ascending.
        gaps: As for `losses`.
    """
    longest = total = silent = longest_silent = 0.0
    for subject, handed in samples.items():
        for from_ns, to_ns, count in _spells(handed, states[subject]):
            seconds = count * SAMPLE_S
            longest, total = max(longest, seconds), total + seconds
            if not any(span.covers(from_ns, to_ns) for span in joined(gaps.get(subject, ()))):
                silent, longest_silent = silent + seconds, max(longest_silent, seconds)
    return Wrongs(round(longest, 1), round(total, 1), round(silent, 1), round(longest_silent, 1))


def joined(spans: Iterable[Span]) -> list[Span]:
    """Return gaps that touch each other as one: what each of them covers, both cover together."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.from_ns <= found[-1].to_ns + SAME_NS:
            last = found[-1]
            found[-1] = Span(last.from_ns, max(last.to_ns, span.to_ns), max(last.told_ns, span.told_ns))
        else:
            found.append(span)
    return found


def _spells(handed: Sequence[Sample], states: Sequence[tuple[int, int]]) -> Iterable[tuple[int, int, int]]:
    """Yield when each spell of wrong answers began and ended, and its samples. One alone is a message half told."""
    spell: list[int] = []
    for at_ns, state in (*handed, Sample(0, None)):
        if state is not None and not was_true(state, at_ns, states):
            spell.append(at_ns)
            continue
        if len(spell) > 1:
            yield spell[0], spell[-1], len(spell)
        spell = []


def was_true(state: int, at_ns: int, states: Sequence[tuple[int, int]]) -> bool:
    """Return whether a state was one of those from a second before `at_ns` until a moment after it."""
    first = max(0, bisect_right(states, at_ns - IN_FLIGHT_NS, key=_instant) - 1)
    last = bisect_right(states, at_ns + SAME_NS, key=_instant)
    return any(states[at][1] == state for at in range(first, last))


def _instant(true: tuple[int, int]) -> int:
    return true[0]

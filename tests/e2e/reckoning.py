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


class Fact(NamedTuple):
    """One thing the venue says. Two facts that are equal are the same thing, said twice."""

    subject: str  # a token, an order, a trade
    kind: str  # the venue's name for it
    what: tuple[Any, ...]


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
    restated: int  # level changes that no gap covers, whose level was told anew before the next snapshot
    longest_s: float | None  # from a loss to the first word of doubt about its subject; 0: none; None: never


class Wrongs(msgspec.Struct):
    """Wrong books that were handed out."""

    longest_s: float
    total_s: float  # over all subjects
    silent_s: float  # of that, time that no gap covers


def losses(
    happened: Sequence[Seen], told: Counter[Fact], gaps: Mapping[str, Sequence[Span]], doubts: Mapping[str, list[int]]
) -> Losses:
    """Return what of `happened` was not told, and what of that no gap covers.

    A level change states a size, not a difference. Where the next one of its level is told before the token's next
    snapshot, the book is right again and nothing is left by which the loss could be found: such are counted apart.

    Args:
        happened: All there was, by the witness.
        told: What the subscriber was told, how often.
        gaps: What it was told may be missing, by subject.
        doubts: When it was told not to believe a subject any more, by subject, ascending.
    """
    counts = Counter(seen.fact for seen in happened)
    missing = counts - told
    left = missing.copy()
    silent, restated, longest_ns = Counter[str](), 0, 0.0
    told_later: defaultdict[str, set[tuple[Any, ...]]] = defaultdict(set)  # levels, by token
    for fact, at_ns in reversed(happened):
        levels = told_later[fact.subject]
        if left[fact] <= 0:
            if fact.kind == "book":
                levels.clear()
            elif fact.kind == "price_change":
                levels.add(fact.what[:2])
            continue
        left[fact] -= 1
        if not any(span.covers(at_ns, at_ns) for span in gaps.get(fact.subject, ())):
            again = fact.kind == "price_change" and fact.what[:2] in levels
            restated += again
            silent[fact.kind] += not again
        after = [ns for ns in doubts.get(fact.subject, ()) if ns >= at_ns - SAME_NS]
        longest_ns = max(longest_ns, after[0] - at_ns if after else math.inf)
    longest_s = None if math.isinf(longest_ns) else max(0.0, longest_ns) / SECOND_NS
    return Losses(by_kind(counts), by_kind(counts & told), by_kind(missing), dict(+silent), restated, longest_s)


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
    longest = total = silent = 0.0
    for subject, handed in samples.items():
        for from_ns, to_ns, count in _spells(handed, states[subject]):
            seconds = count * SAMPLE_S
            longest, total = max(longest, seconds), total + seconds
            if not any(span.covers(from_ns, to_ns) for span in joined(gaps.get(subject, ()))):
                silent += seconds
    return Wrongs(round(longest, 1), round(total, 1), round(silent, 1))


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
    instants = [at_ns for at_ns, _ in states]
    spell: list[int] = []
    for at_ns, state in (*handed, Sample(0, None)):
        if state is not None and not _was_true(state, at_ns, states, instants):
            spell.append(at_ns)
            continue
        if len(spell) > 1:
            yield spell[0], spell[-1], len(spell)
        spell = []


def _was_true(state: int, at_ns: int, states: Sequence[tuple[int, int]], instants: list[int]) -> bool:
    """Return whether a state was one of those from a second before `at_ns` until a moment after it."""
    first = max(0, bisect_right(instants, at_ns - IN_FLIGHT_NS) - 1)
    last = bisect_right(instants, at_ns + SAME_NS)
    return any(states[at][1] == state for at in range(first, last))

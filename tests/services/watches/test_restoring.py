"""`services.watches.keeping`, `.restoring`: what is kept of a watch comes back as it was."""

from typing import get_args, get_type_hints

from hypothesis import given
from hypothesis import strategies as st

from polywire.model.journal import EntryKind
from polywire.model.units import ConditionId, TokenId
from polywire.model.watch import Condition, Resolves, Watch
from polywire.services.watches.keeping import NOTHING, body_of, read_body, read_state, state_of
from polywire.services.watches.restoring import restored
from services.feed.scripted import market

RAIN = market("will-it-rain", 1, 2, event="weather")
TEXTS = st.text(max_size=20)
NUMBERS = {int: st.integers(-(2**53), 2**53), float: st.floats(allow_nan=False, allow_infinity=False)}


def any_of(kind: type[Condition]) -> st.SearchStrategy[Condition]:
    """Return conditions of a kind with any numbers that pass the check when a watch is made, and any others."""
    hints = get_type_hints(kind)
    return st.builds(kind, **{name: NUMBERS.get(hint, st.from_type(hint)) for name, hint in hints.items()})


CONDITIONS: st.SearchStrategy[Condition] = st.one_of(*map(any_of, get_args(Condition)))
WATCHES = st.builds(
    Watch,
    id=TEXTS,
    condition=CONDITIONS,
    targets=st.tuples(TEXTS),
    tokens=st.tuples(TEXTS.map(TokenId)),
    markets=st.tuples(TEXTS.map(ConditionId)),
    label=TEXTS,
    cooldown_s=st.floats(0, 1e6),
    budget=st.integers(0, 10_000),
    created_ms=st.integers(0, 2**52),
    expires_ms=st.integers(0, 2**52),
)
SECOND_NS = 1_000_000_000


@given(WATCHES)
def test_a_watch_comes_back_as_it_was_with_its_markets(watch: Watch) -> None:
    body = read_body(body_of(watch, (RAIN,)))
    assert (body.watch, body.markets) == (watch, (RAIN,))


@given(st.sampled_from([b"", b"{}", b'{"a": [1, 2.5, null]}', b'"text"']), st.integers(0, 2**52), TEXTS)
def test_a_state_comes_back_to_the_byte(sentry: bytes, at_ms: int, winner: str) -> None:
    state = read_state(state_of(at_ms, sentry, {RAIN.condition: winner}))
    assert (state.at_ms, bytes(state.sentry), state.resolved) == (at_ms, sentry, {RAIN.condition: winner})


def kept(name: str, at_ms: int) -> tuple[str, bytes, bytes]:
    watch = Watch(name, Resolves(), ("rain",), (TokenId("7"),))
    return name, body_of(watch, (RAIN,)), state_of(at_ms, b'{"of":1}', {})


def test_nobody_watched_any_of_them_since_the_newest_state_was_written() -> None:
    """One owner watches all, so what he wrote of one says that he watched the others too."""
    found = restored([kept("a", 1_000), kept("b", 61_000)], 71 * SECOND_NS + 500_000_000, 5)
    assert [one.watch.id for one in found.watches] == ["a", "b"]
    assert [bytes(one.state.sentry) for one in found.watches] == [b'{"of":1}'] * 2
    for one in found.watches:
        absent = one.absent
        assert (absent.kind, absent.watch, absent.venue_ms) == (EntryKind.FRESHNESS, one.watch.id, 5)
        assert absent.data == {"what": "absent", "from_ms": 61_000, "to_ms": 71_500}
        assert absent.text.startswith("not watched from 1970-01-01 00:01:01 UTC to 1970-01-01 00:01:11 UTC (10.5 s)")


def test_a_clock_that_was_set_back_makes_no_absence_that_ends_before_it_begins() -> None:
    (one,) = restored([kept("a", 90_000)], 71 * SECOND_NS, 5).watches
    assert one.absent.data == {"what": "absent", "from_ms": 71_000, "to_ms": 71_000}


def test_one_that_cannot_be_read_is_told_of_and_keeps_the_others_from_nothing() -> None:
    name, body, _ = kept("c", 0)
    found = restored(
        [("b", b"{not json", b""), ("z", b'{"watch":{"id":"z"}}', b""), (name, body, b"junk")], SECOND_NS, 5
    )
    (one,) = found.watches
    assert (one.watch.id, one.state) == ("c", NOTHING)
    assert [watch for watch, _ in found.unread] == ["b", "z"]
    assert all(draft.kind is EntryKind.SYSTEM for _, draft in found.unread)
    assert found.unread[0][1].text.startswith("watch b is kept in a form that this version does not read")


def test_nothing_kept_is_nothing_to_restore() -> None:
    assert restored([], SECOND_NS, 5) == restored((), SECOND_NS, 6)

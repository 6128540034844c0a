"""A sentry: what it is shown goes in, entries come out; in doubt it is never silent, and it remembers what it told."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.core.sentry import Sentry
from polywire.model.health import Freshness
from polywire.model.journal import Draft, EntryKind
from polywire.model.market import BestChanged
from polywire.model.watch import (
    Condition,
    Created,
    Crosses,
    Opportunity,
    OrderChanges,
    Resolves,
    Silent,
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
    C,
    D,
    around,
    book,
    changed,
    created,
    freshness,
    gap,
    ordered,
    resolved,
    traded,
    watch,
)

CURRENT, SUSPECT = Freshness.CURRENT, Freshness.SUSPECT


def texts(drafts: "list[Draft] | tuple[Draft, ...]", kind: EntryKind) -> list[str]:
    return [draft.text for draft in drafts if draft.kind is kind]


@pytest.mark.parametrize("condition", EVERY, ids=lambda one: type(one).__name__)
def test_every_condition_has_a_sentry_that_wants_events_and_starts_from_its_own_state(condition: Condition) -> None:
    first = Sentry(watch(condition), LISTED)
    assert first.kinds
    assert not first.over
    again = Sentry(watch(condition), LISTED, first.state)
    assert again.state == first.state
    assert not again.moved


def test_an_alert_names_its_watch_its_market_and_how_old_the_proof_is_and_strangers_words_are_data() -> None:
    sentry = Sentry(watch(Crosses(5_000), label="mine"), LISTED)
    assert sentry.heed(changed(), around(4_900), 0) == ()
    (told,) = sentry.heed(changed(seen_ms=59), around(5_100), 1_000)
    assert (told.kind, told.watch, told.token, told.condition) == (EntryKind.ALERT, "w1", A, RAIN)
    assert told.text == "mine: the mid crossed 0.5 upwards: it is 0.51"
    assert told.data["question"] == "Will it rain?"
    assert told.data["outcome"] == "Yes"
    assert told.data["watching"] == "crosses"
    assert told.data["verified_age_ms"] == 50
    assert (told.venue_ms, told.seen_ns) == (7, 59_000_000)
    assert sentry.moved
    assert msgspec.json.decode(sentry.state)
    assert not sentry.moved


def test_what_it_did_not_ask_for_is_passed_over() -> None:
    sentry = Sentry(watch(Crosses(5_000)), LISTED)
    assert sentry.heed(BestChanged(A, RAIN, 1, 2, 3, 4), around(5_100), 0) == ()


def test_a_market_that_is_not_known_is_told_by_its_ids() -> None:
    (told,) = Sentry(watch(TradeOver(1)), {}).heed(traded(), None, 0)
    assert (told.token, told.condition) == (A, "")
    (told,) = Sentry(watch(Created()), {}).heed(created(), None, 0)
    assert told.condition == SNOW


# ---------------------------------------------------------------- doubt


def test_in_doubt_it_says_so_and_when_the_book_answers_again_what_crossed_meanwhile_is_told() -> None:
    sentry = Sentry(watch(Crosses(5_000)), LISTED)
    sentry.heed(changed(), around(4_900), 0)
    (doubt,) = sentry.heed(freshness(SUSPECT), around(4_900), 1_000)
    assert doubt.kind is EntryKind.FRESHNESS
    assert doubt.data["answers"] is False
    assert sentry.in_doubt == {A: "why"}
    back, alert = sentry.heed(freshness(CURRENT, was=SUSPECT), around(5_100), 20_000)
    assert back.data["answers"] is True
    assert alert.kind is EntryKind.ALERT
    assert alert.data["away"] is True
    assert not sentry.in_doubt


def test_a_book_that_was_never_in_doubt_is_only_looked_at_when_it_begins_to_answer() -> None:
    sentry = Sentry(watch(Spread("over", 10)), LISTED)
    (told,) = sentry.heed(freshness(CURRENT, was=Freshness.SYNCING), around(5_000), 0)
    assert told.kind is EntryKind.ALERT
    assert sentry.heed(freshness(Freshness.QUIET), around(5_000), 1) == []


def test_a_doubt_that_was_held_back_is_told_when_it_lasts() -> None:
    sentry = Sentry(watch(Crosses(5_000)), LISTED)
    flaps = ((0, SUSPECT), (1_000, CURRENT), (2_000, SUSPECT))
    assert [len(sentry.heed(freshness(now), around(4_900), at_ms)) for at_ms, now in flaps] == [1, 1, 0]
    assert sentry.due_ms == 11_000
    assert b"why" not in sentry.state  # held back: after a restart nobody has been told
    (told,) = sentry.tick(11_000)
    assert told.kind is EntryKind.FRESHNESS
    assert sentry.moved
    assert b"why" in sentry.state


@given(st.lists(st.tuples(st.integers(0, 7_000), st.booleans(), st.integers(4_900, 5_100)), max_size=40))
def test_no_alert_is_of_a_book_that_does_not_answer_and_a_lasting_doubt_is_always_told(
    steps: list[tuple[int, bool, int]],
) -> None:
    sentry, now_ms, answers = Sentry(watch(Crosses(5_000), budget=1_000), LISTED), 0, True
    told: list[tuple[bool, Draft]] = []
    for pause_ms, next_answers, mid in [*steps, (30_000, answers, 5_000)]:
        until_ms = now_ms + pause_ms
        while (due_ms := sentry.due_ms) is not None and due_ms <= until_ms:
            now_ms = due_ms
            told += [(answers, draft) for draft in sentry.tick(now_ms)]
        now_ms = until_ms
        known = around(mid)
        if not next_answers:
            known.doubt(SUSPECT, "lost")
        if next_answers != answers:
            was, now = (SUSPECT, CURRENT) if next_answers else (CURRENT, SUSPECT)
            told += [(next_answers, draft) for draft in sentry.heed(freshness(now, was=was), known, now_ms)]
        answers = next_answers
        told += [(answers, draft) for draft in sentry.heed(changed(), known, now_ms)]
        if (A in sentry.in_doubt) is answers:
            raise AssertionError
    assert all(answered for answered, draft in told if draft.kind is EntryKind.ALERT)
    told += [(answers, draft) for draft in sentry.tick(now_ms + 10_000)]
    health = [draft.data["answers"] for _, draft in told if draft.kind is EntryKind.FRESHNESS]
    assert (health[-1] if health else True) == answers


def test_a_gap_of_its_tokens_is_told_and_one_of_others_is_not() -> None:
    sentry = Sentry(watch(Crosses(5_000), A, B), LISTED)
    assert sentry.heed(gap(C, D), None, 0) == ()
    (one,) = sentry.heed(gap(A, C), None, 0)
    assert (one.kind, one.token, one.data["tokens"]) == (EntryKind.GAP, A, [A])
    assert one.text == "within 2.000 s something may have been missed: a socket was lost"
    (both,) = sentry.heed(gap(A, B), None, 0)
    assert both.token == ""
    own = Sentry(watch(OrderChanges(), tokens=()), {})
    assert len(own.heed(gap(A), None, 0)) == len(own.heed(gap(), None, 0)) == 1


# ---------------------------------------------------------------- how much


def test_over_its_budget_it_says_so_once_and_tells_the_rest_in_one_digest() -> None:
    sentry = Sentry(watch(TradeOver(1), budget=2), LISTED)
    start_ms = 3_600_000
    drafts = [draft for number in range(6) for draft in sentry.heed(traded(), None, start_ms + number)]
    assert [draft.kind for draft in drafts] == [EntryKind.ALERT, EntryKind.ALERT, EntryKind.NOTICE]
    assert "budget of 2 alerts an hour is used up" in drafts[-1].text
    assert sentry.budget_left == 0
    again = Sentry(watch(TradeOver(1), budget=2), LISTED, sentry.state)
    assert again.due_ms == 2 * start_ms
    (digest,) = again.tick(2 * start_ms)
    assert digest.data["digest"] is True
    assert digest.data["alerts"] == 4
    assert again.moved


def test_in_its_pause_alerts_of_a_token_are_counted_and_the_next_says_how_many() -> None:
    sentry = Sentry(watch(TradeOver(1), A, B, cooldown_s=10.0), LISTED)
    start_ms = 3_600_000
    told = [len(sentry.heed(traded(), None, start_ms + at)) for at in (0, 5_000, 9_999)]
    assert told == [1, 0, 0]
    assert len(sentry.heed(traded(B), None, start_ms + 5_000)) == 1
    (next_one,) = sentry.heed(traded(), None, start_ms + 10_000)
    assert next_one.data["suppressed"] == 2


def test_own_orders_and_resolutions_never_count_against_the_budget() -> None:
    sentry = Sentry(watch(OrderChanges(), budget=1), LISTED)
    told = [draft for _ in range(5) for draft in sentry.heed(ordered(), None, 0)]
    assert [draft.kind for draft in told] == [EntryKind.ORDER] * 5
    ended = Sentry(watch(Resolves(), budget=1), LISTED)
    assert texts(list(ended.heed(resolved(), None, 0)), EntryKind.RESOLUTION) == ["the market is resolved"]


def test_what_comes_of_time_alone_is_told_too() -> None:
    sentry = Sentry(watch(Silent(60.0)), LISTED)
    assert sentry.tick(1_000) == []
    (told,) = sentry.tick(61_000)
    assert told.text == "nothing came for 60.0 s"
    assert (told.venue_ms, told.seen_ns) == (61_000, 0)


# ---------------------------------------------------------------- the end


@given(st.integers(1, 10_000), st.integers(0, 10_000))
def test_it_is_over_at_its_expiry_and_not_before_and_says_nothing_afterwards(expires_ms: int, at_ms: int) -> None:
    sentry = Sentry(watch(Crosses(5_000), expires_ms=expires_ms), LISTED)
    assert sentry.due_ms == expires_ms
    drafts = sentry.tick(at_ms)
    assert sentry.over == (at_ms >= expires_ms) == bool(texts(list(drafts), EntryKind.NOTICE))
    if sentry.over:
        assert sentry.tick(99_999) == sentry.heed(gap(A), None, 0) == sentry.heed(changed(), around(1_000), 0) == ()
        assert sentry.due_ms is None


def test_between_its_expiry_and_the_tick_that_tells_it_nothing_is_told_of_the_feed_either() -> None:
    sentry = Sentry(watch(Crosses(5_000), expires_ms=1_000), LISTED)
    sentry.heed(changed(), around(4_900), 0)
    assert len(sentry.heed(gap(A), None, 999)) == 1
    assert sentry.heed(gap(A), None, 1_000) == ()
    assert sentry.heed(freshness(CURRENT, was=SUSPECT), around(5_100), 1_000) == ()


# ---------------------------------------------------------------- sets


def test_the_outcomes_of_a_market_are_a_set_and_of_a_whole_event_the_first_of_each_of_which_one_comes_true() -> None:
    rain, snow = (msgspec.structs.replace(LISTED[token], event_slug="weather", neg_risk=True) for token in (A, C))
    of_event = dict.fromkeys((A, B), rain) | dict.fromkeys((C, D), snow)
    others = dict.fromkeys((A, B), rain) | {C: LISTED[C], D: LISTED[D]}
    for listed, whole_event, expected in (
        (of_event, True, [A, C]),
        (of_event, False, []),
        (others, True, []),
        ({}, True, []),
    ):
        sentry = Sentry(watch(Opportunity(100, whole_event=whole_event), A, B, C, D), listed)
        for token in (A, C):
            assert sentry.heed(changed(token), book(token, [], [(4_000, 5)]), 0) == ()
        told = sentry.tick(100)
        assert [leg["token"] for draft in told for leg in draft.data["legs"]] == expected


def test_of_a_watch_of_own_orders_no_books_doubts_are_told() -> None:
    sentry = Sentry(watch(OrderChanges()), LISTED)
    assert sentry.heed(freshness(SUSPECT), None, 0) == ()
    assert not sentry.in_doubt


def test_after_its_expiry_it_tells_nothing_even_before_it_was_told_the_time_and_what_was_held_back_comes_last() -> None:
    sentry = Sentry(watch(TradeOver(1), budget=1, expires_ms=4_000_000), LISTED)
    for _ in range(3):
        sentry.heed(traded(), None, 3_600_000)
    assert sentry.heed(traded(), None, 4_000_000) == ()
    digest, end = sentry.tick(4_000_000)
    assert digest.data["alerts"] == 2
    assert end.kind is EntryKind.NOTICE


def test_the_end_of_a_doubt_is_told_after_a_restart_too() -> None:
    before = Sentry(watch(Crosses(5_000)), LISTED)
    before.heed(freshness(SUSPECT), around(4_900), 0)
    after = Sentry(watch(Crosses(5_000)), LISTED, before.state)
    assert after.in_doubt == {A: "why"}
    (told,) = after.heed(freshness(CURRENT, was=Freshness.SYNCING), around(4_900), 5)
    assert told.data["answers"] is True


def test_a_new_market_does_not_hush_another() -> None:
    sentry = Sentry(watch(Created(), tokens=(), cooldown_s=60.0), {})
    assert len(sentry.heed(created(), None, 3_600_000)) == 1
    other = msgspec.structs.replace(created(), condition=RAIN)
    assert len(sentry.heed(other, None, 3_600_001)) == 1


HALF = b'{"allowance":[9,9,null,{},{}],"observed":{"1":2},"doubts":{"1":"lost"}}'


@pytest.mark.parametrize("state", [b"[]", b"{", b'{"x":1}', b'{"allowance":[1],"observed":1,"doubts":2}', HALF])
def test_a_state_that_is_none_is_as_if_there_were_none(state: bytes) -> None:
    sentry = Sentry(watch(Crosses(5_000)), LISTED, state)
    assert sentry.state == Sentry(watch(Crosses(5_000)), LISTED).state
    sentry.heed(changed(), around(4_900), 0)
    assert len(sentry.heed(changed(), around(5_100), 0)) == 1

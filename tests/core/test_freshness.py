"""`polywire.core.freshness`: whose book wants evidence, and when."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from polywire.core.books import Books
from polywire.core.freshness import DETECTORS, Vigil, Vigilance, Why
from polywire.core.link import Policy
from polywire.model.health import ANSWERING, Freshness, FreshnessChanged, Gap
from polywire.model.levels import Levels
from polywire.model.market import BookReplaced, LevelChanged, MarketResolved
from polywire.model.units import ConditionId, TokenId

TOKEN: Final = TokenId("7")
OTHER: Final = TokenId("8")
CONDITION: Final = ConditionId("0x1")
S: Final = 1_000_000_000


def snapshot(at_s: float, token: TokenId = TOKEN, bid: int = 4_000, ask: int = 6_000) -> BookReplaced:
    sides = Levels.of("bid", [(bid, 5_000_000)]), Levels.of("ask", [(ask, 5_000_000)])
    return BookReplaced(token, CONDITION, *sides, 100, None, "", round(at_s * 1_000), round(at_s * S))


def change(at_s: float, token: TokenId = TOKEN, size: int = 7_000_000) -> LevelChanged:
    return LevelChanged(token, CONDITION, "bid", 4_000, size, 4_000, 6_000, "", round(at_s * 1_000), round(at_s * S))


def followed(*tokens: TokenId, at_s: float = 100.0, vigilance: Vigilance | None = None) -> tuple[Books, Vigil]:
    books = Books()
    for token in tokens or (TOKEN,):
        books.follow(token)
        books.book(snapshot(at_s, token))
    return books, Vigil(books, vigilance or Vigilance())


def wants(vigil: Vigil, at_s: float) -> list[tuple[str, str]]:
    return [(want.why.name, want.token) for want in vigil.look(round(at_s * S))]


def test_a_token_is_not_asked_about_before_it_was_silent_for_the_longest_time_borne() -> None:
    _, vigil = followed()
    assert wants(vigil, 101.0) == []
    assert wants(vigil, 129.9) == []
    assert wants(vigil, 130.0) == [("SILENT", TOKEN)]


def test_a_busy_token_is_asked_about_after_eight_of_its_own_pauses() -> None:
    books, vigil = followed()
    for second in range(1, 21):
        books.levels([change(100.0 + second)])
        assert wants(vigil, 100.0 + second) == []
    assert vigil.silence_borne_s(TOKEN) == pytest.approx(8.0)
    assert wants(vigil, 127.9) == []
    assert wants(vigil, 128.0) == [("SILENT", TOKEN)]


def test_however_busy_a_token_five_seconds_are_no_silence() -> None:
    books, vigil = followed()
    for tenth in range(1, 50):
        books.levels([change(100.0 + tenth / 10)])
        vigil.look(round((100.0 + tenth / 10) * S))
    assert vigil.silence_borne_s(TOKEN) == 5.0
    assert not vigil.is_silent(TOKEN, round(109.8 * S))
    assert vigil.is_silent(TOKEN, 110 * S)


def test_a_book_that_goes_on_speaking_is_proven_every_minute_all_the_same() -> None:
    books, vigil = followed()
    for second in range(1, 60):
        books.levels([change(100.0 + second)])
        assert wants(vigil, 100.0 + second) == []
    books.levels([change(160.0)])
    assert wants(vigil, 160.0) == [("UNPROVEN", TOKEN)]
    books.prove(TOKEN, 160 * S)
    assert wants(vigil, 160.5) == []


def test_what_was_asked_is_not_asked_again_until_answered_or_ten_seconds_later() -> None:
    _, vigil = followed()
    vigil.asked(TOKEN, 130 * S)
    assert wants(vigil, 139.9) == []
    assert wants(vigil, 140.0) == [("SILENT", TOKEN)]
    vigil.asked(TOKEN, 140 * S)
    vigil.answered(TOKEN)
    assert wants(vigil, 140.5) == [("SILENT", TOKEN)]


def test_a_book_without_its_snapshot_is_the_most_urgent_after_three_seconds() -> None:
    books, vigil = followed(TOKEN, OTHER)
    books.await_snapshots((OTHER,), "the socket was lost", 130 * S)
    assert wants(vigil, 130.0) == [("SILENT", TOKEN)]
    assert wants(vigil, 133.0) == [("MISSING", OTHER), ("SILENT", TOKEN)]
    books.book(snapshot(134.0, OTHER))
    assert wants(vigil, 134.0) == [("SILENT", TOKEN)]


def test_a_token_that_nobody_asked_its_socket_for_is_left_alone() -> None:
    books = Books()
    books.follow(TOKEN)
    assert wants(Vigil(books, Vigilance()), 1_000.0) == []


def test_a_book_read_over_rest_is_read_again_every_five_seconds_until_its_socket_speaks() -> None:
    books, vigil = followed()
    books.await_snapshots((TOKEN,), "lost", 102 * S)
    books.read_over(snapshot(103.0), Freshness.RESYNCING, "read over REST")
    vigil.restated(TOKEN, 103 * S)
    assert vigil.is_polled(TOKEN)
    assert wants(vigil, 107.9) == []
    assert wants(vigil, 108.0) == [("POLLED", TOKEN)]
    books.book(snapshot(108.5))
    assert wants(vigil, 109.0) == []
    assert not vigil.is_polled(TOKEN)
    assert books[TOKEN].freshness is Freshness.CURRENT


def test_a_socket_that_speaks_again_without_a_snapshot_makes_its_book_doubtful_and_rest_is_asked_at_once() -> None:
    """What it left out between the last read and now is not known (docs/reliability.md, `freeze`)."""
    books, vigil = followed()
    books.read_over(snapshot(103.0), Freshness.QUIET, "read over REST")
    vigil.restated(TOKEN, 103 * S)
    assert wants(vigil, 104.0) == []
    books.levels([change(105.0)])
    assert wants(vigil, 105.5) == [("MISSING", TOKEN)]
    assert books[TOKEN].freshness is Freshness.SUSPECT
    assert (books.suspects, vigil.is_doubted(TOKEN), vigil.is_polled(TOKEN)) == (set(), True, False)
    books.read_over(snapshot(105.6), Freshness.CURRENT, "its changes come")
    vigil.answered(TOKEN)
    assert wants(vigil, 106.0) == []
    assert not vigil.is_doubted(TOKEN)


def test_a_doubted_hash_is_asked_about_at_once_and_once() -> None:
    _, vigil = followed()
    vigil.doubted(TOKEN)
    assert wants(vigil, 101.0) == [("DOUBTED", TOKEN)]
    vigil.answered(TOKEN)
    assert wants(vigil, 101.5) == []


def test_a_book_whose_hash_cannot_be_made_up_is_asked_about_last_and_once() -> None:
    books, vigil = followed(TOKEN, OTHER)
    for one in (TOKEN, OTHER):
        vigil.unlearnt(one)
    assert wants(vigil, 101.0) == [("UNLEARNT", TOKEN), ("UNLEARNT", OTHER)]
    vigil.answered(TOKEN)
    assert wants(vigil, 101.5) == [("UNLEARNT", OTHER)]
    for second in range(1, 60):
        books.levels([change(101.0 + second, OTHER)])
        vigil.look(round((101.0 + second) * S))
    vigil.doubted(OTHER)
    assert wants(vigil, 160.0) == [("DOUBTED", OTHER), ("SILENT", TOKEN)]


def test_a_quiet_token_that_speaks_is_current_again_and_its_readers_are_told() -> None:
    books, vigil = followed()
    told: list[object] = []
    books.read(TOKEN, told.append)
    books.turn(TOKEN, Freshness.QUIET, "checked", 130 * S)
    assert wants(vigil, 130.5) == [("SILENT", TOKEN)]
    books.levels([change(131.0)])
    vigil.look(132 * S)
    assert books[TOKEN].freshness is Freshness.CURRENT
    assert [(event.was, event.now) for event in told if isinstance(event, FreshnessChanged)] == [
        ("current", "quiet"),
        ("quiet", "current"),
    ]


def test_a_book_that_stays_crossed_for_three_seconds_is_suspect_and_one_that_uncrosses_is_not() -> None:
    books, vigil = followed(TOKEN, OTHER)
    for token in (TOKEN, OTHER):
        books.book(snapshot(101.0, token, bid=6_000, ask=6_000))
    vigil.look(101 * S)
    books.book(snapshot(102.0, OTHER))
    vigil.look(round(103.9 * S))
    assert books[TOKEN].freshness is Freshness.CURRENT
    vigil.look(104 * S)
    assert (books[TOKEN].freshness, books[TOKEN].reason) == (Freshness.SUSPECT, "crossed for 3.0 s")
    assert books[OTHER].freshness is Freshness.CURRENT
    assert books.suspects == {TOKEN}


def test_the_book_of_a_resolved_market_wants_nothing_any_more() -> None:
    books, vigil = followed()
    books.end(MarketResolved(CONDITION, "1", (TOKEN,), TOKEN, "Yes", (), 1, 120 * S))
    assert wants(vigil, 1_000.0) == []
    assert books[TOKEN].freshness is Freshness.QUIET
    assert books[TOKEN].best_bid == 0


def test_what_is_followed_no_more_is_forgotten() -> None:
    books, vigil = followed()
    vigil.look(101 * S)
    vigil.restated(TOKEN, 101 * S)
    books.forget(TOKEN)
    assert wants(vigil, 200.0) == []
    assert not vigil.is_polled(TOKEN)
    assert vigil.silence_borne_s(TOKEN) == 30.0
    vigil.answered(TOKEN)
    books.follow(TOKEN)
    assert vigil.is_silent(TOKEN, 200 * S)


def test_each_window_of_the_detector_table_is_the_default_of_the_setting_it_names() -> None:
    defaults = {name: getattr(Vigilance(), name) for name in Vigilance.__slots__}
    defaults |= {name: getattr(Policy(), name) for name in Policy.__slots__}
    for row in DETECTORS:
        if row.setting and row.setting != "resolutions_s":
            assert row.window_s == sum(defaults[name] for name in row.setting.split(" + ")), row
        assert not (row.at_once and row.window_s), row


@given(pauses=st.lists(st.floats(0.01, 200), min_size=1, max_size=30))
def test_the_silence_borne_lies_between_five_and_thirty_seconds_whatever_the_rhythm(pauses: list[float]) -> None:
    books, vigil = followed()
    now = 100.0
    for pause in pauses:
        now += pause
        books.levels([change(now)])
        vigil.look(round(now * S))
    assert 5.0 <= vigil.silence_borne_s(TOKEN) <= 30.0


class AnySignals(RuleBasedStateMachine):
    """Books and their vigil under signals in any order: no state without an exit, and nothing told twice."""

    @initialize()
    def begin(self) -> None:
        self.now = 100.0
        self.books = Books()
        self.vigil = Vigil(self.books, Vigilance())
        self.told: list[object] = []
        for token in (TOKEN, OTHER):
            self.books.follow(token)
            self.books.read(token, self.told.append)
            self.books.await_snapshots((token,), "subscribed", self._ns)

    @property
    def _ns(self) -> int:
        return round(self.now * S)

    @rule(seconds=st.floats(0.01, 100))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule(token=st.sampled_from([TOKEN, OTHER]))
    def hear_snapshot(self, token: TokenId) -> None:
        self.books.book(snapshot(self.now, token))

    @rule(token=st.sampled_from([TOKEN, OTHER]), size=st.integers(1, 9))
    def hear_change(self, token: TokenId, size: int) -> None:
        self.books.levels([change(self.now, token, size)])

    @rule(token=st.sampled_from([TOKEN, OTHER]))
    def lose(self, token: TokenId) -> None:
        self.books.await_snapshots((token,), "lost", self._ns)

    @rule(token=st.sampled_from([TOKEN, OTHER]))
    def doubt(self, token: TokenId) -> None:
        self.books.doubt((token,), Freshness.SUSPECT, "something", self._ns)

    @rule(token=st.sampled_from([TOKEN, OTHER]))
    def fall_quiet(self, token: TokenId) -> None:
        self.books.turn(token, Freshness.QUIET, "checked", self._ns)

    @rule()
    def look(self) -> None:
        self.vigil.look(self._ns)

    @rule(token=st.sampled_from([TOKEN, OTHER]))
    def ask(self, token: TokenId) -> None:
        self.vigil.asked(token, self._ns)

    @rule(token=st.sampled_from([TOKEN, OTHER]))
    def read(self, token: TokenId) -> None:
        self.books.expect_changes(token)
        self.books.read_over(snapshot(self.now, token), Freshness.RESYNCING, "read over REST")
        self.vigil.restated(token, self._ns)

    @invariant()
    def each_book_wants_evidence_within_the_stated_time_or_answers(self) -> None:
        """Whatever happened: if nothing more is heard, every token is asked about within 75 s."""
        if not hasattr(self, "books"):
            return
        later = self._ns + 75 * S
        ahead_vigil = Vigil(self.books, Vigilance())
        ahead_vigil.look(self._ns)
        freshness = {token: self.books[token].freshness for token in (TOKEN, OTHER)}
        wanted = {want.token for want in ahead_vigil.look(later)}
        assert wanted == {token for token, now in freshness.items() if now is not Freshness.COLD}

    @invariant()
    def each_gap_ends_with_a_book_that_answers(self) -> None:
        if not hasattr(self, "told"):
            return
        for before, after in zip(self.told, self.told[1:], strict=False):
            if isinstance(before, Gap):
                assert isinstance(after, FreshnessChanged | BookReplaced)
                assert isinstance(after, BookReplaced) or after.now in ANSWERING or "REST" in after.reason


TestAnySignals = AnySignals.TestCase


def test_the_reasons_are_ordered_by_urgency() -> None:
    assert sorted(Why) == [Why.MISSING, Why.POLLED, Why.DOUBTED, Why.SILENT, Why.UNPROVEN, Why.UNLEARNT]

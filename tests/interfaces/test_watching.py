"""Plain lines, for pipes and logs."""

from typing import Any

from interfaces.views import DOUBTED, YES, other
from polywire.interfaces.terminal import balance as balance_lines
from polywire.interfaces.terminal.watching import plain_line, status_lines
from polywire.services.owner_protocol import PROTOCOL, Hello
from polywire.services.reckoning import Balance, Row, Shortfall


def test_a_line_has_the_top_of_the_book_and_how_busy_it_is() -> None:
    assert plain_line(YES) == (
        "Rain? / Yes: current, bid 0.34 x 1,234.50, ask 0.36 x 500.00, last 0.35; 12.4 events/s, last 0.1s ago"
    )
    assert "bid none, ask none, last none" in plain_line(other(YES, bids=(), asks=(), last_price=None))


def test_a_line_of_a_book_that_may_be_wrong_has_its_reason_and_no_price() -> None:
    assert plain_line(DOUBTED) == (
        "Snow? / Yes: suspect, no prices (a frame could not be read); 0 events/s, last 2.0s ago"
    )


def test_a_token_of_which_nothing_has_come_yet_has_no_age() -> None:
    assert plain_line(other(YES, event_age_s=None)).endswith("; 12.4 events/s, nothing yet")


def balance(*short: Shortfall) -> Balance:
    return Balance([Row(YES, 12, 12), Row(DOUBTED, 5, 4)], list(short), 2)


def test_the_balance_is_a_line_a_token_then_what_differs_then_the_total() -> None:
    lines = list(balance_lines.lines(balance(Shortfall(DOUBTED.token, "book", 5, 4)), None))
    assert lines == [
        f"{YES.token} current   sent     12 received     12  Rain? / Yes",
        f"{DOUBTED.token} suspect   sent      5 received      4  Snow? / Yes",
        f"differs: token {DOUBTED.token} book: sent 5, received 4",
        "total: 2 tokens, 1 current, sent 17, received 16, undecoded 2",
    ]


def test_on_a_terminal_each_token_keeps_to_one_line() -> None:
    long = Balance([Row(other(YES, question="Will it rain " * 20), 1, 1)], [], 0)
    assert len(next(iter(balance_lines.lines(long, 80)))) <= 80


def test_many_differences_are_counted_instead_of_listed() -> None:
    short = [Shortfall(YES.token, f"kind-{number}", 1, 0) for number in range(20)]
    lines = list(balance_lines.lines(balance(*short), None))
    assert "differs: 8 more" in lines


def test_a_venue_that_does_not_say_what_it_sent_is_said_so() -> None:
    lines = list(balance_lines.lines(Balance([Row(YES, None, 3)], [], 0), None))
    assert "sent unknown (this venue does not say), received 3" in lines[-1]


# ------------------------------------------------------------ status

HELLO = Hello(PROTOCOL, "1.2.3", 4, "paper", "http://127.0.0.1:1", background=True)
SOCKET = {
    "number": 1, "state": "open", "local": "127.0.0.1:9", "age_s": 75.0, "last_data_s": 0.2, "last_pong_s": None,
    "frames": 12_345, "bytes": 99, "bytes_per_second": 1_000.0, "opened": 2, "reconnects": 1, "failed_dials": 0,
    "next_try_s": None, "reasons": [{"seconds_ago": 76.0, "reason": "the cable\x1b[31m was cut"}],
}  # fmt: skip
COMMON = ", 12,345 frames, 1,000 bytes/s, last data 0.2s ago, last PONG never"


def status(**numbers: Any) -> dict[str, Any]:
    """Return a feed's status, with these numbers other than usual."""
    clob = {"connected": True, "url": "ws://a", "tokens": 1_200, "freshness": {"quiet": 200, "current": 1_000}}
    statistics = {
        "frames": 12_345, "bytes": 99, "total_events": 7, "events_by_type": {"book": 7}, "undecoded": {},
        "undecoded_samples": {}, "lag": {"samples": 0}, "best_price_checks": 5, "best_price_mismatches": 0,
        "book_checks": 4, "book_mismatches": 1, "reconnect_count": 1, "connection_errors": 0, "reader_errors": 0,
    }  # fmt: skip
    return {
        "connections": {"clob": {**clob, "sockets": [{**SOCKET, "tokens": 200}]}},
        "subscriptions": {"total": 3, "active": []},
        "statistics": statistics | numbers,
        "background_task": "running",
    }


def test_the_status_says_how_each_channel_and_each_socket_is() -> None:
    lines = status_lines(HELLO, status())
    assert lines[:5] == [
        "polywire 1.2.3, process 4, in the background; venue: paper at http://127.0.0.1:1",
        "clob: connected to ws://a",
        "  books: 1,200 (1,000 current, 200 quiet)",
        f"  socket 1: open, 200 tokens{COMMON}, opened 2x, the last 75s ago",
        "    lost 76s ago: the cable [31m was cut",
    ]
    assert "undecoded: 0" in lines
    assert "lag: not known yet" in lines


def test_a_channel_without_books_has_no_line_of_them_and_a_socket_that_waits_says_for_how_long() -> None:
    told = status()
    waiting = SOCKET | {"state": "waiting", "opened": 0, "age_s": None, "next_try_s": 3.25, "reasons": []}
    told["connections"] = {"rtds": {"connected": False, "url": "ws://b", "sockets": [waiting]}}
    assert status_lines(HELLO, told)[1:3] == [
        "rtds: not connected to ws://b",
        f"  socket 1: waiting{COMMON}, opened 0x, next try in 3.2s",
    ]


def test_another_channel_says_what_went_wrong_there_and_nothing_where_nothing_did() -> None:
    told = status()
    user = {"connected": True, "url": "ws://b", "sockets": [], "undecoded": {}, "gaps": 0, "trouble": ""}
    told["connections"] = {"user": user}
    assert status_lines(HELLO, told)[1:3] == ["user: connected to ws://b", "subscriptions: 3"]
    told["connections"]["user"] = user | {"undecoded": {"order": 2}, "gaps": 1_000, "trouble": "HTTP\n429"}
    assert status_lines(HELLO, told)[2:5] == ["  undecoded: 2 order", "  gaps: 1,000", "  trouble: HTTP 429"]


def test_what_could_not_be_read_is_shown_without_what_would_move_the_cursor() -> None:
    lines = status_lines(HELLO, status(undecoded={"not-json": 2}, undecoded_samples={"not-json": "a\x1b[2Jb\nc"}))
    assert lines[lines.index("undecoded: 2 not-json") + 1] == "  not-json: a [2Jb c"


def test_the_lag_is_said_and_a_clock_of_ours_that_is_behind() -> None:
    lag = {"samples": 9, "p50_ms": 12.34, "p99_ms": 1_234.5, "least_ms": 1.0, "our_clock_behind_ms": 0.0}
    assert "lag: p50 12.3 ms, p99 1,234.5 ms, least 1.0 ms" in status_lines(HELLO, status(lag=lag))
    late = lag | {"least_ms": -250.0, "our_clock_behind_ms": 250.0}
    assert (
        "lag: p50 12.3 ms, p99 1,234.5 ms, least -250.0 ms; our clock is at least 250.0 ms behind the venue's"
        in status_lines(HELLO, status(lag=late))
    )


def test_the_comparison_with_rest_is_one_line_of_its_own_words() -> None:
    told = {"asked": 1_000, "refused_429": 2, "budget_left": 40, "waiting": {"quiet": 5, "crossed": 1}, "why": "x"}
    assert "compared with REST: 1,000 asked, 40 budget left, 2 refused 429; 6 wait" in status_lines(
        HELLO, status(witness=told)
    )
    assert any(line.endswith("; 0 wait") for line in status_lines(HELLO, status(witness={"asked": 0})))


def test_the_status_of_an_owner_says_how_its_watches_and_its_journal_are() -> None:
    journal = {"id": "0123456789ab", "newest": 1_200, "oldest": 201, "bytes": 2_340_000, "waiting": 3, "commits": 9}
    watches = {"count": 7, "in_doubt": {"w-2": ["1"], "w-1": ["2"]}, "unwritten": 0}
    lines = status_lines(HELLO, status() | {"journal": journal, "watches": watches})
    assert lines[-2:] == [
        "watches: 7, 2 in doubt (w-1, w-2)",
        "journal: 1,200 entries, 1,000 kept in 2.3 MB, 3 wait for the disk; now at 0123456789ab.1200",
    ]
    lines = status_lines(HELLO, status() | {"journal": journal, "watches": watches | {"in_doubt": {}, "unwritten": 4}})
    assert lines[-2] == "watches: 7; 4 entries could not be written"

"""Plain lines, for pipes and logs."""

from interfaces.views import DOUBTED, YES, other
from polywire.interfaces.terminal import balance as balance_lines
from polywire.interfaces.terminal.watching import plain_line
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

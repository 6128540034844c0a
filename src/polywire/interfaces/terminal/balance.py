"""The last lines of `up`: one a token, and the total."""

from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len

from polywire.interfaces.terminal.figures import one_line, without_middle
from polywire.services.reckoning import Balance, Row

_TOKEN_SHOWN: Final = 8
_LEAST_NAME: Final = 8
_DIFFERENCES_SHOWN: Final = 12


def lines(balance: Balance, width: int | None) -> Iterator[str]:
    """Yield a line a token (state, sent, received, what it is), then what differs, then the total.

    Args:
        balance: How it stands.
        width: Cells of the terminal, which each line is cut to; None: token ids and questions in full, for a program.
    """
    for row in balance.rows:
        yield _row(row, width)
    for short in balance.shortfalls[:_DIFFERENCES_SHOWN]:
        yield f"differs: token {short.token} {short.kind}: sent {short.sent:,}, received {short.received:,}"
    if len(balance.shortfalls) > _DIFFERENCES_SHOWN:
        yield f"differs: {len(balance.shortfalls) - _DIFFERENCES_SHOWN:,} more"
    sent = "unknown (this venue does not say)" if balance.sent is None else f"{balance.sent:,}"
    yield (
        f"total: {len(balance.rows)} tokens, {balance.current} current, sent {sent}, "
        f"received {balance.received:,}, undecoded {balance.undecoded:,}"
    )


def _row(row: Row, width: int | None) -> str:
    view = row.view
    token = view.token if width is None else f"{view.token[:_TOKEN_SHOWN]}…"
    sent = "-" if row.sent is None else str(row.sent)
    head = f"{token} {view.freshness:<9} sent {sent:>6} received {row.received:>6}  "
    question, outcome = one_line(view.question), one_line(view.outcome)
    if width is not None:
        question = without_middle(question, max(_LEAST_NAME, width - cell_len(head) - cell_len(outcome) - 3))
    return f"{head}{question} / {outcome}"

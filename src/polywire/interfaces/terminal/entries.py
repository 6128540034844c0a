"""A journal's entries as plain lines."""

from datetime import UTC, datetime

from polywire.interfaces.terminal import figures
from polywire.model.journal import Cursor, Entry, Page


def entry_line(entry: Entry, journal: str) -> str:
    """Return an entry as one line: when it was written, what it is, its cursor, whose it is, what it says."""
    at = datetime.fromtimestamp(entry.written_ms / 1_000, UTC).isoformat(" ", "milliseconds").partition("+")[0]
    whose = f" [{figures.one_line(entry.watch)}]" if entry.watch else ""
    more = f" (the newest of {entry.stands_for:,})" if entry.stands_for > 1 else ""
    return f"{at}Z {entry.kind:<10} {Cursor(journal, entry.seq)}{whose} {figures.one_line(entry.text)}{more}"


def lost_line(page: Page) -> str:
    """Return what is said of a page whose reader comes too late for some of it."""
    return (
        f"{page.lost:,} entries after that cursor were removed since, as too old or too many; reading goes on with the "
        f"oldest that is kept, after {page.oldest}"
    )

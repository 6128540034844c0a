"""What is told of a watch as it is made: confirmed by data, not by hope."""

from collections.abc import Sequence
from contextlib import suppress

import anyio

from polywire.errors import BookNotCurrent, VenueUnreachable
from polywire.model.health import ANSWERING
from polywire.model.journal import Cursor, EntryKind
from polywire.model.listing import MarketListed
from polywire.model.market import MarketResolved
from polywire.model.units import TokenId
from polywire.model.watch import Changes, OrderChanges, OwnTrades, Resolves, Watch
from polywire.ports import Journal
from polywire.services.views import View, Views
from polywire.services.watches.entries import is_making
from polywire.services.watches.source import WatchFeed
from polywire.services.watches.standing import Standing

_PAGE = 1_000  # of what is said of a watch itself, which is little


async def ended_before(
    feed: WatchFeed, watch: Watch, markets: Sequence[MarketListed], within_s: float
) -> list[MarketResolved]:
    """Return the resolutions that are known already; where the venue does not tell them in time, none.

    The stream never tells them again. Of markets that are listed as open only `Resolves` wants to know it that well.
    """
    over = [market.condition for market in markets if market.closed or isinstance(watch.condition, Resolves)]
    if over:
        with anyio.move_on_after(within_s), suppress(VenueUnreachable):  # `closed` is told anyway
            return await feed.resolved(*over)
    return []


async def first_data(feed: WatchFeed, standing: Standing, within_s: float) -> dict[TokenId, str]:
    """Return once every book of a watch answers, or the time is over: the tokens whose book does not, and why."""
    watch = standing.watch
    over = {token for one in standing.markets if one.condition in standing.resolved for token in one.tokens}
    awaited = [token for token in watch.tokens if token not in over]
    if awaited and not isinstance(watch.condition, OrderChanges | OwnTrades):
        with suppress(BookNotCurrent):  # it says of one what is told below of all
            await feed.until_current(*awaited, within_s=within_s)
    waiting = dict[TokenId, str]()
    for token in watch.tokens:
        book = feed.books.get(token)
        if token in over:
            waiting[token] = "its market is resolved, and no book comes any more"
        elif book is None:
            waiting[token] = "it is not followed at present"
        elif book.freshness not in ANSWERING:
            waiting[token] = f"{book.freshness}: {book.reason}"
    return waiting


def views_of(views: Views, watch: Watch) -> tuple[View, ...]:
    """Return the views of a watch's tokens, with as many levels as it tells of; else the best of each side."""
    condition = watch.condition
    levels = condition.depth if isinstance(condition, Changes) and condition.what == "book" else 1
    return tuple(views.of(token, levels) for token in watch.tokens)


async def beginning(journal: Journal, watch: str) -> str:
    """Return the cursor that the entries of a watch come after: where it was made, as long as that is kept.

    Where a watch of the same id stood before and was dropped, its entries come before that.
    """
    made = after = 0
    while told := await journal.read(after, limit=_PAGE, watches=(watch,), kinds=(EntryKind.SYSTEM,)):
        after = told[-1].seq
        made = max((entry.seq for entry in told if is_making(entry)), default=made)
    if not made:
        first = await journal.read(0, limit=1, watches=(watch,))
        made = first[0].seq - 1 if first else journal.newest
    return str(Cursor(journal.id, made))

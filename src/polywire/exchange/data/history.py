"""The history of a token's price on a grid, as the Data API and the older CLOB route tell it.

A price at a time is what the middle of the book was at the end of the last minute that had passed by then: known at
that time, and carried on while nothing changes. Nothing is told before a market's first minute has passed, nor after
the first time on the grid at which its resolution shows.
"""

from typing import Any, Final

import msgspec

from polywire.exchange.answers import Refused
from polywire.exchange.catalogue import Catalogue
from polywire.exchange.data.envelope import Page, number, page_of
from polywire.exchange.data.price_keeper import PriceKeeper
from polywire.exchange.data.query import TIME_MOST, BadQuery, Query
from polywire.exchange.data.series import MINUTE_S, Series
from polywire.model.units import SIZE_ONE

POINTS_MOST: Final = 10_000
"""Points in one answer."""

POINTS: Final = 1_000
"""Points in a page where nobody says."""

_DAY_S: Final = 86_400
_WINDOW_MOST_S: Final = 15 * _DAY_S
_SPANS_S: Final = {"1m": 30 * _DAY_S, "1w": 7 * _DAY_S, "1d": _DAY_S, "6h": _DAY_S // 4, "1h": _DAY_S // 24}
_EVER: Final = ("max", "all")
_FINEST_S: Final = {"max": 600, "all": 600, "1m": 600, "1w": 300}  # of the Data API; a minute for all else
_FINEST_MIN: Final = {"1m": 10, "1w": 5}  # of the CLOB
_USUAL_MIN: Final = {**_FINEST_MIN, "max": 10, "all": 10}


class Grid(msgspec.Struct, frozen=True):
    """Times that a price is asked for at: the multiples of a step in a window, Unix seconds, both ends included."""

    start_s: int
    end_s: int
    step_s: int

    def times(self, series: Series, *, closed: bool) -> range:
        """Return those at which the series knows something new enough to tell."""
        begins, ends = series.begins_s, series.ends_s
        if begins is None or ends is None:
            return range(0)
        first = self._up(max(self.start_s, begins))
        last = min(self.end_s, self._up(ends)) if closed else self.end_s
        return range(first, last + 1, self.step_s)

    def _up(self, second: int) -> int:
        return -(-second // self.step_s) * self.step_s


class Histories:
    """What is asked for of the history of prices.

    Args:
        catalogue: The markets.
        keeper: Their prices.
    """

    def __init__(self, catalogue: Catalogue, keeper: PriceKeeper) -> None:
        self._catalogue, self._keeper = catalogue, keeper

    async def paged(self, query: Query) -> dict[str, Any]:
        """Return the answer to the Data API's `GET /v2/prices-history`. Raises `BadQuery`."""
        token, as_of = query.text("token_id"), query.seconds("as_of")
        if not (token.isascii() and token.isdigit()):
            raise BadQuery("token_id is a token's id, a whole number", "token_id")
        if sum(map(query.has, ("interval", "start", "as_of"))) != 1:
            raise BadQuery("give exactly one of interval, start and as_of", "interval")
        if as_of is not None and query.has("bucket_seconds"):
            raise BadQuery("as_of is one point, so bucket_seconds does not go with it", "as_of")
        grid = self._moment(as_of) if as_of is not None else self._window(query)
        page = page_of(query, f"prices {token} {grid.step_s}", default=POINTS, most=POINTS_MOST)
        market = self._catalogue.of_token(token)
        if market is None:
            return page.envelope([], None)
        series = await self._keeper.series(market)
        times = grid.times(series, closed=market.closed and as_of is None)
        return _page_answer(page, grid, series, times, second=token == market.tokens[1])

    async def plain(self, query: Query) -> dict[str, Any]:
        """Return the answer to the CLOB's `GET /prices-history`; of an open market, up to this very second.

        Raises:
            Refused: The query asks for nothing there could be.
        """
        token = query.text("market")
        if not (token.isascii() and token.isdigit()):
            raise Refused(400, "invalid market: it is a token's id")
        try:
            market = self._catalogue.of_token(token)
            series = Series() if market is None else await self._keeper.series(market)
            grid = self._asked(query, series)
        except BadQuery as bad:
            raise Refused(400, f"invalid filters: {bad.error}") from bad
        if market is None:
            return {"history": []}
        times, second = grid.times(series, closed=market.closed), token == market.tokens[1]
        if len(times) > POINTS_MOST:
            raise Refused(400, f"invalid filters: {len(times)} points were asked for, at most {POINTS_MOST} are told")
        points = [(at, _worth(series.at(at), second=second)) for at in times]
        now_s = self._keeper.now_s()
        if not market.closed and grid.start_s <= now_s <= grid.end_s and (not points or points[-1][0] < now_s):
            points.append((now_s, _worth(self._keeper.price(market), second=second)))
        return {"history": [{"t": at, "p": number(price)} for at, price in points]}

    # ------------------------------------------------------------ what is asked for

    def _moment(self, as_of: int) -> Grid:
        at = min(as_of, self._keeper.now_s()) // MINUTE_S * MINUTE_S
        return Grid(at, at, MINUTE_S)

    def _window(self, query: Query) -> Grid:
        interval, start, end = query.text("interval"), query.seconds("start"), query.seconds("end")
        if end is not None and start is None:
            raise BadQuery("end goes with start; give both", "end")
        _known(interval)
        finest = _FINEST_S.get(interval, MINUTE_S)
        step = query.whole("bucket_seconds", finest, least=finest, most=_DAY_S)
        now = self._keeper.now_s()
        if start is None:
            return Grid(now - _SPANS_S.get(interval, now), now, step)
        until = now if end is None else end
        if not 0 <= until - start <= _WINDOW_MOST_S:
            raise BadQuery("the window ends before it starts, or is longer than 15 days; ask for it in parts", "start")
        return Grid(start, min(until, now), step)

    def _asked(self, query: Query, series: Series) -> Grid:
        interval, now = query.text("interval"), self._keeper.now_s()
        _known(interval)
        given = {name: query.whole(name, 0, most=TIME_MOST) for name in ("startTs", "endTs") if query.has(name)}
        if bool(interval) == (len(given) == 2) or len(given) == 1:  # noqa: PLR2004 - both ends
            raise BadQuery("give either interval, or both startTs and endTs", "interval")
        least = _FINEST_MIN.get(interval, 1)
        if query.has("fidelity") and query.whole("fidelity", 0, most=_DAY_S) < least:
            where = f" for '{interval}' range" if interval else ""
            raise BadQuery(f"minimum 'fidelity'{where} is {least}", "fidelity")
        step = MINUTE_S * query.whole("fidelity", _USUAL_MIN.get(interval, 1), least=least, most=_DAY_S)
        start, end = given.get("startTs", now - _SPANS_S.get(interval, now)), given.get("endTs", now)
        if end < start:
            raise BadQuery(f"'endTs' {end} is before 'startTs' {start}", "endTs")
        if not query.has("fidelity"):  # whatever its length, what is asked for without a step is answered
            span = min(end, now) - max(start, series.begins_s or now)
            step *= max(1, -(-span // (step * (POINTS_MOST - 1))))
        return Grid(start, min(end, now), step)


def _known(interval: str) -> None:
    known = (*_EVER, *_SPANS_S)
    if interval and interval not in known:
        raise BadQuery(f"'interval' is one of {', '.join(known)}; {interval[:40]!r} was given", "interval")


def _page_answer(page: Page, grid: Grid, series: Series, times: range, *, second: bool) -> dict[str, Any]:
    if page.after is not None:
        passed = max(0, (page.after[0] - times.start) // grid.step_s + 1) if times else 0
        times = times[passed:]
    shown = times[page.offset : page.offset + page.limit]
    rows = [
        {"timestamp": at, "price": number(_worth(series.at(at), second=second)), "resolution_seconds": grid.step_s}
        for at in shown
    ]
    more = len(times) > page.offset + page.limit
    return page.envelope(rows, (shown[-1], "") if more else None)


def _worth(first: int | None, *, second: bool) -> int:
    """Return what an outcome is worth by what the first one is."""
    known = 0 if first is None else first  # never None on a grid: it begins where a price is known
    return SIZE_ONE - known if second else known

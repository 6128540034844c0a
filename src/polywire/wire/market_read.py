"""The market channel's numbers: the venue's texts to exact ints and frozen events. Raises `ValueError` only."""

from array import array
from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final

import msgspec

from polywire.model.levels import Levels
from polywire.model.market import (
    BestChanged,
    BookReplaced,
    FeeSchedule,
    LevelChanged,
    MarketCreated,
    MarketResolved,
    TickSizeChanged,
    Traded,
)
from polywire.model.units import PRICE_ONE, BookSide, ConditionId, TokenId
from polywire.wire.market_frames import (
    BestBidAsk,
    Book,
    Fees,
    LastTrade,
    Level,
    NewMarket,
    PriceChange,
    Resolved,
    TickSizeChange,
)
from polywire.wire.numbers import NUMBERS, read_decimal, read_price, read_size, read_sizes

_LONGEST_BPS: Final = 6
_price_of: Final[Callable[[Level], str]] = attrgetter("price")
_size_of: Final[Callable[[Level], str]] = attrgetter("size")
_prices, _ask_ranks, _bids, _asks = (
    NUMBERS.prices,
    NUMBERS.ask_ranks,
    NUMBERS.bids,
    NUMBERS.asks,
)


def read_levels(side: BookSide, levels: list[Level]) -> Levels:
    """Return one side of a snapshot, best last whatever order it came in; levels of size 0 are not kept.

    Raises:
        ValueError: A price or size is no number, or one price stands twice.
    """
    table = _prices if side == "bid" else _ask_ranks
    try:
        ranks = [*map(table.__getitem__, map(_price_of, levels))]
    except KeyError:
        ranks = _learn_ranks(side, levels)
    sizes = read_sizes([*map(_size_of, levels)])
    if 0 in sizes:
        ranks, sizes = _without_empty(*_in_order(side, ranks, sizes))
    if ranks != sorted(ranks) or len(set(ranks)) != len(ranks):  # sorting the set takes thrice as long
        ranks, sizes = _in_order(side, ranks, sizes)
    return Levels(side, array("H", ranks), array("q", sizes))


def _learn_ranks(side: BookSide, levels: list[Level]) -> list[int]:
    ranks = []
    for level in levels:  # read at once: a table may start anew before the last one is learned
        NUMBERS.learn_price(level.price)
        ranks.append((_prices if side == "bid" else _ask_ranks)[level.price])
    return ranks


def _without_empty(ranks: list[int], sizes: list[int]) -> tuple[list[int], list[int]]:
    kept = [(rank, size) for rank, size in zip(ranks, sizes, strict=True) if size]
    return [rank for rank, _ in kept], [size for _, size in kept]


def _in_order(side: BookSide, ranks: list[int], sizes: list[int]) -> tuple[list[int], list[int]]:
    """Return a side's levels best last."""
    if len(set(ranks)) != len(ranks):
        raise ValueError(f"the {side} side of a snapshot states one price twice")
    pairs = sorted(zip(ranks, sizes, strict=True))
    return [rank for rank, _ in pairs], [size for _, size in pairs]


def read_book(book: Book, seen_ns: int) -> BookReplaced:
    """Return the event of a snapshot.

    Raises:
        ValueError: A number of it is none.
    """
    return BookReplaced(
        TokenId(book.asset_id),
        ConditionId(book.market),
        read_levels("bid", book.bids),
        read_levels("ask", book.asks),
        _grid(book.tick_size) if book.tick_size else None,
        read_price(book.last_trade_price) if book.last_trade_price else None,
        book.hash,
        book.timestamp,
        seen_ns,
    )


def read_changes(message: PriceChange, seen_ns: int) -> list[LevelChanged]:
    """Return one event an entry of a `price_change`; the best prices stand on each token's last entry only.

    Raises:
        ValueError: A price or size of any entry is no number: then none of them counts. Or there is no entry.
    """
    changes = message.price_changes
    try:
        if len(changes) == 2:  # noqa: PLR2004 - the two outcomes, nearly always: spelled out, a fifth of the time saved
            one, two = changes
            token, other = one.asset_id, two.asset_id
            if token != other:
                condition, venue_ms, text = message.market, message.timestamp, one.size
                size = 0 if text == "0" else read_size(text)
                return [
                    LevelChanged(
                        token,  # type: ignore[arg-type]  # TokenId() would cost a call on the hottest line
                        condition,  # type: ignore[arg-type]
                        "bid" if one.side == "BUY" else "ask",
                        _prices[one.price],
                        size,
                        _bids[one.best_bid],
                        _asks[one.best_ask],
                        one.hash,
                        venue_ms,
                        seen_ns,
                    ),
                    LevelChanged(
                        other,  # type: ignore[arg-type]
                        condition,  # type: ignore[arg-type]
                        "bid" if two.side == "BUY" else "ask",
                        _prices[two.price],
                        size if two.size == text else read_size(two.size),
                        _bids[two.best_bid],
                        _asks[two.best_ask],
                        two.hash,
                        venue_ms,
                        seen_ns,
                    ),
                ]
        events = [
            LevelChanged(
                TokenId(change.asset_id),
                ConditionId(message.market),
                "bid" if change.side == "BUY" else "ask",
                _prices[change.price],
                read_size(change.size),
                _bids[change.best_bid],
                _asks[change.best_ask],
                change.hash,
                message.timestamp,
                seen_ns,
            )
            for change in changes
        ]
    except KeyError:  # a price not met before: there are few, so this is rare
        return _learn_changes(message, seen_ns)
    return _best_on_last(events)


def _learn_changes(message: PriceChange, seen_ns: int) -> list[LevelChanged]:
    """Read a message entry by entry: a table may start anew before the last of its prices is learned."""
    events = []
    for change in message.price_changes:
        NUMBERS.learn_price(change.price)
        NUMBERS.learn_bests(change.best_bid, change.best_ask)
        events += read_changes(msgspec.structs.replace(message, price_changes=[change]), seen_ns)
    return _best_on_last(events)


def _best_on_last(events: list[LevelChanged]) -> list[LevelChanged]:
    if len(events) == 1:
        return events
    if not events:
        raise ValueError("a price_change without an entry")
    last = {event.token: index for index, event in enumerate(events)}
    return [
        event if last[event.token] == index else msgspec.structs.replace(event, best_bid=None, best_ask=None)
        for index, event in enumerate(events)
    ]


def _best(message: BestBidAsk, seen_ns: int) -> BestChanged:
    bid, ask = message.best_bid, message.best_ask
    if bid not in _bids or ask not in _asks:
        NUMBERS.learn_bests(bid, ask)
    return BestChanged(
        message.asset_id,  # type: ignore[arg-type]  # as for the token above: this is the second most frequent message
        message.market,  # type: ignore[arg-type]
        _bids[bid],
        _asks[ask],
        message.timestamp,
        seen_ns,
    )


def _trade(message: LastTrade, seen_ns: int) -> Traded:
    return Traded(
        TokenId(message.asset_id),
        ConditionId(message.market),
        _prices.get(message.price) or read_price(message.price),
        read_size(message.size) if message.size else None,
        message.side,
        _basis_points(message.fee_rate_bps),
        message.transaction_hash,
        message.timestamp,
        seen_ns,
    )


def _basis_points(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_BPS):
        raise ValueError(f"fee rate {text[:40]!r} is no whole number of basis points")
    return int(text)


def _grid(text: str) -> int:
    tick = read_price(text)
    if not 0 < tick < PRICE_ONE:
        raise ValueError(f"tick size {text[:40]!r} is no grid")
    return tick


def _tick(message: TickSizeChange, seen_ns: int) -> TickSizeChanged:
    return TickSizeChanged(
        TokenId(message.asset_id),
        ConditionId(message.market),
        _grid(message.old_tick_size),
        _grid(message.new_tick_size),
        message.timestamp,
        seen_ns,
    )


def _resolved(message: Resolved, seen_ns: int) -> MarketResolved:
    return MarketResolved(
        ConditionId(message.market),
        message.id,
        tuple(map(TokenId, message.assets_ids)),
        TokenId(message.winning_asset_id),
        message.winning_outcome,
        tuple(message.tags),
        message.timestamp,
        seen_ns,
    )


def _created(message: NewMarket, seen_ns: int) -> MarketCreated:
    parent = message.event_message
    return MarketCreated(
        condition=ConditionId(message.market),
        market=message.id,
        slug=message.slug,
        question=message.question,
        description=message.description,
        outcomes=tuple(message.outcomes),
        tokens=tuple(map(TokenId, message.clob_token_ids or message.assets_ids)),
        event_slug=parent.slug if parent else "",
        event_title=parent.title if parent else "",
        group_item=message.group_item_title,
        tags=tuple(message.tags),
        active=message.active,
        tick=_grid(message.order_price_min_tick_size) if message.order_price_min_tick_size else None,
        fee=_fees(message.fee_schedule) if message.fee_schedule else None,
        venue_ms=message.timestamp,
        seen_ns=seen_ns,
    )


def _fees(fees: Fees) -> FeeSchedule:
    exponent, rate, rebate = map(read_decimal, (fees.exponent, fees.rate, fees.rebate_rate))
    return FeeSchedule(exponent, rate, fees.taker_only, rebate)


READERS: Final[dict[type[msgspec.Struct], Callable[[Any, int], Any]]] = {
    Book: read_book,
    PriceChange: read_changes,
    BestBidAsk: _best,
    LastTrade: _trade,
    TickSizeChange: _tick,
    NewMarket: _created,
    Resolved: _resolved,
}
"""What returns the event of each frame (of a `PriceChange`, a list of them); raises `ValueError` only."""

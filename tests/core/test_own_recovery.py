"""Whatever the stream loses, repeats or mixes up: then reconciled, each fill counts once, and every state is right."""

from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from core.own_events import (
    CANCELLED,
    CONFIRMED,
    FAILED,
    KEY,
    MATCHED,
    MINED,
    RETRYING,
    UPDATED,
    leg,
    order,
    trade,
)
from polywire.core.own import OwnOrders
from polywire.model.own import OwnEvent, OwnOrderChanged, OwnTradeChanged, TradeStatus

LIVES = ((MATCHED,), (MATCHED, MINED), (MATCHED, MINED, CONFIRMED), (MATCHED, RETRYING, FAILED), (MATCHED, FAILED))
ASKED = 1_000_000


@dataclass
class Venue:
    """What truly happened.

    Attributes:
        told: Everything that the stream was to tell, in order.
        orders: Each order as it stands: shares matched, whether it rests, whether it was cancelled.
        trades: Each trade as it stands.
    """

    told: list[OwnEvent]
    orders: dict[str, tuple[int, bool, bool]]
    trades: dict[str, OwnTradeChanged]

    def listed(self) -> list[OwnOrderChanged]:
        """Return what REST lists."""
        return [
            order(name, UPDATED, matched, recovered=True, seen=ASKED)
            for name, (matched, rests, _) in self.orders.items()
            if rests
        ]

    def fills(self) -> Counter[tuple[str, str]]:
        """Return the shares by trade and order that stand."""
        fills: Counter[tuple[str, str]] = Counter()
        for name, one in self.trades.items():
            if one.status is not FAILED:
                if one.role == "TAKER":
                    fills[name, one.taker_order] += one.size
                fills.update({(name, part.order): part.size for part in one.makers if part.owner == KEY})
        return fills


@st.composite
def venues(draw: st.DrawFn) -> Venue:
    """Return a story of a few orders."""
    clock, told = 1_000, list[OwnEvent]()
    orders: dict[str, tuple[int, bool, bool]] = {}
    trades: dict[str, OwnTradeChanged] = {}
    for number in range(draw(st.integers(1, 4))):
        name, matched = f"0x{number}", 0
        told.append(order(name, at=clock))
        for fill in range(draw(st.integers(0, 3))):
            size, life = draw(st.integers(1, 4)), draw(st.sampled_from(LIVES))
            size = min(size, 10 - matched)
            if not size:
                break
            matched, maker = matched + size, draw(st.booleans())
            for status in life:
                clock += 1_000
                told.append(_trade(f"t{number}.{fill}", status, name, size, clock, maker=maker))
                if status is MATCHED:
                    word = "MATCHED" if matched == 10 else "LIVE"
                    told.append(order(name, UPDATED, matched, word, at=clock))
            trades[f"t{number}.{fill}"] = _trade(f"t{number}.{fill}", life[-1], name, size, clock, maker=maker)
        cancelled = matched < 10 and draw(st.booleans())
        if cancelled:
            told.append(order(name, CANCELLED, matched, "CANCELED", at=clock))
        orders[name] = matched, matched < 10 and not cancelled, cancelled
    return Venue(told, orders, trades)


def _trade(name: str, status: TradeStatus, of: str, size: int, at: int, *, maker: bool) -> OwnTradeChanged:
    parts = (leg(of, size, KEY), leg("0xff", 3)) if maker else (leg("0xff", size),)
    taker, role = ("0xfe", "MAKER") if maker else (of, "TAKER")
    return trade(name, status, *parts, taker=taker, role=role, size=size + 3 * maker, at=at, matched_s=1)


@st.composite
def heard(draw: st.DrawFn) -> tuple[Venue, list[OwnEvent]]:
    """Return a story, and what came through: some of it, in any order, some of it twice."""
    venue = draw(venues())
    through = draw(st.lists(st.sampled_from(venue.told), max_size=2 * len(venue.told)))
    return venue, draw(st.permutations(through)) if draw(st.booleans()) else sorted(through, key=venue.told.index)


def recover(own: OwnOrders, venue: Venue) -> list[OwnEvent]:
    """Return what two reconciliations find: of an order that is gone the first may not be sure."""
    found = []
    trades = [_as_read(one) for one in venue.trades.values()]
    for asked in (ASKED, ASKED + 2):
        listed = venue.listed()
        stated = dict.fromkeys(own.to_ask(listed, asked, 99))
        found += own.restate(listed, stated, trades, asked, asked + 1)
    return found


def _as_read(one: OwnTradeChanged) -> OwnTradeChanged:
    parts = one.makers
    return trade(
        one.trade,
        one.status,
        *parts,
        taker=one.taker_order,
        role=one.role,
        size=one.size,
        at=one.venue_ms,
        matched_s=1,
        recovered=True,
        seen=ASKED - 1,
    )


@given(story=heard())
def test_each_fill_counts_once_and_every_state_is_right_whatever_came_through(
    story: tuple[Venue, list[OwnEvent]],
) -> None:
    venue, through = story
    own = OwnOrders(KEY)
    told = [one for event in through for one in own.take(event)] + recover(own, venue)

    fills = [((fill.trade, fill.order), fill.size) for fill in own.fills()]
    assert len(fills) == len(dict(fills))
    assert Counter(dict(fills)) == venue.fills()
    assert {name: one.status for name, one in own.trades().items()} == {
        name: one.status for name, one in venue.trades.items()
    }
    for name, (matched, rests, cancelled) in venue.orders.items():
        known = own.orders().get(name)
        if known is None:  # of what rests nobody stays unknown
            assert not rests
            assert not any(isinstance(event, OwnOrderChanged) and event.order == name for event in through)
        else:
            assert (known.matched_size, name in own.open_orders(), known.step is CANCELLED) == (
                matched,
                rests,
                cancelled,
            )
    assert len(told) == len({_name(one) for one in told})
    assert own.doubtful == 0


@given(story=heard())
def test_nothing_that_came_through_is_news_a_second_time_before_or_after_a_reconciliation(
    story: tuple[Venue, list[OwnEvent]],
) -> None:
    venue, through = story
    own = OwnOrders(KEY)
    for event in through:
        own.take(event)
    assert [one for event in through for one in own.take(event)] == []
    recover(own, venue)
    assert [one for event in through for one in own.take(event)] == []
    assert recover(own, venue) == []


@given(venue=venues())
def test_where_nothing_is_lost_nothing_is_recovered(venue: Venue) -> None:
    own = OwnOrders(KEY)
    assert [one for event in venue.told for one in own.take(event)] == venue.told
    assert recover(own, venue) == []


def _name(event: OwnEvent) -> tuple[object, ...]:
    if isinstance(event, OwnOrderChanged):
        return event.order, event.step, event.matched_size, event.status
    return event.trade, event.status

"""`wire.sink`: where a decoder puts what it read."""

from frames import CONDITION, NO, YES
from polywire.model.market import BookReplaced, LevelChanged, TickSizeChanged
from polywire.wire.sink import Collector, Heard, MarketSink
from wire.told import asks, bids


def test_a_collector_keeps_events_in_the_order_they_were_told() -> None:
    collector = Collector()
    book = BookReplaced(YES, CONDITION, bids(), asks(), None, None, "", 1, 2)
    changes = [LevelChanged(token, CONDITION, "bid", 1, 1, None, None, "", 1, 2) for token in (YES, NO)]
    tick = TickSizeChanged(YES, CONDITION, 100, 10, 1, 2)
    collector.event(tick)
    collector.levels(changes)
    collector.book(book)
    assert collector.events == [tick, *changes, book]


def test_a_collector_keeps_nothing_of_a_loss() -> None:
    """The decoder's tally has counted it."""
    collector = Collector()
    sink: MarketSink = collector
    sink.lost(None, "gone", 1)
    sink.lost((YES,), "gone", 1)
    assert collector.events == []


def test_two_collectors_share_nothing() -> None:
    one, two = Collector(), Collector()
    one.event(TickSizeChanged(YES, CONDITION, 100, 10, 1, 2))
    assert two.events == []


def test_liveness_tells_data_pong_and_notice_apart() -> None:
    """A PONG proves a connection, not a feed: a frozen feed still answers pings (docs/protocol.md, "Liveness")."""
    assert {heard.name for heard in Heard} == {"DATA", "SNAPSHOTS", "PONG", "NOTICE", "UNREADABLE"}
    assert len({heard.value for heard in Heard}) == len(Heard)

"""What happens at once, and how it is told."""

from typing import Any

import msgspec
import pytest

from polywire.core.conditions.of_happenings import Happening, HappeningObserver
from polywire.model.events import Event
from polywire.model.health import Freshness
from polywire.model.journal import EntryKind
from polywire.model.own import OrderStep
from polywire.model.units import TokenId
from polywire.model.watch import Created, OrderChanges, OwnTrades, Resolves, TickChanges, TradeOver
from watched_books import SNOW, A, created, freshness, ordered, own_trade, resolved, ticked, traded

WHOLE = 10_000_000


@pytest.mark.parametrize(
    ("wanted", "event", "kind"),
    [
        (TradeOver(5_000_000), traded(), EntryKind.ALERT),
        (TickChanges(), ticked(), EntryKind.ALERT),
        (Resolves(), resolved(), EntryKind.RESOLUTION),
        (Resolves(), resolved(winner=TokenId("")), EntryKind.RESOLUTION),
        (Created("snow WEATHER"), created(), EntryKind.ALERT),
        (Created(), created(), EntryKind.ALERT),
        (OrderChanges(), ordered(), EntryKind.ORDER),
        (OrderChanges("filled"), ordered(matched=WHOLE), EntryKind.ORDER),
        (OrderChanges("cancelled"), ordered(OrderStep.CANCELLED), EntryKind.ORDER),
        (OwnTrades(), own_trade(), EntryKind.TRADE),
        (OwnTrades(), own_trade(role=""), EntryKind.TRADE),
    ],
)
def test_it_is_told_with_its_kind_and_no_strangers_word_in_the_sentence(
    wanted: Happening, event: Event, kind: EntryKind
) -> None:
    observer = HappeningObserver(wanted)
    found = observer.look(event, None, 0)
    assert found is not None
    assert found.kind is kind
    assert "Will it" not in found.text


@pytest.mark.parametrize(
    ("wanted", "event"),
    [
        (TradeOver(5_000_001), traded()),
        (TradeOver(1), traded(size=None)),
        (Created("rain"), created()),
        (OrderChanges("filled"), ordered(matched=WHOLE - 1)),
        (OrderChanges("cancelled"), ordered(matched=WHOLE)),
        (TradeOver(1), freshness(Freshness.CURRENT)),
    ],
)
def test_what_was_not_asked_for_is_not_told(wanted: Happening, event: Event) -> None:
    assert HappeningObserver(wanted).look(event, None, 0) is None


def test_a_markets_resolution_is_told_once_however_often_it_is_heard_and_over_restarts() -> None:
    observer = HappeningObserver(Resolves())
    assert observer.look(resolved(), None, 0) is not None
    assert observer.moved
    assert observer.look(resolved(), None, 0) is None
    after = HappeningObserver(Resolves())
    after.restore(observer.state)
    assert after.look(resolved(), None, 0) is None
    assert after.look(resolved(SNOW), None, 0) is not None
    after.doubt(A, 0)
    assert list(after.tick(0)) == []


def test_own_orders_that_are_read_back_as_they_were_told_are_not_told_again_over_restarts_too() -> None:
    observer = HappeningObserver(OrderChanges())
    assert observer.look(ordered(), None, 0) is not None
    after = HappeningObserver(OrderChanges())
    after.restore(observer.state)
    assert after.look(recovered(ordered()), None, 0) is None
    assert after.look(recovered(ordered(matched=1)), None, 0) is not None
    assert after.look(ordered(), None, 0) is not None  # heard on the stream: it is told as it comes
    trades = HappeningObserver(OwnTrades())
    assert trades.look(recovered(own_trade()), None, 0) is not None
    assert trades.look(recovered(own_trade()), None, 0) is None


def test_of_more_own_orders_than_it_remembers_the_oldest_is_forgotten() -> None:
    observer = HappeningObserver(OrderChanges())
    for number in range(501):
        observer.look(msgspec.structs.replace(ordered(), order=f"{number}"), None, 0)
    kept = observer.state["known"]
    assert (len(kept), "0" in kept, "500" in kept) == (500, False, True)


def recovered(event: Any) -> Any:
    return msgspec.structs.replace(event, recovered=True)

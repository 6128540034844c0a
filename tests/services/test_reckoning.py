"""What arrived, held against what was sent."""

import pytest

from polywire.model.health import Freshness
from polywire.model.market import BestChanged, MarketResolved, TickSizeChanged
from polywire.services.reckoning import Reckoning, Shortfall, sent_to
from polywire.services.views import View
from services.hand_feed import NO, RAIN, YES, change, snapshot, trade


def counted() -> Reckoning:
    reckoning = Reckoning()
    for event in (
        snapshot(),
        change(),
        change(),
        trade(),
        BestChanged(YES, RAIN.condition, 1, 2, 3, 4),
        TickSizeChanged(NO, RAIN.condition, 100, 10, 3, 4),
        MarketResolved(RAIN.condition, "1", RAIN.tokens, YES, "Yes", (), 3, 4),
    ):
        reckoning.heed(event)
    return reckoning


def test_each_kind_is_counted_under_the_venues_name_and_news_for_every_token_it_names() -> None:
    assert counted().received == {
        YES: {"book": 1, "price_change": 2, "last_trade_price": 1, "best_bid_ask": 1, "market_resolved": 1},
        NO: {"tick_size_change": 1, "market_resolved": 1},
    }
    assert counted().total(YES) == 6


def test_what_was_sent_is_that_of_our_own_sockets_the_closed_ones_too() -> None:
    told = {
        "connections": [
            {"peer": "127.0.0.1:1", "sent": {YES: {"book": 1}}},
            {"peer": "127.0.0.1:2", "sent": {YES: {"book": 100}}},
        ],
        "closed": [{"peer": "127.0.0.1:3", "sent": {YES: {"book": 2, "price_change": 1}}}],
    }
    assert sent_to(told, {"127.0.0.1:1", "127.0.0.1:3"}) == {YES: {"book": 3, "price_change": 1}}


def test_nothing_differs_where_all_arrived_and_news_are_compared_by_whether_they_came() -> None:
    """Every socket carries the news of a market, and a reader is told once."""
    sent: dict[str, dict[str, int]] = {
        YES: {**counted().received[YES], "market_resolved": 2},
        NO: counted().received[NO],
    }
    assert counted().differences(sent, [YES, NO]) == []


@pytest.mark.parametrize(
    ("sent", "short"),
    [
        ({"price_change": 3}, Shortfall(YES, "price_change", 3, 2)),
        ({"last_trade_price": 0}, Shortfall(YES, "last_trade_price", 0, 1)),
        ({"market_resolved": 0}, Shortfall(YES, "market_resolved", 0, 1)),
        ({"new_market": 1}, Shortfall(YES, "new_market", 1, 0)),
    ],
)
def test_one_too_few_or_too_many_of_any_kind_is_found(sent: dict[str, int], short: Shortfall) -> None:
    assert counted().differences({YES: {**counted().received[YES], **sent}}, [YES]) == [short]


def test_a_balance_passes_over_tokens_that_were_joined_late_and_a_venue_that_does_not_say() -> None:
    views = [View(YES, Freshness.CURRENT, ""), View(NO, Freshness.SUSPECT, "")]
    known = counted().balance(views, {YES: {"book": 1}, NO: counted().received[NO]}, 3, {YES})
    assert (known.shortfalls, known.sent, known.received, known.current, known.undecoded) == ([], 3, 8, 1, 3)
    unknown = counted().balance(views, None, 0, set())
    assert (unknown.shortfalls, unknown.sent) == ([], None)

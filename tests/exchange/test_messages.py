"""Messages: readable by this project's own strict decoder, and in the captures' key order."""

import json

import pytest

from exchange.venues import CONDITION, NO, START_MS, YES, event, listed, market, order
from polywire.core.matching.orders import Leg, LevelMoved, Match, Trade
from polywire.exchange import messages
from polywire.exchange.messages import Message, text_frame
from polywire.exchange.pages import MarketPages
from polywire.exchange.shelf import VenueShelf
from polywire.model.units import SIZE_ONE, TradeSide
from polywire.wire.market import decode
from polywire.wire.tally import Tally

TRADE = Trade(
    number=3,
    condition=CONDITION,
    order="t",
    account="bob",
    token=NO,
    side="BUY",
    size=9 * SIZE_ONE,
    cost=1,
    fee=0,
    legs=(
        Leg("a", "ann", NO, "SELL", 3_000, 2 * SIZE_ONE, 600_000, Match.COMPLEMENTARY),
        Leg("b", "ann", YES, "BUY", 7_000, 3 * SIZE_ONE, 2_100_000, Match.MINT),  # the same, seen from the other one
        Leg("c", "ann", YES, "BUY", 6_900, 4 * SIZE_ONE, 2_760_000, Match.MINT),
    ),
)


def every_kind() -> list[Message]:
    of = market()
    of.fee_rate, of.rebate_rate = 700, 2_000
    pages = MarketPages(of, (), (), 5)
    pages.move(LevelMoved("bid", 3_400, SIZE_ONE), 5)
    return [
        messages.book(pages.pages[0]),
        messages.snapshots(list(pages.pages)),
        messages.price_change(pages.pages, LevelMoved("bid", 3_400, SIZE_ONE), 5),
        messages.best_bid_ask(pages.pages[1], 5),
        *messages.last_trade_prices(TRADE, of, 5),
        *messages.tick_size_changes(of, 100, 10, 5),
        messages.new_market(of, event(), "", 5),
        messages.market_resolved(of, event(), YES, 5),
    ]


@pytest.mark.parametrize("message", every_kind(), ids=lambda message: message.kind)
def test_every_kind_is_read_without_a_field_unknown_or_lost(message: Message) -> None:
    tally = Tally()
    events = decode(message.data, 1, tally)
    assert len(events) == (len(message.counts) if message.kind in {"book", "price_change"} else 1)
    assert tally.lost_in_all == 0
    assert not tally.unknown_fields


def test_a_taker_is_told_by_price_in_its_own_outcomes_terms() -> None:
    """Maker orders of the other outcome are met at one less their price; one transaction settles all."""
    assert messages.prices_met(TRADE) == [(3_000, 5 * SIZE_ONE), (3_100, 4 * SIZE_ONE)]
    first, second = (json.loads(message.data) for message in messages.last_trade_prices(TRADE, market(), 5))
    assert (first["asset_id"], first["price"], first["size"]) == (NO, "0.300", "5")
    assert (second["price"], second["size"], second["fee_rate_bps"]) == ("0.310", "4", "0")
    assert first["transaction_hash"] == second["transaction_hash"]
    assert len(first["transaction_hash"]) == 66


def test_a_new_market_states_its_fees_as_texts() -> None:
    of = market()
    of.fee_rate, of.rebate_rate = 700, 2_000
    made = json.loads(messages.new_market(of, event(), "", 5).data)
    assert made["fee_schedule"] == {"exponent": "1", "rate": "0.07", "taker_only": True, "rebate_rate": "0.2"}
    assert "fee_schedule" not in json.loads(messages.new_market(market(), event(), "", 5).data)


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_a_frame_is_headed_by_its_length(size: int) -> None:
    frame = text_frame(b"x" * size)
    head = len(frame) - size
    assert head == (2 if size < 126 else 4 if size < 65_536 else 10)
    assert frame[0] == 0x81
    stated = frame[1] if head == 2 else int.from_bytes(frame[2:head], "big")
    assert stated == size


def test_a_message_is_framed_once() -> None:
    message = every_kind()[0]
    assert message.frame is message.frame


def test_a_shelf_made_late_shows_what_the_venue_holds_already() -> None:
    venue = listed()
    venue.place(order("1", "ann", "BUY", 4_000, 10))
    venue.place(order("2", "bob", "SELL", 4_000, 5))
    told: list[list[Message]] = []
    shelf = VenueShelf(venue, told.append)
    page = shelf.page(NO)
    assert page is not None
    assert json.loads(page.answer())["asks"] == [{"price": "0.6", "size": "5"}]
    assert page.last_trade == "0.400"
    assert shelf.now_ms() == START_MS
    assert shelf.page("404") is None
    assert not told


def test_a_command_that_moves_nothing_is_told_to_nobody() -> None:
    venue = listed()
    told: list[list[Message]] = []
    VenueShelf(venue, told.append)
    venue.place(order("1", "ann", "BUY", 4_050, 10))  # off the grid
    venue.cancel("404")
    assert not told


def test_levels_stay_right_through_a_life_of_trades() -> None:
    """What the pages show is what the engine holds, after takers, cancels and both outcomes' orders."""
    venue = listed()
    shelf = VenueShelf(venue, lambda _: None)
    for number in range(60):
        side: TradeSide = "BUY" if number % 3 else "SELL"
        token = YES if number % 2 else NO
        venue.place(
            order(f"{number}", ("ann", "bob")[number % 2], side, 3_000 + number * 37 % 40 * 100, 5, token=token)
        )
        if number % 7 == 0:
            venue.cancel(f"{number - 3}")
        page = shelf.page(YES)
        assert page is not None
        answer = json.loads(page.answer())
        bids, asks = venue.engine.levels(CONDITION)
        assert [(round(float(one["price"]) * 1e4), round(float(one["size"]) * 1e6)) for one in answer["bids"]] == list(
            map(tuple, bids)
        )
        assert [(round(float(one["price"]) * 1e4), round(float(one["size"]) * 1e6)) for one in answer["asks"]] == list(
            map(tuple, asks)
        )

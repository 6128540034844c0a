"""Order bodies, read as strictly as the venue's clients write them. Source: protocol, rest.md sections 5 to 8."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.core.matching.orders import OrderKind
from polywire.exchange.answers import Refused
from polywire.exchange.trading.forms import engine_order, read_form, read_forms, shares_of

CENT, FINE = 100, 10


def body(kind: str = "GTC", **changes: Any) -> bytes:
    order = {
        "salt": 1896765245655250,
        "maker": "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A",
        "signer": "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A",
        "tokenId": "7132",
        "makerAmount": "4000000",
        "takerAmount": "10000000",
        "side": "BUY",
        "signatureType": 0,
        "timestamp": "1795223638582",
        "signature": "0xae",
        "metadata": "0x" + 64 * "0",
        "builder": "0x" + 64 * "0",
        "expiration": "0",
    }
    return json.dumps({"order": order | changes, "owner": "me", "orderType": kind, "deferExec": False}).encode()


def asked(kind: str = "GTC", tick: int = CENT, **changes: Any) -> Any:
    return engine_order(read_form(body(kind, **changes)), "0x1", "0xann", tick)


def test_a_limit_order_asks_for_its_shares_at_the_price_of_its_amounts() -> None:
    buy = asked()
    assert (buy.side, buy.price, buy.size, buy.collateral, buy.kind) == ("BUY", 4_000, 10_000_000, 0, OrderKind.GTC)
    sell = asked(side="SELL", makerAmount="10000000", takerAmount="4000000")
    assert (sell.side, sell.price, sell.size) == ("SELL", 4_000, 10_000_000)


def test_a_market_buy_spends_collateral_and_its_price_is_rounded_down_to_a_ten_thousandth() -> None:
    """The official client rounds shares down, so its implied price lies a hair above the limit it meant."""
    spend = asked("FAK", makerAmount="10000000", takerAmount="30303000")  # 0.33 and a bit
    assert (spend.price, spend.size, spend.collateral) == (3_300, 0, 10_000_000)


def test_a_limit_price_that_is_no_whole_ten_thousandth_is_told_with_the_grid() -> None:
    with pytest.raises(
        Refused, match=r"order 0x1 is invalid\. Price \(0\.3999999\d+\) breaks minimum tick size rule: 0\.01"
    ):
        asked(takerAmount="10000001")


@pytest.mark.parametrize(("kind", "side"), [("FOK", "BUY"), ("FAK", "SELL")])
def test_amounts_of_market_orders_are_as_coarse_as_the_venue_takes_them(kind: str, side: str) -> None:
    which = "market buy" if side == "BUY" else "sell"
    with pytest.raises(Refused, match=f"the {which} orders maker amount supports a max accuracy of 2 decimals"):
        asked(kind, side=side, makerAmount="4000001")
    with pytest.raises(Refused, match="taker amount a max of 4 decimals"):
        asked(kind, side=side, makerAmount="4000000", takerAmount="7999999")
    if side == "BUY":
        assert asked(kind, tick=FINE, side=side, makerAmount="4000000", takerAmount="7999990").price == 5_000


@pytest.mark.parametrize(("maker", "taker"), [("0", "10000000"), ("4000000", "0")])
def test_an_amount_of_nothing_is_malformed(maker: str, taker: str) -> None:
    with pytest.raises(Refused, match="Invalid order payload"):
        asked(makerAmount=maker, takerAmount=taker)


def test_a_price_of_one_or_more_is_off_the_grid() -> None:
    with pytest.raises(Refused, match=r"Price \(1\) breaks"):
        asked(makerAmount="10000000")


@pytest.mark.parametrize(
    "changes",
    [
        {"makerAmount": 4000000.0},
        {"makerAmount": "4.5"},
        {"makerAmount": "-4"},
        {"makerAmount": "4e6"},
        {"makerAmount": "٤"},  # a digit, but none of ours
        {"takerAmount": "1" * 79},
        {"tokenId": 7132},
        {"tokenId": "0x1f"},
        {"salt": 1.5},
        {"salt": "1"},
        {"salt": -1},
        {"side": "HOLD"},
        {"signatureType": "0"},
        {"timestamp": 1795223638582},
        {"expiration": 0},
        {"expiration": str(1 << 41)},
        {"signature": None},
        {"maker": ["0x"]},
    ],
)
def test_a_field_of_another_kind_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="Invalid order payload") as refused:
        read_form(body(**changes))
    assert refused.value.status == 400


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b'{"order":{}}', b"\xff", b"[" * 100_000])
def test_what_is_no_order_at_all_is_malformed(text: bytes) -> None:
    with pytest.raises(Refused, match="Invalid order payload"):
        read_form(text)
    if text != b"[]":
        with pytest.raises(Refused, match="Invalid order payload"):
            read_forms(text)


def test_a_batch_has_one_to_fifteen_orders_and_each_is_read_by_itself() -> None:
    items = read_forms(b"[" + b",".join([body(), b"7"]) + b"]")
    assert shares_of(read_form(items[0])) == 10_000_000
    with pytest.raises(Refused, match="Invalid order payload"):
        read_form(items[1])
    with pytest.raises(Refused, match="Invalid order payload"):
        read_forms(b"[]")
    with pytest.raises(Refused, match="Too many orders in payload: 16, max allowed: 15"):
        read_forms(b"[" + b",".join([body()] * 16) + b"]")


@given(price=st.integers(1, 99), shares=st.integers(1, 10**9), buying=st.booleans())
def test_what_a_client_makes_of_a_price_is_read_back_exactly(price: int, shares: int, *, buying: bool) -> None:
    """Sizes of two decimals at prices of two: the amounts are exact, and so is the price."""
    size, collateral = shares * 10_000, shares * price * 100
    first, second = (collateral, size) if buying else (size, collateral)
    order = asked(side="BUY" if buying else "SELL", makerAmount=str(first), takerAmount=str(second))
    assert (order.price, order.size) == (price * 100, size)

"""The bodies of order entry: read strictly, and turned into what the engine is asked for.

Source: docs/protocol.md, "Orders"; the texts are the venue's own where they are known.
"""

from decimal import Decimal
from typing import Final, Literal

import msgspec

from polywire.core.matching.orders import Order, OrderKind
from polywire.exchange.answers import Refused
from polywire.model.units import PRICE_ONE, TokenId, price_text

MALFORMED: Final = "Invalid order payload"
BATCH_LIMIT: Final = 15
"""Orders in one body."""

_AMOUNT_LIMIT: Final = 1 << 256
_AMOUNT_DIGITS: Final = {1_000: 3, 100: 4, 50: 5, 25: 6, 10: 5, 1: 6}
"""Decimals of the second amount of a market order, by tick."""

_FIRST_STEP: Final = 10_000  # the first amount of a market order has two decimals: whole 1e-2 in units of 1e-6
_LATEST_S: Final = 1 << 40  # what an expiration may name, Unix seconds
_LONGEST_NUMBER: Final = 78  # digits of 2^256


class OrderFields(msgspec.Struct, rename="camel"):
    """The order of a body. All but `expiration` and `signature` is signed."""

    salt: int
    maker: str
    signer: str
    token_id: str
    maker_amount: str
    taker_amount: str
    side: Literal["BUY", "SELL"]
    signature_type: int
    timestamp: str
    signature: str
    metadata: str = "0x" + 64 * "0"
    builder: str = "0x" + 64 * "0"
    expiration: str = "0"


class OrderForm(msgspec.Struct, rename="camel"):
    """One body of `POST /order`, or one item of `POST /orders`."""

    order: OrderFields
    owner: str
    order_type: OrderKind
    post_only: bool = False
    defer_exec: bool = False


_one: Final = msgspec.json.Decoder(OrderForm)
_many: Final = msgspec.json.Decoder(list[msgspec.Raw])


def read_form(body: bytes | msgspec.Raw) -> OrderForm:
    """Return the order of a body.

    Raises:
        Refused: A field is missing, or of another type than the clients send: a float where a text belongs.
    """
    try:
        form = _one.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise Refused(400, MALFORMED) from fault
    fields = form.order
    numbers = fields.maker_amount, fields.taker_amount, fields.token_id, fields.timestamp, fields.expiration or "0"
    if fields.salt < 0 or not all(map(_is_number, numbers)) or int(fields.expiration or "0") >= _LATEST_S:
        raise Refused(400, MALFORMED)
    return form


def read_forms(body: bytes) -> list[msgspec.Raw]:
    """Return the items of a batch, each to be read by itself: one that is malformed does not spoil the others.

    Raises:
        Refused: It is no array, it is empty, or it has too many.
    """
    try:
        items = _many.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise Refused(400, MALFORMED) from fault
    if not items:
        raise Refused(400, MALFORMED)
    if len(items) > BATCH_LIMIT:
        raise Refused(400, f"Too many orders in payload: {len(items)}, max allowed: {BATCH_LIMIT}")
    return items


def shares_of(form: OrderForm) -> int:
    """Return the shares (1e-6) that an order names: what a BUY wants at least, what a SELL gives."""
    fields = form.order
    return int(fields.taker_amount if fields.side == "BUY" else fields.maker_amount)


def engine_order(form: OrderForm, order_id: str, account: str, tick: int) -> Order:
    """Return what an order asks of the engine.

    A FOK or FAK BUY spends collateral, and its price is what its two amounts come to, rounded down to 1e-4: clients
    round the shares they name down, so it may lie a hair above the limit they meant. Of every other order, price and
    amounts agree exactly.

    Args:
        form: As it came.
        order_id: Its digest.
        account: The funder, lower case.
        tick: Of its market, 1e-4 USDC.

    Raises:
        Refused: Its amounts are finer than the venue takes, or its price is off the grid.
    """
    fields, kind = form.order, form.order_type
    first, second = int(fields.maker_amount), int(fields.taker_amount)
    if not first or not second:
        raise Refused(400, MALFORMED)
    buying = fields.side == "BUY"
    at_once = kind is OrderKind.FOK or kind is OrderKind.FAK
    if at_once:
        _check_accuracy(first, second, tick, buying=buying)
    collateral, shares = (first, second) if buying else (second, first)
    price, rest = divmod(collateral * PRICE_ONE, shares)
    by_collateral = at_once and buying
    if rest and not by_collateral:
        shown = (Decimal(collateral) / Decimal(shares)).quantize(Decimal("1e-10")).normalize()
        raise _off_grid(order_id, f"{shown:f}", tick)
    if not 0 < price < PRICE_ONE:
        raise _off_grid(order_id, price_text(price), tick)
    return Order(
        id=order_id,
        account=account,
        token=TokenId(fields.token_id),
        side=fields.side,
        price=price,
        size=0 if by_collateral else shares,
        kind=kind,
        post_only=form.post_only,
        expires_s=int(fields.expiration or "0"),
        collateral=collateral if by_collateral else 0,
    )


def _check_accuracy(first: int, second: int, tick: int, *, buying: bool) -> None:
    digits = _AMOUNT_DIGITS.get(tick, 6)
    if first % _FIRST_STEP or second % 10 ** (6 - digits):
        which = "market buy" if buying else "sell"
        raise Refused(
            400,
            f"invalid amounts, the {which} orders maker amount supports a max accuracy of 2 decimals, "
            f"taker amount a max of {digits} decimals",
        )


def _off_grid(order_id: str, price: str, tick: int) -> Refused:
    rule = f"Price ({price}) breaks minimum tick size rule: {price_text(tick)}"
    return Refused(400, f"order {order_id} is invalid. {rule}")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER and int(text) < _AMOUNT_LIMIT

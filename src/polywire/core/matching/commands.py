"""What can be asked of an engine, as values: a log of them, kept as JSON, replays to the same state."""

from typing import assert_never

import msgspec

from polywire.core.matching.engine import Engine
from polywire.core.matching.orders import Leg, MarketTerms, Order, Outcome, Refusal
from polywire.model.units import ConditionId, TokenId, TradeSide

Result = Outcome | dict[ConditionId, Outcome] | Refusal | int | None
"""What a command answers: the engine's own method says which."""


class OpenMarket(msgspec.Struct, frozen=True, tag="open_market"):
    """`Engine.open_market`."""

    terms: MarketTerms


class SetTick(msgspec.Struct, frozen=True, tag="set_tick"):
    """`Engine.set_tick`."""

    condition: ConditionId
    tick: int


class Resolve(msgspec.Struct, frozen=True, tag="resolve"):
    """`Engine.resolve`."""

    condition: ConditionId
    winner: TokenId


class Redeem(msgspec.Struct, frozen=True, tag="redeem"):
    """`Engine.redeem`."""

    account: str
    condition: ConditionId


class Deposit(msgspec.Struct, frozen=True, tag="deposit"):
    """`Engine.deposit`."""

    account: str
    collateral: int


class Withdraw(msgspec.Struct, frozen=True, tag="withdraw"):
    """`Engine.withdraw`."""

    account: str
    collateral: int


class Split(msgspec.Struct, frozen=True, tag="split"):
    """`Engine.split`."""

    account: str
    condition: ConditionId
    shares: int


class Merge(msgspec.Struct, frozen=True, tag="merge"):
    """`Engine.merge`."""

    account: str
    condition: ConditionId
    shares: int


class Place(msgspec.Struct, frozen=True, tag="place"):
    """`Engine.place`."""

    order: Order
    now_ms: int


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """`Engine.cancel`."""

    order: str


class CancelAll(msgspec.Struct, frozen=True, tag="cancel_all"):
    """`Engine.cancel_all`."""

    account: str
    condition: ConditionId | None = None
    token: TokenId | None = None


class Expire(msgspec.Struct, frozen=True, tag="expire"):
    """`Engine.expire`."""

    now_ms: int


class Reverse(msgspec.Struct, frozen=True, tag="reverse"):
    """`Engine.reverse`."""

    condition: ConditionId
    account: str
    token: TokenId
    side: TradeSide
    size: int
    cost: int
    fee: int
    legs: tuple[Leg, ...]


class RestoreHolder(msgspec.Struct, frozen=True, tag="restore_holder"):
    """`Engine.restore_holder`."""

    account: str
    collateral: int
    shares: dict[TokenId, int]


class RestoreOrder(msgspec.Struct, frozen=True, tag="restore_order"):
    """`Engine.restore_order`."""

    order: Order
    left: int
    filled: int
    placed_ms: int


class BalancePairs(msgspec.Struct, frozen=True, tag="balance_pairs"):
    """`Engine.balance_pairs`."""

    condition: ConditionId
    house: str


Command = (
    OpenMarket
    | SetTick
    | Resolve
    | Redeem
    | Deposit
    | Withdraw
    | Split
    | Merge
    | Place
    | Cancel
    | CancelAll
    | Expire
    | Reverse
    | RestoreHolder
    | RestoreOrder
    | BalancePairs
)
"""Every way to change an engine."""

_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)


def encode(command: Command) -> bytes:
    """Return a command as one line of JSON, without its line end.

    >>> encode(Deposit("ada", 5_000_000))
    b'{"type":"deposit","account":"ada","collateral":5000000}'
    """
    return _ENCODER.encode(command)


def decode(line: bytes) -> Command:
    """Return the command that `encode` wrote. Raises `msgspec.DecodeError` for anything else.

    >>> decode(b'{"type":"cancel","order":"7"}')
    Cancel(order='7')
    """
    return _DECODER.decode(line)


def apply(engine: Engine, command: Command) -> Result:  # noqa: PLR0912 - a case for each command
    """Ask a command of an engine and return its answer. Raises what the engine's method raises."""
    match command:
        case OpenMarket(terms):
            engine.open_market(terms)
            return None
        case SetTick(condition, tick):
            engine.set_tick(condition, tick)
            return None
        case Resolve(condition, winner):
            return engine.resolve(condition, winner)
        case Redeem(account, condition):
            return engine.redeem(account, condition)
        case Deposit(account, collateral):
            engine.deposit(account, collateral)
            return None
        case Withdraw(account, collateral):
            return engine.withdraw(account, collateral)
        case Split(account, condition, shares):
            return engine.split(account, condition, shares)
        case Merge(account, condition, shares):
            return engine.merge(account, condition, shares)
        case Place(order, now_ms):
            return engine.place(order, now_ms)
        case Cancel(order):
            return engine.cancel(order)
        case CancelAll(account, condition, token):
            return engine.cancel_all(account, condition=condition, token=token)
        case Expire(now_ms):
            return engine.expire(now_ms)
        case Reverse(condition, account, token, side, size, cost, fee, legs):
            return engine.reverse(condition, account, token, side, size, cost, fee, legs)
        case RestoreHolder(account, collateral, shares):
            engine.restore_holder(account, collateral, shares)
            return None
        case RestoreOrder(order, left, filled, placed_ms):
            engine.restore_order(order, left=left, filled=filled, placed_ms=placed_ms)
            return None
        case BalancePairs(condition, house):
            return engine.balance_pairs(condition, house)
        case _:
            assert_never(command)

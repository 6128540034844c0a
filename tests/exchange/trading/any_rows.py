"""Rows of every kind for hypothesis, made from their types."""

from enum import Enum
from types import UnionType
from typing import Any, Literal, NewType, TypeVar, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from polywire.exchange.trading.records import (
    Activity,
    ApiKey,
    Beat,
    Holding,
    PricePoint,
    Row,
    UserOrder,
    UserTrade,
    Wallet,
)

_Struct = TypeVar("_Struct", bound=msgspec.Struct)

KINDS: tuple[type[Row], ...] = get_args(Row)
_WORDS = st.sampled_from(["a", "b", "0x71", "it's", 'say "x"', "é 😀", "\\", "c\n"])  # few, so that they meet again
_MINUTES = st.integers(0, 2**40)
_WHOLE = st.one_of(st.integers(0, 5), st.integers(2**53, 2**62))


def of(kind: type[_Struct]) -> st.SearchStrategy[_Struct]:
    """Return any instance of a struct."""
    fields = {field.name: _any(field.type) for field in msgspec.structs.fields(kind)}
    if kind is PricePoint:
        fields["minute"] = _MINUTES
    return st.fixed_dictionaries(fields).map(lambda values: kind(**values))


def _any(of_type: Any) -> st.SearchStrategy[Any]:
    if isinstance(of_type, NewType):
        return _any(of_type.__supertype__)
    origin, arguments = get_origin(of_type), get_args(of_type)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in {Union, UnionType}:
        return st.one_of(*map(_any, arguments))
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return st.lists(_any(arguments[0]), max_size=3).map(tuple)
        return st.tuples(*map(_any, arguments))
    if issubclass(of_type, Enum):
        return st.sampled_from(list(of_type))
    if issubclass(of_type, msgspec.Struct):
        return of(of_type)
    return {int: _WHOLE, str: _WORDS, bool: st.booleans(), type(None): st.none()}[of_type]


def identity(row: Row) -> tuple[Any, ...]:
    """Return what tells a row from others of its kind."""
    match row:
        case UserOrder(number=number) | UserTrade(number=number) | Activity(number=number):
            return (type(row), number)
        case Wallet(account=account):
            return (type(row), account)
        case Holding(account=account, token=token):
            return (type(row), account, token)
        case Beat(key=key):
            return (type(row), key)
        case PricePoint(condition=condition, minute=minute):
            return (type(row), condition, minute)
        case ApiKey(id=key):
            return (type(row), key)
        case _:
            return (type(row), getattr(row, "condition", None) or row.id)

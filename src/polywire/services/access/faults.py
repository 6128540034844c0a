"""Errors through a pipe: told with their class and what they carry, and raised as the same on the other side."""

from typing import Any, Final

from polywire import errors
from polywire.errors import PolywireError
from polywire.services.owner_protocol import Refused

_PLAIN: Final = (str, int, float, bool, type(None))


def refusal_of(request: int, fault: PolywireError) -> Refused:
    """Return an error as the answer to the request of that id."""
    fields = {name: value for name, value in vars(fault).items() if not name.startswith("_") and _is_plain(value)}
    return Refused(request, str(fault), list(fields.get("nearest", ())), type(fault).__name__, fields)


def error_of(refused: Refused) -> PolywireError:
    """Return the error that was told: of the same class where we know it, with the same words and fields."""
    kind = getattr(errors, refused.kind, None)
    if not (isinstance(kind, type) and issubclass(kind, PolywireError)):
        kind = PolywireError
    error = kind.__new__(kind)
    error.args = (refused.error,)
    vars(error).update({name: _restored(value) for name, value in refused.fields.items()})
    return error


def _is_plain(value: object) -> bool:
    return isinstance(value, _PLAIN) or (isinstance(value, tuple) and all(isinstance(one, _PLAIN) for one in value))


def _restored(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value

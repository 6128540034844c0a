"""What a request to the Data API asks for, read from its query."""

import re
from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Final

from polywire.exchange.catalogue import Catalogue
from polywire.model.units import SIZE_LIMIT, SIZE_ONE, ConditionId

CONDITIONS_MOST: Final = 20
"""Markets or events that one request may name."""

TIME_MOST: Final = 253_402_300_799
"""Unix seconds: the end of the year 9999."""

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,64}")
_DIGITS_MOST: Final = 18  # of a whole number: 64 bits hold them
_SHOWN: Final = 60  # characters of what was given


class BadQuery(Exception):
    """A query that cannot be answered.

    Args:
        error: Why, in one sentence.
        parameter: Which of its parameters.
    """

    def __init__(self, error: str, parameter: str) -> None:
        self.error, self.parameter = error, parameter
        super().__init__(error)


class Query:
    """The parameters of a request. Each reader raises `BadQuery` where what was given is none of its kind.

    Args:
        given: Names and texts; an empty text is as good as none.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given

    def text(self, name: str) -> str:
        """Return a parameter as it was given; "" where it was not."""
        return self._given.get(name, "")

    def has(self, name: str) -> bool:
        """Return whether a parameter was given."""
        return bool(self.text(name))

    def account(self, *, needed: bool = True) -> str:
        """Return the wallet's address in lower case; "" where none is given and none is needed."""
        text = self.text("user")
        if not text and not needed:
            return ""
        if _ADDRESS.fullmatch(text) is None:
            raise BadQuery(f"user is a wallet's address, 0x and 40 hex digits; {_quoted(text)} was given", "user")
        return text.lower()

    def listed(self, name: str) -> tuple[str, ...]:
        """Return the different values of a list that commas part."""
        return tuple(dict.fromkeys(part for part in self.text(name).split(",") if part))

    def conditions(self, name: str = "condition_id") -> tuple[ConditionId, ...]:
        """Return the different condition ids that are named, in lower case, 20 at most."""
        listed = tuple(dict.fromkeys(part.lower() for part in self.listed(name)))
        for part in listed:
            if _HEX.fullmatch(part) is None:
                raise BadQuery(f"{name} is 0x and hex digits, several with commas; {_quoted(part)} was given", name)
        self._few(listed, name)
        return tuple(map(ConditionId, listed))

    def events(self) -> tuple[str, ...]:
        """Return the different event ids that are named, 20 at most."""
        listed = self.listed("event_id")
        for part in listed:
            if not _whole(part):
                raise BadQuery(
                    f"event_id is a whole number, several with commas; {_quoted(part)} was given", "event_id"
                )
        self._few(listed, "event_id")
        return tuple(str(int(part)) for part in listed)

    def markets(self, catalogue: Catalogue) -> tuple[ConditionId, ...] | None:
        """Return which markets are asked for, by condition or by event; None: all of them."""
        conditions, events = self.conditions(), self.events()
        if conditions and events:
            raise BadQuery("condition_id and event_id exclude each other; give one of them", "event_id")
        if events:
            return tuple(market.condition for event in events for market in catalogue.of_event(event))
        return conditions or None

    def choice(self, name: str, allowed: Iterable[str], default: str = "") -> str:
        """Return one of `allowed`, in whatever case it was given."""
        found = self.text(name).upper() or default
        choices = tuple(allowed)
        if found and found not in choices:
            raise BadQuery(f"{name} is one of {', '.join(choices)}; {_quoted(self.text(name))} was given", name)
        return found

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a yes or no."""
        text = self.text(name).lower()
        if text not in {"", "true", "false", "1", "0"}:
            raise BadQuery(f"{name} is true or false; {_quoted(text)} was given", name)
        return text in {"true", "1"} if text else default

    def whole(self, name: str, default: int, *, least: int = 0, most: int) -> int:
        """Return a whole number from `least` to `most`."""
        text = self.text(name)
        if not text:
            return default
        if not _whole(text) or not least <= int(text) <= most:
            raise BadQuery(f"{name} is a whole number from {least} to {most}; {_quoted(text)} was given", name)
        return int(text)

    def seconds(self, name: str) -> int | None:
        """Return a time in Unix seconds; None where none is given."""
        return self.whole(name, 0, least=1, most=TIME_MOST) if self.has(name) else None

    def amount(self, name: str, default: int = 0) -> int:
        """Return an amount of shares or USDC in 1e-6, rounded up."""
        text = self.text(name)
        if not text:
            return default
        try:
            given = Decimal(text)
        except InvalidOperation:
            given = Decimal("NaN")
        if not given.is_finite() or not 0 <= given <= SIZE_LIMIT // SIZE_ONE:
            most = SIZE_LIMIT // SIZE_ONE
            raise BadQuery(f"{name} is an amount from 0 to {most}; {_quoted(text)} was given", name)
        return int((given * SIZE_ONE).to_integral_value(ROUND_CEILING))

    @staticmethod
    def _few(listed: tuple[str, ...], name: str) -> None:
        if len(listed) > CONDITIONS_MOST:
            raise BadQuery(f"{name} names at most {CONDITIONS_MOST} different values, and {len(listed)} are here", name)


def _whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS_MOST


def _quoted(text: str) -> str:
    return repr(text[:_SHOWN])

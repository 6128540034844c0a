"""The questions of `Access` as they go through a pipe: their arguments as a JSON array, their answers as JSON."""

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final

import msgspec

from polywire.errors import Misuse, OwnerGone
from polywire.model.journal import Page
from polywire.model.listing import MarketListed
from polywire.model.watch import Watch
from polywire.services.access.language import (
    Access,
    BookSeen,
    EntriesWanted,
    History,
    HistoryWanted,
    MarketSeen,
    WatchMade,
    WatchStatus,
    WatchWanted,
)
from polywire.services.owner_protocol import Ask, json_of


class Call:
    """How one question is read and answered.

    Args:
        arguments: The tuple of its arguments' types, in order.
        answer: The type of its answer.
    """

    def __init__(self, arguments: Any, answer: Any) -> None:
        self._arguments, self._answer = msgspec.json.Decoder(arguments), msgspec.json.Decoder(answer)

    def arguments_of(self, body: msgspec.Raw) -> tuple[Any, ...]:
        """Return the arguments. Raises `msgspec.DecodeError` where they are none of this question's."""
        arguments: tuple[Any, ...] = self._arguments.decode(body)
        return arguments

    def answer_of(self, body: msgspec.Raw) -> Any:
        """Return the answer.

        Raises:
            OwnerGone: It is none of this question's.
        """
        try:
            return self._answer.decode(body)
        except msgspec.DecodeError as fault:
            raise OwnerGone(
                "the data directory", f"answers in another language: {fault}; end it and start it again"
            ) from fault


CALLS: Final[Mapping[str, Call]] = MappingProxyType(
    {
        "add_watch": Call(tuple[WatchWanted], WatchMade),
        "drop_watch": Call(tuple[str], Watch),
        "watches": Call(tuple[()], list[WatchStatus]),
        "entries": Call(tuple[EntriesWanted], Page),
        "newest": Call(tuple[()], str),
        "status": Call(tuple[()], dict[str, Any]),
        "search": Call(tuple[str, int], list[MarketListed]),
        "market": Call(tuple[str], list[MarketSeen]),
        "book": Call(tuple[str, int], list[BookSeen]),
        "history": Call(tuple[HistoryWanted], History),
    }
)
"""Every question there is, by the name of its method."""


def ask_of(number: int, method: str, *arguments: Any) -> Ask:
    """Return a question as a request with the id `number`."""
    return Ask(method, msgspec.Raw(json_of(arguments)), number)


async def answered(access: Access, ask: Ask) -> msgspec.Raw:
    """Put a question and return its answer as JSON.

    Raises:
        Misuse: There is no such question, or its arguments are none of its own.
        PolywireError: What the question itself raises.
    """
    call = CALLS.get(ask.method)
    if call is None:
        near = get_close_matches(ask.method, CALLS, 1)
        raise Misuse(
            f"nothing answers {ask.method[:80]!r}{f'; {near[0]!r} comes near' if near else ''}; there are: "
            f"{', '.join(CALLS)}"
        )
    try:
        arguments = call.arguments_of(ask.args)
    except msgspec.DecodeError as fault:
        raise Misuse(f"these are no arguments of `{ask.method}`: {fault}") from fault
    return msgspec.Raw(json_of(await getattr(access, ask.method)(*arguments)))

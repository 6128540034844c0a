"""The language between the owner of a data directory and those who attach to it: JSON lines, told apart by `type`.

The owner says hello first. A request has an `id` of the client's, not 0; every answer to it repeats the `id`. Many may
be under way at once: answers come as they are ready, in no promised order.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec

from polywire.errors import Misuse, OwnerGone
from polywire.model.listing import MarketListed
from polywire.model.units import TokenId
from polywire.services.views import View

PROTOCOL: Final = 2
"""The version of this language; the owner says it in its hello."""


class Wire(Protocol):
    """One end of a connection; `polywire.io.owner.Lines` is one."""

    async def receive(self) -> bytes | None:
        """Return the next line; None once the other side has left."""

    async def send(self, line: bytes) -> None:
        """Send a line; wait while the other side does not read. Raises OwnerGone once it has left."""


class Status(msgspec.Struct, tag="status"):
    """Ask for the feed's status. Answer: `status`."""

    id: int = 0


class Resolve(msgspec.Struct, tag="resolve"):
    """Ask which markets these targets are. Answer: `resolved`."""

    targets: list[str]
    id: int = 0


class Watch(msgspec.Struct, tag="watch"):
    """Ask for views of these targets' tokens, all of them every `every_s`. Answers: `watching`, then `views`."""

    targets: list[str]
    id: int = 0
    every_s: float = 0.25
    levels: int = 10


class Follow(msgspec.Struct, tag="events"):
    """Ask for the events of these targets' tokens as they come. Answers: `watching`, then `event`."""

    targets: list[str]
    id: int = 0


class Ask(msgspec.Struct, tag="ask"):
    """Ask what `polywire.services.access.language.Access` answers. Answer: `told`."""

    method: str
    args: msgspec.Raw  # a JSON array, in the order of the method's arguments
    id: int = 0


class Leave(msgspec.Struct, tag="leave"):
    """End the stream, or give up the question, that was asked for with `of`. Answer: `left`."""

    of: int
    id: int = 0


Request = Status | Resolve | Watch | Follow | Ask | Leave
"""Whatever a client may ask."""


class Hello(msgspec.Struct, tag="hello", frozen=True):
    """The first line of the owner."""

    protocol: int
    polywire: str  # its version
    pid: int
    venue: str
    address: str  # where the venue is, for those who want sockets of their own; "live" for production
    background: bool  # whether it ends once its clients have left


class StatusTold(msgspec.Struct, tag="status", frozen=True):
    """The feed's status as it is."""

    id: int
    status: dict[str, Any]


class Resolved(msgspec.Struct, tag="resolved", frozen=True):
    """The markets that were asked for."""

    id: int
    markets: list[MarketListed]


class Watching(msgspec.Struct, tag="watching", frozen=True):
    """A stream begins: its tokens, in the order that views come in."""

    id: int
    tokens: list[TokenId]


class ViewsTold(msgspec.Struct, tag="views", frozen=True):
    """One look at every token of a stream."""

    id: int
    views: list[View]


class EventTold(msgspec.Struct, tag="event", frozen=True):
    """One event, as `polywire.wire.event_json` writes it."""

    id: int
    event: msgspec.Raw


class Told(msgspec.Struct, tag="told", frozen=True):
    """The answer to a question, as `polywire.services.access.calls` writes it."""

    id: int
    answer: msgspec.Raw


class Left(msgspec.Struct, tag="left", frozen=True):
    """A stream has ended, or a question was given up."""

    id: int
    of: int


class Refused(msgspec.Struct, tag="error", frozen=True):
    """A request could not be met."""

    id: int
    error: str
    nearest: list[str] = []  # slugs near to an unknown target
    kind: str = "PolywireError"  # the class of the error
    fields: dict[str, Any] = {}  # and what it carries: see `polywire.services.access.faults`


Answer = Hello | StatusTold | Resolved | Watching | ViewsTold | EventTold | Told | Left | Refused
"""Whatever an owner may say."""


def encoded(request: Request) -> bytes:
    """Return a request as its line."""
    return msgspec.json.encode(request)


def answer_of(line: bytes) -> Answer:
    """Return what an owner's line says.

    Raises:
        OwnerGone: It is none that this version knows.
    """
    try:
        return _ANSWERS.decode(line)
    except msgspec.MsgspecError as fault:
        raise OwnerGone("the data directory", f"speaks another language: {fault}; end it and start it again") from fault


def encoded_answer(answer: Answer) -> bytes:
    """Return an answer as its line."""
    return json_of(answer)


def request_of(line: bytes) -> Request:
    """Return what a client's line asks.

    Raises:
        Misuse: It is no request.
    """
    try:
        return _REQUESTS.decode(line)
    except msgspec.MsgspecError as fault:
        raise Misuse(f"this is no request: {fault}; it begins {line[:80]!r}") from fault


def json_of(value: object) -> bytes:
    """Return any part of an answer as JSON."""
    return msgspec.json.encode(value, enc_hook=_plain)


def _plain(value: object) -> object:
    """Return what a status may hold and JSON has no word for."""
    return dict(value) if isinstance(value, Mapping) else str(value)


_REQUESTS: Final[msgspec.json.Decoder[Request]] = msgspec.json.Decoder(Request)
_ANSWERS: Final[msgspec.json.Decoder[Answer]] = msgspec.json.Decoder(Answer)

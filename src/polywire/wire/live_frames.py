"""The live-data service's payloads as the venue spells them: private to `wire`.

Numbers are `Decimal`, made from the JSON text itself. Source: docs/protocol.md, "Live data".
"""

from decimal import Decimal
from typing import Literal

import msgspec


class Price(msgspec.Struct):
    """An `update` of any price topic; `full_accuracy_value` is finer than `value` where it is there."""

    symbol: str
    timestamp: int
    value: Decimal
    full_accuracy_value: str = ""
    window_s: int = 0
    received_at: int | None = None
    is_carried_forward: bool = False


class Point(msgspec.Struct):
    """One price of a back-fill."""

    timestamp: int
    value: Decimal


class Prices(msgspec.Struct):
    """A `subscribe` answer: about two minutes of points."""

    symbol: str
    data: list[Point]


class Profile(msgspec.Struct):
    """Who wrote a comment."""

    name: str = ""
    pseudonym: str = ""
    displayUsernamePublic: bool = False  # noqa: N815 - the venue's spelling, here and below
    baseAddress: str = ""  # noqa: N815
    proxyWallet: str = ""  # noqa: N815
    profileImage: str = ""  # noqa: N815
    bio: str = ""


class Comment(msgspec.Struct):
    """A comment; a removal carries its id and little else."""

    id: str
    body: str = ""
    parentEntityType: str = ""  # noqa: N815
    parentEntityID: int = 0  # noqa: N815
    parentCommentID: str = ""  # noqa: N815
    userAddress: str = ""  # noqa: N815
    replyAddress: str = ""  # noqa: N815
    createdAt: str = ""  # noqa: N815
    updatedAt: str = ""  # noqa: N815
    reactionCount: int = 0  # noqa: N815
    reportCount: int = 0  # noqa: N815
    profile: Profile | None = None


class Reaction(msgspec.Struct):
    """A reaction to a comment."""

    id: str
    commentID: int = 0  # noqa: N815
    reactionType: str = ""  # noqa: N815
    icon: str = ""
    userAddress: str = ""  # noqa: N815
    createdAt: str = ""  # noqa: N815
    profile: Profile | None = None


class Activity(msgspec.Struct):
    """A trade with its wallet."""

    asset: str
    conditionId: str  # noqa: N815
    side: Literal["BUY", "SELL"]
    price: Decimal
    size: Decimal
    timestamp: int  # seconds
    proxyWallet: str = ""  # noqa: N815
    transactionHash: str = ""  # noqa: N815
    outcome: str = ""
    outcomeIndex: int = 0  # noqa: N815
    slug: str = ""
    eventSlug: str = ""  # noqa: N815
    title: str = ""
    icon: str = ""
    name: str = ""
    pseudonym: str = ""
    bio: str = ""
    profileImage: str = ""  # noqa: N815


class Refusal(msgspec.Struct):
    """The answer to a request that the service could not read."""

    message: str
    connectionId: str = ""  # noqa: N815
    requestId: str = ""  # noqa: N815

"""What parameters of tools are: read generously, said precisely."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from polywire.errors import Misuse

CallbackType = Literal["notification", "log"]


def _as_texts(given: Any) -> Any:
    """Return ids as texts: models pass one for a list of one, and token ids as numbers."""
    if isinstance(given, (str, int)) and not isinstance(given, bool):
        return [str(given)]
    if isinstance(given, list):
        return [str(one) if isinstance(one, int) and not isinstance(one, bool) else one for one in given]
    return given


MarketIds = Annotated[
    list[str],
    BeforeValidator(_as_texts),
    Field(
        description="Condition ids (0x…), outcome token ids (long decimal numbers, as text), slugs or market URLs; one "
        "string is taken for a list of one. An event's slug means all its markets.",
        examples=[["will-it-rain-tomorrow"], ["0x5f65177b394277fd294cd75650044e32ba009a95022d88a0c1d565897d72f8f1"]],
    ),
]
SomeMarketIds = Annotated[
    list[str] | None,
    BeforeValidator(_as_texts),
    Field(
        description="Condition ids (0x…), outcome token ids (as text), slugs or market URLs; one string is taken for a "
        "list of one. Left out: of no market in particular.",
        examples=[["will-it-rain-tomorrow"]],
    ),
]
TokenIds = Annotated[
    list[str],
    BeforeValidator(_as_texts),
    Field(
        description="Outcome token ids (long decimal numbers, as text); condition ids, slugs and URLs mean both "
        "outcomes of a market. One string is taken for a list of one.",
        examples=[["71321045679252212594626385532706912750332728571942532289631379312455583992563"]],
    ),
]
SubscriptionIds = Annotated[
    list[str] | None,
    BeforeValidator(_as_texts),
    Field(
        description="Ids that subscribing answered. Left out: all your own subscriptions; if you made none, "
        "everybody's events and the house's own.",
        examples=[["w-1f2e3d"]],
    ),
]
Callback = Annotated[
    CallbackType,
    Field(
        description="How to be told beside asking: `notification` (resource updates) or `log` (log messages, where era "
        "and level allow). Either way wait_for_events is what reaches you for certain.",
    ),
]
Since = Annotated[
    str,
    Field(
        description="A cursor that an answer gave you. Left out: from where your last wait or get ended; at first from "
        "where the subscription began.",
        examples=["3f9a11c02b7e.41"],
    ),
]
OneId = Annotated[
    str,
    BeforeValidator(lambda given: str(given) if isinstance(given, int) and not isinstance(given, bool) else given),
    Field(
        description="A token id, condition id, slug or market URL.",
        examples=["will-it-rain-tomorrow"],
    ),
]


def named(ids: list[str], parameter: str) -> tuple[str, ...]:
    """Return ids without blanks and doubles.

    Raises:
        Misuse: There is none.
    """
    found = tuple(dict.fromkeys(one.strip() for one in ids if one.strip()))
    if not found:
        raise Misuse(
            f"`{parameter}` is empty: name at least one token id, condition id, slug or market URL; "
            'search_markets(query="…") finds them'
        )
    return found

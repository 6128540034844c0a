"""From what somebody asks for to a watch: what its targets mean, and whether it can be."""

import re
from typing import Final

import anyio
import msgspec

from polywire.errors import Misuse, PolywireError, TooMany, VenueUnreachable
from polywire.model.listing import MarketListed
from polywire.model.units import ConditionId, TokenId
from polywire.model.watch import Condition, Created, Opportunity, OrderChanges, OwnTrades, Resolves, Watch
from polywire.services.access.language import WatchWanted
from polywire.services.targets import tokens_meant
from polywire.services.watches.source import WatchFeed
from polywire.wire.watch_json import condition_as_json, condition_of

PATIENCE_S: Final = 4.0
"""How long making a watch may take: for what its targets mean, and for the first data of its tokens."""

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_LONGEST_LABEL: Final = 200
_LONGEST_S: Final = 10 * 366 * 86_400.0
_MOST_A_DAY_S: Final = 86_400.0
_MOST_BUDGET: Final = 10_000
_A_PAIR: Final = 2
_AT_ONCE: Final = 16  # questions about targets


class Subject(msgspec.Struct, frozen=True):
    """What a watch is about; nothing for new markets, and for own orders and trades of all."""

    markets: tuple[MarketListed, ...]
    tokens: tuple[TokenId, ...]


def check_wanted(wanted: WatchWanted, most_targets: int) -> None:
    """See whether a watch can be, before anybody is asked.

    Raises:
        Misuse: A number is out of its range, or the condition needs targets and there are none.
        TooMany: More targets than `most_targets`.
    """
    if wanted.id and not _ID.fullmatch(wanted.id):
        raise Misuse(f"{wanted.id[:80]!r} cannot be a watch's id: use up to 64 letters, digits, `.`, `_` and `-`")
    _check_number("cooldown_s", wanted.cooldown_s, 0, _MOST_A_DAY_S)
    _check_number("budget", wanted.budget, 1, _MOST_BUDGET)
    _check_number("for_s", wanted.for_s, 0, _LONGEST_S)
    if len(wanted.label) > _LONGEST_LABEL:
        raise Misuse(f"a label of {len(wanted.label)} letters was given; it may have {_LONGEST_LABEL}")
    if len(wanted.targets) > most_targets:
        raise TooMany("targets of one watch", len(wanted.targets), most_targets)
    condition_of(condition_as_json(wanted.condition))  # raises where a number of the condition is out of its range
    kind = str(wanted.condition.__struct_config__.tag)
    if isinstance(wanted.condition, Created):
        if wanted.targets:
            raise Misuse(
                f"`{kind}` is of markets that are still to come, so it has no targets; say in `words` what their texts "
                "are to hold"
            )
    elif not wanted.targets and not isinstance(wanted.condition, OrderChanges | OwnTrades):
        raise Misuse(f"`{kind}` needs targets: token ids, condition ids, slugs or market URLs")


def same_subject(wanted: WatchWanted, watch: Watch) -> bool:
    """Return whether a watch that stands is the one that is asked for again."""
    return (wanted.condition, wanted.targets) == (watch.condition, watch.targets)


async def subject_of(feed: WatchFeed, wanted: WatchWanted, within_s: float) -> Subject:
    """Return the markets and the tokens that a watch is about.

    Raises:
        UnknownTarget: A target means none.
        VenueUnreachable: The venue could not be asked, or did not answer in time.
        Misuse: The condition cannot be of these.
    """
    try:
        with anyio.fail_after(within_s):
            meant = await _each_resolved(feed, list(dict.fromkeys(wanted.targets)))
    except TimeoutError:
        named = wanted.targets[0] if len(wanted.targets) == 1 else f"these {len(wanted.targets)} targets"
        raise VenueUnreachable(
            feed.venue.urls.gamma, f"it did not say within {PATIENCE_S:g} s what {named[:100]} means"
        ) from None
    markets: dict[ConditionId, MarketListed] = {}
    tokens: dict[TokenId, None] = {}
    for target, found in meant.items():
        for market in found:
            markets.setdefault(market.condition, market)
        tokens.update(dict.fromkeys(_tokens_of(wanted.condition, target, found)))
    if isinstance(wanted.condition, Opportunity) and wanted.condition.whole_event and len(markets) < _A_PAIR:
        raise Misuse(
            "`whole_event` takes the first outcome of each of an event's markets, and the targets mean only one: name "
            "the event, or all of its markets, or leave `whole_event` out"
        )
    return Subject(tuple(markets.values()), tuple(tokens))


def watch_of(
    wanted: WatchWanted,
    id: str,  # noqa: A002 - as the watch calls it
    subject: Subject,
    now_ms: int,
) -> Watch:
    """Return the watch as it is kept; `now_ms` is the venue's time."""
    return Watch(
        id,
        wanted.condition,
        wanted.targets,
        subject.tokens,
        tuple(market.condition for market in subject.markets),
        wanted.label,
        wanted.cooldown_s,
        wanted.budget,
        now_ms,
        now_ms + round(wanted.for_s * 1_000) if wanted.for_s else 0,
        wanted.delivery,
        wanted.maker,
    )


async def _each_resolved(feed: WatchFeed, targets: list[str]) -> dict[str, list[MarketListed]]:
    """Return what each target means, in their order; a few are asked about at a time."""
    found: dict[str, list[MarketListed]] = {}
    refused: list[PolywireError] = []

    async def ask(some: list[str]) -> None:
        for target in some:
            if refused:
                return
            try:
                found[target] = await feed.resolve(target)
            except PolywireError as refusal:
                refused.append(refusal)

    async with anyio.create_task_group() as tasks:
        for first in range(min(_AT_ONCE, len(targets))):
            tasks.start_soon(ask, targets[first::_AT_ONCE])
    if refused:
        raise refused[0]
    return {target: found[target] for target in targets}


def _tokens_of(condition: Condition, target: str, markets: list[MarketListed]) -> list[TokenId]:
    match condition:
        case Opportunity(whole_event=True):
            return [market.tokens[0] for market in markets]
        case Opportunity() | Resolves():  # of a market as a whole, by whichever of its tokens it was named
            return [token for market in markets for token in market.tokens]
        case _:
            return tokens_meant(target, markets)


def _check_number(name: str, given: float, least: float, most: float) -> None:
    if not least <= given <= most:  # NaN too
        raise Misuse(f"{name} is a number from {least:g} to {most:g}, and {given:g} was given")

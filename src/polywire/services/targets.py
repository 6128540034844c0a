"""What people call a market, and the market they mean: a token id, a condition id, a slug, a URL."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final
from urllib.parse import unquote, urlsplit

from polywire.errors import UnknownTarget
from polywire.model.listing import MarketListed
from polywire.model.units import TokenId
from polywire.ports import Catalogue

_NEAREST: Final = 5
_LISTED: Final = 100
_SHORTEST_ID: Final = 20  # decimal digits; a shorter number may be a slug
_LONGEST_NAME: Final = 200  # no venue has longer ones, and none is asked for them
_EVENT, _MARKET = "event", "market"


async def find(target: str, catalogue: Catalogue) -> list[MarketListed]:
    """Return the markets meant by one target, in the venue's order: several where it names an event.

    Args:
        target: A token id (decimal digits), a condition id (0x…), the slug of a market or of an event, or the URL
            of either on the venue's site. A slug that names both means the market, a URL says which it means.
        catalogue: The venue's list.

    Raises:
        UnknownTarget: The venue knows none; `.nearest` names some that come near.
        VenueUnreachable: It could not be asked.
    """
    name, of_event = _name_in(target.strip())
    markets = await _named(name, catalogue, event_first=of_event) if 0 < len(name) <= _LONGEST_NAME else []
    if not markets:
        raise UnknownTarget(target, await _nearest(name[:_LONGEST_NAME], catalogue))
    return markets


def is_token_id(target: str) -> bool:
    """Return whether a target can be nothing but a token id, so that the venue need not be asked what it means."""
    return len(target) >= _SHORTEST_ID and target.isascii() and target.isdecimal()


def tokens_meant(target: str, markets: Iterable[MarketListed]) -> list[TokenId]:
    """Return the tokens a target means: itself where it is a token id, else both outcomes of each market."""
    tokens = [token for market in markets for token in market.tokens]
    name = target.strip()
    return [TokenId(name)] if name in tokens else tokens


async def _named(name: str, catalogue: Catalogue, *, event_first: bool) -> list[MarketListed]:
    if name.isdecimal() and name.isascii() and (market := await catalogue.of_token(name)) is not None:
        return [market]
    name = name.lower()
    if name.startswith("0x") and (market := await catalogue.of_condition(name)) is not None:
        return [market]
    if event_first and (markets := await catalogue.of_event(name)):
        return markets
    market = await catalogue.of_slug(name)
    if market is not None:
        return [market]
    return [] if event_first else await catalogue.of_event(name)


def _name_in(target: str) -> tuple[str, bool]:
    """Return the slug in a URL of the venue's site, or the target as it is; and whether it names a whole event.

    `/event/EVENT/MARKET` means that market, `/event/EVENT` all of the event's.
    """
    if "/" not in target:
        return target, False
    try:
        path = urlsplit(target if "://" in target or target.startswith("/") else f"//{target}").path
    except ValueError:  # half an IPv6 address, letters that no host has: no address, and no name
        return "", False
    parts = [unquote(part) for part in path.split("/") if part]
    for at, part in enumerate(parts[:-1]):
        if part.lower() == _MARKET:
            return parts[at + 1], False
        if part.lower() == _EVENT:
            market = parts[at + 2 : at + 3]
            return (market[0], False) if market else (parts[at + 1], True)
    return parts[-1] if parts else "", False


async def _nearest(name: str, catalogue: Catalogue) -> tuple[str, ...]:
    """Return slugs of markets that come near a name; none for a number, near which there is nothing."""
    words = " ".join(name.replace("-", " ").split())
    if not words or words.isdecimal() or words.startswith("0x"):
        return ()
    slugs = [market.slug for market in await catalogue.search(words[:80], _NEAREST)]
    if len(slugs) < _NEAREST:
        listed = await catalogue.open_markets(_LISTED)
        by_slug = {market.slug: market.slug for market in listed}
        by_question = {market.question.lower(): market.slug for market in listed}
        for close, names in ((name.lower(), by_slug), (words.lower(), by_question)):
            slugs += [names[match] for match in get_close_matches(close, list(names), _NEAREST, cutoff=0.4)]
    return tuple(dict.fromkeys(slugs))[:_NEAREST]

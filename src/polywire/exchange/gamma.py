"""Gamma: the catalogue by id, slug, list, page and search. Unknown filters are ignored, as a sandbox should."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from polywire.exchange.answers import Refused, answer, count_of, flag_of
from polywire.exchange.catalogue import VenueEvent, VenueMarket
from polywire.exchange.gamma_objects import event_object, market_object, slug_of, tag_id, tag_object
from polywire.exchange.shelf import Shelf

PAGE: Final = 20
PAGE_LIMIT: Final = 100
LIST_LIMIT: Final = 500
OFFSET_LIMIT: Final = 2_000

_Item = TypeVar("_Item", VenueMarket, VenueEvent)
_Shape = Callable[[_Item], dict[str, Any]]


class Gamma:
    """The catalogue's REST side.

    Args:
        shelf: Where markets, events and books come from.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf, self._catalogue = shelf, shelf.catalogue

    def routes(self) -> list[Route]:
        """Return its routes, without a prefix."""
        reads: dict[str, Callable[[Request], Any]] = {
            "/markets": lambda request: self._list(request, self._markets(request), self._market),
            "/events": lambda request: self._list(request, self._events(request), self._event),
            "/markets/keyset": lambda request: self._page(request, "markets", self._markets(request), self._market),
            "/events/keyset": lambda request: self._page(request, "events", self._events(request), self._event),
            "/markets/slug/{slug}": lambda request: self._market(self._market_of(request)),
            "/markets/{id}": lambda request: self._market(self._market_of(request)),
            "/markets/{id}/tags": lambda request: self._tags_of(self._market_of(request).event_id),
            "/events/slug/{slug}": lambda request: self._event(self._event_of(request)),
            "/events/{id}": lambda request: self._event(self._event_of(request)),
            "/events/{id}/tags": lambda request: self._tags_of(self._event_of(request).id),
            "/tags": self._all_tags,
            "/tags/slug/{slug}": lambda request: self._tag(lambda tag: slug_of(tag) == request.path_params["slug"]),
            "/tags/{id}": lambda request: self._tag(lambda tag: tag_id(tag) == request.path_params["id"]),
            "/public-search": self._search,
        }
        return [Route(path, _reading(read), methods=["GET"]) for path, read in reads.items()]

    # ------------------------------------------------------------ one

    def _market(self, market: VenueMarket) -> dict[str, Any]:
        return market_object(market, self._shelf)

    def _event(self, event: VenueEvent) -> dict[str, Any]:
        return event_object(event, self._shelf)

    def _market_of(self, request: Request) -> VenueMarket:
        named = request.path_params
        market = self._catalogue.of_slug(named["slug"]) if "slug" in named else self._catalogue.of_id(named["id"])
        if market is None:
            raise Refused(404, "market not found")
        return market

    def _event_of(self, request: Request) -> VenueEvent:
        named = request.path_params
        if "slug" in named:
            event = next((one for one in self._catalogue.events.values() if one.slug == named["slug"]), None)
        else:
            event = self._catalogue.events.get(named["id"])
        if event is None:
            raise Refused(404, "event not found")
        return event

    # ------------------------------------------------------------ which

    def _markets(self, request: Request) -> list[VenueMarket]:
        asked, closed = request.query_params, flag_of(request, "closed")
        ids, slugs = set(asked.getlist("id")), set(asked.getlist("slug"))
        conditions, tokens = set(asked.getlist("condition_ids")), set(asked.getlist("clob_token_ids"))
        tags = set(asked.getlist("tag_id"))
        return [
            market
            for market in self._catalogue.markets.values()
            if (not ids or market.id in ids)
            and (not slugs or market.slug in slugs)
            and (not conditions or market.condition in conditions)
            and (not tokens or not tokens.isdisjoint(market.tokens))
            and (closed is None or market.closed == closed)
            and (not tags or self._tagged(market.event_id, tags))
        ]

    def _events(self, request: Request) -> list[VenueEvent]:
        asked, closed = request.query_params, flag_of(request, "closed")
        ids, slugs, tags = set(asked.getlist("id")), set(asked.getlist("slug")), set(asked.getlist("tag_id"))
        tag_slug, title = asked.get("tag_slug", ""), asked.get("title_search", "").lower()
        return [
            event
            for event in self._catalogue.events.values()
            if (not ids or event.id in ids)
            and (not slugs or event.slug in slugs)
            and (closed is None or event.closed == closed)
            and (not tags or self._tagged(event.id, tags))
            and (not tag_slug or tag_slug in map(slug_of, event.tags))
            and (not title or title in event.title.lower())
        ]

    def _tagged(self, event: str, tags: set[str]) -> bool:
        return any(tag_id(tag) in tags for tag in self._catalogue.events[event].tags)

    # ------------------------------------------------------------ several

    def _list(self, request: Request, items: Sequence[_Item], shape: "_Shape[_Item]") -> list[dict[str, Any]]:
        """Return a bare array, by limit and offset: the old way."""
        offset = count_of(request, "offset", 0, 1 << 62)
        if offset > OFFSET_LIMIT:
            raise Refused(422, f"offset is at most {OFFSET_LIMIT}; use /keyset to go further")
        limit = count_of(request, "limit", PAGE, LIST_LIMIT)
        return _ordered(request, items, shape)[offset : offset + limit]

    def _page(self, request: Request, name: str, items: Sequence[_Item], shape: "_Shape[_Item]") -> dict[str, Any]:
        """Return a page that begins behind the item its cursor names; `next_cursor` is absent at the end."""
        if "offset" in request.query_params:
            raise Refused(422, "offset is not allowed on keyset endpoints")
        limit = max(1, count_of(request, "limit", PAGE, PAGE_LIMIT))
        shown = _ordered(request, items, shape)
        start = 0
        cursor = request.query_params.get("after_cursor", "")
        if cursor:
            last = _item_of(cursor)
            start = next((at + 1 for at, item in enumerate(shown) if item["id"] == last), len(shown))
        page: dict[str, Any] = {name: shown[start : start + limit]}
        if start + limit < len(shown):
            page["next_cursor"] = _cursor_of(page[name][-1]["id"])
        return page

    def _all_tags(self, request: Request) -> list[dict[str, Any]]:
        tags = self._labels()
        offset, limit = count_of(request, "offset", 0, 1 << 62), count_of(request, "limit", PAGE_LIMIT, PAGE_LIMIT)
        return [tag_object(tag) for tag in tags[offset : offset + limit]]

    def _labels(self) -> list[str]:
        return list(dict.fromkeys(tag for event in self._catalogue.events.values() for tag in event.tags))

    def _tag(self, wanted: Callable[[str], bool]) -> dict[str, Any]:
        label = next(filter(wanted, self._labels()), None)
        if label is None:
            raise Refused(404, "tag not found")
        return tag_object(label)

    def _tags_of(self, event: str) -> list[dict[str, Any]]:
        return [tag_object(tag) for tag in self._catalogue.events[event].tags]

    def _search(self, request: Request) -> dict[str, Any]:
        """Return the events in whose title, slug, tags or markets every word of `q` stands."""
        words = request.query_params.get("q", "").lower().split()
        if not words:
            raise Refused(422, "q is what to search for, and it is empty")
        status = request.query_params.get("events_status", "")
        limit = max(1, count_of(request, "limit_per_type", 10, PAGE_LIMIT))
        start = (max(1, count_of(request, "page", 1, 1 << 40)) - 1) * limit
        found = [
            event
            for event in self._catalogue.events.values()
            if all(word in self._text_of(event) for word in words)
            and (status not in {"active", "resolved"} or event.closed == (status == "resolved"))
        ]
        shown = [self._event(event) for event in found[start : start + limit]]
        tags: list[dict[str, Any]] | None = None
        if flag_of(request, "search_tags"):
            tags = [tag_object(tag) for tag in self._labels() if all(word in tag.lower() for word in words)][:limit]
        return {
            "events": shown or None,
            "tags": tags or None,
            "profiles": None,
            "pagination": {"hasMore": start + limit < len(found), "totalResults": len(found)},
        }

    def _text_of(self, event: VenueEvent) -> str:
        markets = self._catalogue.of_event(event.id)
        texts = (event.title, event.slug, *event.tags, *(f"{market.question} {market.slug}" for market in markets))
        return " ".join(texts).lower()


def _ordered(request: Request, items: Sequence[_Item], shape: "_Shape[_Item]") -> list[dict[str, Any]]:
    """Return the items as objects, by the fields of `order`, else as they were listed; what lacks a field is last."""
    ascending = flag_of(request, "ascending")
    shown = [shape(item) for item in items]
    fields = [field for field in request.query_params.get("order", "").split(",") if field]
    for field in reversed(fields):
        holding = [item for item in shown if _rank(item, field) is not None]
        lacking = [item for item in shown if _rank(item, field) is None]
        holding.sort(key=lambda item: _rank(item, field) or (0, 0.0, ""), reverse=ascending is False)
        shown = holding + lacking
    if not fields and ascending is False:
        shown.reverse()
    return shown


def _rank(item: dict[str, Any], field: str) -> tuple[int, float, str] | None:
    """Return what a field sorts by: numbers among each other, texts among each other; None where it has none."""
    value = item.get(field)
    if isinstance(value, msgspec.Raw):
        value = float(bytes(value))  # only to compare
    if isinstance(value, str) and field == "id" and value.isdigit():
        value = int(value)
    if isinstance(value, str):
        return (1, 0.0, value)
    return (0, float(value), "") if isinstance(value, int | float) else None


def _cursor_of(last: str) -> str:
    return base64.urlsafe_b64encode(f"after:{last}".encode()).decode().rstrip("=")


def _item_of(cursor: str) -> str:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as fault:
        raise Refused(422, "after_cursor is not one of ours") from fault
    if not text.startswith("after:"):
        raise Refused(422, "after_cursor is not one of ours")
    return text.removeprefix("after:")


def _reading(read: Callable[[Request], Any]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        return answer(read(request))

    return endpoint

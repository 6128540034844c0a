"""What `polywire alerts` prints: a watch that was made, and watches as they fare; for people, or as JSON."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from polywire.app.alerts import Added, Listed
from polywire.cli.condition_words import condition_words
from polywire.interfaces.terminal.figures import one_line
from polywire.interfaces.terminal.watching import plain_line
from polywire.model.units import price_text
from polywire.model.watch import Watch
from polywire.services.access.language import WatchMade, WatchStatus, WatchWanted
from polywire.services.views import View
from polywire.services.watches.entries import instant
from polywire.wire.watch_json import watch_as_json

_SHOWN: Final = 20  # tokens of one watch


def added_lines(made: WatchMade, data: Path | None) -> Iterator[str]:
    """Return what was made, its books as they are, and how to see its entries; `data`: where --data names it."""
    stands = "stands already" if made.existed else "stands"
    yield f"{made.watch.id} {stands}: {one_line(condition_words(made.watch.condition))}"
    yield from (f"  {plain_line(view)}" for view in made.views[:_SHOWN])
    yield from _more(len(made.views))
    names = {market.condition: market.question for market in made.markets}
    for condition, winner in made.resolved.items():
        yield f"  resolved already: {one_line(names.get(condition, condition))}: {one_line(winner) or 'a half each'}"
    option = "" if data is None else f" --data {shlex.quote(str(data))}"
    yield f"its entries: polywire events --follow --watch {made.watch.id} --since {made.cursor}{option}"


def added_words(added: Added, wanted: WatchWanted, *, stays: bool) -> Iterator[str]:
    """Return what is to be known beside it; `stays`: whether whoever made it stays attached."""
    watch = added.made.watch
    terms = wanted.label, wanted.cooldown_s, wanted.budget, round(wanted.for_s, 3)
    if added.made.existed and _terms(watch) != terms:
        yield (
            f"{watch.id} keeps the label, cool-down, budget and expiry that it was made with; to change them, remove "
            "it first"
        )
    if added.background and not stays:
        yield (
            "nothing is watched while no owner runs, and this one, in the background, ends a minute after its last "
            "client: keep `polywire up` running, or `polywire events --follow`"
        )


def added_json(made: WatchMade) -> str:
    """Return the same as a line of JSON."""
    told = {
        "watch": watch_as_json(made.watch),
        "existed": made.existed,
        "cursor": made.cursor,
        "books": [_book(view) for view in made.views],
        "resolved": made.resolved,
        "waiting": made.waiting,
    }
    return msgspec.json.encode(told).decode()


def listed_lines(listed: Listed) -> Iterator[str]:
    """Return every watch, each on a few lines."""
    for status in listed.watches:
        watch = status.watch
        label = f" ({one_line(watch.label)})" if watch.label else ""
        yield f"{watch.id}{label}: {one_line(condition_words(watch.condition))}"
        for token, question, outcome in _names(watch, listed)[:_SHOWN]:
            doubt = "; in doubt: its book does not answer" if token in status.in_doubt else ""
            yield f"  {one_line(question) or 'market not known'} · {one_line(outcome) or f'token {token}'}{doubt}"
        yield from _more(len(watch.tokens))
        yield f"  {_fares(status)}"


def listed_json(listed: Listed) -> str:
    """Return every watch as a line of JSON, an array."""
    told = [
        {
            **watch_as_json(status.watch),
            "names": [
                {"token": token, "question": question, "outcome": outcome}
                for token, question, outcome in _names(status.watch, listed)
            ],
            "entries": status.entries,
            "last_ms": status.last_ms,
            "budget_left": status.budget_left,
            "in_doubt": status.in_doubt,
        }
        for status in listed.watches
    ]
    return msgspec.json.encode(told).decode()


def _fares(status: WatchStatus) -> str:
    watch = status.watch
    parts = [
        f"{status.entries:,} entries since its owner started",
        f"the last {instant(status.last_ms)}" if status.last_ms else "",
        f"{status.budget_left:,} of {watch.budget:,} alerts left this hour",
        f"{watch.cooldown_s:g} s between two of a token" if watch.cooldown_s else "",
        f"ends {instant(watch.expires_ms)} of the venue's time" if watch.expires_ms else "",
        f"{len(status.in_doubt):,} of {len(watch.tokens):,} tokens in doubt" if status.in_doubt else "",
        f"made by {one_line(watch.maker)}" if watch.maker else "",
    ]
    return ", ".join(filter(None, parts))


def _names(watch: Watch, listed: Listed) -> list[tuple[str, str, str]]:
    """Return each token with its question and outcome; "" where the venue did not tell them."""
    markets = [listed.markets[one] for one in watch.markets if one in listed.markets]
    named = {
        token: (market.question, outcome)
        for market in markets
        for token, outcome in zip(market.tokens, market.outcomes, strict=True)
    }
    return [(token, *named.get(token, ("", ""))) for token in watch.tokens]


def _terms(watch: Watch) -> tuple[str, float, int, float]:
    lasts_s = (watch.expires_ms - watch.created_ms) / 1_000 if watch.expires_ms else 0.0
    return watch.label, watch.cooldown_s, watch.budget, lasts_s


def _book(view: View) -> dict[str, Any]:
    return {
        "token": view.token,
        "question": view.question,
        "outcome": view.outcome,
        "slug": view.slug,
        "freshness": str(view.freshness),
        "reason": view.reason,
        "bid": price_text(view.bids[0][0]) if view.bids else None,
        "ask": price_text(view.asks[0][0]) if view.asks else None,
        "last": None if view.last_price is None else price_text(view.last_price),
    }


def _more(count: int) -> Iterator[str]:
    if count > _SHOWN:
        yield f"  and {count - _SHOWN:,} more tokens"

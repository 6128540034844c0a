"""What wallets did, and their trades alone, as the Data API shows them. Source: docs/protocol.md, "Data API"."""

from typing import Any, Final

import msgspec

from polywire.core.ledger import Position
from polywire.exchange.catalogue import Catalogue
from polywire.exchange.data.envelope import Page, Place, number, page_of, ratio_number
from polywire.exchange.data.query import BadQuery, Query
from polywire.exchange.trading.fills import transaction
from polywire.exchange.trading.records import Activity, ActivityKind
from polywire.exchange.trading.store import ActivityQuery, Store

_BATCH: Final = 1_000  # lines read at once where some are left out
_NO_OUTCOME: Final = 999  # the venue's index of none
_SECOND_MS: Final = 1_000
_OURS: Final = tuple(kind.value for kind in ActivityKind)
_NEVER_HERE: Final = (
    "REWARD",
    "CONVERSION",
    "MIGRATION",
    "YIELD",
    "MAKER_REBATE",
    "TAKER_REBATE",
    "REFERRAL_REWARD",
    "TIP",
)
_FROM_OUTSIDE: Final = frozenset({ActivityKind.DEPOSIT, ActivityKind.WITHDRAWAL})


class LinesWanted(msgspec.Struct, frozen=True):
    """Which lines of history a query asks for."""

    query: ActivityQuery
    page: Page
    least: int = 0  # 1e-6: shares, or of `cash` USDC
    cash: bool = False
    none: bool = False  # what is asked for cannot be: no line is

    def admits(self, line: Activity) -> bool:
        """Return whether a line is large enough."""
        return (cash_of(line) if self.cash else line.size) >= self.least

    async def read(self, store: Store) -> tuple[list[Activity], Place | None]:
        """Return the lines of this page, and the place of its last where more follow."""
        if self.none:
            return [], None
        enough = self.page.offset + self.page.limit + 1
        many = max(_BATCH, enough) if self.least else enough
        beyond = 0 if self.page.after is None else abs(self.page.after[0])
        found: list[Activity] = []
        while len(found) < enough:
            lines = await store.activity(msgspec.structs.replace(self.query, beyond=beyond, limit=many))
            found += filter(self.admits, lines)
            if len(lines) < many:
                break
            beyond = lines[-1].number
        shown = found[self.page.offset : enough - 1]
        return shown, (shown[-1].number, "") if len(found) >= enough else None


def trades_wanted(query: Query, catalogue: Catalogue) -> LinesWanted:
    """Return what `GET /v2/trades` is asked for. Both sides of a trade are shown, each as its wallet's own."""
    account, markets = query.account(needed=False), query.markets(catalogue)
    return LinesWanted(
        ActivityQuery(
            account=account,
            conditions=markets or (),
            kinds=(ActivityKind.TRADE,),
            side=query.choice("side", ("BUY", "SELL")),
            takers_only=query.flag("taker_only"),
            start_s=query.seconds("start") if account else None,  # the venue's rule
            end_s=query.seconds("end") if account else None,
        ),
        page_of(query, "trades"),
        least=query.amount("filter_amount"),
        cash=query.choice("filter_type", ("CASH", "TOKENS"), "TOKENS") == "CASH",
        none=markets == (),
    )


def activity_wanted(query: Query, catalogue: Catalogue) -> LinesWanted:
    """Return what `GET /v2/activity` is asked for. Money from outside is left out unless it is asked for."""
    account, markets = query.account(), query.markets(catalogue)
    kinds = _kinds(query)
    query.choice("sort_by", ("TIMESTAMP",))
    way = query.choice("sort_direction", ("ASC", "DESC"), "DESC")
    return LinesWanted(
        ActivityQuery(
            account=account,
            conditions=markets or (),
            kinds=kinds,
            side=query.choice("side", ("BUY", "SELL")),
            start_s=query.seconds("start"),
            end_s=query.seconds("end"),
            oldest_first=way == "ASC",
        ),
        page_of(query, f"activity {way}"),
        none=markets == () or not kinds,
    )


def _kinds(query: Query) -> list[ActivityKind]:
    listed = [part.upper() for part in query.listed("type")]
    for part in listed:
        if part not in _OURS and part not in _NEVER_HERE:
            raise BadQuery(f"type is of {', '.join((*_OURS, *_NEVER_HERE))}; {part[:40]!r} was given", "type")
    if listed:
        return [ActivityKind(part) for part in listed if part in _OURS]
    left_out = _FROM_OUTSIDE if query.flag("exclude_deposits_withdrawals", default=True) else frozenset()
    return [kind for kind in ActivityKind if kind not in left_out]


def cash_of(line: Activity) -> int:
    """Return what a line moved of its wallet's collateral, 1e-6 USDC: what was given with the fee, or got less it."""
    return line.amount - line.fee if line.side == "SELL" else line.amount + line.fee


def trade_row(line: Activity, catalogue: Catalogue) -> dict[str, Any]:
    """Return one side of a trade as `GET /v2/trades` shows it; the price is the average, before the fee."""
    return {
        "proxy_wallet": line.account,
        "side": line.side,
        "token_id": line.token,
        "condition_id": line.condition,
        "size": number(line.size),
        "price": _price(line),
        "timestamp": line.at_ms // _SECOND_MS,
        **_display(line, catalogue),
        "transaction_hash": line.hash,
    }


def activity_row(line: Activity, catalogue: Catalogue, secret: bytes) -> dict[str, Any]:
    """Return a line of history as `GET /v2/activity` shows it.

    Args:
        line: The line.
        catalogue: Where its market is.
        secret: The store's: what was no order's doing has a transaction that follows from it.
    """
    return {
        "proxy_wallet": line.account,
        "timestamp": line.at_ms // _SECOND_MS,
        "condition_id": line.condition,
        "type": line.kind.value,
        "size": number(line.size),
        "usdc_size": number(cash_of(line)),
        "transaction_hash": line.hash or transaction(secret, f"activity {line.number}"),
        "price": _price(line) if line.kind is ActivityKind.TRADE else 0,
        "token_id": line.token,
        "side": line.side,
        **_display(line, catalogue),
    }


def _price(line: Activity) -> msgspec.Raw:
    return ratio_number(Position(size=line.size, cost=line.amount).average_price)


def _display(line: Activity, catalogue: Catalogue) -> dict[str, Any]:
    """Return what is shown of a line's market and wallet; blanks where it concerns no market, or both outcomes."""
    market = catalogue.markets.get(line.condition)
    index = market.tokens.index(line.token) if market is not None and line.token else None
    return {
        "title": "" if market is None else market.question,
        "slug": "" if market is None else market.slug,
        "icon": "",
        "event_slug": "" if market is None else catalogue.events[market.event_id].slug,
        "outcome": "" if market is None or index is None else market.outcomes[index],
        "outcome_index": _NO_OUTCOME if index is None else index,
        "name": "",
        "pseudonym": "",
        "bio": "",
        "profile_image": "",
        "profile_image_optimized": "",
    }

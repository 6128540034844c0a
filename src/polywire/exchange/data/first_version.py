"""The Data API's first version, which older clients still read: bare arrays of rows in camelCase, paged by offset."""

from typing import Any, Final

from polywire.exchange.catalogue import Catalogue
from polywire.exchange.data.activity import LinesWanted, activity_row, trade_row
from polywire.exchange.data.envelope import OFFSET_MOST, Page, number
from polywire.exchange.data.positions import Holdings, Standing, position_row
from polywire.exchange.data.query import BadQuery, Query
from polywire.exchange.shelf import iso
from polywire.exchange.trading.records import ActivityKind
from polywire.exchange.trading.store import ActivityQuery, Store
from polywire.model.units import SIZE_ONE

_LIMIT: Final = 100
_LIMIT_MOST: Final = 500
_ORDERS: Final = {
    "CURRENT": "CURRENT_VALUE",
    "TOKENS": "TOKENS",
    "CASHPNL": "UNREALIZED_PNL",
    "PRICE": "PRICE",
    "INITIAL": "INITIAL",
    "TITLE": "TITLE",
}
_POSITION_KEYS: Final = {
    "proxyWallet": "proxy_wallet",
    "asset": "token_id",
    "conditionId": "condition_id",
    "size": "current_size",
    "avgPrice": "avg_price",
    "initialValue": "entry_cost_usdc",
    "currentValue": "current_value",
    "cashPnl": "unrealized_pnl",
    "percentPnl": "percent_pnl",
    "totalBought": "total_size",
    "realizedPnl": "realized_pnl",
    "percentRealizedPnl": "percent_realized_pnl",
    "curPrice": "current_price",
    "redeemable": "redeemable",
    "mergeable": "mergeable",
    "title": "title",
    "slug": "slug",
    "icon": "icon",
    "eventSlug": "event_slug",
    "outcome": "outcome",
    "outcomeIndex": "outcome_index",
    "oppositeOutcome": "opposite_outcome",
    "oppositeAsset": "opposite_token_id",
    "negativeRisk": "negative_risk",
}
_RENAMED: Final = {"token_id": "asset"}


def positions_v1(query: Query, holdings: Holdings) -> list[dict[str, Any]]:
    """Return the answer to `GET /positions`. Raises `BadQuery`."""
    account, markets = query.account(), query.conditions("market")
    least = query.amount("sizeThreshold", SIZE_ONE)
    redeemable = query.flag("redeemable") if query.has("redeemable") else None
    mergeable = query.flag("mergeable") if query.has("mergeable") else None
    by = query.choice("sortBy", _ORDERS, "TOKENS")
    downwards = query.choice("sortDirection", ("ASC", "DESC"), "DESC") == "DESC"
    page = _page(query)

    def admits(one: Standing) -> bool:
        return (
            one.status != "CLOSED"
            and one.holding.position.size >= least
            and (not markets or one.market.condition in markets)
            and redeemable in {None, one.status == "REDEEMABLE"}
            and mergeable in {None, one.mergeable}
        )

    def rank(one: Standing) -> tuple[Any, ...]:
        if by == "TITLE":
            return one.market.question, one.holding.token
        value = one.holding.position.cost if by == "INITIAL" else one.measure(_ORDERS[by])
        return value, one.holding.token

    found = sorted(filter(admits, holdings.of_account(account)), key=rank, reverse=downwards)
    return [_position_row(one) for one in found[page.offset : page.offset + page.limit]]


def value_v1(query: Query, holdings: Holdings) -> list[dict[str, Any]]:
    """Return the answer to `GET /value`. Raises `BadQuery`."""
    account, markets = query.account(), query.conditions("market")
    return [{"user": account, "value": number(value_of(holdings, account, markets))}]


async def trades_v1(query: Query, catalogue: Catalogue, store: Store) -> list[dict[str, Any]]:
    """Return the answer to `GET /trades`: those that its wallet took, unless `takerOnly=false`. Raises `BadQuery`."""
    wanted = LinesWanted(
        ActivityQuery(
            account=query.account(needed=False),
            conditions=query.conditions("market"),
            kinds=(ActivityKind.TRADE,),
            side=query.choice("side", ("BUY", "SELL")),
            takers_only=query.flag("takerOnly", default=True),
        ),
        _page(query),
        least=query.amount("filterAmount"),
        cash=query.choice("filterType", ("CASH", "TOKENS"), "TOKENS") == "CASH",
    )
    lines, _ = await wanted.read(store)
    return [_camel(trade_row(line, catalogue)) for line in lines]


async def activity_v1(query: Query, catalogue: Catalogue, store: Store) -> list[dict[str, Any]]:
    """Return the answer to `GET /activity`. Raises `BadQuery`."""
    kinds = [part.upper() for part in query.listed("type")]
    unknown = [part for part in kinds if part not in ActivityKind.__members__]
    if unknown:
        raise BadQuery(f"type is of {', '.join(ActivityKind)}; {unknown[0][:40]!r} was given", "type")
    wanted = LinesWanted(
        ActivityQuery(
            account=query.account(),
            conditions=query.conditions("market"),
            kinds=[ActivityKind(part) for part in kinds],
            side=query.choice("side", ("BUY", "SELL")),
            start_s=query.seconds("start"),
            end_s=query.seconds("end"),
            oldest_first=query.choice("sortDirection", ("ASC", "DESC"), "DESC") == "ASC",
        ),
        _page(query),
    )
    lines, _ = await wanted.read(store)
    return [_camel(activity_row(line, catalogue, store.secret)) for line in lines]


def value_of(holdings: Holdings, account: str, markets: tuple[str, ...]) -> int:
    """Return what a wallet's shares are worth, of these markets or of all, 1e-6 USDC."""
    return sum(one.value for one in holdings.of_account(account) if not markets or one.market.condition in markets)


def _page(query: Query) -> Page:
    limit = query.whole("limit", _LIMIT, most=OFFSET_MOST)
    return Page("", min(limit, _LIMIT_MOST), query.whole("offset", 0, most=OFFSET_MOST))


def _position_row(standing: Standing) -> dict[str, Any]:
    row = position_row(standing)
    return {name: row[of] for name, of in _POSITION_KEYS.items()} | {"endDate": iso(standing.market.end_ms)}


def _camel(row: dict[str, Any]) -> dict[str, Any]:
    return {_RENAMED.get(name) or _camel_name(name): value for name, value in row.items()}


def _camel_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)

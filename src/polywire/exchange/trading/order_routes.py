"""Order entry, cancels and what an account reads of itself, over HTTP. Source: docs/protocol.md, "Orders"."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from polywire.exchange.answers import Refused, answer, cursor_of, offset_of, raw_body_of
from polywire.exchange.trading.auth import Authenticator
from polywire.exchange.trading.auth_routes import path_of
from polywire.exchange.trading.bookkeeper import Bookkeeper, Placed
from polywire.exchange.trading.dead_man import DeadMan
from polywire.exchange.trading.entry import Entry
from polywire.exchange.trading.forms import read_form, read_forms
from polywire.exchange.trading.keys import Keys
from polywire.exchange.trading.records import ApiKey
from polywire.exchange.trading.rows import order_row, trade_row
from polywire.exchange.trading.store import Store, TradeQuery
from polywire.exchange.trading.typed_data import ALLOWANCE_SPENDERS
from polywire.model.units import size_text

PAGE: Final = 100
"""Orders or trades in one page."""

CANCEL_LIMIT: Final = 3_000
"""Ids in one body."""

_ENOUGH: Final = str((1 << 256) - 1)
_UNIX_DIGITS: Final = 13

Private = Callable[[Request, bytes, ApiKey], Awaitable[Any]]


class OrderRoutes:
    """The private half of the CLOB's REST side, but for keys."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        keys: Keys,
        entry: Entry,
        bookkeeper: Bookkeeper,
        dead_man: DeadMan,
        store: Store,
        now_ms: Callable[[], int],
        sooner: Callable[[], None],
    ) -> None:
        self._authenticator, self._keys, self._entry = authenticator, keys, entry
        self._bookkeeper, self._dead_man, self._store = bookkeeper, dead_man, store
        self._now_ms, self._sooner = now_ms, sooner

    def routes(self) -> list[Route]:
        """Return its routes, without a prefix."""
        private: list[tuple[str, str, Private]] = [
            ("POST", "/order", self._place),
            ("POST", "/orders", self._place_many),
            ("DELETE", "/order", self._cancel),
            ("DELETE", "/orders", self._cancel_many),
            ("DELETE", "/cancel-all", self._cancel_all),
            ("DELETE", "/cancel-market-orders", self._cancel_market),
            ("GET", "/data/orders", self._open_orders),
            ("GET", "/data/order/{id}", self._open_order),
            ("GET", "/data/pre-migration-orders", self._no_orders),
            ("GET", "/data/trades", self._trades),
            ("GET", "/balance-allowance", self._balance),
            ("GET", "/balance-allowance/update", self._balance),
            ("POST", "/v1/heartbeats", self._heartbeat),
            ("GET", "/notifications", self._notifications),
            ("DELETE", "/notifications", self._drop_notifications),
            ("GET", "/order-scoring", self._scoring),
            ("POST", "/orders-scoring", self._scorings),
        ]
        return [
            *(Route(path, self._signed_in(act), methods=[method]) for method, path, act in private),
            Route("/fees/builder-fees/{code}", _no_builder, methods=["GET"]),
        ]

    def _signed_in(self, act: Private) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            body = await raw_body_of(request)
            key = self._authenticator.l2(request.method, path_of(request), body, request.headers)
            told = await act(request, body, key)
            return told if isinstance(told, Response) else answer(told)

        return endpoint

    # ------------------------------------------------------------ in

    async def _place(self, _: Request, body: bytes, key: ApiKey) -> dict[str, Any]:
        placed = await self._entry.place(read_form(body), key)
        await self._store.kept()
        return _taken(placed)

    async def _place_many(self, _: Request, body: bytes, key: ApiKey) -> list[dict[str, Any]]:
        answers = []
        for item in read_forms(body):
            try:
                answers.append(_taken(await self._entry.place(read_form(item), key)))
            except Refused as refused:
                answers.append(_not_taken(refused.error))
        await self._store.kept()
        return answers

    async def _cancel(self, _: Request, body: bytes, key: ApiKey) -> dict[str, Any]:
        form = _decoded(body, dict)
        order_id = form.get("orderID")
        if not isinstance(order_id, str) or not order_id:
            raise Refused(400, "Invalid orderID")
        return await self._cancelled([order_id], key)

    async def _cancel_many(self, _: Request, body: bytes, key: ApiKey) -> dict[str, Any]:
        ids = _decoded(body, list)
        if not ids or not all(isinstance(order_id, str) and order_id for order_id in ids):
            raise Refused(400, "Invalid orderID")
        if len(ids) > CANCEL_LIMIT:
            raise Refused(400, f"Too many orders in payload, max allowed: {CANCEL_LIMIT}")
        return await self._cancelled(list(dict.fromkeys(ids)), key)

    async def _cancelled(self, ids: list[str], key: ApiKey) -> dict[str, Any]:
        why = {order_id: self._bookkeeper.cancel(order_id, key.address) for order_id in ids}
        await self._store.kept()
        return {
            "canceled": [order_id for order_id in ids if why[order_id] is None],
            "not_canceled": {order_id: reason for order_id, reason in why.items() if reason is not None},
        }

    async def _cancel_all(self, _request: Request, _body: bytes, key: ApiKey) -> dict[str, Any]:
        ids = self._bookkeeper.cancel_all(key.address)
        await self._store.kept()
        return {"canceled": ids, "not_canceled": {}}

    async def _cancel_market(self, _: Request, body: bytes, key: ApiKey) -> dict[str, Any]:
        form = _decoded(body, dict) if body else {}
        condition, token = form.get("market") or "", form.get("asset_id") or ""
        if not isinstance(condition, str) or not isinstance(token, str) or not (condition or token):
            raise Refused(400, "Invalid payload: name a market or an asset_id")
        ids = self._bookkeeper.cancel_all(key.address, condition=condition, token=token)
        await self._store.kept()
        return {"canceled": ids, "not_canceled": {}}

    async def _heartbeat(self, _: Request, body: bytes, key: ApiKey) -> Any:
        form = _decoded(body, dict)
        told = form.get("heartbeat_id", "")
        if not isinstance(told, str):
            raise Refused(400, "heartbeat_id is a text: the one of the last answer, or empty the first time")
        expected = self._dead_man.expected(key.id)
        if told != expected:
            return answer({"error_msg": "Invalid Heartbeat ID", "heartbeat_id": expected}, 400)
        beat = self._dead_man.beat(key.id, self._now_ms())
        self._store.put(beat)
        self._sooner()
        await self._store.kept()
        return {"heartbeat_id": beat.id}

    # ------------------------------------------------------------ out

    async def _open_orders(self, request: Request, _body: bytes, key: ApiKey) -> dict[str, Any]:
        query = request.query_params
        wanted = {"id": query.get("id"), "condition": query.get("market"), "token": query.get("asset_id")}
        beyond = offset_of(query.get("next_cursor") or "MA==")
        orders = [
            order
            for order in self._bookkeeper.open_orders(key.address)
            if order.number > beyond >= 0
            and all(not value or getattr(order, name) == value for name, value in wanted.items())
        ]
        rows = [order_row(order) for order in orders[:PAGE]]  # as they stand now, whatever happens until they are kept
        await self._store.kept()
        return _page(rows, orders[PAGE - 1].number if len(orders) > PAGE else -1)

    async def _open_order(self, request: Request, _body: bytes, key: ApiKey) -> dict[str, Any]:
        wanted = request.path_params["id"]
        for order in self._bookkeeper.open_orders(key.address):
            if order.id == wanted:
                row = order_row(order)
                await self._store.kept()
                return row
        raise Refused(404, "order not found")

    async def _no_orders(self, _request: Request, _body: bytes, _key: ApiKey) -> dict[str, Any]:
        return _page([], -1)

    async def _trades(self, request: Request, _body: bytes, key: ApiKey) -> dict[str, Any]:
        query = request.query_params
        keys = [mine.id for mine in self._keys.of(key.address)]
        beyond = offset_of(query.get("next_cursor") or "MA==")
        found = await self._store.trades(
            TradeQuery(
                keys=keys,
                id=query.get("id", ""),
                condition=query.get("market", ""),
                token=query.get("asset_id", ""),
                maker=query.get("maker_address", "").lower(),
                after_s=_seconds(query.get("after", "")),
                before_s=_seconds(query.get("before", "")),
                beyond=max(0, beyond),
                limit=PAGE + 1 if beyond >= 0 else 0,
            )
        )
        return _page(
            [trade_row(trade, keys) for trade in found[:PAGE]], found[PAGE - 1].number if len(found) > PAGE else -1
        )

    async def _balance(self, request: Request, _body: bytes, key: ApiKey) -> dict[str, Any]:
        query = request.query_params
        kind, token = query.get("asset_type", ""), query.get("token_id", "")
        if kind not in {"COLLATERAL", "CONDITIONAL", "CONDITIONAL-V2"}:
            raise Refused(400, "Invalid asset type")
        account = self._entry.funder(key, query.get("signature_type", "0"))
        wallet = self._bookkeeper.wallet(account)
        held = wallet.collateral if kind == "COLLATERAL" else self._bookkeeper.shares(account, token)
        await self._store.kept()
        return {
            "balance": str(held),
            "allowances": dict.fromkeys(ALLOWANCE_SPENDERS, _ENOUGH),
            "allowance": _ENOUGH,
        }

    async def _notifications(self, _request: Request, _body: bytes, _key: ApiKey) -> list[Any]:
        return []

    async def _drop_notifications(self, _request: Request, _body: bytes, _key: ApiKey) -> str:
        return "OK"

    async def _scoring(self, _request: Request, _body: bytes, _key: ApiKey) -> dict[str, bool]:
        return {"scoring": False}

    async def _scorings(self, _: Request, body: bytes, _key: ApiKey) -> dict[str, bool]:
        return {str(order_id): False for order_id in _decoded(body, list)}


def _taken(placed: Placed) -> dict[str, Any]:
    order, trades = placed.order, placed.trades
    given = sum(trade.cost if order.side == "BUY" else trade.size for trade in trades)
    got = sum(trade.size if order.side == "BUY" else trade.cost for trade in trades)
    shown: dict[str, Any] = {
        "success": True,
        "errorMsg": "",
        "orderID": order.id,
        "takingAmount": size_text(got) if trades else "",
        "makingAmount": size_text(given) if trades else "",
        "status": "matched" if trades else "live",
    }
    if trades:
        shown |= {"tradeIDs": [trade.id for trade in trades], "transactionsHashes": []}
    return shown


def _not_taken(error: str) -> dict[str, Any]:
    return {
        "success": True,  # as the venue has it, of a leg that was refused too
        "errorMsg": error,
        "orderID": "",
        "takingAmount": "",
        "makingAmount": "",
        "status": "",
    }


def _page(rows: list[Any], last: int) -> dict[str, Any]:
    """Return one page. Its cursor holds the number of its last row, so what comes or goes meanwhile moves no row."""
    return {"data": rows, "next_cursor": cursor_of(last), "limit": PAGE, "count": len(rows)}


def _decoded(body: bytes, kind: type) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise Refused(400, "Invalid payload") from fault


def _seconds(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _UNIX_DIGITS):
        raise Refused(400, "Invalid trade params payload")
    return int(text)


async def _no_builder(request: Request) -> Response:
    raise Refused(404, f"builder {request.path_params['code'][:80]} is not known here; no builder is")

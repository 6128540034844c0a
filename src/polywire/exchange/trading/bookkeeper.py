"""What users do on the venue, put down: their orders, trades and money, kept before anybody is told.

It observes the venue. What concerns a user becomes rows for the store and messages for the user channel; the messages
go out once the rows are on disk.
"""

from collections.abc import Callable, Iterable
from typing import Final, Protocol

import msgspec

from polywire.core.matching.orders import Cancelled, Leg, Order, OrderKind, Refusal, Trade
from polywire.errors import Misuse
from polywire.exchange.answers import Refused
from polywire.exchange.catalogue import VenueMarket
from polywire.exchange.happenings import BookMoved, Happening, MarketEnded, MarketMade, TickMoved
from polywire.exchange.messages import transaction_of
from polywire.exchange.trading.accounts import Accounts
from polywire.exchange.trading.fills import Fill, fills_of, kept_leg, trade_id, transaction
from polywire.exchange.trading.open_orders import OpenOrders
from polywire.exchange.trading.records import (
    Activity,
    ApiKey,
    Holding,
    OrderState,
    Row,
    TradeState,
    UserOrder,
    UserTrade,
    Wallet,
    crowd_key,
)
from polywire.exchange.trading.settlements import Settlements
from polywire.exchange.trading.store import Kept, Store
from polywire.exchange.user_messages import UserMessage, killed_message, order_message, trade_message
from polywire.exchange.venue import Venue
from polywire.model.units import ConditionId, TokenId

_MARKET_KEPT_MS: Final = 60_000  # how often a market that trades is kept: its last trade and volume
_GONE: Final = "order can't be found - already canceled or matched"
_ENDS: Final = {
    "user": OrderState.CANCELED,
    "self-trade": OrderState.CANCELED,
    "expired": OrderState.CANCELED_EXPIRED,
    "balance": OrderState.CANCELED_BALANCE,
    "resolved": OrderState.CANCELED_RESOLVED,
}


class Mishaps(Protocol):
    """The faults that strike here."""

    def strikes(self, name: str) -> bool:
        """Return whether a fault of this name is on and strikes now."""


class Placed(msgspec.Struct, frozen=True):
    """What became of an order that was taken."""

    order: UserOrder
    trades: list[UserTrade]


class Bookkeeper:
    """Every user's orders, trades and wallets.

    Args:
        venue: Observed from now on. It has the markets, money and open orders of `kept` already.
        store: Where rows go.
        kept: What the store held.
        grant: Collateral a new wallet is given, 1e-6 USDC.
        redeem_after_ms: Venue time from a market's resolution until everyone's shares of it are redeemed; None: never.
        mishaps: Faults.
        tell: Takes messages for users, in order, once what they say is kept.
    """

    def __init__(
        self,
        venue: Venue,
        store: Store,
        kept: Kept,
        *,
        grant: int,
        redeem_after_ms: int | None,
        mishaps: Mishaps,
        tell: Callable[[list[UserMessage]], None],
    ) -> None:
        self._venue, self._store, self._mishaps, self._tell = venue, store, mishaps, tell
        self._redeem_after_ms = redeem_after_ms
        self.accounts = Accounts(
            venue.engine, kept.wallets, kept.holdings, grant=grant, last_activity=kept.last_activity
        )
        self._orders = OpenOrders(kept.open_orders, kept.order_ids, kept.last_order)
        for trade in kept.unsettled:
            trade.doomed = False  # the fault that chose it is not on any more, nor are the fees held that it paid
        self._settlements = Settlements(kept.unsettled)
        self._trades = kept.last_trade
        self._lines: dict[str, list[Activity]] = {}  # of trades that are to fail
        self._to_redeem: list[tuple[int, ConditionId]] = []  # due, soonest first
        self._market_kept: dict[ConditionId, int] = {}
        self._together = 0
        self._held: list[Happening] = []
        self._rows: dict[int, Row] = {}
        self._messages: list[UserMessage] = []
        self._made: list[UserTrade] = []
        self.sooner: Callable[[], None] = lambda: None  # told when something falls due earlier than before
        for market in venue.catalogue.markets.values():
            if market.closed and self.accounts.holders(market.condition):
                self._plan_redemption(market.condition, market.closed_ms)
        venue.observe(self._heed)

    # ------------------------------------------------------------ wallets

    def wallet(self, account: str) -> Wallet:
        """Return a wallet as it stands. One that is seen for the first time is given its grant."""
        wallet = self.accounts.wallet(account, self._now())
        self._commit()
        return wallet

    def wallets(self) -> list[Wallet]:
        """Return every wallet, in the order they came."""
        return self.accounts.wallets()

    def positions(self, account: str) -> dict[TokenId, Holding]:
        """Return what a wallet holds and held, by token; of size 0 where there is only history."""
        return self.accounts.positions(account)

    def holders(self, condition: ConditionId) -> list[Holding]:
        """Return which users hold shares of a market now."""
        return self.accounts.holders(condition)

    def collateral(self, account: str) -> int:
        """Return what a wallet holds, 1e-6 USDC; what its open orders claim is part of it."""
        return self._venue.engine.collateral(account)

    def shares(self, account: str, token: str) -> int:
        """Return the shares of a token that a wallet holds, 1e-6."""
        return self._venue.engine.shares(account, TokenId(token))

    def set_collateral(self, account: str, collateral: int) -> None:
        """Pay in or take out what makes a wallet hold so much. Raises `Misuse` where open orders claim more."""
        self.accounts.wallet(account, self._now())
        self.accounts.set_collateral(account, collateral, self._now())
        self._commit()

    def split(self, account: str, condition: ConditionId, shares: int) -> None:
        """Turn a wallet's collateral into pairs of shares. Raises `Misuse` where that is not possible."""
        self.accounts.wallet(account, self._now())
        self.accounts.split(account, self._market(condition), shares, self._now())
        self._commit()

    def merge(self, account: str, condition: ConditionId, shares: int) -> None:
        """Turn a wallet's pairs of shares into collateral. Raises `Misuse` where that is not possible."""
        self.accounts.wallet(account, self._now())
        self.accounts.merge(account, self._market(condition), shares, self._now())
        self._commit()

    def redeem(self, account: str, condition: ConditionId) -> int:
        """Turn a wallet's shares of a resolved market into what they are worth; return that, 1e-6 USDC.

        Raises `Misuse` where the market is not resolved.
        """
        market = self._market(condition)
        if market.winner is None:
            raise Misuse(f"market {market.slug} is not resolved, so nothing of it can be redeemed yet")
        paid = self.accounts.redeem(account, market, self._now(), self._transaction(f"redeem {account} {condition}"))
        self._commit()
        return paid

    # ------------------------------------------------------------ orders

    def place(self, order: Order, key: ApiKey, maker: str, size: int) -> Placed:
        """Place a user's order and return what became of it.

        Args:
            order: What the engine is asked for; its account is the funder in lower case, its id the digest.
            key: The API key it came with.
            maker: The funder as the client wrote it.
            size: Shares that the order names, 1e-6.

        Raises:
            Refused: It was not taken; nothing has changed.
        """
        if self._orders.knows(order.id):
            raise Refused(400, f"order {order.id} is invalid. Duplicated.")
        self.accounts.wallet(order.account, self._now())
        self._made = []
        self._together += 1
        try:
            outcome = self._venue.place(order)
        finally:
            held = self._apart()
        market = self._venue.catalogue.of_token(order.token)
        if outcome.refusal is not None or market is None:
            self._note_all(held)
            refusal = outcome.refusal or Refusal("token", "Invalid token id")
            if refusal.code in {"fok", "fak"} and market is not None:
                self._killed(order, key, maker, size, market, refusal.reason)
            self._commit()
            raise Refused(400, refusal.reason)
        record = self._taken(order, key, maker, size, market)
        record.rested = outcome.resting
        if not outcome.resting:
            record.state = OrderState.MATCHED if outcome.trades else OrderState.CANCELED
        self._note_all(held)
        if not outcome.resting:
            self._orders.end(record, self._now())
        self._commit()
        return Placed(record, self._made)

    def cancel(self, order_id: str, address: str) -> str | None:
        """Cancel an order of an address's keys; return None, or why it was not cancelled."""
        order = self._orders.get(order_id)
        if order is None or order.address != address:
            return _GONE
        self._venue.cancel(order_id)
        return None if self._orders.get(order_id) is None else _GONE

    def cancel_all(self, address: str, *, condition: str = "", token: str = "") -> list[str]:
        """Cancel an address's orders, of one market or token where named; return their ids, oldest first."""
        return self._cancel(
            order
            for order in self._orders.of(address)
            if condition in {"", order.condition} and token in {"", order.token}
        )

    def cancel_key(self, key: str) -> list[str]:
        """Cancel every order that came with a key; return their ids, oldest first."""
        return self._cancel(order for order in self._orders.all() if order.key == key)

    def open_orders(self, address: str) -> list[UserOrder]:
        """Return the orders that rest of an address's keys, oldest first."""
        self._venue.expire_due()
        return self._orders.of(address)

    # ------------------------------------------------------------ what falls due

    def next_ms(self) -> int | None:
        """Return when something falls due next, in venue time, or None."""
        dues = [self._settlements.next_ms(), self._to_redeem[0][0] if self._to_redeem else None]
        return min((due for due in dues if due is not None), default=None)

    def act(self, now_ms: int) -> None:
        """Do what is due: settle trades, redeem shares."""
        while (trade := self._settlements.due(now_ms)) is not None:
            self._settle(trade)
        while self._to_redeem and self._to_redeem[0][0] <= now_ms:
            _, condition = self._to_redeem.pop(0)
            for account in dict.fromkeys(holding.account for holding in self.holders(condition)):
                transaction = self._transaction(f"redeem {account} {condition}")
                self.accounts.redeem(account, self._market(condition), now_ms, transaction)
        self._commit()

    def _settle(self, trade: UserTrade) -> None:
        if trade.state is TradeState.MATCHED and trade.doomed and self._undo(trade):
            self._settlements.moved(trade, TradeState.FAILED)
        else:
            trade.doomed = False
            mined = trade.state is TradeState.MATCHED
            self._settlements.moved(trade, TradeState.MINED if mined else TradeState.CONFIRMED)
        self._keep(trade)
        self._tell_trade(trade, trade.changed_ms)

    def _undo(self, trade: UserTrade) -> bool:
        """Move back what a trade moved; False where somebody no longer has it."""
        market = self._market(trade.condition)
        legs = [
            Leg(leg.order, leg.account, leg.token, leg.side, leg.price, leg.size, leg.amount, leg.match)
            for leg in trade.legs
        ]
        taker = trade.account, trade.token, trade.side
        refusal = self._venue.reverse(trade.condition, taker, trade.size, trade.cost, trade.fee, legs)
        lines = self._lines.pop(trade.id, [])
        if refusal is not None:
            return False
        if trade.account in self.accounts:
            self.accounts.undone(
                trade.account, market, trade.token, trade.side, trade.size, trade.cost, trade.fee, trade.basis
            )
        for leg in trade.legs:
            if leg.account in self.accounts:
                self.accounts.undone(leg.account, market, leg.token, leg.side, leg.size, leg.amount, 0, leg.basis)
        for line in lines:
            self._keep(msgspec.structs.replace(line, failed=True))
        return True

    # ------------------------------------------------------------ what the venue announces

    def _heed(self, happenings: tuple[Happening, ...]) -> None:
        if self._together:
            self._held += happenings
            return
        self._note_all(happenings)
        self._commit()

    def _apart(self) -> list[Happening]:
        """End a time in which what the venue announces is held back, and return it."""
        self._together -= 1
        held, self._held = self._held, []
        return held

    def _note_all(self, happenings: Iterable[Happening]) -> None:
        for happening in happenings:
            self._note(happening)

    def _note(self, happening: Happening) -> None:
        match happening:
            case BookMoved(trades=trades, cancelled=cancelled, venue_ms=now):
                for trade in trades:
                    self._traded(trade, now)
                for gone in cancelled:
                    self._cancelled(gone, now)
                if trades:
                    self._keep_market(happening.condition, now, at_once=False)
            case MarketMade(condition=condition, venue_ms=now) | TickMoved(condition=condition, venue_ms=now):
                self._keep_market(condition, now, at_once=True)
            case MarketEnded(condition=condition, venue_ms=now):
                self._keep_market(condition, now, at_once=True)
                self._plan_redemption(condition, now)

    def _keep_market(self, condition: ConditionId, now: int, *, at_once: bool) -> None:
        if not at_once and now - self._market_kept.get(condition, now - _MARKET_KEPT_MS) < _MARKET_KEPT_MS:
            return
        market = self._market(condition)
        self._market_kept[condition] = now
        self._keep(market)
        if at_once:
            self._keep(self._venue.catalogue.events[market.event_id])
        if market.closed:
            del self._market_kept[condition]

    def _plan_redemption(self, condition: ConditionId, ended_ms: int) -> None:
        if self._redeem_after_ms is not None:
            self._to_redeem.append((ended_ms + self._redeem_after_ms, condition))
            self._to_redeem.sort()
            self.sooner()

    # ------------------------------------------------------------ orders as they go

    def _taken(self, order: Order, key: ApiKey, maker: str, size: int, market: VenueMarket) -> UserOrder:
        now = self._now()
        record = self._orders.take(self._record(order, key, maker, size, market, now))
        self._keep(record)
        self._messages.append(order_message(record, "PLACEMENT", now))
        return record

    def _record(self, order: Order, key: ApiKey, maker: str, size: int, market: VenueMarket, now: int) -> UserOrder:
        return UserOrder(
            id=order.id,
            number=0,
            key=key.id,
            address=key.address,
            account=order.account,
            maker=maker,
            condition=market.condition,
            token=order.token,
            outcome=market.outcomes[market.tokens.index(order.token)],
            side=order.side,
            price=order.price,
            size=size,
            kind=order.kind,
            expires_s=order.expires_s,
            post_only=order.post_only,
            placed_ms=now,
        )

    def _killed(self, order: Order, key: ApiKey, maker: str, size: int, market: VenueMarket, why: str) -> None:
        """Tell of an order that was killed whole: the venue does, though it refuses it."""
        now = self._now()
        record = self._record(order, key, maker, size, market, now)
        blank = order.kind is OrderKind.FOK and self._mishaps.strikes("blank-size-matched")
        self._messages.append(killed_message(record, why, now, blank=blank))

    def _filled(self, order: UserOrder, size: int, trade: str, now: int) -> None:
        order.matched += size
        order.trades += (trade,)
        if order.matched >= order.size and order.state is OrderState.LIVE:
            order.state = OrderState.MATCHED
            self._orders.end(order, now)
        self._keep(order)
        self._messages.append(order_message(order, "UPDATE", now))

    def _cancelled(self, gone: Cancelled, now: int) -> None:
        order = self._orders.get(gone.order)
        state = _ENDS.get(gone.reason)
        if order is None or state is None:  # not a user's, or the rest of one that takes what there is
            return
        order.state = state
        self._orders.end(order, now)
        self._keep(order)
        self._messages.append(order_message(order, "CANCELLATION", now))

    def _cancel(self, orders: Iterable[UserOrder]) -> list[str]:
        ids = [order.id for order in orders]
        self._together += 1
        try:
            for order_id in ids:
                self._venue.cancel(order_id)
        finally:
            self._note_all(self._apart())
            self._commit()
        return [order_id for order_id in ids if self._orders.get(order_id) is None]

    # ------------------------------------------------------------ trades as they go

    def _traded(self, trade: Trade, now: int) -> None:
        took = trade.account in self.accounts
        if not took and not any(leg.account in self.accounts for leg in trade.legs):
            return
        market = self._market(trade.condition)
        transaction = transaction_of(trade)
        for fill in fills_of(trade, market.fee_exponent):
            if took or any(leg.account in self.accounts for leg in fill.legs):
                self._made.append(self._put_down(trade, fill, market, transaction, now))
        self.sooner()

    def _put_down(self, trade: Trade, fill: Fill, market: VenueMarket, transaction: str, now: int) -> UserTrade:
        self._trades += 1
        made_id = trade_id(self._store.secret, self._trades)
        taker, before = self._orders.get(trade.order), len(self.accounts.last_lines())

        def side_of(account: str, token: TokenId, side: str, size: int, amount: int, fee: int, *, took: bool) -> int:
            if account not in self.accounts:
                return 0
            return self.accounts.traded(
                account,
                market,
                token,
                side,
                size,
                amount,
                fee,
                now,
                trade=made_id,
                transaction=transaction,
                taker=took,
            )

        basis = side_of(trade.account, trade.token, trade.side, fill.size, fill.cost, fill.fee, took=True)
        legs = []
        for leg in fill.legs:
            cost = side_of(leg.account, leg.token, leg.side, leg.size, leg.amount, 0, took=False)
            legs.append(kept_leg(leg, self._orders.get(leg.order), market, cost))
        made = UserTrade(
            id=made_id,
            number=self._trades,
            condition=trade.condition,
            order=trade.order,
            key=crowd_key(trade.account) if taker is None else taker.key,
            account=trade.account,
            maker=trade.account if taker is None else taker.maker,
            token=trade.token,
            outcome=market.outcomes[market.tokens.index(trade.token)],
            side=trade.side,
            price=fill.price,
            size=fill.size,
            cost=fill.cost,
            fee=fill.fee,
            legs=tuple(legs),
            hash=transaction,
            matched_ms=now,
            changed_ms=now,
            doomed=self._mishaps.strikes("ghost-fill"),
            basis=basis,
        )
        if made.doomed:
            self._lines[made.id] = self.accounts.last_lines()[before:]
        self._settlements.add(made)
        self._keep(made)
        self._tell_trade(made, now)
        if taker is not None:
            self._filled(taker, fill.size, made.id, now)
        for leg in fill.legs:
            if (order := self._orders.get(leg.order)) is not None:
                self._filled(order, leg.size, made.id, now)
        return made

    def _tell_trade(self, trade: UserTrade, now: int) -> None:
        if trade.account in self.accounts:
            self._messages.append(trade_message(trade, trade.key, "TAKER", now))
        for key in dict.fromkeys(leg.key for leg in trade.legs if leg.account in self.accounts):
            self._messages.append(trade_message(trade, key, "MAKER", now))

    # ------------------------------------------------------------ keeping

    def _keep(self, row: Row) -> None:
        self._rows[id(row)] = row  # a row that changes again before it is kept is kept once

    def _commit(self) -> None:
        """Have everything kept that has changed, and told once it is."""
        rows = [*self._rows.values(), *self.accounts.changed()]
        messages, self._messages = self._messages, []
        self._rows.clear()
        if rows:
            self._store.put(*rows)
        if messages:
            self._store.when_kept(lambda: self._tell(messages))

    def _transaction(self, of: str) -> str:
        return transaction(self._store.secret, of)

    def _market(self, condition: ConditionId) -> VenueMarket:
        market = self._venue.catalogue.markets.get(condition)
        if market is None:
            raise Misuse(f"no market with condition {condition} is listed here; GET /venue names them")
        return market

    def _now(self) -> int:
        return self._venue.clock.now_ms()

"""What users do on the venue, put down: their orders, trades and money, kept before anybody is told.

It observes the venue. What concerns a user becomes rows for the store and messages for the user channel; the messages
go out once the rows are on disk.
"""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from polywire.core.matching.orders import Order, Refusal
from polywire.errors import Misuse
from polywire.exchange.answers import Refused
from polywire.exchange.catalogue import VenueMarket
from polywire.exchange.happenings import BookMoved, Happening, MarketEnded, MarketMade, TickMoved
from polywire.exchange.trading.accounts import Accounts
from polywire.exchange.trading.fills import transaction
from polywire.exchange.trading.open_orders import OpenOrders
from polywire.exchange.trading.outbox import Outbox
from polywire.exchange.trading.records import ApiKey, Holding, OrderState, UserOrder, UserTrade, Wallet
from polywire.exchange.trading.store import Kept, Store
from polywire.exchange.trading.user_orders import Mishaps, UserOrders
from polywire.exchange.trading.user_trades import UserTrades
from polywire.exchange.user_messages import UserMessage
from polywire.exchange.venue import Venue
from polywire.model.units import ConditionId, TokenId

_MARKET_KEPT_MS: Final = 60_000  # how often a market that trades is kept: its last trade and volume
_GONE: Final = "order can't be found - already canceled or matched"


def duplicated(order_id: str) -> Refused:
    """Return why an order that was taken before is not taken again."""
    return Refused(400, f"order {order_id} is invalid. Duplicated.")


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
        self._venue, self._store = venue, store
        self._redeem_after_ms = redeem_after_ms
        self.accounts = Accounts(
            venue.engine, kept.wallets, kept.holdings, grant=grant, last_activity=kept.last_activity
        )
        self._outbox = Outbox(store, tell)
        self._orders = UserOrders(OpenOrders(kept.open_orders, kept.order_ids, kept.last_order), self._outbox, mishaps)
        self._trades = UserTrades(
            venue,
            self.accounts,
            self._orders,
            self._outbox,
            mishaps,
            secret=store.secret,
            unsettled=kept.unsettled,
            last=kept.last_trade,
        )
        self._to_redeem: list[tuple[int, ConditionId]] = []  # due, soonest first
        self._market_kept: dict[ConditionId, int] = {}
        self._together = 0
        self._held: list[Happening] = []
        self._made: list[UserTrade] = []  # by the order that is being placed
        self._placing = ""
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

    async def took(self, order_id: str) -> bool:
        """Return whether an order of this id was ever taken."""
        if self._orders.knows(order_id) or not self._orders.forgetful:
            return self._orders.knows(order_id)
        return await self._store.order(order_id) is not None

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
            raise duplicated(order.id)
        self.accounts.wallet(order.account, self._now())
        self._made, self._placing = [], order.id
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
                self._orders.killed(order, key, maker, size, market, refusal.reason, self._now())
            self._commit()
            raise Refused(400, refusal.reason)
        record = self._orders.taken(order, key, maker, size, market, self._now())
        record.rested = outcome.resting
        if not outcome.resting:
            record.state = OrderState.MATCHED if outcome.trades else OrderState.CANCELED
        self._note_all(held)
        if not outcome.resting:
            self._orders.ended(record, self._now())
        self._commit()
        made, self._made, self._placing = self._made, [], ""
        return Placed(record, made)

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

    async def kept(self) -> None:
        """Return once everything done so far is on disk."""
        await self._store.kept()

    # ------------------------------------------------------------ what falls due

    def next_ms(self) -> int | None:
        """Return when something falls due next, in venue time, or None."""
        dues = [self._trades.next_ms(), self._to_redeem[0][0] if self._to_redeem else None]
        return min((due for due in dues if due is not None), default=None)

    def act(self, now_ms: int) -> None:
        """Do what is due: settle trades, redeem shares."""
        self._trades.settle(now_ms)
        while self._to_redeem and self._to_redeem[0][0] <= now_ms:
            _, condition = self._to_redeem.pop(0)
            for account in dict.fromkeys(holding.account for holding in self.holders(condition)):
                transaction = self._transaction(f"redeem {account} {condition}")
                self.accounts.redeem(account, self._market(condition), now_ms, transaction)
        self._commit()

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
                    if made := self._trades.traded(trade, self._market(trade.condition), now):
                        self._made += made if trade.order == self._placing else ()
                        self.sooner()
                self._orders.cancelled(cancelled, now)
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
        self._outbox.keep(market)
        if at_once:
            self._outbox.keep(self._venue.catalogue.events[market.event_id])
        if market.closed:
            del self._market_kept[condition]

    def _plan_redemption(self, condition: ConditionId, ended_ms: int) -> None:
        if self._redeem_after_ms is not None:
            self._to_redeem.append((ended_ms + self._redeem_after_ms, condition))
            self._to_redeem.sort()
            self.sooner()

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

    def _commit(self) -> None:
        """Have everything kept that has changed, and told once it is."""
        self._outbox.commit(self.accounts.changed())

    def _transaction(self, of: str) -> str:
        return transaction(self._store.secret, of)

    def _market(self, condition: ConditionId) -> VenueMarket:
        market = self._venue.catalogue.markets.get(condition)
        if market is None:
            raise Misuse(f"no market with condition {condition} is listed here; GET /venue names them")
        return market

    def _now(self) -> int:
        return self._venue.clock.now_ms()

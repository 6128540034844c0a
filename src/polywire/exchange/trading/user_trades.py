"""Users' trades from the match to their settlement: what is kept and told of each step, and what fails undone."""

from collections.abc import Iterable
from typing import Any

import msgspec

from polywire.core.matching.orders import Leg, Trade
from polywire.exchange.catalogue import VenueMarket
from polywire.exchange.messages import transaction_of
from polywire.exchange.trading.accounts import Accounts
from polywire.exchange.trading.fills import Fill, fills_of, kept_leg, trade_id
from polywire.exchange.trading.outbox import Outbox
from polywire.exchange.trading.records import Activity, TradeState, UserTrade, crowd_key
from polywire.exchange.trading.settlements import Settlements
from polywire.exchange.trading.user_orders import Mishaps, UserOrders
from polywire.exchange.user_messages import trade_message
from polywire.exchange.venue import Venue


class UserTrades:
    """The trades with a user on either side.

    Args:
        venue: Where settlements that fail are moved back.
        accounts: What trades move.
        orders: What they fill.
        outbox: Where changes go.
        mishaps: Faults.
        secret: Ids follow from it.
        unsettled: What an earlier run left to be settled.
        last: The number of the last trade.
    """

    def __init__(
        self,
        venue: Venue,
        accounts: Accounts,
        orders: UserOrders,
        outbox: Outbox,
        mishaps: Mishaps,
        *,
        secret: bytes,
        unsettled: Iterable[UserTrade],
        last: int,
    ) -> None:
        self._venue, self._accounts, self._orders = venue, accounts, orders
        self._outbox, self._mishaps, self._secret, self._last = outbox, mishaps, secret, last
        self._lines: dict[str, list[Activity]] = {}  # of trades that are to fail
        trades = list(unsettled)
        for trade in trades:
            trade.doomed = False  # the fault that chose it is not on any more, nor are the fees held that it paid
        self._settlements = Settlements(trades)

    def traded(self, trade: Trade, market: VenueMarket, now: int) -> list[UserTrade]:
        """Put down a trade, and return what became of it, by price; nothing where only crowds trade."""
        if not self._concerns(trade.account, trade.legs):
            return []
        fills = fills_of(trade, market.fee_exponent)
        return [self._put_down(trade, fill, market, now) for fill in fills if self._concerns(trade.account, fill.legs)]

    def next_ms(self) -> int | None:
        """Return when the next trade changes, or None."""
        return self._settlements.next_ms()

    def settle(self, now: int) -> None:
        """Change every trade whose time has come."""
        while (trade := self._settlements.due(now)) is not None:
            if trade.state is TradeState.MATCHED and trade.doomed and self._undo(trade):
                state = TradeState.FAILED
            else:
                trade.doomed = False
                state = TradeState.MINED if trade.state is TradeState.MATCHED else TradeState.CONFIRMED
            self._settlements.moved(trade, state)
            self._outbox.keep(trade)
            self._tell(trade, trade.changed_ms)

    def _concerns(self, account: str, legs: Iterable[Leg]) -> bool:
        return account in self._accounts or any(leg.account in self._accounts for leg in legs)

    def _put_down(self, trade: Trade, fill: Fill, market: VenueMarket, now: int) -> UserTrade:
        self._last += 1
        told: dict[str, Any] = {"trade": trade_id(self._secret, self._last), "transaction": transaction_of(trade)}
        taker, before = self._orders.get(trade.order), len(self._accounts.last_lines())
        basis = self._moved(
            market, now, trade.account, trade.token, trade.side, fill.size, fill.cost, fill.fee, told | {"taker": True}
        )
        legs = []
        for leg in fill.legs:
            cost = self._moved(
                market, now, leg.account, leg.token, leg.side, leg.size, leg.amount, 0, told | {"taker": False}
            )
            legs.append(kept_leg(leg, self._orders.get(leg.order), market, cost))
        made = UserTrade(
            id=told["trade"],
            number=self._last,
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
            hash=told["transaction"],
            matched_ms=now,
            changed_ms=now,
            doomed=self._mishaps.strikes("ghost-fill"),
            basis=basis,
        )
        if made.doomed:
            self._lines[made.id] = self._accounts.last_lines()[before:]
        self._settlements.add(made)
        self._outbox.keep(made)
        self._tell(made, now)
        self._orders.filled(trade.order, fill.size, made.id, now)
        for leg in fill.legs:
            self._orders.filled(leg.order, leg.size, made.id, now)
        return made

    def _moved(
        self,
        market: VenueMarket,
        now: int,
        account: str,
        token: Any,
        side: str,
        size: int,
        amount: int,
        fee: int,
        told: dict[str, Any],
    ) -> int:
        """Note one side of a trade where it is a user's; return what shares that were sold had cost."""
        if account not in self._accounts:
            return 0
        return self._accounts.traded(account, market, token, side, size, amount, fee, now, **told)

    def _undo(self, trade: UserTrade) -> bool:
        """Move back what a trade moved; False where somebody no longer has it."""
        market = self._venue.catalogue.markets[trade.condition]
        legs = [
            Leg(leg.order, leg.account, leg.token, leg.side, leg.price, leg.size, leg.amount, leg.match)
            for leg in trade.legs
        ]
        taker = trade.account, trade.token, trade.side
        refusal = self._venue.reverse(trade.condition, taker, trade.size, trade.cost, trade.fee, legs)
        lines = self._lines.pop(trade.id, [])
        if refusal is not None:
            return False
        if trade.account in self._accounts:
            self._accounts.undone(
                trade.account, market, trade.token, trade.side, trade.size, trade.cost, trade.fee, trade.basis
            )
        for leg in trade.legs:
            if leg.account in self._accounts:
                self._accounts.undone(leg.account, market, leg.token, leg.side, leg.size, leg.amount, 0, leg.basis)
        for line in lines:
            self._outbox.keep(msgspec.structs.replace(line, failed=True))
        return True

    def _tell(self, trade: UserTrade, now: int) -> None:
        if trade.account in self._accounts:
            self._outbox.say(trade_message(trade, trade.key, "TAKER", now))
        for key in dict.fromkeys(leg.key for leg in trade.legs if leg.account in self._accounts):
            self._outbox.say(trade_message(trade, key, "MAKER", now))

"""The exchange's matching engine: orders and cancels in, facts out, every unit accounted for.

One pool a market holds both outcomes' orders; docs/matching.md states the rules. No clock and no dice: the same
commands give the same state, to the last digit of `digest()`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from polywire.core.matching.accounts import FEES, Account
from polywire.core.matching.amounts import taker_fee
from polywire.core.matching.orders import (
    Cancelled,
    Leg,
    LevelMoved,
    MarketTerms,
    OpenOrder,
    Order,
    OrderKind,
    Outcome,
    Refusal,
    Trade,
    refused,
)
from polywire.core.matching.pool import Pool, Resting, Side
from polywire.core.matching.restoring import balance, check_holder, resting_again
from polywire.core.matching.reversal import Reversal
from polywire.core.matching.rules import cannot_take, fault, not_covered
from polywire.core.matching.settle import fill, pay
from polywire.core.matching.standing import Standing
from polywire.core.matching.state import digest
from polywire.core.matching.walk import Walk, walk
from polywire.errors import Misuse
from polywire.model.levels import Levels
from polywire.model.units import NO_ASK, NO_BID, PRICE_ONE, ConditionId, TokenId, TradeSide, size_text

_GONE: Final = "order can't be found - already canceled or matched"


class Engine:
    """Every market, order and account of one exchange.

    A command returns what it did; one that is refused says why and has changed nothing. `Misuse` is for callers that
    name a market which is not there or terms that cannot be, never for what an account asks.

    Args:
        remembers: How many ids of ended orders are kept, so that they are refused when they come again.
        trades: The number of the last trade before: where an engine goes on after a restart, no number comes twice.
    """

    def __init__(self, *, remembers: int = 100_000, trades: int = 0) -> None:
        self._pools: dict[ConditionId, Pool] = {}
        self._by_token: dict[TokenId, Pool] = {}
        self._accounts: dict[str, Account] = {}
        self._standing = Standing(remembers)
        self._taken = 0  # orders, so far: the last one's number
        self._trades = trades

    # ------------------------------------------------------------ markets

    def open_market(self, terms: MarketTerms) -> None:
        """Open a market without orders. Raises `Misuse` for a condition or token that is known, or impossible terms."""
        known = terms.condition in self._pools or any(token in self._by_token for token in terms.tokens)
        if known or terms.tokens[0] == terms.tokens[1]:
            raise Misuse(f"market {terms.condition} or one of its tokens is open already; a market opens once")
        if not 0 <= terms.fee_rate <= PRICE_ONE or terms.fee_exponent < 0 or terms.min_size < 0:
            rule = f"fee {terms.fee_rate} ^ {terms.fee_exponent}, minimum {terms.min_size}"
            raise Misuse(f"market {terms.condition}: {rule}; a fee is 0 to {PRICE_ONE} and nothing is negative")
        _check_tick(terms.tick)
        pool = self._pools[terms.condition] = Pool(terms)
        self._by_token.update(dict.fromkeys(terms.tokens, pool))

    def set_tick(self, condition: ConditionId, tick: int) -> None:
        """Change a market's grid (1e-4 USDC). Resting orders stay as they are. Raises `Misuse` if it cannot be."""
        _check_tick(tick)
        pool = self._pool(condition)
        pool.terms = msgspec.structs.replace(pool.terms, tick=tick)

    def resolve(self, condition: ConditionId, winner: TokenId) -> Outcome:
        """Cancel every resting order and close the market for good; from then on shares are redeemed."""
        pool = self._pool(condition)
        if pool.winner is not None:
            return refused("closed", f"market {condition} was resolved: {pool.winner} won", condition)
        if winner not in pool.terms.tokens:
            return refused("token", f"{winner} is no outcome of market {condition}", condition)
        outcome = self._standing.cancel(pool.resting(), "resolved").get(condition, Outcome(condition=condition))
        pool.winner = winner
        return outcome

    def redeem(self, account: str, condition: ConditionId) -> int:
        """Turn an account's shares of a resolved market into collateral; return how much (1e-6 USDC), else 0.

        A winning share pays 1 USDC, a losing one nothing; both are gone afterwards.
        """
        pool, holder = self._pool(condition), self._accounts.get(account)
        if pool.winner is None or holder is None:
            return 0
        held = {token: holder.shares.pop(token, 0) for token in pool.terms.tokens}
        paid = held[pool.winner]
        holder.collateral += paid
        pool.pairs -= paid
        return paid

    # ------------------------------------------------------------ accounts

    def deposit(self, account: str, collateral: int) -> None:
        """Give an account collateral (1e-6 USDC, > 0) out of nothing: the only way it comes into being."""
        if collateral <= 0:
            raise Misuse(f"a deposit of {collateral} (1e-6 USDC) is none; deposit a positive amount")
        self._account(account).collateral += collateral

    def withdraw(self, account: str, collateral: int) -> Refusal | None:
        """Take collateral (1e-6 USDC, > 0) out for good: the converse of `deposit`.

        Only what no open order claims can go; refused (`balance`) where that is less.
        """
        if collateral <= 0:
            raise Misuse(f"a withdrawal of {collateral} (1e-6 USDC) is none; withdraw a positive amount")
        holder = self._accounts.get(account)
        free = 0 if holder is None else holder.unpromised()
        if holder is None or collateral > free:
            return _not_free(collateral, free, "USDC")
        holder.collateral -= collateral
        return None

    def split(self, account: str, condition: ConditionId, shares: int) -> Refusal | None:
        """Turn collateral into as many shares (1e-6) of each outcome; only what no open order claims can be used."""
        pool, holder = self._pool(condition), self._accounts.get(account)
        if refusal := _cannot_pair(pool, shares, 0 if holder is None else holder.unpromised(), "collateral"):
            return refusal
        self._pair(pool, self._account(account), shares)
        return None

    def merge(self, account: str, condition: ConditionId, shares: int) -> Refusal | None:
        """Turn shares (1e-6) of both outcomes into as much collateral; only what no open order claims can be used."""
        pool, holder = self._pool(condition), self._accounts.get(account)
        free = 0 if holder is None else min(holder.unpromised_shares(token) for token in pool.terms.tokens)
        if refusal := _cannot_pair(pool, shares, free, "shares of both outcomes"):
            return refusal
        self._pair(pool, self._account(account), -shares)
        return None

    # ------------------------------------------------------------ orders

    def place(self, order: Order, now_ms: int) -> Outcome:
        """Take an order: trade what it can, let the rest wait if its kind waits.

        Call `expire(now_ms)` first: an order whose time has come still trades until that is called.

        Args:
            order: As the account sent it.
            now_ms: Venue time.

        Returns:
            `matched`, `live` or `refused`. `levels` are in the order they moved: those taken from, best first, then the
            one the rest waits on. `elsewhere` holds markets where orders were cancelled since this trade used what
            they had been promised.
        """
        pool = self._by_token.get(order.token)
        if pool is None:
            return refused("token", f"token {order.token} is no outcome of any market here")
        terms = pool.terms
        if pool.winner is not None:
            return refused("closed", "the market is not yet ready to process new orders", terms.condition)
        refusal = fault(order, terms, now_ms)
        if refusal is not None:
            return Outcome("refused", refusal=refusal, condition=terms.condition)
        if self._standing.knows(order.id):
            return refused("duplicate", f"order {order.id} is invalid. Duplicated.", terms.condition)
        account = self._accounts.get(order.account) or Account(order.account)
        buying = order.side == "BUY"
        own, against = pool.sides(order.token, buying=buying)
        rank = order.price if buying else PRICE_ONE - order.price
        found, exponent = Walk(order.collateral or order.size), terms.fee_exponent
        crosses = bool(against.ranks) and against.ranks[-1] >= PRICE_ONE - rank
        if crosses:
            walk(found, order, account, against, PRICE_ONE - rank, exponent)
        fee = taker_fee(found.weight, terms.fee_rate, exponent) if found.shares else 0
        refusal = cannot_take(order, found, crosses=crosses)
        refusal = refusal or not_covered(order, account, terms.condition, found, fee)
        if refusal is not None:
            return Outcome("refused", refusal=refusal, condition=terms.condition)
        return self._commit(order, account, pool, (own, against), rank, found, fee, now_ms)

    def cancel(self, order_id: str) -> Outcome:
        """Cancel a resting order; refused (`order`) where none rests by that id."""
        resting = self._standing.orders.get(order_id)
        if resting is None:
            return Outcome(refusal=Refusal("order", _GONE))
        self._standing.end(resting)
        moved = resting.side.moved(resting.rank)
        cancelled = Cancelled(order_id, resting.order.account, resting.left, "user")
        return Outcome("", (), (moved,), (cancelled,), None, resting.pool.terms.condition)

    def cancel_all(
        self, account: str, *, condition: ConditionId | None = None, token: TokenId | None = None
    ) -> dict[ConditionId, Outcome]:
        """Cancel an account's orders, oldest first, all or of one market or token; return what moved, by market."""
        holder = self._accounts.get(account)
        orders = [] if holder is None else list(holder.orders.values())
        return self._standing.cancel(
            [
                resting
                for resting in orders
                if condition in {None, resting.pool.terms.condition} and token in {None, resting.order.token}
            ],
            "user",
        )

    def expire(self, now_ms: int) -> dict[ConditionId, Outcome]:
        """End the GTD orders whose time has come, soonest first; return what moved, by market."""
        return self._standing.cancel(
            [self._standing.orders[order] for order in self._standing.expiries.due(now_ms)], "expired"
        )

    def next_expiry_ms(self) -> int | None:
        """Return the venue time at which `expire` has something to do, or None."""
        return self._standing.expiries.next_ms()

    # ------------------------------------------------------------ when a settlement fails

    def reverse(
        self,
        condition: ConditionId,
        account: str,
        token: TokenId,
        side: TradeSide,
        size: int,
        cost: int,
        fee: int,
        legs: Sequence[Leg],
    ) -> dict[ConditionId, Outcome] | Refusal:
        """Move back what a trade moved: its settlement failed.

        Shares, collateral, fee and pairs, to the unit. Orders stay as the trade left them; those that lose their cover
        are cancelled (`balance`), the newest first. A resolved market's trade can be moved back too.

        Args:
            condition: The trade's market.
            account: The taker.
            token: The taker's.
            side: The taker's.
            size: Shares, 1e-6.
            cost: Collateral the taker gave or got, before the fee.
            fee: What it paid.
            legs: The resting orders' parts: of the whole trade, or of those that failed, with size, cost and fee to
                match.

        Returns:
            What moved by market; or why nothing did: an account no longer holds what it would give back.

        Raises:
            Misuse: There is no such market, or the figures do not add up.
        """
        pool = self._pool(condition)
        back = Reversal(pool.terms, account, token, side, size, cost, fee, legs)
        refusal = back.refusal(self._accounts)
        if refusal is not None:
            return refusal
        return self._standing.uncover(*back.carry_out(pool, self._account))

    # ------------------------------------------------------------ after a restart

    def restore_holder(self, account: str, collateral: int, shares: Mapping[TokenId, int]) -> None:
        """Have an account hold what a store kept of it, whether its tokens' markets are open yet or not.

        `balance_pairs` makes up for the shares afterwards. Raises `Misuse` where it holds anything already.
        """
        holder = self._accounts.get(account) or Account(account)
        check_holder(holder, collateral, shares)
        self._accounts[account] = holder
        holder.collateral = collateral
        for token, held in shares.items():
            holder.give(token, held)

    def restore_order(self, order: Order, *, left: int, filled: int, placed_ms: int) -> None:
        """Have an order rest as it did, without meeting anybody: behind those restored before it.

        Args:
            order: As the account sent it.
            left: Shares it still wants.
            filled: Shares it has had since it rested, not what it took before: its next fill is rounded by that.
            placed_ms: Venue time it was placed at.

        Raises:
            Misuse: Its id rests or has ended, its market is not there or resolved, its holder does not cover it, or it
                would cross an order that rests.
        """
        pool = self._by_token.get(order.token)
        if pool is None or self._standing.knows(order.id):
            what = f"token {order.token} is no outcome of any market here" if pool is None else "its id is known"
            raise Misuse(f"order {order.id} cannot rest: {what}; restore markets first, and each order once")
        account = self._accounts.get(order.account) or Account(order.account)
        number = self._taken + 1
        resting = resting_again(order, account, pool, left=left, filled=filled, placed_ms=placed_ms, number=number)
        self._accounts[order.account] = account
        self._standing.rest(resting)
        self._taken = number

    def balance_pairs(self, condition: ConditionId, house: str) -> int:
        """Give `house` the shares that one outcome has fewer of than the other; return the pairs that exist then.

        So many 1e-6 USDC are locked in the market. Where restored holders add up already, and in a resolved market,
        the house gets nothing.
        """
        pool = self._pool(condition)
        balance(pool, self._accounts.values(), self._account(house))
        return pool.pairs

    # ------------------------------------------------------------ reading

    def levels(self, condition: ConditionId) -> tuple[Levels, Levels]:
        """Return bids and asks of the market's first token, best last. The second token's are their mirror."""
        pool = self._pool(condition)
        return pool.bids.packed(), pool.asks.packed()

    def best(self, condition: ConditionId) -> tuple[int, int]:
        """Return best bid and best ask of the market's first token, 1e-4 USDC; 0 and 10,000 where a side is empty."""
        pool = self._pool(condition)
        bids, asks = pool.bids.ranks, pool.asks.ranks
        return bids[-1] if bids else NO_BID, PRICE_ONE - asks[-1] if asks else NO_ASK

    def open_orders(self, account: str) -> list[OpenOrder]:
        """Return an account's resting orders, oldest first."""
        holder = self._accounts.get(account)
        return [] if holder is None else [resting.view() for resting in holder.orders.values()]

    def order(self, order_id: str) -> OpenOrder | None:
        """Return a resting order as it stands, or None where none rests by that id."""
        resting = self._standing.orders.get(order_id)
        return None if resting is None else resting.view()

    def collateral(self, account: str) -> int:
        """Return what an account holds, 1e-6 USDC; what its open orders claim is part of it."""
        holder = self._accounts.get(account)
        return 0 if holder is None else holder.collateral

    def shares(self, account: str, token: TokenId) -> int:
        """Return the shares of a token an account holds, 1e-6; what its open orders claim is part of them."""
        holder = self._accounts.get(account)
        return 0 if holder is None else holder.shares.get(token, 0)

    def pairs(self, condition: ConditionId) -> int:
        """Return how many pairs of shares exist, 1e-6: the collateral that is locked in the market."""
        return self._pool(condition).pairs

    def accounts(self) -> list[str]:
        """Return every account, in the order they came."""
        return list(self._accounts)

    def terms(self, condition: ConditionId) -> MarketTerms:
        """Return a market's rules as they are now. Raises `Misuse` where there is none."""
        return self._pool(condition).terms

    def digest(self) -> str:
        """Return a SHA-256 of the whole state: equal where two engines would answer alike for ever."""
        counters = self._taken, self._trades, self._standing.remembers
        return digest(self._pools.values(), self._accounts.values(), self._standing.ended, counters)

    # ------------------------------------------------------------ what moves

    def _commit(
        self,
        order: Order,
        account: Account,
        pool: Pool,
        sides: tuple[Side, Side],
        rank: int,
        found: Walk,
        fee: int,
        now_ms: int,
    ) -> Outcome:
        own, against = sides
        condition = pool.terms.condition
        self._taken += 1
        trades: tuple[Trade, ...] = ()
        levels: list[LevelMoved] = []
        cancelled: list[Cancelled] = []
        elsewhere: dict[ConditionId, Outcome] = {}
        if found.steps:
            done = fill(order, pool, against, found, self._standing)
            levels, cancelled = done.levels, done.cancelled
            if done.legs:
                paid = pay(order, account, self._account(FEES), found, fee)
                trades = (self._trade(order, condition, found, paid, done.legs),)
                done.losers[account] = None
                elsewhere = self._standing.uncover(done.losers)
        left, resting = found.left, 0
        if left and (order.kind is OrderKind.GTC or order.kind is OrderKind.GTD):
            resting = left
            levels.append(self._standing.rest(Resting(order, account, pool, own, rank, left, now_ms, self._taken)))
        else:
            self._standing.remember(order.id)
            if left:
                shares = left * PRICE_ONE // order.price if order.collateral else left
                cancelled.append(Cancelled(order.id, order.account, shares, "killed"))
        status = "matched" if trades else "live"
        return Outcome(status, trades, tuple(levels), tuple(cancelled), None, condition, resting, elsewhere)

    def _trade(self, order: Order, condition: ConditionId, found: Walk, fee: int, legs: list[Leg]) -> Trade:
        self._trades += 1
        size, gone = found.shares, found.cost
        token, side = order.token, order.side
        return Trade(self._trades, condition, order.id, order.account, token, side, size, gone, fee, tuple(legs))

    def _pair(self, pool: Pool, account: Account, shares: int) -> None:
        account.collateral -= shares
        pool.pairs += shares
        for token in pool.terms.tokens:
            account.give(token, shares)

    def _pool(self, condition: ConditionId) -> Pool:
        pool = self._pools.get(condition)
        if pool is None:
            raise Misuse(
                f"no market with condition {condition!r} is open ({len(self._pools)} are); open_market() first"
            )
        return pool

    def _account(self, name: str) -> Account:
        account = self._accounts.get(name)
        if account is None:
            account = self._accounts[name] = Account(name)
        return account


def _check_tick(tick: int) -> None:
    if tick <= 0 or PRICE_ONE % tick or tick == PRICE_ONE:
        raise Misuse(f"a tick of {tick} (1e-4 USDC) does not divide one USDC; use 1000, 100, 50, 25, 10 or 1")


def _cannot_pair(pool: Pool, shares: int, free: int, of: str) -> Refusal | None:
    if pool.winner is not None:
        return Refusal("closed", f"market {pool.terms.condition} was resolved; redeem its shares instead")
    if shares <= 0:
        return Refusal("size", f"{shares} shares (1e-6) are no pair; ask for a positive number")
    if shares > free:
        return _not_free(shares, free, of)
    return None


def _not_free(wanted: int, free: int, of: str) -> Refusal:
    return Refusal("balance", f"{size_text(wanted)} {of} asked for, {size_text(free)} that no open order claims")

"""The rules of docs/matching.md once more, as plainly as they can be said: an oracle for the engine.

One flat list of open orders, searched from end to end each time; fractions for money; claims summed up anew for every
question. It shares no code with the engine but the nouns.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from polywire.core.matching.orders import Leg, MarketTerms, Order, OrderKind
from polywire.model.units import ConditionId, TokenId, TradeSide

ONE = 10_000
Fill = tuple[str, int, int]
"""A resting order's id, the shares it traded, and what it gave or got for them."""


@dataclass
class Open:
    order: Order
    left: int
    had: int = 0  # since it rests


@dataclass
class Answer:
    code: str = ""
    fills: list[Fill] = field(default_factory=list)
    fee: int = 0
    ended: list[tuple[str, str]] = field(default_factory=list)  # order, reason


class Reference:
    def __init__(self, *markets: MarketTerms) -> None:
        self.markets = {terms.condition: terms for terms in markets}
        self.winners: dict[ConditionId, TokenId] = {}
        self.open: list[Open] = []  # the earliest first
        self.used: set[str] = set()
        self.money: dict[str, int] = {}
        self.shares: dict[tuple[str, TokenId], int] = {}

    # ------------------------------------------------------------ questions

    def market(self, token: TokenId) -> MarketTerms:
        return next(terms for terms in self.markets.values() if token in terms.tokens)

    def bids_asks(self, token: TokenId) -> tuple[dict[int, int], dict[int, int]]:
        """Return a token's own view of its market, straight from the orders."""
        bids: dict[int, int] = {}
        asks: dict[int, int] = {}
        for waits in self.open:
            order = waits.order
            if self.market(order.token) is not self.market(token):
                continue
            price = order.price if order.token == token else ONE - order.price
            side = bids if (order.side == "BUY") == (order.token == token) else asks
            side[price] = side.get(price, 0) + waits.left
        return bids, asks

    def claimed(self, account: str, terms: MarketTerms) -> int:
        """Return the collateral that an account's BUY orders of a market claim."""
        mine = [waits for waits in self.open if waits.order.account == account and waits.order.side == "BUY"]
        return sum(due(waits, waits.left) for waits in mine if waits.order.token in terms.tokens)

    def claimed_shares(self, account: str, token: TokenId) -> int:
        mine = [waits for waits in self.open if waits.order.account == account and waits.order.side == "SELL"]
        return sum(waits.left for waits in mine if waits.order.token == token)

    # ------------------------------------------------------------ commands

    def place(self, order: Order, now_ms: int) -> Answer:
        terms = self.market(order.token)
        if code := self.fault(order, terms, now_ms):
            return Answer(code)
        met = self.met(order)
        if order.post_only and met:
            return Answer("post-only")
        left = Fraction(order.collateral or order.size)
        fills: list[tuple[Open, int, int]] = []
        own: list[Open] = []
        base = Fraction(0)
        cost = 0
        for maker in met:
            if not left:
                break
            if maker.order.account == order.account:
                own.append(maker)
                continue
            price = taker_price(order, maker.order)
            shares = bought(order, maker, int(left)) if order.collateral else min(maker.left, int(left))
            paid = taken(order, maker, shares)
            left -= paid if order.collateral else shares
            cost += paid
            part = Fraction(price, ONE) * (1 - Fraction(price, ONE))
            base += shares * Fraction(terms.fee_rate, ONE) * part**terms.fee_exponent
            fills.append((maker, shares, due(maker, shares)))
        takes = order.kind in {OrderKind.FOK, OrderKind.FAK}
        worth = order.collateral or Fraction(order.size * order.price, ONE)
        if order.side == "BUY" and (takes or fills) and worth < 1_000_000:
            return Answer("marketable")
        if order.kind is OrderKind.FOK and left:
            return Answer("fok")
        if order.kind is OrderKind.FAK and not fills:
            return Answer("fak")
        fee = 10 * math.floor(base / 10 + Fraction(1, 2)) if base >= 10 else 0
        if not self.covered(order, terms, cost, int(left), fee):
            return Answer("balance")
        if order.side == "SELL":
            fee = min(fee, cost)
        answer = self.carry_out(order, fills, own, cost, fee)
        self.used.add(order.id)
        if left and takes:
            answer.ended.append((order.id, "killed"))
        elif left:
            self.open.append(Open(order, int(left)))
        return answer

    def fault(self, order: Order, terms: MarketTerms, now_ms: int) -> str:
        rests = order.kind in {OrderKind.GTC, OrderKind.GTD}
        if terms.condition in self.winners:
            return "closed"
        if order.collateral and (rests or order.side == "SELL" or order.size):
            return "amount"
        if not order.collateral and (order.size < 1 or (rests and order.size < terms.min_size)):
            return "size"
        off_grid = order.price % terms.tick != 0 and (rests or order.side == "SELL")
        if off_grid or order.price < terms.tick or order.price > ONE - terms.tick:
            return "tick"
        if order.post_only and not rests:
            return "post-only"
        if order.kind is OrderKind.GTD and (order.expires_s - 60) * 1_000 <= now_ms:
            return "expiration"
        if order.kind is not OrderKind.GTD and order.expires_s:
            return "expiration"
        return "duplicate" if order.id in self.used else ""

    def met(self, order: Order) -> list[Open]:
        """Return every open order that this one could trade with, in price-time order; its own account's too."""
        able = [waits for waits in self.open if meets(order, waits.order, self.market(order.token))]
        best_first = 1 if order.side == "BUY" else -1
        return sorted(able, key=lambda waits: best_first * taker_price(order, waits.order))  # sorted() keeps time order

    def covered(self, order: Order, terms: MarketTerms, cost: int, left: int, fee: int) -> bool:
        if order.side == "SELL":
            free = self.shares.get((order.account, order.token), 0) - self.claimed_shares(order.account, order.token)
            return order.size <= free
        whole = order.collateral or math.ceil(Fraction(order.size * order.price, ONE))
        parts = 0 if order.collateral else cost + math.ceil(Fraction(left * order.price, ONE))
        free = self.money.get(order.account, 0) - self.claimed(order.account, terms)
        return max(whole, parts) + fee <= free

    def carry_out(
        self, order: Order, fills: list[tuple[Open, int, int]], own: list[Open], cost: int, fee: int
    ) -> Answer:
        answer = Answer(fee=fee, fills=[(maker.order.id, shares, amount) for maker, shares, amount in fills])
        losers = []
        for maker, shares, amount in fills:
            self.move(maker.order, shares, amount)
            maker.left -= shares
            maker.had += shares
            if maker.order.side == "BUY":
                losers.append(maker.order.account)
        if fills:
            self.move(order, sum(shares for _, shares, _ in fills), cost)
            self.money[order.account] = self.money.get(order.account, 0) - fee
            self.money["fees"] = self.money.get("fees", 0) + fee
            losers.append(order.account)
        answer.ended += [(waits.order.id, "self-trade") for waits in own]
        self.open = [waits for waits in self.open if waits.left and not any(waits is one for one in own)]
        for account in losers:
            self.cover(account, answer)
        return answer

    def move(self, order: Order, shares: int, amount: int) -> None:
        sign = 1 if order.side == "BUY" else -1
        self.money[order.account] = self.money.get(order.account, 0) - sign * amount
        key = order.account, order.token
        self.shares[key] = self.shares.get(key, 0) + sign * shares

    def cancel(self, *order_ids: str, reason: str = "user") -> Answer:
        gone = [waits.order.id for waits in self.open if waits.order.id in order_ids]
        self.open = [waits for waits in self.open if waits.order.id not in order_ids]
        return Answer(ended=[(order_id, reason) for order_id in gone])

    def cancel_all(self, account: str, condition: ConditionId | None, token: TokenId | None) -> Answer:
        mine = [waits.order for waits in self.open if waits.order.account == account]
        mine = [order for order in mine if token is None or order.token == token]
        return self.cancel(
            *[order.id for order in mine if condition is None or self.market(order.token).condition == condition]
        )

    def expire(self, now_ms: int) -> Answer:
        timed = [waits.order for waits in self.open if waits.order.kind is OrderKind.GTD]
        return self.cancel(*[order.id for order in timed if (order.expires_s - 60) * 1_000 <= now_ms], reason="expired")

    def pay_in(self, account: str, collateral: int) -> None:
        self.money[account] = self.money.get(account, 0) + collateral

    def withdraw(self, account: str, collateral: int) -> Answer:
        if self.spare(account) < collateral:
            return Answer("balance")
        self.pay_in(account, -collateral)
        return Answer()

    def spare(self, account: str) -> int:
        """Return the collateral that is left of an account beside what its most demanding market claims."""
        return self.money.get(account, 0) - max(self.claimed(account, terms) for terms in self.markets.values())

    def pair(self, account: str, condition: ConditionId, change: int, shares: int) -> Answer:
        """Split by `change` pairs, or merge where that is negative; `shares` is what was asked for."""
        tokens = self.markets[condition].tokens
        if condition in self.winners:
            return Answer("closed")
        if not shares:
            return Answer("size")
        free = [
            self.shares.get((account, token), 0) - self.claimed_shares(account, token) >= -change for token in tokens
        ]
        if self.spare(account) < change or not all(free):
            return Answer("balance")
        self.pay_in(account, -change)
        for token in tokens:
            self.shares[account, token] = self.shares.get((account, token), 0) + change
        return Answer()

    def resolve(self, condition: ConditionId, winner: TokenId) -> Answer:
        if condition in self.winners:
            return Answer("closed")
        self.winners[condition] = winner
        tokens = self.markets[condition].tokens
        return self.cancel(*[it.order.id for it in self.open if it.order.token in tokens], reason="resolved")

    def redeem(self, account: str, condition: ConditionId) -> int:
        if condition not in self.winners:
            return 0
        held = {token: self.shares.pop((account, token), 0) for token in self.markets[condition].tokens}
        paid = held[self.winners[condition]]
        self.pay_in(account, paid)
        return paid

    def reverse(self, account: str, token: TokenId, side: TradeSide, fee: int, legs: Sequence[Leg]) -> Answer:
        """Move everything back; where anybody is left with less than nothing, forget it."""
        money, shares = dict(self.money), dict(self.shares)
        self.pay_in("fees", -fee)
        self.pay_in(account, fee)
        for leg in legs:
            due = leg.amount if leg.token == token else leg.size - leg.amount
            for name, its, way, amount in ((account, token, side, due), (leg.account, leg.token, leg.side, leg.amount)):
                sign = 1 if way == "BUY" else -1
                self.pay_in(name, sign * amount)
                self.shares[name, its] = self.shares.get((name, its), 0) - sign * leg.size
        if min(self.money.values()) < 0 or min(self.shares.values()) < 0:
            self.money, self.shares = money, shares
            return Answer("balance")
        answer = Answer()
        for name in self.money:
            self.cover(name, answer)
        return answer

    def cover(self, account: str, answer: Answer) -> None:
        """Cancel an account's newest orders until what is left is covered: BUYs by market, SELLs by token."""
        for terms in self.markets.values():
            while self.claimed(account, terms) > self.money[account]:
                self.drop_newest(account, "BUY", terms.tokens, answer)
            for token in terms.tokens:
                while self.claimed_shares(account, token) > self.shares.get((account, token), 0):
                    self.drop_newest(account, "SELL", (token,), answer)

    def drop_newest(self, account: str, side: TradeSide, tokens: Collection[TokenId], answer: Answer) -> None:
        mine = [waits for waits in self.open if waits.order.account == account and waits.order.side == side]
        newest = [waits for waits in mine if waits.order.token in tokens][-1]
        self.open.remove(newest)
        answer.ended.append((newest.order.id, "balance"))

    # ------------------------------------------------------------ after a restart

    def forget(self, lost: Collection[str]) -> None:
        """Forget accounts that no store kept, and the ids of orders that have ended."""
        self.open = [waits for waits in self.open if waits.order.account not in lost]
        self.used = {waits.order.id for waits in self.open}
        self.money = {name: money for name, money in self.money.items() if name not in lost}
        self.shares = {key: shares for key, shares in self.shares.items() if key[0] not in lost}

    def supply(self, token: TokenId) -> int:
        return sum(shares for (_, its), shares in self.shares.items() if its == token)

    def balance(self, condition: ConditionId, house: str) -> dict[TokenId, int]:
        """Give the house what one outcome has fewer of than the other, while the market is open; return it."""
        if condition in self.winners:
            return {}
        supply = {token: self.supply(token) for token in self.markets[condition].tokens}
        given = {token: max(supply.values()) - shares for token, shares in supply.items()}
        for token, shares in given.items():
            self.shares[house, token] = self.shares.get((house, token), 0) + shares
        return given

    def locked(self, condition: ConditionId) -> int:
        """Return the collateral behind a market's pairs."""
        return self.supply(self.winners.get(condition, self.markets[condition].tokens[0]))


def meets(taker: Order, maker: Order, terms: MarketTerms) -> bool:
    if maker.token not in terms.tokens:
        return False
    if maker.token == taker.token:
        cheap, dear = sorted((taker, maker), key=lambda order: order.side == "BUY")
        return maker.side != taker.side and cheap.price <= dear.price
    both = taker.price + maker.price
    return maker.side == taker.side and (both >= ONE if taker.side == "BUY" else both <= ONE)


def taker_price(taker: Order, maker: Order) -> int:
    return maker.price if maker.token == taker.token else ONE - maker.price


def due(maker: Open, shares: int) -> int:
    """Return what a resting order gives or gets for its next shares: its price, rounded on all it has had."""
    rounded = math.ceil if maker.order.side == "BUY" else math.floor
    price = Fraction(maker.order.price, ONE)
    return rounded((maker.had + shares) * price) - rounded(maker.had * price)


def taken(order: Order, maker: Open, shares: int) -> int:
    """Return what the taker gives or gets: the resting order's amount, or what that leaves of a pair."""
    amount = due(maker, shares)
    return amount if maker.order.token == order.token else shares - amount


def bought(order: Order, maker: Open, collateral: int) -> int:
    """Return the fewest shares of a resting order that cost a taker `collateral`, or all where that is not enough."""
    fewest, most = 0, maker.left
    while fewest < most:
        middle = (fewest + most) // 2
        if taken(order, maker, middle) >= collateral:
            most = middle
        else:
            fewest = middle + 1
    return fewest

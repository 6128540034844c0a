"""An engine, a naive matcher and everybody's books, asked the same and compared after every step."""

import msgspec

from core.matching.accounting import Accounting, Made, Part
from core.matching.flows import HOUSE, Cancelling, Failing, Restart, Step, opening
from core.matching.reference import Answer, Reference
from polywire.core.matching.commands import (
    BalancePairs,
    Cancel,
    CancelAll,
    Command,
    Deposit,
    Expire,
    Merge,
    OpenMarket,
    Place,
    Redeem,
    Resolve,
    RestoreHolder,
    RestoreOrder,
    Result,
    Reverse,
    SetTick,
    Split,
    Withdraw,
    apply,
    decode,
    encode,
)
from polywire.core.matching.engine import Engine
from polywire.core.matching.orders import MarketTerms, Outcome, Refusal
from polywire.model.levels import Levels
from polywire.model.units import PRICE_ONE, ConditionId

Views = dict[ConditionId, tuple[dict[int, int], dict[int, int]]]


class Pair:
    """Two markets and their accounts, kept three times.

    Attributes:
        log: Every command the engine was asked, as JSON: since the last restart.
    """

    def __init__(self, *terms: MarketTerms) -> None:
        self.engine, self.reference, self.books = Engine(), Reference(*terms), Accounting()
        self.outside = 0  # deposits less withdrawals
        self.placed = 0
        self.log: list[bytes] = []
        self.open: list[ConditionId] = []
        for command in opening(*terms):
            self.step(command)

    def step(self, step: Step) -> None:
        """Do a step everywhere, compare the answers, then everything there is."""
        match step:
            case Restart(lost):
                self.restart(lost)
            case Failing(pick, leg):
                if self.books.made:
                    self.fail(self.books.made[pick % len(self.books.made)], leg)
            case Cancelling(pick):
                if waiting := self.reference.open:
                    self.ask(Cancel(waiting[pick % len(waiting)].order.id))
            case Place(order, now_ms):
                self.placed += 1
                self.ask(Place(msgspec.structs.replace(order, id=order.id or f"o{self.placed}"), now_ms))
            case _:
                self.ask(step)
        self.check()

    # ------------------------------------------------------------ steps

    def ask(self, command: Command) -> Result:
        """Ask the engine and the reference, and compare their answers."""
        before = self.views()
        answer, digest = self.tell(command)
        expected = self.expect(command)
        assert _code(answer) == expected.code
        if _code(answer):
            assert self.engine.digest() == digest, "what was refused has changed something"
            assert not isinstance(answer, Outcome) or answer == Outcome(
                "refused", refusal=answer.refusal, condition=answer.condition
            )
        else:
            self.compare(answer, expected)
            self.put_down(command, answer)
        self.follow(before, answer)
        return answer

    def tell(self, command: Command) -> tuple[Result, str]:
        """Ask the engine; return its answer, and its digest before where it may refuse."""
        refusable = isinstance(command, Place | Split | Merge | Withdraw | Reverse | Resolve)
        digest = self.engine.digest() if refusable else ""
        self.log.append(encode(command))
        if isinstance(command, OpenMarket):
            self.open.append(command.terms.condition)
        return apply(self.engine, command), digest

    def expect(self, command: Command) -> Answer:  # noqa: PLR0912 - a case for each command
        reference = self.reference
        match command:
            case Place(order, now_ms):
                return reference.place(order, now_ms)
            case Deposit(account, collateral):
                reference.pay_in(account, collateral)
            case Withdraw(account, collateral):
                return reference.withdraw(account, collateral)
            case Split(account, condition, shares):
                return reference.pair(account, condition, shares, shares)
            case Merge(account, condition, shares):
                return reference.pair(account, condition, -shares, shares)
            case Cancel(order):
                return reference.cancel(order)
            case CancelAll(account, condition, token):
                return reference.cancel_all(account, condition, token)
            case Expire(now_ms):
                return reference.expire(now_ms)
            case SetTick(condition, tick):
                reference.markets[condition] = msgspec.structs.replace(reference.markets[condition], tick=tick)
            case Resolve(condition, winner):
                return reference.resolve(condition, winner)
            case Redeem(account, condition):
                reference.redeem(account, condition)
            case Reverse(account=account, token=token, side=side, fee=fee, legs=legs):
                return reference.reverse(account, token, side, fee, legs)
            case OpenMarket() | RestoreHolder() | RestoreOrder() | BalancePairs():
                pass
        return Answer()

    def put_down(self, command: Command, answer: Result) -> None:
        """Enter in the books what a command did that was not refused."""
        books, reference = self.books, self.reference
        match command:
            case Place():
                assert isinstance(answer, Outcome)
                for trade in answer.trades:
                    books.traded(trade)
            case Deposit(account, collateral):
                books.pay(account, collateral)
                self.outside += collateral
            case Withdraw(account, collateral):
                books.pay(account, -collateral)
                self.outside -= collateral
            case Split(account, condition, shares):
                books.paired(account, reference.markets[condition], shares)
            case Merge(account, condition, shares):
                books.paired(account, reference.markets[condition], -shares)
            case Redeem(account, condition):
                winner = reference.winners.get(condition)
                paid = books.redeemed(account, reference.markets[condition], winner) if winner else 0
                assert answer == paid
            case _:
                pass

    def fail(self, made: Made, leg: int | None) -> None:
        """Have a trade, or what one of its legs moved, move back."""
        trade = made.trade
        parts: list[Part] = list(made.parts) if leg is None else [made.parts[leg % len(made.parts)]]
        answer = self.ask(
            Reverse(
                trade.condition,
                trade.account,
                trade.token,
                trade.side,
                sum(part.leg.size for part in parts),
                sum(part.amount for part in parts),
                sum(part.fee for part in parts),
                tuple(part.leg for part in parts),
            )
        )
        if not isinstance(answer, Refusal):
            self.books.failed(made, parts)

    def restart(self, lost: frozenset[str]) -> None:
        """Make a new engine of what a store would have kept of the old one, and go on with that."""
        old, self.engine, self.log, self.open = self.engine, Engine(), [], []
        reference, books = self.reference, self.books
        kept = [name for name in old.accounts() if name not in lost]
        reference.forget(lost)
        for name in lost:
            books.lost(name)
        for condition, terms in reference.markets.items():
            self.tell(OpenMarket(terms))
            if winner := reference.winners.get(condition):
                self.tell(Resolve(condition, winner))
        tokens = [token for terms in reference.markets.values() for token in terms.tokens]
        for name in kept:
            self.tell(RestoreHolder(name, old.collateral(name), {token: old.shares(name, token) for token in tokens}))
        for condition in reference.markets:
            for token, shares in reference.balance(condition, HOUSE).items():
                books.given(HOUSE, token, shares)
            pairs, _ = self.tell(BalancePairs(condition, HOUSE))
            assert pairs == reference.locked(condition)
        orders = [order for name in kept for order in old.open_orders(name)]
        for it in sorted(orders, key=lambda order: order.number):
            self.tell(RestoreOrder(it.order, it.left, it.filled, it.placed_ms))
        self.outside = sum(reference.money.values()) + sum(map(reference.locked, reference.markets))

    # ------------------------------------------------------------ comparing

    def compare(self, answer: Result, expected: Answer) -> None:
        """Compare trades and cancellations with those expected."""
        told = _told(answer)
        trades = [trade for outcome in told.values() for trade in outcome.trades]
        assert bool(trades) == bool(expected.fills)
        for trade in trades:
            assert [(leg.order, leg.size, leg.amount) for leg in trade.legs] == expected.fills
            assert trade.fee == expected.fee
            assert trade.size == sum(shares for _, shares, _ in expected.fills)
        ended = [(cancelled.order, cancelled.reason) for it in told.values() for cancelled in it.cancelled]
        assert sorted(ended) == sorted(expected.ended)

    def follow(self, before: Views, answer: Result) -> None:
        """Apply every level change that was told to the books before: that must give the books now."""
        for condition, outcome in _told(answer).items():
            for moved in outcome.levels:
                side = before[condition][moved.side == "ask"]
                assert side.get(moved.price, 0) != moved.size, "a level moved to where it was"
                side[moved.price] = moved.size
        for condition, sides in self.views().items():
            was = before.get(condition, ({}, {}))
            assert tuple({price: size for price, size in side.items() if size} for side in was) == sides

    def views(self) -> Views:
        return {condition: _pairs(self.engine.levels(condition)) for condition in self.open}

    def check(self) -> None:
        """Compare the whole state with the reference's and the books, and hold what must always hold."""
        engine, reference, books = self.engine, self.reference, self.books
        names = engine.accounts()
        locked = 0
        for condition, (bids, asks) in self.views().items():
            yes, no = reference.markets[condition].tokens
            winner = reference.winners.get(condition)
            for token in (yes, no) if winner is None else (winner,):
                assert sum(engine.shares(name, token) for name in names) == engine.pairs(condition)
            locked += engine.pairs(condition)
            assert not (bids and asks) or max(bids) < min(asks), "a crossed book rests"
            assert reference.bids_asks(yes) == (bids, asks)
            assert reference.bids_asks(no) == (_mirrored(asks), _mirrored(bids))
            assert engine.best(condition) == (max(bids, default=0), min(asks, default=PRICE_ONE))
        assert sum(map(engine.collateral, names)) + locked == self.outside, "collateral was made or lost"
        for name in names:
            assert engine.collateral(name) == reference.money.get(name, 0) == books.money.get(name, 0) >= 0
            for terms in reference.markets.values():
                assert reference.claimed(name, terms) <= engine.collateral(name)
                for token in terms.tokens:
                    held, position = engine.shares(name, token), books.positions.get((name, token))
                    assert held == reference.shares.get((name, token), 0) >= 0
                    assert held == (position.size if position else 0)
                    assert reference.claimed_shares(name, token) <= held
            waits = [(it.order.id, it.left, it.had) for it in reference.open if it.order.account == name]
            assert [(it.order.id, it.left, it.filled) for it in engine.open_orders(name)] == waits


def hold(terms: tuple[MarketTerms, ...], flow: list[Step]) -> None:
    """Do a flow, and hold after every step all that `Pair.check` holds; at the end that books and log tell the same."""
    pair = Pair(*terms)
    for step in flow:
        pair.step(step)
    assert pair.books.folds(), "the books do not fold from their flows"
    again = Engine()
    for line in pair.log:
        apply(again, decode(line))
    assert again.digest() == pair.engine.digest(), "the log, through JSON, replays to another state"


def _code(answer: Result) -> str:
    refusal = answer.refusal if isinstance(answer, Outcome) else answer
    return refusal.code if isinstance(refusal, Refusal) else ""


def _told(answer: Result) -> dict[ConditionId, Outcome]:
    if isinstance(answer, Outcome):
        return {answer.condition: answer, **answer.elsewhere}
    return answer if isinstance(answer, dict) else {}


def _pairs(sides: tuple[Levels, Levels]) -> tuple[dict[int, int], dict[int, int]]:
    bids, asks = sides
    return {level.price: level.size for level in bids}, {level.price: level.size for level in asks}


def _mirrored(side: dict[int, int]) -> dict[int, int]:
    return {PRICE_ONE - price: size for price, size in side.items()}

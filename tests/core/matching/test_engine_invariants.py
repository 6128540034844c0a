"""Whatever accounts ask, in whatever order: nothing is made or lost, and a naive matcher comes to the same."""

from typing import Final

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from core.matching.reference import Answer, Reference
from core.matching.setting import ELSE, ELSE_NO, MARKET, NO, NOW_MS, OTHER, USDC, YES
from polywire.core.matching.commands import (
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
    SetTick,
    Split,
    apply,
    decode,
    encode,
)
from polywire.core.matching.engine import Engine
from polywire.core.matching.orders import MarketTerms, Order, OrderKind, Outcome
from polywire.model.levels import Levels
from polywire.model.units import PRICE_ONE, SIZE_ONE, ConditionId

NAMES: Final = ("ada", "bob", "cy", "di")
TERMS: Final = (
    MarketTerms(MARKET, (YES, NO), tick=1_000, min_size=5 * SIZE_ONE, fee_rate=700, fee_exponent=1),
    MarketTerms(OTHER, (ELSE, ELSE_NO), tick=500, min_size=0, fee_rate=350, fee_exponent=2),
)
SPENT: Final = 60 * USDC  # what each account begins with; so claims and balances meet all the time

accounts = st.sampled_from(NAMES)
conditions = st.sampled_from((MARKET, OTHER))
tokens = st.sampled_from((YES, NO, ELSE, ELSE_NO))
dice = st.integers(0, 99)
whole = st.integers(5, 30).map(lambda shares: shares * SIZE_ONE)


def sizes(roll: int) -> st.SearchStrategy[int]:
    """Return whole shares mostly, some that no price divides, some that are hardly anything."""
    return whole if roll < 75 else st.integers(5 * SIZE_ONE, 30 * SIZE_ONE) if roll < 95 else st.integers(0, 7)


def prices(roll: int) -> st.SearchStrategy[int]:
    """Return prices around the middle mostly, on the grid, so that orders meet."""
    dimes = st.integers(3, 7) if roll < 85 else st.integers(0, 10)
    return dimes.map(lambda dime: dime * 1_000) if roll < 95 else st.integers(1, PRICE_ONE - 1)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """Return an order that is well formed mostly. Its id is given where it is placed."""
    roll = draw(dice)
    kinds = (OrderKind.GTC,) * 5 + (OrderKind.GTD,) * 2 + (OrderKind.FOK, OrderKind.FAK, OrderKind.FAK)
    kind, buys = draw(st.sampled_from(kinds)), draw(st.booleans())
    takes = kind in {OrderKind.FOK, OrderKind.FAK}
    target = draw(sizes(draw(dice))) if takes and buys and draw(st.booleans()) else 0
    return Order(
        "" if roll > 1 else "again",
        draw(accounts),
        draw(tokens),
        "BUY" if buys else "SELL",
        draw(prices(draw(dice))),
        0 if target and roll != 51 else draw(sizes(draw(dice))),
        kind,
        draw(dice) < (2 if takes else 8),
        NOW_MS // 1_000 + draw(st.integers(200, 500)) if kind is OrderKind.GTD or roll == 50 else 0,
        target,
    )


@st.composite
def commands(draw: st.DrawFn, trading: int) -> Command:
    """Return a command; `trading` of 100 are orders, a good part of the rest cancels."""
    roll = draw(dice)
    now_ms = NOW_MS + draw(st.integers(0, 200)) * 1_000
    if roll < trading:
        return Place(draw(orders()), now_ms)
    if roll < trading + 6:
        return Cancel(str(draw(dice)))  # the n-th of those that rest; see Pair.named
    account, condition, shares = draw(accounts), draw(conditions), draw(sizes(draw(dice)))
    others: tuple[Command, ...] = (
        CancelAll(account, draw(st.none() | conditions), draw(st.none() | tokens)),
        Split(account, condition, shares),
        Merge(account, condition, shares),
        Expire(now_ms),
        SetTick(condition, draw(st.sampled_from((1_000, 500, 100)))),
        Redeem(account, condition),
    )
    return draw(st.sampled_from(others))


resolves = tokens.map(lambda token: Resolve(MARKET if token in {YES, NO} else OTHER, token))
flows: st.SearchStrategy[list[Command]] = st.builds(
    lambda trading, after, end: [*trading, *after, *end],
    st.lists(commands(80), min_size=20, max_size=80),
    st.lists(resolves, max_size=3),
    st.lists(commands(40), max_size=10),
)


def opening() -> list[Command]:
    """Return the commands that open both markets and give everybody something."""
    markets: list[Command] = [OpenMarket(terms) for terms in TERMS]
    for name in NAMES:
        markets += [Deposit(name, SPENT), Split(name, MARKET, 20 * SIZE_ONE), Split(name, OTHER, 10 * SIZE_ONE)]
    return markets


Views = dict[ConditionId, tuple[dict[int, int], dict[int, int]]]


class Pair:
    """An engine and the reference, asked the same, compared after every command."""

    def __init__(self) -> None:
        self.engine, self.reference = Engine(), Reference(*TERMS)
        self.deposited = 0
        self.log: list[bytes] = []
        for command in opening():
            self.ask(command)

    def ask(self, command: Command) -> None:
        command = self.named(command)
        before, digest = self.views(), self.engine.digest()
        answer = apply(self.engine, command)
        self.log.append(encode(command))
        expected = self.expect(command)
        if isinstance(command, Place):
            assert isinstance(answer, Outcome)
            assert expected is not None
            self.compare(answer, expected)
            if answer.refusal is not None:
                assert answer == Outcome("refused", refusal=answer.refusal, condition=answer.condition)
                assert self.engine.digest() == digest, "a refused order changed something"
        self.follow(before, answer)
        self.check()

    def named(self, command: Command) -> Command:
        """Return a command with the id of its order: a new one, or one of those that rest."""
        if isinstance(command, Place):
            order_id = command.order.id or f"o{len(self.log)}"
            return Place(msgspec.structs.replace(command.order, id=order_id), command.now_ms)
        if isinstance(command, Cancel) and self.reference.open:
            return Cancel(self.reference.open[int(command.order) % len(self.reference.open)].order.id)
        return command

    def expect(self, command: Command) -> Answer | None:
        reference = self.reference
        match command:
            case Place(order, now_ms):
                return reference.place(order, now_ms)
            case Deposit(account, collateral):
                reference.money[account] = reference.money.get(account, 0) + collateral
                self.deposited += collateral
            case Split(account, condition, shares):
                reference.pair(account, condition, shares)
            case Merge(account, condition, shares):
                reference.pair(account, condition, -shares)
            case Cancel(order):
                reference.cancel(order)
            case CancelAll(account, condition, token):
                reference.cancel(
                    *[
                        waits.order.id
                        for waits in reference.open
                        if waits.order.account == account
                        and (token is None or waits.order.token == token)
                        and (condition is None or reference.market(waits.order.token).condition == condition)
                    ]
                )
            case Expire(now_ms):
                reference.expire(now_ms)
            case SetTick(condition, tick):
                reference.markets[condition] = msgspec.structs.replace(reference.markets[condition], tick=tick)
            case Resolve(condition, winner):
                reference.resolve(condition, winner)
            case Redeem(account, condition):
                reference.redeem(account, condition)
            case OpenMarket():
                pass
        return None

    def compare(self, outcome: Outcome, expected: Answer) -> None:
        assert (outcome.refusal.code if outcome.refusal else "") == expected.code
        for trade in outcome.trades:
            assert [(leg.order, leg.size) for leg in trade.legs] == [fill[:2] for fill in expected.fills]
            assert trade.fee == expected.fee
            assert trade.size == sum(shares for _, shares, _ in expected.fills)
        assert bool(outcome.trades) == bool(expected.fills)
        everywhere = [outcome, *outcome.elsewhere.values()]
        ended = [(cancelled.order, cancelled.reason) for part in everywhere for cancelled in part.cancelled]
        assert sorted(ended) == sorted(expected.ended)

    def views(self) -> Views:
        return {terms.condition: pairs(self.engine.levels(terms.condition)) for terms in TERMS if self.is_open(terms)}

    def is_open(self, terms: MarketTerms) -> bool:
        return b"".join(self.log).find(encode(OpenMarket(terms))) >= 0

    def follow(self, before: Views, answer: object) -> None:
        """Apply every level change that was told to the books before: that must give the books now."""
        told: dict[ConditionId, Outcome] = {}
        if isinstance(answer, Outcome):
            told = {answer.condition: answer, **answer.elsewhere}
        elif isinstance(answer, dict):
            told = answer
        for condition, outcome in told.items():
            for moved in outcome.levels:
                side = before[condition][moved.side == "ask"]
                assert side.get(moved.price, 0) != moved.size, "a level moved to where it was"
                side[moved.price] = moved.size
        for condition, sides in self.views().items():
            was = before.get(condition, ({}, {}))
            assert tuple({price: size for price, size in side.items() if size} for side in was) == sides

    def check(self) -> None:
        """Compare the whole state with the reference's, and hold what must always hold."""
        engine, reference = self.engine, self.reference
        names = engine.accounts()
        locked = 0
        for terms in TERMS:
            if not self.is_open(terms):
                continue
            condition, (yes, no) = terms.condition, terms.tokens
            supply = {token: sum(engine.shares(name, token) for name in names) for token in (yes, no)}
            winner = reference.winners.get(condition)
            for token in (yes, no) if winner is None else (winner,):
                assert supply[token] == engine.pairs(condition)
            locked += engine.pairs(condition)
            bids, asks = pairs(engine.levels(condition))
            assert not (bids and asks) or max(bids) < min(asks), "a crossed book rests"
            assert reference.bids_asks(yes) == (bids, asks)
            assert reference.bids_asks(no) == (mirrored(asks), mirrored(bids))
            assert engine.best(condition) == (max(bids, default=0), min(asks, default=PRICE_ONE))
        assert sum(map(engine.collateral, names)) + locked == self.deposited, "collateral was made or lost"
        for name in names:
            assert engine.collateral(name) == reference.money.get(name, 0) >= 0
            for token in (YES, NO, ELSE, ELSE_NO):
                held = engine.shares(name, token)
                assert held == reference.shares.get((name, token), 0) >= 0
                assert reference.claimed_shares(name, token) <= held
            assert all(reference.claimed(name, terms) <= engine.collateral(name) for terms in TERMS)
            waits = [(it.order.id, it.left) for it in reference.open if it.order.account == name]
            assert [(order.order.id, order.left) for order in engine.open_orders(name)] == waits


def pairs(sides: tuple[Levels, Levels]) -> tuple[dict[int, int], dict[int, int]]:
    bids, asks = sides
    return {level.price: level.size for level in bids}, {level.price: level.size for level in asks}


def mirrored(side: dict[int, int]) -> dict[int, int]:
    return {PRICE_ONE - price: size for price, size in side.items()}


@settings(max_examples=100)
@given(flows)
def test_nothing_is_made_or_lost_and_a_naive_matcher_agrees_after_every_command(flow: list[Command]) -> None:
    """Collateral and shares to the last unit, no negative balance, no crossed book, both outcomes one another's
    mirror, every level change told, price before time, and a refused order without a trace.
    """
    pair = Pair()
    for command in flow:
        pair.ask(command)
    again = Engine()
    for line in pair.log:
        apply(again, decode(line))
    assert again.digest() == pair.engine.digest(), "the log, through JSON, replays to another state"

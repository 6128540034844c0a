"""Whatever accounts may ask of an engine, drawn by hypothesis: small markets, prices and balances that collide."""

from dataclasses import dataclass
from typing import Final

from hypothesis import strategies as st

from core.matching.setting import ELSE, ELSE_NO, MARKET, NO, NOW_MS, OTHER, USDC, YES
from polywire.core.matching.accounts import FEES
from polywire.core.matching.commands import (
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
    Withdraw,
)
from polywire.core.matching.orders import MarketTerms, Order, OrderKind
from polywire.model.units import PRICE_ONE, SIZE_ONE

NAMES: Final = ("ada", "bob", "cy", "di")
HOUSE: Final = "house"
SPENT: Final = 60 * USDC  # what each account begins with; so claims and balances meet all the time


@dataclass(frozen=True)
class Cancelling:
    """Cancel one of the orders that rest: the `pick`-th, counted around."""

    pick: int


@dataclass(frozen=True)
class Failing:
    """A settlement fails: of the trades so far the `pick`-th, counted around; whole, or one leg of it."""

    pick: int
    leg: int | None


@dataclass(frozen=True)
class Restart:
    """The engine is gone; another is made of what a store kept, without the accounts `lost`."""

    lost: frozenset[str]


Step = Command | Cancelling | Failing | Restart

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
def steps(draw: st.DrawFn, trading: int) -> Step:
    """Return a step; `trading` of 100 are orders, the rest are cancels, failures and whatever else there is."""
    roll = draw(dice)
    now_ms = NOW_MS + draw(st.integers(0, 200)) * 1_000
    if roll < trading:
        return Place(draw(orders()), now_ms)
    if roll < trading + 5:
        return Cancelling(draw(dice))
    if roll < trading + 9:
        return Failing(draw(dice), draw(st.none() | st.integers(0, 9)))
    account, condition, shares = draw(accounts), draw(conditions), draw(sizes(draw(dice)))
    others: tuple[Step, ...] = (
        CancelAll(account, draw(st.none() | conditions), draw(st.none() | tokens)),
        Split(account, condition, shares),
        Merge(account, condition, shares),
        Deposit(account, shares + 1),
        Withdraw(account, shares + 1),
        Expire(now_ms),
        SetTick(condition, draw(st.sampled_from((1_000, 500, 100)))),
        Redeem(account, condition),
        Restart(draw(st.frozensets(st.sampled_from((*NAMES, FEES, HOUSE)), max_size=2))),
    )
    return draw(st.sampled_from(others))


resolves = tokens.map(lambda token: Resolve(MARKET if token in {YES, NO} else OTHER, token))
flows: st.SearchStrategy[list[Step]] = st.builds(
    lambda trading, after, end: [*trading, *after, *end],
    st.lists(steps(75), min_size=20, max_size=80),
    st.lists(resolves, max_size=3),
    st.lists(steps(35), max_size=10),
)


@st.composite
def markets(draw: st.DrawFn) -> tuple[MarketTerms, MarketTerms]:
    """Return the rules of two markets, mostly with fees."""
    pairs = ((MARKET, (YES, NO)), (OTHER, (ELSE, ELSE_NO)))
    first, second = (
        MarketTerms(
            condition,
            outcomes,
            tick=draw(st.sampled_from((1_000, 500, 100))),
            min_size=draw(st.sampled_from((0, 5 * SIZE_ONE))),
            fee_rate=draw(st.sampled_from((0, 350, 700, PRICE_ONE))),
            fee_exponent=draw(st.integers(0, 2)),
        )
        for condition, outcomes in pairs
    )
    return first, second


def opening(*terms: MarketTerms) -> list[Command]:
    """Return the commands that open the markets and give everybody something."""
    first: list[Command] = [OpenMarket(each) for each in terms]
    for name in NAMES:
        first.append(Deposit(name, SPENT))
        first += [Split(name, each.condition, shares * SIZE_ONE) for each, shares in zip(terms, (20, 10), strict=True)]
    return first

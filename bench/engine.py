"""How many orders a second the matching engine takes on one core, and what each kind of them costs.

    python bench/engine.py [--orders N] [--rounds N]

One market, both outcomes, several hundred levels, forty accounts: about 45 of 100 commands are orders that rest, 35
cancel one of them, 20 take. The flow is made beforehand by a seed; then fresh engines are handed the same commands,
one call each of `place` or `cancel`. CPU time of this process, medians over rounds.
"""

import argparse
import gc
import random
import statistics
import time
from collections.abc import Sequence
from typing import Final

from polywire.core.matching.engine import Engine
from polywire.core.matching.orders import MarketTerms, Order, OrderKind
from polywire.model.units import PRICE_ONE, SIZE_ONE, ConditionId, TokenId, TradeSide

PROMISE: Final = 50_000
MARKET: Final = ConditionId("0x" + "5e" * 32)
TOKENS: Final = TokenId("7" * 77), TokenId("8" * 77)
ACCOUNTS: Final = [f"0x{number:040x}" for number in range(40)]
TICK: Final = 10
NOW_MS: Final = 1_790_000_000_000
TAKERS: Final = (OrderKind.FAK, OrderKind.FOK, OrderKind.GTC)
SIDES: Final[tuple[TradeSide, TradeSide]] = ("BUY", "SELL")

Command = Order | str
"""An order to place, or the id of one to cancel."""


def opened(waiting: Sequence[Order] = ()) -> Engine:
    """Return an engine with one market, whose accounts can pay for whatever comes, and orders that wait in it."""
    engine = Engine()
    engine.open_market(MarketTerms(MARKET, TOKENS, TICK, 5 * SIZE_ONE, 700, 1))
    for account in ACCOUNTS:
        engine.deposit(account, 10**13)
        engine.split(account, MARKET, 5 * 10**12)
    for order in waiting:
        engine.place(order, NOW_MS)
    return engine


class Flow:
    """A seeded flow of commands around a price that wanders, made against an engine of its own."""

    def __init__(self, seed: int) -> None:
        self.engine, self.rng, self.middle, self.made = opened(), random.Random(seed), 5_000, 0
        self.waiting = [self.resting() for _ in range(2_000)]
        self.open = [order.id for order in self.waiting if self.engine.place(order, NOW_MS).resting]

    def resting(self) -> Order:
        """Return an order that waits, up to 250 ticks from the middle, most of them near."""
        rng = self.rng
        away = min(250, 1 + int(rng.expovariate(1 / 80))) * TICK
        return self.order(self.middle, -away, rng.randrange(5, 200), OrderKind.GTC)

    def taking(self) -> Order:
        """Return an order that reaches some ticks over the middle, worth at least one USDC."""
        return self.order(self.middle, 30 * TICK, self.rng.randrange(5, 60), self.rng.choice(TAKERS))

    def order(self, middle: int, reach: int, shares: int, kind: OrderKind) -> Order:
        """Return an order on a random side of a random outcome; `reach` is how far over the middle it goes."""
        rng = self.rng
        second, side = rng.random() < 0.5, rng.choice(SIDES)
        price = PRICE_ONE - middle if second else middle
        price += reach if side == "BUY" else -reach
        self.made += 1
        return Order(f"0x{self.made:064x}", rng.choice(ACCOUNTS), TOKENS[second], side, price, shares * SIZE_ONE, kind)

    def any_open(self) -> str | None:
        """Return the id of a random order that still waits, or None."""
        while self.open:
            at = self.rng.randrange(len(self.open))
            self.open[at], self.open[-1] = self.open[-1], self.open[at]
            order_id = self.open.pop()
            if self.engine.order(order_id) is not None:
                return order_id
        return None

    def command(self) -> Command:
        """Return the next command, after it was carried out."""
        rng = self.rng
        self.middle = min(7_000, max(3_000, self.middle + rng.choice((-TICK, 0, TICK))))
        drawn = rng.random()
        if drawn < 0.35 and (order_id := self.any_open()) is not None:
            self.engine.cancel(order_id)
            return order_id
        order = self.resting() if drawn < 0.80 else self.taking()
        if self.engine.place(order, NOW_MS).resting:
            self.open.append(order.id)
        return order


def label(engine: Engine, command: Command) -> str:
    """Carry out a command and return what kind it turned out to be."""
    if isinstance(command, str):
        return "cancel" if engine.cancel(command).refusal is None else "refused (order)"
    outcome = engine.place(command, NOW_MS)
    if outcome.refusal is not None:
        return f"refused ({outcome.refusal.code})"
    return "rest" if not outcome.trades else "take"


def run(waiting: Sequence[Order], commands: list[Command]) -> float:
    """Return the CPU seconds a fresh engine takes for all commands."""
    engine = opened(waiting)
    place, cancel = engine.place, engine.cancel
    gc.collect()
    begun = time.process_time()
    for command in commands:
        if type(command) is str:
            cancel(command)
        else:
            place(command, NOW_MS)  # type: ignore[arg-type]  # an order: told apart by exact type, which is cheaper
    return time.process_time() - begun


def run_timed(
    waiting: Sequence[Order], commands: list[Command], labels: list[str], spent: dict[str, list[int]]
) -> None:
    """Add the nanoseconds of each command, less the clock's own, to those of its kind."""
    engine, now = opened(waiting), time.perf_counter_ns
    own = min(-(now() - now()) for _ in range(1_000))
    gc.collect()
    for command, kind in zip(commands, labels, strict=True):
        begun = now()
        if type(command) is str:
            engine.cancel(command)
        else:
            engine.place(command, NOW_MS)  # type: ignore[arg-type]  # as in run()
        spent[kind].append(now() - begun - own)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--orders", type=int, default=60_000)
    options.add_argument("--rounds", type=int, default=7)
    asked = options.parse_args()
    flow = Flow(seed=7)
    commands = [flow.command() for _ in range(asked.orders)]
    engine = opened(flow.waiting)
    labels = [label(engine, command) for command in commands]
    levels = sum(map(len, engine.levels(MARKET)))
    seconds = [run(flow.waiting, commands) for _ in range(asked.rounds)]
    rates = sorted(len(commands) / second for second in seconds)
    rate = statistics.median(rates)
    print(f"{len(commands):,} commands, {levels} levels at the end, {asked.rounds} rounds")
    print(f"{rate:,.0f} orders/s ({rates[0]:,.0f} to {rates[-1]:,.0f}), {1e6 / rate:.2f} us each")
    print(f"promise: {PROMISE:,} orders/s on one core: {'held' if rate >= PROMISE else 'MISSED'}")
    spent: dict[str, list[int]] = {kind: [] for kind in sorted(set(labels), key=labels.count, reverse=True)}
    for _ in range(3):
        run_timed(flow.waiting, commands, labels, spent)
    for kind, took in spent.items():
        share = labels.count(kind) / len(labels)
        print(f"  {kind:<20} {share:6.1%}   median {statistics.median(took) / 1e3:6.2f} us")


if __name__ == "__main__":
    main()

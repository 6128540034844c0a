"""A digest tells any two states apart that could ever answer differently."""

from collections.abc import Callable

import pytest

from core.matching.setting import MARKET, NO, NOW_MS, OTHER, TERMS, USDC, YES, Desk, desk
from polywire.core.matching.accounts import Account
from polywire.core.matching.engine import Engine
from polywire.core.matching.orders import Order
from polywire.core.matching.pool import Pool, Resting
from polywire.core.matching.state import digest


def test_an_account_that_holds_nothing_is_as_good_as_none() -> None:
    ada = Account("ada")
    ada.collateral = 5
    assert digest([], [ada, Account("bob")], [], ()) == digest([], [ada], [], ()) != digest([], [], [], ())


def test_ids_that_are_refused_and_counters_matter() -> None:
    digests = {digest([], [], ended, counters) for ended in ([], ["a"]) for counters in ((1, 2), (2, 2))}
    assert len(digests) == 4


def test_what_a_resting_order_has_had_matters_since_its_next_fill_is_rounded_by_it() -> None:
    digests = set()
    for filled in (0, 1):
        pool, ada = Pool(TERMS), Account("ada")
        resting = Resting(Order("o1", "ada", YES, "BUY", 4_000, 9), ada, pool, pool.bids, 4_000, 7, 1, 1)
        resting.filled = filled
        pool.bids.add(resting)
        digests.add(digest([pool], [], [], ()))
    assert len(digests) == 2


CHANGES: dict[str, Callable[[Desk], object]] = {
    "collateral": lambda at: at.engine.deposit("ada", 1),
    "a pair": lambda at: at.engine.split("ada", MARKET, 1),
    "an order": lambda at: at.buy("ada", YES, 40, 10),
    "an order of the other outcome": lambda at: at.sell("ada", NO, 60, 10),
    "an order placed later": lambda at: Desk(at.engine, NOW_MS + 1).buy("ada", YES, 40, 10),
    "an order that has ended": lambda at: (at.buy("ada", YES, 40, 10), at.engine.cancel("o1")),
    "a tick": lambda at: at.engine.set_tick(MARKET, 10),
    "a winner": lambda at: at.engine.resolve(MARKET, YES),
    "the other winner": lambda at: at.engine.resolve(MARKET, NO),
    "the other market's winner": lambda at: at.engine.resolve(OTHER, at.engine.terms(OTHER).tokens[0]),
    "a trade": lambda at: (at.buy("ada", YES, 40, 10), at.sell("bob", YES, 40, 5)),
}


def test_every_change_makes_another_digest_and_no_two_the_same() -> None:
    seen = {desk().engine.digest()}
    for change in CHANGES.values():
        at = desk()
        change(at)
        seen.add(at.engine.digest())
    assert len(seen) == len(CHANGES) + 1


@pytest.mark.parametrize("name", CHANGES)
def test_the_same_commands_make_the_same_digest(name: str) -> None:
    one, other = desk(), desk()
    CHANGES[name](one)
    CHANGES[name](other)
    assert one.engine.digest() == other.engine.digest()


def test_who_came_first_in_a_queue_matters() -> None:
    digests = set()
    for names in (("ada", "bob"), ("bob", "ada")):
        at = desk()
        for name in names:
            at.buy(name, YES, 40, 10)
        digests.add(at.engine.digest())
    assert len(digests) == 2


def test_the_order_in_which_accounts_came_does_not() -> None:
    digests = set()
    for names in (("ada", "bob"), ("bob", "ada")):
        engine = Engine()
        for name in names:
            engine.deposit(name, USDC)
        digests.add(engine.digest())
    assert len(digests) == 1


def test_a_digest_is_a_sha_256_in_hex() -> None:
    assert len(bytes.fromhex(desk().engine.digest())) == 32

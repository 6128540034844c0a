"""A failed settlement gives everybody back what they gave, to the unit, or says who cannot."""

from typing import Any, Final

import msgspec
import pytest

from core.matching.setting import ELSE, NO, TERMS, YES
from polywire.core.matching.accounts import FEES, Account
from polywire.core.matching.orders import Leg, Match
from polywire.core.matching.pool import Pool
from polywire.core.matching.reversal import Reversal
from polywire.errors import Misuse

SOLD: Final = Leg("m1", "bob", YES, "SELL", 4_000, 10, 4, Match.COMPLEMENTARY)
MINTED: Final = Leg("m2", "cy", NO, "BUY", 6_000, 20, 12, Match.MINT)
BOUGHT: Final = Leg("m3", "bob", YES, "BUY", 4_000, 10, 4, Match.COMPLEMENTARY)
MERGED: Final = Leg("m4", "cy", NO, "SELL", 6_000, 20, 12, Match.MERGE)


def of_a_buy(*legs: Leg, fee: int = 2) -> Reversal:
    return Reversal(TERMS, "ada", YES, "BUY", 30, 12, fee, legs or (SOLD, MINTED))


def test_a_buy_is_paid_back_with_its_fee_and_its_shares_go_to_who_sold_them_or_out_of_the_world() -> None:
    back = of_a_buy()
    assert back.collateral == {"ada": 14, FEES: -2, "bob": -4, "cy": 12}
    assert back.shares == {("ada", YES): -30, ("bob", YES): 10, ("cy", NO): -20}
    assert back.pairs == -20


def test_a_sell_gets_its_shares_back_and_the_pairs_that_were_merged_are_there_again() -> None:
    back = Reversal(TERMS, "ada", YES, "SELL", 30, 12, 3, (BOUGHT, MERGED))
    assert back.collateral == {"ada": -9, FEES: -3, "bob": 4, "cy": -12}
    assert back.shares == {("ada", YES): 30, ("bob", YES): -10, ("cy", NO): 20}
    assert back.pairs == 20


def test_what_an_account_gave_and_got_in_several_legs_is_moved_at_once() -> None:
    """Else one that has just enough in the end would be found wanting on the way."""
    mine = msgspec.structs.replace(MINTED, account="bob")
    back = of_a_buy(SOLD, mine, fee=0)
    assert back.collateral == {"ada": 12, "bob": 8}
    accounts = {"ada": Account("ada"), "bob": Account("bob")}
    accounts["ada"].give(YES, 30)
    accounts["bob"].give(NO, 20)
    assert back.refusal(accounts) is None


def test_carrying_it_out_moves_all_of_it_and_says_who_is_poorer() -> None:
    pool, accounts = Pool(TERMS), {name: Account(name) for name in ("ada", "bob", "cy", FEES)}
    pool.pairs = 20
    accounts["ada"].give(YES, 30)
    accounts["cy"].give(NO, 20)
    accounts["bob"].collateral, accounts[FEES].collateral = 4, 5
    poorer, sellers = of_a_buy().carry_out(pool, accounts.__getitem__)
    assert {name: (account.collateral, account.shares) for name, account in accounts.items()} == {
        "ada": (14, {}),
        "bob": (0, {YES: 10}),
        "cy": (12, {}),
        FEES: (3, {}),
    }
    assert pool.pairs == 0
    assert [account.name for account in poorer] == [FEES, "bob"]
    assert [(account.name, token) for account, token in sellers] == [("ada", YES), ("cy", NO)]


@pytest.mark.parametrize(
    ("lacking", "reason"),
    [
        ("ada", f"account ada would give back 0.00003 shares of {YES} and holds 0"),
        ("bob", "account bob would give back 0.000004 USDC and holds 0.000003"),
        ("cy", f"account cy would give back 0.00002 shares of {NO} and holds 0.000019"),
        (FEES, "account fees would give back 0.000002 USDC and holds 0"),
    ],
)
def test_who_no_longer_holds_what_it_would_give_back_is_named_with_the_numbers(lacking: str, reason: str) -> None:
    accounts = {name: Account(name) for name in ("ada", "bob", "cy", FEES)}
    accounts["ada"].give(YES, 30)
    accounts["cy"].give(NO, 19 if lacking == "cy" else 20)
    accounts["bob"].collateral, accounts[FEES].collateral = 3 if lacking == "bob" else 4, 2
    if lacking in {"ada", FEES}:
        del accounts[lacking]
    refusal = of_a_buy().refusal(accounts)
    assert refusal is not None
    assert (refusal.code, refusal.reason) == ("balance", reason)


@pytest.mark.parametrize(
    "wrong",
    [
        {"cost": 13},
        {"size": 29},
        {"fee": -1},
        {"token": ELSE},
        {"token": NO},  # then both legs would be of the wrong side
        {"side": "SELL"},
        {"size": 0, "cost": 0, "legs": ()},
        {"legs": (msgspec.structs.replace(SOLD, token=ELSE), MINTED)},
        {"legs": (msgspec.structs.replace(SOLD, amount=11), MINTED), "cost": 19},
        {"legs": (msgspec.structs.replace(SOLD, amount=-1), MINTED), "cost": 7},
        {"legs": (SOLD, MINTED, msgspec.structs.replace(SOLD, size=0, amount=0))},
    ],
)
def test_figures_that_do_not_belong_together_are_a_mistake_of_the_caller(wrong: dict[str, Any]) -> None:
    """Moved as they stand, they would make collateral or shares, or lose some."""
    figures: dict[str, Any] = {"token": YES, "side": "BUY", "size": 30, "cost": 12, "fee": 2, "legs": (SOLD, MINTED)}
    with pytest.raises(Misuse, match="reverse a trade with the figures it was told with"):
        Reversal(TERMS, "ada", **{**figures, **wrong})

"""What an account holds, and what its open orders leave of it."""

from core.matching.setting import MARKET, NO, OTHER, YES
from polywire.core.matching.accounts import Account


def test_a_new_account_holds_and_promises_nothing() -> None:
    account = Account("ada")
    assert (account.name, account.collateral, account.shares, account.orders) == ("ada", 0, {}, {})
    assert (account.unpromised(), account.unpromised_shares(YES), account.uncovered()) == (0, 0, [])


def test_shares_that_are_all_gone_leave_no_entry() -> None:
    account = Account("ada")
    account.give(YES, 5)
    account.give(NO, 2)
    account.give(YES, -5)
    assert account.shares == {NO: 2}


def test_the_same_collateral_may_be_promised_in_several_markets() -> None:
    """As at the venue (rest.md §10, the funds rule): so what is free is what the most demanding market leaves."""
    account = Account("ada")
    account.collateral = 10
    account.promise(MARKET, 10)
    account.promise(OTHER, 7)
    assert (account.unpromised(), account.uncovered()) == (0, [])
    account.promise(MARKET, -6)
    assert account.unpromised() == 3


def test_a_market_whose_claim_is_more_than_there_is_is_uncovered() -> None:
    account = Account("ada")
    account.collateral = 8
    account.promise(MARKET, 9)
    account.promise(OTHER, 8)
    assert account.uncovered() == [MARKET]


def test_promised_shares_are_not_free() -> None:
    account = Account("ada")
    account.give(YES, 5)
    account.promise_shares(YES, 3)
    assert (account.unpromised_shares(YES), account.unpromised_shares(NO)) == (2, 0)
    account.promise_shares(YES, -3)
    assert (account.unpromised_shares(YES), account.selling) == (5, {})

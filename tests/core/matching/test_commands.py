"""A log of commands, kept as JSON, is the engine's whole history."""

from typing import Final

import msgspec
import pytest

from core.matching.setting import MARKET, NO, NOW_MS, TERMS, USDC, YES
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
    Reverse,
    SetTick,
    Split,
    Withdraw,
    apply,
    decode,
    encode,
)
from polywire.core.matching.engine import Engine
from polywire.core.matching.orders import Leg, Match, Order, OrderKind, Outcome
from polywire.errors import Misuse
from polywire.model.units import SIZE_ONE

TEN: Final = 10 * SIZE_ONE
GTD_S: Final = NOW_MS // 1_000 + 300
EVERY: Final[tuple[Command, ...]] = (
    OpenMarket(TERMS),
    Deposit("ada", 100 * USDC),
    Split("ada", MARKET, 3 * TEN),
    Merge("ada", MARKET, TEN),
    SetTick(MARKET, 10),
    Place(Order("o1", "ada", YES, "BUY", 4_010, TEN), NOW_MS),
    Place(Order("o2", "ada", NO, "SELL", 7_000, TEN, OrderKind.GTD, post_only=True, expires_s=GTD_S), NOW_MS),
    Place(Order("o3", "ada", YES, "BUY", 9_000, 0, OrderKind.FAK, collateral=2 * USDC), NOW_MS),
    Cancel("o1"),
    Expire(NOW_MS + 240_000),
    Place(Order("o4", "ada", YES, "BUY", 4_010, TEN), NOW_MS),
    CancelAll("ada"),
    CancelAll("ada", MARKET, YES),
    RestoreHolder("bob", 50 * USDC, {YES: 2 * TEN}),
    BalancePairs(MARKET, "house"),
    RestoreOrder(Order("o5", "bob", YES, "SELL", 6_010, TEN), left=TEN // 2, filled=TEN // 4, placed_ms=NOW_MS),
    Place(Order("o6", "ada", YES, "BUY", 7_000, TEN // 2), NOW_MS),
    Reverse(
        MARKET,
        "ada",
        YES,
        "BUY",
        TEN // 2,
        3_005_000,
        0,
        (Leg("o5", "bob", YES, "SELL", 6_010, TEN // 2, 3_005_000, Match.COMPLEMENTARY),),
    ),
    Withdraw("bob", 50 * USDC),
    Resolve(MARKET, YES),
    Redeem("ada", MARKET),
)


def test_every_command_is_in_the_log_below() -> None:
    assert {type(command) for command in EVERY} == set(Command.__args__)


@pytest.mark.parametrize("command", EVERY, ids=lambda command: type(command).__name__)
def test_a_command_survives_json(command: Command) -> None:
    line = encode(command)
    assert decode(line) == command
    assert b"\n" not in line


def test_a_log_through_json_replays_to_the_same_state_and_the_same_answers() -> None:
    first, again = Engine(), Engine()
    for command in EVERY:
        assert apply(again, decode(encode(command))) == apply(first, command)
        assert again.digest() == first.digest()


def test_each_command_asks_the_method_of_its_name() -> None:
    engine = Engine()
    answers = [apply(engine, command) for command in EVERY]
    placed = [answer for answer in answers if isinstance(answer, Outcome)]
    assert [outcome.status for outcome in placed] == ["live", "live", "refused", "", "live", "matched", ""]
    assert answers[:5] == [None] * 5
    expired, cancelled, *nothing = (answer for answer in answers if isinstance(answer, dict))
    assert [expired[MARKET].cancelled[0].order, cancelled[MARKET].cancelled[0].order] == ["o2", "o4"]
    assert nothing == [{}, {}]
    assert (answers[-1], answers[14]) == (20 * USDC, 4 * TEN)
    assert [engine.collateral(name) for name in ("ada", "bob")] == [100 * USDC, 0]
    assert [engine.shares(name, token) // TEN for name in ("bob", "house") for token in (YES, NO)] == [2, 0, 0, 2]
    assert engine.terms(MARKET).tick == 10


def test_what_an_engine_refuses_as_misuse_is_raised() -> None:
    with pytest.raises(Misuse, match="no market with condition '0x1' is open"):
        apply(Engine(), SetTick(MARKET, 10))


@pytest.mark.parametrize("line", [b"", b"{}", b'{"type":"hack"}', b'{"type":"cancel"}', b'{"type":"cancel","order":7}'])
def test_a_line_that_is_no_command_is_refused(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(line)

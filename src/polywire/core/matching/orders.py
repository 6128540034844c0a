"""Orders in, facts out: the nouns of the matching engine.

Prices are ints of 1e-4 USDC, sizes ints of 1e-6 shares, collateral ints of 1e-6 USDC.
"""

from enum import StrEnum
from typing import Final

import msgspec

from polywire.model.units import BookSide, ConditionId, TokenId, TradeSide

NOWHERE: Final = ConditionId("")
"""The market of an outcome that concerns none."""


class OrderKind(StrEnum):
    """How long an order waits."""

    GTC = "GTC"  # until cancelled
    GTD = "GTD"  # until a time
    FOK = "FOK"  # filled whole at once, or killed
    FAK = "FAK"  # filled as far as possible at once, the rest killed


class Match(StrEnum):
    """How two orders meet, by the contracts' names."""

    COMPLEMENTARY = "COMPLEMENTARY"  # one buys what the other sells
    MINT = "MINT"  # both buy, one each outcome: their collateral makes a pair
    MERGE = "MERGE"  # both sell, one each outcome: a pair turns into collateral


class Order(msgspec.Struct, frozen=True, gc=False):
    """What an account asks for."""

    id: str
    account: str
    token: TokenId
    side: TradeSide
    price: int  # the worst price it accepts
    size: int  # shares; 0 where `collateral` is the target
    kind: OrderKind = OrderKind.GTC
    post_only: bool = False  # refuse it rather than let it take
    expires_s: int = 0  # GTD: Unix seconds; 0: never
    collateral: int = 0  # what a FOK or FAK BUY spends: then shares follow from the prices it meets


class MarketTerms(msgspec.Struct, frozen=True):
    """The rules of one market."""

    condition: ConditionId
    tokens: tuple[TokenId, TokenId]  # the first is the one whose book the engine keeps; the second mirrors it
    tick: int
    min_size: int  # shares an order to rest must ask for
    fee_rate: int = 0  # 1e-4: takers pay shares x rate x (p(1-p))^exponent
    fee_exponent: int = 1
    neg_risk: bool = False


class OpenOrder(msgspec.Struct, frozen=True):
    """An order that rests, as it stands."""

    order: Order
    condition: ConditionId
    left: int  # shares still wanted
    matched: int  # shares had so far, as a taker before it rested and as a maker since
    placed_ms: int  # venue time
    number: int  # of all orders taken, from 1: the lower, the earlier
    filled: int  # of those it had: since it rests

    @property
    def token(self) -> TokenId:
        """The outcome it names."""
        return self.order.token


class Leg(msgspec.Struct, frozen=True, gc=False):
    """A resting order's part in a trade, in its own terms: its token may be the other outcome's."""

    order: str
    account: str
    token: TokenId
    side: TradeSide
    price: int
    size: int
    amount: int  # collateral it gave (BUY) or got (SELL)
    match: Match


class Trade(msgspec.Struct, frozen=True):
    """One taker against resting orders: one settlement, one transaction."""

    number: int  # counts up from 1 over all markets
    condition: ConditionId
    order: str  # the taker's
    account: str
    token: TokenId  # the taker's
    side: TradeSide
    size: int
    cost: int  # collateral the taker gave (BUY) or got (SELL), before the fee
    fee: int  # collateral, paid by the taker
    legs: tuple[Leg, ...]  # in the order they were met


class LevelMoved(msgspec.Struct, frozen=True, gc=False):
    """A level of a pool, in terms of its first token, now holds `size`; 0: it is gone. In the order it happened."""

    side: BookSide
    price: int
    size: int


class Cancelled(msgspec.Struct, frozen=True, gc=False):
    """An order ended unfilled, or with the rest of it unfilled."""

    order: str
    account: str
    left: int  # shares
    reason: str  # "user", "expired", "self-trade", "killed", "balance", "resolved"


class Refusal(msgspec.Struct, frozen=True):
    """Why a command was not taken: nothing has changed.

    Codes: `token` no such outcome, `closed` it takes no orders, `duplicate` the id was used, `tick` a
    price off the grid or range, `size` too few or too many shares, `amount` shares and collateral do not go
    together, `expiration` past or out of place, `post-only` it would take, `marketable` a BUY for under 1 USDC
    that would take, `fok` not enough to fill it whole, `fak` nothing to fill it with, `balance` not covered,
    `order` no such order rests.
    """

    code: str
    reason: str  # one sentence with the numbers; the venue's own words where they are known


class Outcome(msgspec.Struct, frozen=True):
    """What one command did to one market, and to others where promised collateral went."""

    status: str = ""  # of a placed order: "live", "matched" (fully or in part), "refused"; "" for other commands
    trades: tuple[Trade, ...] = ()
    levels: tuple[LevelMoved, ...] = ()
    cancelled: tuple[Cancelled, ...] = ()
    refusal: Refusal | None = None
    condition: ConditionId = NOWHERE  # the market; "" where there is none
    resting: int = 0  # shares of a placed order that rest now
    elsewhere: dict[ConditionId, "Outcome"] = {}  # other markets, where orders lost their cover


def refused(code: str, reason: str, condition: ConditionId = NOWHERE) -> Outcome:
    """Return the outcome of an order that changed nothing."""
    return Outcome("refused", refusal=Refusal(code, reason), condition=condition)

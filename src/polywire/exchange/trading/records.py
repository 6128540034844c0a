"""What the exchange keeps of those who trade on it: keys, wallets, orders, trades and activity.

Amounts are ints: prices 1e-4 USDC, sizes 1e-6 shares, collateral 1e-6 USDC; times are Unix milliseconds of venue
time. Addresses are lower case where they name an account, checksummed where a client wrote them. What the crowds do
among themselves is not kept.
"""

import uuid
from enum import StrEnum
from typing import Final, Literal

import msgspec

from polywire.core.ledger import Position
from polywire.core.matching.orders import Match, OrderKind
from polywire.exchange.catalogue import VenueEvent, VenueMarket
from polywire.model.units import ConditionId, TokenId, TradeSide


class ApiKey(msgspec.Struct, frozen=True):
    """An API key, without what proves it: secret and passphrase follow from the store's own secret."""

    id: str  # a UUID: the `owner` of orders
    address: str  # of the wallet that signed for it (the EOA), lower case
    nonce: int
    made_ms: int
    generation: int = 0  # counts up when a nonce is used again after its key was deleted
    deleted_ms: int = 0  # 0: it is good


class Wallet(msgspec.Struct, frozen=True):
    """One funder as it stands: an account of the engine."""

    account: str  # its address, lower case
    collateral: int
    granted: int  # paid in from outside so far, less what was taken out


class OrderState(StrEnum):
    """How an order stands, by the venue's names."""

    LIVE = "LIVE"
    MATCHED = "MATCHED"  # filled whole, or as far as its kind allows
    CANCELED = "CANCELED"
    CANCELED_EXPIRED = "CANCELED_EXPIRED_ORDER"
    CANCELED_BALANCE = "CANCELED_NOT_ENOUGH_BALANCE"
    CANCELED_RESOLVED = "CANCELED_MARKET_RESOLVED"


class UserOrder(msgspec.Struct, kw_only=True):
    """An order that was taken, as it stands."""

    id: str  # the EIP-712 digest: `0x` and 64 hex digits
    number: int  # in the order they were taken, from 1, over restarts
    key: str  # the API key it came with
    address: str  # of the key, lower case
    account: str  # the funder, lower case
    maker: str  # the funder as the client wrote it
    condition: ConditionId
    token: TokenId
    outcome: str  # the token's name: "Yes"
    side: TradeSide
    price: int
    size: int  # as it was signed; of a BUY by collateral: the least it accepts at its price
    kind: OrderKind
    expires_s: int = 0
    post_only: bool = False
    placed_ms: int
    matched: int = 0  # shares it has had
    rested: int = 0  # shares it came to rest with
    state: OrderState = OrderState.LIVE
    trades: tuple[str, ...] = ()  # ids
    ended_ms: int = 0  # 0: it rests


class TradeState(StrEnum):
    """How far a trade is settled."""

    MATCHED = "MATCHED"
    MINED = "MINED"
    CONFIRMED = "CONFIRMED"  # final
    RETRYING = "RETRYING"
    FAILED = "FAILED"  # final: what it moved was moved back


class TradeLeg(msgspec.Struct, frozen=True):
    """A resting order's part in a trade, in its own terms."""

    order: str
    key: str  # of whoever owns it; of the crowds: made up from the account, the same every time
    account: str
    maker: str  # the account as its client wrote it
    token: TokenId
    outcome: str
    side: TradeSide
    price: int
    size: int
    amount: int  # collateral it gave (BUY) or got (SELL)
    match: Match
    basis: int = 0  # of a user's SELL: what the shares had cost it, as its ledger had it
    outcome_index: int = 0  # of its token among the market's


class UserTrade(msgspec.Struct, kw_only=True):
    """One taker against the resting orders of one price, as it stands. Somebody of ours is on one of its sides.

    An order that meets several prices makes several trades in one transaction.
    """

    id: str  # a UUID
    number: int  # in the order they happened, from 1, over restarts
    condition: ConditionId
    order: str  # the taker's
    key: str  # the taker's API key; see `TradeLeg.key`
    account: str  # the taker's
    maker: str  # the taker's account as its client wrote it
    token: TokenId  # the taker's
    outcome: str
    side: TradeSide  # the taker's
    price: int  # of the resting orders, in the taker's terms
    size: int
    cost: int  # collateral the taker gave (BUY) or got (SELL), before the fee
    fee: int  # collateral the taker paid
    legs: tuple[TradeLeg, ...]
    state: TradeState = TradeState.MATCHED
    hash: str  # of the transaction: `0x` and 64 hex digits
    matched_ms: int
    changed_ms: int  # of its state
    due_ms: int = 0  # when its state changes next; 0: it is final
    doomed: bool = False  # a fault has chosen it to fail
    basis: int = 0  # of a user's SELL: what the shares had cost the taker, as its ledger had it


class ActivityKind(StrEnum):
    """What an account did, by the Data API's names."""

    TRADE = "TRADE"
    SPLIT = "SPLIT"
    MERGE = "MERGE"
    REDEEM = "REDEEM"
    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an account's history, or one side of a trade."""

    number: int  # in the order they happened, from 1, over restarts
    account: str
    kind: ActivityKind
    at_ms: int
    condition: ConditionId = ConditionId("")  # "": it concerns no market
    token: TokenId = TokenId("")  # "": it concerns both of a market's tokens, or none
    side: Literal["BUY", "SELL", ""] = ""
    size: int = 0  # shares; of a split, merge or redemption: pairs, or shares redeemed
    amount: int = 0  # collateral given or got, before the fee
    fee: int = 0
    basis: int = 0  # what the shares sold had cost, as the account's ledger had it
    trade: str = ""  # the trade's id
    hash: str = ""
    taker: bool = False  # of a trade: this side took
    failed: bool = False  # the trade failed and was moved back: it is in no answer any more


class Holding(msgspec.Struct, frozen=True):
    """What an account holds, or held, of a token."""

    account: str
    condition: ConditionId
    token: TokenId
    position: Position
    first_ms: int = 0  # when shares of it came for the first time
    last_ms: int = 0  # when shares of it came or went last


class Beat(msgspec.Struct, frozen=True):
    """The last heartbeat of a key: it has a dead man's switch since its first."""

    key: str
    id: str  # what the next one must name
    at_ms: int


class PricePoint(msgspec.Struct, frozen=True):
    """What a market's first token was worth in a minute: the middle of its book at the minute's last change."""

    condition: ConditionId
    minute: int  # Unix minutes of venue time
    price: int  # 1e-6 USDC


Row = ApiKey | Wallet | UserOrder | UserTrade | Activity | Holding | Beat | PricePoint | VenueEvent | VenueMarket
"""Everything that is kept."""

_CROWD: Final = uuid.UUID("8d3a7f1e-6f0f-4f5c-9d52-2f6f3f1c7a10")


def crowd_key(account: str) -> str:
    """Return the API key that a crowd's account is shown with: made up, the same every time.

    >>> crowd_key("0xab") == crowd_key("0xab") != crowd_key("0xac")
    True
    """
    return str(uuid.uuid5(_CROWD, account))

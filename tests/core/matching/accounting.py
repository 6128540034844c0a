"""What every account would put in its own books: positions, and the money that came and went, beside an engine."""

from dataclasses import dataclass, field
from typing import assert_never

from polywire.core.ledger import Flow, FlowKind, Position, fold, halves
from polywire.core.matching.accounts import FEES
from polywire.core.matching.orders import Leg, MarketTerms, Trade
from polywire.model.units import TokenId, TradeSide

Key = tuple[str, TokenId]


@dataclass
class Part:
    """One leg of a trade, as both sides put it down."""

    leg: Leg
    amount: int  # the taker's
    fee: int  # the taker's
    basis: int  # of what the taker sold
    leg_basis: int  # of what the resting order sold


@dataclass
class Made:
    """A trade that may still fail, in parts; the fee is on the first."""

    trade: Trade
    parts: list[Part]


@dataclass
class Accounting:
    """Everybody's books."""

    positions: dict[Key, Position] = field(default_factory=dict)
    flows: dict[Key, list[Flow]] = field(default_factory=dict)
    money: dict[str, int] = field(default_factory=dict)  # as the flows have it
    paid_in: dict[str, int] = field(default_factory=dict)  # deposits less withdrawals, and fees got
    made: list[Made] = field(default_factory=list)

    def pay(self, account: str, collateral: int) -> None:
        self.paid_in[account] = self.paid_in.get(account, 0) + collateral
        self.money[account] = self.money.get(account, 0) + collateral

    def put(self, account: str, token: TokenId, flow: Flow) -> int:
        """Put down a flow; return the basis of what was sold."""
        key, basis = (account, token), 0
        position = self.positions.get(key, Position())
        match flow.kind:
            case FlowKind.BOUGHT:
                position = position.bought_at(flow.shares, flow.amount, flow.fee)
            case FlowKind.SOLD:
                position, basis = position.sold_for(flow.shares, flow.amount, flow.fee)
            case FlowKind.UNBOUGHT:
                position = position.unbought_at(flow.shares, flow.amount, flow.fee)
            case FlowKind.UNSOLD:
                position = position.unsold_for(flow.shares, flow.amount, flow.fee, flow.basis)
            case _:
                assert_never(flow.kind)
        self.positions[key] = position
        self.flows.setdefault(key, []).append(flow)
        self.money[account] = self.money.get(account, 0) + flow.cash
        return basis

    # ------------------------------------------------------------ what happens

    def paired(self, account: str, terms: MarketTerms, shares: int) -> None:
        """Put down a split, or a merge where `shares` is negative."""
        kind = FlowKind.BOUGHT if shares > 0 else FlowKind.SOLD
        for token, half in zip(terms.tokens, halves(abs(shares)), strict=True):
            self.put(account, token, Flow(kind, abs(shares), half))

    def redeemed(self, account: str, terms: MarketTerms, winner: TokenId) -> int:
        """Put down that what is held of a market was redeemed; return what that brought."""
        held = {token: self.positions[account, token].size for token in terms.tokens if (account, token) in self.flows}
        for token, shares in held.items():
            self.put(account, token, Flow(FlowKind.SOLD, shares, shares if token == winner else 0))
        return held.get(winner, 0)

    def traded(self, trade: Trade) -> None:
        parts: list[Part] = []
        for leg in trade.legs:
            amount = leg.amount if leg.token == trade.token else leg.size - leg.amount
            fee = 0 if parts else trade.fee
            basis = self.put(trade.account, trade.token, _flow(trade.side, leg.size, amount, fee))
            leg_basis = self.put(leg.account, leg.token, _flow(leg.side, leg.size, leg.amount, 0))
            parts.append(Part(leg, amount, fee, basis, leg_basis))
        self.pay(FEES, trade.fee)
        self.made.append(Made(trade, parts))

    def failed(self, made: Made, parts: list[Part]) -> None:
        trade = made.trade
        for part in parts:
            leg = part.leg
            self.put(trade.account, trade.token, _back(trade.side, leg.size, part.amount, part.fee, part.basis))
            self.put(leg.account, leg.token, _back(leg.side, leg.size, leg.amount, 0, part.leg_basis))
            self.pay(FEES, -part.fee)
            made.parts.remove(part)
        self.made = [each for each in self.made if each.parts]

    def given(self, account: str, token: TokenId, shares: int) -> None:
        """Put down shares that cost nothing: the house's, after a restart."""
        if shares:
            self.put(account, token, Flow(FlowKind.BOUGHT, shares, 0))

    def lost(self, account: str) -> None:
        """Forget an account, as a store does that never kept it."""
        self.paid_in.pop(account, None)
        self.money.pop(account, None)
        for key in [key for key in self.positions if key[0] == account]:
            del self.positions[key], self.flows[key]

    # ------------------------------------------------------------ what must hold

    def folds(self) -> bool:
        """Return whether positions and money are what their flows come to, from the beginning."""
        for account, money in self.money.items():
            flows = [flow for key, its in self.flows.items() if key[0] == account for flow in its]
            if money != self.paid_in.get(account, 0) + sum(flow.cash for flow in flows):
                return False
        return all(fold(self.flows[key]) == position for key, position in self.positions.items())


def _flow(side: TradeSide, shares: int, amount: int, fee: int) -> Flow:
    return Flow(FlowKind.BOUGHT if side == "BUY" else FlowKind.SOLD, shares, amount, fee)


def _back(side: TradeSide, shares: int, amount: int, fee: int, basis: int) -> Flow:
    return Flow(FlowKind.UNBOUGHT if side == "BUY" else FlowKind.UNSOLD, shares, amount, fee, basis)

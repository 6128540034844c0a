"""The wallets that users trade with: what each holds, what it paid for it, and the lines of its history.

What a wallet holds is the engine's to say. Here is what the engine does not know: who is a user, what they paid, and
what is kept of both.
"""

from collections.abc import Iterable, Iterator

from polywire.core.ledger import Position, halves
from polywire.core.matching.engine import Engine
from polywire.errors import Misuse
from polywire.exchange.catalogue import VenueMarket
from polywire.exchange.trading.records import Activity, ActivityKind, Holding, Row, Wallet
from polywire.model.units import ConditionId, TokenId


class Accounts:
    """Every user's wallet.

    Changes gather until `changed()` takes them to be kept.

    Args:
        engine: Where their money is.
        wallets: Known ones, whose money the engine has.
        holdings: What they hold and held.
        grant: Collateral a new wallet is given, 1e-6 USDC.
        last_activity: The number of the last line of history.
    """

    def __init__(
        self,
        engine: Engine,
        wallets: Iterable[Wallet] = (),
        holdings: Iterable[Holding] = (),
        *,
        grant: int = 0,
        last_activity: int = 0,
    ) -> None:
        self._engine, self.grant = engine, grant
        self._granted = {wallet.account: wallet.granted for wallet in wallets}
        self._holdings: dict[str, dict[TokenId, Holding]] = {}
        self._of_market: dict[ConditionId, dict[tuple[str, TokenId], Holding]] = {}
        self._activity = last_activity
        self._lines: list[Activity] = []
        self._touched: dict[str, None] = {}
        self._moved: dict[tuple[str, TokenId], Holding] = {}
        for holding in holdings:
            self._hold(holding)

    def __contains__(self, account: str) -> bool:
        return account in self._granted

    # ------------------------------------------------------------ reading

    def wallet(self, account: str, now_ms: int) -> Wallet:
        """Return a wallet as it stands. One that is seen for the first time is given its grant."""
        if account not in self._granted:
            self._granted[account] = 0
            self._touched[account] = None
            if self.grant:
                self.set_collateral(account, self.grant, now_ms)
        return self._as_it_stands(account)

    def wallets(self) -> list[Wallet]:
        """Return every wallet, in the order they came."""
        return [self._as_it_stands(account) for account in self._granted]

    def positions(self, account: str) -> dict[TokenId, Holding]:
        """Return what a wallet holds and held, by token; of size 0 where there is only history."""
        return dict(self._holdings.get(account, {}))

    def holders(self, condition: ConditionId) -> list[Holding]:
        """Return who holds shares of a market now."""
        return [holding for holding in self._of_market.get(condition, {}).values() if holding.position.size]

    # ------------------------------------------------------------ by hand

    def set_collateral(self, account: str, collateral: int, now_ms: int) -> None:
        """Pay in or take out what makes a wallet hold so much. Raises `Misuse` where open orders claim more."""
        difference = collateral - self._engine.collateral(account)
        if not difference:
            return
        kind = ActivityKind.DEPOSIT if difference > 0 else ActivityKind.WITHDRAWAL
        if difference > 0:
            self._engine.deposit(account, difference)
        elif (refusal := self._engine.withdraw(account, -difference)) is not None:
            raise Misuse(refusal.reason)
        self._granted[account] = self._granted.get(account, 0) + difference
        self._line(account, kind, now_ms, amount=abs(difference))

    def split(self, account: str, market: VenueMarket, shares: int, now_ms: int) -> None:
        """Turn collateral into pairs. Raises `Misuse` where that is not possible."""
        if (refusal := self._engine.split(account, market.condition, shares)) is not None:
            raise Misuse(refusal.reason)
        for token, cost in zip(market.tokens, halves(shares), strict=True):
            self._move(account, market, token, self._position(account, token).bought_at(shares, cost, 0), now_ms)
        self._line(account, ActivityKind.SPLIT, now_ms, market.condition, size=shares, amount=shares)

    def merge(self, account: str, market: VenueMarket, shares: int, now_ms: int) -> None:
        """Turn pairs into collateral. Raises `Misuse` where that is not possible."""
        if (refusal := self._engine.merge(account, market.condition, shares)) is not None:
            raise Misuse(refusal.reason)
        basis = 0
        for token, got in zip(market.tokens, halves(shares), strict=True):
            position, cost = self._position(account, token).sold_for(shares, got, 0)
            self._move(account, market, token, position, now_ms)
            basis += cost
        self._line(account, ActivityKind.MERGE, now_ms, market.condition, size=shares, amount=shares, basis=basis)

    def redeem(self, account: str, market: VenueMarket, now_ms: int, transaction: str) -> int:
        """Turn a wallet's shares of a resolved market into what they are worth; return that, 1e-6 USDC."""
        held = {token: shares for token in market.tokens if (shares := self._engine.shares(account, token))}
        if market.winner is None or not held:
            return 0
        paid = self._engine.redeem(account, market.condition)
        for token, shares in held.items():
            worth = paid if token == market.winner else 0
            position, basis = self._position(account, token).sold_for(shares, worth, 0)
            self._move(account, market, token, position, now_ms)
            self._line(
                account,
                ActivityKind.REDEEM,
                now_ms,
                market.condition,
                token,
                size=shares,
                amount=worth,
                basis=basis,
                transaction=transaction,
            )
        return paid

    # ------------------------------------------------------------ by trading

    def traded(
        self,
        account: str,
        market: VenueMarket,
        token: TokenId,
        side: str,
        shares: int,
        amount: int,
        fee: int,
        now_ms: int,
        *,
        trade: str,
        transaction: str,
        taker: bool,
    ) -> int:
        """Note a user's side of a trade; return what shares that were sold had cost."""
        position, basis = self._position(account, token), 0
        if side == "BUY":
            position = position.bought_at(shares, amount, fee)
        else:
            position, basis = position.sold_for(shares, amount, fee)
        self._move(account, market, token, position, now_ms)
        self._line(
            account,
            ActivityKind.TRADE,
            now_ms,
            market.condition,
            token,
            side=side,
            size=shares,
            amount=amount,
            fee=fee,
            basis=basis,
            trade=trade,
            transaction=transaction,
            taker=taker,
        )
        return basis

    def undone(
        self,
        account: str,
        market: VenueMarket,
        token: TokenId,
        side: str,
        shares: int,
        amount: int,
        fee: int,
        basis: int,
    ) -> None:
        """Note that a user's side of a trade was moved back; its line is the caller's to mark as failed."""
        position = self._position(account, token)
        if side == "BUY":
            position = position.unbought_at(shares, amount, fee)
        else:
            position = position.unsold_for(shares, amount, fee, basis)
        self._move(account, market, token, position)

    # ------------------------------------------------------------ keeping

    def changed(self) -> Iterator[Row]:
        """Yield what has changed since the last call, as it stands now, to be kept."""
        yield from self._lines
        yield from self._moved.values()
        for account in self._touched:
            yield self._as_it_stands(account)
        self._lines.clear()
        self._moved.clear()
        self._touched.clear()

    def last_lines(self) -> list[Activity]:
        """Return the lines of history since the last `changed()`."""
        return list(self._lines)

    def _as_it_stands(self, account: str) -> Wallet:
        return Wallet(account, self._engine.collateral(account), self._granted[account])

    def _position(self, account: str, token: TokenId) -> Position:
        holding = self._holdings.get(account, {}).get(token)
        return Position() if holding is None else holding.position

    def _move(
        self, account: str, market: VenueMarket, token: TokenId, position: Position, now_ms: int | None = None
    ) -> None:
        before = self._holdings.get(account, {}).get(token)
        first, last = (before.first_ms, before.last_ms) if before else (0, 0)
        if now_ms is not None:
            first, last = first or now_ms, now_ms
        holding = Holding(account, market.condition, token, position, first, last)
        self._hold(holding)
        self._moved[account, token] = holding
        self._touched[account] = None

    def _hold(self, holding: Holding) -> None:
        self._holdings.setdefault(holding.account, {})[holding.token] = holding
        self._of_market.setdefault(holding.condition, {})[holding.account, holding.token] = holding

    def _line(
        self,
        account: str,
        kind: ActivityKind,
        now_ms: int,
        condition: ConditionId = ConditionId(""),  # noqa: B008 - a constant
        token: TokenId = TokenId(""),  # noqa: B008 - a constant
        *,
        side: str = "",
        size: int = 0,
        amount: int = 0,
        fee: int = 0,
        basis: int = 0,
        trade: str = "",
        transaction: str = "",
        taker: bool = False,
    ) -> None:
        self._activity += 1
        self._touched[account] = None
        self._lines.append(
            Activity(
                number=self._activity,
                account=account,
                kind=kind,
                at_ms=now_ms,
                condition=condition,
                token=token,
                side=side,  # type: ignore[arg-type]  # BUY, SELL or none
                size=size,
                amount=amount,
                fee=fee,
                basis=basis,
                trade=trade,
                hash=transaction,
                taker=taker,
            )
        )

"""The one way in for everything that happens on the exchange, and the seam where it is observed."""

from collections.abc import Callable, Sequence
from typing import Final

from polywire.core.matching.engine import Engine
from polywire.core.matching.orders import Leg, MarketTerms, Order, Outcome, Refusal, Trade, refused
from polywire.errors import Misuse
from polywire.exchange.catalogue import Catalogue, VenueEvent, VenueMarket
from polywire.exchange.clock import VenueClock
from polywire.exchange.happenings import BookMoved, Happening, MarketEnded, MarketMade, TickMoved
from polywire.exchange.live.prices import Prices
from polywire.exchange.pages import traded_text
from polywire.model.units import PRICE_ONE, ConditionId, TokenId, TradeSide

Observer = Callable[[tuple[Happening, ...]], None]
"""Is told what one command did, in order, before the command returns. It must not command the venue itself."""

_OPPOSITE: Final[dict[TradeSide, TradeSide]] = {"BUY": "SELL", "SELL": "BUY"}


class Venue:
    """An engine, what is listed on it, and a clock: every command goes through here and is announced.

    Each command takes `at_ms`, the venue's time it happens at; by default now. Times of happenings never go back: a
    command that comes late happens at the time of the one before it.

    Args:
        engine: An empty one.
        catalogue: An empty one.
        clock: The venue's time.

    Attributes:
        prices: What assets cost that windows are decided by, as the world is told. No command; it has observers of its
            own.
    """

    def __init__(self, engine: Engine, catalogue: Catalogue, clock: VenueClock) -> None:
        self.engine, self.catalogue, self.clock = engine, catalogue, clock
        self.prices = Prices()
        self._observers: tuple[Observer, ...] = ()
        self._last_ms = 0

    def observe(self, observer: Observer) -> None:
        """Tell `observer` of every command from now on. Observers are told in the order they came."""
        self._observers += (observer,)

    # ------------------------------------------------------------ what is listed

    def list_event(self, event: VenueEvent) -> None:
        """List an event. Nobody is told before its first market."""
        self.catalogue.add_event(event)

    def list_market(self, market: VenueMarket, *, at_ms: int | None = None) -> None:
        """List a market of a listed event and open its book. Raises `Misuse` where its event is not listed."""
        now = self._stamp(at_ms)
        self._open(market)
        self._tell(MarketMade(market.condition, now))

    def put_back(self, market: VenueMarket) -> None:
        """List a market of an earlier run as it stood, resolved or not, and tell nobody. Raises as `list_market`."""
        self._open(market)
        if market.winner is not None:
            self.engine.resolve(market.condition, market.winner)

    def set_tick(self, condition: ConditionId, tick: int, *, at_ms: int | None = None) -> None:
        """Change a market's grid, in 1e-4 USDC. Resting orders stay where they are; the same tick changes nothing."""
        market = self._market(condition)
        now = self._stamp(at_ms)
        if tick != market.tick:
            self.engine.set_tick(condition, tick)
            old, market.tick = market.tick, tick
            self._tell(TickMoved(condition, old, tick, now))

    def resolve(self, condition: ConditionId, winner: TokenId, *, at_ms: int | None = None) -> None:
        """Cancel a market's orders and close it, and with its last open market its event. Shares wait to be redeemed.

        Raises `Misuse` where the market is not listed or was resolved, or `winner` is none of its tokens.
        """
        market = self._market(condition)
        now = self._stamp(at_ms)
        if market.closed:
            raise Misuse(f"market {market.slug} was resolved at {market.closed_ms} ms; a market resolves once")
        outcome = self.engine.resolve(condition, winner)
        if outcome.refusal is not None:
            raise Misuse(f"market {market.slug} cannot be resolved: {outcome.refusal.reason}")
        market.closed, market.closed_ms, market.accepting_orders = True, now, False
        market.winner, market.resolution = winner, "resolved"
        event = self.catalogue.events[market.event_id]
        if all(other.closed for other in self.catalogue.of_event(event.id)):
            event.closed, event.closed_ms = True, now
        self._tell(*self._moves(outcome, now), MarketEnded(condition, winner, now))

    # ------------------------------------------------------------ orders

    def place(self, order: Order, *, at_ms: int | None = None) -> Outcome:
        """Place an order and return what it did; a refusal is in the outcome, and changes nothing."""
        now = self._stamp(at_ms)
        self._expire(now)
        market = self.catalogue.of_token(order.token)
        if market is not None and not market.accepting_orders:
            return refused("closed", "the market is not yet ready to process new orders", market.condition)
        outcome = self.engine.place(order, now)
        self._tell_moves(outcome, now)
        return outcome

    def cancel(self, order_id: str, *, at_ms: int | None = None) -> Outcome:
        """Cancel an order and return what that did; a refusal is in the outcome."""
        now = self._stamp(at_ms)
        self._expire(now)
        outcome = self.engine.cancel(order_id)
        self._tell_moves(outcome, now)
        return outcome

    def cancel_all(
        self,
        account: str,
        *,
        condition: ConditionId | None = None,
        token: TokenId | None = None,
        at_ms: int | None = None,
    ) -> dict[ConditionId, Outcome]:
        """Cancel an account's orders, of one market or token where named; return what that did, by market."""
        now = self._stamp(at_ms)
        self._expire(now)
        outcomes = self.engine.cancel_all(account, condition=condition, token=token)
        self._tell_all(outcomes, now)
        return outcomes

    def expire_due(self, *, at_ms: int | None = None) -> None:
        """End every order whose time has come."""
        self._expire(self._stamp(at_ms))

    def reverse(
        self,
        condition: ConditionId,
        taker: tuple[str, TokenId, TradeSide],
        size: int,
        cost: int,
        fee: int,
        legs: Sequence[Leg],
        *,
        at_ms: int | None = None,
    ) -> Refusal | None:
        """Move back what a trade moved, because its settlement failed; return why it cannot be, or None.

        Orders that lose their cover by it are cancelled.

        Args:
            condition: Its market.
            taker: Account, token and side.
            size: Shares, 1e-6.
            cost: Collateral the taker gave or got, 1e-6 USDC, before the fee.
            fee: What it paid.
            legs: The resting orders' parts.
            at_ms: Now, by default.
        """
        now = self._stamp(at_ms)
        account, token, side = taker
        outcomes = self.engine.reverse(condition, account, token, side, size, cost, fee, legs)
        if isinstance(outcomes, Refusal):
            return outcomes
        self._tell_all(outcomes, now)
        return None

    # ------------------------------------------------------------ how it is told

    def _open(self, market: VenueMarket) -> None:
        if market.event_id not in self.catalogue.events:
            raise Misuse(f"market {market.slug} names event {market.event_id}, which is not listed; list_event() first")
        self.engine.open_market(
            MarketTerms(
                condition=market.condition,
                tokens=market.tokens,
                tick=market.tick,
                min_size=market.min_size,
                fee_rate=market.fee_rate,
                fee_exponent=market.fee_exponent,
                neg_risk=market.neg_risk,
            )
        )
        self.catalogue.add_market(market)

    def _expire(self, now: int) -> None:
        due = self.engine.next_expiry_ms()
        if due is not None and due <= now:
            self._tell_all(self.engine.expire(now), now)

    def _stamp(self, at_ms: int | None) -> int:
        now = self.clock.now_ms() if at_ms is None else at_ms
        self._last_ms = now = max(now, self._last_ms)
        return now

    def _market(self, condition: ConditionId) -> VenueMarket:
        market = self.catalogue.markets.get(condition)
        if market is None:
            raise Misuse(f"no market with condition {condition} is listed here ({len(self.catalogue.markets)} are)")
        return market

    def _tell_moves(self, outcome: Outcome, now: int) -> None:
        if moves := self._moves(outcome, now):
            self._tell(*moves)

    def _tell_all(self, outcomes: dict[ConditionId, Outcome], now: int) -> None:
        moves = [move for outcome in outcomes.values() for move in self._moves(outcome, now)]
        if moves:
            self._tell(*moves)

    def _moves(self, outcome: Outcome, now: int) -> list[BookMoved]:
        moves = []
        if outcome.trades or outcome.levels or outcome.cancelled:
            for trade in outcome.trades:
                self._note(trade)
            moves.append(BookMoved(outcome.condition, outcome.trades, outcome.levels, now, outcome.cancelled))
        for elsewhere in outcome.elsewhere.values():
            moves += self._moves(elsewhere, now)
        return moves

    def _note(self, trade: Trade) -> None:
        market = self._market(trade.condition)
        last = trade.legs[-1]
        first = last.token == market.tokens[0]
        market.last_trade = traded_text(last.price if first else PRICE_ONE - last.price)
        market.last_side = trade.side if trade.token == market.tokens[0] else _OPPOSITE[trade.side]
        market.volume += trade.cost

    def _tell(self, *happenings: Happening) -> None:
        for observer in self._observers:
            observer(happenings)

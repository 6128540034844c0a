"""How a token's readers are moved from one socket's copy of its stream to another's: nothing lost, nothing twice.

Two sockets that carry a token bring the same messages, one a little later than the other. `Copies` keeps what one has
brought and the other has not; from that a `Crossing` says what readers of the one are still to be told by the other.

What moves the book (level changes, snapshots) has an order, and its digest names its place in it: one such message that
both have brought joins the two copies, and from there on what is left over is exactly how far one is ahead. What moves
no book (trades, best prices, ticks) comes in no promised order, and is matched as a multiset.
"""

from collections import Counter, deque
from typing import Final

import msgspec

from polywire.model.events import Event
from polywire.model.health import ANSWERING, FreshnessChanged
from polywire.model.market import BestChanged, BookReplaced, LevelChanged, TickSizeChanged, Traded

WINDOW_NS: Final = 5_000_000_000
"""How far one copy may be behind the other. What is older and in one copy alone will not come in the other."""

MOST: Final = 10_000
"""Messages of one token that one copy may be ahead."""

_FIRST_SWEEP: Final = 64
_BEGINS: Final = "begins"

Move = BookReplaced | LevelChanged
"""What moves a book."""

Fact = Traded | BestChanged | TickSizeChanged
"""What moves none."""

Key = tuple[object, ...]


def key_of(event: Move | Fact) -> Key:
    """Return what an event says, without when we saw it: equal where two copies brought the same."""
    match event:
        case LevelChanged():
            return (event.digest, event.venue_ms, event.side, event.price, event.size)
        case BookReplaced():
            return (event.digest, event.venue_ms)
        case Traded():
            said = (event.price, event.size, event.side, event.fee_rate_bps, event.transaction)
            return ("trade", event.venue_ms, *said)
        case BestChanged():
            return ("best", event.venue_ms, event.best_bid, event.best_ask)
        case _:
            return ("tick", event.venue_ms, event.old_tick, event.new_tick)


_NO_MOVES: Final[deque[tuple[int, Key, Move]]] = deque(maxlen=0)
"""Shared by all copies that have nothing to wait for, as most have: a deque of its own takes 0.6 KiB."""


class _Copy:
    """What one copy has brought and the other has not, in the order it came.

    Attributes:
        digest: Of the last message that moved the book; "" where unknown.
        certain_from: Facts up to this number came before the copies met: the other may, or may not, bring them too.
            Those of number 0 are in doubt for another reason: they may answer one of these.
        count: The number of the last event that was kept.
        begins: Whether the next snapshot answers a subscription: it is this copy's alone.
    """

    __slots__ = ("_keys", "_sweep_at", "begins", "certain_from", "count", "digest", "facts", "moves")

    def __init__(self, digest: str) -> None:
        self.digest, self.begins = digest, False
        self.moves: deque[tuple[int, Key, Move]] = _NO_MOVES
        self.facts: dict[Key, list[tuple[int, Fact]]] = {}
        self._keys: dict[Key, int] = {}  # of the moves
        self.count = self.certain_from = 0
        self._sweep_at = _FIRST_SWEEP

    def add_move(self, key: Key, event: Move) -> bool:
        """Keep a move; return whether older ones were given up for it."""
        self.count += 1
        if self.moves is _NO_MOVES:
            self.moves = deque()
        self.moves.append((self.count, key, event))
        self._keys[key] = self._keys.get(key, 0) + 1
        gave_up = False
        while len(self.moves) > MOST or self.moves[0][2].seen_ns < event.seen_ns - WINDOW_NS:
            self.drop(1)
            gave_up = True
        return gave_up

    def has(self, key: Key) -> bool:
        """Return whether a move that says this is among them."""
        return key in self._keys

    def place(self, key: Key, event: Move) -> int:
        """Return how many moves lead up to where `event` stands, itself included; 0: it is not there."""
        if self.has(key):
            return next(at for at, (_, other, _) in enumerate(self.moves, 1) if other == key)
        # A snapshot answers one socket alone: it stands behind the message whose digest is its own.
        if isinstance(event, LevelChanged):
            begun = (_BEGINS, event.digest)
            return self.place(begun, event) if self.has(begun) else 0
        at = 0
        for number, (_, _, move) in enumerate(self.moves, 1):
            if event.digest and move.digest == event.digest:
                at = number
            elif at:
                break
        return at

    def drop(self, count: int) -> None:
        """Forget the first moves."""
        for _ in range(count):
            _, key, _ = self.moves.popleft()
            self._keys[key] -= 1
            if not self._keys[key]:
                del self._keys[key]
        if not self.moves:
            self.moves = _NO_MOVES

    def add_fact(self, key: Key, event: Fact, *, certain: bool = True) -> None:
        """Keep a fact; now and then, forget those that are too old to come in the other copy."""
        self.count += 1
        self.facts.setdefault(key, []).append((self.count if certain else 0, event))
        if len(self.facts) >= self._sweep_at:
            self.facts = self.young(event.seen_ns)
            self._sweep_at = max(_FIRST_SWEEP, 2 * len(self.facts))

    def take_fact(self, key: Key) -> bool | None:
        """Forget one fact that says this; return whether it is certainly the other copy's too, None: there was none."""
        same = self.facts.get(key)
        if same is None:
            return None
        surest = max(same, key=_place)
        same.remove(surest)
        if not same:
            del self.facts[key]
        return surest[0] > self.certain_from

    def take_oldest(self, key: Key) -> None:
        """Forget the oldest fact that says this; there must be one."""
        same = self.facts[key]
        del same[0]
        if not same:
            del self.facts[key]

    def settle_facts(self, other: "_Copy", met_at: int) -> None:
        """Forget the facts that both brought, now that they met: this one now, the other at its event `met_at`."""
        for key in tuple(self.facts):
            while key in self.facts and key in other.facts and other.facts[key][0][0] < met_at:
                self.take_oldest(key)
                other.take_oldest(key)
            if key in self.facts and key in other.facts:  # one came before that place, the other behind it
                for copy in (self, other):
                    copy.facts[key] = [(0, fact) for _, fact in copy.facts[key]]
        self.certain_from, other.certain_from = self.count, met_at

    def young(self, now_ns: int) -> dict[Key, list[tuple[int, Fact]]]:
        """Return the facts that may still come in the other copy."""
        return {key: same for key, same in self.facts.items() if same[-1][1].seen_ns >= now_ns - WINDOW_NS}


class Copies:
    """Two copies of one token's stream, 0 and 1, compared as they come.

    Args:
        digests: Of the message that moved each copy's book last; "" where none did.

    Attributes:
        joined: Whether they are known to have met: what is in one alone is then how far it is ahead.
        sure: Whether they have met at a message that both brought, and not at a snapshot of one.
        lost: How many moves each copy lacked that the other went past, since they met.
        sides: The two.
    """

    __slots__ = ("_met_at", "joined", "lost", "sides", "sure")

    def __init__(self, digests: tuple[str, str] = ("", "")) -> None:
        self.sides = _Copy(digests[0]), _Copy(digests[1])
        self.joined = self.sure = False
        self._met_at = ""  # the digest of the snapshot they met at, until both have brought one message
        self.lost = [0, 0]

    def arrive(self, copy: int, event: Event) -> None:
        """Take the next event of a copy. What we say of it ourselves tells which snapshot was asked for."""
        own, other = self.sides[copy], self.sides[1 - copy]
        if isinstance(event, LevelChanged | BookReplaced):
            self._move(copy, event)
        elif isinstance(event, Traded | BestChanged | TickSizeChanged):
            key = key_of(event)
            certain = other.take_fact(key) if self.sure else None
            if not certain:  # else it may be another that says the same
                own.add_fact(key, event, certain=certain is None)
        elif isinstance(event, FreshnessChanged):
            own.begins = event.now not in ANSWERING or event.was not in ANSWERING

    def ahead(self, copy: int) -> int:
        """Return how many moves this copy has brought that the other has not."""
        return len(self.sides[copy].moves)

    def crossed(self, told: int) -> None:
        """Learn that the readers have crossed from the copy `told` to the other: they heard all that it brought."""
        self.sides[told].facts.clear()

    def waits_since_ns(self, copy: int) -> int | None:
        """Return when the oldest move that this copy has not brought was seen in the other; None: it lacks none."""
        moves = self.sides[1 - copy].moves
        return moves[0][2].seen_ns if moves else None

    def _move(self, copy: int, event: Move) -> None:
        own, other = self.sides[copy], self.sides[1 - copy]
        own.digest = event.digest
        begins = isinstance(event, BookReplaced) and own.begins
        key: Key = (_BEGINS, event.digest) if begins else key_of(event)
        own.begins = own.begins and not begins
        leading = other.place(key, event)
        met = other.moves[leading - 1] if leading else None
        if met is None and event.digest and event.digest == self._met_at and not own.moves:
            return  # it leads to where they met, and the snapshot they met at holds it
        there_already = event.digest != "" and event.digest == other.digest and not other.moves
        if met is not None or (there_already and isinstance(event, BookReplaced)):
            if self.joined:
                self.lost[copy] += max(0, leading - 1)
                self.lost[1 - copy] += len(own.moves)
            other.drop(leading)
            own.drop(len(own.moves))
            if met is None or met[1] != key:
                self.sure = False  # a fact behind that place may have come before the snapshot
                self._met_at = event.digest
            else:
                if not self.sure:
                    own.settle_facts(other, met[0])
                self.sure, self._met_at = True, ""
            self.joined = True
            return
        gave_up = own.add_move(key, event)
        if gave_up or other.moves or begins:  # what begins a copy is not brought by the other, and joins nothing
            self.joined = self.sure = False


class Told:
    """What readers heard that the copy they go to has not brought.

    Args:
        copies: How the copies stand; not changed.
        told: Which of them the readers have heard.

    Attributes:
        moves: In their order.
        facts: How many of each.
        doubted: How many of those may never come, as they were told before the copies met.
        placed: Whether the copies have met.
        sure: Whether they have at a message that both brought.
    """

    __slots__ = ("_keys", "doubted", "facts", "moves", "placed", "sure")

    def __init__(self, copies: Copies, told: int) -> None:
        here = copies.sides[told]
        newest = max((fact.seen_ns for same in here.facts.values() for _, fact in same), default=0)
        self.placed, self.sure = copies.joined, copies.sure
        certain_from = here.certain_from if self.sure else here.count
        self.facts, self.doubted = Counter[Key](), Counter[Key]()
        for key, same in here.young(newest).items():
            self.facts[key] = len(same)
            self.doubted[key] = sum(at <= certain_from for at, _ in same)
        self.moves = deque(key for _, key, _ in here.moves)
        self._keys = Counter(self.moves)

    def add(self, before: "Told") -> None:
        """Add what they heard of a copy that was ahead of the one they leave now."""
        self.facts += before.facts
        self.doubted += before.doubted
        self.moves += before.moves
        self._keys = Counter(self.moves)
        self.placed &= before.placed
        self.sure &= before.sure

    def take_fact(self, key: Key) -> bool | None:
        """Strike out one fact; return whether it is certainly the one that was told, None: none was."""
        if key not in self.facts:
            return None
        self.facts[key] -= 1
        if not self.facts[key]:
            del self.facts[key]
        if self.doubted[key] <= 0:
            return True
        self.doubted[key] -= 1
        return False

    def take_move(self, key: Key) -> bool:
        """Strike out the moves up to one; return whether it was among them."""
        if key not in self._keys:
            return False
        passed = None
        while passed != key:
            passed = self.moves.popleft()
            self._keys[passed] -= 1
            if not self._keys[passed]:
                del self._keys[passed]
        self.placed = True
        return True

    def settle(self) -> None:
        """Strike out the moves: the copy is known to stand where the readers do."""
        self.moves.clear()
        self._keys.clear()
        self.placed = True


class Crossing:
    """One token's readers on their way from the copy that told them all so far to the other one.

    Args:
        copies: How the copies stand; not changed.
        told: Which of them its readers have heard.
        before: How far they had come on their way to that one, where they had not arrived; None: they had.

    Attributes:
        due: What the other copy brought that they have not heard, in its order. Tell them now.
        held: Moves of the other copy of which it is not known whether they were told.
        told: What they heard that the other copy has not brought.
    """

    __slots__ = ("due", "held", "told")

    def __init__(self, copies: Copies, told: int, before: "Crossing | None" = None) -> None:
        self.told = Told(copies, told)
        if before is not None:
            self.told.add(before.told)
        self.held: list[Move] = []
        there = copies.sides[1 - told]
        brought: list[tuple[int, Event]] = [(at, move) for at, _, move in there.moves]
        brought += [(at, fact if at else _perhaps(fact)) for same in there.facts.values() for at, fact in same]
        in_order = sorted(brought, key=_place)
        self.due: tuple[Event, ...] = tuple(event for _, one in in_order for event in self.take(one))

    @property
    def caught_up(self) -> bool:
        """Whether the copy they go to stands where they were left, or further on."""
        return self.told.placed and not self.told.moves

    @property
    def over(self) -> bool:
        """Whether all that comes is new to them, but for facts that may have come before the copies met."""
        told = self.told
        left = told.facts.total()
        return self.caught_up and (not left or (told.sure and left <= told.doubted.total()))

    @property
    def doubtful(self) -> bool:
        """Whether changes came of which it is not known whether they were told."""
        return any(isinstance(move, LevelChanged) for move in self.held)

    def settle(self) -> None:
        """Learn that the copy they go to stands where they were left: its book is equal, and neither moves."""
        self.told.settle()
        self.held.clear()

    def take(self, event: Event) -> tuple[Event, ...]:
        """Return what to tell them of the next event of the copy they go to: nothing, or it, or it marked."""
        if isinstance(event, LevelChanged | BookReplaced):
            if self.caught_up:
                return (event,)
            if self.told.take_move(key_of(event)):
                self.held.clear()
            else:
                self.held.append(event)
            return ()
        if not isinstance(event, Traded | BestChanged | TickSizeChanged):
            return (event,)
        certain = self.told.take_fact(key_of(event))
        if certain is None:
            return (event,)
        if isinstance(event, Traded) and not (certain and event.transaction):  # two trades may say the same without it
            return (_perhaps(event),)
        return ()


def _perhaps(event: Fact) -> Fact:
    """Return a fact that may be told twice: a trade says so, and for the others it does not matter."""
    return msgspec.structs.replace(event, repeated=True) if isinstance(event, Traded) else event


def _place(due: tuple[int, Event]) -> int:
    return due[0]

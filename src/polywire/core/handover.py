"""How a token's readers are moved from one socket's copy of its stream to another's: nothing lost, nothing twice.

Two sockets that carry a token bring the same messages, one a little later than the other. `Copies` keeps what one has
brought and the other has not; from that a `Crossing` says what readers of the one are still to be told by the other.

What moves the book (level changes, snapshots) has an order, and its digest names its place in it: one such message that
both have brought joins the two copies, and from there on what is left over is exactly how far one is ahead. What moves
no book (trades, best prices, ticks) comes in no promised order, and is matched as a multiset.
"""

from collections import Counter, deque
from typing import Final

from msgspec.structs import replace

from polywire.model.events import Event
from polywire.model.health import ANSWERING, FreshnessChanged
from polywire.model.market import BestChanged, BookReplaced, LevelChanged, TickSizeChanged, Traded

WINDOW_NS: Final = 5_000_000_000
"""How far one copy may be behind the other. What is older and in one copy alone will not come in the other."""

MOST: Final = 10_000
"""Messages of one token that one copy may be ahead."""

_FIRST_SWEEP: Final = 64

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
        case TickSizeChanged():
            return ("tick", event.venue_ms, event.old_tick, event.new_tick)


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
        self.moves: deque[tuple[int, Key, Move]] = deque()
        self.facts: dict[Key, deque[tuple[int, Fact]]] = {}
        self._keys = Counter[Key]()  # of the moves
        self.count = self.certain_from = 0
        self._sweep_at = _FIRST_SWEEP

    def add_move(self, key: Key, event: Move) -> bool:
        """Keep a move; return whether older ones were given up for it."""
        self.count += 1
        self.moves.append((self.count, key, event))
        self._keys[key] += 1
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
        if not isinstance(event, BookReplaced) or not event.digest:
            return 0
        # A snapshot answers one socket alone: it stands behind the message whose digest is its own.
        digests = [move.digest for _, _, move in self.moves]
        if event.digest not in digests:
            return 0
        at = digests.index(event.digest)
        while at < len(digests) and digests[at] == event.digest:
            at += 1
        return at

    def drop(self, count: int) -> None:
        """Forget the first moves."""
        for _ in range(count):
            _, key, _ = self.moves.popleft()
            self._keys[key] -= 1
            if not self._keys[key]:
                del self._keys[key]

    def add_fact(self, key: Key, event: Fact, *, certain: bool = True) -> None:
        """Keep a fact; now and then, forget those that are too old to come in the other copy."""
        self.count += 1
        self.facts.setdefault(key, deque()).append((self.count if certain else 0, event))
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
        same.popleft()
        if not same:
            del self.facts[key]

    def settle_facts(self, other: "_Copy", met_at: int) -> None:
        """Forget the facts that both brought, now that they met: this one now, the other at its event `met_at`."""
        for key in tuple(self.facts):
            while key in self.facts and key in other.facts and other.facts[key][0][0] < met_at:
                self.take_oldest(key)
                other.take_oldest(key)
            if key in self.facts and key in other.facts:  # one came before that place, the other behind it
                for same in (self.facts[key], other.facts[key]):
                    doubted = [(0, fact) for _, fact in same]
                    same.clear()
                    same.extend(doubted)
        self.certain_from, other.certain_from = self.count, met_at

    def young(self, now_ns: int) -> dict[Key, deque[tuple[int, Fact]]]:
        """Return the facts that may still come in the other copy."""
        return {key: same for key, same in self.facts.items() if same[-1][1].seen_ns >= now_ns - WINDOW_NS}


class Copies:
    """Two copies of one token's stream, 0 and 1, compared as they come.

    Args:
        digests: Of the message that moved each copy's book last; "" where none did.

    Attributes:
        joined: Whether they are known to have met: what is in one alone is then how far it is ahead.
        lost: How many moves each copy lacked that the other went past, since they met.
    """

    __slots__ = ("_copies", "_sure", "joined", "lost")

    def __init__(self, digests: tuple[str, str] = ("", "")) -> None:
        self._copies = _Copy(digests[0]), _Copy(digests[1])
        self.joined = self._sure = False  # sure: they have met at a message that both brought
        self.lost = [0, 0]

    def arrive(self, copy: int, event: Event) -> None:
        """Take the next event of a copy. What we say of it ourselves tells which snapshot was asked for."""
        own, other = self._copies[copy], self._copies[1 - copy]
        if isinstance(event, LevelChanged | BookReplaced):
            self._move(copy, event)
        elif isinstance(event, Traded | BestChanged | TickSizeChanged):
            key = key_of(event)
            certain = other.take_fact(key) if self._sure else None
            if not certain:  # else it may be another that says the same
                own.add_fact(key, event, certain=certain is None)
        elif isinstance(event, FreshnessChanged):
            own.begins = event.now not in ANSWERING or event.was not in ANSWERING

    @property
    def clear(self) -> bool:
        """Whether readers may cross without being told what they may have heard."""
        return self.joined and (self._sure or not any(copy.facts for copy in self._copies))

    def ahead(self, copy: int) -> int:
        """Return how many moves this copy has brought that the other has not."""
        return len(self._copies[copy].moves)

    def crossed(self, told: int) -> None:
        """Learn that the readers have crossed from the copy `told` to the other: they heard all that it brought."""
        self._copies[told].facts.clear()

    def waits_since_ns(self, copy: int) -> int | None:
        """Return when the oldest move that this copy has not brought was seen in the other; None: it lacks none."""
        moves = self._copies[1 - copy].moves
        return moves[0][2].seen_ns if moves else None

    def _move(self, copy: int, event: Move) -> None:
        own, other = self._copies[copy], self._copies[1 - copy]
        own.digest = event.digest
        begins = isinstance(event, BookReplaced) and own.begins
        key: Key = ("begins", event.digest) if begins else key_of(event)
        own.begins = own.begins and not begins
        leading = other.place(key, event)
        met = other.moves[leading - 1] if leading else None
        named = isinstance(event, BookReplaced) and event.digest != "" and event.digest == other.digest
        if met is not None or (named and not other.moves):
            if self.joined:
                self.lost[copy] += max(0, leading - 1)
                self.lost[1 - copy] += len(own.moves)
            other.drop(leading)
            own.drop(len(own.moves))
            if met is None or met[1] != key:
                self._sure = False  # a fact behind that place may have come before the snapshot
            elif not self._sure:
                own.settle_facts(other, met[0])
                self._sure = True
            self.joined = True
            return
        gave_up = own.add_move(key, event)
        if gave_up or other.moves or begins:  # what begins a copy is not brought by the other, and joins nothing
            self.joined = self._sure = False


class Crossing:
    """One token's readers on their way from the copy that told them all so far to the other one.

    Args:
        copies: How the copies stand; not changed.
        told: Which of them its readers have heard.
        before: How far they had come on their way to that one, where they had not arrived; None: they had.

    Attributes:
        due: What the other copy brought that they have not heard, in its order. Tell them now.
        held: Moves of the other copy of which it is not known whether they were told.
    """

    __slots__ = ("_facts", "_keys", "_moves", "_sure", "_uncertain", "_unplaced", "due", "held")

    def __init__(self, copies: Copies, told: int, before: "Crossing | None" = None) -> None:
        here, there = copies._copies[told], copies._copies[1 - told]  # noqa: SLF001 - two halves of one thought
        newest = max((fact.seen_ns for same in here.facts.values() for _, fact in same), default=0)
        self._sure = copies._sure  # noqa: SLF001 - as above
        certain_from = here.certain_from if self._sure else here.count
        self._facts, self._uncertain = Counter[Key](), Counter[Key]()  # the second holds those of the first in doubt
        for key, same in here.young(newest).items():
            self._facts[key] = len(same)
            self._uncertain[key] = sum(at <= certain_from for at, _ in same)
        self._moves = deque(key for _, key, _ in here.moves)
        self._unplaced = not copies.joined
        if before is not None:
            self._facts += before._facts
            self._uncertain += before._uncertain
            self._moves += before._moves
            self._unplaced |= before._unplaced
            self._sure &= before._sure
        self._keys = Counter(self._moves)
        self.held: list[Move] = []
        brought: list[tuple[int, Event]] = [(at, move) for at, _, move in there.moves]
        brought += [(at, fact if at else _perhaps(fact)) for same in there.facts.values() for at, fact in same]
        self.due: tuple[Event, ...] = tuple(event for _, one in sorted(brought, key=_place) for event in self.take(one))

    @property
    def caught_up(self) -> bool:
        """Whether the copy they go to stands where they were left, or further on."""
        return not (self._moves or self._unplaced)

    @property
    def over(self) -> bool:
        """Whether all that comes is new to them, but for facts that may have come before the copies met."""
        left = self._facts.total()
        return self.caught_up and (not left or (self._sure and left <= self._uncertain.total()))

    @property
    def doubtful(self) -> bool:
        """Whether changes came of which it is not known whether they were told."""
        return any(isinstance(move, LevelChanged) for move in self.held)

    def settle(self) -> None:
        """Learn that the copy they go to stands where they were left: its book is equal, and neither moves."""
        self._moves.clear()
        self._keys.clear()
        self.held.clear()
        self._unplaced = False

    def take(self, event: Event) -> tuple[Event, ...]:
        """Return what to tell them of the next event of the copy they go to: nothing, or it, or it marked."""
        if isinstance(event, LevelChanged | BookReplaced):
            return self._take_move(event)
        if not isinstance(event, Traded | BestChanged | TickSizeChanged):
            return (event,)
        key = key_of(event)
        if key not in self._facts:
            return (event,)
        self._facts[key] -= 1
        if not self._facts[key]:
            del self._facts[key]
        perhaps = self._uncertain[key] > 0
        if perhaps:
            self._uncertain[key] -= 1
        if isinstance(event, Traded) and (perhaps or not event.transaction):  # two trades may say the same without it
            return (_perhaps(event),)
        return ()

    def _take_move(self, event: Move) -> tuple[Event, ...]:
        if self.caught_up:
            return (event,)
        key = key_of(event)
        if key not in self._keys:
            self.held.append(event)
            return ()
        while True:
            passed = self._moves.popleft()
            self._keys[passed] -= 1
            if passed == key:
                break
        self._keys += Counter()  # forget those that are none
        self.held.clear()
        self._unplaced = False
        return ()


def _perhaps(event: Fact) -> Fact:
    """Return a fact that may be told twice: a trade says so, and for the others it does not matter."""
    return replace(event, repeated=True) if isinstance(event, Traded) else event


def _place(due: tuple[int, Event]) -> int:
    return due[0]

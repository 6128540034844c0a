"""Gets the suspect books of one connection their snapshots anew: `core.mending` decides, this remembers whose."""

from polywire.core.books import Books
from polywire.core.mending import Mend, Mending, MendPolicy, mend
from polywire.model.health import ANSWERING
from polywire.model.units import TokenId

_SOON_S = 0.01  # between two looks at books that wait to be mended


class Mender:
    """Which books are to be asked for again, and which were and have not come.

    Args:
        books: Those of the connection.
        policy: How patient to be.

    Attributes:
        noticed: Whether suspects were seen since the last look: the connection need be stirred for them but once.
    """

    def __init__(self, books: Books, policy: MendPolicy) -> None:
        self._books, self._policy = books, policy
        self._state = Mending()
        self._asked: dict[TokenId, int] = {}  # to when its book had been proven last
        self.noticed = False

    @property
    def next_at(self) -> float:
        """When the next mending may begin, in monotonic seconds."""
        return self._state.next_at

    def look(self, now: float) -> tuple[Mend, tuple[TokenId, ...]]:
        """Return what to do now, and about which tokens.

        Args:
            now: Monotonic seconds.
        """
        suspects, books = self._books.suspects, self._books
        suspects.difference_update([token for token in suspects if books[token].freshness in ANSWERING])
        self._asked = {
            token: proven_ns
            for token, proven_ns in self._asked.items()
            if token in books and books[token].verified_ns == proven_ns
        }
        if not (suspects or self._asked):
            self.noticed = False
            return Mend.NOTHING, ()
        self._state, do = mend(
            self._state, suspect=bool(suspects), awaited=bool(self._asked), now=now, policy=self._policy
        )
        tokens: tuple[TokenId, ...] = ()
        if do is Mend.RESUBSCRIBE:
            tokens = tuple(suspects)
            self._asked |= {token: books[token].verified_ns for token in tokens}
            suspects.clear()
            self.noticed = False
        return do, tokens

    def rest(self) -> None:
        """Forget them all: a new socket brings every snapshot."""
        self._books.suspects.clear()
        self._asked, self.noticed = {}, False

    def wake_at(self, now: float) -> float:
        """Return when to look again, in monotonic seconds; `inf`: not before a book becomes suspect."""
        mending = max(self.next_at, now + _SOON_S) if self.noticed else float("inf")
        return min(mending, now + self._policy.first_s) if self._asked else mending

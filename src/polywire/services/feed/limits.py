"""How much one feed takes on: what is beyond it is refused before anything is done for it."""

from collections.abc import Collection, Container, Iterable
from dataclasses import dataclass

from polywire.errors import TooMany


@dataclass(frozen=True, slots=True)
class Limits:
    """What there may be at once.

    Attributes:
        tokens: Tokens followed, all subscriptions together.
        subscriptions: Subscriptions open.
    """

    tokens: int = 100_000
    subscriptions: int = 20_000

    def named(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return each name once, in the order given; every one of them means a token at least.

        Raises:
            TooMany: They mean more tokens than there may be. No more names were taken than it needs to see that.
        """
        each: dict[str, None] = {}
        for name in names:
            each[name] = None
            self.check_tokens(len(each))
        return tuple(each)

    def check_tokens(self, count: int) -> None:
        """Raise `TooMany` where so many tokens are more than there may be."""
        if count > self.tokens:
            raise TooMany("tokens", count, self.tokens, "most_tokens")

    def check(self, open_ones: Collection[object], held: Collection[str], wanted: Iterable[str]) -> None:
        """See whether one more subscription fits.

        Args:
            open_ones: The subscriptions there are.
            held: The tokens followed now.
            wanted: Tokens of the new one, each once.

        Raises:
            TooMany: It does not.
        """
        if len(open_ones) >= self.subscriptions:
            raise TooMany("subscriptions", len(open_ones) + 1, self.subscriptions, "most_subscriptions")
        self.check_tokens(len(held) + _absent(wanted, held))


def _absent(wanted: Iterable[str], held: Container[str]) -> int:
    return sum(token not in held for token in wanted)

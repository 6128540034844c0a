"""What the venue says when it is asked, beside its stream. See `polywire.ports.Evidence`."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec

from polywire.errors import TooOften, Undecodable, VenueUnreachable
from polywire.io.venue import RestClient, get, post
from polywire.model.market import BookStated, MarketResolved
from polywire.model.units import ConditionId, TokenId
from polywire.model.venue import Venue
from polywire.ports import Clock
from polywire.wire.resolutions import read_clob_resolution, read_gamma_resolutions
from polywire.wire.rest import read_rest_books
from polywire.wire.tally import Tally

BOOKS_A_REQUEST: Final = 100
"""Tokens in one `POST /books`; the venue takes 500."""

MARKETS_A_REQUEST: Final = 50
"""Conditions in one request to the catalogue: as many fit in the 8 KiB that proxies take for an address."""

_PATIENCE_S: Final = 10.0
_BOOKS_AT_ONCE: Final = 4  # read before others have their turn: half a millisecond
_CONDITION: Final = 66  # letters of a condition on the CLOB, which pads the shorter ones of the second version
_NOT_FOUND: Final = 404

_Item = TypeVar("_Item", TokenId, ConditionId)


class RestEvidence(RestClient):
    """Asks one venue's CLOB and catalogue. A context manager; leaving it closes its connections.

    What it answers about others than it was asked for is passed over.

    Args:
        venue: Where it is.
        clock: Says when an answer arrived.
        patience_s: Seconds for each whole answer.

    Attributes:
        tally: Books read and books that could not be.
        requests: Requests made.
    """

    def __init__(self, venue: Venue, clock: Clock, *, patience_s: float = _PATIENCE_S) -> None:
        super().__init__(venue.urls.clob)  # a venue's services lie on one host, or on none of this machine
        self._clob, self._gamma = venue.urls.clob, venue.urls.gamma
        self._clock, self._patience_s = clock, patience_s
        self.tally, self.requests = Tally(), 0

    async def books(self, tokens: Sequence[TokenId]) -> dict[TokenId, BookStated]:
        """Return the books of these tokens, `BOOKS_A_REQUEST` a request; those the venue has none of are absent.

        A book that cannot be read is absent too, and counted in `tally`.

        Raises:
            VenueUnreachable: A request failed; what others brought is not returned, for absence is an answer.
            TooOften: The venue answered 429.
        """
        stated: dict[TokenId, BookStated] = {}
        for asked in _batches(list(dict.fromkeys(tokens)), BOOKS_A_REQUEST):
            url = f"{self._clob}/books"
            body = msgspec.json.encode([{"token_id": token} for token in asked])
            self.requests += 1
            answer = await post(self._client, url, body, patience_s=self._patience_s)
            if answer is None:
                raise VenueUnreachable(url, "HTTP 404", status=_NOT_FOUND)
            seen_ns, wanted = self._clock.now_ns(), frozenset(asked)
            try:
                for number, one in enumerate(read_rest_books(answer, seen_ns, self.tally), 1):
                    if one.book.token in wanted:
                        stated[one.book.token] = one
                    if number % _BOOKS_AT_ONCE == 0:
                        await asyncio.sleep(0)  # frames that came meanwhile go first
            except Undecodable as refusal:
                raise VenueUnreachable(url, refusal.reason) from refusal
        return stated

    async def resolutions(self, conditions: Sequence[ConditionId], *, fresh: bool = False) -> list[MarketResolved]:
        """Return those of these markets that are resolved, with their winners.

        The catalogue is asked, `MARKETS_A_REQUEST` a request. The CLOB is asked, a market a request, where the
        catalogue lists a market as closed and names no winner, where it does not answer, and with `fresh` about all
        the others.

        Raises:
            VenueUnreachable: Neither could be asked. Where some answers had come by then, they are returned instead:
                who is not among them is asked about again anyway.
            TooOften: The same, where the venue answered 429.
        """
        found: dict[ConditionId, MarketResolved] = {}
        try:
            for asked in _batches(list(dict.fromkeys(conditions)), MARKETS_A_REQUEST):
                await self._find(asked, found, fresh=fresh)
        except VenueUnreachable:
            if not found:
                raise
        return list(found.values())

    async def _find(self, asked: list[ConditionId], found: dict[ConditionId, MarketResolved], *, fresh: bool) -> None:
        spelled = {condition.lower(): condition for condition in asked}
        try:
            told, unsaid = await self._catalogue(asked)
        except TooOften:
            raise
        except VenueUnreachable:
            told, unsaid = [], asked
        for one in told:
            if (condition := spelled.get(one.condition.lower())) is not None:
                found[condition] = msgspec.structs.replace(one, condition=condition)
        doubtful = asked if fresh else [spelled[name] for name in map(str.lower, unsaid) if name in spelled]
        for condition in doubtful:
            if condition not in found and (ended := await self._of_clob(condition)) is not None:
                found[condition] = ended

    async def _catalogue(self, conditions: Sequence[ConditionId]) -> tuple[list[MarketResolved], list[ConditionId]]:
        url = f"{self._gamma}/markets/keyset"
        query = {"closed": "true", "limit": len(conditions), "condition_ids": list(conditions)}
        self.requests += 1
        body = await get(self._client, url, query, patience_s=self._patience_s)
        try:
            return read_gamma_resolutions(body or b"", self._clock.now_ns())
        except Undecodable as refusal:
            raise VenueUnreachable(url, refusal.reason) from refusal

    async def _of_clob(self, condition: ConditionId) -> MarketResolved | None:
        padded = condition.ljust(_CONDITION, "0")
        url = f"{self._clob}/markets/{quote(padded, safe='')}"
        self.requests += 1
        body = await get(self._client, url, {}, patience_s=self._patience_s)
        try:
            ended = None if body is None else read_clob_resolution(body, self._clock.now_ns())
        except Undecodable as refusal:
            raise VenueUnreachable(url, refusal.reason) from refusal
        if ended is None or ended.condition.lower() != padded.lower():
            return None
        return msgspec.structs.replace(ended, condition=condition)


def _batches(items: list[_Item], size: int) -> Iterator[list[_Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]

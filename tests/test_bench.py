"""The benchmark's factory is the feed's own path."""

from dataclasses import dataclass
from itertools import islice

from polywire import bench
from polywire.exchange.rehearsal import Rehearsal
from polywire.model.units import TokenId


@dataclass
class Corpus:
    tokens: list[str]


def test_it_ends_with_the_books_a_plain_dictionary_would_hold() -> None:
    rehearsal = Rehearsal(seed=5, markets=2)
    path = bench.make(Corpus(rehearsal.tokens))
    for _, frame in islice(rehearsal.frames(), 2_000):
        path.feed(frame)
    for token in rehearsal.tokens:
        bids, asks = path.levels(token)
        assert path.best(token) == (max(bids), min(asks))
        assert len(bids) == len(path.books[TokenId(token)].bids)
    assert path.events > 2_000
    assert path.books.best_mismatches == 0


def test_an_empty_side_has_no_best_price() -> None:
    path = bench.make(Corpus(["7"]))
    path.feed(b'{"market":"0x1","asset_id":"7","bids":[],"asks":[],"timestamp":"1","event_type":"book"}')
    assert path.best("7") == (None, None)

"""Errors through a pipe: whoever asked from another process catches the same class, with the same words and fields."""

from collections.abc import Iterator

import pytest

from polywire import errors
from polywire.errors import PolywireError
from polywire.services.access.faults import error_of, refusal_of
from polywire.services.owner_protocol import Refused, answer_of, encoded_answer

FAULTS: list[PolywireError] = [
    errors.Misuse("that cannot be"),
    errors.NoCredentials("paper"),
    errors.UnknownTarget("rian", ("rain", "train")),
    errors.TooMany("tokens", 7, 6, "most_tokens"),
    errors.VenueUnreachable("http://here", "no answer", status=500),
    errors.TooOften("http://here", 7.5),
    errors.CredentialsRefused("http://here", "key-1"),
    errors.OwnerGone("/data", "has ended"),
    errors.JournalFault("/data/journal", "is full"),
    errors.JournalFull("/data/journal", 100_000),
    errors.BookNotCurrent("71", "suspect", "a change was lost", age_s=1.5, max_age_s=1.0),
    errors.NotEnoughShares(7, 6),
    errors.Undecodable("book", "no bids", ("71",)),
]


def through_a_pipe(fault: PolywireError) -> PolywireError:
    told = answer_of(encoded_answer(refusal_of(3, fault)))
    assert isinstance(told, Refused)
    assert told.id == 3
    return error_of(told)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_an_error_comes_out_as_it_went_in(fault: PolywireError) -> None:
    same = through_a_pipe(fault)
    assert type(same) is type(fault)
    assert str(same) == str(fault)
    assert vars(same) == vars(fault)


def _every(kind: type[PolywireError]) -> Iterator[type[PolywireError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _every(below)


def test_every_kind_of_error_is_found_by_its_name() -> None:
    """A class of a module of its own would come out as `PolywireError`."""
    names = [kind.__name__ for kind in _every(PolywireError)]
    assert [name for name in names if not hasattr(errors, name)] == []
    assert len(names) == len(set(names))


@pytest.mark.parametrize("kind", ["NoSuchError", "annotations", "", "Exception"])
def test_an_error_of_a_later_version_is_still_an_error(kind: str) -> None:
    error = error_of(Refused(1, "something new", [], kind, {"of": [1, 2]}))
    assert type(error) is PolywireError
    assert (str(error), vars(error)) == ("something new", {"of": (1, 2)})

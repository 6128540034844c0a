"""`services.feed.requests`: what is written to a socket, whatever comes and goes before it can be."""

from hypothesis import given
from hypothesis import strategies as st

from polywire.model.units import TokenId
from polywire.services.feed.requests import Requests
from polywire.wire.requests import IDS_A_FRAME, read_market_request
from services.feed.scripted import token

A, B = token(1), token(2)


def asked(frames: object) -> list[tuple[str, tuple[str, ...]]]:
    """Return frames as operation and tokens."""
    requests = [read_market_request(frame) for frame in frames]  # type: ignore[attr-defined]
    return [(request.operation, request.tokens) for request in requests]


def test_nothing_is_written_before_the_first_subscription_and_that_holds_all() -> None:
    requests = Requests()
    requests.want([A, B])
    assert list(requests.changes()) == []
    assert asked(requests.begin()) == [("first", (A, B))]
    assert list(requests.changes()) == []


def test_a_socket_without_tokens_is_subscribed_to_none() -> None:
    assert asked(Requests().begin()) == [("first", ())]


def test_no_frame_holds_more_than_a_hundred_ids() -> None:
    requests = Requests()
    requests.want(map(token, range(250)))
    assert [len(tokens) for _, tokens in asked(requests.begin())] == [100, 100, 50]
    requests.want(map(token, range(250, 400)))
    requests.release(map(token, range(120)))
    assert [(kind, len(tokens)) for kind, tokens in asked(requests.changes())] == [
        ("unsubscribe", 100),
        ("unsubscribe", 20),
        ("subscribe", 100),
        ("subscribe", 50),
    ]
    assert IDS_A_FRAME == 100


def test_a_token_that_leaves_and_comes_back_is_left_and_joined_so_that_its_snapshot_comes() -> None:
    requests = Requests()
    requests.want([A, B])
    list(requests.begin())
    assert requests.release([A]) == (A,)
    assert requests.want([A]) == (A,)
    assert asked(requests.changes()) == [("unsubscribe", (A,)), ("subscribe", (A,))]


def test_a_token_that_was_never_asked_for_is_not_left() -> None:
    requests = Requests()
    list(requests.begin())
    requests.want([A])
    requests.release([A])
    assert asked(requests.changes()) == []


def test_a_token_that_leaves_comes_back_and_leaves_is_left_once() -> None:
    requests = Requests()
    requests.want([A])
    list(requests.begin())
    for _ in range(3):
        requests.release([A])
        requests.want([A])
    requests.release([A])
    assert asked(requests.changes()) == [("unsubscribe", (A,))]


def test_what_changes_while_there_is_no_socket_is_in_the_next_first_frame() -> None:
    requests = Requests()
    requests.want([A])
    list(requests.begin())
    requests.end()
    requests.release([A])
    requests.want([B])
    requests.ask_again([B])
    assert list(requests.changes()) == []
    assert asked(requests.begin()) == [("first", (B,))]
    assert list(requests.changes()) == []


def test_a_snapshot_is_asked_for_anew_by_leaving_and_joining_and_only_of_what_is_wanted() -> None:
    requests = Requests()
    requests.want([A])
    list(requests.begin())
    requests.ask_again([A, B])
    assert asked(requests.changes()) == [("unsubscribe", (A,)), ("subscribe", (A,))]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["want", "release", "ask_again", "begin", "end", "changes"]),
            st.lists(st.integers(1, 4).map(token), max_size=3),
        )
    )
)
def test_the_venue_is_left_with_just_the_wanted_tokens_whatever_the_order(
    steps: list[tuple[str, list[TokenId]]],
) -> None:
    requests, venue = Requests(), set[str]()
    for what, tokens in steps:
        if what in {"want", "release", "ask_again"}:
            getattr(requests, what)(tokens)
        elif what == "end":
            requests.end()
            venue.clear()
        else:
            venue = written(venue, asked(requests.begin() if what == "begin" else requests.changes()))
    if requests.begun:
        assert written(venue, asked(requests.changes())) == set(requests.tokens)


def written(venue: set[str], frames: list[tuple[str, tuple[str, ...]]]) -> set[str]:
    """Return what the venue follows after these frames."""
    for operation, tokens in frames:
        if operation == "first":
            venue = set(tokens)
        elif operation == "unsubscribe":
            assert venue.issuperset(tokens), "unsubscribed from what was never subscribed to"
            venue = venue.difference(tokens)
        else:
            assert venue.isdisjoint(tokens), "subscribed twice: the venue sends no snapshot then"
            venue = venue.union(tokens)
    return venue

"""Every sample message of the protocol notes decodes to what its name says."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from polywire.model.levels import Levels
from polywire.model.listing import MarketListed
from polywire.wire import live, market
from polywire.wire.book_hash import BookTerms, book_hash, hash_of_texts
from polywire.wire.gamma import read_listing
from polywire.wire.requests import read_live_request, read_market_request
from polywire.wire.rest import read_rest_book
from polywire.wire.tally import Tally

pytestmark = pytest.mark.real

MARKET = {
    "ws_market_best_bid_ask": ["BestChanged"],
    "ws_market_book": ["BookReplaced"],
    "ws_market_book_initial": ["BookReplaced", "BookReplaced"],
    "ws_market_book_legacy_buys_sells": ["BookReplaced"],
    "ws_market_empty": [],
    "ws_market_last_trade_price": ["Traded"],
    "ws_market_market_resolved": ["MarketResolved"],
    "ws_market_new_market": ["MarketCreated"],
    "ws_market_price_change": ["LevelChanged", "LevelChanged"],
    "ws_market_price_change_legacy_changes": ["LevelChanged", "LevelChanged", "LevelChanged"],
    "ws_market_price_change_legacy_single": ["LevelChanged"],
    "ws_market_tick_size_change": ["TickSizeChanged"],
}
LIVE = {
    "ws_rtds_activity_orders_matched": ["ActivityMatched"],
    "ws_rtds_activity_trades": ["ActivityMatched"],
    "ws_rtds_clob_market_agg_orderbook": ["BookReplaced"],
    "ws_rtds_clob_market_price_change": ["LevelChanged"],
    "ws_rtds_comments_comment_created": ["Commented"],
    "ws_rtds_comments_reaction_created": ["Reacted"],
    "ws_rtds_crypto_prices_chainlink_update": ["CryptoPriced"],
    "ws_rtds_crypto_prices_subscribe": ["PricesBackfilled"],
    "ws_rtds_crypto_prices_twap_sixty_update": ["CryptoPriced"],
    "ws_rtds_crypto_prices_update": ["CryptoPriced"],
    "ws_rtds_equity_prices_subscribe": ["PricesBackfilled"],
    "ws_rtds_equity_prices_update": ["EquityPriced"],
    "ws_rtds_error": ["LiveRefused"],
}
MARKET_REQUESTS = {  # operation, tokens, custom flag
    "ws_market_subscribe_dynamic": ("subscribe", 1, True),
    "ws_market_subscribe_initial": ("first", 2, True),
    "ws_market_subscribe_initial_all_fields": ("first", 1, False),
    "ws_market_unsubscribe": ("unsubscribe", 1, None),
}
LIVE_REQUESTS = {
    "ws_rtds_subscribe": ("subscribe", ["comments", "crypto_prices"]),
    "ws_rtds_subscribe_filters": (
        "subscribe",
        ["activity", "crypto_prices_chainlink", "crypto_prices", "clob_market", "clob_user"],
    ),
    "ws_rtds_unsubscribe": ("unsubscribe", ["crypto_prices"]),
}


def sample(real_data: Path, name: str) -> bytes:
    return (real_data / "protocol" / "samples" / f"{name}.json").read_bytes()


def decoded(real_data: Path, name: str) -> tuple[list[str], Tally]:
    """Return the names of a sample's events, and what was counted."""
    tally = Tally()
    decode = market.decode if name in MARKET else live.decode
    return [type(event).__name__ for event in decode(sample(real_data, name), 0, tally)], tally


@pytest.mark.parametrize("name", [*MARKET, *LIVE])
def test_a_sample_decodes_to_what_its_name_says(real_data: Path, name: str) -> None:
    events, tally = decoded(real_data, name)
    assert events == (MARKET | LIVE)[name]
    assert (tally.frames, tally.undecoded, tally.unknown_fields) == (1, {}, {})


@pytest.mark.parametrize("name", MARKET_REQUESTS)
def test_a_sample_request_to_the_market_channel_is_read(real_data: Path, name: str) -> None:
    asked = read_market_request(sample(real_data, name))
    assert (asked.operation, len(asked.tokens), asked.custom) == MARKET_REQUESTS[name]
    assert (asked.initial_dump, asked.level) == (True, 2)


@pytest.mark.parametrize("name", LIVE_REQUESTS)
def test_a_sample_request_to_the_live_data_service_is_read(real_data: Path, name: str) -> None:
    asked = read_live_request(sample(real_data, name))
    assert (asked.action, [one.topic for one in asked.subscriptions]) == LIVE_REQUESTS[name]


def test_no_sample_of_the_two_channels_lacks_a_row(real_data: Path) -> None:
    files = (real_data / "protocol" / "samples").glob("ws_*.json")
    found = {path.stem for path in files if path.stem.startswith(("ws_market_", "ws_rtds_"))}
    assert found == MARKET.keys() | LIVE.keys() | MARKET_REQUESTS.keys() | LIVE_REQUESTS.keys()


# ---------------------------------------------------------------- hashes


def terms_of(book: dict[str, Any]) -> BookTerms:
    return BookTerms(book["min_order_size"], book["tick_size"], book["neg_risk"], book.get("last_trade_price"))


def texts_of(book: dict[str, Any], side: str) -> list[tuple[str, str]]:
    return [(level["price"], level["size"]) for level in book[side]]


def exact(book: dict[str, Any]) -> tuple[Levels, Levels]:
    """Return both sides in exact numbers, by the decoder's own reading of a whole frame."""
    tally = Tally()
    frame = book | {"event_type": "book"}
    (event,) = market.decode(json.dumps(frame).encode(), 0, tally)
    assert tally.undecoded == {}
    return event.bids, event.asks  # type: ignore[union-attr]  # a `book` frame is a BookReplaced


def vectors(real_data: Path) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(sample(real_data, "ws_hash_vectors"))
    return whole


def test_every_hash_vector_comes_out_of_its_texts(real_data: Path) -> None:
    listed = vectors(real_data)["vectors"]
    assert len(listed) == 4
    for vector in listed:
        book = vector["preimage_object"]
        sides = texts_of(book, "bids"), texts_of(book, "asks")
        digest = hash_of_texts(book["market"], book["asset_id"], book["timestamp"], *sides, terms_of(book))
        assert digest == vector["expected_sha1"], vector["name"]


def test_every_recorded_hash_vector_comes_out_of_exact_numbers(real_data: Path) -> None:
    """All but the official one, which is not recorded and states its asks in an order the venue never sends."""
    recorded = [one for one in vectors(real_data)["vectors"] if one["source"].startswith("live capture")]
    assert len(recorded) == 3
    for vector in recorded:
        book = vector["preimage_object"]
        digest = book_hash(book["market"], book["asset_id"], int(book["timestamp"]), *exact(book), terms_of(book))
        assert digest == vector["expected_sha1"], vector["name"]


def test_every_rest_book_of_the_vectors_states_the_hash_of_what_was_read_from_it(real_data: Path) -> None:
    books = vectors(real_data)["rest_books"]
    assert len(books) == 2
    for answer in books:
        stated = read_rest_book(json.dumps(answer).encode(), 0, Tally())
        book = stated.book
        digest = book_hash(book.condition, book.token, book.venue_ms, book.bids, book.asks, terms_of(answer))
        assert digest == book.digest == answer["hash"]


def test_a_recorded_change_states_the_hash_of_the_rest_book_after_it(real_data: Path) -> None:
    """The measured meaning of `price_changes[].hash` (docs say it is an order's): docs/protocol.md, "Book hash"."""
    whole = vectors(real_data)
    for message, answer in zip(whole["price_change_messages"], whole["rest_books"], strict=True):
        events = market.decode(json.dumps(message).encode(), 0)
        digests = {event.token: event.digest for event in events}  # type: ignore[union-attr]  # level changes all
        assert digests[answer["asset_id"]] == answer["hash"]


def test_the_recorded_snapshot_of_the_stream_states_the_hash_of_its_nine_fields(real_data: Path) -> None:
    book = json.loads(sample(real_data, "ws_market_book"))
    terms = BookTerms("5", "0.01", neg_risk=False, last_trade_price=None)  # the stream leaves them out
    assert book_hash(book["market"], book["asset_id"], int(book["timestamp"]), *exact(book), terms) == book["hash"]


# ---------------------------------------------------------------- REST


@pytest.mark.parametrize(
    ("name", "levels", "unknown"),
    [
        ("book_v1", (4, 4), {}),
        ("book_v2_empty", (0, 0), {}),
        ("older", (5, 7), {}),
    ],
)
def test_a_sample_rest_book_is_read_with_all_its_levels(
    real_data: Path, name: str, levels: tuple[int, int], unknown: dict[tuple[str, str], int]
) -> None:
    """None of them can be hashed: the first is shortened, the second's hash has eight digits, the third's no terms."""
    tally = Tally()
    answer = json.loads(sample(real_data, "rest_book"))[name]
    book = read_rest_book(json.dumps(answer).encode(), 0, tally).book
    assert (len(book.bids), len(book.asks)) == levels
    assert (book.digest, tally.unknown_fields) == (answer["hash"], unknown)


# ---------------------------------------------------------------- the catalogue


def objects_in(part: Any) -> list[dict[str, Any]]:
    """Return every market object of an answer, however deep it stands."""
    if isinstance(part, list):
        return [found for one in part for found in objects_in(one)]
    if not isinstance(part, dict):
        return []
    here = [part] if "conditionId" in part else []
    return here or [found for one in part.values() for found in objects_in(one)]


def agrees(listed: MarketListed, stated: dict[str, Any]) -> bool:
    """Return whether what was read is what the object states, read here in another way."""
    tokens = stated["positionIds"] if stated.get("version") == "v2" else stated["clobTokenIds"]
    texts = listed.slug, listed.question, listed.market, listed.ends_at, list(listed.tokens), list(listed.outcomes)
    tick, least = Decimal(str(stated["orderPriceMinTickSize"])), Decimal(str(stated["orderMinSize"]))
    return (
        texts
        == (
            stated["slug"],
            stated["question"],
            stated["id"],
            stated["endDate"],
            json.loads(tokens) if isinstance(tokens, str) else tokens,
            json.loads(stated["outcomes"]),
        )
        and (Decimal(listed.tick or 0) / 10_000, Decimal(listed.min_size or 0) / 1_000_000) == (tick, least)
        and (listed.closed, listed.neg_risk) == (stated["closed"], stated.get("negRisk", False))
    )


@pytest.mark.parametrize(
    ("name", "count"), [("rest_gamma_market", 3), ("rest_gamma_events_keyset", 3), ("rest_gamma_search", 1)]
)
def test_every_market_of_a_sample_of_the_catalogue_is_read_as_it_is_stated(
    real_data: Path, name: str, count: int
) -> None:
    parts = [part for key, part in json.loads(sample(real_data, name)).items() if key != "_provenance"]
    found = 0
    for part in parts:
        stated = {one["conditionId"]: one for one in objects_in(part)}
        listed = read_listing(json.dumps(part).encode())
        assert [one.condition for one in listed] == list(stated)
        assert all(agrees(one, stated[one.condition]) for one in listed), name
        found += len(listed)
    assert found == count


def test_the_markets_of_an_event_know_their_event(real_data: Path) -> None:
    events = json.loads(sample(real_data, "rest_gamma_search"))["search"]["events"]
    for event in events:
        listed = read_listing(json.dumps({"events": [event]}).encode())
        assert {(one.event_slug, one.event_title) for one in listed} == {(event["slug"], event["title"])}
        assert len({one.group_item for one in listed}) == len(listed) == len(event["markets"])

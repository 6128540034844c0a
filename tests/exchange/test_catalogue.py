"""What is listed, and how it is found."""

from exchange.venues import event, market
from polywire.exchange.catalogue import Catalogue


def test_a_market_is_found_by_either_token_by_slug_by_id_and_by_event() -> None:
    catalogue = Catalogue()
    catalogue.add_event(event())
    first, second = market(1), market(2, tokens=("81", "82"))
    catalogue.add_market(first)
    catalogue.add_market(second)
    assert catalogue.of_token("71") is catalogue.of_token("72") is first
    assert (catalogue.of_slug("market-2"), catalogue.of_id("2")) == (second, second)
    assert catalogue.of_event("1") == [first, second]
    assert list(catalogue.markets.values()) == [first, second]


def test_what_is_not_listed_is_not_found() -> None:
    catalogue = Catalogue()
    assert (catalogue.of_token("9"), catalogue.of_slug("x"), catalogue.of_id("9")) == (None, None, None)
    assert catalogue.of_event("9") == []

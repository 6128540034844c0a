"""Ids as the venue makes them."""

import re

from polywire.exchange.life.ids import Ids


def test_ids_look_like_the_venues() -> None:
    ids = Ids(7)
    assert re.fullmatch("0x[0-9a-f]{64}", ids.condition())
    assert re.fullmatch("0x[0-9a-f]{40}", ids.account())
    for token in ids.tokens():
        assert len(token) in {77, 78}
        assert 2**255 <= int(token) < 2**256
    assert int(ids.market()) + 1 == int(ids.market())
    assert int(ids.event()) + 1 == int(ids.event())


def test_a_seed_makes_the_same_ids_and_another_seed_others() -> None:
    assert [Ids(7).word(), Ids(7).event()] == [Ids(7).word(), Ids(7).event()]
    assert Ids(7).word() != Ids(8).word()

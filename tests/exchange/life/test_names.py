"""Invented names and written times."""

import random

from polywire.exchange.life import names


def test_people_and_laws_of_one_event_differ() -> None:
    for seed in range(50):
        rng = random.Random(seed)
        assert len({name.split()[1] for name in names.people(rng, 4)}) == 4
        assert len(set(names.acts(rng, 4))) == 4
        home, guests = names.clubs(rng)
        assert home != guests


def test_a_slug_has_only_letters_digits_and_single_hyphens() -> None:
    assert names.slug("Will Odo's  'Act' pass?") == "will-odo-s-act-pass"

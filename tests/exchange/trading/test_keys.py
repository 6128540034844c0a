"""Keys are made once for a wallet and a nonce, and nothing that proves them is kept or shown."""

import pytest

from polywire.exchange.trading.keys import Credentials, Keys
from polywire.exchange.trading.sqlite_store import opened_store

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_key_is_made_once_and_told_again_until_it_is_deleted() -> None:
    async with opened_store(None) as store:
        keys = Keys(store, (), lambda: 5)
        assert keys.derive("0xa", 0) is None
        made = keys.create("0xa", 0)
        assert made is not None
        assert keys.create("0xa", 0) is None
        assert keys.derive("0xa", 0) == made
        other, third = keys.create("0xa", 1), keys.create("0xb", 0)
        assert other is not None
        assert third is not None
        assert len({made.id, other.id, third.id}) == len({made.secret, other.secret, third.secret}) == 3
        key = keys.get(made.id)
        assert key is not None
        assert (key.address, key.nonce, key.made_ms) == ("0xa", 0, 5)
        keys.delete(key)
        assert (keys.get(made.id), keys.derive("0xa", 0)) == (None, None)
        again = keys.create("0xa", 0)
        assert again is not None
        assert again.id != made.id
        assert [key.id for key in keys.of("0xa")] == [made.id, other.id, again.id]


async def test_keys_of_an_earlier_run_are_good_and_deleted_ones_are_not() -> None:
    async with opened_store(None) as store:
        keys = Keys(store, (), lambda: 5)
        made, gone = keys.create("0xa", 0), keys.create("0xa", 1)
        assert made is not None
        assert gone is not None
        deleted = keys.get(gone.id)
        assert deleted is not None
        keys.delete(deleted)
        later = Keys(store, (await store.load()).keys, lambda: 9)
        assert later.derive("0xa", 0) == made
        assert (later.get(gone.id), later.derive("0xa", 1)) == (None, None)
        again = later.create("0xa", 1)
        assert again is not None
        assert again.id != gone.id


async def test_secret_and_passphrase_are_in_no_text_and_in_nothing_that_is_kept() -> None:
    async with opened_store(None) as store:
        keys = Keys(store, (), lambda: 5)
        made = keys.create("0xa", 0)
        assert made is not None
        for text in (repr(made), str(made), f"{made}", repr(await store.load())):
            assert made.secret not in text
            assert made.passphrase not in text


async def test_a_key_is_proved_by_all_that_belongs_to_it() -> None:
    async with opened_store(None) as store:
        keys = Keys(store, (), lambda: 5)
        made = keys.create("0xa", 0)
        assert isinstance(made, Credentials)
        key = keys.get(made.id)
        assert key is not None
        assert keys.proves(key, secret=made.secret, passphrase=made.passphrase)
        assert keys.proves(key, secret=made.secret.rstrip("="), passphrase=made.passphrase)  # some clients trim it
        assert not keys.proves(key, secret="", passphrase=made.passphrase)
        assert not keys.proves(key, secret=made.secret, passphrase="ö" + made.passphrase[1:])

"""The vault, and what it says of a file that is not as it was written."""

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from io_vaults import CHEAP, made, opened, resealed
from polywire.errors import (
    VaultDamaged,
    VaultError,
    VaultForged,
    VaultLocked,
)
from polywire.io.vault import Vault
from polywire.io.vault_file import Lock, derive

SIXTY_FOUR = "A" * 64
HEADER, SUM = 51, 32
NAMES = st.sampled_from(["POLYGON_PRIVATE_KEY", "a", "a.b-c_D", SIXTY_FOUR])
VALUES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=50)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vault"


def versions(vault: Vault) -> dict[str, int]:
    return {entry.name: entry.version for entry in vault.entries()}


def test_any_single_flipped_byte_is_refused(path: Path) -> None:
    """The whole file, byte by byte: never a wrong value, never anything but a VaultError."""
    made(path, A="one", B="two", C="x" * 100).remove("C")
    good = path.read_bytes()
    for place in range(len(good)):
        path.write_bytes(good[:place] + bytes((good[place] ^ 1 << place % 8,)) + good[place + 1 :])
        with pytest.raises(VaultDamaged):
            opened(path)
    path.write_bytes(good)
    assert opened(path).get("B") == "two"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    path = tmp_path_factory.mktemp("good") / "vault"
    made(path, A="one", B="two")
    return path, path.read_bytes()


@settings(max_examples=200, deadline=None)
@given(drawn=st.data())
def test_any_byte_that_is_altered_on_purpose_is_refused(good: tuple[Path, bytes], drawn: st.DataObject) -> None:
    """With the checksum mended, so that it is the seals that hold. Byte 8 is scrypt's n, which is bounded below."""
    path, data = good
    place = drawn.draw(st.integers(0, len(data) - SUM - 1).filter(lambda place: place != 8))
    other = drawn.draw(st.integers(0, 255).filter(lambda byte: byte != data[place]))
    path.write_bytes(resealed(data[:place] + bytes((other,)) + data[place + 1 :]))
    with pytest.raises(VaultError):
        opened(path)


def test_any_truncation_is_told_with_its_numbers(path: Path) -> None:
    made(path, A="one")
    good = path.read_bytes()
    for size in range(len(good)):
        path.write_bytes(good[:size])
        with pytest.raises(VaultDamaged, match=f"{size} bytes"):
            opened(path)
    path.write_bytes(good + b"\0")
    with pytest.raises(VaultDamaged, match="something was added to it"):
        opened(path)


def test_a_file_that_is_something_else_is_told_so(path: Path) -> None:
    path.touch(mode=0o600)
    path.write_bytes(b"#!/bin/sh\n" * 20)
    with pytest.raises(VaultDamaged, match="its 200 bytes do not begin as a vault does"):
        opened(path)


def test_a_format_of_later_days_is_named(path: Path) -> None:
    made(path)
    data = path.read_bytes()
    path.write_bytes(resealed(data[:7] + b"\x02" + data[8:]))
    with pytest.raises(VaultDamaged, match="it has format 2, and this version of Polywire knows format 1"):
        opened(path)


def test_no_file_makes_us_take_more_than_a_gibibyte(path: Path) -> None:
    made(path)
    data = path.read_bytes()
    for cost in (b"\x3f\x08\x01", b"\x0a\xff\x01", b"\x0a\x08\xff", b"\x00\x08\x01"):
        path.write_bytes(resealed(data[:8] + cost + data[11:]))
        with pytest.raises(VaultDamaged, match="no vault is locked with n = 2"):
            opened(path)


def parts(data: bytes) -> tuple[bytes, list[bytes]]:
    """Return a file up to its entries, and the sealed entries of three signs each."""
    (size,) = struct.unpack_from(">I", data, HEADER + 12)
    start = HEADER + 16 + size
    sealed = data[start:-SUM]
    each = 12 + 3 + 16
    return data[:start], [sealed[at : at + each] for at in range(0, len(sealed), each)]


def put_together(head: bytes, sealed: list[bytes]) -> bytes:
    whole = head + b"".join(sealed)
    whole = whole[:43] + struct.pack(">Q", len(whole) + SUM) + whole[51:]
    return resealed(whole + bytes(SUM))


def test_entries_that_were_exchanged_are_told_by_name(path: Path) -> None:
    made(path, A="one", B="two")
    head, (first, second) = parts(path.read_bytes())
    path.write_bytes(put_together(head, [second, first]))
    with pytest.raises(VaultForged, match="altered by somebody: what stands at A is not version 1 of it"):
        opened(path)


def test_an_old_value_that_was_put_back_is_told_by_name_and_version(path: Path) -> None:
    vault = made(path, A="old")
    _, old = parts(path.read_bytes())
    vault.set("A", "new")
    head, _ = parts(path.read_bytes())
    path.write_bytes(put_together(head, old))
    with pytest.raises(VaultForged, match="what stands at A is not version 2 of it"):
        opened(path)


def test_an_entry_that_was_taken_out_or_added_is_told(path: Path) -> None:
    made(path, A="one", B="two")
    head, (first, second) = parts(path.read_bytes())
    for sealed in ([first], [first, second, second]):
        path.write_bytes(put_together(head, sealed))
        with pytest.raises(VaultForged, match=f"its entries have {31 * len(sealed)} bytes, and its index names 62"):
            opened(path)


def test_an_index_of_one_file_does_not_open_with_the_entries_of_another(path: Path) -> None:
    vault = made(path, A="one")
    before, _ = parts(path.read_bytes())
    vault.set("A", "two")
    _, sealed = parts(path.read_bytes())
    path.write_bytes(put_together(before, sealed))
    with pytest.raises(VaultForged, match="what stands at A is not version 1 of it"):
        opened(path)


def test_a_value_opens_under_its_own_name_and_version_only() -> None:
    """Even to somebody who has the key and writes an index of his own by mistake: the seal holds by itself."""
    from polywire.io.vault_file import Entry, opened_entry, sealed_entry  # noqa: PLC0415

    key = derive(b"x", Lock(CHEAP, bytes(32)))
    entry = sealed_entry("A", "one", 3, 0, key)
    assert opened_entry("A", entry, key, "here") == "one"
    for name, version in (("B", 3), ("A", 2), ("A\x003", 3)):
        with pytest.raises(VaultForged, match="was not sealed as version"):
            opened_entry(name, Entry(version, 0, entry.sealed), key, "here")


def test_an_old_copy_of_the_whole_file_is_noticed_by_whoever_saw_the_new_one(path: Path) -> None:
    vault = made(path, A="one")
    old = path.read_bytes()
    vault.set("A", "two")
    path.write_bytes(old)
    with pytest.raises(VaultForged, match=r"an old copy was put back \(write 2 after write 3\)"):
        vault.get("A")
    assert opened(path).get("A") == "one"  # who comes later cannot know


def test_another_vault_in_its_place_is_not_written_to(path: Path) -> None:
    vault = made(path, A="one")
    path.unlink()
    made(path, A="two")
    with pytest.raises(VaultLocked):
        vault.set("A", "three")
    assert opened(path).get("A") == "two"


def test_a_file_that_went_away_is_not_made_anew_by_a_change(path: Path) -> None:
    vault = made(path, A="one")
    path.unlink()
    with pytest.raises(VaultError, match="is not there"):
        vault.set("B", "two")
    assert not path.exists()


def test_nothing_is_written_over_a_damaged_file(path: Path) -> None:
    vault = made(path, A="one")
    data = path.read_bytes()[:-1]
    path.write_bytes(data)
    for change in (lambda: vault.set("B", "two"), lambda: vault.remove("A")):
        with pytest.raises(VaultDamaged, match="put a copy of it back"):
            change()
    assert path.read_bytes() == data

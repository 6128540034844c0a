"""The vault: what it keeps, whom it lets in, and what becomes of it where several write."""

import fcntl
import json
import subprocess
import sys
import time
import unicodedata
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from io_vaults import CHEAP, PASSPHRASE, made, opened
from polywire.errors import (
    FileExposed,
    Misuse,
    NoSuchEntry,
    PolywireError,
    VaultBusy,
    VaultError,
    VaultLocked,
)
from polywire.io.vault import Vault
from polywire.io.vault_file import Cost, unpacked

SIXTY_FOUR = "A" * 64
HEADER, SUM = 51, 32
NAMES = st.sampled_from(["POLYGON_PRIVATE_KEY", "a", "a.b-c_D", SIXTY_FOUR])
VALUES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=50)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vault"


def versions(vault: Vault) -> dict[str, int]:
    return {entry.name: entry.version for entry in vault.entries()}


# ---------------------------------------------------------------- what it keeps


def test_what_is_set_is_there_after_it_was_opened_again(path: Path) -> None:
    made(path, A="one", B="zwei Äpfel")
    vault = opened(path)
    assert (vault.get("A"), vault.get("B"), vault.get("C")) == ("one", "zwei Äpfel", None)
    assert versions(vault) == {"A": 1, "B": 1}


def test_each_value_of_a_name_has_a_version_of_its_own_even_after_the_name_was_gone(path: Path) -> None:
    vault = made(path, A="one")
    assert vault.set("A", "two") == 2
    vault.remove("A")
    assert versions(vault) == {}
    assert opened(path).set("A", "three") == 3
    assert vault.get("A") == "three"


def test_an_entry_says_when_it_was_changed(path: Path) -> None:
    before = time.time_ns() // 1_000_000
    [entry] = made(path, A="one").entries()
    assert before <= entry.changed_ms <= time.time_ns() // 1_000_000


def test_what_is_removed_is_no_longer_in_the_file_and_what_is_not_there_cannot_be(path: Path) -> None:
    vault = made(path, A="one" * 1_000)
    vault.remove("A")
    assert path.stat().st_size < 1_000
    with pytest.raises(NoSuchEntry, match="holds no A; `polywire vault list`"):
        vault.remove("A")


def test_no_byte_of_a_name_or_a_value_is_in_the_file_in_clear(path: Path) -> None:
    made(path, POLYGON_PRIVATE_KEY="sesame-in-clear")
    data = path.read_bytes()
    assert b"POLYGON" not in data
    assert b"sesame" not in data


def test_the_same_value_is_never_sealed_the_same_way_twice(path: Path) -> None:
    vault = made(path, A="one")
    first = path.read_bytes()
    vault.set("A", "one")
    assert path.read_bytes()[HEADER:] != first[HEADER:]


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ä", SIXTY_FOUR + "A", "a\n"])
def test_a_name_that_is_none_is_refused_without_repeating_it(path: Path, name: str) -> None:
    with pytest.raises(Misuse, match=f"its {len(name)} signs are no name"):
        made(path).set(name, "one")


@pytest.mark.parametrize("value", ["", "x" * 65_537])
def test_a_value_has_a_length_that_a_secret_can_have(path: Path, value: str) -> None:
    vault = made(path)
    with pytest.raises(Misuse, match="a value has 1 to 65,536 bytes"):
        vault.set("A", value)
    assert vault.set("A", "x" * 65_536) == 1


def test_it_is_full_at_some_size_and_what_it_held_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polywire.io.vault._LARGEST", 200_000)  # eight mebibytes take long to fill
    vault = made(path, A="x" * 60_000, B="x" * 60_000, C="x" * 60_000)
    with pytest.raises(VaultError, match=r"would have 240,\d{3} bytes, and 200,000 is the most; remove some"):
        vault.set("D", "x" * 60_000)
    assert versions(opened(path)) == {"A": 1, "B": 1, "C": 1}


class TheVaultIsADictionary(RuleBasedStateMachine):
    """Any sequence of sets, removals and openings equals what a dictionary holds."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile  # noqa: PLC0415

        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "vault"
        self.vault, self.other = made(self.path), opened(self.path)
        self.held = dict[str, str]()
        self.last = dict[str, int]()

    @rule(name=NAMES, value=VALUES)
    def set(self, name: str, value: str) -> None:
        self.held[name] = value
        self.last[name] = self.last.get(name, 0) + 1
        assert self.vault.set(name, value) == self.last[name]

    @rule(name=NAMES)
    def remove(self, name: str) -> None:
        if name in self.held:
            self.vault.remove(name)
            del self.held[name]
        else:
            with pytest.raises(NoSuchEntry):
                self.vault.remove(name)

    @rule()
    def open_again(self) -> None:
        self.vault = opened(self.path)

    @rule()
    def take_the_other(self) -> None:
        self.vault, self.other = self.other, self.vault

    @invariant()
    def it_holds_what_the_dictionary_holds(self) -> None:
        assert {entry.name: self.vault.get(entry.name) for entry in self.vault.entries()} == self.held
        assert versions(self.vault) == {name: self.last[name] for name in self.held}

    def teardown(self) -> None:
        self.folder.cleanup()


test_any_sequence_of_changes_equals_a_dictionary = TheVaultIsADictionary.TestCase
test_any_sequence_of_changes_equals_a_dictionary.settings = settings(
    max_examples=30, stateful_step_count=20, deadline=None
)


# ---------------------------------------------------------------- whom it lets in


@pytest.mark.parametrize("wrong", ["", "correct horse batterY", PASSPHRASE + " ", "x" * 1_000])
def test_a_wrong_passphrase_is_told_as_such_and_changes_nothing(path: Path, wrong: str) -> None:
    made(path, A="one")
    before = path.read_bytes()
    with pytest.raises(VaultLocked, match="is not opened by this passphrase"):
        opened(path, wrong)
    assert path.read_bytes() == before
    assert opened(path).get("A") == "one"


def test_a_passphrase_is_the_same_whichever_keyboard_wrote_its_accents(path: Path) -> None:
    one, other = (unicodedata.normalize(form, "Ångström-Größe") for form in ("NFC", "NFD"))
    assert one != other
    Vault.create(path, one, cost=CHEAP).set("A", "one")
    assert opened(path, other).get("A") == "one"


def test_a_new_vault_is_not_locked_with_what_can_be_guessed(path: Path) -> None:
    with pytest.raises(Misuse, match="a passphrase of 7 signs can be guessed; take 8 or more"):
        Vault.create(path, "sesame7", cost=CHEAP)
    assert not path.exists()


def test_a_vault_that_is_there_is_never_made_anew(path: Path) -> None:
    made(path, A="one")
    with pytest.raises(VaultError, match="is there already, and was not touched"):
        Vault.create(path, PASSPHRASE, cost=CHEAP)
    assert opened(path).get("A") == "one"


def test_a_passphrase_costs_what_the_issue_asks_for(path: Path) -> None:
    Vault.create(path, PASSPHRASE).set("A", "one")
    assert Vault.look_at(path).cost == Cost(log_n=17, r=8, p=1)
    assert opened(path).get("A") == "one"


def test_the_passphrase_is_not_asked_for_its_key_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One derivation an opening: here a second one would fail."""
    made(path)
    vault = opened(path)
    monkeypatch.setattr("polywire.io.vault.derive", None)
    vault.set("A", "one")
    assert vault.get("A") == "one"
    vault.remove("A")


def test_where_there_is_none_it_says_how_to_make_one(path: Path) -> None:
    with pytest.raises(VaultError, match="is not there; `polywire vault set NAME` makes one"):
        opened(path)


def test_its_file_and_its_lock_are_ours_alone_from_the_first(path: Path) -> None:
    made(path, A="one")
    assert {file.name: oct(file.stat().st_mode & 0o777) for file in path.parent.iterdir()} == {
        "vault": "0o600",
        ".vault.lock": "0o600",
    }


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o604, 0o700])
def test_a_file_that_others_could_have_written_is_refused(path: Path, mode: int) -> None:
    made(path, A="one")
    path.chmod(mode)
    with pytest.raises(FileExposed, match=f"has mode 0{mode:o} and may have 0600 at most.*run: chmod 600"):
        opened(path)


def test_a_link_in_its_place_is_not_followed(path: Path) -> None:
    made(path.with_name("elsewhere"), A="one")
    path.symlink_to(path.with_name("elsewhere"))
    with pytest.raises(PolywireError, match="cannot be read"):
        opened(path)
    with pytest.raises(VaultError, match="is there already"):
        Vault.create(path, PASSPHRASE, cost=CHEAP)


def test_it_shows_nothing_of_itself(path: Path) -> None:
    vault = made(path, A="sesame-one")
    assert repr(vault) == f"Vault({str(path)!r})"


# ---------------------------------------------------------------- several at a time


SET_MANY = """
import pathlib, sys
from polywire.io.vault import Vault
vault = Vault.open(pathlib.Path(sys.argv[1]), sys.argv[2])
for number in range(30):
    vault.set(f"{sys.argv[3]}{number}", f"{sys.argv[3]}-{number}")
    vault.set("shared", sys.argv[3])
"""


def test_processes_that_write_at_the_same_time_lose_nothing_of_each_other(path: Path) -> None:
    made(path)
    writers = [
        subprocess.Popen([sys.executable, "-c", SET_MANY, str(path), PASSPHRASE, name]) for name in ("a", "b", "c")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    vault = opened(path)
    assert versions(vault)["shared"] == 90
    assert {f"{name}{number}": f"{name}-{number}" for name in "abc" for number in range(30)}.items() <= {
        entry.name: vault.get(entry.name) for entry in vault.entries()
    }.items()


def test_who_waits_too_long_for_another_writer_is_told(path: Path) -> None:
    made(path, A="one")
    vault = opened(path)
    with path.with_name(".vault.lock").open("r") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(VaultBusy, match=r"has been in use by another process for 0\.05 s"):
            vault.set("A", "two")
        assert vault.get("A") == "one"  # reading waits for nobody
    assert vault.set("A", "two") == 2


def test_readers_never_see_half_a_write(path: Path) -> None:
    vault = made(path, A="0" * 10_000)
    seen, failed = set[str](), list[Exception]()
    reader = opened(path)

    def read() -> None:
        try:
            for _ in range(300):
                seen.add(reader.get("A") or "")
        except PolywireError as fault:
            failed.append(fault)

    thread = Thread(target=read)
    thread.start()
    number = 0
    while thread.is_alive():
        number = (number + 1) % 10
        vault.set("A", str(number) * 10_000)
    thread.join(10)
    assert failed == []
    assert seen <= {str(digit) * 10_000 for digit in range(10)}


def test_what_a_killed_writer_left_beside_it_goes_with_the_next_write(path: Path) -> None:
    vault = made(path, A="one")
    left = path.with_name(".vault.new")
    left.write_bytes(b"half of a")
    assert vault.get("A") == "one"
    vault.set("B", "two")
    assert not left.exists()


def test_a_disk_that_is_full_leaves_the_old_file(path: Path) -> None:
    made(path, A="one")
    code = """
import pathlib, resource, signal, sys
from polywire.errors import PolywireError
from polywire.io.vault import Vault
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
vault = Vault.open(pathlib.Path(sys.argv[1]), sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))
try:
    vault.set("B", "x" * 10_000)
except PolywireError as refusal:
    print(refusal)
"""
    told = subprocess.run(
        [sys.executable, "-c", code, str(path), PASSPHRASE], capture_output=True, text=True, check=True
    )
    assert "cannot be written: File too large; what was there still is" in told.stdout
    vault = opened(path)
    assert versions(vault) == {"A": 1}
    assert [file.name for file in path.parent.iterdir() if file.name.endswith(".new")] == []


def test_the_key_that_opens_it_is_scrypts(path: Path) -> None:
    """By the standard library's scrypt: another program can open it from docs/credentials.md alone."""
    import hashlib  # noqa: PLC0415

    made(path, A="one")
    data, lock = path.read_bytes(), Vault.look_at(path)
    key = hashlib.scrypt(PASSPHRASE.encode(), salt=lock.salt, n=1 << 10, r=8, p=1, dklen=32)
    assert list(unpacked(data, key, "here").entries) == ["A"]
    assert json.dumps(versions(opened(path))) == '{"A": 1}'

"""Tokens: told once, known again, removed at once; nothing that opens a door is on disk."""

import stat
from pathlib import Path

import pytest

from polywire.errors import FileExposed, Misuse, PolywireError
from polywire.io.tokens import FILE, TOKEN, Tokens
from polywire.model.roles import Grant, Role


def test_a_token_is_known_by_every_process_with_the_roles_it_was_given(tmp_path: Path) -> None:
    token = Tokens(tmp_path).make("laptop", [Role.READ, Role.PUBLISH])
    assert TOKEN.fullmatch(token)
    assert Tokens(tmp_path).check(token) == Grant("laptop", frozenset({Role.READ, Role.PUBLISH}))


def test_what_is_on_disk_opens_nothing_and_is_its_owners_alone(tmp_path: Path) -> None:
    token = Tokens(tmp_path).make("laptop", [Role.READ])
    kept = (tmp_path / FILE).read_text()
    assert token not in kept
    assert token.split("_")[2] not in kept
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert Tokens(tmp_path).check(Tokens(tmp_path).all()[0].sha256) is None


@pytest.mark.parametrize(
    "change", [lambda token: token[:-1] + "AB"[token[-1] == "A"], lambda token: token + "A", str.upper]
)
def test_a_token_that_is_off_by_one_sign_is_not_known(tmp_path: Path, change: "type[str]") -> None:
    tokens = Tokens(tmp_path)
    assert tokens.check(change(tokens.make("laptop", [Role.READ]))) is None
    assert tokens.check("") is None


def test_a_running_process_knows_tokens_made_later_and_forgets_removed_ones(tmp_path: Path) -> None:
    running = Tokens(tmp_path)
    assert running.check("pw_00000000_" + "A" * 43) is None
    other = Tokens(tmp_path)
    first, second = other.make("one", [Role.READ]), other.make("two", [Role.ADMIN])
    assert running.check(first)
    other.remove("one")
    assert running.check(first) is None
    assert running.check(second) == Grant("two", frozenset({Role.ADMIN}))
    (tmp_path / FILE).unlink()
    assert running.check(second) is None


def test_what_cannot_be_made_or_removed_is_told_and_changes_nothing(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    tokens.make("laptop", [Role.READ])
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(Misuse, match="there is a token 'laptop' already"):
        tokens.make("laptop", [Role.READ])
    with pytest.raises(Misuse, match="is no name for a token"):
        tokens.make("a b", [Role.READ])
    with pytest.raises(Misuse, match="needs a role: read, publish, trade, admin"):
        tokens.make("other", [])
    with pytest.raises(Misuse, match="there is no token 'other'; there are: laptop"):
        tokens.remove("other")
    assert (tmp_path / FILE).read_bytes() == before


def test_a_file_that_others_may_read_or_that_is_damaged_lets_nobody_in(tmp_path: Path) -> None:
    token = Tokens(tmp_path).make("laptop", [Role.READ])
    (tmp_path / FILE).chmod(0o644)
    with pytest.raises(FileExposed, match="chmod 600"):
        Tokens(tmp_path).check(token)
    (tmp_path / FILE).chmod(0o600)
    (tmp_path / FILE).write_bytes(b'[{"id":')
    with pytest.raises(PolywireError, match="is damaged, so no token is good"):
        Tokens(tmp_path).check(token)

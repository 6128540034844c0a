"""Files that only we may read: what is refused, and how they are made."""

import os
import stat
from pathlib import Path

import pytest

from polywire.errors import FileExposed, PolywireError
from polywire.io.private_files import (
    LARGEST,
    LockTimeout,
    check_private,
    locked,
    private_folder,
    read_private,
    write_private,
)


def test_what_is_not_there_is_none_and_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    assert read_private(path) is None
    with locked(path, 1.0):
        write_private(path, b"x" * 3_000_000)
    assert read_private(path) == b"x" * 3_000_000


@pytest.mark.parametrize("mask", [0o000, 0o777])
def test_a_file_is_0600_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    former = os.umask(mask)
    try:
        write_private(tmp_path / "a", b"x")
    finally:
        os.umask(former)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_a_loose_file_is_tight_after_it_was_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.touch(mode=0o666)
    write_private(path, b"x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_temporary_name_that_leads_elsewhere_is_not_written_through(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    (tmp_path / ".a.new").symlink_to(precious)
    write_private(tmp_path / "a", b"x")
    assert (precious.read_bytes(), read_private(tmp_path / "a")) == (b"precious", b"x")


def test_a_pipe_a_folder_and_a_link_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("pipe")
    for name, why in (("pipe", "is no plain file"), ("folder", "is no plain file"), ("link", "cannot be read")):
        with pytest.raises(PolywireError, match=why):
            read_private(tmp_path / name)


def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.touch(mode=0o600)
    fields = list(path.stat())
    fields[stat.ST_UID] = os.geteuid() + 1
    with pytest.raises(FileExposed, match=f"belongs to user {os.geteuid() + 1} and we are user {os.geteuid()}"):
        check_private(path, os.stat_result(fields))


def test_a_file_larger_than_any_of_ours_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.touch(mode=0o600)
    os.truncate(path, LARGEST + 1)
    with pytest.raises(PolywireError, match="has over 16,777,216 bytes"):
        read_private(path)


def test_a_folder_that_has_to_be_made_is_ours_alone(tmp_path: Path) -> None:
    assert stat.S_IMODE(private_folder(tmp_path / "a").stat().st_mode) == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(PolywireError, match="choose another with --data"):
        private_folder(tmp_path / "file" / "b")


def test_a_lock_keeps_others_out_and_is_free_however_its_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with pytest.raises(ZeroDivisionError), locked(path, 0.0):  # noqa: PT012 - two things at once
        with pytest.raises(LockTimeout), locked(path, 0.02):
            pass
        1 / 0  # noqa: B018 - some error
    with locked(path, 0.0):
        pass


def test_what_cannot_be_written_is_told_and_leaves_what_was_there(tmp_path: Path) -> None:
    with pytest.raises(PolywireError, match="cannot be written: No such file or directory; what was there still is"):
        write_private(tmp_path / "missing" / "a", b"x")
    with pytest.raises(PolywireError, match="cannot be written"), locked(tmp_path / "missing" / "a", 0.0):
        pass
    (tmp_path / "folder").mkdir()
    with pytest.raises(PolywireError, match="cannot be written"):
        write_private(tmp_path / "folder", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]

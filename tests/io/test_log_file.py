"""The owner's log: what goes there, and who may read it."""

import logging
import stat
from pathlib import Path

from polywire.io.log_file import logging_to


def test_warnings_of_every_logger_go_to_a_file_of_ours_alone_and_chatter_does_not(tmp_path: Path) -> None:
    path = tmp_path / "polywire.log"
    with logging_to(path):
        logging.getLogger("a.library").info("chatter")
        assert not path.exists()  # a run without trouble leaves none
        logging.getLogger("a.library").warning("trouble")
        logging.getLogger("polywire.mcp").error("more of it")
    logging.getLogger("a.library").warning("afterwards")
    lines = path.read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["WARNING a.library: trouble", "ERROR polywire.mcp: more of it"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_does_not_grow_without_end_and_what_follows_is_private_too(tmp_path: Path) -> None:
    path = tmp_path / "polywire.log"
    with logging_to(path):
        for _ in range(3):
            logging.getLogger("a.library").warning("x" * 600_000)
    assert {stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()} == {0o600}
    assert sorted(one.name for one in tmp_path.iterdir()) == ["polywire.log", "polywire.log.1"]

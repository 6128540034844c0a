"""The log of an owner: warnings and errors of all loggers, in a file of ours alone, never on the terminal's board."""

import logging
import logging.handlers
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Final

FILE: Final = "polywire.log"
"""In the data directory; one older one is kept as `polywire.log.1`."""

_LARGEST: Final = 1 << 20


class _PrivateFile(logging.handlers.RotatingFileHandler):
    """A rotating file, each born 0600."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8")


@contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Have warnings and errors of every logger appended to a file until the block ends, in UTC.

    A library that finds no handler and would set one of its own (on the terminal) finds this one.
    """
    handler = _PrivateFile(path, maxBytes=_LARGEST, backupCount=1, delay=True)
    handler.setLevel(logging.WARNING)
    form = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    form.converter = time.gmtime
    handler.setFormatter(form)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()

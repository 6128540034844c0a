"""Secrets kept out of every log record, whoever writes it and wherever it goes.

Libraries log what they send and get: at debug level a header, at error level a URL. The record itself is made without
the secret here, so that no handler of anybody's has to think of it.
"""

import logging
import re
from collections.abc import Iterable
from typing import Any, Final

HIDDEN: Final = "***"
_LEAST: Final = 8  # shorter secrets would blank out ordinary words

# What a secret is called where it stands in a text: header, JSON, keyword or query; what follows it is hidden.
_NAMED: Final = re.compile(
    r"""(?ix) \b
    (authorization|poly[_-](?:passphrase|signature)|private_?key|api_?secret|polymarket_api_secret|passphrase|secret
    |password|(?:access|auth|refresh)_token|cookie)
    (["']?\s*(?:[:=,]|=>)\s*(?:b?["'])?)
    ((?:bearer\s+)?[^\s"',)}\]]+)"""
)
_SHAPED: Final = re.compile(r"pw_[0-9a-f]{8}_[A-Za-z0-9_-]{43}|(?i:\bbearer\s+)[\w.~+/=-]{8,}")


class Redaction:
    """Hides what is registered, what stands beside a telling name, and what looks like one of our tokens."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def hide(self, secrets: Iterable[str]) -> None:
        """Have these hidden from now on, wherever they stand; those under eight signs are not."""
        self._known.update(secret for secret in secrets if len(secret) >= _LEAST)
        longest_first = sorted(self._known, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """Return a text without the secrets in it.

        >>> Redaction().text("sent {'Authorization': 'Bearer abcdefgh12345'} to /orders")
        "sent {'Authorization': '***'} to /orders"
        """
        if self._pattern is not None:
            text = self._pattern.sub(HIDDEN, text)
        text = _SHAPED.sub(HIDDEN, text)
        return _NAMED.sub(rf"\1\2{HIDDEN}", text)

    def install(self) -> None:
        """Have every log record of this process made through us, until it ends."""
        make = logging.getLogRecordFactory()

        def redacted(*given: Any, **more: Any) -> logging.LogRecord:
            record = make(*given, **more)
            try:
                whole = record.getMessage()
            except Exception:  # noqa: BLE001 - a record that cannot be shown is its writer's fault, and told by logging
                return record
            clean = self.text(whole)
            if clean != whole:
                record.msg, record.args = clean, None
            if record.exc_info and record.exc_info[0] is not None:
                told = logging.Formatter().formatException(record.exc_info)
                safe = self.text(told)
                if safe != told:  # the exception object would be shown by whoever formats it anew
                    record.exc_info, record.exc_text = None, safe
            return record

        logging.setLogRecordFactory(redacted)

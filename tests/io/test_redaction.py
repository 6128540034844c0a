"""Secrets that a log record was about to carry, and what is left of them."""

import io
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.io.redaction import HIDDEN, Redaction

TOKEN = "pw_0a1b2c3d_" + "Zz09_-" * 7 + "x"


@pytest.mark.parametrize(
    ("told", "left"),
    [
        ("headers={'POLY_PASSPHRASE': 'open sesame', 'n': 1}", "headers={'POLY_PASSPHRASE': '*** sesame', 'n': 1}"),
        ('{"secret":"c2VjcmV0","key":"7f1a"}', '{"secret":"***","key":"7f1a"}'),
        ("GET /x?access_token=abc123&limit=5", "GET /x?access_token=***"),
        ("Authorization: Bearer abcdef0123456789", "Authorization: ***"),
        (f"let in with {TOKEN}.", f"let in with {HIDDEN}."),
        ("the token 1234 of condition 0xabc moved", "the token 1234 of condition 0xabc moved"),
        ("token=87406982498873203719411659150970640279898825276340143697863717", None),  # an outcome token is no secret
    ],
)
def test_what_stands_beside_a_telling_name_is_hidden(told: str, left: str | None) -> None:
    assert Redaction().text(told) == (told if left is None else left)


@given(st.text(min_size=8, max_size=40), st.text(max_size=60), st.text(max_size=60))
def test_a_registered_secret_is_never_left_whole(secret: str, before: str, after: str) -> None:
    redaction = Redaction()
    redaction.hide([secret])
    if secret not in HIDDEN:
        assert secret not in redaction.text(before + secret + after)


def test_a_short_secret_is_not_hidden_for_it_would_blank_out_ordinary_words() -> None:
    redaction = Redaction()
    redaction.hide(["the", "price"])
    assert redaction.text("the price of it") == "the price of it"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a handler of somebody's writes, of a logger of somebody's, with our redaction in force."""
    make, stream = logging.getLogRecordFactory(), io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("somebody.elses")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    redaction = Redaction()
    redaction.hide(["open sesame 5e5e"])
    redaction.install()
    yield stream
    logging.setLogRecordFactory(make)
    logger.removeHandler(handler)
    logger.propagate = True


def test_whoever_logs_a_secret_by_whatever_handler_writes_none(written: io.StringIO) -> None:
    logger = logging.getLogger("somebody.elses")
    logger.debug("sent %s with %r", {"a": 1}, {"x": "open sesame 5e5e"})
    logger.info("as it is: 100%", extra={"more": 1})
    try:
        raise ValueError("could not open with open sesame 5e5e")
    except ValueError:
        logger.exception("failed")
    logger.error("nothing failed", exc_info=(None, None, None))
    told = written.getvalue()
    assert "sesame" not in told
    assert "sent {'a': 1} with {'x': '***'}" in told
    assert "as it is: 100%" in told
    assert "ValueError: could not open with ***" in told

"""What proves who we are is never shown, by whichever way a program shows things."""

import pprint
from io import StringIO

import pytest
from rich.console import Console
from rich.pretty import pretty_repr
from rich.traceback import Traceback

from polywire.model.credentials import ApiCredentials, WalletKey

SECRET, PASSPHRASE, KEY = "c2VzYW1lLW9uZQ==", "sesame-two", "5e5a3e" * 10 + "5e5a"
BOTH = [ApiCredentials("7f1a", SECRET, PASSPHRASE, "0x12"), WalletKey(KEY, "0x12")]


def shown(text: str) -> bool:
    return any(secret in text for secret in (SECRET, PASSPHRASE, KEY))


@pytest.mark.parametrize("credentials", BOTH, ids=["api", "wallet"])
@pytest.mark.parametrize("show", [str, repr, pprint.pformat, pretty_repr, "{}".format, "%s".__mod__])
def test_no_text_of_them_shows_a_secret(credentials: object, show: object) -> None:
    assert callable(show)
    assert "0x12" in show(credentials)
    assert not shown(show(credentials))
    assert not shown(show([credentials, {"inside": credentials}]))


def test_a_traceback_with_locals_shows_none() -> None:
    screen = StringIO()
    try:
        held = BOTH  # noqa: F841 - seen by the traceback
        int("no")
    except ValueError:
        Console(file=screen, width=200).print(Traceback(show_locals=True))
    assert "held" in screen.getvalue()
    assert "***" in screen.getvalue()
    assert not shown(screen.getvalue())

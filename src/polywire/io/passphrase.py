"""Secrets from people: typed without echo, or from a descriptor or a file; never from argv or the environment."""

import contextlib
import getpass
import os
import sys
import warnings
from pathlib import Path
from typing import Final

import msgspec

from polywire.errors import Misuse, PolywireError
from polywire.io.private_files import read_private

_LONGEST: Final = 4_096
_LONGEST_VALUE: Final = 1 << 17  # the vault says what it takes
_STANDARD: Final = 2
_OTHER_WAYS: Final = "give it with --passphrase-fd N or --passphrase-file FILE"


class Way(msgspec.Struct, frozen=True):
    """Where a passphrase comes from; from the terminal where neither is said."""

    descriptor: int | None = None
    file: Path | None = None


def read_passphrase(way: Way, prompt: str, *, twice: bool = False) -> str:
    """Return a passphrase, without the end of its line.

    Args:
        way: Where it comes from. A descriptor is read up to the end of its first line, and closed unless it is one of
            the standard ones, so that no child has it.
        prompt: What a person is asked.
        twice: Whether a person has to type it a second time: nobody can see what he types.

    Raises:
        Misuse: It is empty, no text, or was not typed the same way twice; or there is no terminal.
        FileExposed: The file is not ours alone.
        PolywireError: It cannot be read.
    """
    if way.descriptor is not None and way.file is not None:
        raise Misuse("--passphrase-fd and --passphrase-file were both given, and one is enough")
    if way.descriptor is not None:
        given = _line(_from_descriptor(way.descriptor), f"descriptor {way.descriptor}")
    elif way.file is not None:
        content = read_private(way.file, follow=True)
        if content is None:
            raise PolywireError(f"{way.file} is not there; a passphrase was to be read from it")
        given = _line(content, str(way.file))
    else:
        given = ask_hidden(prompt, _OTHER_WAYS)
        if twice and given != ask_hidden("The same again: ", _OTHER_WAYS):
            raise Misuse("it was not typed the same way twice; nothing was changed, try again")
    if not given:
        raise Misuse("the passphrase is empty; nothing was changed, try again")
    return given


def read_value(name: str) -> str:
    """Return a secret to be kept: typed without echo on a terminal, else all of standard input but a last newline.

    Raises:
        Misuse: It is no text, or longer than any that is kept.
    """
    if sys.stdin.isatty():
        return ask_hidden(f"Value of {name}: ", "give it on standard input")
    content = sys.stdin.buffer.read(_LONGEST_VALUE + 1)
    if len(content) > _LONGEST_VALUE:
        raise Misuse(f"the value on standard input has over {_LONGEST_VALUE:,} bytes, which is no secret of ours")
    text = _text(content, "standard input")
    return text.removesuffix("\n").removesuffix("\r")


def ask_hidden(prompt: str, otherwise: str) -> str:
    """Return what a person types on the terminal, which does not show it.

    Args:
        prompt: What is asked.
        otherwise: What to do where there is no terminal.

    Raises:
        Misuse: There is none, or it cannot be kept from showing it; or he typed the end of input.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)  # it would go on and read with echo
            return getpass.getpass(prompt)
    except (getpass.GetPassWarning, OSError):
        raise Misuse(f"there is no terminal to ask on; {otherwise}") from None
    except EOFError:
        raise Misuse("nothing was typed; nothing was changed") from None


def _from_descriptor(descriptor: int) -> bytes:
    content = b""
    try:
        while b"\n" not in content and len(content) <= _LONGEST:
            part = os.read(descriptor, 1)  # not more: what follows the line is somebody else's
            if not part:
                break
            content += part
    except OSError as fault:
        raise Misuse(f"descriptor {descriptor} cannot be read ({fault.strerror}); open it, as in 3<FILE") from None
    if descriptor > _STANDARD:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    return content


def _line(content: bytes, where: str) -> str:
    line = content.split(b"\n", 1)[0].removesuffix(b"\r")
    if len(line) > _LONGEST:
        raise Misuse(f"the first line of {where} has over {_LONGEST:,} bytes, which is no passphrase")
    return _text(line, where)


def _text(content: bytes, where: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as refusal:
        place = refusal.start
    raise Misuse(f"what {where} holds is no text: byte {place} is no UTF-8")

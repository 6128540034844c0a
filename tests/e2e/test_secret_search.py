"""That the search for secrets can fail: what is planted is found, in every form and every kind of place."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2e.marked_secrets import ARGUMENT, ENVIRONMENT, SECRETS, VAULT, drawn
from e2e.secret_search import SHORTEST_RUN, forms_of, found_below, needs_proc, shown_of, watched, without
from polywire.io.tapes import TapeWriter
from polywire.wire.tape import Record, RecordKind

PATIENCE_S: Final = 60.0
EVERY_FORM: Final = [
    (name, form, written) for name, secret in SECRETS.secrets.items() for form, written in forms_of(secret).items()
]


def test_a_text_without_secrets_is_found_to_have_none() -> None:
    names = json.dumps([*SECRETS.secrets, ENVIRONMENT["POLYMARKET_API_KEY"], "*" * 100, "0" * 100, "A" * 100])
    assert SECRETS.found_in(names, drawn("none of them"), os.urandom(1 << 20), os.urandom(1 << 20).hex()) == set()


@given(st.data())
def test_any_piece_of_any_form_is_found_wherever_it_stands(data: st.DataObject) -> None:
    name, form, written = data.draw(st.sampled_from(EVERY_FORM))
    at = data.draw(st.integers(0, len(written) - SHORTEST_RUN))
    piece = written[at : at + data.draw(st.integers(SHORTEST_RUN, len(written)))]
    before, after = data.draw(st.binary(max_size=20)), data.draw(st.binary(max_size=20))
    assert SECRETS.found_in(before + piece + after) == {name}, form


@pytest.mark.parametrize(
    "write",
    [
        lambda secret: json.dumps({"auth": {"secret": secret}}),
        lambda secret: f"Illegal header value {secret.encode()!r}",
        lambda secret: base64.b64encode(f"polywire:{secret}".encode()).decode(),
        lambda secret: httpx2.Request("GET", "http://127.0.0.1/", params={"a": secret}).url.query,
        lambda secret: f"headers={{'POLY_PASSPHRASE': {secret[:25]!r}...",
        lambda secret: secret.encode().hex(),
    ],
)
def test_it_is_found_as_programs_write_it(write: Callable[[str], str | bytes]) -> None:
    for name, secret in SECRETS.secrets.items():
        assert SECRETS.found_in(write(secret)) == {name}


def test_a_key_is_found_as_a_number_as_bytes_and_in_either_case() -> None:
    key, name = ENVIRONMENT["POLYGON_PRIVATE_KEY"], "POLYGON_PRIVATE_KEY in the environment"
    number = int(key, 16)
    for written in (str(number), f"{number:x}", f"{number:#X}", repr(number.to_bytes(32, "big")), f"0X{number:064X}"):
        assert SECRETS.found_in(written) == {name}, written


def test_it_is_found_in_every_kind_of_file(tmp_path: Path) -> None:
    secret, name = VAULT["POLYMARKET_PASSPHRASE"], "POLYMARKET_PASSPHRASE in the vault"
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.log").write_text(f"DEBUG {secret}\n")
    (tmp_path / "binary").write_bytes(os.urandom(1_001) + secret.encode() + os.urandom(1_001))
    (tmp_path / f"{ARGUMENT}.txt").touch()
    (tmp_path / "link").symlink_to(secret)
    with TapeWriter(tmp_path / "a.tape") as writer:
        for number in range(1_000):
            frame = json.dumps({"type": "user", "n": number, "auth": secret if number == 700 else "none"}).encode()
            writer.append(Record(number, "clob-user", 1, RecordKind.FRAME, frame))
    with TapeWriter(tmp_path / "clean.tape") as writer:
        writer.append(Record(1, "clob-user", 1, RecordKind.FRAME, b"PONG"))
    assert secret.encode() not in (tmp_path / "a.tape").read_bytes()  # it is compressed
    found = found_below(tmp_path, SECRETS)
    assert {path.name: names for path, names in found.items()} == {
        f"{ARGUMENT}.txt": {"an argument"},
        **{file: {name} for file in ("a.log", "binary", "link", "a.tape")},
    }
    (tmp_path / "logs" / "a.log").chmod(0o600)
    assert tmp_path / "logs" / "a.log" not in without(found, [(tmp_path / "logs" / "a.log", {name})])
    assert tmp_path / "logs" / "a.log" in without(found, [(tmp_path / "logs" / "a.log", {"another"})])
    (tmp_path / "logs" / "a.log").chmod(0o640)
    with pytest.raises(AssertionError):
        without(found, [(tmp_path / "logs" / "a.log", {name})])


@needs_proc
def test_it_is_found_in_the_arguments_and_environments_of_children_and_their_children() -> None:
    """What starts the last of them has them in memory alone, which the system does not show."""
    argument, variable = ARGUMENT, ENVIRONMENT["POLYMARKET_API_SECRET"]
    starter = (
        "import subprocess, sys; argument, variable = sys.stdin.readline().split(); "
        "code = 'print(1, flush=True); input()'; "
        "command = [sys.executable, '-S', '-c', code, argument]; "
        "subprocess.Popen(command, stdin=0, env={'A': variable}).wait()"
    )
    with subprocess.Popen(
        [sys.executable, "-S", "-c", starter], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        with watched(os.getpid()) as family:
            parent.stdin.write(f"{argument} {variable}\n".encode())
            parent.stdin.flush()
            assert parent.stdout.readline() == b"1\n"
            family.look()
            parent.stdin.close()
            parent.wait(PATIENCE_S)
    found = family.found(SECRETS)
    assert parent.pid in family.seen
    assert parent.pid not in found
    assert list(found.values()) == [{"an argument", "POLYMARKET_API_SECRET in the environment"}]
    assert SECRETS.found_in(*shown_of(os.getpid()).values()) == set()

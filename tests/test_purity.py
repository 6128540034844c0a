"""The pure half imports nothing that could act, read a clock or roll dice: held by a list of what it may import.

import-linter holds the layers and a list of what is forbidden; this holds the converse, so that a module nobody
thought of forbidding is refused too (design.md §3). That makes replay equal to live.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import polywire

HOUSE: Final = Path(polywire.__file__).parent
LAYERS: Final = {  # what each layer may import of ours
    "model": ("polywire.errors", "polywire.model"),
    "wire": ("polywire.errors", "polywire.model", "polywire.wire"),
    "core": ("polywire.errors", "polywire.model", "polywire.core"),
}
ALLOWED: Final = {  # neither touches the world nor remembers anything
    "__future__",
    "array",
    "bisect",
    "collections",
    "collections.abc",
    "dataclasses",
    "decimal",
    "difflib",
    "enum",
    "functools",
    "hashlib",
    "heapq",
    "itertools",
    "math",
    "msgspec",
    "operator",
    "re",
    "string",
    "struct",
    "types",
    "typing",
    "zlib",
}
REFUSED_NAMES: Final = {
    "__builtins__",
    "__import__",
    "__loader__",
    "breakpoint",
    "compile",
    "eval",
    "exec",
    "exit",
    "globals",
    "input",
    "open",
    "print",
    "quit",
}
MODULES: Final = sorted(path for layer in LAYERS for path in (HOUSE / layer).rglob("*.py"))


def faults(source: str, layer: str) -> list[str]:
    """Return what a module's text imports or names that its layer may not."""
    nodes = list(ast.walk(ast.parse(source)))
    imported = [name for node in nodes for name in imports_of(node)]
    named = [node.id for node in nodes if isinstance(node, ast.Name)]
    return [name for name in imported if not may_import(name, layer)] + [
        name for name in named if name in REFUSED_NAMES
    ]


def imports_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield "." * node.level + (node.module or "")  # a relative import is on no list


def may_import(name: str, layer: str) -> bool:
    ours = any(name == package or name.startswith(f"{package}.") for package in LAYERS[layer])
    return ours or name in ALLOWED


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_a_pure_module_imports_and_names_only_what_cannot_act(path: Path) -> None:
    assert faults(path.read_text(encoding="utf-8"), path.relative_to(HOUSE).parts[0]) == []


def test_every_pure_layer_is_looked_at() -> None:
    seen = {str(path.relative_to(HOUSE)) for path in MODULES}
    assert {"core/book.py", "core/link.py", "wire/market.py", "model/units.py", "model/__init__.py"} <= seen


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("import os", "os"),
        ("import os.path as p", "os.path"),
        ("import array, time", "time"),
        ("from time import monotonic", "time"),
        ("from random import random", "random"),
        ("import collections.something", "collections.something"),
        ("from . import book", "."),
        ("from ..io import sockets", "..io"),
        ("import polywire", "polywire"),
        ("from polywire import io", "polywire"),
        ("from polywire.services.feed import Feed", "polywire.services.feed"),
        ("from polywire.wire.tally import Tally", "polywire.wire.tally"),  # core | wire do not know one another
        ("from polywire.models import x", "polywire.models"),
        ("from polywire.errors_of_others import x", "polywire.errors_of_others"),
        ("def f():\n    if f:\n        import socket", "socket"),
        ("try:\n    import uvloop\nexcept ImportError:\n    pass", "uvloop"),
        ("class A:\n    from asyncio import sleep", "asyncio"),
        ("async def f():\n    return [open(x) for x in ()]", "open"),
        ("f = lambda: print(1)", "print"),
        ("say = print", "print"),
        ("@eval\ndef f(): ...", "eval"),
        ("x = f'{input()}'", "input"),
        ("exec('1')", "exec"),
        ("__import__('os')", "__import__"),
        ("globals()['x'] = 1", "globals"),
    ],
)
def test_a_module_that_could_act_is_found_out(source: str, fault: str) -> None:
    assert faults(f"from enum import Enum\n{source}\nfrom polywire.model.units import TokenId\n", "core") == [fault]


def test_words_that_only_look_like_deeds_are_let_pass() -> None:
    source = (
        "import polywire.errors\nfrom polywire.core.link import Phase\nx = Phase.OPEN.open\n'print'\ny = x(input=1)"
    )
    assert faults(source, "core") == []


@pytest.mark.parametrize(
    ("layer", "name", "allowed"),
    [
        ("model", "polywire.wire.tally", False),
        ("model", "polywire.core.book", False),
        ("wire", "polywire.core.book", False),
        ("wire", "polywire.wire", True),
        ("wire", "polywire.model.levels", True),
        ("core", "polywire.wire.sink", False),
        ("core", "polywire.core.book", True),
        ("model", "polywire.errors", True),
    ],
)
def test_each_layer_knows_only_itself_and_what_lies_below(layer: str, name: str, allowed: bool) -> None:  # noqa: FBT001 - parametrized
    assert may_import(name, layer) is allowed

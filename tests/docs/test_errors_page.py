"""docs/errors.md names every error with its attributes, its place in the tree, and what it says."""

import inspect
import re

import pytest

from docs.error_samples import PARENTS, SAMPLES
from docs.pages import names, page, section
from polywire import errors
from polywire.errors import PolywireError

PAGE = page("errors.md")
CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, PolywireError) and kind is not PolywireError
}
SAID = {type(one).__name__: str(one) for one in SAMPLES}
MADE = {type(one).__name__: one for one in (*SAMPLES, *PARENTS)}


def of(name: str) -> str:
    return section(PAGE, f"### `{name}`")


def test_every_error_has_a_section_and_no_section_is_of_none() -> None:
    assert sorted(re.findall(r"^### `(\w+)`$", PAGE, re.MULTILINE)) == sorted(CLASSES)


def test_every_error_is_made_here_once() -> None:
    assert len(MADE) == len(SAMPLES) + len(PARENTS)
    assert set(MADE) == set(CLASSES)


@pytest.mark.parametrize("name", SAID)
def test_what_it_says_is_what_the_page_shows(name: str) -> None:
    assert re.findall(r"```text\n(.*?)\n```", of(name), re.DOTALL) == [SAID[name]]


@pytest.mark.parametrize("name", CLASSES)
def test_its_attributes_are_those_it_has(name: str) -> None:
    told = [one for line in re.findall(r"^- (`.*?):", of(name), re.MULTILINE) for one in names(line)]
    assert sorted(told) == sorted(vars(MADE[name]))


@pytest.mark.parametrize("name", CLASSES)
def test_a_section_says_of_which_kind_it_is_where_the_chapter_does_not(name: str) -> None:
    parents = [kind.__name__ for kind in CLASSES[name].__bases__ if kind.__name__ in CLASSES]
    named = re.findall(r"\bAn? `(\w+)`[.,]", of(name))
    assert [one for one in named if one in CLASSES] == (parents if named else [])


def test_the_modules_own_tree_names_every_class_and_none_beside() -> None:
    assert sorted(re.findall(r"^[│├└─ ]+(\w+)  ", errors.__doc__ or "", re.MULTILINE)) == sorted(CLASSES)


def test_the_tree_is_the_classes_tree() -> None:
    (drawn,) = (
        block for block in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL) if block.startswith("PolywireError")
    )
    stack: list[str] = []
    parent_of: dict[str, str] = {}
    for line in drawn.splitlines():
        name = line.lstrip("│├└─ ")
        depth = (len(line) - len(name)) // 4
        del stack[depth:]
        if stack:
            parent_of[name] = stack[-1]
        stack.append(name)
    assert parent_of == {name: kind.__bases__[0].__name__ for name, kind in CLASSES.items()}

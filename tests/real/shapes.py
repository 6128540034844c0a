"""What two JSON values have in common: keys and types, whatever the figures."""

from collections.abc import Iterator
from typing import Any


def shape(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (path, JSON type) of everything in a value; a list's items count as one."""
    match value:
        case dict():
            yield path, "dict"
            for key, one in value.items():
                yield from shape(one, f"{path}.{key}".lstrip("."))
        case list():
            yield path, "list"
            for one in value:
                yield from shape(one, f"{path}[]")
        case None:
            yield path, "null"
        case _:
            yield path, type(value).__name__


def differences(theirs: dict[str, Any], ours: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Return what differs; where a list of theirs is empty, nothing is known of its items."""
    there, here = dict(shape(theirs)), dict(shape(ours))
    blind = tuple(f"{path}[]" for path, kind in there.items() if kind in {"list", "null"} and f"{path}[]" not in there)
    return {
        (path, there.get(path, ""), here.get(path, ""))
        for path in there.keys() | here.keys()
        if there.get(path) != here.get(path) and not path.startswith(blind)
    }

"""Conditions as they are typed: a name, then `key=value`; or the JSON that docs/events.md describes.

What a name and its fields are, and what is refused, is `polywire.wire.watch_json`'s.
"""

import re
import shlex
from typing import Any, Final

import msgspec

from polywire.errors import Misuse
from polywire.model.watch import Condition
from polywire.wire.watch_json import CONDITIONS, ConditionDoc, Unit, condition_as_json, condition_of

_DOCS: Final = {doc.name: doc for doc in CONDITIONS}
_NUMBERS: Final = frozenset({Unit.SECONDS, Unit.COUNT, Unit.BPS})
_NUMBER: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,17})?", re.ASCII)
_FLAGS: Final = {"true": True, "false": False}
_SHOWN: Final = 80


def condition_said(text: str) -> Condition:
    """Return the condition that a text says.

    Raises:
        Misuse: It says none, or one that cannot be; the words name the fields, their bounds and an example.

    >>> condition_said("crosses level=0.55 of=bid")
    Crosses(level=5500, of=<Of.BID: 'bid'>, direction='either', hysteresis=10)
    >>> condition_said('{"type": "silent", "for_s": 300}')
    Silent(for_s=300.0)
    """
    said = text.strip()
    given = _of_json(said) if said.startswith("{") else _of_words(said)
    try:
        return condition_of(given)
    except Misuse as refusal:
        doc = _DOCS.get(str(given.get("type")))
        if doc is None:
            raise
        raise Misuse(f"{refusal}; as words: {_words(doc, doc.example)}") from refusal


def condition_words(condition: Condition) -> str:
    """Return a condition as `condition_said` reads it, without what it has by default.

    >>> condition_words(condition_said("crosses of=mid level=0.55 direction=up"))
    'crosses level=0.55 direction=up'
    """
    told = condition_as_json(condition)
    doc = _DOCS[told["type"]]
    usual = {field.name: field.default for field in msgspec.structs.fields(doc.kind) if not field.required}
    unusual = {name: value for name, value in told.items() if usual.get(name, ...) != getattr(condition, name, None)}
    return _words(doc, unusual)


def _of_json(said: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(said, type=dict[str, Any])
    except msgspec.DecodeError as fault:
        raise Misuse(
            f"{said[:_SHOWN]!r} is no JSON object ({fault}); write it as "
            '{"type": "crosses", "level": "0.55"}, or in words: crosses level=0.55'
        ) from fault


def _of_words(said: str) -> dict[str, Any]:
    try:
        name, *pairs = shlex.split(said) or [""]
    except ValueError as fault:  # a quote that nothing closes
        raise Misuse(f"{said[:_SHOWN]!r} cannot be read ({fault}); a condition is a name, then key=value") from fault
    if not name:
        raise Misuse(f"there is no condition; write a name, then key=value: {', '.join(_DOCS)}")
    units = {field.name: field.unit for field in _DOCS[name].fields} if name in _DOCS else {}
    given: dict[str, Any] = {"type": name}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            example = _words(_DOCS[name], _DOCS[name].example) if name in _DOCS else "crosses level=0.55"
            raise Misuse(f"{pair[:_SHOWN]!r} is no key=value; write it as: {example}")
        if key in given:
            raise Misuse(f"{key[:_SHOWN]!r} is said twice; say it once")
        given[key] = _read(value, units.get(key))
    return given


def _read(value: str, unit: Unit | None) -> Any:
    """Return what a value means to `condition_of`; what means nothing stays a text, which that refuses with words."""
    if unit is Unit.FLAG:
        return _FLAGS.get(value.lower(), value)
    if unit in _NUMBERS and _NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    return value


def _words(doc: ConditionDoc, fields: dict[str, Any]) -> str:
    """Return a condition's name and these of its fields, quoted as a shell wants it where they need to be."""
    return shlex.join([doc.name, *(f"{name}={_written(value)}" for name, value in fields.items() if name != "type")])


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)

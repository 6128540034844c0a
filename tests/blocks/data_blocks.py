"""Blocks of data: JSON parses, and what the venue would send is decoded by Polywire, to the last field."""

import json
import tomllib
from typing import Any

from polywire.wire import live, market, user
from polywire.wire.channels import Channel, channel_of
from polywire.wire.tally import Tally


def json_faults(source: str) -> str | None:
    """Return what is wrong with a document, or None."""
    try:
        document = json.loads(source)
    except ValueError as fault:
        return f"it is no JSON: {fault}"
    return _undecoded(document)


def jsonl_faults(source: str) -> str | None:
    """Return what is wrong with documents, one a line, or None."""
    lines = source.splitlines()
    faults = [f"line {number}: {fault}" for number, line in enumerate(lines, 1) if (fault := json_faults(line))]
    return "\n".join(faults) or (None if lines else "it is empty")


def toml_faults(source: str) -> str | None:
    """Return what is wrong with a TOML document, or None."""
    try:
        tomllib.loads(source)
    except tomllib.TOMLDecodeError as fault:
        return f"it is no TOML: {fault}"
    return None


def _undecoded(document: Any) -> str | None:
    """Return what our decoders cannot read of a message of the venue's; None where it is none, or all is read."""
    messages = document if isinstance(document, list) else [document]
    if not any(isinstance(message, dict) and _is_message(message) for message in messages):
        return None
    frame, tally = json.dumps(document).encode(), Tally()
    match channel_of("", frame):
        case Channel.LIVE:
            live.decode(frame, 0, tally)
        case Channel.USER:
            user.decode(frame, 0, tally)
        case _:
            market.decode(frame, 0, tally)
    if tally.undecoded or not tally.decoded:
        return f"Polywire cannot read this message: {tally.undecoded}"
    return f"Polywire knows no such fields: {tally.unknown_fields}" if tally.unknown_fields else None


def _is_message(message: dict[str, Any]) -> bool:
    return "event_type" in message or {"topic", "payload"} <= message.keys()

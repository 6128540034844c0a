"""What a decoder heard, in numbers: nothing is dropped without being counted here."""

from collections.abc import Mapping
from typing import Final

from polywire.wire.sink import Heard

KINDS_KEPT: Final = 128
"""Distinct names counted by name; a venue that invents more of them is counted under `OTHER`."""

OTHER: Final = "(other)"
"""Where names beyond `KINDS_KEPT` are counted."""

SAMPLES_KEPT: Final = 3
"""Samples kept of one kind of undecoded input."""

SAMPLE_BYTES: Final = 2_048
"""Bytes kept of one sample."""


class Tally:
    """Counts of one decoder. Attributes are plain numbers and dicts, to be read at any time.

    Attributes:
        changes: Frames that were one `price_change` of the current form: the hot path's only count.
        other_frames: All other frames, texts and garbage included.
        other_messages: Messages decoded from those, by kind (an array of six books is six messages).
        texts: Frames that are words of the protocol (`PONG`, …), by word.
        undecoded: What could not be read, by kind (`price_change`, `not-json`, `unknown:some_event`, …).
        samples: For each kind of undecoded input its first few inputs, cut at `SAMPLE_BYTES`.
        unknown_fields: Fields we do not know, by (kind, name). They are left out and the message is read without.
    """

    __slots__ = ("changes", "other_frames", "other_messages", "samples", "texts", "undecoded", "unknown_fields")

    def __init__(self) -> None:
        self.changes = 0
        self.other_frames = 0
        self.other_messages: dict[str, int] = {}
        self.texts: dict[str, int] = {}
        self.undecoded: dict[str, int] = {}
        self.samples: dict[str, list[bytes]] = {}
        self.unknown_fields: dict[tuple[str, str], int] = {}

    def message(self, kind: str) -> None:
        """Count one decoded message."""
        messages = self.other_messages
        messages[kind] = messages.get(kind, 0) + 1

    def text(self, word: str) -> None:
        """Count one frame that is a word of the protocol."""
        self.texts[word] = self.texts.get(word, 0) + 1

    def word(self, frame: bytes, words: Mapping[bytes, Heard]) -> Heard | None:
        """Count one frame; return what it means where it is a word of the protocol, None where it is to be read."""
        self.other_frames += 1
        word = frame.strip()
        heard = words.get(word)
        if heard is not None:
            self.text(word.decode())
        return heard

    def lost(self, kind: str, sample: bytes) -> None:
        """Count one input that could not be read, and keep it while there is room for its kind.

        >>> tally = Tally()
        >>> tally.lost("not-json", b"{{{")
        >>> tally.undecoded, tally.samples
        ({'not-json': 1}, {'not-json': [b'{{{']})
        """
        kind = _bounded(kind, self.undecoded)
        self.undecoded[kind] = self.undecoded.get(kind, 0) + 1
        kept = self.samples.setdefault(kind, [])
        if len(kept) < SAMPLES_KEPT:
            kept.append(bytes(sample[:SAMPLE_BYTES]))

    def unknown(self, kind: str, field: str) -> None:
        """Count one field that we do not know, of a message that was decoded all the same."""
        key = (kind, field)
        if key not in self.unknown_fields and len(self.unknown_fields) >= KINDS_KEPT:
            key = (kind if len(self.unknown_fields) < 2 * KINDS_KEPT else OTHER, OTHER)
        self.unknown_fields[key] = self.unknown_fields.get(key, 0) + 1

    @property
    def frames(self) -> int:
        """Frames fed, texts and garbage included."""
        return self.changes + self.other_frames

    @property
    def messages(self) -> dict[str, int]:
        """Messages decoded, by kind."""
        messages = dict(self.other_messages)
        if self.changes:
            messages["price_change"] = messages.get("price_change", 0) + self.changes
        return messages

    @property
    def decoded(self) -> int:
        """Messages decoded in all."""
        return sum(self.messages.values())

    @property
    def lost_in_all(self) -> int:
        """Inputs that could not be read, in all."""
        return sum(self.undecoded.values())


def _bounded(name: str, counts: dict[str, int]) -> str:
    return name if name in counts or len(counts) < KINDS_KEPT else OTHER

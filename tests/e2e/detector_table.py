"""The detector table as `docs/reliability.md` shows it: `DETECTORS`, and where in the code each detector stands."""

from typing import Final

from polywire.core.freshness import DETECTORS, Detector

WHERE: Final = {
    "stated best prices": "core.books.Books.levels",
    "the hash of a later change, else proof over REST": "services.feed.hashes.Hashes",
    "stated best prices, the next book, then proof over REST": "core.books.Books.book",
    "the venue's time goes back": "core.books.Books.levels",
    "proof over REST, or the hash": "services.feed.witness.Witness",
    "a snapshot that does not come": "core.freshness.Vigil.look",
    "silence against its rhythm, then REST": "core.freshness.Vigil.silence_borne_s",
    "silence of its tokens, then REST": "core.freshness.Vigil.silence_borne_s",
    "early PING after data stops": "core.link.Signal.HUSHED",
    "neither PONG nor data": "core.link.Signal.PONG_LATE",
    "a book that stays crossed": "core.book.Book.crossed",
    "the tick that REST states": "core.books.Books.learn_tick",
    "Gamma and CLOB asked in turn": "services.feed.resolutions.Resolutions",
}
"""The code of each detector, under `polywire`."""


def detector_table() -> str:
    """Return the table's rows as Markdown, in the order of `DETECTORS`."""
    head = "| what is lost | noticed by | within | setting | code |\n|---|---|---|---|---|\n"
    return head + "\n".join(map(_row, DETECTORS))


def _row(one: Detector) -> str:
    window = f"{one.window_s:g} s" if one.window_s is not None else "at once" if one.at_once else "never"
    setting = f"`{one.setting}`" if one.setting else ""
    where = f"`{WHERE[one.detector]}`" if one.detector in WHERE else ""
    return f"| {one.loss} | {one.detector} | {window} | {setting} | {where} |"

"""One of each error, as docs/errors.md shows it."""

from typing import Final

from polywire import errors

_TOKEN: Final = "71321045679252212594626385532706912750332728571942532289631379312455583992563"  # noqa: S105 - of a market
_VAULT: Final = "paper/vault"
_JOURNAL: Final = "paper/journal.sqlite3"
_DATA: Final = "paper"
_CLOB: Final = "https://clob.polymarket.com"

SAMPLES: Final[tuple[errors.PolywireError, ...]] = (
    errors.BookNotCurrent(_TOKEN, "resyncing", "connection lost: reconnect was asked for", age_s=7.25, max_age_s=5),
    errors.UnknownTarget("harbor-act", ("harbour-act-tamberlund", "harbour-act-second-reading")),
    errors.TooMany("tokens", 100_001, 100_000, "most_tokens"),
    errors.NoCredentials("polymarket"),
    errors.NotEnoughShares(500_000_000, 120_500_000),
    errors.LinkMisuse("WAITING", "OPENED"),
    errors.VenueUnreachable(f"{_CLOB}/book", "no whole answer within 10 s"),
    errors.TooOften(f"{_CLOB}/books", 10),
    errors.CredentialsRefused(f"{_CLOB}/data/orders", "3fd0c6e4-9d5c-4f0e-8a43-1c6c0f9b7f11"),
    errors.DataOwned(_DATA, 4242),
    errors.OwnerGone(_DATA, "does not run"),
    errors.VaultLocked(_VAULT),
    errors.VaultDamaged(_VAULT, "its 512 bytes do not have the checksum they were written with"),
    errors.VaultForged(_VAULT, "what stands at POLYGON_PRIVATE_KEY is not version 2 of it"),
    errors.VaultBusy(_VAULT, 10),
    errors.NoSuchEntry(_VAULT, "NEWS_API_KEY"),
    errors.FileExposed(_VAULT, "has mode 0644 and may have 0600 at most", f"run: chmod 600 {_VAULT}"),
    errors.JournalFull(_JOURNAL, 20_000),
    errors.TapeFormatUnknown("notes.txt", "it begins with b'\\x89PNG\\r\\n\\x1a\\n' and holds zero bytes"),
    errors.Undecodable("price_change", "price '1.5' is no price", (_TOKEN,)),
)
"""Those that say something of their own."""

PARENTS: Final[tuple[errors.PolywireError, ...]] = (
    errors.VenueFault("…"),
    errors.Misuse("…"),
    errors.VaultError(_VAULT, "…"),
    errors.JournalFault(_JOURNAL, "…"),
    errors.TapeError("…"),
)
"""Those that are raised with a sentence which fits the case."""

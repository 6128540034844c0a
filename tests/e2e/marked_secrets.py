"""Secrets that are nowhere else, each in a place where owners keep theirs."""

import base64
import hashlib
from typing import Final

from e2e.secret_search import Search


def drawn(name: str) -> str:
    """Return 64 hex digits that are nowhere else."""
    return hashlib.sha256(f"a marked secret: {name}".encode()).hexdigest()


def drawn_base64(name: str) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(drawn(name))).decode()


ENVIRONMENT: Final = {
    "POLYGON_PRIVATE_KEY": "0x" + drawn("key in the environment"),
    "POLYMARKET_API_KEY": "0b1c2d3e-4f50-4617-8899-aabbccddeeff",  # no secret
    "POLYMARKET_API_SECRET": drawn_base64("secret in the environment"),
    "POLYMARKET_PASSPHRASE": 'environs"of/the+quay&100%\\sure',
}
HERE_DOTENV: Final = {"POLYGON_PRIVATE_KEY": drawn("key in .env").upper()}
DATA_DOTENV: Final = {
    "POLYMARKET_API_SECRET": drawn_base64("secret in .env"),
    "POLYMARKET_PASSPHRASE": "dotted-line/under=the+table~77",
}
VAULT: Final = {
    "POLYGON_PRIVATE_KEY": drawn("key in the vault"),
    "POLYMARKET_PASSPHRASE": "sealed-and-buried/beneath+an=oak",
    "TELEGRAM_TOKEN": "7712345:" + drawn_base64("of something else"),
}
VAULT_PASSPHRASE: Final = "sieben Brücken über den Fluß & zurück"  # noqa: S105 - it is marked
WRONG_PASSPHRASE: Final = "nearly the right words, but öther ones"  # noqa: S105 - it opens nothing
ARGUMENT: Final = drawn("a value where none may be")


def marks() -> dict[str, str]:
    """Return all that are given, by where."""
    found = {"the passphrase": VAULT_PASSPHRASE, "a wrong passphrase": WRONG_PASSPHRASE, "an argument": ARGUMENT}
    for where, given_there in {
        "the environment": ENVIRONMENT,
        "here/.env": HERE_DOTENV,
        "data/.env": DATA_DOTENV,
        "the vault": VAULT,
    }.items():
        found |= {f"{name} in {where}": value for name, value in given_there.items() if name != "POLYMARKET_API_KEY"}
    return found


SECRETS: Final = Search(marks())

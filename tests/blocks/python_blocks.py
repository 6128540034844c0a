"""Python blocks: whole programs, each in a process of its own, against the exchange in place of Polymarket."""

import os
import re
import signal
import sys
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from typing import Final

from blocks.venue import Place, scratch

LONGEST_S: Final = 30.0
_SHOWN: Final = 4_000
_LEFT: Final = re.compile(r"[\w./:-]*polymarket\.com[\w./-]*")
_HARMLESS: Final = re.compile(r"https://(?:docs\.polymarket\.com|polymarket\.com/(?:event|market))(?:/.*)?")
_OWN: Final = re.compile(r"POLYMARKET_(?:API_KEY|API_SECRET|PASSPHRASE)|POLYGON_(?:PRIVATE_KEY|ADDRESS)")


def here(program: str, urls: dict[str, str]) -> str:
    """Return a program that goes to the exchange wherever it went to Polymarket.

    Args:
        program: Its text.
        urls: What the exchange says of its services' addresses.
    """
    sockets = urls["market_ws"].removesuffix("/ws/market")
    addresses = {
        "wss://ws-subscriptions-clob.polymarket.com": sockets,
        "wss://ws-live-data.polymarket.com": urls["rtds_ws"],
        "https://clob.polymarket.com": urls["clob"],
        "https://gamma-api.polymarket.com": urls["gamma"],
        "https://data-api.polymarket.com": urls["data"],
        "http://127.0.0.1:8421": urls["clob"].removesuffix("/clob"),
    }
    for address, ours in addresses.items():
        program = program.replace(address, ours)
    return program


def left_of_polymarket(program: str) -> list[str]:
    """Return what in a program still names a host of Polymarket, but for its documents and a market's page.

    >>> left_of_polymarket('HOST = "clob.polymarket.com"  # https://docs.polymarket.com/quickstart')
    ['clob.polymarket.com']
    """
    return [found for found in _LEFT.findall(program) if not _HARMLESS.fullmatch(found)]


def run(program: str, name: str, place: Place, *, must_print: bool = True) -> str | None:
    """Run a program; return what is wrong with it, or None.

    Args:
        program: Its text, as the page has it.
        name: What it is called in a traceback: the page's name.
        place: Where it runs.
        must_print: Whether a program that says nothing is wrong.
    """
    local = here(program, place.urls)
    if left := left_of_polymarket(local):
        return f"it would go to Polymarket itself, and is not run: {', '.join(left)}"
    with scratch() as folder:
        environment = place.environment(folder) | (place.trader if _OWN.search(program) else {})
        (folder / name).write_text(local)
        (folder / "empty").mkdir()
        command = [sys.executable, str(folder / name)]
        with Popen(
            command,
            cwd=folder / "empty",
            env=environment,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                out, errors = process.communicate(timeout=LONGEST_S)
            except TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                out, errors = process.communicate()
                return f"it did not end within {LONGEST_S:g} s\n{_shown(out, errors)}"
    if process.returncode or errors:
        return f"it ended with code {process.returncode}\n{_shown(out, errors)}"
    return None if out.strip() or not must_print else "it printed nothing"


def _shown(out: str, errors: str) -> str:
    return f"--- standard output\n{out[-_SHOWN:]}\n--- standard error\n{errors[-_SHOWN:]}"

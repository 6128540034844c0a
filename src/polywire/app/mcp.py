"""`polywire mcp`, put together: the server on standard input and output, attached to the owner."""

import sys
from collections.abc import Callable
from pathlib import Path

import anyio

import polywire
from polywire.app.attach import access_of_owner
from polywire.interfaces.mcp.server import GROUPS, mcp_server, serve_stdio
from polywire.io.clock import SystemClock

Say = Callable[[str], None]


def run_mcp(data: Path, venue: str | None, groups: frozenset[str] | None, say: Say) -> None:
    """Serve one assistant until it leaves.

    It is answered at once, while the owner is attached to, or started.

    Args:
        data: The data directory.
        venue: What its owner has to be connected to; None: to whatever it is.
        groups: Which groups of tools; None: all.
        say: Told what takes a while; never on standard output.

    Raises:
        Misuse: There is no group of that name.
    """
    anyio.run(_serve, data, venue, groups, say, backend_options={"use_uvloop": True})


async def _serve(data: Path, venue: str | None, groups: frozenset[str] | None, say: Say) -> None:
    async with access_of_owner(data, venue, say) as access:
        await serve_stdio(mcp_server(access, SystemClock(), groups=GROUPS if groups is None else groups))


def command_line(data: Path | None, venue: str | None, tools: str | None) -> list[str]:
    """Return the command that starts this very server, its path absolute.

    Of a checkout it is the launcher, which installs what is missing; else the interpreter that runs us.
    """
    launcher = Path(polywire.__file__).resolve().parents[2] / "polywire"
    start = [str(launcher)] if launcher.is_file() else [sys.executable, "-P", "-m", "polywire"]
    options = [("--data", None if data is None else str(data)), ("--venue", venue), ("--tools", tools)]
    return [*start, "mcp", *(part for name, value in options if value is not None for part in (name, value))]

"""Programs of npm that tests run: the MCP Inspector and the conformance suite. Where they are not there, tests skip.

Node is `POLYWIRE_NODE`, else `node` on the PATH; packages are in the folder `POLYWIRE_NPM_MODULES` (a `node_modules`),
else their commands are on the PATH. docs/mcp.md says how to get them.
"""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

LEAST_NODE: Final = 22  # below, npm takes an old Inspector, and the suite has no `fs.globSync`


class NotThere(Exception):
    """A program is missing; says which, and what to do."""


@cache
def node() -> str:
    """Return Node's path.

    Raises:
        NotThere: There is none, or one that is too old.
    """
    found = os.environ.get("POLYWIRE_NODE") or shutil.which("node")
    if not found:
        raise NotThere(f"there is no Node: put one of {LEAST_NODE} or later on the PATH, or name it in POLYWIRE_NODE")
    version = subprocess.run(
        [found, "--version"], capture_output=True, text=True, timeout=30, check=True
    ).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < LEAST_NODE:
        raise NotThere(f"{found} is {version}, and {LEAST_NODE} or later is needed; name another in POLYWIRE_NODE")
    return found


def command(name: str, package: str) -> list[str]:
    """Return what starts a command of a package.

    Raises:
        NotThere: It is not installed.
    """
    modules = os.environ.get("POLYWIRE_NPM_MODULES")
    found = str(Path(modules) / ".bin" / name) if modules else shutil.which(name)
    if not found or not Path(found).exists():
        raise NotThere(
            f"`{name}` of {package} is not there: install it by npm, and name the folder in POLYWIRE_NPM_MODULES"
        )
    return [node(), str(Path(found).resolve())]


def environment(home: Path) -> dict[str, str]:
    """Return what they run with: a home of their own, into which they may write, and no keychain."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return kept | {"HOME": str(home), "MCP_INSPECTOR_SECRET_STORE": "memory", "NO_COLOR": "1"}

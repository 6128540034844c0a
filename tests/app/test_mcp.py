"""What an assistant waits for while its server starts is what that server imports."""

import subprocess
import sys
from typing import Final

NEEDED_BY_OWNERS: Final = ("polywire.exchange", "polywire.services.feed", "polymarket", "eth_keys", "picows")
_LOADED = """
import sys
import polywire.cli, polywire.app.mcp
print("\\n".join(sys.modules))
"""


def test_an_assistants_server_imports_nothing_that_only_an_owner_or_an_exchange_needs() -> None:
    """With the exchange, as before, it took half as long again until `initialize` was answered."""
    done = subprocess.run([sys.executable, "-P", "-c", _LOADED], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(done.stdout.split())
    assert "polywire.app.mcp" in loaded
    assert [name for name in NEEDED_BY_OWNERS if name in loaded] == []

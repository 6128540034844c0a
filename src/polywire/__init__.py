"""The live wire between Polymarket and everything that acts on it: a feed that tells the truth about itself."""

from typing import TYPE_CHECKING, Any

__version__ = "0.6.0"

__all__ = ["Settings", "__version__", "open_feed", "read_settings"]

if TYPE_CHECKING:
    from polywire.app.feed import open_feed
    from polywire.settings import Settings, read_settings


def __getattr__(name: str) -> Any:
    """Import what is public when it is first used: `import polywire` alone opens nothing and costs nothing."""
    from importlib import import_module  # noqa: PLC0415 - the point is to import late

    homes = {"open_feed": "polywire.app.feed", "Settings": "polywire.settings", "read_settings": "polywire.settings"}
    if name not in homes:
        raise AttributeError(f"module 'polywire' has no attribute {name!r}")
    return getattr(import_module(homes[name]), name)

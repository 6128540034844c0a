"""The data API."""

from typing import Any


class DataApi:
    """Not yet."""

    def __init__(self, *_: Any) -> None:
        pass

    def routes(self) -> list[Any]:
        """Return its routes."""
        return []

    def clob_routes(self) -> list[Any]:
        """Return its routes."""
        return []

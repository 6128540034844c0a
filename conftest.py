"""The project's pages are tests too: `pytest docs/feed.md` runs what that page shows (tests/blocks)."""

from blocks.pages import PAGES
from blocks.venue import place

__all__ = ["place", "pytest_collect_file"]

pytest_collect_file = PAGES.pytest()

"""Polywire: the live wire between Polymarket and everything that acts on it."""

__version__ = "0.1.0"

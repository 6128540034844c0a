"""Nouns and events of the venue: frozen, with exact numbers."""

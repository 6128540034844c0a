"""Watches: conditions that are judged on the feed's events, and what becomes true of them, written into the journal."""

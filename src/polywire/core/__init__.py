"""Decisions: pure state machines and books. No I/O, no clock, no dice: they are handed time and seeds."""

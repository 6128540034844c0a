"""Bytes to model and back: one module per venue channel. Pure: no I/O, no clock."""

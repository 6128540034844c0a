"""The composition root: the only place that builds `io` and hands it to services and interfaces."""

from polywire.app.exchange import run_exchange
from polywire.app.tapes import Format, export_tape, play_tape, stats_of_tape, verify_tape, write_rehearsal

__all__ = ["Format", "export_tape", "play_tape", "run_exchange", "stats_of_tape", "verify_tape", "write_rehearsal"]

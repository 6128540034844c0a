"""What can go wrong on a venue, made on demand: one class for each fault, all seen in production.

`--fault NAME[:ARG]` and `POST /venue/faults` turn one on. Between a message and a socket, and between a request and its
answer, stand those that are on, in the order of `FAULTS`. Dice are seeded: the same messages meet the same fate.
"""

from polywire.exchange.faults.fault import Fault
from polywire.exchange.faults.faults import FAULTS, Faults, parse_fault

__all__ = ["FAULTS", "Fault", "Faults", "parse_fault"]

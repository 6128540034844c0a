"""`polywire exchange`, put together: a recording is read here, all else is the exchange's own."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from polywire.exchange.serve import ExchangeSettings, run
from polywire.io.tapes import TapeReader

DEFAULTS = ExchangeSettings()


def run_exchange(
    *,
    host: str,
    port: int,
    seed: int | None,
    speed: float,
    rate: float,
    tape: Path | None,
    state: Path | None,
    grant: int | None,
    faults: Sequence[str],
    parent_watch: bool,
    ready: Callable[[str], None],
) -> None:
    """Run an exchange until it is interrupted; `ready` is told its base URL once it listens.

    Args:
        host: Where it listens.
        port: The same; 0: any that is free.
        seed: Of its life; None: the usual one.
        speed: Venue seconds in one of ours.
        rate: How busy it is; 1 is usual.
        tape: A recording to play instead of living.
        state: Where what users do is kept over restarts; None: it ends with the exchange.
        grant: What a new wallet is given, 1e-6 USDC; None: the usual.
        faults: `NAME[:ARG]` each, on from the start.
        parent_watch: End when standard input does.
        ready: Called once.

    Raises:
        PolywireError: It cannot listen there, a fault is none, or the tape or the state cannot be read.
    """
    run(
        ExchangeSettings(
            host=host,
            port=port,
            seed=DEFAULTS.seed if seed is None else seed,
            speed=speed,
            rate=rate,
            faults=tuple(faults),
            tape=None if tape is None else TapeReader(tape),
            state=state,
            terms=DEFAULTS.terms if grant is None else msgspec.structs.replace(DEFAULTS.terms, grant=grant),
            parent_watch=parent_watch,
        ),
        ready,
    )

"""The matrix: every fault of every channel, how long it is tried, and what must hold of it."""

import math
from collections.abc import Awaitable, Callable
from typing import Final

from e2e import live_trial, market_trial, user_trial
from e2e.trial import Row, Trial

BUSY_FROZEN_S: Final = 45.0
DEAD_BUSY_S: Final = 10.0
DEAD_QUIET_S: Final = 25.0
RESOLVED_S: Final = 35.0
LIVE_FROZEN_S: Final = 35.0
READ_S: Final = 6.0  # for a socket that speaks again: its books are asked about, and read where they differ

MARKET: Final = (
    Trial(fault="drop-connection", argument="5"),
    Trial(fault="refuse"),
    Trial(fault="dead", before_s=12.0, seconds=25.0, detected_within_s=DEAD_BUSY_S),
    Trial(fault="dead", before_s=12.0, seconds=35.0, quiet=True, detected_within_s=DEAD_QUIET_S),
    Trial(
        fault="freeze", before_s=12.0, seconds=90.0, after_s=60.0, detected_within_s=BUSY_FROZEN_S, back_within_s=READ_S
    ),
    Trial(
        fault="freeze-token",
        argument="busiest",
        before_s=12.0,
        seconds=90.0,
        after_s=60.0,
        detected_within_s=BUSY_FROZEN_S,
        back_within_s=READ_S,
    ),
    Trial(fault="no-snapshot", seconds=30.0, after_s=60.0),
    Trial(fault="drop-frame", seconds=40.0, after_s=90.0, lone=True),
    Trial(fault="reorder", seconds=40.0, after_s=90.0, lone=True),
    Trial(fault="no-resolution", seconds=45.0, detected_within_s=RESOLVED_S),
    Trial(fault="duplicate"),
    Trial(fault="crossed", after_s=60.0),
    Trial(fault="garbage"),
    Trial(fault="bad-utf8"),
    Trial(fault="oversized", argument="12000000"),
    Trial(fault="fragmented"),
    Trial(fault="slow", argument="300"),
)

USER: Final = (
    Trial(fault="drop-connection", argument="5"),
    Trial(fault="refuse"),
    Trial(fault="dead", before_s=12.0, seconds=25.0, detected_within_s=DEAD_BUSY_S),
    Trial(fault="freeze", seconds=70.0, after_s=75.0),
    Trial(fault="user-drop", seconds=30.0, after_s=75.0),
    Trial(fault="user-reorder"),
    Trial(fault="user-duplicate"),
    Trial(fault="blank-size-matched"),
    Trial(fault="ghost-fill"),
    Trial(fault="garbage"),
    Trial(fault="bad-utf8"),
    Trial(fault="oversized", argument="12000000"),
    Trial(fault="fragmented"),
    Trial(fault="slow", argument="300"),
)

LIVE: Final = (
    Trial(fault="drop-connection", argument="5"),
    Trial(fault="refuse"),
    Trial(fault="dead", before_s=12.0, seconds=25.0, detected_within_s=DEAD_BUSY_S),
    Trial(fault="freeze", before_s=12.0, seconds=60.0, after_s=20.0, detected_within_s=LIVE_FROZEN_S),
    Trial(fault="drop-frame", seconds=40.0, lone=True),
    Trial(fault="reorder"),
    Trial(fault="duplicate"),
    Trial(fault="garbage"),
    Trial(fault="bad-utf8"),
    Trial(fault="oversized", argument="12000000"),
    Trial(fault="fragmented"),
    Trial(fault="slow", argument="300"),
)

TABLES: Final = {"market": MARKET, "user": USER, "live": LIVE}
"""Every trial, by channel."""

RUNS: Final[dict[str, Callable[[Trial], Awaitable[Row]]]] = {
    "market": market_trial.run,
    "user": user_trial.run,
    "live": live_trial.run,
}
"""What runs a trial of a channel."""

_SHORT_MARKET: Final = (
    Trial(fault="drop-connection", argument="1.5", seconds=2.0, before_s=0.5),
    Trial(fault="refuse", seconds=2.0, before_s=0.5),
    Trial(fault="garbage", seconds=2.0, before_s=0.5),
    Trial(fault="bad-utf8", seconds=2.0, before_s=0.5),
    Trial(fault="oversized", argument="12000000", seconds=2.0, before_s=0.5),
    Trial(fault="fragmented", seconds=2.0, before_s=0.5),
    Trial(fault="duplicate", seconds=2.0, before_s=0.5),
    Trial(fault="crossed", seconds=2.0, before_s=0.5),
    Trial(fault="slow", argument="300", seconds=2.0, before_s=0.5),
    Trial(fault="dead", seconds=5.0, before_s=0.5, settings={"pong_s": 2.0}, detected_within_s=4.5),
    Trial(
        fault="freeze-token",
        argument="busiest",
        seconds=6.0,
        before_s=3.0,
        after_s=10.0,
        settings={"least_silence_s": 1.0, "longest_silence_s": 2.0, "proof_s": 3.0},
        detected_within_s=5.0,
    ),
)

SHORT: Final = (
    *(("market", trial) for trial in _SHORT_MARKET),
    ("user", Trial(fault="drop-connection", argument="1", seconds=3.0, before_s=1.0)),
    ("live", Trial(fault="drop-connection", argument="1.5", seconds=3.0, before_s=1.0)),
)
"""What every test run tries: faults of frames and connections for two seconds each, and those that take time to notice
with less patience."""

UNTRACEABLE: Final = frozenset({"book", "best_bid_ask", "last_trade_price", "orders_matched", "price"})
"""What leaves no trace where one alone is lost: the first two repeat what level changes said, and nothing numbers the
others."""

LONGEST_WRONG_S: Final = 65.0
"""What may pass until a book is proven, and the asking."""

LONGEST_SILENT_S: Final = 5.0
"""For which a book may be wrong without a gap, where single messages are lost: until its level is stated anew, or its
hash compared (`reckoning.RESTATED_NS`), for two losses of a token that join. One loss is held to the first."""

INVENTING: Final = frozenset({"crossed"})


def broken(trial: Trial, row: Row) -> list[str]:
    """Return which claims about every fault a trial does not bear out, each as a sentence."""
    excused = UNTRACEABLE if trial.lone else frozenset()
    silent = {kind: count for kind, count in row.losses.silent.items() if kind not in excused}
    claims = {
        "the fault never struck: this trial proves nothing": row.struck > 0,
        f"lost without a gap: {silent}": not silent,
        f"a wrong book was handed out for {row.wrongs.silent_s} s that no gap covers": not row.wrongs.silent_s
        or trial.lone,
        f"a wrong book was handed out for {row.wrongs.longest_silent_s} s at a time that no gap covers": (
            row.wrongs.longest_silent_s <= LONGEST_SILENT_S
        ),
        f"a wrong book was handed out for {row.wrongs.longest_s} s at a time": row.wrongs.longest_s <= LONGEST_WRONG_S,
        f"{row.differing} books that answer are wrong at the end": not row.differing,
        f"not back to current within {row.allowed_s} s, but {row.back_s}": (row.back_s or 0.0) <= row.allowed_s
        and row.back_s is not None,
        f"{row.invented} things were told that never were": not row.invented or trial.fault in INVENTING,
    }
    within = trial.detected_within_s
    if within is not None:
        claims[f"not noticed within {within:g} s, but {row.detected_s}"] = (row.detected_s or math.inf) <= within
    return [claim for claim, holds in claims.items() if not holds]

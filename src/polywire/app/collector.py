"""Python's collector of cyclic garbage, in a process that keeps many books: what stays is not walked again and again.

Unless told otherwise the collector now and then walks every object there is, while everything waits. At 10,000 books
that took 60 to 80 ms, found nothing, and was the latest that any event came (bench/README.md). Books, their readers and
the modules stay; what a frame makes is freed by its reference count. So what is there after the warm-up is frozen:
never walked again, and freed as ever once nobody refers to it.
"""

import gc
from collections.abc import Sized
from typing import Final, NoReturn

import anyio

NEW_OBJECTS: Final = 5_000
"""More objects made than freed before the young are walked, which took 1.4 ms at most. Python's own number is 700."""

GROWN: Final = 1.25
"""How many times the books of the last time there are when the rest of them is worth a pause."""

_LOOK_S: Final = 10.0


def settle_collector() -> int:
    """Free what is garbage now, freeze what is left, and walk young objects less often; return how many were frozen.

    Everything waits meanwhile: about 0.1 s at 10,000 books. Call it once these are there, and again when many more are:
    what was frozen before is looked through anew. A frozen cycle that nobody refers to any more is freed only then.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])
    return gc.get_freeze_count()


async def keep_settled(books: Sized) -> NoReturn:
    """Settle the collector once there are books, and whenever they have grown by a quarter. Ends by cancellation.

    It looks every 10 s, so that those who subscribe to thousands one after another cause a few pauses and not one each.
    """
    settled = 0
    while True:
        await anyio.sleep(_LOOK_S)
        count = len(books)
        if count and count >= settled * GROWN:
            settle_collector()
            settled = count

"""Whoever runs for as long as a block: who owns its task, and what becomes of its failure."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Protocol


class Component(Protocol):
    """Does its work in `run`, until it is cancelled."""

    def run(self) -> Coroutine[Any, Any, object]:
        """Run."""


@asynccontextmanager
async def running(component: Component, name: str) -> AsyncIterator[None]:
    """Run a component while the block does. One that fails ends the block too: nobody waits for what never comes.

    The block's own errors leave it as they are, in no group.

    Args:
        component: What is run.
        name: What it is called where it ends of itself, and in a list of tasks.

    Raises:
        Exception: What the component failed of.
    """
    block = asyncio.current_task()
    assert block is not None  # noqa: S101 - a coroutine runs in a task
    task = asyncio.create_task(component.run(), name=f"polywire {name}")

    def end_block(ended: "asyncio.Task[object]") -> None:
        if not ended.cancelled():
            block.cancel()

    task.add_done_callback(end_block)
    try:
        await asyncio.sleep(0)  # let it begin, so that the first who uses it finds it running
        yield
    except asyncio.CancelledError:
        if task.done() and not task.cancelled():
            block.uncancel()
            raise _cause(task.exception(), name) from None
        raise
    finally:
        task.remove_done_callback(end_block)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _cause(fault: BaseException | None, name: str) -> BaseException:
    """Return what a task group wrapped, where it is one thing."""
    while isinstance(fault, BaseExceptionGroup) and len(fault.exceptions) == 1:
        fault = fault.exceptions[0]
    return fault or RuntimeError(f"the {name} ended of itself")

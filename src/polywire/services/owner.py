"""What the owner of a data directory answers those who attach to it, in the language of `owner_protocol`.

Streams (`watch`, `events`) go on until `leave` names them or the client goes. A client that reads slowly gets fewer
views, the newest each time; its events wait in a feed subscription, whose bounded queue turns what it must drop into a
`Gap`. Questions are answered each as soon as it can be.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from polywire import __version__
from polywire.errors import OwnerGone
from polywire.services.access.language import Access
from polywire.services.owner_protocol import PROTOCOL, Hello, Wire, encoded_answer
from polywire.services.owner_visit import Source, Visit
from polywire.services.views import Views


class Owner:
    """Answers clients.

    Args:
        source: The feed.
        views: Makes views of its tokens.
        access: Answers questions.
        venue: The venue's name, for the hello.
        address: Where it is, for the same.
        pid: This process, for the hello.
        background: Whether it ends once its clients have left, for the hello.

    Attributes:
        clients: How many are attached.
        hello: What it says first.
    """

    def __init__(
        self, source: Source, views: Views, access: Access, *, venue: str, address: str, pid: int, background: bool
    ) -> None:
        self._source, self._views, self._access = source, views, access
        self.hello = Hello(PROTOCOL, __version__, pid, venue, address, background)
        self.clients = 0
        self._moved = anyio.Event()

    async def attend(self, wire: Wire) -> None:
        """Answer one client until it leaves."""
        async with self._counted():
            try:
                await wire.send(encoded_answer(self.hello))
                async with anyio.create_task_group() as tasks:
                    await Visit(self._source, self._views, self._access, wire, tasks).run()
                    tasks.cancel_scope.cancel()
            except* OwnerGone:
                pass  # the client has left: nobody is there to be told

    async def left_alone(self, seconds: float) -> None:
        """Return once nobody has been attached for so long."""
        while True:
            moved = self._moved
            if self.clients:
                await moved.wait()
                continue
            with anyio.move_on_after(seconds):
                await moved.wait()
                continue
            return

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, by: int) -> None:
        self.clients += by
        moved, self._moved = self._moved, anyio.Event()
        moved.set()

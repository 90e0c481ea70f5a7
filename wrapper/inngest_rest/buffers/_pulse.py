"""A condition variable that any thread may notify and that tasks of one event loop await."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Pulse:
    """A counter of beats on which tasks wait for the next beat.

    Read `count`, check the state that may have changed, then wait: no beat in between is missed.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Reset the count and drop all waiters."""
        self.count = 0
        self._waiters: set[asyncio.Future[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def move_to(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve the tasks of this event loop from now on."""
        if loop is not self._loop:
            self._loop = loop
            self._waiters = set()

    def beat(self) -> None:
        """Wake every waiter; may be called from any thread."""
        self.count += 1
        if self._loop is not None:
            # A closed loop has no waiters left.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._release)

    def _release(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, seen: int, timeout: float | None = None) -> None:
        """Wait for a beat after the first `seen` ones, at most `timeout` seconds."""
        if self.count != seen:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await waiter
        finally:
            self._waiters.discard(waiter)

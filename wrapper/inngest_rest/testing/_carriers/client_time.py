"""The mock's time, for the clients of its transport: a pause of theirs moves the mock's clock."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from threading import RLock

# How long a thread lets others go to sleep before it moves the clock: those that go to sleep
# together wake together.
_TOGETHER = 1e-4


class ClientTime:
    """A source of time for clients; pausing takes no time.

    Args:
        lock: Guards the mock's clock.
        advanced: Returns the seconds that the mock's clock is ahead of the wall clock.
        now: Returns the mock's time.
        advance: Moves the mock's clock.
    """

    def __init__(
        self,
        lock: RLock,
        advanced: Callable[[], float],
        now: Callable[[], datetime],
        advance: Callable[[timedelta], None],
    ) -> None:
        self._lock = lock
        self._advanced = advanced
        self._advance = advance
        self._now = now

    def monotonic(self) -> float:
        """Return seconds that never go back, those that the mock's clock was advanced by included.

        They go on under a mock's clock that stands still, so that time limits do, too.
        """
        return time.monotonic() + self._advanced()

    def now(self) -> float:
        """Return the mock's time in seconds since 1970."""
        return self._now().timestamp()

    def sleep(self, seconds: float) -> None:
        """Move the mock's clock on until so many seconds have passed since the call."""
        until = self.monotonic() + seconds
        time.sleep(_TOGETHER)
        self._advance_to(until)

    async def sleep_async(self, seconds: float) -> None:
        """Do the same once all other tasks have had their turn."""
        until = self.monotonic() + seconds
        await asyncio.sleep(0)
        self._advance_to(until)

    def _advance_to(self, until: float) -> None:
        with self._lock:
            left = until - self.monotonic()
            if left > 0:
                self._advance(timedelta(microseconds=int(left * 1e6) + 1))

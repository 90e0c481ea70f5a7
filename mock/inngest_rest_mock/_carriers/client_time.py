"""The clock for clients of the mock's transport: their sleeps advance the mock's clock."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from threading import Event, RLock

# How long a thread waits for others to sleep before it advances the clock, so that threads that go
# to sleep together wake together.
_TOGETHER = 1e-4


class ClientTime:
    """A clock for clients; sleeping takes no real time.

    Args:
        lock: Guards the mock's clock.
        advanced: Returns the seconds by which the mock's clock is ahead of the wall clock.
        now: Returns the mock's time.
        advance: Advances the mock's clock.
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

    random = staticmethod(random.random)

    def monotonic(self) -> float:
        """Return monotonic seconds, including those by which the mock's clock was advanced.

        They also advance while the mock's clock is frozen, so that timeouts still expire.
        """
        return time.monotonic() + self._advanced()

    def now(self) -> float:
        """Return the mock's time in seconds since 1970."""
        return self._now().timestamp()

    def sleep(self, seconds: float) -> None:
        """Sleep by advancing the mock's clock."""
        until = self.monotonic() + seconds
        time.sleep(_TOGETHER)
        self._advance_to(until)

    def wait(self, stop: Event, seconds: float) -> None:
        """Do the same, unless the thread was told to stop."""
        if not stop.is_set():
            self.sleep(seconds)

    async def sleep_async(self, seconds: float) -> None:
        """Do the same, after yielding to all other tasks."""
        until = self.monotonic() + seconds
        await asyncio.sleep(0)
        self._advance_to(until)

    def _advance_to(self, until: float) -> None:
        with self._lock:
            left = until - self.monotonic()
            if left > 0:
                self._advance(timedelta(microseconds=int(left * 1e6) + 1))

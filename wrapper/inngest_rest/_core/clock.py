"""Time, sleeping and randomness in one value that tests can replace.

A client holds one `Clock`, which its plans, driver and buffers share: a test replaces it once.
"""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def _sleep_in_loop(seconds: float) -> None:
    import asyncio  # noqa: PLC0415 - the blocking client does without it

    await asyncio.sleep(seconds)


@frozen(kw_only=True)
class Clock:
    """A source of time and randomness; only drivers, and a file that is locked, sleep by it.

    Attributes:
        monotonic: Returns seconds that never go back, for deadlines.
        now: Returns seconds since 1970, for times that are compared with other machines'.
        sleep: Blocks the thread for some seconds.
        wait: Blocks the thread for some seconds, or until an event is set.
        sleep_async: Suspends the task for some seconds.
        random: Returns a number in [0, 1), for jitter.
    """

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    wait: Callable[[threading.Event, float], object] = threading.Event.wait
    sleep_async: Callable[[float], Awaitable[None]] = _sleep_in_loop
    random: Callable[[], float] = random.random


SYSTEM_CLOCK = Clock()


def clock_of(transport: object, clock: Clock) -> Clock:
    """Return a clock that follows the transport's own time, if it has one, else `clock`.

    A clock that a test has put in the place of the system's stays.
    """
    own: Any = getattr(transport, "inngest_time", None)
    if clock is not SYSTEM_CLOCK or own is None:
        return clock

    def wait(stop: threading.Event, seconds: float) -> None:
        if not stop.is_set():
            own.sleep(seconds)

    return Clock(
        monotonic=own.monotonic,
        now=own.now,
        sleep=own.sleep,
        wait=wait,
        sleep_async=own.sleep_async,
    )

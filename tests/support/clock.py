"""A clock that advances only when a test moves it or something sleeps."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any, TypeVar

from inngest_rest import AsyncInngestClient, InngestClient
from inngest_rest._core import clock as _core

if TYPE_CHECKING:
    from collections.abc import Callable

C = TypeVar("C", InngestClient, AsyncInngestClient)

STARTED = 1_795_543_200.0  # 2026-11-24T18:00:00Z


def with_clock(client: type[C], **instead: Callable[..., Any]) -> type[C]:
    """Return a subclass of a client with a clock that has other functions than the system's."""
    clock = _core.Clock(**instead)
    return type(client.__name__, (client,), {"_clock": clock, "__module__": client.__module__})


class Clock:
    """A fake for a client's clock: sleeping takes no time and is recorded.

    Attributes:
        pauses: The seconds of each pause, in order.
        jitter: The value that the client gets for a random number.
    """

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.pauses: list[float] = []
        self.jitter = 1.0

    def monotonic(self) -> float:
        return 1_000.0 + self.elapsed

    def now(self) -> float:
        return STARTED + self.elapsed

    def nanoseconds(self) -> int:
        """Return the time in the unit of a mock server's clock."""
        return int(self.now() * 1e9)

    def advance(self, seconds: float) -> None:
        self.elapsed += seconds

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.advance(seconds)

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)
        await asyncio.sleep(0)

    def at_pauses(self, act: Callable[[int], object]) -> None:
        """Call a function with the number of each pause from now on, in the middle of it."""
        whole, count = self.sleep, itertools.count()

        def sleep(seconds: float) -> None:
            whole(seconds / 2)
            act(next(count))
            whole(seconds / 2)

        self.sleep = sleep  # type: ignore[method-assign]

    def govern(self, client: type[C]) -> type[C]:
        """Return a subclass of a client that uses this clock."""
        return with_clock(
            client,
            monotonic=self.monotonic,
            now=self.now,
            sleep=self.sleep,
            wait=lambda _, seconds: self.sleep(seconds),
            sleep_async=self.sleep_async,
            random=lambda: self.jitter,
        )

    def make_loop(self) -> asyncio.AbstractEventLoop:
        """Return an event loop whose timeouts use this clock."""
        loop = asyncio.SelectorEventLoop()
        loop.time = self.monotonic  # type: ignore[method-assign]
        return loop

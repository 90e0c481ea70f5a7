"""An event loop whose time passes only while all of its tasks wait: hours take milliseconds."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, TypeVar

from inngest_rest import AsyncInngestClient
from tests.support.clock import STARTED, with_clock

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

T = TypeVar("T")


class VirtualTime(selectors.DefaultSelector):
    """The time of an event loop; instead of waiting for it, the loop moves it on."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is not None:
            self.elapsed += timeout
        return ready

    def now(self) -> float:
        return STARTED + self.elapsed

    def govern(self) -> type[AsyncInngestClient]:
        """Return a subclass of the client that uses this time."""
        return with_clock(
            AsyncInngestClient,
            monotonic=lambda: self.elapsed,
            now=self.now,
            sleep_async=asyncio.sleep,
            random=lambda: 1.0,
        )

    def run(self, scenario: Coroutine[Any, Any, T]) -> T:
        """Run a scenario in an event loop of this time."""
        loop = asyncio.SelectorEventLoop(self)
        loop.time = lambda: self.elapsed  # type: ignore[method-assign]
        try:
            return loop.run_until_complete(scenario)
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

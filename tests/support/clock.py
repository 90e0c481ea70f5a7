"""A clock that moves only when it is told to, and when something pauses."""

from __future__ import annotations

import asyncio
import sys
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

STARTED = 1_795_543_200.0  # 2026-11-24T18:00:00Z


class Clock:
    """Stands in for the time of a client: pauses take no time and are kept.

    Attributes:
        pauses: The seconds of each pause, in order.
        jitter: What the client draws instead of a random number.
    """

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.pauses: list[float] = []
        self.jitter = 1.0

    def monotonic(self) -> float:
        return 1_000.0 + self.elapsed

    def now(self) -> float:
        return STARTED + self.elapsed

    def advance(self, seconds: float) -> None:
        self.elapsed += seconds

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.advance(seconds)

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)
        await asyncio.sleep(0)

    def govern(self, session: Any) -> None:
        """Rule over what the plans of a client see."""
        session.clock = self.monotonic
        session.now = self.now
        session.random = lambda: self.jitter

    def govern_drivers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Rule over all that sends and sleeps: no other module of the package does."""
        fakes = {
            "time": SimpleNamespace(
                **{**vars(time), "sleep": self.sleep, "monotonic": self.monotonic}
            ),
            "asyncio": SimpleNamespace(**{**vars(asyncio), "sleep": self.sleep_async}),
        }
        for name, module in list(sys.modules.items()):
            if name.startswith("inngest_rest._core.drivers"):
                for attribute, fake in fakes.items():
                    if hasattr(module, attribute):
                        monkeypatch.setattr(module, attribute, fake)

    def make_loop(self) -> asyncio.AbstractEventLoop:
        """Make an event loop whose timeouts go by this clock."""
        loop = asyncio.SelectorEventLoop()
        loop.time = self.monotonic  # type: ignore[method-assign]
        return loop

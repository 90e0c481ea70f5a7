"""Cancel an exchange on a caller's transport without leaking a connection from its pool.

httpcore's pool leaks a connection if a request is cancelled while it is queued, between two steps,
or while it closes, and a pool that has leaked all of them waits forever: 4,000 random cancellations
on a pool of 8 left it with 8 dead connections (https://github.com/encode/httpcore/issues/1093).
During network I/O, which the `trace` extension announces, cancellation is safe.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

# Seconds that an abandoned exchange may take to end by itself if its transport does not trace.
_GRACE = 1.0


class SafeCancel:
    """Follows an exchange through the `trace` of its request."""

    def __init__(self) -> None:
        self._is_traced = False
        self._is_on_the_network = False
        self._is_abandoned = False

    def attach_to(self, request: httpx.Request) -> httpx.Request:
        request.extensions = {**request.extensions, "trace": self._trace}
        return request

    async def _trace(self, event: str, _: dict[str, Any]) -> None:
        self._is_traced = True
        self._is_on_the_network = event.endswith(".started") and "response_closed" not in event
        if self._is_abandoned and self._is_on_the_network:
            raise asyncio.CancelledError

    async def abandon(self, exchange: asyncio.Task[Any], cancel_lock: asyncio.Lock) -> None:
        """Cancel an exchange at its next network wait, and wait for it to end.

        Without a trace, the lock serializes this: of two queued requests cancelled together, one
        may be handed the other's connection.
        """
        self._is_abandoned = True
        if self._is_on_the_network:
            exchange.cancel()
        _, unfinished = await asyncio.wait([exchange], timeout=_GRACE)
        if unfinished and not self._is_traced:
            async with cancel_lock:
                exchange.cancel()
                await asyncio.wait([exchange])
        if unfinished:
            await asyncio.wait([exchange])
        if not exchange.cancelled():
            exchange.exception()  # retrieved, so that asyncio does not log it

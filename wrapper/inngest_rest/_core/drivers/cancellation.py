"""Cancel an exchange on a caller's transport only where its pool survives that.

httpcore's pool loses a connection if a request is cancelled while it waits for its turn, between
two steps, or while it closes, and one that has lost all of them waits forever: 4,000 requests that
were cancelled at random on a pool of 8 left it with 8 dead connections
(https://github.com/encode/httpcore/issues/1093). Where it waits for the network it loses none, and
it announces that to the `trace` of a request.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

# Seconds that an abandoned exchange may take to end by itself, if its transport announces nothing.
_GRACE = 1.0


class SafeCancel:
    """Follows an exchange through the `trace` of its request."""

    def __init__(self) -> None:
        self._is_traced = False
        self._is_on_the_network = False
        self._is_abandoned = False

    def over(self, request: httpx.Request) -> httpx.Request:
        """Return a request that is followed from now on."""
        request.extensions = {**request.extensions, "trace": self._trace}
        return request

    async def _trace(self, event: str, _: dict[str, Any]) -> None:
        self._is_traced = True
        self._is_on_the_network = event.endswith(".started") and "response_closed" not in event
        if self._is_abandoned and self._is_on_the_network:
            raise asyncio.CancelledError

    async def abandon(self, exchange: asyncio.Task[Any], one_by_one: asyncio.Lock) -> None:
        """Cancel an exchange when it next waits for the network, and wait until it has ended.

        Args:
            exchange: The task that sends the request.
            one_by_one: Held by those that cancel what announces nothing: of two requests that wait
                for a turn, one may get the other's while both are cancelled.
        """
        self._is_abandoned = True
        if self._is_on_the_network:
            exchange.cancel()
        _, unfinished = await asyncio.wait([exchange], timeout=_GRACE)
        if unfinished and not self._is_traced:
            async with one_by_one:
                exchange.cancel()
                await asyncio.wait([exchange])
        if unfinished:
            await asyncio.wait([exchange])
        if not exchange.cancelled():
            exchange.exception()  # nobody else asks for it

"""Networks that wait, for tests of buffers, and what went out through them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx

from inngest_rest import EventBuffer
from tests.support.peer import PATIENCE

if TYPE_CHECKING:
    from tests.support.server import Server

ROUTE = "POST /e/NO_EVENT_KEY_SET"

# The blocking buffer stands for both, as in conftest.
Make = Callable[..., EventBuffer]


def sent(server: Server) -> list[list[str]]:
    """Return the names that went out, request by request."""
    return [[event["name"] for event in body] for body in server.bodies()]


class Gate(httpx.BaseTransport):
    """A network that takes for ever, until it is opened."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.reached = threading.Event()
        self.opened = threading.Event()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.reached.set()
        assert self.opened.wait(PATIENCE)
        return self._server.handle_request(request)


class AsyncGate(httpx.AsyncBaseTransport):
    """A network that takes for ever, until it is opened."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.reached.set()
        await asyncio.wait_for(self.opened.wait(), PATIENCE)
        return await self._server.handle_async_request(request)

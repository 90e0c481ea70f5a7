"""Networks that wait, for tests of buffers, and what went out through them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx

from inngest_rest import EventBuffer
from inngest_rest.buffer._outbox import Outbox
from inngest_rest.buffer._queue import Queue
from tests.support.peer import PATIENCE

if TYPE_CHECKING:
    import pytest

    from tests.support.server import Server

ROUTE = "POST /e/NO_EVENT_KEY_SET"

# The blocking buffer stands for both, as in conftest.
Make = Callable[..., EventBuffer]


def sent(server: Server) -> list[list[str]]:
    """Return the names that went out, request by request."""
    return [[event["name"] for event in body] for body in server.bodies()]


def workers() -> list[threading.Thread]:
    """Return the threads of all blocking buffers."""
    return [each for each in threading.enumerate() if each.name == "inngest-rest-buffer"]


def full_signal(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Return an event that is set when a store first has no room."""
    signal = threading.Event()

    def watch(kind: type[Queue]) -> None:
        put = kind.put

        def watched(self: Any, event: Any) -> bool:
            has_room = put(self, event)
            if not has_room:
                signal.set()
            return has_room

        monkeypatch.setattr(kind, "put", watched)

    watch(Queue)
    watch(Outbox)
    return signal


def flush_until_logged(
    buffer: EventBuffer, text: str, caplog: pytest.LogCaptureFixture, *, step: float = 0.01
) -> None:
    """Flush in short steps until the buffer has logged something, for a minute at most.

    Each step ends the pause after a failure: one that begins before the failure is logged may cause
    another request. A test that counts these takes a `step` in which the first one fails.
    """
    for _ in range(int(60 / step)):
        if text in caplog.text:
            return
        buffer.flush(step)
    raise AssertionError(f"not logged: {text}")


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

"""The mock on a real socket: uvicorn with h11, in its own thread."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from inngest_rest_mock._carriers.messages import Dropped, Outcome, Request, Response

Scope: TypeAlias = Mapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]
Address: TypeAlias = tuple[str, int]

_START_SECONDS = 60.0  # generous, for very busy machines; usually milliseconds
_MOST_HEADER_BYTES = 1 << 20  # Go's http.DefaultMaxHeaderBytes


class _App:
    """The ASGI application; it tracks open connections, so that it can drop one."""

    def __init__(self, answer: Callable[[Request], Outcome]) -> None:
        self._answer = answer
        self.connections: dict[Address | None, asyncio.Transport] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        request = _request(scope, bytes(body))
        outcome = self._answer(request)
        if isinstance(outcome, Dropped):
            self.connections[scope["client"]].close()
            await receive()
            return
        await _respond(outcome, send)


def _request(scope: Scope, body: bytes) -> Request:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    raw_path: str = scope["raw_path"].decode("latin-1")
    if not raw_path.startswith("/"):
        # A client that uses this server as a proxy sends the full URL; Go routes by its path.
        raw_path = urlsplit(raw_path).path
    return Request(
        scope["method"],
        raw_path,
        scope["query_string"].decode("latin-1"),
        headers,
        body,
    )


async def _respond(response: Response, send: Send) -> None:
    pairs = [
        (name.lower().encode(), value.encode("latin-1"))
        for name, value in response.headers
    ]
    await send(
        {"type": "http.response.start", "status": response.status, "headers": pairs}
    )
    await send({"type": "http.response.body", "body": response.body})


def _protocol(
    connections: dict[Address | None, asyncio.Transport],
) -> type[H11Protocol]:
    class Protocol(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            # asyncio only sets it for sockets with an explicit protocol number; without it, headers
            # and body of a response arrive 40 ms apart.
            transport.get_extra_info("socket").setsockopt(
                socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
            )
            connections[self.client] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            connections.pop(self.client, None)
            super().connection_lost(exc)

    return Protocol


class _Server(uvicorn.Server):
    """A server that another thread can await and stop without delay."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self.ready.set()

    async def main_loop(self) -> None:
        # uvicorn polls `should_exit` every 0.1 s, which would slow down every test.
        await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # uvicorn's own sleeps for 0.1 s before it looks whether a response is still being sent.
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0)  # connections without a response are closed then
        with suppress(TimeoutError):
            timeout = self.config.timeout_graceful_shutdown
            await asyncio.wait_for(self._wait_tasks_to_complete(), timeout)
        for task in self.server_state.tasks:
            task.cancel()

    def stop(self) -> None:
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)


@contextmanager
def serve(answer: Callable[[Request], Outcome], port: int, host: str) -> Generator[str]:
    """Serve `answer` and yield the base URL; close everything on exit."""
    app = _App(answer)
    config = uvicorn.Config(
        app,
        # By default, older releases make uvloop the loop of the whole process.
        loop="asyncio",
        http=_protocol(app.connections),
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=_MOST_HEADER_BYTES,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    is_v6 = ":" in host
    family = socket.AF_INET6 if is_v6 else socket.AF_INET
    with socket.create_server((host, port), family=family) as listener:
        named = f"[{host}]" if is_v6 else host
        url = f"http://{named}:{listener.getsockname()[1]}"
        thread = threading.Thread(
            target=server.run, args=([listener],), name="inngest-mock", daemon=True
        )
        thread.start()
        try:
            if not server.ready.wait(_START_SECONDS):
                raise RuntimeError(
                    f"the mock server did not start within {_START_SECONDS:g} s"
                )
            yield url
        finally:
            server.stop()
            thread.join()

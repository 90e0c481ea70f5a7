"""A real socket server with a fault: it accepts, reads requests and answers by a script."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Self

from attrs import field, frozen

# Seconds that the server may take to start and to stop.
_PATIENCE = 60.0


@frozen
class Request:
    """A request that was read whole.

    Attributes:
        trial: The first segment of its path: which client sent it.
        method: The HTTP method.
        path: The rest of the path, with the query.
        headers: By lower-case name.
        body: The body.
        index: Which request of its trial this is, from 0.
    """

    trial: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes = field(repr=False)
    index: int


class Connection:
    """One accepted connection, as a script sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        """Send bytes; they have left this process when it returns."""
        self._writer.write(data)
        await self._writer.drain()

    def close(self) -> None:
        """Hang up in order: what was sent arrives first."""
        self._writer.close()

    def reset(self) -> None:
        """Break the connection off: the client gets ECONNRESET."""
        no_linger = struct.pack("ii", 1, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        self._writer.transport.abort()

    async def until_hung_up(self) -> None:
        """Say nothing more, and wait until the client hangs up."""
        while await self._reader.read(65_536):
            pass
        self.close()

    @property
    def is_over(self) -> bool:
        return self._writer.is_closing()

    @property
    def _socket(self) -> socket.socket:
        found: socket.socket = self._writer.get_extra_info("socket")
        return found

    async def read_head(self) -> list[str]:
        """Return the lines of a request's head; none if the client hung up."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return []
        return head.decode("latin-1").split("\r\n")[:-2]

    async def read_body(self, length: int) -> bytes:
        return await self._reader.readexactly(length)


Answer = Callable[[Connection, Request], Awaitable[None]]


@frozen
class Behaviour:
    """What a server does.

    Attributes:
        answer: Called for each request that was read.
        greet: Called for each connection, before anything of it is read.
        listens: Whether it accepts connections at all.
        scheme: That of its URL; the server itself speaks no TLS.
    """

    answer: Answer
    greet: Callable[[Connection], Awaitable[None]] | None = None
    listens: bool = True
    scheme: str = "http"


class Endpoint:
    """One listening port with a behaviour, and the requests that came to it.

    Attributes:
        requests: By trial.
        connections: How many were accepted.
    """

    def __init__(self, behaviour: Behaviour, port: int) -> None:
        self._behaviour = behaviour
        self.port = port
        self.requests: dict[str, list[Request]] = defaultdict(list)
        self.connections = 0

    def url(self, trial: str) -> str:
        """Return the base URL for the client of a trial."""
        return f"{self._behaviour.scheme}://127.0.0.1:{self.port}/{trial}"

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Behave so on one connection until either side hangs up."""
        connection = Connection(reader, writer)
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            if self._behaviour.greet is not None:
                await self._behaviour.greet(connection)
            while not connection.is_over and (head := await connection.read_head()):
                request = await self._read(connection, head)
                await self._behaviour.answer(connection, request)
        writer.close()

    async def _read(self, connection: Connection, head: list[str]) -> Request:
        method, target, _ = head[0].split(" ")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:])
        }
        body = await connection.read_body(int(headers.get("content-length", "0")))
        _, trial, path = target.split("/", 2)
        seen = self.requests[trial]
        seen.append(Request(trial, method, f"/{path}", headers, body, len(seen)))
        return seen[-1]


class FaultServer:
    """Plays on any number of ports, in a thread with an event loop of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-server")
        self._bound: list[socket.socket] = []
        self._listeners: list[asyncio.Server] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(_PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._loop.close()
        for each in self._bound:
            each.close()

    def open(self, behaviour: Behaviour) -> Endpoint:
        """Return a port of a server that behaves so."""
        if not behaviour.listens:
            # Bound, so that nothing else gets the port, and not listening: it refuses.
            bound = socket.socket()
            bound.bind(("127.0.0.1", 0))
            self._bound.append(bound)
            return Endpoint(behaviour, bound.getsockname()[1])
        return asyncio.run_coroutine_threadsafe(self._listen(behaviour), self._loop).result(
            _PATIENCE
        )

    async def _listen(self, behaviour: Behaviour) -> Endpoint:
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        endpoint = Endpoint(behaviour, listener.getsockname()[1])
        self._listeners.append(
            await asyncio.start_server(endpoint.converse, sock=listener, backlog=512)
        )
        return endpoint

    async def _stop(self) -> None:
        for each in self._listeners:
            each.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

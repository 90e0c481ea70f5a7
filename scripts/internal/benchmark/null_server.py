"""A server that only counts: the upper bound for a client, and a check that every event arrived.

POST /e/KEY counts the events of the body and answers with as many ids, POST /v2/runs/ID/cancel
cancels, GET /v1/runs and GET /v2/runs answer with 100 runs and always a next page, any other GET
answers with one run of v2.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import multiprocessing
import os
from ctypes import c_longlong
from typing import TYPE_CHECKING

from attrs import field, frozen

from scripts.internal.benchmark.pages import CANCELLED, RUN, next_page, page_of_v1, page_of_v2

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection


def answer(body: bytes, content_type: bytes = b"application/json") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (
        content_type,
        len(body),
        body,
    )


@functools.cache
def accepted(count: int) -> bytes:
    ids = b",".join([b'"01M86WMR2REMKV8DQ54EQPCS5T"'] * count)
    return answer(b'{"ids":[%s],"status":200}' % ids, b"text/plain; charset=utf-8")


@frozen
class NullServer:
    """A server, and the number of events that it has received.

    Attributes:
        url: Its base URL.
        received: The number, in shared memory.
        counts: Whether it counts; a dev server does not.
    """

    url: str
    received: c_longlong = field(factory=c_longlong)
    counts: bool = False


class Counter(asyncio.Protocol):
    """One connection."""

    def __init__(self, received: c_longlong, latency: float) -> None:
        self.received = received
        self.latency = latency
        self.buffer = bytearray()
        self.wanted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while len(self.buffer) >= self.wanted and (head := self.buffer.find(b"\r\n\r\n")) >= 0:
            lower = self.buffer[:head].lower()
            mark = lower.find(b"content-length:")
            length = int(lower[mark + 15 :].split(b"\r\n", 1)[0]) if mark >= 0 else 0
            self.wanted = head + 4 + length
            if len(self.buffer) < self.wanted:
                return
            self.reply(bytes(lower.partition(b"\r")[0]), self.buffer[head + 4 : self.wanted])
            del self.buffer[: self.wanted]
            self.wanted = 0

    def reply(self, line: bytes, body: bytearray) -> None:
        if line.startswith(b"post /v2/runs/"):
            run_id = line.split(b"/")[3].upper()  # the line is in lower case
            out = answer(CANCELLED % run_id)
        elif line.startswith(b"post"):
            count = body.count(b'"name":')
            self.received.value += count
            out = accepted(count)
        elif line.startswith(b"get /v1/runs?"):
            out = answer(page_of_v1(next_page(line)))
        elif line.startswith(b"get /v2/runs?"):
            out = answer(page_of_v2(next_page(line)))
        else:
            out = answer(RUN)
        if self.latency:
            asyncio.get_running_loop().call_later(self.latency, self.transport.write, out)
        else:
            self.transport.write(out)


@contextlib.contextmanager
def null_server(latency_ms: float) -> Iterator[NullServer]:
    """Run a server on core 1 during the `with` block."""
    context = multiprocessing.get_context("fork")
    received = context.RawValue(c_longlong)
    here, there = context.Pipe()
    process = context.Process(
        target=_serve, args=(there, received, latency_ms / 1_000), daemon=True
    )
    process.start()
    try:
        yield NullServer(f"http://127.0.0.1:{here.recv()}", received, counts=True)
    finally:
        process.terminate()
        process.join()


def _serve(port: Connection, received: c_longlong, latency: float) -> None:
    os.sched_setaffinity(0, {1})

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Counter(received, latency), "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())

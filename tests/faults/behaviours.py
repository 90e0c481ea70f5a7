"""What a server may do to a request, as behaviours that the table of faults puts together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.faults.server import Behaviour

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.faults.server import Connection, Request

    Then = Callable[[Connection], Awaitable[None]]


def http(status: int, body: bytes | str = b"", *headers: str, reason: str = "") -> bytes:
    """Return a response with its length, or with headers that say otherwise."""
    content = body.encode() if isinstance(body, str) else body
    stated = "".join(each.lower() for each in headers)
    length = () if "content-length" in stated or "transfer-encoding" in stated else (len(content),)
    lines = [f"HTTP/1.1 {status} {reason}", *headers, *(f"Content-Length: {it}" for it in length)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


def json(status: int, body: str, *headers: str) -> bytes:
    """Return a JSON response."""
    return http(status, body, "Content-Type: application/json", *headers)


async def goes_on(_: Connection) -> None:
    """Keep the connection."""


async def closes(connection: Connection) -> None:
    connection.close()


async def resets(connection: Connection) -> None:
    connection.reset()


async def resets_when_written_to(connection: Connection) -> None:
    """Break off in the middle of a request."""
    await connection.read_body(1)
    connection.reset()


async def stalls(connection: Connection) -> None:
    await connection.until_hung_up()


def trickles(piece: bytes, every: float = 0.005) -> Then:
    """Send a piece now and then, until the client hangs up."""

    async def then(connection: Connection) -> None:
        while True:
            await connection.send(piece)
            await asyncio.sleep(every)

    return then


def floods(piece: bytes, times: int) -> Then:
    """Send a piece as often as the client takes it, so many times at most, and hang up."""

    async def then(connection: Connection) -> None:
        for _ in range(times):
            await connection.send(piece)
        connection.close()

    return then


def answers(data: bytes, then: Then = goes_on) -> Behaviour:
    """Answer each request with these bytes, and then do something to the connection."""

    async def answer(connection: Connection, _: Request) -> None:
        if data:
            await connection.send(data)
        await then(connection)

    return Behaviour(answer)


def greets(then: Then, data: bytes = b"", *, scheme: str = "http") -> Behaviour:
    """Do something to each connection before anything of it is read."""

    async def greet(connection: Connection) -> None:
        if data:
            await connection.send(data)
        await then(connection)

    async def answer(connection: Connection, _: Request) -> None:
        connection.close()

    return Behaviour(answer, greet, scheme=scheme)


async def _never(_: Connection, __: Request) -> None:
    raise AssertionError("it does not listen")


REFUSES = Behaviour(_never, listens=False)
"""Nothing listens there."""

"""A server that answers with what it was asked, so that an answer shows whose it is."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from contextlib import suppress
from typing import Self

from tests.support.peer import PATIENCE

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Echo:
    """Accepts every event under its own name, and hangs up after some answers.

    Attributes:
        url: Where it listens.
        most: How many connections were open at once.
        names: The names of all events it was sent.
    """

    def __init__(self, answers_of_a_connection: int = 10**9) -> None:
        self._answers = answers_of_a_connection
        self._changed = threading.Condition()
        self._open = 0
        self.most = 0
        self.names: list[str] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def wait_until_all_hung_up(self) -> None:
        """Wait until no connection is open any more."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._open == 0, PATIENCE), self._open

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0, backlog=1_024)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._end.wait()
        server.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count(1)
        try:
            for left in reversed(range(self._answers)):
                head = await reader.readuntil(b"\r\n\r\n")
                found = _LENGTH.search(head)
                assert found is not None
                events = json.loads(await reader.readexactly(int(found[1])))
                names = [event["name"] for event in events]
                self.names += names
                body = json.dumps({"ids": names, "status": 200}).encode()
                end = b"" if left else b"Connection: close\r\n"
                head = b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n" % (end, len(body))
                writer.write(head + body)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            self._count(-1)

    def _count(self, by: int) -> None:
        with self._changed:
            self._open += by
            self.most = max(self.most, self._open)
            self._changed.notify_all()

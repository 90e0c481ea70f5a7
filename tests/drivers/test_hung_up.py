"""Connections that the server has closed."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests.support.client_kinds import open_client
from tests.support.peer import ANSWER, PATIENCE, take_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.client_kinds import ClientKind
    from tests.support.clock import Clock

BURST = 8


class Burst:
    """A server that responds once a whole burst has arrived, hangs up, and then continues."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections: list[socket.socket] = []
        self._has_hung_up = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        self.connections = [self._listener.accept()[0] for _ in range(BURST)]
        for each in self.connections:
            take_request(each)
        for each in self.connections:
            each.sendall(ANSWER)
            each.shutdown(socket.SHUT_WR)
        self._has_hung_up.set()
        self.last = self._listener.accept()[0]
        take_request(self.last)
        self.last.sendall(ANSWER)

    def close(self) -> None:
        self._thread.join(PATIENCE)
        for each in (*self.connections, self.last, self._listener):
            each.close()

    def wait_until_hung_up(self) -> None:
        """Wait until the client can see the end of each connection of the burst."""
        assert self._has_hung_up.wait(PATIENCE)

    def are_all_closed(self) -> bool:
        """Return whether the client closes its side of the burst, too."""
        for each in self.connections:
            each.settimeout(PATIENCE)
        return all(each.recv(1) == b"" for each in self.connections)


@pytest.fixture
def burst() -> Iterator[Burst]:
    burst = Burst()
    yield burst
    burst.close()


def test_a_later_request_closes_what_the_server_has_closed(
    client_kind: ClientKind, burst: Burst, clock: Clock
) -> None:
    event = {"name": "app/order"}
    with (
        asyncio.Runner() as runner,
        open_client(client_kind, runner, clock, dev=burst.url) as client,
    ):
        report = client.send_many([event] * BURST, batch_size=1, in_flight=BURST)
        assert report.accepted == BURST
        burst.wait_until_hung_up()
        clock.advance(6)
        client.send(event)
        # The asynchronous client closes them in tasks of their own, which need the loop.
        assert runner.run(asyncio.to_thread(burst.are_all_closed))

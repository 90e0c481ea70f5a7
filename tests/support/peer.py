"""The other end of a real socket on loopback, which handles each connection by a test's script."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

# Seconds after which a test that hangs fails.
PATIENCE = 60.0

ACCEPTED = b'{"ids":["01"],"status":200}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(ACCEPTED), ACCEPTED)


class Peer:
    """Serve each connection by the next of a list of scripts.

    Attributes:
        url: The URL it listens on.
        served: The number of connections it has served and closed.
    """

    def __init__(
        self, *scripts: Callable[[socket.socket], object], tls: ssl.SSLContext | None = None
    ) -> None:
        self._scripts = scripts
        self._tls = tls
        self._failure: BaseException | None = None
        self._closed = threading.Condition()
        self.served = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://localhost:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        try:
            for script in self._scripts:
                connection, _ = self._listener.accept()
                connection.settimeout(PATIENCE)
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                with connection:
                    script(connection)
                with self._closed:
                    self.served += 1
                    self._closed.notify_all()
        except BaseException as error:  # noqa: BLE001 - raised again where the test ends
            self._failure = error

    def wait_until_served(self, connections: int) -> None:
        """Wait until a number of connections have been closed."""
        with self._closed:
            assert self._closed.wait_for(lambda: self.served >= connections, PATIENCE)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._thread.join(PATIENCE)
        self._listener.close()
        if kind is None:
            assert not self._thread.is_alive(), "the peer still waits"
            if self._failure is not None:
                raise self._failure


def take_request(connection: socket.socket) -> bytes:
    """Read a whole request and return its body."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(65_536) or _hung_up()
    head, _, body = head.partition(b"\r\n\r\n")
    [length] = [
        int(each.split(b":")[1])
        for each in head.splitlines()
        if each.lower().startswith(b"content-length:")
    ]
    while len(body) < length:
        body += connection.recv(65_536) or _hung_up()
    return body


def answers(connection: socket.socket) -> None:
    """Read one request and accept its event."""
    take_request(connection)
    connection.sendall(ANSWER)


def until_hung_up(connection: socket.socket) -> None:
    """Wait until the client closes the connection."""
    assert connection.recv(1) == b""


def _hung_up() -> bytes:
    raise ConnectionError("the client hung up in the middle of a request")

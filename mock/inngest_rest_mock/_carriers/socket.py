"""The mock on a real socket: a thread per connection, and HTTP by h11, which httpcore brings."""

from __future__ import annotations

import os
import socket
import sys
import threading
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import h11

from inngest_rest_mock._carriers.exchange import Dropped, Outcome, Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_SECONDS_TO_STOP = 0.005
_SECONDS_TO_READ = 2.0  # for the clients of responses in flight when the server stops
_MOST_HEADER_BYTES = 1 << 20  # Go's http.DefaultMaxHeaderBytes


class _Server(ThreadingTCPServer):
    """A server that knows its open connections, so that it can end them."""

    allow_reuse_address = os.name == "posix"
    request_queue_size = 128

    def __init__(
        self, host: str, port: int, answer: Callable[[Request], Outcome]
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.answer = answer
        self._connections: set[Any] = set()
        super().__init__((host, port), _Exchanges)

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def close_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().close_request(request)

    def server_close(self) -> None:
        # A connection without a request sees the end of it; one with a request answers first.
        self._shut_down(socket.SHUT_RD)
        # That of a client that reads no response is broken off, or its thread would never end.
        breaks_off = threading.Timer(
            _SECONDS_TO_READ, self._shut_down, [socket.SHUT_RDWR]
        )
        breaks_off.start()
        super().server_close()
        breaks_off.cancel()
        breaks_off.join()

    def _shut_down(self, how: int) -> None:
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(how)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Exchanges(BaseRequestHandler):
    """The requests of one connection."""

    request: socket.socket

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = h11.Connection(
            h11.SERVER, max_incomplete_event_size=_MOST_HEADER_BYTES
        )
        try:
            while self._exchange(connection) and connection.our_state is h11.DONE:
                connection.start_next_cycle()
        except h11.RemoteProtocolError as error:
            refusal = Response(error.error_status_hint, (("Connection", "close"),))
            self._send(connection, refusal)

    def _exchange(self, connection: h11.Connection) -> bool:
        """Answer a request; return False if there is none, or no answer to it."""
        head: h11.Request | None = None
        body = bytearray()
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            match event:
                case h11.NEED_DATA:
                    if connection.they_are_waiting_for_100_continue:
                        proceed = h11.InformationalResponse(status_code=100, headers=[])
                        self.request.sendall(connection.send(proceed) or b"")
                    connection.receive_data(self.request.recv(65_536))
                case h11.Request():
                    head = event
                case h11.Data():
                    body += event.data
                case _:
                    return False
        assert head is not None
        outcome = cast("_Server", self.server).answer(_request(head, bytes(body)))
        if isinstance(outcome, Dropped):
            return False
        self._send(connection, outcome)
        return True

    def _send(self, connection: h11.Connection, response: Response) -> None:
        head = h11.Response(status_code=response.status, headers=list(response.headers))
        events = head, h11.Data(data=response.body), h11.EndOfMessage()
        self.request.sendall(b"".join(connection.send(each) or b"" for each in events))


def _request(head: h11.Request, body: bytes) -> Request:
    """Return a request; raise RemoteProtocolError for one that no route can have."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in head.headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if head.method == b"CONNECT":
        raise h11.RemoteProtocolError("this is no proxy", error_status_hint=405)
    raw_path, _, query = head.target.decode("latin-1").partition("?")
    if not raw_path.startswith("/"):
        # A client that uses this server as a proxy sends the full URL; Go routes by its path.
        try:
            raw_path = urlsplit(raw_path).path
        except ValueError as error:
            raise h11.RemoteProtocolError(str(error)) from None
    return Request(head.method.decode("latin-1"), raw_path, query, headers, body)


@contextmanager
def serve(answer: Callable[[Request], Outcome], port: int, host: str) -> Generator[str]:
    """Serve `answer` and yield the base URL; close everything on exit."""
    with _Server(host, port, answer) as server:
        named = f"[{host}]" if ":" in host else host
        thread = threading.Thread(
            target=server.serve_forever,
            args=(_SECONDS_TO_STOP,),
            name="inngest-mock",
            daemon=True,
        )
        thread.start()
        try:
            yield f"http://{named}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()

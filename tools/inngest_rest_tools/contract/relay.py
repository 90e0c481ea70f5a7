"""A server on this machine that carries each request to the server of a client.

So the requests of another program have the keys, the proxy, the certificates and the headers of the
client, and the program has none of them.
"""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, cast

from attrs import frozen

from inngest_rest.errors import (
    ApiError,
    ConfigurationError,
    InngestError,
    InvalidArgumentError,
)

if TYPE_CHECKING:
    from collections.abc import Generator

    from inngest_rest import InngestClient
    from inngest_rest.responses import RawResponse
    from inngest_rest.typing import Method

NOT_CARRIED = 599
"""The status of the response to a request that the client cannot send, such as a path with `..`."""

# About the connection to the server, or about a body that is decompressed now.
_OF_CONNECTION = {
    *("connection", "content-encoding", "content-length", "date", "keep-alive"),
    *("server", "trailer", "transfer-encoding", "upgrade"),
}


@frozen
class Relay:
    """Where the relay listens, and the token of the requests that it carries."""

    url: str
    token: str


@contextmanager
def relayed(client: InngestClient) -> Generator[Relay]:
    """Carry requests to the server of a client while the block runs."""
    token = token_urlsafe()
    server = _Server(client.with_options(retries=0), token)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Relay(f"http://127.0.0.1:{server.server_port}", token)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, client: InngestClient, token: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.client = client
        self.token = token


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # it would wait 40 ms between the head and the body

    def answer(self) -> None:
        server = cast("_Server", self.server)
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(length)
        if self.headers.get("authorization") != f"Bearer {server.token}":
            self.send_error(403)
            return
        try:
            response = _carried(server.client, self.command, self.path, body)
        except (ValueError, ConfigurationError):
            self.send_error(NOT_CARRIED)
            return
        if response is None:
            self.close_connection = True
            return
        self.send_response(response.status)
        for name, value in response.headers.multi_items():
            if name.lower() not in _OF_CONNECTION:
                self.send_header(name, value)
        self.send_header("content-length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - as they are looked up

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing about a request."""


def _carried(
    client: InngestClient, method: str, path: str, body: bytes
) -> RawResponse | None:
    """Return the response to a request, whatever it is; None if there was none.

    Raises an error of the client for a request that it does not send.
    """
    value = json.loads(body) if body else None
    # The document's example stands for the event key, which the client alone has.
    path = re.sub(r"^/e/[^/?]*", "/e/{event_key}", path)
    remembered = None
    with client.raw() as responses:
        try:
            client.request(cast("Method", method), path, body=value)
        except (ConfigurationError, InvalidArgumentError):
            raise
        except ApiError as error:
            remembered = error.response  # of a route that was absent a moment ago
        except InngestError:
            pass
    return responses[-1] if responses else remembered

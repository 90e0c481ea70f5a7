"""A server on loopback that quotes each request, and ends it as the first part of its path says.

It also quotes a signing key, which no request shows: a server has its own.
"""

from __future__ import annotations

import json
import re
import signal
import socket
import socketserver
import struct
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.secrets.planted_keys import SIGNING_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

PATIENCE = 60.0


def quoted(head: str) -> str:
    """Return the head of a request as it is, and in every way of percent-encoding it."""
    own = f"not {SIGNING_KEY}"
    return " ".join([head, quote(head), quote(head, safe="").lower(), head.upper(), own])


def _line(head: str) -> str:
    """Return the head as a single line of a response may quote it."""
    return re.sub(r"[\r\n]+", " ", head)


def _response(status: str, body: str, head: str = "", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}"]
    if head:
        lines += [f"X-Original: {_line(head)}", f"Location: /e/{_line(head)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1", "replace")


def _as_json(line: str, head: str, **others: object) -> bytes:
    body = json.dumps({"error": quoted(head), "code": _line(head), **others})
    return _response(line, body, head, Content_Type="application/json")


def _errors(status: str, head: str) -> bytes:
    body = json.dumps({"errors": [{"code": _line(head), "message": quoted(head)}]})
    return _response(status, body, head, Content_Type="application/json")


FAULTS: dict[str, Callable[[str], bytes]] = {
    "refused-key": lambda head: _as_json("401 Unauthorized", head),
    "refused-by-v2": lambda head: _errors("403 Forbidden", head),
    "refused-event": lambda head: _as_json("400 Bad Request", head, status=400, ids=[""]),
    "broken": lambda head: _response(f"500 {_line(head)}", quoted(head), head),
    "unknown-route": lambda head: _response("404 Not Found", f"Cannot {head}", head),
    "no-json": lambda head: _response("200 OK", f'{{"data": "{quoted(head)}', head),
    "other-json": lambda head: _as_json("200 OK", head, data=quoted(head), ids=[quoted(head)]),
    "hidden-error": lambda head: _as_json("200 OK", head, status=500),
    "no-http": lambda head: f"HTTP/1.1 what? {_line(head)}\r\n\r\n".encode(),
    "bad-header": lambda head: f"HTTP/1.1 200 OK\r\n{_line(head)} bad\r\n\r\n".encode(),
    "redirected": lambda head: _response("302 Found", quoted(head), head),
    "cut-off": lambda head: _response("200 OK", quoted(head), head)[:-9],
    "compressed": lambda head: _response("200 OK", quoted(head), head, Content_Encoding="gzip"),
}
"""Responses that quote the head of a request, by the name of what becomes of it."""


class QuotingServer(socketserver.ThreadingTCPServer):
    """Serves `http://127.0.0.1:PORT/FAULT`, where a fault is one of `FAULTS`, or one of these.

    reset: the connection is reset; silent: nothing comes; interrupted: a Ctrl-C comes meanwhile,
    behind the head of a response that quotes the request; one for each call, however many requests
    it makes at once.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.seen: list[str] = []
        self.failure: BaseException | None = None
        self._interrupting = threading.Lock()
        self._may_interrupt = False
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        self.failure = sys.exception()

    def url(self, fault: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{fault}"

    @contextmanager
    def one_interrupt(self) -> Generator[None]:
        """Let one Ctrl-C come, at most, and none behind the `with` block."""
        with self._interrupting:
            self._may_interrupt = True
        try:
            yield
        finally:
            with self._interrupting:
                self._may_interrupt = False

    def interrupt(self) -> None:
        """Press Ctrl-C, if that is still to come."""
        with self._interrupting:
            if self._may_interrupt:
                self._may_interrupt = False
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        if self.failure is not None:
            raise self.failure


class _Connection(socketserver.BaseRequestHandler):
    server: QuotingServer
    request: socket.socket

    def handle(self) -> None:
        self.request.settimeout(PATIENCE)
        with suppress(OSError):
            while head := self._take_request():
                self.server.seen.append(head)
                if not self._answer(head):
                    return

    def _answer(self, head: str) -> bool:
        """Answer a request, and return whether there may be another one."""
        fault = head.split("/")[1]
        if fault == "reset":
            reset = struct.pack("ii", 1, 0)
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            return False
        if fault in {"silent", "interrupted"}:
            if fault == "interrupted":
                self.request.sendall(_response(f"500 {_line(head)}", quoted(head), head)[:-9])
                self.server.interrupt()
            self.request.recv(1)
            return False
        self.request.sendall(FAULTS[fault](head))
        return fault not in {"no-http", "bad-header", "cut-off"}

    def _take_request(self) -> str:
        """Return the head of a request, without its Host and Content headers."""
        read = b""
        while b"\r\n\r\n" not in read:
            got = self.request.recv(65_536)
            if not got:
                return ""
            read += got
        head, _, body = read.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        missing = (int(length[1]) if length else 0) - len(body)
        while missing > 0:
            missing -= len(self.request.recv(65_536))
        lines = head.decode("latin-1").split("\r\n")
        kept = ("authorization", "x-secret")
        return "\r\n".join([lines[0], *(it for it in lines if it.lower().startswith(kept))])


def written(folder: Path) -> str:
    """Return the contents of all files in a folder."""
    found = [each.read_bytes() for each in folder.iterdir()]
    return b"\n".join(found).decode("latin-1")

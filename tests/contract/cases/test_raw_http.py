"""HTTP as other clients send it: responses to requests that our client would never make."""

from __future__ import annotations

import re
import socket
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from tests.contract.world import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.contract.world import World

EVENT = '{"name":"raw/http"}'


def request(method: str, path: str, *headers: str, body: str = "", version: str = "1.1") -> str:
    """Return a request's bytes, with the length of its body unless the headers have it."""
    framed = any(each.startswith(("Content-Length", "Transfer-Encoding")) for each in headers)
    length = [f"Content-Length: {len(body)}"] if body and not framed else []
    head = [f"{method} {path} HTTP/{version}", "Host: x", *headers, *length]
    return "\r\n".join(head) + "\r\n\r\n" + body


def served(
    world: World, exchanges: Mapping[str, tuple[str, object]]
) -> dict[str, tuple[str, object]]:
    """Leave out what the server's release does not have: the names are methods and paths."""
    return {
        name: exchange
        for name, exchange in exchanges.items()
        if world.has("GET", name.partition(" ")[2].rstrip("/"))
    }


def statuses(world: World, exchanges: Mapping[str, tuple[str, object]]) -> dict[str, object]:
    """Send each exchange on its own connection; return the statuses of the responses."""
    with world.on_socket() as url:
        return {name: ask(url, text) for name, (text, _) in exchanges.items()}


def wanted(exchanges: Mapping[str, tuple[str, object]]) -> dict[str, object]:
    return {name: answer for name, (_, answer) in exchanges.items()}


def ask(url: str, text: str) -> object:
    """Return the final statuses and, for a wrong method, the allowed ones."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(text.encode())
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    found = [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", received)]
    final = [status for status in found if status != 100]
    allow = re.findall(rb"(?i)\r\nallow: (\w+)", received)
    return (*final, *sorted(each.decode() for each in allow))


def test_framing_and_connections(world: World) -> None:
    close = "Connection: close"
    post = ("POST", world.ingest)
    chunked = "Transfer-Encoding: chunked"
    chunks = f"6;x=y\r\n{EVENT[:6]}\r\n{len(EVENT) - 6:x}\r\n{EVENT[6:]}\r\n0\r\nX: y\r\n\r\n"
    last = request("GET", "/health", close)
    exchanges: dict[str, tuple[str, object]] = {
        "chunks, with an extension and a trailer": (
            request(*post, close, chunked, body=chunks),
            (200,),
        ),
        "no content type": (request(*post, close, body=EVENT), (200,)),
        "gzip is not decoded": (
            request(*post, close, "Content-Encoding: gzip", body="\x1f\x0b\x08"),
            (400,),
        ),
        "the body of a GET is read past": (
            request("GET", "/health", body="abc") + last,
            (200, 200),
        ),
        "pipelined": (
            request("GET", "/health") + request("GET", "/v1/nowhere") + last,
            (200, 404, 200),
        ),
        "pipelined bodies": (request(*post, body=EVENT) * 2 + last, (200, 200, 200)),
        "a refused body does not spoil what follows": (
            request("POST", "/health", body=EVENT) + last,
            (405, 200, "GET"),
        ),
        "a HEAD has no body": (
            request("HEAD", "/health") + request("HEAD", "/v1/nowhere") + last,
            (405, 404, 200, "GET"),
        ),
        "HTTP/1.0": (request("GET", "/health", version="1.0"), (200,)),
        "a body may be announced": (
            request(*post, close, "Expect: 100-continue", body=EVENT),
            (200,),
        ),
        "no upgrade": (
            request("GET", "/health", "Connection: Upgrade, close", "Upgrade: h2c"),
            (200,),
        ),
        "long header": (request("GET", "/health", close, f"X: {'a' * 200_000}"), (200,)),
        "long query": (request("GET", f"/health?{'a' * 60_000}", close), (200,)),
        "no Host": ("GET /health HTTP/1.1\r\nConnection: close\r\n\r\n", (400,)),
        "no HTTP": ("nonsense\r\n\r\n", (400,)),
    }
    assert statuses(world, exchanges) == wanted(exchanges)


def test_each_response_is_dated_by_the_servers_clock(world: World) -> None:
    paths = {
        "POST": [world.ingest],
        "GET": ["/health", f"/v1/runs/{UNKNOWN}", "/v2/runs/x"],
    }
    with world.raw() as http:
        for method, path in ((each, path) for each, of in paths.items() for path in of):
            response = http.request(method, path, json=[] if method == "POST" else None)
            date = parsedate_to_datetime(response.headers["date"])
            assert abs(world.now() - date) < timedelta(minutes=1), path

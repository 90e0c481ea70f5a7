"""Bodies of responses: decoded, and bounded however large they are."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import (
    ConfigurationError,
    InngestError,
    InvalidResponseError,
    PartialSendError,
    ServerError,
)
from tests.support.many import ROUTE, events
from tests.support.server import Reply, recorded, says

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from inngest_rest import InngestClient
    from tests.conftest import Connect
    from tests.support.server import Server

HEALTH = "GET /health"
RUNS = "GET /v1/runs"
CHUNK = b"x" * 1_024
LONGEST_OF_AN_ERROR = 64 * 1_024


class Endless(httpx.SyncByteStream, httpx.AsyncByteStream, httpx.BaseTransport):
    """A transport, and the endless body of its response."""

    def __init__(self, status: int, **headers: str) -> None:
        self.status, self.headers = status, headers
        self.chunks = self.closed = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        del request
        return httpx.Response(self.status, headers=self.headers, stream=self)

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.chunks += 1
            yield CHUNK

    def close(self) -> None:
        self.closed += 1


class AsyncEndless(Endless, httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for each in self:
            yield each

    async def aclose(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_a_response_beyond_max_response_bytes_is_invalid(
    connect: Connect, server: Server, encoding: str | None
) -> None:
    body = b'{"status": 200, "message": "%b"}' % (b"x" * 100_000)
    headers = {} if encoding is None else {"content-encoding": encoding}
    reply = Reply(200, body if encoding is None else gzip.compress(body), headers)
    server.on(HEALTH, reply)
    client = connect(max_response_bytes=50_000)
    with pytest.raises(InvalidResponseError, match="larger than 50,000 bytes") as caught:
        client.health()
    assert caught.value.status == 200
    assert len(server.requests) == 1
    connect(max_response_bytes=len(body)).health()


def test_an_endless_response_is_read_up_to_64_mib(connect: Connect) -> None:
    endless = AsyncEndless(200)
    with pytest.raises(InvalidResponseError, match="larger than 67,108,864 bytes"):
        connect(transport=endless).health()
    assert endless.chunks == 64 * 1_024 + 1
    assert endless.closed == 1


def test_of_an_error_64_kib_are_read(connect: Connect) -> None:
    endless = AsyncEndless(503)
    with pytest.raises(ServerError, match="xxx"):
        connect(transport=endless, retries=0).health()
    assert endless.chunks == LONGEST_OF_AN_ERROR // len(CHUNK) + 1
    assert endless.closed == 1


def test_an_error_that_inflates_is_cut(connect: Connect, server: Server) -> None:
    bomb = gzip.compress(b"x" * 50_000_000)
    server.on(HEALTH, Reply(503, bomb, {"content-encoding": "gzip"}))
    with pytest.raises(ServerError, match="xxx"):
        connect(retries=0).health()


def test_the_ids_of_a_refusal_are_read_however_many_they_are(
    client: InngestClient, server: Server
) -> None:
    stored = [f"{number:026}" for number in range(4_999)]
    server.on(ROUTE, says({"ids": stored, "status": 400, "error": "no"}, status=400))
    with pytest.raises(PartialSendError) as caught:
        client.send(events(5_000), batch_size=5_000)
    assert (caught.value.report.accepted, caught.value.report.rejected) == (4_999, 1)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"data":[%b{}]}' % (b"{}," * 1_000_000), "1,000,003 objects and lists"),
        (b'{"data":[%b[]]}' % (b"[]," * 1_000_000), "1,000,003 objects and lists"),
    ],
    ids=["objects", "lists"],
)
def test_a_response_of_a_great_many_parts_is_refused_before_each_is_read(
    client: InngestClient, server: Server, body: bytes, reason: str
) -> None:
    server.on(RUNS, Reply(200, body))
    with pytest.raises(InvalidResponseError, match=reason):
        client.runs.list().page()


def test_of_a_large_response_that_is_invalid_64_kib_are_shown(
    client: InngestClient, server: Server
) -> None:
    server.on(RUNS, Reply(200, b"x" * 1_000_000))
    with pytest.raises(InvalidResponseError) as caught:
        client.runs.list().page()
    assert caught.value.response is not None
    assert len(caught.value.response.body) == LONGEST_OF_AN_ERROR
    assert len(caught.value.body) == 500


@pytest.mark.parametrize(
    ("status", "receipt"),
    [
        (400, {"ids": [""], "status": 400, "error": "no" * 1_000_000}),
        (200, {"ids": ["01"], "status": "200" * 1_000_000}),
        (200, {"ids": ["01"], "status": 200, "error": "no" * 1_000_000}),
    ],
    ids=["refusal", "status", "error"],
)
def test_a_reason_is_cut_however_much_a_server_says(
    client: InngestClient, server: Server, status: int, receipt: object
) -> None:
    server.on(ROUTE, says(receipt, status=status))
    with pytest.raises(InngestError) as caught:
        client.send({"name": "a"})
    assert len(str(caught.value)) < 1_000


class TrailingBytes(AsyncEndless):
    """A compressed body, and 40 MB behind its end."""

    def __iter__(self) -> Iterator[bytes]:
        yield gzip.compress(b"{}")
        for _ in range(10_000):
            yield bytes(4_000)


def test_nothing_behind_the_end_of_a_compressed_body_is_kept(connect: Connect) -> None:
    client = connect(transport=TrailingBytes(200, **{"content-encoding": "gzip"}))
    tracemalloc.start()
    try:
        client.health()
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("X-GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("identity", bytes),
    ],
)
def test_a_compressed_response_is_decoded(
    client: InngestClient, server: Server, encoding: str, pack: Any
) -> None:
    body = recorded("health").body
    server.on(HEALTH, Reply(200, pack(body), {"content-encoding": encoding}))
    client.health()


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip"])
def test_another_encoding_makes_a_response_invalid(
    client: InngestClient, server: Server, encoding: str
) -> None:
    packed = gzip.compress(gzip.compress(b'{"ids": ["01"], "status": 200}'))
    server.on(ROUTE, Reply(200, packed, {"content-encoding": encoding}))
    with pytest.raises(InvalidResponseError):
        client.send(events(1))


def test_a_response_that_the_callers_transport_has_read_is_used(connect: Connect) -> None:
    body = recorded("health").body
    headers = {"content-encoding": "gzip"}
    connect(
        transport=httpx.MockTransport(
            lambda _: httpx.Response(200, headers=headers, content=gzip.compress(body))
        )
    ).health()


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "1"])
def test_max_response_bytes_is_checked(connect: Connect, value: object) -> None:
    with pytest.raises(ConfigurationError, match="max_response_bytes must be a positive integer"):
        connect(max_response_bytes=value)

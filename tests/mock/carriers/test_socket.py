"""The mock on a socket responds as it does in process, and leaves nothing behind."""

from __future__ import annotations

import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx
import pytest

from inngest_rest_mock import MockServer, answers, delays, drops, loses_response
from inngest_rest_mock._carriers import socket as _carrier
from tests.mock.functions import EVENING_NS, with_functions

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENT = 60.0  # seconds: a bound for very busy machines, never waited for
PATHS = ("/health", "/health/", "/v1/runs", "/v1/nope", "/v2/runs?limit=x", "/nope", "/v2/a%2Fb")


@pytest.fixture
def url(mock: MockServer) -> Iterator[str]:
    with mock.serve() as url:
        yield url


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Yield clients of one mock, in process and on its socket, for requests that change nothing."""
    mock = with_functions(MockServer(clock=lambda: EVENING_NS))
    with (
        mock.serve() as url,
        httpx.Client(transport=mock.transport, base_url="http://mock") as here,
        httpx.Client(base_url=url, timeout=PATIENT) as there,
    ):
        yield here, there


def exchange(url: str, *parts: bytes) -> bytes:
    """Send raw bytes and read until the server closes."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENT) as connection:
        for part in parts:
            connection.sendall(part)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_socket_and_transport_answer_alike(
    both: tuple[httpx.Client, httpx.Client], method: str, path: str
) -> None:
    here, there = (client.request(method, path) for client in both)
    headers, expected = dict(there.headers), dict(here.headers)
    for each in (headers, expected):
        assert each.pop("date").endswith("GMT")
    if method == "HEAD" and "content-length" not in here.headers:
        assert headers.pop("transfer-encoding") == "chunked", "h11 insists on some framing"
    assert (there.status_code, headers, there.content) == (
        here.status_code,
        expected,
        here.content,
    )


def test_responses_are_dated_by_the_mocks_clock(url: str, mock: MockServer) -> None:
    mock.advance(86_400)
    mock.fault(answers(503), times=2)
    in_process = httpx.Client(base_url=url, transport=mock.transport)
    with in_process, httpx.Client(base_url=url, timeout=PATIENT) as on_socket:
        for client in (in_process, on_socket) * 2:  # what a fault answers is dated, too
            date = parsedate_to_datetime(client.get("/health").headers["date"])
            assert abs(mock.now - date) < timedelta(hours=1)


def test_url_is_loopback_and_a_given_port_is_used() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with MockServer().serve(port=port) as url:
        assert url == f"http://127.0.0.1:{port}"
        assert httpx.get(f"{url}/health", timeout=PATIENT).status_code == 200


@pytest.mark.parametrize(
    ("host", "begins"), [("127.0.0.1", "http://127.0.0.1:"), ("::1", "http://[::1]:")]
)
def test_host_is_the_address_that_it_listens_on(host: str, begins: str) -> None:
    try:
        socket.create_server((host, 0), family=socket.getaddrinfo(host, 0)[0][0]).close()
    except OSError:
        pytest.skip(f"this machine has no {host}")
    with MockServer().serve(host=host) as url:
        assert url.startswith(begins)
        assert httpx.get(f"{url}/health", trust_env=False, timeout=PATIENT).status_code == 200


def test_host_of_another_machine_is_an_error() -> None:
    with pytest.raises(OSError, match="assign"), MockServer().serve(host="192.0.2.1"):
        pass


def test_taken_port_is_an_error(url: str) -> None:
    with pytest.raises(OSError, match="in use"), MockServer().serve(int(url.rpartition(":")[2])):
        pass


def test_nothing_listens_or_runs_afterwards() -> None:
    threads = set(threading.enumerate())
    with MockServer().serve() as url, httpx.Client(base_url=url, timeout=PATIENT) as client:
        client.get("/health")
    assert set(threading.enumerate()) <= threads
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health", timeout=PATIENT)


def test_error_in_the_block_still_closes_the_server() -> None:
    with pytest.raises(ZeroDivisionError), MockServer().serve() as url:
        raise ZeroDivisionError
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_server_stops_though_a_client_does_not_read_its_response(
    mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_carrier, "_SECONDS_TO_READ", 0.1)
    mock.fault(answers(200, bytes(50_000_000)))
    with socket.socket() as connection:
        with mock.serve() as url:
            address = httpx.URL(url)
            connection.connect((address.host, address.port or 0))
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(1) == b"H"
        with pytest.raises(httpx.ConnectError):
            httpx.get(url)


def test_request_whose_client_leaves_before_its_end_is_no_request(mock: MockServer) -> None:
    with mock.serve() as url:
        address = httpx.URL(url)
        with socket.create_connection((address.host, address.port), timeout=PATIENT) as connection:
            connection.sendall(b"POST /e/k HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        assert httpx.get(f"{url}/health", timeout=PATIENT).status_code == 200
    assert [request.path for request in mock.requests] == ["/health"]


def test_chunked_body_is_read(url: str, mock: MockServer) -> None:
    parts = [b'[{"name":', b'"app/ok"}', b"]"]
    answer = httpx.post(f"{url}/e/k", content=iter(parts), timeout=PATIENT)
    assert (answer.status_code, len(mock.events)) == (200, 1)


def test_pipelined_requests_are_answered_in_order(url: str) -> None:
    head = b"HTTP/1.1\r\nHost: x\r\n"
    received = exchange(
        url,
        b"GET /health " + head + b"\r\n"
        b"GET /v1/nope " + head + b"\r\n"
        b"GET /v2/nope " + head + b"Connection: close\r\n\r\n",
    )
    assert re.findall(rb"HTTP/1\.1 (\d+)", received) == [b"200", b"404", b"404"]


def test_http_1_0_is_served(url: str) -> None:
    assert b" 200 " in exchange(url, b"GET /health HTTP/1.0\r\n\r\n").splitlines()[0]


def test_a_client_that_waits_for_100_gets_it(url: str) -> None:
    address = httpx.URL(url)
    with socket.create_connection((address.host, address.port or 0), PATIENT) as connection:
        connection.sendall(
            b"POST /e/k HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n"
            b"Expect: 100-continue\r\nConnection: close\r\n\r\n"
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b'{"name":"a"}')
        assert b'"status":200' in connection.recv(65536)


def test_request_to_a_proxy_is_one_for_its_path(url: str, mock: MockServer) -> None:
    line = b"GET http://inngest.example/v1/events?limit=1 HTTP/1.1\r\n"
    received = exchange(url, line + b"Host: inngest.example\r\nConnection: close\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 200 ")
    (request,) = mock.requests
    assert (request.path, request.query) == ("/v1/events", "limit=1")


@pytest.mark.parametrize(
    ("line", "status"), [(b"CONNECT host:443", b"405"), (b"GET http://[::1/", b"400")]
)
def test_a_request_that_has_no_path_is_refused(
    url: str, line: bytes, status: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    received = exchange(url, line + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 " + status)
    assert capsys.readouterr().err == ""


def test_raw_path_reaches_the_mock_undecoded(url: str, mock: MockServer) -> None:
    exchange(url, b"POST /e/%2e%2E/../x?y=%20 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    (request,) = mock.requests
    assert (request.path, request.query) == ("/e/%2e%2E/../x", "y=%20")


@pytest.mark.parametrize(("effect", "stored"), [(drops(), 0), (loses_response(), 1)])
def test_broken_connection_is_closed_without_an_answer(
    url: str, mock: MockServer, effect: object, stored: int
) -> None:
    mock.fault(effect)  # type: ignore[arg-type]
    with httpx.Client(base_url=url, timeout=PATIENT) as client:
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            client.post("/e/k", json={"name": "app/ok"})
        assert len(mock.events) == stored
        assert client.post("/e/k", json={"name": "app/ok"}).status_code == 200


def test_other_faults_reach_socket_clients(url: str, mock: MockServer) -> None:
    before = mock.now
    mock.fault(answers(503, "busy", headers={"Retry-After": "1"}))
    mock.fault(delays(timedelta(days=1)))
    busy, late = (
        httpx.get(f"{url}/health", timeout=PATIENT),
        httpx.get(f"{url}/health", timeout=PATIENT),
    )
    assert (busy.status_code, busy.headers["retry-after"], late.status_code) == (503, "1", 200)
    assert mock.now - before == timedelta(days=1)


def test_many_clients_at_once_lose_nothing(url: str, mock: MockServer) -> None:
    with httpx.Client(base_url=url, timeout=PATIENT) as client, ThreadPoolExecutor(8) as pool:
        events = [{"name": "app/ok", "data": {"i": i}} for i in range(10)]
        answers_ = list(pool.map(lambda _: client.post("/e/k", json=events).json(), range(40)))
    ids = [event_id for answer in answers_ for event_id in answer["ids"]]
    assert len(set(ids)) == len(mock.events) == len(mock.runs) == 400

"""HTTP/1.1 as bytes: requests are well-formed, and responses read as h11 reads them."""

from __future__ import annotations

from typing import Any

import h11
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inngest_rest._core.drivers import http1
from inngest_rest._core.drivers.http1 import ResponseReader, request_bytes
from inngest_rest._core.messages import Request, requestable

BODY = b'{"ids":["01"],"status":200}'


def response(*fields: bytes, status: bytes = b"200 OK", body: bytes = BODY) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 " + status, *fields, b"", body])


LENGTH = b"Content-Length: %d" % len(BODY)

PLAIN = {
    "simple": response(LENGTH),
    "without reason": response(LENGTH, status=b"413 "),
    "spaces around a value": response(b"X-A: \t a b \t", b"content-length:%d  " % len(BODY)),
    "empty value": response(b"X-A:", LENGTH),
    "kept": response(b"Connection: Keep-Alive", LENGTH),
    "empty body": response(b"Content-Length: 0", body=b""),
    "too much": response(LENGTH, body=BODY + b"HTTP/1.1 2"),
}

OTHERS = {
    "chunked": response(
        b"Transfer-Encoding: chunked", body=b"1b\r\n%b\r\n0\r\nX-T: 1\r\n\r\n" % BODY
    ),
    "chunked, and a length": response(
        LENGTH, b"Transfer-Encoding: chunked", body=b"1b;x=y\r\n%b\r\n0\r\n\r\n" % BODY
    ),
    "gzip, chunked": response(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "no chunk": response(b"Transfer-Encoding: chunked", body=b"-5\r\n12345\r\n0\r\n\r\n"),
    "to its end": response(b"Content-Type: text/plain"),
    "of HTTP/1.0": response(LENGTH).replace(b"HTTP/1.1", b"HTTP/1.0"),
    "closed": response(b"Connection: close", LENGTH),
    "two lengths": response(LENGTH, LENGTH),
    "two other lengths": response(LENGTH, b"Content-Length: 5"),
    "lengths in a list": response(b"Content-Length: 27, 27"),
    "a negative length": response(b"Content-Length: -1"),
    "a length with a sign": response(b"Content-Length: +27"),
    "no number": response(b"Content-Length: x"),
    "no content": response(LENGTH, status=b"204 No Content", body=b""),
    "not modified": response(LENGTH, status=b"304 Not Modified", body=b""),
    "early hints": b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + response(LENGTH),
    "switching": response(status=b"101 Switching Protocols", body=b""),
    "status of four digits": response(LENGTH, status=b"2000 OK"),
    "a folded value": response(b"X-A: 1\r\n 2", LENGTH),
    "a space before the colon": response(b"Content-Length : 27"),
    "no colon": response(b"X-A", LENGTH),
    "no field": b"HTTP/1.1 200 OK\r\n\r\n" + BODY,
    "a NUL": response(b"X-A: \0", LENGTH),
    "beyond ASCII": response(b"X-A: \xe9", LENGTH),
    "a bare CR": response(b"X-A: 1\rContent-Length: 5", LENGTH),
    "bare LF": response(b"X-A: 1", LENGTH).replace(b"\r\n", b"\n"),
    "not http": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "a long head": response(b"X-A: " + b"a" * 200_000, LENGTH),
    "cut off": response(b"Content-Length: 100"),
    "nothing": b"",
}


def test_an_endless_head_is_refused() -> None:
    assert outcome(OTHERS["a long head"], [64 * 1024] * 2) == "refused"


def outcome(data: bytes, pieces: list[int], method: str = "GET") -> Any:
    """Return what a reader makes of bytes that come in pieces, and then end."""
    reader, body, rest = ResponseReader(method), b"", data
    try:
        for size in pieces:
            piece, rest = rest[:size], rest[size:]
            if not reader.is_over and piece:
                reader.receive(piece)
            elif piece:
                reader.is_last = True  # the connection is not idle, or its end has come
        while not reader.is_over:
            reader.receive(rest)
            rest = b""
    except httpx.RemoteProtocolError:
        return "refused"
    body = b"".join(reader.take())
    return reader.status, reader.reason, reader.headers, body, reader.is_last


def by_h11(data: bytes, method: str = "GET") -> Any:
    """Return what h11 makes of bytes that come at once, and then end."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=100 * 1024)
    connection.send(h11.Request(method=method, target=b"/", headers=[(b"host", b"-")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    head, body = None, b""
    try:
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                connection.receive_data(b"")
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
    except h11.RemoteProtocolError:
        return "refused"
    assert head is not None
    is_last = bool(connection.trailing_data[0]) or connection.their_state is not h11.DONE
    return head.status_code, head.reason, head.headers.raw_items(), body, is_last


@pytest.mark.parametrize("data", [*PLAIN.values(), *OTHERS.values()], ids=[*PLAIN, *OTHERS])
def test_a_response_is_read_as_h11_reads_it(data: bytes) -> None:
    assert outcome(data, [len(data)]) == by_h11(data)


@pytest.mark.parametrize("method", ["HEAD", "CONNECT", "POST"])
def test_the_method_decides_whether_there_is_a_body(method: str) -> None:
    data = response(b"Content-Length: 0", body=b"")
    [status, _, _, body, _] = outcome(data, [len(data)], method)
    assert (status, body) == (200, b"")


# The limit of a head is for one that is incomplete yet.
IN_PIECES = {name: data for name, data in {**PLAIN, **OTHERS}.items() if name != "a long head"}


@pytest.mark.parametrize("data", IN_PIECES.values(), ids=IN_PIECES)
def test_it_does_not_matter_in_which_pieces_a_response_comes(data: bytes) -> None:
    whole = outcome(data, [len(data)])
    for cut in range(1, min(len(data), 200)):
        assert outcome(data, [cut, len(data)])[:4] == whole[:4], cut
    assert outcome(data, [1] * len(data))[:4] == whole[:4]


PARTS = [
    *(b"HTTP/1.1 200 OK", b"HTTP/1.1 404 ", b"HTTP/1.0 200", b"HTTP/1.1 100 ", b"HTTP/1.1 204 "),
    *(b"\r\n", b"\n", b"\r", b":", b" ", b"\t", b"\0", b"\xff", b"a", b"X-A: b", b"X-A:"),
    *(b"Content-Length: 3", b"Content-Length: 0", b"content-length:03", b"Content-Length: 3, 3"),
    *(b"Transfer-Encoding: chunked", b"Connection: close", b"Connection: keep-alive"),
    *(b"abc", b"3\r\nabc\r\n0\r\n\r\n", b"\r\n\r\n"),
]


@given(st.lists(st.sampled_from(PARTS), max_size=12).map(b"".join))
def test_whatever_comes_is_read_as_h11_reads_it(data: bytes) -> None:
    assert outcome(data, [len(data)]) == by_h11(data)


@given(
    st.lists(
        st.tuples(st.sampled_from([b"X-A", b"via"]), st.binary(max_size=6)).map(b": ".join),
        max_size=3,
    ),
    st.integers(0, 40),
)
def test_whatever_a_field_is_it_is_read_as_h11_reads_it(fields: list[bytes], length: int) -> None:
    data = response(*fields, b"Content-Length: %d" % length)
    assert outcome(data, [len(data)]) == by_h11(data)


@pytest.mark.parametrize("data", PLAIN.values(), ids=PLAIN)
def test_a_plain_response_needs_no_h11(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "_h11_awaiting_response", None)
    assert outcome(data, [len(data)]) != "refused"


def a_request(url: str, headers: dict[str, str]) -> Request:
    return Request("POST", requestable(url), headers, b"body", timeout=1.0, shown=url)


@pytest.mark.parametrize("value", ["a\r\nX-Forged: b", "a\nb", "a\0b", "a\rb"])
@pytest.mark.parametrize("place", ["value", "name"])
def test_a_request_with_a_forged_header_is_not_sent(value: str, place: str) -> None:
    headers = {"x-a": value} if place == "value" else {value: "b"}
    with pytest.raises(httpx.LocalProtocolError) as caught:
        request_bytes(a_request("http://a.b/", headers), "/")
    assert "Forged" not in str(caught.value)


def test_a_request_is_sent_as_h11_sends_it() -> None:
    headers = {"Host": "a.b:1", "X-A": "b", "Content-Length": "4"}
    request = a_request("http://a.b:1/x?y=%2F", headers)
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(request_bytes(request, request.url.target))
    event: Any = connection.next_event()
    assert (event.method, event.target) == (b"POST", b"/x?y=%2F")
    assert event.headers.raw_items() == request.fields
    data: Any = connection.next_event()
    assert data.data == b"body"
    assert isinstance(connection.next_event(), h11.EndOfMessage)

"""HTTP/1.1 without a socket: the bytes of a request, and a response read from bytes as they come.

Plain responses are read here: a head that arrives in one piece, with simple fields and a length.
h11 reads and validates any other response, which takes longer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inngest_rest._core.drivers.network_errors import network_error

if TYPE_CHECKING:
    import h11

    from inngest_rest._core.messages import Request

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]"
_FIELDS = rb"((?:" + _TOKEN + rb"++:[\t -~]*+\r\n)++)\r\n"
_PLAIN_HEAD = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2}) ([\t -~]*+)\r\n" + _FIELDS)
# A field of such a head; its value is without the spaces around it.
_FIELD = re.compile(rb"([^:]++):[\t ]*+((?:[^\r]*[^\r\t ])?+)[\t ]*+\r\n")
_HEAD_OF_REQUEST = re.compile(_TOKEN + rb"++ [!-~]++ HTTP/1\.1\r\n" + _FIELDS)

# Responses without a body, whatever their fields say.
_STATUSES_WITHOUT_BODY = frozenset({204, 304})
_METHODS_WITHOUT_BODY = frozenset({"HEAD", "CONNECT"})

# As httpcore allows.
_LONGEST_HEAD = 100 * 1024


def request_bytes(request: Request, target: str, *fields: tuple[bytes, bytes]) -> bytes:
    """Return a request as it is sent, its body included: one packet and one system call."""
    lines = [f"{request.method} {target} HTTP/1.1".encode()]
    lines += [b"%b: %b" % field for field in (*request.fields, *fields)]
    head = b"\r\n".join([*lines, b"", b""])
    is_as_meant = (
        head.count(b"\r\n") == len(lines) + 1
    )  # or else a field has a line in it
    if not is_as_meant or _HEAD_OF_REQUEST.fullmatch(head) is None:
        raise network_error(
            "LocalProtocolError", "a header has a character that is not allowed"
        )
    return head + request.content


class ResponseReader:
    """Reads one response.

    Attributes:
        status: Its status; 0 until the whole head was received.
        reason: The reason behind the status.
        headers: Its fields.
        is_over: It was received to its end.
        is_last: No other response may follow it on the connection.
    """

    def __init__(self, method: str) -> None:
        self.status = 0
        self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_over = False
        self.is_last = False
        self._method = method
        self._missing = 0  # bytes, of a body with a length
        self._data: list[bytes] = []
        self._h11: h11.Connection | None = None

    def receive(self, data: bytes) -> None:
        """Take what a connection received; nothing, once the other side has ended it."""
        if self._h11 is not None:
            self._receive_by_h11(self._h11, data)
        elif not data:
            raise _protocol_error(
                f"the server disconnected {self._missing} bytes before the end of its response"
                if self.status
                else "the server disconnected without sending a response"
            )
        elif self.status:
            self._receive_body(data)
        elif not self._receive_plain_head(data):
            self._h11 = _h11_awaiting_response(self._method)
            self._receive_by_h11(self._h11, data)

    def take(self) -> list[bytes]:
        """Return what of the body was received and not taken yet."""
        taken, self._data = self._data, []
        return taken

    def _receive_plain_head(self, data: bytes) -> bool:
        """Return whether the data begins with a head that is beyond doubt."""
        head = _PLAIN_HEAD.match(data)
        if head is None or head.end() > _LONGEST_HEAD:
            return False
        headers: list[tuple[bytes, bytes]] = _FIELD.findall(head[3])
        length = _length_of(headers)
        status = int(head[1])
        if (
            length is None
            or status in _STATUSES_WITHOUT_BODY
            or self._method in _METHODS_WITHOUT_BODY
        ):
            return False
        self.status, self.reason, self.headers = status, head[2], headers
        self._missing = length
        self._receive_body(data[head.end() :])
        return True

    def _receive_body(self, data: bytes) -> None:
        self._data.append(data[: self._missing])
        self._missing -= len(data)
        self.is_over = self._missing <= 0
        self.is_last = self.is_last or self._missing < 0

    def _receive_by_h11(self, connection: h11.Connection, data: bytes) -> None:
        import h11  # noqa: PLC0415 - a client that only sends has no use for it

        try:
            connection.receive_data(data)
            while not self.is_over:
                event = connection.next_event()
                if isinstance(event, h11.Response):
                    self.status, self.reason = event.status_code, bytes(event.reason)
                    self.headers = event.headers.raw_items()
                elif isinstance(event, h11.Data):
                    self._data.append(bytes(event.data))
                elif event is h11.NEED_DATA:
                    return
                elif (
                    isinstance(event, h11.EndOfMessage) or event is h11.PAUSED
                ):  # for a tunnel
                    self.is_over = True
        except h11.RemoteProtocolError as error:
            raise _protocol_error(str(error)) from error
        left_over, _ = connection.trailing_data
        self.is_last = (
            self.is_last or bool(left_over) or connection.their_state is not h11.DONE
        )


def _protocol_error(reason: str) -> Exception:
    return network_error("RemoteProtocolError", reason)


def _length_of(headers: list[tuple[bytes, bytes]]) -> int | None:
    """Return the length of a body; None if it is in doubt, or the connection may end with it."""
    names = [name.lower() for name, _ in headers]
    if names.count(b"content-length") != 1 or b"transfer-encoding" in names:
        return None
    if b"connection" in names and not _keeps_connection(headers):
        return None
    length = headers[names.index(b"content-length")][1]
    return int(length) if length.isdigit() and len(length) <= 15 else None


def _keeps_connection(headers: list[tuple[bytes, bytes]]) -> bool:
    values = {value.lower() for name, value in headers if name.lower() == b"connection"}
    return values == {b"keep-alive"}


def _h11_awaiting_response(method: str) -> h11.Connection:
    """Return h11's reader for the response to a request; it needs to know the method alone."""
    import h11  # noqa: PLC0415

    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)
    connection.send(h11.Request(method=method, target=b"/", headers=[(b"host", b"-")]))
    connection.send(h11.EndOfMessage())
    return connection

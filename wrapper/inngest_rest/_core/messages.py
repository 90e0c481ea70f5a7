"""URLs, requests and responses as this client has them.

Those of httpx take longer to make than the rest of a call, and httpx longer to import than the rest
of this package. Only its own transports get them (`drivers.httpx_transport`).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import urlencode

from inngest_rest.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
    from typing import Protocol

    class Body(Protocol):
        """The body of a response, as it comes, to be read in one of the two ways."""

        def __iter__(self) -> Iterator[bytes]: ...
        def __aiter__(self) -> AsyncIterator[bytes]: ...
        def close(self) -> None: ...
        async def aclose(self) -> None: ...

    Fields = Iterable[tuple[bytes, bytes]]

_PORTS = {"http": 80, "https": 443}

_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_ESCAPED = "%[0-9A-Fa-f]{2}"

# A URL that is requested as it stands: lower case, no user, no dot segments, nothing to escape.
_PLAIN_URL = re.compile(
    rf"""
    (https?)://
    (?!xn--) ((?:{_LABEL}\.)*(?=[a-z]){_LABEL} | (?:{_BYTE}\.){{3}}{_BYTE})
    (?: : ([1-9][0-9]{{0,4}}) )?
    ((?: / (?!\.\.?(?:[/?]|$)) (?:[A-Za-z0-9_.~-] | {_ESCAPED})* )*
     (?: \? (?:[A-Za-z0-9_.~+=&*-] | {_ESCAPED})* )?)
    """,
    re.VERBOSE,
)

# httpx refuses a longer one.
_LONGEST_URL = 65_536


class Origin(NamedTuple):
    """Where requests of a URL go."""

    scheme: str
    host: str  # in ASCII; an IPv6 address has no brackets
    port: int

    @property
    def authority(self) -> str:
        """The host of a request: with the port, unless it is that of the scheme."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS.get(self.scheme) else f"{host}:{self.port}"


class Url:
    """A URL that can be requested; what is requested there may have the event key in it."""

    __slots__ = ("origin", "target")

    def __init__(self, origin: Origin, target: str) -> None:
        self.origin = origin
        self.target = target  # path and query

    @classmethod
    def parse(cls, text: str) -> Url | None:
        """Return what a text is as a URL; None if it is none.

        It raises nothing: an error would quote the event key, or part of a password.
        """
        plain = _PLAIN_URL.fullmatch(text)
        if plain is None or len(text) > _LONGEST_URL or int(plain[3] or 0) > 65_535:
            return _parsed_by_httpx(text)
        scheme, host, port, target = plain.groups()
        if not target.startswith("/"):
            target = f"/{target}"
        return cls(Origin(scheme, host, int(port or _PORTS[scheme])), target)

    def __repr__(self) -> str:
        return f"<Url of {self.origin.authority}>"


def requestable(text: str) -> Url:
    """Return the URL of a text that only its length could make invalid."""
    url = Url.parse(text)
    del text  # hidden from crash reports: the event key may be in it
    if url is None:
        raise InvalidArgumentError("an id, name, cursor or key is too long for a URL")
    return url


def _parsed_by_httpx(text: str) -> Url | None:
    """Return the URL of a text that needs escaping, or one of IPv6, or of an international host."""
    import httpx  # noqa: PLC0415 - which takes longer to import than all of this client

    try:
        url = httpx.URL(text)
        _ = url.host  # decodes an international one
        host = url.raw_host.decode("ascii")
        port = _PORTS.get(url.scheme, 80) if url.port is None else url.port
        return Url(Origin(url.scheme, host, port), url.raw_path.decode("ascii"))
    except (httpx.InvalidURL, ValueError):
        return None


def with_query(url: str, parameters: Mapping[str, Any] | None) -> str:
    """Return a URL with parameters, each of which may have several values."""
    if not parameters:
        return url
    pairs = [
        (name, _text_of(value))
        for name, given in parameters.items()
        for value in _values(given)
    ]
    return f"{url}?{urlencode(pairs)}"


def _values(given: object) -> Iterable[object]:
    if isinstance(given, list | tuple):
        return cast("Iterable[object]", given)
    return [given]


def _text_of(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


class Request:
    """A request, keys included, which its repr does not have: frames of a traceback hold it."""

    __slots__ = ("content", "fields", "method", "shown", "timeout", "trace", "url")

    def __init__(
        self,
        method: str,
        url: Url,
        headers: Mapping[str, str],
        content: bytes = b"",
        *,
        timeout: float,
        shown: str,
        trace: object = None,
    ) -> None:
        """Make a request.

        Args:
            method: Its method.
            url: Its URL.
            headers: All its headers, in their order.
            content: Its body.
            timeout: Seconds for the whole exchange.
            shown: Its URL without keys.
            trace: What httpcore calls at each step, if it sends the request.
        """
        self.method = method
        self.url = url
        self.fields = [
            (name.encode(), value.encode()) for name, value in headers.items()
        ]
        self.content = content
        self.timeout = timeout
        self.shown = shown
        self.trace = trace

    @property
    def connect_timeout(self) -> float:
        """Seconds to connect: less than for the exchange, so that nothing was sent by then."""
        return self.timeout / 2

    def __repr__(self) -> str:
        return f"<Request({self.method!r}, {self.shown!r})>"


def json_content(value: object) -> bytes:
    """Return the body of a request in JSON."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode()


class Response:
    """A response, whose body is complete in `content` once a driver has read it.

    Attributes:
        status_code: Its status.
        fields: The names and values of its headers, as they were received.
        headers: The same by their names in lower case.
        reason_phrase: The reason behind the status.
        content: Its body.
        stream: What is left to be read of the body; None if that is nothing.
    """

    __slots__ = (
        "content",
        "fields",
        "headers",
        "reason_phrase",
        "status_code",
        "stream",
    )

    def __init__(
        self,
        status_code: int,
        fields: Fields = (),
        *,
        reason: str = "",
        content: bytes = b"",
        stream: Body | None = None,
    ) -> None:
        self.status_code = status_code
        self.fields = [*fields]
        self.headers: dict[str, str] = {}
        for name, value in self.fields:
            key, text = name.decode("latin-1").lower(), _decoded(value)
            known = self.headers.get(key)
            self.headers[key] = text if known is None else f"{known}, {text}"
        self.reason_phrase = reason
        self.content = content
        self.stream = stream

    @property
    def is_success(self) -> bool:
        return 200 <= self.status_code < 300

    @property
    def redirects_to(self) -> str | None:
        """Where it redirects to, if it does."""
        is_redirect = self.status_code in {301, 302, 303, 307, 308}
        return self.headers.get("location") if is_redirect else None

    @property
    def text(self) -> str:
        return self.content.decode(errors="replace")

    def json(self) -> Any:
        return json.loads(self.content)

    def take_encoding(self) -> str:
        """Remove the header Content-Encoding, and return it: the body is decoded."""
        encoding = self.headers.pop("content-encoding", None)
        if encoding is None:
            return ""
        self.fields = [
            each for each in self.fields if each[0].lower() != b"content-encoding"
        ]
        return encoding.strip().lower()


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")

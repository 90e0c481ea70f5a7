"""Record which operations a suite exercised, and their responses, for `scripts/contract-report`.

A suite's conftest imports the two hooks and the fixture from here:

    from .exercised import exercised, pytest_addoption, pytest_collection_modifyitems  # noqa: F401

and sends through `exercised.watch(transport)`. With `--exercised FILE` only tests that use the
fixture run, and FILE lists the responses they got.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import pytest

from .document import Document
from .recordings import hides_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LIVE_RECORD = Path(__file__).resolve().parents[2] / ".exercised-live.json"
"""The record of the last run of `scripts/test-live`."""


class Answer(NamedTuple):
    """A response of an operation; `body_status` is the status that v1 hides in a 200, if any."""

    operation: str
    status: int
    body_status: int | None

    @classmethod
    def of(cls, operation: str, status: int, body: Any) -> Answer:
        """Read a status hidden in the body, if any."""
        hidden = status == 200 and hides_error(body)
        return cls(operation, status, body["status"] if hidden else None)


class Exercised:
    """The responses that came through the watched transports."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.answers: set[Answer] = set()

    def watch(self, transport: httpx.BaseTransport | httpx.AsyncBaseTransport) -> Watched:
        """Wrap a transport to record its responses; both kinds of client can use the wrapper."""
        return Watched(transport, self)

    def note(self, method: str, path: str, status: int, body: bytes) -> None:
        """Record a response, unless its request belongs to no operation."""
        operation = self._document.match(method, path)
        if operation is not None:
            self.answers.add(Answer.of(operation.id, status, _json(body)))


def write(answers: Iterable[Answer], path: Path) -> None:
    """Write responses to a file, sorted."""
    rows = [answer._asdict() for answer in sorted(answers, key=str)]
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> set[Answer]:
    """Read a file written by `write`."""
    return {Answer(**row) for row in json.loads(path.read_text(encoding="utf-8"))}


class Watched(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends through another transport and records its responses."""

    def __init__(
        self, inner: httpx.BaseTransport | httpx.AsyncBaseTransport, exercised: Exercised
    ) -> None:
        self._inner: Any = inner
        self._exercised = exercised

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send for a blocking client."""
        response: httpx.Response = self._inner.handle_request(request)
        body = b"".join(response.iter_raw())
        response.close()
        return self._noted(request, response, body)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send for an async client."""
        response: httpx.Response = await self._inner.handle_async_request(request)
        body = b"".join([chunk async for chunk in response.aiter_raw()])
        await response.aclose()
        return self._noted(request, response, body)

    def close(self) -> None:
        """Close the other transport."""
        self._inner.close()

    async def aclose(self) -> None:
        """Close the other transport."""
        await self._inner.aclose()

    def _noted(
        self, request: httpx.Request, response: httpx.Response, body: bytes
    ) -> httpx.Response:
        path = request.url.raw_path.decode().partition("?")[0]
        self._exercised.note(request.method, path, response.status_code, body)
        return copied(response, body)


def copied(response: httpx.Response, body: bytes) -> httpx.Response:
    """Return a response whose stream can still be read: that of the original has been consumed."""
    return httpx.Response(
        response.status_code, headers=response.headers, stream=httpx.ByteStream(body)
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that asks for a record."""
    parser.addoption(
        "--exercised",
        type=Path,
        metavar="FILE",
        help="run only what exercises the API, and write which operations answered how",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests that send nothing, if a record is requested."""
    if config.getoption("--exercised", None):
        items[:] = [item for item in items if "exercised" in getattr(item, "fixturenames", ())]


@pytest.fixture(scope="session")
def exercised(pytestconfig: pytest.Config) -> Iterator[Exercised]:
    """Record the responses of the session, and write them to the file of the option."""
    seen = Exercised(Document.load())
    yield seen
    path: Path | None = pytestconfig.getoption("--exercised", None)
    if path is not None:
        write(seen.answers, path)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None

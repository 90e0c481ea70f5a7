"""The two servers: binaries that are started, servers at a URL, or mocks of a release."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from attrs import frozen

from inngest_rest import InngestError
from inngest_rest_mock._binary import CannotStartError
from scripts.internal.servers import started
from tests.contract.live_world import find_server, serve_app
from tests.contract.mock_world import make_mock
from tests.contract.recordings import Recording
from tests.contract.replayer import path_of
from tests.contract.world import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scripts.internal.servers import Keys
    from tests.contract.live_world import Server

MOCKED_APP = "contract"


class CannotCompareError(Exception):
    """A server cannot be asked; the message says why."""


@frozen
class Subject:
    """A server that has the app under test.

    Attributes:
        server: The server.
        app: The id of the app.
    """

    server: Server
    app: str

    @property
    def release(self) -> str:
        """The release, as far as the server states it."""
        return self.server.routes.release

    def http(self) -> httpx.Client:
        """Return a plain client of it."""
        key = self.server.signing_key
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.server.url, headers=headers, timeout=30)


@contextmanager
def subject(named: str, keys: Keys) -> Iterator[Subject]:
    """Open a server: the path of a binary, a URL, `mock` or `mock:1.33`.

    Raises:
        CannotCompareError: It does not start, or cannot be used.
    """
    with ExitStack() as stack:
        try:
            url = _url(named, keys, stack)
            server = find_server(url, keys.event_key, *keys.signing_keys)
            yield Subject(server, _app(server, stack))
        except (CannotStartError, InngestError, httpx.HTTPError, ValueError) as error:
            raise CannotCompareError(f"{named}: {error}") from error


def _url(named: str, keys: Keys, stack: ExitStack) -> str:
    if "://" in named:
        return named.rstrip("/")
    kind, _, release = named.partition(":")
    if kind == "mock":
        settings = {"release": release} if release else {}
        return stack.enter_context(make_mock(MOCKED_APP, **settings).serve())
    binary = Path(named).resolve()
    if not binary.is_file():
        raise CannotStartError("neither a file, nor a URL, nor mock or mock:RELEASE")
    return stack.enter_context(started(binary, keys.postgres_uri))


def _app(server: Server, stack: ExitStack) -> str:
    """Return the app under test: one that is there, as in a mock, else one that is served here."""
    with Subject(server, MOCKED_APP).http() as http:
        found = http.get(f"/v1/apps/{MOCKED_APP}/functions")
    if all(f'"{name}"' in found.text for name in FUNCTIONS):
        return MOCKED_APP
    return stack.enter_context(serve_app(server)).app


def ask(
    http: httpx.Client, name: str, method: str, path: str, *, query: Mapping[str, Any], body: Any
) -> Recording:
    """Send one request and return the exchange, as recordings have it."""
    response = http.request(method, path, params=dict(query), json=body)
    return exchange(name, response.request, response)


def exchange(name: str, request: httpx.Request, response: httpx.Response) -> Recording:
    """Return an exchange as recordings have it."""
    return Recording(
        name=name,
        method=request.method,
        path=path_of(request),
        query=dict(request.url.params),
        sent=parsed(request.content.decode()) if request.content else None,
        status=response.status_code,
        content_type=response.headers.get("content-type", ""),
        received=parsed(response.text) if response.content else None,
        headers=dict(response.headers),
    )


def parsed(text: str) -> Any:
    """Return JSON as what it means, anything else as it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text

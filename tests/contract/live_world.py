"""The world of the contract cases on a real server, and the app served to it."""

from __future__ import annotations

import asyncio
import os
import time
import warnings
from contextlib import closing, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
from attrs import field, frozen

from inngest_rest import AuthenticationError, ConfigurationError, InngestClient, InngestError

from .live_routes import find_routes
from .world import FUNCTIONS, LIMITED, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from tests.support.client_kinds import ClientKind

    from .live_routes import Routes


@frozen
class Server:
    """A real server, the keys that it accepts if it requires any, and what it has."""

    url: str
    event_key: str | None = field(repr=False)
    signing_key: str | None = field(repr=False)
    routes: Routes

    def connect(self, *, retries: int | None = None) -> InngestClient:
        """Return a client of the server, outside any case."""
        if self.signing_key is None:
            return InngestClient(dev=self.url, retries=retries)
        return InngestClient(
            base_url=self.url,
            event_key=self.event_key,
            signing_key=self.signing_key,
            retries=retries,
        )


@frozen
class Served:
    """A server that has the app under test.

    Attributes:
        server: The server.
        app: The app's id.
        cancels_by_v1: Whether DELETE /v1/runs/{id} finds runs.
    """

    server: Server
    app: str
    cancels_by_v1: bool


class LiveWorld(World):
    """A real server. The official Python SDK cannot wait for a signal, so its app does not."""

    may_have_more = True
    is_cloud = False
    has_waiting_function = False
    step_names = frozenset({"one", "two"})

    def __init__(self, client_kind: ClientKind, runner: asyncio.Runner, served: Served) -> None:
        super().__init__(client_kind, runner)
        server = served.server
        self.app = served.app
        self.url = server.url
        self.event_key = server.event_key
        self.signing_key = server.signing_key
        self.lacks = server.routes.lacks
        self.release = server.routes.release
        self.cancels_by_v1 = served.cancels_by_v1

    def transport(self, *, blocking: bool) -> httpx.BaseTransport | httpx.AsyncBaseTransport:
        return httpx.HTTPTransport() if blocking else httpx.AsyncHTTPTransport()

    def on_socket(self) -> AbstractContextManager[str]:
        return nullcontext(self.url)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)


@contextmanager
def make(client_kind: ClientKind, served: Served) -> Iterator[World]:
    """Yield the world of a real server; close its clients afterwards."""
    with asyncio.Runner() as runner:
        world = LiveWorld(client_kind, runner, served)
        with closing(world):
            yield world


@contextmanager
def serve_app(server: Server) -> Iterator[Served]:
    """Serve the app under test to a server, under a unique name, and clean up afterwards."""
    with warnings.catch_warnings():
        # The official SDK declares its models in a way that pydantic 2 deprecates.
        warnings.simplefilter("ignore", DeprecationWarning)
        from . import live_app  # noqa: PLC0415 - needs the dependency group `live`

    app = f"contract-{os.urandom(4).hex()}"
    with live_app.serve(server.url, app, server.event_key, server.signing_key) as address:
        registered = httpx.put(address, timeout=30)
        if registered.status_code != 200:
            raise RuntimeError(f"{server.url} did not take the app {app}: {registered.text}")
        with server.connect() as client:
            _wait_for_functions(client, app)
            try:
                yield Served(server, app, _cancels_by_v1(server, client, app))
            finally:
                _cancel_what_is_left(server, client, app)
                _forget_app(server, app)


def _wait_for_functions(client: InngestClient, app: str) -> None:
    for _ in range(60):
        # By v1, which has no pages whose size a release could refuse.
        listed = client.request("GET", f"/v1/apps/{app}/functions")
        if _names(listed.json()) >= {*FUNCTIONS, *LIMITED}:
            return
        time.sleep(0.25)
    raise RuntimeError(f"the functions of {app} did not appear within 15 s")


def _names(functions: object) -> set[str]:
    return {str(each.get("name")) for each in functions} if isinstance(functions, list) else set()


def _cancels_by_v1(server: Server, client: InngestClient, app: str) -> bool:
    """Return whether v1 cancels a run: on PostgreSQL it finds none."""
    (event_id,) = client.send({"name": f"{app}/sleeps"})
    headers = {"Authorization": f"Bearer {server.signing_key}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=30) as http:
        for attempt in range(60):
            # Another URL each time, past the cache of v1.
            answer = http.get(f"/v1/events/{event_id}/runs?_={attempt}")
            if runs := _data(answer):
                return http.delete(f"/v1/runs/{runs[0]['run_id']}").is_success
            time.sleep(0.25)
    return False


def _data(answer: httpx.Response) -> list[dict[str, str]]:
    """Return the objects that v1 lists; none where it refuses."""
    try:
        body = answer.json()
    except ValueError:
        return []
    return (body.get("data") if isinstance(body, dict) else None) or []


def _cancel_what_is_left(server: Server, client: InngestClient, app: str) -> None:
    """Cancel what sleeps, as far as the release allows: its refusal costs no verdict."""
    headers = {"Authorization": f"Bearer {server.signing_key}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=30) as http:
        for event in _data(http.get("/v1/events", params={"name": f"{app}/sleeps", "limit": 100})):
            for run in _data(http.get(f"/v1/events/{event['internal_id']}/runs")):
                with suppress(InngestError):
                    client.runs.cancel(run["run_id"])


def _forget_app(server: Server, app: str) -> None:
    """Remove the app by GraphQL, as the server's web UI does; if that fails, it stays."""
    query = "mutation($name: String!) { deleteAppByName(name: $name) }"
    body = {"query": query, "variables": {"name": app}}
    httpx.post(f"{server.url}/v0/gql", json=body, timeout=30)


def find_server(url: str, event_key: str | None, *signing_keys: str | None) -> Server:
    """Find out what a server has and which of the keys it accepts.

    Raises:
        InngestError: It cannot be used; the message says why.
    """
    with InngestClient(dev=url, retries=0) as client:
        client.health()
    with httpx.Client(base_url=url, timeout=30) as http:
        if http.get("/v1/events?limit=1").status_code not in (401, 403):
            return Server(url, None, None, find_routes(http))
        key = _accepted(url, event_key, [each for each in signing_keys if each])
        http.headers["Authorization"] = f"Bearer {key}"
        return Server(url, event_key, key, find_routes(http))


def _accepted(url: str, event_key: str | None, signing_keys: list[str]) -> str:
    """Return the signing key that a server accepts."""
    if event_key is None or not signing_keys:
        raise ConfigurationError("it requires keys: set INNGEST_EVENT_KEY and INNGEST_SIGNING_KEY")
    for key in signing_keys:
        client = InngestClient(base_url=url, signing_key=key, retries=0)
        with client, suppress(AuthenticationError):
            client.events.list(limit=1).page()
            return key
    raise ConfigurationError("it accepts none of the signing keys")

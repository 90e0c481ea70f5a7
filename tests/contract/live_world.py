"""The world of the contract cases on a real server, and the app served to it."""

from __future__ import annotations

import asyncio
import os
import time
import warnings
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
from attrs import frozen

from inngest_rest import InngestClient, InngestError

from .world import FUNCTIONS, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from tests.support.doors import DoorName

    from .exercised import Exercised


@frozen
class Server:
    """A real server and the app served to it."""

    url: str
    event_key: str | None
    signing_key: str | None
    app: str

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


class LiveWorld(World):
    """A real server. The official Python SDK cannot wait for a signal, so its app does not."""

    has_cancellations = False
    has_waiting_function = False
    step_names = frozenset({"one", "two"})

    def __init__(
        self, exercised: Exercised, door: DoorName, runner: asyncio.Runner, server: Server
    ) -> None:
        super().__init__(exercised, door, runner)
        self.app = server.app
        self.url = server.url
        self.event_key = server.event_key
        self.signing_key = server.signing_key

    def transport(self, *, blocking: bool) -> httpx.BaseTransport | httpx.AsyncBaseTransport:
        return httpx.HTTPTransport() if blocking else httpx.AsyncHTTPTransport()

    def on_socket(self) -> AbstractContextManager[str]:
        return nullcontext(self.url)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)


def make(exercised: Exercised, door: DoorName, server: Server) -> Iterator[World]:
    """Return the world of a real server."""
    with asyncio.Runner() as runner:
        world = LiveWorld(exercised, door, runner, server)
        yield world
        world.close()


@contextmanager
def serve_app(url: str, event_key: str | None, signing_key: str | None) -> Iterator[Server]:
    """Serve the app under test to a server, under a unique name, and clean up afterwards."""
    with warnings.catch_warnings():
        # The official SDK declares its models in a way that pydantic 2 deprecates.
        warnings.simplefilter("ignore", DeprecationWarning)
        from . import live_app  # noqa: PLC0415 - needs the dependency group `live`

    server = Server(url, event_key, signing_key, f"contract-{os.urandom(4).hex()}")
    with live_app.serve(url, server.app, event_key, signing_key) as address:
        registered = httpx.put(address, timeout=30)
        if registered.status_code != 200:
            raise RuntimeError(f"{url} did not take the app {server.app}: {registered.text}")
        with server.connect() as client:
            _wait_for_functions(client, server.app)
            try:
                yield server
            finally:
                _cancel_what_is_left(client, server.app)
                _forget_app(server)


def _wait_for_functions(client: InngestClient, app: str) -> None:
    for _ in range(60):
        if {each.id for each in client.functions.list(app)} >= set(FUNCTIONS):
            return
        time.sleep(0.25)
    raise RuntimeError(f"the functions of {app} did not appear within 15 s")


def _cancel_what_is_left(client: InngestClient, app: str) -> None:
    for run in client.runs.list(app=app, status=["queued", "running"]):
        client.runs.cancel(run.id)


def _forget_app(server: Server) -> None:
    """Remove the app by GraphQL, as the server's web UI does; if that fails, it stays."""
    query = "mutation($name: String!) { deleteAppByName(name: $name) }"
    body = {"query": query, "variables": {"name": server.app}}
    httpx.post(f"{server.url}/v0/gql", json=body, timeout=30)


def why_unreachable(server: Server) -> str | None:
    """Return why a server cannot be used, or None if it can."""
    try:
        with server.connect(retries=0) as client:
            client.health()
            client.apps.list(limit=1).page()
    except InngestError as error:
        return str(error)
    return None

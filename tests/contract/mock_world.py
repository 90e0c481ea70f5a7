"""The world of the contract cases on a MockServer, with a clock that takes no real time."""

from __future__ import annotations

import asyncio
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import httpx
import httpx2

from inngest_rest_api.api import OPERATIONS
from inngest_rest_mock import (
    MockServer,
    answers,
    completes,
    fails,
    retries,
    sleeps,
    waits_for,
    when,
)
from tests.support.clock import Clock

from .conformance import camel
from .live_routes import routes_of
from .world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from inngest_rest_mock import MockTransport
    from tests.support.client_kinds import ClientKind


THROUGH_HTTPX2 = "mock through httpx2"


def make_mock(app: str, **settings: Any) -> MockServer:
    """Return a mock server that has the app under test, including `waits`."""
    mock = MockServer(**settings)
    second = timedelta(seconds=1)
    behaviours: dict[str, Any] = {
        "echoes": lambda event: {"echo": event.data},
        "fails": fails("told to fail"),
        "naps": sleeps(second, completes("slept")),
        "retries": retries("told to fail once", after=second, then=completes({"attempt": 1})),
        "sleeps": sleeps(timedelta(minutes=10)),
        "steps": completes([1, 2]),
        "waits": lambda event: waits_for(event.data["signal"]),
    }
    for name, run in behaviours.items():
        mock.function(app, name, trigger=f"{app}/{name}", run=run)
    limits: dict[str, dict[str, Any]] = {
        "batches": {
            "run": lambda event: len(event.batch),
            "batch_size": 2,
            "batch_timeout": 5 * second,
        },
        "debounces": {"run": completes("done"), "debounce": 2 * second},
        "picks": {"condition": when("event.data.n > 5", lambda event: event.data["n"] > 5)},
        "rates": {"rate_limit": (1, timedelta(hours=1))},
        "singles": {"run": sleeps(3 * second), "singleton": "skip"},
    }
    for name, limit in limits.items():
        mock.function(app, name, trigger=f"{app}/{name}", **limit)
    return mock


class MockWorld(World):
    """A mock of a current dev server, which lacks the asked-for routes."""

    app = "contract"
    url = "http://127.0.0.1:8288"
    is_cloud = False
    has_waiting_function = True
    step_names = frozenset({"step"})
    hides_statuses = False

    def __init__(self, client_kind: ClientKind, runner: asyncio.Runner, clock: Clock) -> None:
        super().__init__(client_kind, runner, clock)
        self._mocked_time = clock
        settings: dict[str, Any] = {}
        if self.release is not None:
            routes = routes_of(self.release)
            self.lacks = routes.lacks
            settings["release"] = self.release
        self._mock = make_mock(
            self.app,
            **settings,
            v1_routes=self.has_asked_for_routes,
            cloud=self.is_cloud,
            event_keys=None if self.event_key is None else [self.event_key],
            signing_key=self.signing_key,
            clock=clock.nanoseconds,
        )

    def transport(self, *, blocking: bool) -> MockTransport:  # noqa: ARG002 - it is both
        return self._mock.transport

    def on_socket(self) -> AbstractContextManager[str]:
        return self._mock.serve()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._mocked_time.now(), UTC)

    def pause(self, seconds: float) -> None:
        self._mocked_time.advance(seconds)


class Httpx2MockWorld(MockWorld):
    """A mock that clients reach through transports of httpx2."""

    def _carrier(self) -> httpx2.MockTransport:
        judged = self._judged(self.transport(blocking=True))

        def carry(request: httpx2.Request) -> httpx2.Response:
            assert isinstance(request, httpx2.Request)
            response = judged.handle_request(
                httpx.Request(
                    request.method,
                    str(request.url),
                    headers=request.headers.raw,
                    content=request.content,
                    extensions=request.extensions,
                )
            )
            return httpx2.Response(
                response.status_code, headers=response.headers.raw, content=response.read()
            )

        return httpx2.MockTransport(carry)


class OldMockWorld(MockWorld):
    """A mock of the oldest release: without listings and cancelling by v2."""

    release = "1.30.0"


class FullMockWorld(MockWorld):
    """A mock without v2, but with the v1 that was asked for, and with what only Cloud has."""

    is_cloud = True
    has_asked_for_routes: ClassVar[bool] = True

    def __init__(self, client_kind: ClientKind, runner: asyncio.Runner, clock: Clock) -> None:
        super().__init__(client_kind, runner, clock)
        of_servers = [each.name for each in OPERATIONS if each.tag == "v2" and not each.cloud_only]
        self.lacks = frozenset(map(camel, of_servers))
        not_found = answers(404, {"errors": [{"code": "api_error", "message": "Not Found"}]})
        for name in of_servers:
            self._mock.fault(not_found, operation=name, times=None)


class KeyedMockWorld(MockWorld):
    """A mock of a self-hosted server, which requires keys."""

    event_key = "contract-event-key"
    signing_key = "signkey-prod-" + "cd" * 32


WORLDS: dict[str, type[MockWorld]] = {
    "mock": MockWorld,
    THROUGH_HTTPX2: Httpx2MockWorld,
    "mock of 1.30": OldMockWorld,
    "mock with the routes asked for": FullMockWorld,
    "mock with keys": KeyedMockWorld,
}


@contextmanager
def make(name: str, client_kind: ClientKind) -> Iterator[World]:
    """Yield one of the mocked worlds; close its clients afterwards."""
    clock = Clock()
    with asyncio.Runner(loop_factory=clock.make_loop) as runner:
        world = WORLDS[name](client_kind, runner, clock)
        with closing(world):
            yield world

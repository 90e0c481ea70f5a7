"""What a case of the contract may know about the server it runs against."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import httpx

from inngest_rest import NotFoundError
from tests.support.doors import open_door

from .document import Document
from .exercised import Watched
from .judging import faults
from .recordings import Recording

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime

    from inngest_rest import InngestClient, Run
    from tests.support.clock import Clock
    from tests.support.doors import DoorName

    from .exercised import Exercised

T = TypeVar("T")

DOCUMENT = Document.load()

FUNCTIONS = ("echoes", "fails", "naps", "retries", "sleeps", "steps")
"""The functions of the app under test, each triggered by the event `APP/FUNCTION`.

`echoes` returns `{"echo": data}`, `fails` fails at once, `naps` sleeps for a second or two,
`retries` fails once and completes a second later with `{"attempt": 1}`, `sleeps` sleeps for ten
minutes and `steps` runs steps.
"""

UNKNOWN = "01HZZZZZZZZZZZZZZZZZZZZZZZ"
"""A ULID of nothing."""


class World(ABC):
    """A server that has the app under test, and clients of it.

    Whatever a client exchanges with it is judged by the document; `faults` says what was not as
    documented.
    """

    app: str
    url: str
    event_key: str | None = None
    """The key to send with; None: the server takes any, as a dev server."""
    signing_key: str | None = None
    """The key to manage with; None: the server asks for none."""

    has_asked_for_routes: ClassVar[bool] = False
    """Whether GET /v1/runs, GET /v1/apps, POST /v1/runs/{id}/replay and webhooks exist."""
    has_cancellations: ClassVar[bool]
    """Whether there is a store for bulk cancellations; an open-source server has none."""
    has_waiting_function: ClassVar[bool]
    """Whether the app has `waits`, which waits for the signal named by its event's data."""
    step_names: ClassVar[frozenset[str]]
    """The names of the steps of `steps`."""

    def __init__(
        self,
        exercised: Exercised,
        door: DoorName,
        runner: asyncio.Runner,
        clock: Clock | None = None,
    ) -> None:
        self.faults: list[str] = []
        self._exercised = exercised
        self._door: DoorName = door
        self._runner = runner
        self._clock = clock
        self._clients: list[Any] = []

    @abstractmethod
    def transport(self, *, blocking: bool) -> httpx.BaseTransport | httpx.AsyncBaseTransport:
        """Make what carries requests to the server."""

    @abstractmethod
    def on_socket(self) -> AbstractContextManager[str]:
        """Give the URL of the server on a socket, for any client at all."""

    @abstractmethod
    def now(self) -> datetime:
        """Tell the time, as the server has it."""

    @abstractmethod
    def pause(self, seconds: float) -> None:
        """Let time pass: for a mock on its clock, for a live server really."""

    @property
    def has_keys(self) -> bool:
        """Whether the server asks for keys."""
        return self.signing_key is not None

    def connect(self, **settings: Any) -> InngestClient:
        """Make a client of the door under test, with the right keys unless others are given."""
        keys = {"event_key": self.event_key, "signing_key": self.signing_key}
        base = {"base_url": self.url} if self.has_keys else {"dev": self.url}
        carrier = self._judged(self.transport(blocking=self._door == "blocking"))
        options = {**base, **keys, "transport": carrier, **settings}
        client = open_door(self._door, self._runner, self._clock, **options)
        self._clients.append(client)
        return client  # type: ignore[no-any-return]

    def raw(self) -> httpx.Client:
        """Make a plain HTTP client, for what ours would never send; it is judged as well."""
        headers = {"Authorization": f"Bearer {self.signing_key}"} if self.has_keys else {}
        client = httpx.Client(
            base_url=self.url,
            headers=headers,
            transport=self._judged(self.transport(blocking=True)),
        )
        self._clients.append(client)
        return client

    def close(self) -> None:
        """Close every client that was made."""
        for client in self._clients:
            client.close()

    @property
    def ingest(self) -> str:
        """The path that events are posted to."""
        return f"/e/{self.event_key or 'contract'}"

    def trigger(self, function: str) -> str:
        """Name the event that starts a function."""
        return f"{self.app}/{function}"

    def eventually(self, ask: Callable[[], T], *, seconds: float = 15.0) -> T:
        """Ask until the answer is not empty: a server shows what it was sent a moment later."""
        deadline = self.now().timestamp() + seconds
        while True:
            last = self.now().timestamp() >= deadline
            try:
                answer = ask()
            except NotFoundError:
                if last:
                    raise
            else:
                if answer or last:
                    return answer
            self.pause(0.25)

    def start(
        self, client: InngestClient, function: str, data: dict[str, Any] | None = None
    ) -> Run:
        """Send the event of a function and return the run it started, as it is listed."""
        (event_id,) = client.send({"name": self.trigger(function), "data": data or {}})
        return self.run_of(client, event_id)

    def run_of(self, client: InngestClient, event_id: str) -> Run:
        """Return the one run an event started."""
        (run,) = self.eventually(lambda: list(client.events.runs(event_id)))
        return run

    def start_and_wait(
        self, client: InngestClient, function: str, data: dict[str, Any] | None = None
    ) -> Run:
        """Start a function and return its run when that has ended."""
        return client.runs.wait(self.start(client, function, data).id, timeout=60)

    def _judged(self, inner: httpx.BaseTransport | httpx.AsyncBaseTransport) -> Judged:
        return Judged(inner, self._exercised, self.faults)


class Judged(Watched):
    """Notes what answers, and judges each exchange by the document."""

    def __init__(
        self,
        inner: httpx.BaseTransport | httpx.AsyncBaseTransport,
        exercised: Exercised,
        found: list[str],
    ) -> None:
        super().__init__(inner, exercised)
        self._found = found

    def _noted(
        self, request: httpx.Request, response: httpx.Response, body: bytes
    ) -> httpx.Response:
        path = request.url.raw_path.decode().partition("?")[0]
        operation = DOCUMENT.match(request.method, path)
        where = f"{request.method} {path}"
        if operation is None:
            self._found.append(f"{where}: no such operation")
        else:
            recording = Recording(
                name=where,
                method=request.method,
                path=path,
                query=dict(request.url.params),
                sent=_body(request.content) if request.content else None,
                status=response.status_code,
                content_type=response.headers.get("content-type", ""),
                received=_body(body),
            )
            self._found += [f"{where}: {fault}" for fault in faults(DOCUMENT, operation, recording)]
        return super()._noted(request, response, body)


def _body(content: bytes) -> Any:
    """Read a body as a recording holds it: JSON where it is JSON, else text."""
    response = httpx.Response(200, content=content)
    try:
        return response.json()
    except ValueError:
        return response.text

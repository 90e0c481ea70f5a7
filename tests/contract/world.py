"""The server that a contract case runs against, and its properties that cases depend on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, NoReturn, TypeVar

import httpx
import pytest

from inngest_rest import NotFoundError
from inngest_rest_api.api import OPERATIONS
from tests.support.client_kinds import open_client

from .conformance import camel, faults, general
from .document import Document
from .recordings import Recording
from .watched import Watched, copied

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime

    from inngest_rest import InngestClient, Run
    from inngest_rest.typing import AsyncTransport, Transport
    from tests.support.client_kinds import ClientKind
    from tests.support.clock import Clock

T = TypeVar("T")

DOCUMENT = Document.load()

SINCE = {camel(each.name): each.since for each in OPERATIONS if each.since}
"""The first release with each operation, by the operation's id."""

CLOUD_ONLY = {camel(each.name) for each in OPERATIONS if each.since and each.cloud_only}
"""The ids of the operations that a self-hosted server refuses."""

ABSENT = "absent: "
"""How the reason begins why a case is skipped whose route the server lacks."""

FUNCTIONS = ("echoes", "fails", "naps", "retries", "sleeps", "steps")
"""The functions of the app under test, each triggered by the event `APP/FUNCTION`.

`echoes` returns `{"echo": data}`, `fails` fails at once, `naps` sleeps for one or two seconds,
`retries` fails once and completes a second later with `{"attempt": 1}`, `sleeps` sleeps for ten
minutes and `steps` runs steps.
"""

LIMITED = ("batches", "debounces", "picks", "rates", "singles")
"""Functions of the app that do not start for each event `APP/FUNCTION`.

`batches` returns the number of its events, of which it collects two, for at most five seconds;
`debounces` waits two seconds for a later event; `picks` takes events whose `data.n` is over 5;
`rates` starts once an hour; `singles` sleeps for three seconds, and starts once at a time.
"""

UNKNOWN = "01HZZZZZZZZZZZZZZZZZZZZZZZ"
"""A ULID of nothing."""


class World(ABC):
    """A server that has the app under test, and clients of it.

    Each exchange of a client is checked against the document; `faults` lists the differences.
    """

    app: str
    url: str
    event_key: str | None = None
    """The event key; None if the server accepts any, as a dev server does."""
    signing_key: str | None = None
    """The signing key; None if the server requires none."""

    lacks: frozenset[str] = frozenset()
    """The operations, by id, that servers of this release do not have yet."""
    release: str | None = None
    """The server's release; None for the newest."""
    cancels_by_v1 = True
    """Whether DELETE /v1/runs/{id} cancels: on PostgreSQL it finds no run."""

    has_asked_for_routes: ClassVar[bool] = False
    """Whether GET /v1/runs, GET /v1/apps, POST /v1/runs/{id}/replay and webhooks exist."""
    may_have_more: ClassVar[bool] = False
    """Whether the server may be newer than the document: then what it sends in addition is a
    difference, and no fault."""
    is_cloud: ClassVar[bool]
    """Whether there is a store for bulk cancellations; an open-source server has none."""
    has_waiting_function: ClassVar[bool]
    """Whether the app has `waits`, which waits for the signal named by its event's data."""
    step_names: ClassVar[frozenset[str]]
    """The names of the steps of `steps`."""

    def __init__(
        self,
        client_kind: ClientKind,
        runner: asyncio.Runner,
        clock: Clock | None = None,
    ) -> None:
        self.faults: list[str] = []
        self.differences: set[str] = set()
        self.trail: list[Step] = []
        self._client_kind: ClientKind = client_kind
        self._runner = runner
        self._clock = clock
        self._clients: list[Any] = []

    @abstractmethod
    def transport(self, *, blocking: bool) -> httpx.BaseTransport | httpx.AsyncBaseTransport:
        """Return a transport to the server."""

    @abstractmethod
    def on_socket(self) -> AbstractContextManager[str]:
        """Return the server's URL on a socket, for any client."""

    @abstractmethod
    def now(self) -> datetime:
        """Return the server's time."""

    @abstractmethod
    def pause(self, seconds: float) -> None:
        """Let time pass: on the clock of a mock, in real time for a live server."""

    def has(self, method: str, path: str) -> bool:
        """Return whether the server has a route, as far as its release decides that."""
        operation = DOCUMENT.match(method, path)
        return operation is None or operation.id not in self.lacks

    def needs(self, *operations: str) -> None:
        """Skip the case unless the server has all of these operations."""
        for name in operations:
            if name in self.lacks:
                skip_absent(name)

    def needs_cancelling(self) -> None:
        """Skip the case if neither family can cancel a run of this server."""
        if not self.cancels_by_v1:
            self.needs("cancelRunV2")

    @property
    def hides_statuses(self) -> bool:
        """Whether v1 answers a GET that fails with 200: a server up to release 1.44 does."""
        return self.release is None or parts(self.release) < (1, 45)

    def needs_release(self, release: str, what: str) -> None:
        """Skip the case if the server is older than the first release with something."""
        if self.release is not None and parts(self.release) < parts(release):
            pytest.skip(f"{ABSENT}{what} exist since release {release}")

    @property
    def has_keys(self) -> bool:
        """Whether the server requires keys."""
        return self.signing_key is not None

    def connect(self, **settings: Any) -> InngestClient:
        """Return a client of the kind under test, with the right keys by default."""
        keys = {"event_key": self.event_key, "signing_key": self.signing_key}
        base = {"base_url": self.url} if self.has_keys else {"dev": self.url}
        options = {**base, **keys, "transport": self._carrier(), **settings}
        client = open_client(self._client_kind, self._runner, self._clock, **options)
        self._clients.append(client)
        return client  # type: ignore[no-any-return]

    def raw(self) -> httpx.Client:
        """Return a plain HTTP client, for requests that ours would never send; also checked."""
        headers = {"Authorization": f"Bearer {self.signing_key}"} if self.has_keys else {}
        client = httpx.Client(
            base_url=self.url,
            headers=headers,
            transport=self._judged(self.transport(blocking=True)),
        )
        self._clients.append(client)
        return client

    def close(self) -> None:
        """Close all clients."""
        for client in self._clients:
            client.close()

    @property
    def ingest(self) -> str:
        """The path that events are posted to."""
        return f"/e/{self.event_key or 'contract'}"

    def trigger(self, function: str) -> str:
        """Return the name of the event that starts a function."""
        return f"{self.app}/{function}"

    def eventually(self, ask: Callable[[], T], *, seconds: float = 15.0) -> T:
        """Retry until the result is not empty: a server shows events and runs with a delay."""
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
        """Send the event that starts a function and return the run, as listed."""
        (event_id,) = client.send({"name": self.trigger(function), "data": data or {}})
        return self.run_of(client, event_id)

    def run_of(self, client: InngestClient, event_id: str) -> Run:
        """Return the only run that an event started."""
        with self.raw() as http:
            # v1 answers the same for 15 seconds, also that there is none; not so by a new URL.
            path = f"/v1/events/{event_id}/runs"
            self.eventually(lambda: http.get(f"{path}?_={self.now()}").json()["data"])
        (run,) = self.eventually(lambda: list(client.events.runs(event_id)))
        return run

    def start_and_wait(
        self, client: InngestClient, function: str, data: dict[str, Any] | None = None
    ) -> Run:
        """Start a function and return its run once it has ended."""
        return client.runs.wait(self.start(client, function, data).id, timeout=60)

    def _carrier(self) -> Transport | AsyncTransport:
        """Return the transport of a client."""
        return self._judged(self.transport(blocking=self._client_kind == "blocking"))

    def _judged(self, inner: httpx.BaseTransport | httpx.AsyncBaseTransport) -> Judged:
        return Judged(
            inner,
            self.faults,
            trail=self.trail,
            has=self.has,
            differences=self.differences,
            allows_more=self.may_have_more,
        )


def parts(release: str) -> tuple[int, ...]:
    """Return a release so that it compares with others; `1.40+` is a release, too."""
    return tuple(map(int, release.removesuffix("+").split(".")))


def skip_absent(operation: str) -> NoReturn:
    """Skip a case that needs an operation of later releases than the server's."""
    pytest.skip(f"{ABSENT}{operation} exists since release {SINCE[operation]}")


class Step(NamedTuple):
    """One exchange of a case: its operation, and whether it was a success."""

    operation: str
    is_success: bool


class Judged(Watched):
    """Checks each exchange against the document.

    Args:
        inner: The transport that sends.
        found: Takes what is not as documented.
        trail: Takes the exchanges in their order.
        has: Returns whether the server has a route, by method and path. How it responds where it
            has none depends on its release, and is not judged.
        differences: Takes the same by operation and status, each once, with what is additional.
        allows_more: Whether what a server sends in addition is no fault.
    """

    def __init__(
        self,
        inner: httpx.BaseTransport | httpx.AsyncBaseTransport,
        found: list[str],
        *,
        trail: list[Step] | None = None,
        has: Callable[[str, str], bool] = lambda *_: True,
        differences: set[str] | None = None,
        allows_more: bool = False,
    ) -> None:
        super().__init__(inner)
        self._allows_more = allows_more
        self._found = found
        self._trail = [] if trail is None else trail
        self._has = has
        self._differences = set[str]() if differences is None else differences

    def _noted(
        self, request: httpx.Request, response: httpx.Response, body: bytes
    ) -> httpx.Response:
        path = request.url.raw_path.decode().partition("?")[0]
        operation = DOCUMENT.match(request.method, path)
        where = f"{request.method} {path}"
        if operation is None:
            self._found.append(f"{where}: no such operation")
        elif not self._has(request.method, path):
            return copied(response, body)
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
            found = list(faults(DOCUMENT, operation, recording))
            wrong = found
            if found and self._allows_more:
                wrong = list(faults(DOCUMENT, operation, recording, allows_more=True))
            self._found += [f"{where}: {fault}" for fault in wrong]
            of = f"{operation.id} {response.status_code}"
            self._differences.update(f"{of}: {general(fault)}" for fault in found)
            self._trail.append(Step(operation.id, not recording.is_refusal))
        return copied(response, body)


def _body(content: bytes) -> Any:
    """Return a body as recordings have it: parsed if it is JSON, else as text."""
    response = httpx.Response(200, content=content)
    try:
        return response.json()
    except ValueError:
        return response.text

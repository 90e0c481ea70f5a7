"""The mock server: state, routes, faults and clock behind one lock."""

import threading
import time
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import httpx

from ._behaviours import Completes, Run
from ._call import Call
from ._clock import Clock, WallClock
from ._cors import headers_for, preflight
from ._faults import Answers, Delays, Drops, Effect, Fault, LosesResponse
from ._guards import ResponseCache
from ._http import NO_CONTENT, NOT_MODIFIED, OK, Dropped, Outcome, Request, Response
from ._keys import Keys
from ._log import view_of
from ._records import MockEvent, MockRequest, MockRun
from ._routing import Match, Router
from ._store import Store
from ._times import to_datetime
from ._transport import MockTransport


class MockServer:
    """A stateful stand-in for an Inngest server, in process or on a socket.

    It answers as a real server was recorded to (`platform/facts.md`), oddities included. What
    the server does at random the mock does in one fixed way, and statuses are always right.

    Args:
        v1_routes: Whether `GET /v1/runs`, `GET /v1/apps`, `POST /v1/runs/{id}/replay` and
            `/v1/webhooks` exist. False is a server of today. Default: True.
        v2_routes: Whether `/v2` and `/api/v2` exist. Default: True.
        event_keys: The event keys to accept. Default: any, as a dev server.
        signing_key: The hexadecimal key that v1 and v2 ask for, with or without its prefix;
            clients may send it raw or hashed. Default: none is asked for, as a dev server.
        visibility_delay: How long an event and its runs cannot be read after they were sent, by
            the mock's clock. A real server takes about a quarter of a second. Default: none.
        caching: Whether v1 answers from its cache for 3 to 15 seconds. Default: False.
        clock: The wall clock, in nanoseconds since the epoch. Default: `time.time_ns`.

    Raises:
        ValueError: A key is malformed, or the delay is negative.
    """

    def __init__(
        self,
        *,
        v1_routes: bool = True,
        v2_routes: bool = True,
        event_keys: Collection[str] | None = None,
        signing_key: str | None = None,
        visibility_delay: timedelta = timedelta(0),
        caching: bool = False,
        clock: WallClock = time.time_ns,
    ) -> None:
        if visibility_delay < timedelta(0):
            raise ValueError("the visibility delay is negative")
        # Reentrant: a function of the mock may send events through the mock's own transport.
        self._lock = threading.RLock()
        self._clock = Clock(clock)
        self._keys = Keys.of(event_keys, signing_key)
        self._store = Store(self._clock, visibility_delay)
        cache = ResponseCache() if caching else None
        self._router = Router(v1_routes=v1_routes, v2_routes=v2_routes, cache=cache)
        self._faults: list[Fault] = []
        self._requests: list[MockRequest] = []
        self._transport = MockTransport(self.answer)

    def function(
        self,
        app: str,
        id: str,
        *,
        trigger: str | Sequence[str] = (),
        run: Run | None = None,
        name: str | None = None,
    ) -> None:
        """Register a function.

        Args:
            app: The id of its app, made when it is new.
            id: Its id inside the app.
            trigger: The name of the event that starts it, or several; `app/*` matches every
                name that begins so. Default: it can only be invoked.
            run: `completes(...)`, `fails(...)`, `sleeps(...)`, `waits_for(...)`, or a callable
                that is given the event and returns an output or one of these; an exception fails
                the run. It runs under the mock's lock: it may use `transport`, but not the URL
                of `serve`. Default: complete with null.
            name: Its display name. Default: the id.

        Raises:
            ValueError: The function exists, or a name is empty.
        """
        triggers = (trigger,) if isinstance(trigger, str) else tuple(trigger)
        with self._lock:
            self._store.catalogue.register(
                app,
                id,
                name=name or id,
                triggers=triggers,
                run=Completes() if run is None else run,
                at=self._clock.now(),
            )

    def advance(self, by: timedelta) -> None:
        """Move the clock forward; what was due happens, each thing at its own time.

        Args:
            by: How far.

        Raises:
            ValueError: `by` is negative.
        """
        with self._lock:
            self._clock.advance(by)
            self._store.settle()

    def fault(
        self,
        effect: Effect,
        *,
        times: int | None = 1,
        after: int = 0,
        operation: str | None = None,
        method: str | None = None,
        path: str | None = None,
    ) -> Fault:
        """Make the next matching requests go wrong.

        Faults are tried in the order they were made; the first that matches strikes.

        Args:
            effect: `answers(...)`, `drops(...)`, `loses_response(...)` or `delays(...)`.
            times: How many requests to strike; None: all until `Fault.clear`. Default: one.
            after: How many matching requests to leave alone first. Default: none.
            operation: Only requests to this operation, by its name in
                `inngest_rest_api.api.OPERATIONS`. Default: any.
            method: Only requests with this method. Default: any.
            path: Only requests with this decoded path, `*` and `?` as wildcards. Default: any.

        Returns:
            The fault, which counts its hits and can be cleared.
        """
        upper = None if method is None else method.upper()
        fault = Fault(effect, times, after, upper, path, operation)
        with self._lock:
            self._faults.append(fault)
        return fault

    @property
    def now(self) -> datetime:
        """The mock's time, in UTC."""
        with self._lock:
            return to_datetime(self._clock.now())

    @property
    def events(self) -> Sequence[MockEvent]:
        """The stored events in order of arrival: live, read-only, never copied."""
        return self._store.events.view()

    @property
    def runs(self) -> Sequence[MockRun]:
        """The runs in the order they were made: live, read-only, never copied."""
        with self._lock:
            self._store.settle()
            return self._store.execution.runs.view()

    @property
    def requests(self) -> Sequence[MockRequest]:
        """The requests in order of arrival: live, read-only, never copied."""
        return view_of(self._requests)

    @property
    def transport(self) -> MockTransport:
        """A transport for `httpx.Client` and `httpx.AsyncClient`; always the same object."""
        return self._transport

    @contextmanager
    def serve(self, port: int = 0) -> Generator[str]:
        """Serve on a socket of 127.0.0.1 while the `with` block lasts.

        Needs the extra `mock` (uvicorn).

        Args:
            port: The port. Default: any free one.

        Returns:
            The base URL, such as `http://127.0.0.1:41234`.

        Raises:
            ImportError: Uvicorn is not installed.
            OSError: The port is taken.
        """
        from ._socket import serve  # noqa: PLC0415 - the one module that needs uvicorn

        with serve(self.answer, port) as url:
            yield url

    def answer(self, request: Request) -> Outcome:
        """Answer one request: the one way in, for every carrier and thread."""
        with self._lock:
            match = self._router.find(request)
            effect = self._effect_on(request, match.operation)
            outcome = self._answer_with(effect, request, match)
            status = outcome.status if isinstance(outcome, Response) else None
            self._requests.append(
                MockRequest(
                    method=request.method,
                    path=request.raw_path,
                    query=request.query,
                    headers=request.headers,
                    body=request.body,
                    operation=match.operation,
                    status=status,
                )
            )
            return outcome

    def _effect_on(self, request: Request, operation: str | None) -> Effect | None:
        for fault in self._faults:
            if fault.strikes(request, operation):
                return fault.effect
        return None

    def _answer_with(self, effect: Effect | None, request: Request, match: Match) -> Outcome:
        match effect:
            case None:
                return self._handle(request, match)
            case Answers(response):
                return _framed(request, response)
            case Drops(error):
                return Dropped(error, "scripted fault: connection dropped")
            case LosesResponse(error):
                self._handle(request, match)
                return Dropped(error, "scripted fault: response lost")
            case Delays(by):
                self._clock.advance(by)
                response = self._handle(request, match)
                if request.patience is not None and by.total_seconds() > request.patience:
                    return Dropped(httpx.ReadTimeout, "scripted fault: response too late")
                return response

    def _handle(self, request: Request, match: Match) -> Response:
        now = self._store.settle()
        permission = preflight(request)
        if permission is not None:
            return _framed(request, permission)
        response = match.handler(Call(request, match.params, self._store, self._keys, now))
        kind = ("X-Inngest-Server-Kind", self._keys.server_kind)
        return _framed(request, response.with_headers(*headers_for(request), kind))


def _framed(request: Request, response: Response) -> Response:
    """Add the length; an answer to HEAD keeps that of the body it leaves out, if there is one."""
    status, body = response.status, response.body
    length = ("Content-Length", str(len(body)))
    if status in (NO_CONTENT, NOT_MODIFIED) or status < OK:
        return Response(status, response.headers)
    if request.method == "HEAD":
        return Response(status, (*response.headers, length) if body else response.headers)
    return response.with_headers(length)

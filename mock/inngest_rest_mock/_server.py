"""The mock server: state, routing, faults and clock behind one lock."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Sequence
from contextlib import contextmanager
from datetime import timedelta
from email.utils import formatdate
from typing import TYPE_CHECKING

import httpx

from inngest_rest_mock._api.call import Call
from inngest_rest_mock._api.keys import Keys
from inngest_rest_mock._api.releases import NEWEST, described_release, served_operations
from inngest_rest_mock._api.routing import Match, Router
from inngest_rest_mock._carriers.client_time import ClientTime
from inngest_rest_mock._carriers.exchange import (
    Dropped,
    Outcome,
    Request,
    Response,
    framed,
)
from inngest_rest_mock._carriers.socket import serve
from inngest_rest_mock._carriers.transport import MockTransport
from inngest_rest_mock._faults import Effect, Fault, check_effect, check_target
from inngest_rest_mock._state.arguments import (
    as_text,
    as_timedelta,
    check_timedelta,
)
from inngest_rest_mock._state.behaviours import Runner, as_runner
from inngest_rest_mock._state.catalogue import Function
from inngest_rest_mock._state.clock import Clock, WallClock, nanoseconds
from inngest_rest_mock._state.flow import Condition, Flow, Singleton
from inngest_rest_mock._state.records import MockEvent, MockRequest, MockRun
from inngest_rest_mock._state.store import Store
from inngest_rest_mock._times import NS_PER_SECOND, at_millisecond, to_datetime

if TYPE_CHECKING:
    from collections.abc import Collection, Generator
    from datetime import datetime


_MOST_WAITS = 5_000


class MockServer:
    """A stateful stand-in for an Inngest server, in process or on a socket.

    It is a server of today; where a server is random, the mock is deterministic.

    Args:
        release: The release whose routes and fields it has, such as `"1.38"` (1.38.0), from
            `"1.30"` on, by the document. Default: the newest in it.
        v1_routes: Whether `GET /v1/runs`, `GET /v1/apps`, `POST /v1/runs/{id}/replay` and
            `/v1/webhooks` exist, which no known server has. Default: False.
        cloud: Whether it has what Inngest Cloud alone has: bulk cancellations, environments,
            webhooks of v2, syncs, Insights, experiments and sessions; without, such calls fail as
            on a self-hosted server.
        event_keys: The event keys to accept. Default: any, as on a dev server.
        signing_key: The hexadecimal key that v1 and v2 require, with or without its prefix;
            clients may send it raw or hashed. Default: none is required, as on a dev server.
        visibility_delay: Delay before a sent event and its runs become readable, by the mock's
            clock: a timedelta, or seconds. Default: 0.25, as on a real server.
        clock: The wall clock: returns nanoseconds since the epoch. Default: `time.time_ns`.

    Raises:
        TypeError: `event_keys` is one string, or `visibility_delay` is not a duration.
        ValueError: A key or `release` is malformed, `release` is older than 1.30, or
                `visibility_delay` is negative.
    """

    def __init__(
        self,
        *,
        release: str = NEWEST,
        v1_routes: bool = False,
        cloud: bool = False,
        event_keys: Collection[str] | None = None,
        signing_key: str | None = None,
        visibility_delay: timedelta | float = 0.25,
        clock: WallClock = time.time_ns,
    ) -> None:
        # Reentrant: a function of the mock may send events through the mock's own transport.
        self._lock = threading.RLock()
        self._clock = Clock(clock)
        self._keys = Keys.of(event_keys, signing_key)
        self._store = Store(
            self._clock, as_timedelta(visibility_delay, "visibility_delay")
        )
        self._release = described_release(release)
        self._is_cloud = cloud
        self._served = served_operations(self._release, v1_routes=v1_routes)
        self._router = Router(self._served)
        self._faults: list[Fault] = []
        self._late: list[tuple[int, int, Request, Match]] = []
        self._requests: list[MockRequest] = []
        self._transport = MockTransport(
            self.answer,
            ClientTime(
                self._lock,
                lambda: self._clock.advanced / NS_PER_SECOND,
                lambda: self.now,
                self.advance,
            ),
        )

    def function(
        self,
        app: str,
        id: str,
        *,
        trigger: str | Sequence[str] = (),
        cron: str | Sequence[str] = (),
        run: Runner | None = None,
        name: str | None = None,
        batch_size: int | None = None,
        batch_timeout: timedelta = timedelta(seconds=1),
        condition: Condition | None = None,
        debounce: timedelta | None = None,
        rate_limit: tuple[int, timedelta] | None = None,
        singleton: Singleton | None = None,
        visibility_delay: timedelta | float = 0,
    ) -> None:
        """Register a function.

        Args:
            app: The id of its app, created if new.
            id: Its id within the app.
            trigger: The name of the event that triggers it, or several; `app/*` matches every
                name with that prefix. Default: it can only be invoked.
            cron: The schedule that triggers it, or several, such as `"TZ=Europe/Berlin 0 3 * * *"`:
                `fire_cron` starts the runs, no time does. Default: none.
            run: `completes(...)`, `fails(...)`, `retries(...)`, `sleeps(...)`, `steps(...)`,
                `waits_for(...)`, `works(...)`, or a callable that takes the `MockEvent` and returns
                an output or one of these; an exception fails the run. It runs under the mock's
                lock: it may use `transport`, but not the URL of `serve`. Default: complete with
                null.
            name: Its display name. Default: the id.
            batch_size: Number of events per run: a callable gets the first of them, whose `batch`
                has all. Default: one.
            batch_timeout: How long a batch waits for events before it runs with fewer, by the
                mock's clock. Default: one second.
            condition: `when(...)`: the condition (`if`) of each trigger. Default: none.
            debounce: How long an event waits for a later one, which then replaces it. Default: no
                debounce.
            rate_limit: The maximum number of runs, and the period. Default: no limit.
            singleton: How to handle an event that would start a second run: `"skip"` it, or
                `"cancel"` the first run. Default: both run.
            visibility_delay: Extra delay before its runs become readable: a timedelta, or seconds.
                Default: none.

        Raises:
            TypeError: An id or a trigger is not a string, `run` is not a behaviour, or a duration
                is not one.
            ValueError: The function already exists, an id or a trigger is empty, `batch_size` or a
                rate limit is less than 1, or `singleton` is unknown.
        """
        for label, given in (("app", app), ("id", id)):
            as_text(label, given)
        runner, triggers = as_runner("run", run), _triggers(trigger)
        crons = _triggers(cron, "cron")
        timeout = check_timedelta(batch_timeout, "batch_timeout")
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, and is {batch_size!r}")
        flow = Flow.of(
            condition=condition,
            debounce=debounce,
            rate_limit=rate_limit,
            singleton=singleton,
            visibility_delay=visibility_delay,
        )
        with self._lock:
            self._store.catalogue.register(
                Function(
                    app_id=app,
                    id=id,
                    name=name or id,
                    triggers=triggers,
                    crons=crons,
                    runner=runner,
                    created_ns=self._clock.now(),
                    batch_size=batch_size,
                    batch_timeout_ns=nanoseconds(timeout),
                    flow=flow,
                )
            )

    def fire_cron(self, app: str, id: str, cron: str | None = None) -> MockRun:
        """Start a run of a function by its schedule, now; a schedule that never fires is missed.

        Args:
            app: The id of its app.
            id: Its id within the app.
            cron: The schedule, perhaps one that it had before. Default: its first one.

        Raises:
            ValueError: There is no such function, or it has no schedule.
        """
        with self._lock:
            now = self._settle()
            function = self._store.catalogue.find(app, id)
            if function is None:
                raise ValueError(f"there is no function {app}/{id}")
            if cron is None and not function.crons:
                raise ValueError(f"function {app}/{id} has no cron schedule")
            return self._store.fire_cron(function, cron or function.crons[0], now)

    def advance(self, by: timedelta | float) -> None:
        """Advance the clock; every run due by then resumes, each at its own time.

        Args:
            by: How far: a timedelta, or seconds.

        Raises:
            TypeError: `by` is neither a timedelta nor a number.
            ValueError: `by` is negative or not finite.
        """
        span = as_timedelta(by, "by")
        with self._lock:
            self._clock.advance(span)
            self._settle()

    def drain(self) -> None:
        """Advance the clock until all is done: every run has ended, and can be read.

        Only a run that waits for a signal, or whose function waits for another such run, stays.

        Raises:
            RuntimeError: Runs are held, or one never ends, after 5,000 waits.
        """
        with self._lock:
            if self._store.execution.holds:
                raise RuntimeError("runs are held: drain() after the block of hold()")
            for _ in range(_MOST_WAITS):
                now = self._settle()
                left = (
                    max(self._store.last_due(), *(late[0] for late in self._late), now)
                    - now
                )
                if left == 0:
                    return
                self._clock.advance(timedelta(microseconds=-(-left // 1_000)))
            open_runs = [
                run
                for run in self._store.execution.runs.arrived()
                if run.ended_ns is None
            ]
        raise RuntimeError(
            f"no end after {_MOST_WAITS:,} waits, of these runs: {open_runs[:3]}"
        )

    @contextmanager
    def hold(self) -> Generator[None]:
        """Let no run start or go on during the `with` block, as if all workers were busy.

        New runs stay queued. Other requests are handled, and the clock goes on.
        """
        execution = self._store.execution
        with self._lock:
            self._settle()
            execution.holds += 1
        try:
            yield
        finally:
            with self._lock:
                execution.holds -= 1
                execution.released_ns = self._clock.now()
                self._settle()

    def lose_jobs(self) -> None:
        """Lose the queue, as a server that keeps it in memory and is killed.

        Runs that are open stay so until they are cancelled, and have no jobs; new ones run.
        """
        with self._lock:
            self._settle()
            self._store.execution.lose_jobs()

    def clear(self) -> None:
        """Forget all events, runs, requests and faults; functions and the time stay."""
        with self._lock:
            self._store.clear()
            for each in (self._faults, self._late, self._requests):
                each.clear()

    def sent(self, name: str) -> list[MockEvent]:
        """Return the events of a name that have arrived so far, in order.

        Args:
            name: The name, such as `"app/order.created"`.
        """
        as_text("name", name)
        return [event for event in self.events if event.name == name]

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
        """Inject a fault into the next matching requests.

        Faults are tried in order of creation; the first that matches applies.

        Args:
            effect: `answers(...)`, `drops(...)`, `loses_response(...)`, `delays(...)` or
                `takes_effect_late(...)`.
            times: How many requests to affect; None for all until `Fault.clear`. Default: one.
            after: How many matching requests to let through first. Default: none.
            operation: Only requests to this operation, by its name in
                `inngest_rest_api.api.OPERATIONS`. Default: any.
            method: Only requests with this method. Default: any.
            path: Only requests with this decoded path, without the query; `*` and `?` are
                wildcards. Default: any.

        Returns:
            The fault, which counts its hits and can be cleared.

        Raises:
            TypeError: `effect` is not an effect.
            ValueError: The fault would never match: an unknown operation or method, a method that
                the operation does not have, or less than one time.
        """
        check_effect(effect)
        if (times is not None and times < 1) or after < 0:
            raise ValueError(
                "times must be at least 1, or None; after must not be negative"
            )
        upper = None if method is None else method.upper()
        check_target(self._served, operation=operation, method=upper)
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
    def events(self) -> tuple[MockEvent, ...]:
        """The stored events so far, in order of arrival."""
        with self._lock:
            self._settle()
            return self._store.events.arrived()

    @property
    def runs(self) -> tuple[MockRun, ...]:
        """The runs so far, in order of creation."""
        with self._lock:
            self._settle()
            return self._store.execution.runs.arrived()

    @property
    def requests(self) -> tuple[MockRequest, ...]:
        """The requests so far, in order of arrival."""
        return tuple(self._requests)

    @property
    def transport(self) -> MockTransport:
        """A transport for clients of this library, `httpx.Client` and `httpx.AsyncClient`.

        Always the same object. Clients of this library sleep in the mock's time: pauses, such as
        those between polls of `runs.wait` or before a retry, advance the mock's clock at once.
        """
        return self._transport

    @contextmanager
    def serve(self, port: int = 0, *, host: str = "127.0.0.1") -> Generator[str]:
        """Serve on a socket for the duration of the `with` block.

        Args:
            port: The port. Default: any free one.
            host: The address of this machine to listen on. Default: 127.0.0.1, which other
                machines cannot reach.

        Returns:
            The base URL of the server.

        Raises:
            OSError: The port is taken, or the host is not an address of this machine.
        """
        with serve(self.answer, port, host) as url:
            yield url

    def answer(self, request: Request) -> Outcome:
        """Respond to one request; the single entry point for all transports and threads."""
        with self._lock:
            match = self._router.find(request)
            effect = self._effect_on(request, match.operation)
            outcome = self._dated(self._answer_with(effect, request, match))
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

    def _dated(self, outcome: Outcome) -> Outcome:
        """Add a Date header if missing, as net/http does."""
        if isinstance(outcome, Dropped) or any(
            name.lower() == "date" for name, _ in outcome.headers
        ):
            return outcome
        date = formatdate(self._clock.now() // NS_PER_SECOND, usegmt=True)
        return outcome.with_headers(("Date", date))

    def _effect_on(self, request: Request, operation: str | None) -> Effect | None:
        for fault in self._faults:
            if fault.strikes(request, operation):
                return fault.effect
        return None

    def _answer_with(
        self, effect: Effect | None, request: Request, match: Match
    ) -> Outcome:
        if effect is None:
            return self._handle(request, match)
        self._clock.advance(effect.delay)
        if effect.late is not None:
            due = at_millisecond(self._settle() + nanoseconds(effect.late))
            heapq.heappush(self._late, (due, len(self._requests), request, match))
        response = self._handle(request, match) if effect.is_handled else None
        if effect.response is not None:
            return framed(request, effect.response)
        if effect.error is not None:
            return Dropped(effect.error, "scripted fault: no response")
        assert response is not None, effect
        patience = request.patience
        if patience is not None and effect.delay.total_seconds() > patience:
            message = "scripted fault: no response within the read timeout"
            return Dropped(httpx.ReadTimeout, message)
        return response

    def _settle(self) -> int:
        """Do all that is due by now, each at its time, and return the time."""
        now = self._clock.now()
        while self._late and self._late[0][0] <= now:
            due, _, request, match = heapq.heappop(self._late)
            self._store.settle(due)
            self._handle_at(due, request, match)
        self._store.settle(now)
        return now

    def _handle(self, request: Request, match: Match) -> Response:
        return self._handle_at(self._settle(), request, match)

    def _handle_at(self, now: int, request: Request, match: Match) -> Response:
        call = Call(
            request=request,
            params=match.params,
            store=self._store,
            keys=self._keys,
            release=self._release,
            is_cloud=self._is_cloud,
            now=now,
        )
        response = match.handler(call)
        kind = ("X-Inngest-Server-Kind", self._keys.server_kind)
        return framed(request, response.with_headers(kind))


def _triggers(trigger: str | Sequence[str], label: str = "trigger") -> tuple[str, ...]:
    if not isinstance(trigger, Sequence):  # pyright: ignore[reportUnnecessaryIsInstance]
        what = "a cron schedule" if label == "cron" else "the name of an event"
        raise TypeError(f"{label} must be {what}, or several, and is {trigger!r}")
    names = (trigger,) if isinstance(trigger, str) else tuple(trigger)
    return tuple(as_text(label, each) for each in names)

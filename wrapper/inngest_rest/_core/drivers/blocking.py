"""Run plans in the calling thread; `threads` runs several concurrently."""

from __future__ import annotations

import contextvars
import sys
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx

from inngest_rest._core import tracing
from inngest_rest._core.drivers.connection_pool import Connected
from inngest_rest._core.drivers.exchange import (
    Body,
    check_open,
    read,
    timed_out,
    transport_error,
)
from inngest_rest._core.drivers.httpx_internals import has_left_over
from inngest_rest._core.plans import Call, Stopped
from inngest_rest._core.secret import clear_frames
from inngest_rest.errors import InngestError, TransportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inngest_rest._core.drivers.connection_pool import ConnectionPool
    from inngest_rest._core.drivers.threads import Stop
    from inngest_rest._core.plans import Host, Plan

J = TypeVar("J")
T = TypeVar("T")


class Driver(Connected[httpx.BaseTransport]):
    """Runs plans in the calling thread. Thread-safe."""

    def prepare(self, host: Host) -> None:
        """Prepare the first request to a host, without connecting.

        Raises:
            ConfigurationError: The proxy or the certificates of the environment cannot be used.
        """
        self._pools[host].prepare(self._clock.monotonic())

    def run(self, plan: Plan[T], stop: Stop | None = None) -> T:
        """Run a plan to its end or, once `stop` is set, to its next pause."""
        suppressed = tracing.suppress_others()
        try:
            effect = next(plan)
            while True:
                if isinstance(effect, Call):
                    try:
                        answer, failure = self._exchange(effect, stop), None
                    except InngestError as error:
                        answer, failure = None, error
                    # Outside the except clause, or it would become the plan's error's context.
                    effect = plan.send(answer) if failure is None else plan.throw(failure)
                else:
                    self._sleep(effect.seconds, stop)
                    effect = plan.send(None)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        finally:
            plan.close()
            tracing.restore(suppressed)

    def _sleep(self, seconds: float, stop: Stop | None) -> None:
        if stop is None:
            self._clock.sleep(seconds)
            return
        if seconds:
            self._clock.wait(stop, seconds)
        if stop.is_set():
            raise Stopped

    def _exchange(self, call: Call[T], stop: Stop | None) -> T:
        check_open(closed=self._closed)
        handled, started = sys.exception(), self._clock.monotonic()
        outcome: httpx.Response | TransportError
        pool = self._pools[call.host]
        slots = pool.slots
        was_full = not slots.acquire(blocking=False)
        if was_full and not slots.acquire(timeout=call.timeout):
            raise timed_out(call, delivered=False)
        try:
            left = call.timeout
            if was_full:
                left = max(left - (self._clock.monotonic() - started), 0.001)
            outcome = self._send(call, left, pool, started, stop)
        except httpx.RequestError as error:
            clear_frames(error, handled)
            outcome = transport_error(call, error, closed=self._closed)
        except BaseException as error:
            clear_frames(error, handled)
            raise
        finally:
            slots.release()
        if isinstance(outcome, TransportError):
            raise outcome
        return read(call, outcome, self._clock.monotonic() - started)

    def _send(
        self,
        call: Call[Any],
        seconds: float,
        pool: ConnectionPool[httpx.BaseTransport],
        started: float,
        stop: Stop | None,
    ) -> httpx.Response:
        check_open(closed=self._closed)
        transport = pool.take()
        if stop is not None and transport is not pool.given:
            stop.in_flight.add(transport)
        is_whole = False
        try:
            response = transport.handle_request(call.build(seconds))
            is_whole = self._read(response, call, started) and not has_left_over(transport)
            # A transport in flight may have been closed by then.
            is_whole = is_whole and not (stop is not None and stop.is_set())
        finally:
            if stop is not None:
                stop.in_flight.discard(transport)
            now = self._clock.monotonic()
            for unused in pool.give_back(transport, now, is_whole=is_whole):
                unused.close()
        return response

    def _read(self, response: httpx.Response, call: Call[Any], started: float) -> bool:
        """Read the body within the call's timeout; return whether it was read to its end."""
        if response.is_stream_consumed:  # by the caller's transport
            return True
        body, deadline = Body(response, call), started + call.timeout
        stream = cast("httpx.SyncByteStream", response.stream)
        try:
            for chunk in stream:
                if self._clock.monotonic() > deadline:
                    raise timed_out(call, delivered=True)
                if not body.add(chunk):
                    break
        finally:
            stream.close()
        return body.finish()

    def run_many(
        self,
        jobs: Iterable[J],
        plan: Callable[[J], Plan[T]],
        on_result: Callable[[J, T | None], bool],
        *,
        in_flight: int,
    ) -> None:
        """Run a plan for each job, several concurrently; see `AsyncDriver.run_many`.

        Jobs are drawn in the calling thread, where one at a time runs, too.
        """
        from inngest_rest._core.drivers import threads  # noqa: PLC0415 - needed for bulk jobs only

        context = contextvars.copy_context()
        threads.run_many(
            lambda job, stop: context.copy().run(self.run, plan(job), stop),
            jobs,
            on_result,
            in_flight=in_flight,
        )

    def close(self) -> None:
        for transport in self._end():
            transport.close()

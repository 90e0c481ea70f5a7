"""Run plans in the calling thread, or several concurrently in threads, with results in order."""

from __future__ import annotations

import contextvars
import sys
import threading
from collections import deque
from contextlib import ExitStack, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, cast

from inngest_rest._core.drivers.exchange import (
    Body,
    PlanRunner,
    longest_wait,
    not_sent,
    timed_out,
    whole_response,
)
from inngest_rest._core.plans import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence
    from concurrent.futures import Future
    from queue import SimpleQueue

    import httpx

    from inngest_rest._core.drivers.carriers import Kind
    from inngest_rest._core.plans import Call, Host, Plan
    from inngest_rest.errors import TransportError

J = TypeVar("J")
T = TypeVar("T")


# Seconds that requests in flight get to finish when an exception ends `run_many`; then they are
# aborted. After an interrupt, a user is waiting, so they get less.
_GRACE = 5.0
_GRACE_OF_INTERRUPT = 1.0

# Seconds for an aborted request to fail.
_ABORT_GRACE = 0.5


class BlockingTransport(Protocol):
    """What carries requests, one at a time unless the caller gave it."""

    def handle_request(self, request: httpx.Request, /) -> httpx.Response: ...
    def abort(self) -> None: ...  # by another thread; a given transport has none
    def close(self) -> None: ...


class Stop(threading.Event):
    """Once set, work ends at its next pause."""

    def __init__(self) -> None:
        super().__init__()
        self.in_flight: set[BlockingTransport] = set()  # waiting for a response


_STOP: ContextVar[Stop | None] = ContextVar("stop", default=None)
"""Ends the job that runs in a context at its next pause, once it is set."""


def now(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends: everything it awaits blocks."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("unreachable: all that it awaits blocks")


class Driver(PlanRunner[BlockingTransport]):
    """Runs plans in the calling thread. Thread-safe."""

    kind: ClassVar[Kind] = "BaseTransport"

    def prepare(self, host: Host) -> None:
        """Prepare the first request to a host, with proxy and certificates, without connecting."""
        pool = self._pools[host]
        for unused in pool.give_back(
            pool.take(), self._clock.monotonic(), is_whole=True
        ):
            unused.close()

    def run(self, plan: Plan[T]) -> T:
        return now(self._run(plan))

    async def sleep(self, seconds: float, /) -> None:
        stop = _STOP.get()
        if stop is None:
            self._clock.sleep(seconds)
            return
        if seconds:
            self._clock.wait(stop, seconds)
        if stop.is_set():
            raise Stopped

    async def _send(
        self, call: Call[Any], started: float
    ) -> httpx.Response | TransportError:
        pool, waited, stop = self._pools[call.host], 0.0, _STOP.get()
        slots = pool.slots
        if not slots.take(0.0):
            if not slots.take(longest_wait(call)):
                return not_sent(call)
            waited = self._clock.monotonic() - started
        try:
            if waited > longest_wait(call):
                return not_sent(call)
            self._check_open()
            transport = pool.take()
            if stop is not None and transport is not pool.given:
                stop.in_flight.add(transport)
            is_whole = False
            try:
                response, is_whole = self._read(
                    transport.handle_request(call.build(call.timeout - waited, None)),
                    call,
                    started,
                )
                # A transport in flight may have been aborted by then.
                is_whole = is_whole and not (stop is not None and stop.is_set())
            finally:
                if stop is not None:
                    stop.in_flight.discard(transport)
                ended = self._clock.monotonic()
                for unused in pool.give_back(transport, ended, is_whole=is_whole):
                    unused.close()
            return response
        finally:
            slots.give_back()

    def _read(
        self, response: httpx.Response, call: Call[Any], started: float
    ) -> tuple[httpx.Response, bool]:
        """Return the response with its body, and whether that was read to its end."""
        if response.is_stream_consumed:  # by the caller's transport
            return whole_response(response, response.content), True
        stream = cast("httpx.SyncByteStream", response.stream)
        body, deadline = Body(response, call), started + call.timeout
        try:
            for chunk in stream:
                if self._clock.monotonic() > deadline:
                    raise timed_out(call, self._pools[call.host].proxy)
                if not body.add(chunk):
                    break
        finally:
            stream.close()
        return body.finish()

    def run_many(  # noqa: C901 - its clean-up ends whatever it has started
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
        from concurrent.futures import Future, wait  # noqa: PLC0415 - needed for bulk jobs only
        from queue import SimpleQueue  # noqa: PLC0415

        stop, context = Stop(), contextvars.copy_context()
        started: deque[tuple[J, Future[T | None]]] = deque()
        queue: SimpleQueue[tuple[J, Future[T | None]] | None] = SimpleQueue()
        threads = 0

        def do(job: J, future: Future[T | None]) -> None:
            try:
                work = self._run_job(plan, job, stop)
                future.set_result(context.copy().run(now, work))
            except BaseException as error:  # noqa: BLE001 - raised again by the future's result
                future.set_exception(error)

        def serve() -> None:
            for item in iter(queue.get, None):
                do(*item)

        try:
            for job in jobs:
                future: Future[T | None] = Future()
                if threads < in_flight > 1:
                    # At the limit of threads, or while the interpreter exits, there are fewer.
                    with suppress(RuntimeError):
                        # Daemons, unlike an executor's threads: they do not delay exit.
                        name = f"inngest-rest_{threads}"
                        threading.Thread(target=serve, name=name, daemon=True).start()
                        threads += 1
                if threads:
                    queue.put((job, future))
                else:
                    do(job, future)
                started.append((job, future))
                if len(started) >= in_flight and not _finish_oldest(started, on_result):
                    break
            while started:
                _finish_oldest(started, on_result)
        finally:
            # Jobs are left only after an exception: only requests in flight get a grace period.
            stop.set()
            with ExitStack() as rest:  # runs every callback, even if one raises
                for job, future in reversed(started):
                    rest.callback(_report, on_result, job, future)
                for _ in range(threads):  # each ends after its last job
                    rest.callback(queue.put, None)
                futures = [future for _, future in started]
                is_error = isinstance(sys.exception(), Exception | None)
                grace = _GRACE if is_error else _GRACE_OF_INTERRUPT
                if wait(futures, timeout=grace).not_done:
                    for transport in list(stop.in_flight):
                        transport.abort()
                    wait(futures, timeout=_ABORT_GRACE)

    async def _run_job(
        self, plan: Callable[[J], Plan[T]], job: J, stop: Stop
    ) -> T | None:
        """Run the plan of a job; one that ends at a pause, once `stop` is set, has no result."""
        _STOP.set(stop)  # of the context that the job runs in
        try:
            return await self._run(plan(job))
        except Stopped:
            return None

    async def _run_all(
        self,
        jobs: Sequence[J],
        plan: Callable[[J], Plan[T]],
        on_result: Callable[[J, T | None], bool],
        *,
        in_flight: int,
    ) -> None:
        self.run_many(jobs, plan, on_result, in_flight=in_flight)

    def close(self) -> None:
        for _, transport in self._end():
            transport.close()
        for pool in self._own_pools:
            for transport in pool.in_flight:
                transport.abort()


def _report(
    on_result: Callable[[J, T | None], bool], job: J, future: Future[T | None]
) -> None:
    succeeded = future.done() and not future.cancelled() and future.exception() is None
    on_result(job, future.result() if succeeded else None)


def _finish_oldest(
    started: deque[tuple[J, Future[T | None]]], on_result: Callable[[J, T | None], bool]
) -> bool:
    """Wait for the oldest job; an interrupt leaves it in the queue."""
    job, future = started[0]
    result = future.result()
    started.popleft()
    return on_result(job, result)

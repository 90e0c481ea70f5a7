"""Run plans in the calling thread, or several at once in threads of their own."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import httpx

from inngest_rest._core.drivers.exchange import check_open, read, too_slow, transport_error
from inngest_rest._core.effects import Call
from inngest_rest.errors import InngestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from inngest_rest._core.effects import Host, Plan
    from inngest_rest._core.transports import Lanes

J = TypeVar("J")
P = ParamSpec("P")
T = TypeVar("T")

# Seconds that requests under way get to end when an exception ends a run_many.
_GRACE = 5.0


class Driver:
    """Run plans in the calling thread; safe to share between threads."""

    def __init__(self, lanes: Mapping[Host, Lanes[httpx.BaseTransport]]) -> None:
        self._lanes = lanes
        self._closed = False

    def run(self, plan: Plan[T]) -> T:
        try:
            effect = next(plan)
            while True:
                if isinstance(effect, Call):
                    try:
                        answer = self._exchange(effect)
                    except InngestError as error:
                        effect = plan.throw(error)
                        continue
                    effect = plan.send(answer)
                else:
                    time.sleep(effect.seconds)
                    effect = plan.send(None)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        finally:
            plan.close()

    def _exchange(self, call: Call[T]) -> T:
        check_open(closed=self._closed)
        started = time.monotonic()
        lanes = self._lanes[call.host]
        transport = lanes.take()
        try:
            response = transport.handle_request(call.request)
            try:
                stream = cast("httpx.SyncByteStream", response.stream)
                response.stream = _Bounded(stream, call, started)
                response.read()
            finally:
                response.close()
        except httpx.RequestError as error:
            raise transport_error(call, error) from error
        finally:
            lanes.give_back(transport)
        return read(call, response, started)

    def run_many(
        self,
        jobs: Iterable[J],
        plan: Callable[[J], Plan[T]],
        took: Callable[[J, T | None], bool],
        *,
        in_flight: int,
    ) -> None:
        """Run a plan for each job, several at once, results in the order of the jobs.

        Jobs are drawn only as there is room for them. However this ends, every job that was drawn
        reaches `took` once.

        Args:
            jobs: What to do, drawn in the calling thread.
            plan: Makes the plan of a job.
            took: Takes a job and its result, or None if it was given up; False stops drawing.
            in_flight: Most plans at once; 1 runs them in the calling thread.
        """
        started: deque[tuple[J, Future[T]]] = deque()
        pool = ThreadPoolExecutor(in_flight, thread_name_prefix="inngest-rest")
        submit = _run_now if in_flight == 1 else pool.submit
        try:
            for job in jobs:
                started.append((job, submit(self.run, plan(job))))
                if len(started) >= in_flight and not _take_first(started, took):
                    break
            while started:
                _take_first(started, took)
        finally:
            # Only an exception leaves some: what is under way gets a moment to end.
            wait([future for _, future in started], timeout=_GRACE)
            pool.shutdown(wait=False)
            with ExitStack() as rest:  # for each of them, whichever of these raises
                for job, future in reversed(started):
                    rest.callback(took, job, future.result() if _succeeded(future) else None)

    def close(self) -> None:
        self._closed = True
        for lanes in set(self._lanes.values()):
            for transport in lanes:
                transport.close()


class _Bounded(httpx.SyncByteStream):
    """The body of an answer, which must be whole before its exchange's time is up."""

    def __init__(self, stream: httpx.SyncByteStream, call: Call[Any], started: float) -> None:
        self._stream = stream
        self._call = call
        self._deadline = started + call.timeout

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            if time.monotonic() > self._deadline:
                raise too_slow(self._call)
            yield chunk

    def close(self) -> None:
        self._stream.close()


def _run_now(run: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
    """Do in the calling thread what a pool's submit does in another."""
    future: Future[T] = Future()
    try:
        future.set_result(run(*args, **kwargs))
    except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
        future.set_exception(error)
    return future


def _take_first(started: deque[tuple[J, Future[T]]], took: Callable[[J, T | None], bool]) -> bool:
    """Wait for the oldest job, and leave it in the row if that is cut short."""
    job, future = started[0]
    result = future.result()
    started.popleft()
    return took(job, result)


def _succeeded(future: Future[T]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None

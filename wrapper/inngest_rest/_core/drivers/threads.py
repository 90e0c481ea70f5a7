"""Run several jobs concurrently in threads, with their results in order."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, wait
from contextlib import ExitStack
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import httpx

J = TypeVar("J")
T = TypeVar("T")

# Seconds that requests in flight have to end when an exception ends a run_many; then they are
# broken off. Whoever interrupts it waits for them, so they get less.
_GRACE = 5.0
_GRACE_OF_INTERRUPT = 1.0

# Seconds that a request that was broken off may take to notice.
_LAST_MOMENT = 0.5


class Stop(threading.Event):
    """Once set, work ends where it would pause.

    Attributes:
        in_flight: The transports that are waiting for a response.
    """

    def __init__(self) -> None:
        super().__init__()
        self.in_flight: set[httpx.BaseTransport] = set()

    def break_off(self) -> None:
        """Close the connections of requests in flight, which then fail at once."""
        for transport in list(self.in_flight):
            transport.close()


def run_many(
    work: Callable[[J, Stop], T],
    jobs: Iterable[J],
    on_result: Callable[[J, T | None], bool],
    *,
    in_flight: int,
) -> None:
    """Do the work of each job; see `Driver.run_many`.

    The work is given an event, too: once it is set, the work is to end where it would pause.
    """
    stop = Stop()
    started: deque[tuple[J, Future[T]]] = deque()
    threads = _Threads[J, T](work, stop, in_flight)
    submit = threads.run_now if in_flight == 1 else threads.submit
    grace = _GRACE
    try:
        for job in jobs:
            try:
                future = submit(job)
            except RuntimeError:  # no thread starts any more
                submit = threads.run_now
                future = submit(job)
            started.append((job, future))
            if len(started) >= in_flight and not _take_first(started, on_result):
                break
        while started:
            _take_first(started, on_result)
    except Exception:
        raise
    except BaseException:
        grace = _GRACE_OF_INTERRUPT
        raise
    finally:
        # Only an exception leaves some: a request under way gets a moment to end, a retry does not.
        stop.set()
        with ExitStack() as rest:  # for each of them, even if one of these raises
            for job, future in reversed(started):
                rest.callback(_hand_over, on_result, job, future)
            rest.callback(threads.close)
            _end(stop, [future for _, future in started], grace)


def _end(stop: Stop, futures: list[Future[T]], grace: float) -> None:
    """Wait for the work that has begun, at last by breaking it off."""
    if wait(futures, timeout=grace).not_done:
        stop.break_off()
        wait(futures, timeout=_LAST_MOMENT)


class _Threads(Generic[J, T]):
    """Threads for which an interpreter that exits does not wait, as for those of an executor.

    Args:
        work: What to do with a job.
        stop: Passed to it.
        size: Maximum number of threads, which start as jobs come.
    """

    def __init__(self, work: Callable[[J, Stop], T], stop: Stop, size: int) -> None:
        self._work = work
        self._stop = stop
        self._size = size
        self._started = 0
        self._jobs: SimpleQueue[tuple[J, Future[T]] | None] = SimpleQueue()

    def submit(self, job: J) -> Future[T]:
        """Do the work of a job in one of the threads."""
        if self._started < self._size:
            name = f"inngest-rest_{self._started}"
            thread = threading.Thread(target=self._serve, name=name, daemon=True)
            thread.start()
            self._started += 1
        future: Future[T] = Future()
        self._jobs.put((job, future))
        return future

    def run_now(self, job: J) -> Future[T]:
        """Do it in the calling thread."""
        future: Future[T] = Future()
        self._do(job, future)
        return future

    def close(self) -> None:
        """End each thread after its last job."""
        for _ in range(self._started):
            self._jobs.put(None)

    def _serve(self) -> None:
        while (item := self._jobs.get()) is not None:
            self._do(*item)
            del item  # which would keep the batch until the next one comes

    def _do(self, job: J, future: Future[T]) -> None:
        try:
            future.set_result(self._work(job, self._stop))
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            future.set_exception(error)


def _hand_over(on_result: Callable[[J, T | None], bool], job: J, future: Future[T]) -> None:
    on_result(job, future.result() if _succeeded(future) else None)


def _take_first(
    started: deque[tuple[J, Future[T]]], on_result: Callable[[J, T | None], bool]
) -> bool:
    """Wait for the oldest job, and leave it in the queue if that is interrupted."""
    job, future = started[0]
    result = future.result()
    started.popleft()
    return on_result(job, result)


def _succeeded(future: Future[T]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None

"""Run jobs concurrently in threads, with results in order."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, wait
from contextlib import ExitStack
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

from inngest_rest._core.plans import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import httpx

J = TypeVar("J")
T = TypeVar("T")

# Seconds that requests in flight get to finish when an exception ends `run_many`; then they are
# aborted. After an interrupt, a user is waiting, so they get less.
_GRACE = 5.0
_GRACE_OF_INTERRUPT = 1.0

# Seconds for an aborted request to fail.
_ABORT_GRACE = 0.5


class Stop(threading.Event):
    """Once set, work ends at its next pause."""

    def __init__(self) -> None:
        super().__init__()
        self.in_flight: set[httpx.BaseTransport] = set()  # waiting for a response

    def abort_all(self) -> None:
        """Abort all requests in flight by closing their connections."""
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

    The work also gets an event: once it is set, the work must end at its next pause, by raising
    `Stopped`: it has no result then.
    """
    stop = Stop()
    started: deque[tuple[J, Future[T | None]]] = deque()
    threads = _Threads[J, T](work, stop, in_flight)
    submit = threads.run_now if in_flight == 1 else threads.submit
    grace = _GRACE
    try:
        for job in jobs:
            try:
                future = submit(job)
            except RuntimeError:  # no more threads can start
                submit = threads.run_now
                future = submit(job)
            started.append((job, future))
            if len(started) >= in_flight and not _finish_oldest(started, on_result):
                break
        while started:
            _finish_oldest(started, on_result)
    except Exception:
        raise
    except BaseException:
        grace = _GRACE_OF_INTERRUPT
        raise
    finally:
        # Jobs are left only after an exception: only requests in flight get a grace period.
        stop.set()
        with ExitStack() as rest:  # runs every callback, even if one raises
            for job, future in reversed(started):
                rest.callback(_report, on_result, job, future)
            rest.callback(threads.close)
            futures = [future for _, future in started]
            if wait(futures, timeout=grace).not_done:
                stop.abort_all()
                wait(futures, timeout=_ABORT_GRACE)


class _Threads(Generic[J, T]):
    """Daemon threads, started on demand: unlike an executor's, they do not delay exit."""

    def __init__(self, work: Callable[[J, Stop], T], stop: Stop, size: int) -> None:
        self._work = work
        self._stop = stop
        self._size = size
        self._started = 0
        self._jobs: SimpleQueue[tuple[J, Future[T | None]] | None] = SimpleQueue()

    def submit(self, job: J) -> Future[T | None]:
        if self._started < self._size:
            name = f"inngest-rest_{self._started}"
            thread = threading.Thread(target=self._serve, name=name, daemon=True)
            thread.start()
            self._started += 1
        future: Future[T | None] = Future()
        self._jobs.put((job, future))
        return future

    def run_now(self, job: J) -> Future[T | None]:
        future: Future[T | None] = Future()
        self._do(job, future)
        return future

    def close(self) -> None:
        """End each thread after its last job."""
        for _ in range(self._started):
            self._jobs.put(None)

    def _serve(self) -> None:
        while (item := self._jobs.get()) is not None:
            self._do(*item)
            del item  # or its batch would stay in memory until the next one

    def _do(self, job: J, future: Future[T | None]) -> None:
        try:
            future.set_result(self._work(job, self._stop))
        except Stopped:
            future.set_result(None)
        except BaseException as error:  # noqa: BLE001 - raised again by the future's result
            future.set_exception(error)


def _report(on_result: Callable[[J, T | None], bool], job: J, future: Future[T | None]) -> None:
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

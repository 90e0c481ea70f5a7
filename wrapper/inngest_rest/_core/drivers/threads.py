"""Run jobs concurrently in threads, with results in order."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, wait
from contextlib import ExitStack, suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeVar

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
    queue: SimpleQueue[tuple[J, Future[T | None]] | None] = SimpleQueue()
    grace, threads = _GRACE, 0
    try:
        for job in jobs:
            future = Future[T | None]()
            if threads < in_flight > 1:
                # At the limit of threads, or while the interpreter exits, there are fewer.
                with suppress(RuntimeError):
                    # Daemons, unlike an executor's threads: they do not delay exit.
                    name, args = f"inngest-rest_{threads}", (work, stop, queue)
                    threading.Thread(target=_serve, name=name, args=args, daemon=True).start()
                    threads += 1
            if threads:
                queue.put((job, future))
            else:
                _do(work, stop, job, future)
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
            for _ in range(threads):  # each ends after its last job
                rest.callback(queue.put, None)
            futures = [future for _, future in started]
            if wait(futures, timeout=grace).not_done:
                stop.abort_all()
                wait(futures, timeout=_ABORT_GRACE)


def _serve(
    work: Callable[[J, Stop], T],
    stop: Stop,
    queue: SimpleQueue[tuple[J, Future[T | None]] | None],
) -> None:
    while (item := queue.get()) is not None:
        _do(work, stop, *item)
        del item  # or its batch would stay in memory until the next one


def _do(work: Callable[[J, Stop], T], stop: Stop, job: J, future: Future[T | None]) -> None:
    try:
        future.set_result(work(job, stop))
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

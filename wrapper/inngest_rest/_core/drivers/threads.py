"""Run several jobs concurrently in threads, with their results in order."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

J = TypeVar("J")
T = TypeVar("T")

# Seconds that requests in flight have to end when an exception ends a run_many.
_GRACE = 5.0


def run_many(
    work: Callable[[J, threading.Event], T],
    jobs: Iterable[J],
    on_result: Callable[[J, T | None], bool],
    *,
    in_flight: int,
) -> None:
    """Do the work of each job; see `Driver.run_many`.

    The work is given an event, too: once it is set, the work is to end where it would pause.
    """
    stop = threading.Event()
    started: deque[tuple[J, Future[T]]] = deque()
    pool = ThreadPoolExecutor(in_flight, thread_name_prefix="inngest-rest")
    submit = _run_now if in_flight == 1 else pool.submit
    try:
        for job in jobs:
            try:
                future = submit(work, job, stop)
            except RuntimeError as error:  # no thread starts any more
                future = Future[T]()
                future.set_exception(error)
            started.append((job, future))
            if len(started) >= in_flight and not _take_first(started, on_result):
                break
        while started:
            _take_first(started, on_result)
    finally:
        # Only an exception leaves some: a request under way gets a moment to end, a retry does not.
        stop.set()
        wait([future for _, future in started], timeout=_GRACE)
        pool.shutdown(wait=False)
        with ExitStack() as rest:  # for each of them, even if one of these raises
            for job, future in reversed(started):
                rest.callback(on_result, job, future.result() if _succeeded(future) else None)


def _run_now(work: Callable[[J, threading.Event], T], job: J, stop: threading.Event) -> Future[T]:
    """Do in the calling thread what a pool's submit does in another."""
    future: Future[T] = Future()
    try:
        future.set_result(work(job, stop))
    except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
        future.set_exception(error)
    return future


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

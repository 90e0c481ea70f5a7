"""Run plans in the running asyncio loop, or several at once in tasks of their own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar

import httpx

from inngest_rest._core.drivers.exchange import check_open, read, too_slow, transport_error
from inngest_rest._core.plans import Call
from inngest_rest.errors import InngestError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    from inngest_rest._core.clock import Clock
    from inngest_rest._core.drivers.lanes import Lanes
    from inngest_rest._core.plans import Host, Plan

J = TypeVar("J")
T = TypeVar("T")

MAX_AT_ONCE = 64
"""Most requests at once to one host; see scripts/benchmark/README.md."""


class AsyncDriver:
    """Run plans in the running asyncio loop."""

    def __init__(self, lanes: Mapping[Host, Lanes[httpx.AsyncBaseTransport]], clock: Clock) -> None:
        self._lanes = lanes
        self._clock = clock
        # What is beyond this many requests at once waits here, not in the sockets.
        self._room = {host: asyncio.Semaphore(MAX_AT_ONCE) for host in lanes}
        self._closed = False

    async def run(self, plan: Plan[T]) -> T:
        try:
            effect = next(plan)
            while True:
                if isinstance(effect, Call):
                    try:
                        answer = await self._exchange(effect)
                    except InngestError as error:
                        effect = plan.throw(error)
                        continue
                    effect = plan.send(answer)
                else:
                    await self._clock.sleep_async(effect.seconds)
                    effect = plan.send(None)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        finally:
            plan.close()

    async def _exchange(self, call: Call[T]) -> T:
        check_open(closed=self._closed)
        started = self._clock.monotonic()
        try:
            async with asyncio.timeout(call.timeout), self._room[call.host]:
                lanes = self._lanes[call.host]
                transport = lanes.take()
                try:
                    response = await transport.handle_async_request(call.request)
                    try:
                        await response.aread()
                    finally:
                        await response.aclose()
                finally:
                    lanes.give_back(transport)
        except TimeoutError:
            raise too_slow(call) from None
        except httpx.RequestError as error:
            raise transport_error(call, error) from error
        return read(call, response, self._clock.monotonic() - started)

    async def run_many(
        self,
        jobs: Iterable[J] | AsyncIterable[J],
        plan: Callable[[J], Plan[T]],
        took: Callable[[J, T | None], bool],
        *,
        in_flight: int,
    ) -> None:
        """Run a plan for each job, several at once, results in the order of the jobs.

        Jobs are drawn only as there is room for them. However this ends, every job that was drawn
        reaches `took` once.

        Args:
            jobs: What to do.
            plan: Makes the plan of a job.
            took: Takes a job and its result, or None if it was given up; False stops drawing.
            in_flight: Most plans at once.
        """
        started: deque[tuple[J, asyncio.Task[T]]] = deque()
        try:
            async for job in _drawn(jobs):
                started.append((job, asyncio.create_task(self.run(plan(job)))))
                if len(started) >= in_flight and not await _take_first(started, took):
                    break
            while started:
                await _take_first(started, took)
        finally:
            # Only an exception leaves some: a cancellation does not wait for answers.
            for _, task in started:
                task.cancel()
            await asyncio.gather(*(task for _, task in started), return_exceptions=True)
            with ExitStack() as rest:  # for each of them, whichever of these raises
                for job, task in reversed(started):
                    rest.callback(took, job, task.result() if _succeeded(task) else None)

    async def close(self) -> None:
        self._closed = True
        for lanes in set(self._lanes.values()):
            for transport in lanes:
                await transport.aclose()


async def _drawn(jobs: Iterable[J] | AsyncIterable[J]) -> AsyncIterator[J]:
    """Draw from either kind; from the blocking kind let the loop breathe between two."""
    if isinstance(jobs, AsyncIterable):
        async for job in jobs:
            yield job
    else:
        for job in jobs:
            yield job
            await asyncio.sleep(0)


async def _take_first(
    started: deque[tuple[J, asyncio.Task[T]]], took: Callable[[J, T | None], bool]
) -> bool:
    """Wait for the oldest job, and leave it in the row if that is cut short."""
    job, task = started[0]
    result = await asyncio.shield(task)
    started.popleft()
    return took(job, result)


def _succeeded(task: asyncio.Task[T]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None

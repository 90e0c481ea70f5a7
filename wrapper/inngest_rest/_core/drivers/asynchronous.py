"""Run plans in the running asyncio event loop, or several concurrently in tasks."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterable
from contextlib import AsyncExitStack, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, cast

from inngest_rest._core.drivers.connection_pool import MAX_AT_ONCE
from inngest_rest._core.drivers.exchange import (
    Body,
    PlanRunner,
    broken_off,
    longest_wait,
    not_sent,
    timed_out,
    whole_response,
)
from inngest_rest._core.plans import Stopped
from inngest_rest._values.logs import logger
from inngest_rest.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Awaitable,
        Callable,
        Collection,
        Coroutine,
        Iterable,
        Mapping,
        Sequence,
    )

    import httpx

    from inngest_rest._core.clock import Clock
    from inngest_rest._core.drivers.carriers import Kind
    from inngest_rest._core.drivers.connection_pool import ConnectionPool
    from inngest_rest._core.plans import Call, Host, Plan
    from inngest_rest.errors import TransportError

J = TypeVar("J")
T = TypeVar("T")

if TYPE_CHECKING:
    OnResult = Callable[[J, T | None], bool | Awaitable[bool]]


_STOP: ContextVar[asyncio.Event | None] = ContextVar("stop", default=None)
"""Ends the job that runs in a context at its next pause, once it is set."""

# Seconds that requests in flight get to finish when an exception ends `run_many`.
_GRACE = 5.0

# Seconds that connections and abandoned exchanges get to end when the client is closed.
_CLOSING_GRACE = 1.0


_NO_ASYNCIO = (
    "AsyncInngestClient requires asyncio, and no loop of it runs here; under trio, call "
    "InngestClient in a thread: trio.to_thread.run_sync"
)


class AsyncTransport(Protocol):
    """What carries requests, one at a time unless the caller gave it."""

    async def handle_async_request(
        self, request: httpx.Request, /
    ) -> httpx.Response: ...
    async def aclose(self) -> None: ...


class AsyncDriver(PlanRunner[AsyncTransport]):
    kind: ClassVar[Kind] = "AsyncBaseTransport"

    def __init__(
        self,
        pools: Mapping[Host, ConnectionPool[AsyncTransport]],
        clock: Clock,
    ) -> None:
        super().__init__(pools, clock)
        # An event loop owns its primitives: another one has its own.
        self._slots: dict[
            Host, tuple[asyncio.AbstractEventLoop, asyncio.Semaphore]
        ] = {}
        self._closing: set[asyncio.Task[Any]] = set()
        # Exchanges on connections of the client's own, and what is done once each is over.
        self._in_flight: dict[asyncio.Timeout, asyncio.Future[None]] = {}

    @staticmethod
    def loop() -> asyncio.AbstractEventLoop:
        """Return the event loop that runs here; raise if it is none of asyncio's."""
        try:
            return asyncio.get_running_loop()
        except RuntimeError:
            raise ConfigurationError(_NO_ASYNCIO) from None

    async def run(self, plan: Plan[T]) -> T:
        try:
            self.loop()
        except ConfigurationError:
            plan.close()
            raise
        return await self._run(plan)

    async def sleep(self, seconds: float, /) -> None:
        if seconds:
            await (self._clock.sleep_async or asyncio.sleep)(seconds)
        stop = _STOP.get()
        if stop is not None and stop.is_set():
            raise Stopped

    async def _send(
        self,
        call: Call[Any],
        started: float,  # noqa: ARG002 - the block below bounds it all
    ) -> httpx.Response | TransportError:
        loop = asyncio.get_running_loop()
        slots = self._slots_of(call.host, loop)
        began = loop.time()
        is_sent = False
        has_to_wait = slots.locked()
        timeout = longest_wait(call) if has_to_wait else call.timeout
        try:
            async with asyncio.timeout(timeout) as limit, slots:
                # On a busy machine, the turn may come before the timeout that expired earlier.
                if loop.time() - began > longest_wait(call):
                    return not_sent(call)
                if has_to_wait:
                    limit.reschedule(began + call.timeout)
                is_sent = True
                return await self._send_now(call, limit)
        except TimeoutError:
            if not is_sent:
                return not_sent(call)
            if self._closed:
                return broken_off(call)
            return timed_out(call, self._pools[call.host].proxy)

    def _slots_of(
        self, host: Host, loop: asyncio.AbstractEventLoop
    ) -> asyncio.Semaphore:
        owned = self._slots.get(host)
        if owned is None or owned[0] is not loop:
            owned = self._slots[host] = loop, asyncio.Semaphore(MAX_AT_ONCE)
        return owned[1]

    async def _send_now(
        self, call: Call[Any], limit: asyncio.Timeout
    ) -> httpx.Response:
        self._check_open()
        pool = self._pools[call.host]
        transport = pool.take()
        if transport is pool.given:
            return await self._send_apart(pool, transport, call)
        is_over = self._in_flight[limit] = asyncio.get_running_loop().create_future()
        is_whole = False
        try:
            response, is_whole = await _whole_exchange(transport, call)
        finally:
            del self._in_flight[limit]
            now = self._clock.monotonic()
            for unused in pool.give_back(transport, now, is_whole=is_whole):
                self._apart(_close(unused))
            is_over.set_result(None)
        return response

    async def _send_apart(
        self,
        pool: ConnectionPool[AsyncTransport],
        given: AsyncTransport,
        call: Call[Any],
    ) -> httpx.Response:
        """Send through the caller's transport; if cancelled, end the request at its next step.

        httpcore's pool leaks a connection if a request is cancelled while it is queued, between two
        steps, or while it closes, and a pool that has leaked all of them waits forever: 2,000
        random cancellations are enough on a pool of 5 (https://github.com/encode/httpcore/issues/1093).
        At the beginning of a step, which the `trace` extension announces, it leaks none. A
        transport that announces none has no such pool below, and is cancelled as it stands.
        """
        abandoned = asyncio.Event()

        async def trace(event: str, _: object) -> None:
            pool.has_steps = True
            begins_step = event.endswith(".started") and "closed" not in event
            if abandoned.is_set() and begins_step:
                raise asyncio.CancelledError

        exchange = self._apart(_whole_exchange(given, call, trace, abandoned))
        try:
            return (await asyncio.shield(exchange))[0]
        except asyncio.CancelledError:
            abandoned.set()
            if not pool.has_steps:
                exchange.cancel()
            # Otherwise asyncio would log its failure.
            exchange.add_done_callback(_retrieve_exception)
            raise

    def _apart(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run in a task of its own, shielded from the caller's cancellation."""
        task = asyncio.create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        return task

    async def run_many(
        self,
        jobs: Iterable[J] | AsyncIterable[J],
        plan: Callable[[J], Plan[T]],
        on_result: OnResult[J, T],
        *,
        in_flight: int,
    ) -> None:
        """Run a plan for each job, several concurrently; results come in the order of the jobs.

        Jobs are drawn only as slots become free. However this ends, every job drawn is passed to
        `on_result` exactly once, with None if it was abandoned; its False stops drawing jobs.
        """
        stop = asyncio.Event()
        started: deque[tuple[J, asyncio.Task[T | None]]] = deque()
        try:
            async for job in _drawn(jobs):
                task = asyncio.create_task(self._run_job(plan, job, stop))
                started.append((job, task))
                if len(started) < in_flight:
                    continue
                goes_on = await _finish_oldest(started, on_result)
                if not goes_on:
                    break
            while started:
                await _finish_oldest(started, on_result)
        finally:
            # Tasks are left only after an exception; a cancellation waits for no response.
            stop.set()
            is_cancelled = isinstance(sys.exception(), asyncio.CancelledError)
            grace = 0.0 if is_cancelled else _GRACE
            try:
                await _end_all([task for _, task in started], grace)
            finally:
                # The stack runs every callback, even if one raises.
                async with AsyncExitStack() as rest:
                    for job, task in reversed(started):
                        result = task.result() if _succeeded(task) else None
                        rest.push_async_callback(_report, on_result, job, result)

    async def _run_job(
        self, plan: Callable[[J], Plan[T]], job: J, stop: asyncio.Event
    ) -> T | None:
        """Run the plan of a job; one that ends at a pause, once `stop` is set, has no result."""
        _STOP.set(stop)  # of the context of this task
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
        await self.run_many(jobs, plan, on_result, in_flight=in_flight)

    async def close(self) -> None:
        here = self.loop()
        for owner, transport in self._end():
            if owner is here:
                await transport.aclose()
            elif owner is not None and not owner.is_closed():
                asyncio.run_coroutine_threadsafe(_close(transport), owner)
        if self.owns_pools:
            await self._break_off(here)
        left = [task for task in self._closing if task.get_loop() is here]
        if left:
            await _end_all(left, _CLOSING_GRACE)

    async def _break_off(self, here: asyncio.AbstractEventLoop) -> None:
        """End the exchanges in flight, as if their time was up; wait for those of this loop."""
        in_flight = [*self._in_flight.items()]
        for limit, is_over in in_flight:
            loop = is_over.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_expire, limit)
        left = [is_over for _, is_over in in_flight if is_over.get_loop() is here]
        if left:
            await asyncio.wait(left, timeout=_CLOSING_GRACE)


def _expire(limit: asyncio.Timeout) -> None:
    with suppress(RuntimeError):  # its time is up already
        limit.reschedule(asyncio.get_running_loop().time())


async def _whole_exchange(
    transport: AsyncTransport,
    call: Call[Any],
    trace: Callable[[str, object], Awaitable[None]] | None = None,
    abandoned: asyncio.Event | None = None,
) -> tuple[httpx.Response, bool]:
    """Return the response, and whether it was read to its end."""
    response = await transport.handle_async_request(call.build(call.timeout, trace))
    if response.is_stream_consumed:  # by the caller's transport
        return whole_response(response, response.content), True
    stream = cast("httpx.AsyncByteStream", response.stream)
    body = Body(response, call)
    try:
        async for chunk in stream:
            # A body is one step, however slowly it comes.
            if not body.add(chunk) or (abandoned is not None and abandoned.is_set()):
                break
    finally:
        await stream.aclose()
    return body.finish()


async def _close(transport: AsyncTransport) -> None:
    try:
        await transport.aclose()
    except Exception:
        logger.debug("a connection did not close cleanly", exc_info=True)


async def _drawn(jobs: Iterable[J] | AsyncIterable[J]) -> AsyncIterator[J]:
    """Iterate over either kind; yield to the event loop between blocking items."""
    if isinstance(jobs, AsyncIterable):
        async for job in jobs:
            yield job
    else:
        for job in jobs:
            yield job
            await asyncio.sleep(0)


async def _finish_oldest(
    started: deque[tuple[J, asyncio.Task[T | None]]], on_result: OnResult[J, T]
) -> bool:
    """Wait for the oldest job; an interrupt leaves it in the queue."""
    job, task = started[0]
    result = task.result() if _succeeded(task) else await asyncio.shield(task)
    started.popleft()
    return await _report(on_result, job, result)


async def _report(on_result: OnResult[J, T], job: J, result: T | None) -> bool:
    """Call `on_result`; return whether to continue."""
    goes_on = on_result(job, result)
    return goes_on if isinstance(goes_on, bool) else await goes_on


async def _end_all(tasks: Collection[asyncio.Task[Any]], grace: float) -> None:
    """Cancel the tasks that do not end within a grace period, and wait for them.

    A cancellation meanwhile ends the grace period, but not the waiting.
    """
    cancelled: asyncio.CancelledError | None = None
    while True:
        left = [task for task in tasks if not task.done()]
        if not left:
            break
        try:
            await asyncio.wait(left, timeout=grace)
            for task in left:
                task.cancel()
            await asyncio.wait(left)
        except asyncio.CancelledError as error:
            cancelled = error
            grace = 0.0
    if cancelled is not None:
        raise cancelled


def _succeeded(task: asyncio.Task[T]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _retrieve_exception(task: asyncio.Task[Any]) -> None:
    """Mark the exception of a task as retrieved."""
    if not task.cancelled():
        task.exception()

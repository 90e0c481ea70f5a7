"""Run plans in the calling thread; `threads` runs several concurrently."""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx

from inngest_rest._core.drivers.exchange import Body, PlanRunner, timed_out
from inngest_rest._core.drivers.httpx_internals import has_left_over
from inngest_rest._core.plans import Stopped, now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inngest_rest._core.drivers.threads import Stop
    from inngest_rest._core.plans import Call, Host, Plan, Sleep
    from inngest_rest.errors import TransportError

J = TypeVar("J")
T = TypeVar("T")


class Driver(PlanRunner[httpx.BaseTransport]):
    """Runs plans in the calling thread. Thread-safe."""

    def prepare(self, host: Host) -> None:
        """Prepare the first request to a host, with proxy and certificates, without connecting."""
        self._pools[host].prepare(self._clock.monotonic())

    def run(self, plan: Plan[T], stop: Stop | None = None) -> T:
        """Run a plan to its end or, once `stop` is set, to its next pause."""
        return now(self._perform(plan, stop))

    async def _pause(self, effect: Sleep, stop: Stop | None) -> None:
        if stop is None:
            self._clock.sleep(effect.seconds)
            return
        if effect.seconds:
            self._clock.wait(stop, effect.seconds)
        if stop.is_set():
            raise Stopped

    async def _send(
        self, call: Call[Any], started: float, stop: Stop | None
    ) -> httpx.Response | TransportError:
        pool, left = self._pools[call.host], call.timeout
        slots = pool.slots
        if not slots.acquire(blocking=False):
            if not slots.acquire(timeout=left):
                return timed_out(call, delivered=False)
            left = max(left - (self._clock.monotonic() - started), 0.001)
        try:
            self._check_open()
            transport = pool.take()
            if stop is not None and transport is not pool.given:
                stop.in_flight.add(transport)
            is_whole = False
            try:
                response = transport.handle_request(call.build(left))
                is_whole = self._read(response, call, started) and not has_left_over(transport)
                # A transport in flight may have been closed by then.
                is_whole = is_whole and not (stop is not None and stop.is_set())
            finally:
                if stop is not None:
                    stop.in_flight.discard(transport)
                ended = self._clock.monotonic()
                for unused in pool.give_back(transport, ended, is_whole=is_whole):
                    unused.close()
            return response
        finally:
            slots.release()

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

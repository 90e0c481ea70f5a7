"""Run plans in the running asyncio loop, or several at once in tasks of their own."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar

import httpx

from inngest_rest._core.drivers.exchange import check_open, read, too_slow, transport_error
from inngest_rest._core.effects import Call
from inngest_rest.errors import InngestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest._core.effects import Host, Plan

T = TypeVar("T")


class AsyncDriver:
    """Run plans in the running asyncio loop."""

    def __init__(self, transports: Mapping[Host, httpx.AsyncBaseTransport]) -> None:
        self._transports = transports
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
                    await asyncio.sleep(effect.seconds)
                    effect = plan.send(None)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        finally:
            plan.close()

    async def _exchange(self, call: Call[T]) -> T:
        check_open(closed=self._closed)
        started = time.monotonic()
        try:
            async with asyncio.timeout(call.timeout):
                transport = self._transports[call.host]
                response = await transport.handle_async_request(call.request)
                try:
                    body = b"".join([chunk async for chunk in response.aiter_raw()])
                finally:
                    await response.aclose()
        except TimeoutError:
            raise too_slow(call) from None
        except httpx.RequestError as error:
            raise transport_error(call, error) from error
        return read(call, response, body, started)

    async def close(self) -> None:
        self._closed = True
        for transport in set(self._transports.values()):
            await transport.aclose()

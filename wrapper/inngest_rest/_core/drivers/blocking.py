"""Run plans in the calling thread, or several at once in threads of their own."""

from __future__ import annotations

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


class Driver:
    """Run plans in the calling thread; safe to share between threads."""

    def __init__(self, transports: Mapping[Host, httpx.BaseTransport]) -> None:
        self._transports = transports
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
        try:
            response = self._transports[call.host].handle_request(call.request)
            try:
                body = bytearray()
                for chunk in response.iter_raw():
                    body += chunk
                    if time.monotonic() - started > call.timeout:
                        raise too_slow(call)
            finally:
                response.close()
        except httpx.RequestError as error:
            raise transport_error(call, error) from error
        return read(call, response, bytes(body), started)

    def close(self) -> None:
        self._closed = True
        for transport in set(self._transports.values()):
            transport.close()

"""The way to a mock server, on which a process can die, and the faults of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from inngest_rest_mock import answers, delays, drops, loses_response

if TYPE_CHECKING:
    from inngest_rest_mock import Effect, MockServer
    from tests.accounting.simulation import Alarm

FAULTS: dict[str, Effect] = {
    "refused": drops(httpx.ConnectError),
    "reset": drops(httpx.ReadError),
    "answer lost": loses_response(),
    "answer late": delays(20),
    "429": answers(429, {"error": "slow down"}),
    "429 for 3 s": answers(429, {"error": "slow down"}, headers={"Retry-After": "3"}),
    "429 for 600 s": answers(429, {"error": "slow down"}, headers={"Retry-After": "600"}),
    "500": answers(500, {"error": "oh"}),
    "503 for 5 s": answers(503, headers={"Retry-After": "5"}),
    "408": answers(408),
    "401": answers(401, {"error": "Event key not found"}),
    "404": answers(404, "404 page not found"),
    "413": answers(413, "too large"),
    "a web page": answers(200, "<!DOCTYPE html>"),
    "too few ids": answers(200, {"ids": [], "status": 200}),
}


class Network(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """What one process has between itself and the server.

    Args:
        mock: The server.
        alarm: Gets a tick before a request reaches the server and before its response is there.

    Attributes:
        is_dead: Whether the process has died: what it still does has no effect.
    """

    def __init__(self, mock: MockServer, alarm: Alarm) -> None:
        self._inner = mock.transport
        self._alarm = alarm
        self.is_dead = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._pass(request)
        response = self._inner.handle_request(request)
        self._pass(request)
        return response

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._pass(request)
        response = await self._inner.handle_async_request(request)
        self._pass(request)
        return response

    def _pass(self, request: httpx.Request) -> None:
        self._alarm.tick()
        if self.is_dead:
            raise httpx.ReadError("the process is dead", request=request)

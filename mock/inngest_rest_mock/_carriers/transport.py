"""The mock as an httpx transport, for blocking and asynchronous clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from inngest_rest_mock._carriers.exchange import Dropped, Outcome, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest_mock._carriers.client_time import ClientTime


class MockTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Serves the mock in process. Hosts are ignored, so one mock serves every base URL.

    Clients of this library that use it sleep in the mock's time (`inngest_time`).
    """

    def __init__(
        self, answer: Callable[[Request], Outcome], inngest_time: ClientTime
    ) -> None:
        self._answer = answer
        self._inngest_time = inngest_time

    @property
    def inngest_time(self) -> ClientTime:
        """The clock for clients: their sleeps advance the mock's clock."""
        return self._inngest_time

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Handle a request of a blocking client."""
        return self._respond(request, request.read())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Handle a request of an asynchronous client."""
        return self._respond(request, await request.aread())

    def _respond(self, request: httpx.Request, body: bytes) -> httpx.Response:
        raw_path, _, query = request.url.raw_path.decode("ascii").partition("?")
        timeout: dict[str, float | None] = request.extensions.get("timeout", {})
        headers = dict(request.headers)
        outcome = self._answer(
            Request(request.method, raw_path, query, headers, body, timeout.get("read"))
        )
        if isinstance(outcome, Dropped):
            raise outcome.error(outcome.message, request=request)
        return httpx.Response(
            outcome.status,
            headers=list(outcome.headers),
            stream=httpx.ByteStream(outcome.body),
            request=request,
        )

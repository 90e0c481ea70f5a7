"""The mock in process, as an httpx transport."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from inngest_rest_mock import MockServer, drops
from tests.mock.functions import EVENING_NS, with_functions


def test_threads_may_share_the_transport() -> None:
    mock = with_functions(MockServer(clock=lambda: EVENING_NS))
    with (
        httpx.Client(transport=mock.transport, base_url="http://mock") as client,
        ThreadPoolExecutor(8) as pool,
    ):
        list(pool.map(lambda _: client.post("/e/k", json={"name": "app/ok"}), range(200)))
    assert len({event.internal_id for event in mock.events}) == len(mock.runs) == 200


def test_async_client_uses_the_same_transport(mock: MockServer) -> None:
    paths = ("/health", "/v1/runs", "/v1/nope", "/v2/runs?limit=x", "/v2/a%2Fb")

    async def ask() -> list[int]:
        async with httpx.AsyncClient(transport=mock.transport, base_url="http://mock") as client:
            answers_ = await asyncio.gather(*(client.get(path) for path in paths))
            mock.fault(drops())
            with pytest.raises(httpx.ConnectError):
                await client.get("/health")
            return [answer.status_code for answer in answers_]

    assert asyncio.run(ask()) == [200, 200, 404, 400, 404]

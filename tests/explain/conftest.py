"""A mock server in the test's time, a client of it, and a recorded server whose runs wait."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from inngest_rest_mock import MockServer
from tests.support.server import body_of, recorded, says

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from tests.conftest import Connect
    from tests.support.clock import Clock
    from tests.support.server import Server


@pytest.fixture
def mock(clock: Clock) -> MockServer:
    return MockServer(clock=clock.nanoseconds)


@pytest.fixture
def client(connect: Connect, mock: MockServer) -> InngestClient:
    return connect(transport=mock.transport)


@pytest.fixture
def of_one_key(server: Server, clock: Clock) -> tuple[str, str]:
    """Return two runs of a key of which one executes at a time: one that waits, and that one."""
    waiting, busy = "01M8J663MDYNDMK1Z1Q71SJERC", "01M8J663JGWFJE6CXQVE9HWRJF"
    clock.advance(datetime(2026, 11, 28, 23, 5, tzinfo=UTC).timestamp() - clock.now())
    leased = body_of("v1-run-jobs-keyed")
    leased["data"][0]["Raw"]["leaseID"] = "01M8J6GQZZZZZZZZZZZZZZZZZZ"  # 23:05:50
    limits = {"concurrency": [{"limit": {"value": 1}, "key": "event.data.customer"}]}
    function = {"id": "keyed", "app": {"id": "xp"}, "configuration": limits}
    server.on(f"GET /v1/runs/{waiting}/jobs", recorded("v1-run-jobs-keyed"))
    server.on(f"GET /v1/runs/{busy}/jobs", says(leased))
    server.on("GET /v2/apps", says({"data": [{"id": "xp"}], "page": {}}))
    server.on("GET /v2/apps/xp/functions", says({"data": [function], "page": {}}))
    return waiting, busy

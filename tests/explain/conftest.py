"""A mock server in the test's time, and a client of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inngest_rest.testing import MockServer

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from tests.conftest import Connect
    from tests.support.clock import Clock


@pytest.fixture
def mock(clock: Clock) -> MockServer:
    return MockServer(clock=clock.nanoseconds)


@pytest.fixture
def client(connect: Connect, mock: MockServer) -> InngestClient:
    return connect(transport=mock.transport)

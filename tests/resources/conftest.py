"""A mock server in the test's time, whose functions last as long as their events say."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient
from inngest_rest_mock import MockServer, completes, fails, sleeps

if TYPE_CHECKING:
    from inngest_rest_mock import Behaviour, MockEvent


def lasting_mock(**settings: Any) -> MockServer:
    """Return a server on which `work` of two apps takes `data.seconds`, and fails if told so."""

    def work(event: MockEvent) -> Behaviour:
        outcome = fails("no") if event.data.get("fails") else completes({"a": 1})
        seconds = event.data.get("seconds", 0)
        return sleeps(timedelta(seconds=seconds), outcome) if seconds else outcome

    mock = MockServer(visibility_delay=0.7, **settings)
    for app in ("shop", "other"):
        mock.function(app, "work", trigger=f"{app}/go", run=work)
    return mock


def start(client: InngestClient, count: int = 1, *, app: str = "shop", **data: Any) -> None:
    client.send_many({"name": f"{app}/go", "data": data} for _ in range(count))


@pytest.fixture
def producer(mock: MockServer) -> InngestClient:
    """Return a client that is not governed by the test's clock, nor by faults of its own."""
    return InngestClient(dev=True, transport=mock.transport)

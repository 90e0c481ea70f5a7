"""A server of two apps, and a client of it when a run of each function has ended."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from inngest_rest import Event
from inngest_rest_mock import MockServer, completes, fails, sleeps

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from inngest_rest_mock import Behaviour, MockEvent
    from tests.conftest import Connect
    from tests.support.clock import Clock

HOUR = timedelta(hours=1)


def lasting_shop(clock: Clock) -> MockServer:
    """Return a server whose functions end an hour after their event, with its error, if any."""

    def work(event: MockEvent) -> Behaviour:
        error = event.data.get("error")
        return sleeps(HOUR, fails(error) if error else completes({"n": event.data.get("n")}))

    mock = MockServer(clock=clock.nanoseconds)
    for app, function in (("shop", "charge"), ("shop", "charge-card"), ("my-shop", "mail")):
        mock.function(app, function, trigger=f"{function}/go", run=work)
    return mock


def client_of_ended_runs(connect: Connect, mock: MockServer, clock: Clock) -> InngestClient:
    """Return a client of a server with a run of each function that ended two hours ago."""
    client = connect(transport=mock.transport)
    data: Any = (
        {"n": 1, "error": "read ECONNRESET"},
        {"n": 2},
        {"customer": "c-2", "error": "declined"},
    )
    for name, each in zip(("charge", "charge-card", "mail"), data, strict=True):
        client.send(Event(f"{name}/go", each))
    clock.advance(3 * HOUR.total_seconds())
    return client

"""The route that a diagnosis names for a call is the one that answers it."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient, InngestError
from inngest_rest.call_row import EVENT_ID, RUN_ID
from inngest_rest_api.api import NEWEST_RECORDED, OPERATIONS
from inngest_rest_mock import MockServer, completes, sleeps, waits_for
from tests.support.calls import ROUTES
from tests.support.calls import call as make

if TYPE_CHECKING:
    from inngest_rest.diagnosis import CallRoute

RELEASES = ["1.30.0", "1.38.0", "1.39.0", f"{NEWEST_RECORDED}.0"]

NAMES = {f"{each.method} {each.path}": each.name for each in OPERATIONS}

EVENT = {"name": "app/order", "data": {}}


CALLS = ROUTES.keys() - {"health"}

CLOUD_ONLY = {
    call
    for call, found in ROUTES.items()
    if all(it.cloud_only for it in found) or call.startswith("cancellations.")
}


def shop(release: str) -> MockServer:
    """Return a server with a run that has completed and one that waits for a signal."""
    mock = MockServer(release=release)
    mock.function("shop", "charge", trigger="app/order", run=completes())
    mock.function("shop", "ship", trigger="app/order", run=sleeps(timedelta(days=1)))
    mock.function("shop", "approve", trigger="app/held", run=waits_for("order-1001-approved"))
    with InngestClient(dev=True, transport=mock.transport) as client:
        client.send([EVENT, {"name": "app/held", "data": {}}])
    return mock


def ask(client: InngestClient, call: str, mock: MockServer) -> None:
    """Make a call with its example, about what is in the shop."""
    done, is_open, _ = mock.runs
    others: dict[str, dict[str, Any]] = {
        "runs.list": {"since": None},
        "runs.watch": {"timeout": 1},
        "apps.sync": {"url": "http://127.0.0.1:9/"},  # where nothing listens
        "cancellations.create": {"function": "shop-charge", "started_before": mock.now},
    }
    run = is_open if call == "runs.cancel" else done
    instead = {RUN_ID: run.id, EVENT_ID: mock.events[0].internal_id}
    make(client, call, instead, **others.get(call, {}))


@cache
def routes(release: str) -> dict[str, CallRoute]:
    mock = MockServer(release=release)
    with InngestClient(dev=True, transport=mock.transport) as client:
        return {each.call: each for each in client.diagnose().calls}


def test_the_diagnosis_names_the_route_of_each_call_that_has_one() -> None:
    assert set(routes(f"{NEWEST_RECORDED}.0")) == CALLS


@pytest.mark.parametrize("release", RELEASES)
def test_the_route_is_the_one_that_answers(release: str, subtests: pytest.Subtests) -> None:
    for call in sorted(CALLS):
        with subtests.test(call):
            assert_the_route_answers(call, release)


def assert_the_route_answers(call: str, release: str) -> None:
    mock = shop(release)
    route = routes(release)[call]
    before = len(mock.requests)
    failure: Any = None
    with InngestClient(dev=True, transport=mock.transport, retries=0) as client:
        try:
            ask(client, call, mock)
        except InngestError as error:
            failure = error
    asked = [each.operation for each in mock.requests[before:] if each.operation is not None]
    if route.is_available:
        assert asked[:1] == [NAMES[route.route or ""]]
    else:
        assert route.is_available is False
        # The app itself is asked to register instead.
        assert failure is not None or call == "apps.sync"
        if call in CLOUD_ONLY:
            assert route.since is None
        else:
            assert asked == []
            assert route.since
            assert routes(route.since)[call].is_available

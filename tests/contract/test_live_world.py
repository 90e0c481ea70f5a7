"""What the live world and the fuzz need of a server may change without losing their verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inngest_rest import InngestClient
from inngest_rest_mock import answers
from tests.contract.fuzzing import prepare
from tests.contract.live_routes import routes_of
from tests.contract.live_world import Server, _cancel_what_is_left
from tests.contract.mock_world import make_mock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest_mock import MockServer


@pytest.fixture
def mock() -> MockServer:
    return make_mock("app", visibility_delay=0)


@pytest.fixture
def server(mock: MockServer) -> Iterator[Server]:
    with mock.serve() as url:
        yield Server(url, None, None, routes_of("1.43"))


@pytest.mark.parametrize("status", [404, 409, 418, 422, 500])
def test_a_refused_cancellation_leaves_the_verdict(
    mock: MockServer, server: Server, status: int
) -> None:
    with server.connect(retries=0) as client:
        client.send({"name": "app/sleeps"})
        mock.fault(answers(status), operation="cancel_run_v2", times=None)
        mock.fault(answers(status), operation="cancel_run_v1", times=None)
        _cancel_what_is_left(server, client, "app")
    assert any("cancel" in str(each.operation) for each in mock.requests)


def test_what_sleeps_is_cancelled(mock: MockServer, server: Server) -> None:
    with server.connect() as client:
        client.send([{"name": "app/sleeps"}, {"name": "app/naps"}])
        _cancel_what_is_left(server, client, "app")
    assert "cancelled" in [str(run.status).lower() for run in mock.runs]


def test_the_fuzz_is_prepared_though_the_release_refuses_what_it_asks() -> None:
    mock = make_mock("app", cloud=True)
    mock.fault(answers(400), operation="list_event_runs_v2", times=None)
    mock.fault(answers(422), operation="create_webhook_v2", times=None)
    with InngestClient(dev=True, transport=mock.transport, retries=0) as client:
        words = prepare(client, "app")
    assert len(words["runs"]) == len(words["events"])

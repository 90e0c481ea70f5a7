"""What is said of the routes of a release, and of those that one has dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from inngest_rest import InngestClient, RouteNotFoundError
from inngest_rest._core.resources.routes import ROUTES
from inngest_rest.diagnosis import CallRoute
from inngest_rest.diagnosis import _server as server
from inngest_rest.diagnosis._server import Routes, call_routes
from inngest_rest.findings import Severity
from inngest_rest_api.api.v1 import list_run_jobs_v1
from inngest_rest_mock import MockServer, completes
from inngest_rest_mock._api import releases
from inngest_rest_tools.form import form_of
from tests.support.settings import settings_of

if TYPE_CHECKING:
    from inngest_rest.diagnosis import Diagnosis

DROPPED = "1.44.0"


@pytest.fixture(autouse=True)
def _jobs_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the document say that a release no longer has the jobs of a run."""
    dropped = list_run_jobs_v1.OPERATION._replace(until=DROPPED)
    monkeypatch.setattr(list_run_jobs_v1, "OPERATION", dropped)
    for table in (ROUTES, server.OPERATIONS_BY_CALL):
        monkeypatch.setitem(cast("dict[str, object]", table), "runs.jobs", (dropped,))
    monkeypatch.setitem(releases.OPERATIONS, dropped.name, dropped)


def mock_of(release: str) -> MockServer:
    mock = MockServer(release=release)
    mock.function("shop", "charge", trigger="app/order", run=completes())
    with InngestClient(dev=True, transport=mock.transport) as client:
        client.send({"name": "app/order", "data": {}})
    return mock


def diagnosis_of(release: str) -> Diagnosis:
    with InngestClient(dev=True, transport=MockServer(release=release).transport) as client:
        return client.diagnose()


def test_the_mock_has_a_dropped_route_before_the_release_that_drops_it() -> None:
    mock = mock_of("1.43.9")
    with InngestClient(dev=True, transport=mock.transport) as client:
        assert list(client.runs.jobs(mock.runs[0].id)) == []


def test_the_error_of_a_dropped_route_says_since_when_and_until_when_servers_have_it() -> None:
    mock = mock_of("1.44")
    with (
        InngestClient(dev=True, transport=mock.transport) as client,
        pytest.raises(RouteNotFoundError) as caught,
    ):
        client.runs.jobs(mock.runs[0].id)
    assert (
        "Servers have GET /v1/runs/{run_id}/jobs since release 1.30.0, until release 1.44.0, "
        "which no longer has it."
    ) in str(caught.value)


@pytest.mark.parametrize(
    ("release", "is_available"), [("1.43.2", True), ("1.44.0", False), (None, None)]
)
def test_a_dropped_route_is_there_only_in_releases_before(
    release: str | None, is_available: bool | None
) -> None:
    found = {each.call: each for each in call_routes(settings_of(), Routes(release=release))}
    assert found["runs.jobs"].is_available is is_available
    assert (found["runs.jobs"].since, found["runs.jobs"].until) == ("1.30.0", DROPPED)


def test_a_diagnosis_names_the_calls_that_the_server_no_longer_has() -> None:
    diagnosis = diagnosis_of("1.44")
    found = [each for each in diagnosis.findings if each.kind == "routes"]
    assert found[0].severity is Severity.OK
    assert "no route for runs.jobs (from release 1.30.0 until 1.44.0)" in found[0].message


def test_the_table_of_calls_shows_the_release_that_drops_a_route() -> None:
    call = next(each for each in diagnosis_of("1.43").calls if each.call == "runs.jobs")
    shown = {each.heading: each.value(call) for each in form_of(CallRoute).columns}
    assert shown["SINCE"] == "1.30.0 until 1.44.0"


@pytest.mark.parametrize(
    ("release", "call", "is_available", "family"),
    [
        (None, "runs.list", None, "v2"),
        (None, "send", True, "ingest"),
        (None, "webhooks.list", None, "v2"),
        (None, "insights.query", None, "v2"),
        ("1.38.0", "runs.list", True, "v2"),
        ("1.38.0", "runs.cancel", True, "v1"),
        ("1.38.0", "apps.list", False, None),
        ("1.29.0", "runs.replay", False, None),
    ],
)
def test_what_is_known_of_a_release_is_what_is_said_of_its_routes(
    release: str | None, call: str, is_available: bool | None, family: str | None
) -> None:
    found = call_routes(settings_of(dev=True), Routes(release=release))
    (route,) = (each for each in found if each.call == call)
    assert (route.is_available, route.family) == (is_available, family)

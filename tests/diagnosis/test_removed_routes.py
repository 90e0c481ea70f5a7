"""What is said of the routes of a release, and of those that one has dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from inngest_rest import InngestClient, RouteNotFoundError
from inngest_rest._core.resources.routes import ROUTES
from inngest_rest.diagnosis import CallRoute
from inngest_rest.diagnosis import _server as server
from inngest_rest.diagnosis._server import Releases, call_routes
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
        "Servers have GET /v1/runs/{run_id}/jobs since release 1.17.0, until release 1.44.0, "
        "which no longer has it."
    ) in str(caught.value)


@pytest.mark.parametrize(
    ("first", "below", "is_available"),
    [
        ("1.43.2", "1.43.2", True),
        ("1.44.0", "1.44.0", False),
        ("1.45.0", None, False),
        ("1.42.0", "1.44.0", True),
        ("1.42.0", "1.45.0", None),
        ("1.42.0", None, None),
        (None, "1.43.0", None),
    ],
)
def test_a_dropped_route_is_there_only_in_releases_that_are_all_before(
    first: str | None, below: str | None, is_available: bool | None
) -> None:
    found = {each.call: each for each in call_routes(settings_of(), Releases(first, below))}
    assert found["runs.jobs"].is_available is is_available
    assert (found["runs.jobs"].since, found["runs.jobs"].until) == ("1.17.0", DROPPED)


def test_a_diagnosis_names_the_calls_that_the_server_no_longer_has() -> None:
    diagnosis = diagnosis_of("1.44")
    found = [each for each in diagnosis.findings if each.kind == "routes"]
    assert found[0].severity is Severity.WARNING
    assert found[0].message == (
        "the server no longer has a route for runs.jobs (until release 1.44.0)"
    )


def test_a_server_older_than_a_route_is_told_to_be_too_old() -> None:
    found = [each for each in diagnosis_of("1.25").findings if each.kind == "routes"]
    assert "too old for" in found[0].message
    assert "runs.list (since 1.38.0)" in found[0].message


def test_the_table_of_calls_shows_the_release_that_drops_a_route() -> None:
    call = next(each for each in diagnosis_of("1.43").calls if each.call == "runs.jobs")
    shown = {each.heading: each.value(call) for each in form_of(CallRoute).columns}
    assert shown["SINCE"] == "1.17.0 until 1.44.0"


@pytest.mark.parametrize(
    ("releases", "call", "is_available", "family"),
    [
        (Releases(), "runs.list", None, "v2"),
        (Releases(), "send", True, "ingest"),
        (Releases(), "webhooks.list", None, "v1"),
        (Releases(), "insights.query", None, "v2"),
        (Releases("1.38.0", "1.40.0"), "runs.list", True, "v2"),
        (Releases("1.38.0", "1.40.0"), "runs.cancel", True, "v1"),
        (Releases("1.38.0", "1.40.0"), "apps.list", False, None),
        (Releases("1.27.1", "1.38.0"), "runs.replay", None, "v2"),
    ],
)
def test_what_is_known_of_a_release_is_what_is_said_of_its_routes(
    releases: Releases, call: str, is_available: bool | None, family: str | None
) -> None:
    settings = settings_of(dev=True)
    (route,) = (each for each in call_routes(settings, releases) if each.call == call)
    assert (route.is_available, route.family) == (is_available, family)

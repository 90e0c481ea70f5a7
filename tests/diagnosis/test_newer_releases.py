"""Of a server newer than any that is described, a diagnosis claims only what the server shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest import InngestClient
from inngest_rest.diagnosis._server import NEWEST_RELEASE_DESCRIBED
from inngest_rest.findings import Severity
from inngest_rest_api.api import NEWEST_RECORDED
from inngest_rest_api.api.v1 import list_run_jobs_v1
from inngest_rest_api.api.v2 import get_run_trace_v2
from inngest_rest_mock import MockServer
from inngest_rest_mock._api import releases

if TYPE_CHECKING:
    import pytest

    from inngest_rest.diagnosis import Diagnosis
    from inngest_rest.findings import Finding

NEWER = "1.99.0"


def diagnosis_of(mock: MockServer) -> Diagnosis:
    with InngestClient(dev=True, transport=mock.transport) as client:
        return client.diagnose()


def of(diagnosis: Diagnosis, check: str) -> list[Finding]:
    return [each for each in diagnosis.findings if each.kind == check]


def test_a_release_newer_than_any_that_is_described_is_warned_of() -> None:
    (found,) = of(diagnosis_of(MockServer(release=NEWER)), "release")
    assert found.severity is Severity.WARNING
    assert f"{NEWER} is newer than {NEWEST_RELEASE_DESCRIBED}" in found.message


def test_a_release_that_was_only_read_is_not_warned_of() -> None:
    mock = MockServer()
    (found,) = of(diagnosis_of(mock), "release")
    assert (found.severity, found.message) == (Severity.OK, f"release {NEWEST_RELEASE_DESCRIBED}")
    assert len(mock.requests) == 4


def test_of_a_newer_release_only_what_it_lists_or_answers_is_available() -> None:
    mock = MockServer(release=NEWER)
    calls = {each.call: each.is_available for each in diagnosis_of(mock).calls}
    assert calls["runs.cancel"] is True, "listed"
    assert calls["runs.jobs"] is True, "answered"
    assert calls["runs.score"] is None, "neither: it acts, and is not listed"
    assert {each.method for each in mock.requests} == {"GET"}
    assert len(mock.requests) <= 5 + 20


def test_a_route_that_a_newer_release_dropped_is_named_without_help_of_the_document(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dropped = list_run_jobs_v1.OPERATION._replace(until=NEWER)
    monkeypatch.setitem(releases.OPERATIONS, dropped.name, dropped)
    diagnosis = diagnosis_of(MockServer(release=NEWER))
    calls = {each.call: each.is_available for each in diagnosis.calls}
    assert calls["runs.jobs"] is False
    gone, unknown = of(diagnosis, "routes")
    assert gone.severity is Severity.WARNING
    assert gone.message == "the server no longer has a route for runs.jobs"
    assert unknown.severity is Severity.UNKNOWN
    assert "runs.score" in unknown.message


def test_a_list_that_lacks_what_the_release_should_have_is_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dropped = get_run_trace_v2.OPERATION._replace(until=f"{NEWEST_RECORDED}.0")
    monkeypatch.setitem(releases.OPERATIONS, dropped.name, dropped)
    diagnosis = diagnosis_of(MockServer(release=NEWEST_RECORDED))
    calls = {each.call: each.is_available for each in diagnosis.calls}
    assert (calls["runs.trace"], calls["runs.jobs"], calls["runs.score"]) == (False, True, None)
    assert "runs.trace" in of(diagnosis, "routes")[0].message

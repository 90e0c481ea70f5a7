"""What a server has is found by its release or by asking, and decides which cases are absent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import InngestError
from inngest_rest_api.api import NEWEST_RECORDED
from inngest_rest_mock import MockServer

from .live_report import Cases, Report
from .live_routes import Routes, find_routes, is_absent, routes_of
from .live_world import find_server
from .world import ABSENT, Step

if TYPE_CHECKING:
    from pathlib import Path

RELEASES = ("1.30.0", "1.33.0", "1.38.1", f"{NEWEST_RECORDED}.0")
KEY = "signkey-prod-" + "ab" * 32


def found_at(mock: MockServer) -> Routes:
    headers = {"Authorization": f"Bearer {KEY}"}
    with httpx.Client(transport=mock.transport, base_url="http://test", headers=headers) as http:
        return find_routes(http)


def stating(version: str) -> httpx.MockTransport:
    """Return a dev server that answers nothing but its version."""

    def answer(request: httpx.Request) -> httpx.Response:
        is_dev = request.url.path == "/dev"
        return httpx.Response(200, json={"version": version} if is_dev else {"data": None})

    return httpx.MockTransport(answer)


@pytest.mark.parametrize("release", RELEASES)
def test_release_decides_what_a_server_lacks(release: str) -> None:
    with httpx.Client(transport=stating(f"{release}-abc"), base_url="http://test") as http:
        routes = find_routes(http)
    assert routes == routes_of(release)
    assert ("cancelRunV2" in routes.lacks) == (release != f"{NEWEST_RECORDED}.0")


@pytest.mark.parametrize(
    ("answer", "is_it"),
    [
        (httpx.Response(200, json={"data": []}), False),
        (httpx.Response(200, text='{"data": []}'), False),
        (httpx.Response(404, text="404 page not found\n"), True),
        (httpx.Response(404, json={"errors": [{"code": "api_error"}]}), True),
        (httpx.Response(404, json={"errors": [{"code": "not_found"}]}), False),
        (httpx.Response(404, json={"error": "no such run", "status": 404}), False),
        (httpx.Response(404, json=[]), True),
        (httpx.Response(405), True),
        (httpx.Response(501, json={"errors": [{"code": "not_implemented"}]}), True),
        (httpx.Response(400, json={"errors": [{"code": "invalid"}]}), False),
        (httpx.Response(401, text="Authentication failed"), False),
    ],
)
def test_absent_route_is_known_by_its_answer(answer: httpx.Response, is_it: bool) -> None:
    assert is_absent(answer) is is_it


def test_malformed_body_decides_nothing_and_proves_a_route() -> None:
    mock = MockServer()
    routes = found_at(mock)
    assert "addRunMetadataV1" not in routes.lacks
    assert [each for each in mock.requests if each.method == "POST" and each.body != b"{"] == []


def test_present_operations_are_those_of_the_documented_paths() -> None:
    assert "getRunV2" in routes_of(f"{NEWEST_RECORDED}.0").present()
    assert "listRunsV2" not in routes_of("1.30.0").present()


def test_server_without_keys_needs_none_and_ignores_those_given() -> None:
    with MockServer().serve() as url:
        server = find_server(url, "event-key", KEY)
    assert (server.event_key, server.signing_key) == (None, None)


def test_first_signing_key_that_is_accepted_is_used() -> None:
    wrong = "signkey-prod-" + "cd" * 32
    with MockServer(event_keys=["event-key"], signing_key=KEY).serve() as url:
        assert find_server(url, "event-key", wrong, KEY).signing_key == KEY
        assert find_server(url, "event-key", KEY, None).signing_key == KEY
        for keys in [(None, KEY), ("event-key",), ("event-key", wrong)]:
            with pytest.raises(InngestError, match="key") as caught:
                find_server(url, *keys)
            assert wrong not in str(caught.value)


def phase(outcome: str, reason: Any = None, *, when: str = "call") -> pytest.TestReport:
    longrepr = ("world.py", 1, f"Skipped: {reason}") if outcome == "skipped" else reason
    where = ("cases.py", 1, "test")
    return pytest.TestReport("test", where, {}, outcome, longrepr, when)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("phases", "outcome", "reason"),
    [
        ([phase("passed"), phase("passed", when="teardown")], "passed", ""),
        ([phase("skipped", f"{ABSENT}it came later")], "absent", f"{ABSENT}it came later"),
        ([phase("skipped", "no such step")], "skipped", "no such step"),
        ([phase("failed", "first\nsecond")], "failed", "first"),
        ([phase("passed"), phase("failed", "not as documented")], "failed", "not as documented"),
        ([phase("failed", "first"), phase("failed", "second")], "failed", "first"),
        ([phase("skipped", f"{ABSENT}x"), phase("failed", "leak")], "failed", "leak"),
    ],
)
def test_worst_phase_decides_what_came_of_a_case(
    phases: list[pytest.TestReport], outcome: str, reason: str, tmp_path: Path
) -> None:
    cases = Cases(routes_of("1.33.0"))
    for each in phases:
        cases.note(each, None)
    cases.report().write(tmp_path / "report")
    found = Report.read(tmp_path / "report")
    assert found == cases.report()
    assert [(case.outcome, case.reason) for case in found.cases] == [(outcome, reason)]


class Asking:
    """A world in which a case sent some requests."""

    trail = (Step("getRunV1", True), Step("getRunV2", False), Step("getRunV1", False))
    differences = frozenset({"GET /v1/runs/{runId} has another form"})


def test_operations_of_a_case_are_noted() -> None:
    cases = Cases(routes_of("1.33.0"))
    cases.note(phase("passed"), Asking())  # type: ignore[arg-type]
    (case,) = cases.report().cases
    assert (case.asked, case.last) == (("getRunV1", "getRunV2"), "getRunV1")
    assert case.succeeded == ("getRunV1",)
    assert cases.report().differences == tuple(Asking.differences)

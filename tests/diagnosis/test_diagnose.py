"""A diagnosis says what answers, which key is wrong and what to do, and shows no key."""

from __future__ import annotations

import re
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import ClosedError, NotFoundError
from inngest_rest.diagnosis import Diagnosis, ServerKind
from inngest_rest.diagnosis._server import NEWEST_RELEASE_DESCRIBED
from inngest_rest.findings import Finding, Severity
from inngest_rest_api.api import NEWEST_RECORDED
from inngest_rest_mock import MockServer, answers, drops
from tests.support.clock import STARTED
from tests.support.server import WEB_UI, Reply, recorded, says, text

if TYPE_CHECKING:
    from tests.conftest import Connect
    from tests.support.server import Server

KEY, OTHER_KEY = "signkey-test-0123456789abcdef", "signkey-test-fedcba9876543210"
EVENT_KEY, API_KEY = "an-event-key-0123", "sk-inn-api-0123456789"

OK, WARNING = Severity.OK, Severity.WARNING
BROKEN, UNKNOWN = Severity.BROKEN, Severity.UNKNOWN


def dev(**kwargs: Any) -> MockServer:
    """Return a server without keys, of a release that this package was tested with."""
    return MockServer(release=NEWEST_RECORDED, **kwargs)


def self_hosted(release: str = NEWEST_RECORDED, **kwargs: Any) -> MockServer:
    return MockServer(release=release, event_keys=[EVENT_KEY], signing_key=KEY, **kwargs)


def of(diagnosis: Diagnosis, check: str) -> Finding:
    """Return the last finding about something."""
    return [each for each in diagnosis.findings if each.kind == check][-1]


def diagnose(connect: Connect, mock: MockServer, **kwargs: Any) -> Diagnosis:
    """Diagnose a server that is not said to be a dev server, and check what holds for each."""
    settings = {"dev": False, "base_url": "https://inngest.test", **kwargs}
    diagnosis = connect(transport=mock.transport, **settings).diagnose()
    for finding in diagnosis.findings:
        assert (finding.remedy is None) is (finding.severity is OK), finding
        assert finding.message
    shown = f"{diagnosis}{diagnosis!r}{diagnosis.to_json()}"
    for key in (KEY, OTHER_KEY, EVENT_KEY, API_KEY):
        assert key not in shown
        assert key.rpartition("-")[2] not in shown
    assert {each.method for each in mock.requests} <= {"GET"}
    return diagnosis


def test_a_dev_server_states_its_release_and_needs_no_keys(connect: Connect) -> None:
    mock = dev()
    diagnosis = diagnose(connect, mock, dev=True, base_url=None)
    assert (diagnosis.server_kind, diagnosis.release) == (ServerKind.DEV, f"{NEWEST_RECORDED}.0")
    assert {each.severity for each in diagnosis.findings if each.kind != "clock"} == {OK}
    assert diagnosis.is_ok
    assert len(mock.requests) == 3


def test_a_dev_server_checks_no_key_that_is_set(connect: Connect) -> None:
    diagnosis = diagnose(
        connect, MockServer(), dev=True, event_key=EVENT_KEY, signing_key=KEY, api_key=API_KEY
    )
    assert of(diagnosis, "event_key").message == "set; a dev server takes any"
    for check in ("signing_key", "api_key"):
        assert of(diagnosis, check).severity is OK
        assert of(diagnosis, check).message.endswith("is set; a dev server checks none")


def test_a_self_hosted_server_states_no_release_and_lists_its_operations(
    connect: Connect,
) -> None:
    mock = self_hosted()
    diagnosis = diagnose(connect, mock, event_key=EVENT_KEY, signing_key=KEY)
    assert (diagnosis.server_kind, diagnosis.release) == (ServerKind.SELF_HOSTED, None)
    assert of(diagnosis, "release").severity is UNKNOWN
    routes = of(diagnosis, "routes")
    assert (routes.severity, "it lists" in routes.message) == (OK, True)
    calls = {each.call: each.is_available for each in diagnosis.calls}
    assert calls["runs.cancel"] is True, "listed"
    assert calls["runs.jobs"] is None, "of v1, which it does not list"
    assert calls["webhooks.list"] is False, "of Inngest Cloud alone"
    assert of(diagnosis, "signing_key").severity is OK
    assert of(diagnosis, "event_key").severity is UNKNOWN
    assert not mock.events


def test_the_calls_without_a_route_are_named_with_the_release_that_has_them_and_are_no_warning(
    connect: Connect,
) -> None:
    routes = of(diagnose(connect, MockServer(release="1.33"), dev=True), "routes")
    assert routes.severity is OK
    assert "no route for " in routes.message
    assert "runs.list (since release 1.38.0)" in routes.message
    assert "webhooks" not in routes.message
    assert "cancellations" not in routes.message


def test_of_a_release_newer_than_any_described_only_what_it_lists_is_available(
    connect: Connect,
) -> None:
    mock = MockServer(release="1.99")
    diagnosis = diagnose(connect, mock, dev=True)
    release = of(diagnosis, "release")
    assert release.severity is WARNING
    assert f"1.99.0 is newer than {NEWEST_RELEASE_DESCRIBED}" in release.message
    assert of(diagnosis, "routes").message == "no route is known to be gone"
    calls = {each.call: each.is_available for each in diagnosis.calls}
    assert (calls["runs.cancel"], calls["runs.score"], calls["runs.jobs"]) == (True, None, None)
    assert len(mock.requests) == 3


def test_a_wrong_signing_key_is_a_problem(connect: Connect) -> None:
    diagnosis = diagnose(connect, self_hosted(), signing_key=OTHER_KEY)
    assert [each.kind for each in diagnosis.broken] == ["signing_key"]
    assert diagnosis.server_kind is ServerKind.SELF_HOSTED
    assert of(diagnosis, "routes").severity is OK, "what it lists needs no key"


@pytest.mark.parametrize("release", ["1.30", "1.40"])
def test_the_release_of_a_server_that_lists_no_operations_is_unknown(
    release: str, connect: Connect
) -> None:
    mock = self_hosted(release=release)
    diagnosis = diagnose(connect, mock, signing_key=KEY)
    for check in ("release", "routes"):
        assert of(diagnosis, check).severity is UNKNOWN
    assert of(diagnosis, "signing_key").severity is OK
    calls = {each.call: each for each in diagnosis.calls}
    assert (calls["runs.list"].is_available, calls["runs.list"].since) == (None, "1.38.0")
    asked = [each.path for each in mock.requests]
    assert asked == ["/health", "/dev", "/v1/events", "/v2/operations"]


def test_each_signing_key_is_tried_by_itself(connect: Connect) -> None:
    diagnosis = diagnose(
        connect, self_hosted(), signing_key=OTHER_KEY, signing_key_fallback=KEY, api_key=API_KEY
    )
    states = [
        (each.kind, each.severity)
        for each in diagnosis.findings
        if each.kind in {"signing_key", "api_key"}
    ]
    assert states == [
        ("signing_key", WARNING),
        ("signing_key", OK),
        ("api_key", WARNING),
    ]
    assert "signing_key_fallback is accepted" in of(diagnosis, "signing_key").message


def test_missing_keys_are_named(connect: Connect) -> None:
    diagnosis = diagnose(connect, self_hosted())
    assert of(diagnosis, "signing_key").severity is BROKEN
    assert of(diagnosis, "event_key").severity is WARNING
    assert "INNGEST_SIGNING_KEY" in (of(diagnosis, "signing_key").remedy or "")


def test_an_api_key_alone_rules_out_what_v1_alone_has(connect: Connect) -> None:
    diagnosis = diagnose(connect, self_hosted(), api_key=API_KEY)
    signing_key = of(diagnosis, "signing_key")
    assert signing_key.severity is WARNING
    assert "events.list" in signing_key.message
    assert "runs.list" not in signing_key.message
    assert of(diagnosis, "api_key").severity is BROKEN


def test_no_key_is_in_a_diagnosis_even_if_the_server_quotes_it(
    connect: Connect, server: Server
) -> None:
    def quote(request: httpx.Request) -> Reply:
        return text(500, f"no use for {request.headers.get('authorization')}")

    server.on("GET /health", recorded("health"))
    for path in ("/v1/events", "/v2/health", "/dev"):
        server.on(f"GET {path}", quote if path != "/dev" else text(404, "not found"))
    keys = {"event_key": EVENT_KEY, "signing_key": KEY, "api_key": API_KEY}
    diagnosis = connect(dev=False, base_url="https://inngest.test", **keys).diagnose()
    tried = [each for each in diagnosis.findings if "trying it failed" in each.message]
    assert len(tried) == 2
    assert all("no use for Bearer ***" in each.message for each in tried)
    sent = [it for each in server.requests if (it := each.headers.get("authorization"))]
    assert len(set(sent)) == 2
    shown = f"{diagnosis}{diagnosis!r}{diagnosis.to_json()}"
    for secret in (*keys.values(), *(each.removeprefix("Bearer ") for each in sent)):
        assert secret not in shown


@pytest.mark.parametrize(
    ("settings", "check"),
    [
        ({"event_key": KEY}, "event_key"),
        ({"event_key": API_KEY}, "event_key"),
        ({"api_key": KEY, "signing_key": KEY}, "api_key"),
    ],
)
def test_a_key_of_another_kind_is_a_problem(
    settings: dict[str, str], check: str, connect: Connect
) -> None:
    assert of(diagnose(connect, self_hosted(), **settings), check).severity is BROKEN


def test_a_dev_server_that_is_not_said_to_be_one_is_a_warning(connect: Connect) -> None:
    mode = of(diagnose(connect, MockServer()), "mode")
    assert mode.severity is WARNING
    assert "INNGEST_DEV=https://inngest.test" in (mode.remedy or "")


def test_a_server_with_keys_that_is_said_to_be_a_dev_server_is_a_warning(connect: Connect) -> None:
    diagnosis = diagnose(connect, self_hosted(), dev=True)
    assert of(diagnosis, "mode").severity is WARNING
    assert of(diagnosis, "event_key").severity is WARNING
    assert of(diagnosis, "signing_key").severity is BROKEN


def test_keys_that_are_withheld_from_plain_http_are_named(connect: Connect) -> None:
    settings = {"dev": "http://inngest.test:8288", "base_url": None}
    diagnosis = diagnose(connect, self_hosted(), event_key=EVENT_KEY, signing_key=KEY, **settings)
    for check in ("event_key", "signing_key"):
        assert of(diagnosis, check).severity is WARNING
        assert "INNGEST_ALLOW_HTTP" in (of(diagnosis, check).remedy or "")


@pytest.mark.parametrize(
    ("prefix", "env", "state"),
    [
        ("signkey-branch-", "feature", OK),
        ("signkey-branch-", None, BROKEN),
        ("signkey-prod-", None, OK),
        ("signkey-prod-", "feature", WARNING),
        ("signkey-test-", "feature", WARNING),
        ("", None, OK),
        ("", "feature", UNKNOWN),
        ("signkey-aSecretWord-", "feature", UNKNOWN),
    ],
)
def test_signing_key_and_environment_of_cloud_agree(
    prefix: str, env: str | None, state: Severity, connect: Connect
) -> None:
    settings = {"base_url": None, "signing_key": f"{prefix}0123456789abcdef", "env": env}
    diagnosis = diagnose(connect, self_hosted(), **settings)
    assert diagnosis.server_kind is ServerKind.CLOUD
    assert of(diagnosis, "environment").severity is state
    assert "aSecretWord" not in str(diagnosis)


def test_an_api_key_of_cloud_shows_the_permissions_that_were_seen_alone(connect: Connect) -> None:
    mock = MockServer()
    settings: dict[str, Any] = {"base_url": None, "api_key": API_KEY}
    found = of(diagnose(connect, mock, **settings), "api_key")
    assert (found.severity, found.message.partition("; ")[2]) == (
        OK,
        "it has runs:read:list, apps:read:list",
    )
    event_key = of(diagnose(connect, mock, **settings), "event_key")
    assert (event_key.severity, "by the API key" in event_key.message) == (OK, True)
    mock.fault(answers(500), path="/v2/runs", times=None)
    mock.fault(answers(403), path="/v2/apps", times=None)
    found = of(diagnose(connect, mock, **settings), "api_key")
    assert (found.severity, found.message.partition("; ")[2]) == (
        WARNING,
        "it lacks apps:read:list",
    )


def test_a_key_that_lacks_a_permission_is_no_wrong_key(connect: Connect) -> None:
    mock = MockServer()
    refusal = {"errors": [{"code": "insufficient_scope", "message": "no"}]}
    mock.fault(answers(403, refusal), path="/v2/*", times=None)
    found = of(diagnose(connect, mock, base_url=None, api_key=API_KEY), "api_key")
    assert (found.severity, "denied a read" in found.message) == (WARNING, True)
    assert "permission" in (found.remedy or "")


def test_keys_of_two_environments_are_a_warning(connect: Connect) -> None:
    keys = {"signing_key": KEY, "signing_key_fallback": "signkey-prod-aa"}
    diagnosis = diagnose(connect, self_hosted(), base_url=None, **keys)
    assert of(diagnosis, "environment").severity is WARNING


def test_an_environment_is_a_warning_where_there_are_none(connect: Connect) -> None:
    diagnosis = diagnose(connect, MockServer(), env="feature", dev=True)
    assert of(diagnosis, "environment").severity is WARNING


def test_both_hosts_of_cloud_are_looked_at(connect: Connect, server: Server) -> None:
    server.on("GET /health", recorded("health"))
    date = formatdate(STARTED + 60, usegmt=True)  # the other host states no time
    server.on("GET /v1/events", says({"error": "Unauthorized"}, status=401, date=date))
    diagnosis = connect(dev=False, signing_key=KEY).diagnose()
    assert diagnosis.clock_skew_s == 60.5
    assert [each.url.host for each in server.requests[:2]] == ["inn.gs", "api.inngest.com"]
    assert of(diagnosis, "server").severity is OK
    assert [each.kind for each in diagnosis.broken] == ["signing_key"]


@pytest.mark.parametrize(
    ("reply", "check", "words"),
    [
        (httpx.ConnectError("refused"), "connection", "refused"),
        (httpx.ReadTimeout("slow"), "connection", "no response"),
        (WEB_UI, "server", "a web page"),
        (says({"hello": "world"}), "server", "not as documented"),
        (text(404, "404 page not found"), "server", "404"),
        (text(401, "who are you?"), "server", "401"),
        (text(503, "overloaded"), "server", "503"),
        (Reply(200), "server", "not Inngest"),
    ],
)
def test_what_is_not_inngest_is_a_problem_and_no_exception(
    reply: Any, check: str, words: str, connect: Connect, server: Server
) -> None:
    server.on("GET /health", reply)
    diagnosis = connect(event_key=EVENT_KEY, signing_key=KEY).diagnose()
    (problem,) = diagnosis.broken
    assert (problem.kind, problem.severity) == (check, BROKEN)
    assert words in problem.message
    assert problem.remedy
    assert diagnosis.calls == ()
    assert len(server.requests) == 1


@pytest.mark.parametrize("effect", [drops(), answers(500), answers(429), answers(200, b"<html>")])
@pytest.mark.parametrize("path", ["/dev", "/v1/events", "/v2/operations"])
def test_a_probe_that_fails_is_no_exception(effect: Any, path: str, connect: Connect) -> None:
    mock = self_hosted(release="1.39")
    fault = mock.fault(effect, path=path, times=None)
    diagnosis = diagnose(connect, mock, signing_key=KEY)
    assert fault.hits
    assert diagnosis.server_kind is ServerKind.SELF_HOSTED
    assert not diagnosis.broken


def test_a_dev_server_that_was_built_without_a_release_is_known_by_what_it_lists(
    connect: Connect,
) -> None:
    mock = MockServer(release="1.43")
    mock.fault(answers(200, b'{"version": "dev-"}'), path="/dev")
    diagnosis = diagnose(connect, mock, dev=True)
    assert (diagnosis.server_kind, diagnosis.release) == (ServerKind.DEV, None)
    calls = {each.call: each.is_available for each in diagnosis.calls}
    assert (calls["runs.cancel"], calls["runs.score"]) == (True, None)


@pytest.mark.parametrize(
    ("ahead", "state"),
    [(0, OK), (4, OK), (-5, OK), (6, WARNING), (-7, WARNING), (86_400, WARNING)],
)
def test_a_clock_that_is_more_than_five_seconds_off_is_a_warning(
    ahead: int, state: Severity, connect: Connect, server: Server
) -> None:
    date = formatdate(STARTED + ahead, usegmt=True)
    server.on(
        "GET /health",
        says({"status": 200, "message": "OK"}, date=date, x_inngest_server_kind="dev"),
    )
    diagnosis = connect().diagnose()
    assert of(diagnosis, "clock").severity is state
    assert diagnosis.clock_skew_s == ahead + 0.5
    if state is WARNING:
        assert ("ahead" if ahead > 0 else "behind") in of(diagnosis, "clock").message


@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 99 Nov 2026 18:00:00 GMT"])
def test_a_date_that_is_none_is_unknown(date: str, connect: Connect, server: Server) -> None:
    server.on(
        "GET /health",
        says({"status": 200, "message": "OK"}, date=date, x_inngest_server_kind="dev"),
    )
    assert of(connect().diagnose(), "clock").severity is UNKNOWN


def test_a_proxy_in_effect_is_named_without_its_password(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@127.0.0.1:9")
    settings = {"dev": False, "base_url": "https://inngest.test", "retries": 0}
    diagnosis = connect(transport=None, **settings).diagnose()
    assert of(diagnosis, "connection").severity is BROKEN
    assert "127.0.0.1:9" in (of(diagnosis, "connection").remedy or "")
    assert "through the proxy 127.0.0.1:9" in of(diagnosis, "proxies").message
    assert "secret" not in f"{diagnosis}{diagnosis!r}"


@pytest.mark.parametrize(
    ("variables", "base_url"),
    [
        ({"HTTP_PROXY": "http://127.0.0.1:9"}, "http://127.0.0.1:{port}"),
        (
            {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "localhost"},
            "https://localhost:{port}",
        ),
    ],
)
def test_a_proxy_that_is_not_used_is_not_in_effect(
    variables: dict[str, str], base_url: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with MockServer().serve() as url:
        client = connect(transport=None, dev=False, base_url=base_url.format(port=url[-5:]))
        diagnosis = client.diagnose()
    assert "no proxy" in of(diagnosis, "proxies").message


def test_the_proxy_of_a_client_with_a_transport_is_not_in_effect(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    diagnosis = diagnose(connect, MockServer())
    assert "no proxy" in of(diagnosis, "proxies").message


def test_a_pinned_family_rules_out_the_calls_of_the_other(connect: Connect) -> None:
    diagnosis = diagnose(connect, dev(), dev=True, api_version="v2")
    routes = of(diagnosis, "routes")
    assert routes.severity is WARNING
    assert "events.list" in routes.message
    calls = {each.call: each for each in diagnosis.calls}
    assert calls["events.runs"].family == "v2"
    assert calls["events.list"].is_available is False


def test_a_diagnosis_neither_believes_nor_teaches_what_a_client_has_learned(
    connect: Connect,
) -> None:
    mock = MockServer(release="1.30")
    client: Any = connect(transport=mock.transport)
    assert client.diagnose().release == "1.30.0"
    mock.fault(answers(404), path="/dev")
    assert client.diagnose().release is None
    before = len(mock.requests)
    with pytest.raises(NotFoundError):
        client.runs.get("0" * 26)
    assert mock.requests[before].path == "/v2/runs/00000000000000000000000000"


def test_responses_to_a_diagnosis_are_kept_for_raw(connect: Connect) -> None:
    client = connect(transport=dev().transport)
    with client.raw() as responses:
        client.diagnose()
    assert [re.sub(".*8288", "", each.url) for each in responses] == [
        *("/health", "/dev", "/v2/operations")
    ]


@pytest.mark.parametrize("other", [text(404, "404 page not found\n"), WEB_UI, says([])])
def test_another_product_with_such_a_health_is_not_called_inngest(
    connect: Connect, server: Server, other: Reply
) -> None:
    server.on("GET /health", says({"status": 200, "message": "OK"}))
    server.on("GET /v1/events", other)
    for key in (None, KEY):
        settings = {"dev": False, "base_url": "https://other.test", "signing_key": key}
        diagnosis = connect(**settings).diagnose()
        assert diagnosis.server_kind is None
        assert of(diagnosis, "server").severity is BROKEN
        assert "not Inngest" in of(diagnosis, "server").message
        assert diagnosis.calls == ()


def test_a_server_behind_a_proxy_that_drops_headers_is_known_by_its_refusal(
    connect: Connect, server: Server
) -> None:
    server.on("GET /health", says({"status": 200, "message": "OK"}))
    server.on("GET /v1/events", recorded("start-v1-wrong"))
    diagnosis = connect(dev=False, base_url="https://inngest.test").diagnose()
    assert of(diagnosis, "server").severity is OK


def test_a_limit_of_requests_is_no_proof_of_another_product(
    connect: Connect, server: Server
) -> None:
    server.on("GET /health", text(429, "slow down"))
    finding = of(connect(dev=False, base_url="https://inngest.test").diagnose(), "server")
    assert "not Inngest" not in finding.message
    assert "429" in finding.message
    assert finding.remedy is not None
    assert "Try again later" in finding.remedy


def test_bulk_cancellations_are_of_inngest_cloud_alone(connect: Connect) -> None:
    """An open-source server has their routes, and answers 500 (document)."""
    diagnosis = diagnose(connect, dev(), dev=True, base_url=None)
    found = [it for it in diagnosis.calls if it.call.startswith("cancellations")]
    assert {(it.is_available, it.since) for it in found} == {(False, None)}
    assert "bulk cancellations" in of(diagnosis, "routes").message


def test_a_closed_client_cannot_diagnose(connect: Connect) -> None:
    client = connect(transport=MockServer().transport)
    client.close()
    with pytest.raises(ClosedError):
        client.diagnose()


def test_versions_are_stated(connect: Connect) -> None:
    versions = diagnose(connect, MockServer()).versions
    assert set(versions) == {"inngest-rest", "httpx", "python"}
    assert versions["httpx"] == httpx.__version__

"""`inngest-rest doctor` answers with the diagnosis, and its exit status names the first problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import jsonschema
import pytest

from inngest_rest import InngestClient
from inngest_rest.calls import commands
from inngest_rest_api.api import NEWEST_RECORDED
from inngest_rest_mock import MockServer
from inngest_rest_tools import schemas
from inngest_rest_tools.command import execute
from inngest_rest_tools.command.program import run
from tests.support.answers import read
from tests.support.server import WEB_UI, Server

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., tuple[int, Any]]

(DOCTOR,) = (row for row in commands() if row.command == "doctor")

KEY = "signkey-test-0123456789abcdef"


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run the doctor on a transport, and return the exit status and the envelope."""

    def ask(transport: Any, *arguments: str) -> tuple[int, Any]:
        def client(**settings: Any) -> InngestClient:
            return InngestClient(**settings, transport=transport)

        monkeypatch.setattr(execute, "InngestClient", client)
        status = run(["doctor", "-o", "json", "--fields", "*", *arguments])
        captured = capsys.readouterr()
        assert KEY.rpartition("-")[2] not in captured.out + captured.err
        envelope = read(captured.out)
        jsonschema.validate(envelope, schemas.of_answer(DOCTOR))
        return status, envelope

    return ask


def test_a_server_without_problems_is_a_success(ask: Ask) -> None:
    mock = MockServer(release=NEWEST_RECORDED)
    status, envelope = ask(mock.transport, "--dev")
    assert (status, envelope["ok"], envelope["error"]) == (0, True, None)
    assert envelope["data"]["release"] == f"{NEWEST_RECORDED}.0"
    by_name = {each["call"]: each for each in envelope["data"]["calls"]}
    assert by_name["runs.list"] == {
        "call": "runs.list",
        "is_available": True,
        "family": "v2",
        "route": "GET /v2/runs",
        "since": "1.38.0",
    }


def test_warnings_are_a_success(ask: Ask) -> None:
    status, envelope = ask(MockServer(release="1.30").transport, "--dev", "--env", "feature")
    assert status == 0
    states = {each["kind"]: each["severity"] for each in envelope["data"]["findings"]}
    assert (states["routes"], states["environment"]) == ("ok", "warning")


def test_a_rejected_key_is_a_problem_of_authentication(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INNGEST_SIGNING_KEY", KEY)
    server = MockServer(signing_key="signkey-test-ff")
    status, envelope = ask(server.transport, "--base-url", "https://inngest.test")
    assert (status, envelope["error"]["code"]) == (3, "authentication")
    assert envelope["error"]["hint"]
    assert "INNGEST_SIGNING_KEY" in envelope["error"]["message"]
    assert envelope["data"]["server_kind"] == "self_hosted"


def test_a_web_page_is_a_problem_of_the_server(ask: Ask) -> None:
    server = Server()
    server.on("GET /health", WEB_UI)
    status, envelope = ask(server, "--dev")
    assert (status, envelope["error"]["code"]) == (8, "server")
    assert "a web page" in envelope["error"]["message"]


def test_no_response_is_a_problem_of_the_network(ask: Ask) -> None:
    server = Server()
    server.on("GET /health", httpx.ConnectError("Connection refused"))
    status, envelope = ask(server, "--dev")
    assert (status, envelope["error"]["code"]) == (7, "network")
    assert "Connection refused" in envelope["error"]["message"]


def test_a_malformed_setting_is_named(ask: Ask) -> None:
    status, envelope = ask(MockServer().transport, "--base-url", "no url")
    assert (status, envelope["error"]["code"]) == (2, "usage")
    assert "base_url" in envelope["error"]["message"]


@pytest.mark.parametrize("columns", ["80", "200"])
def test_a_person_sees_each_finding_its_remedy_and_the_route_of_each_call(
    columns: str, ask: Ask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, envelope = ask(MockServer(release="1.33").transport, "--dev")
    monkeypatch.setenv("COLUMNS", columns)
    assert run(["doctor", "-o", "table", "--dev"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= int(columns)
    words = " ".join(out.split())
    for finding in envelope["data"]["findings"]:
        assert finding["message"] in words
        assert finding["remedy"] is None or f"→ {finding['remedy']}" in words
    assert "runs.list 1.38.0 none on this server" in words
    assert "runs.cancel 1.30.0 DELETE /v1/runs/{run_id}" in words
    assert f"httpx {envelope['data']['versions']['httpx']}" in words

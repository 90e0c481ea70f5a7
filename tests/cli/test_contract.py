"""`inngest-rest contract` holds a server or a proxy to the document, by reads unless told else."""

from __future__ import annotations

import json
import re
import shlex
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode

import pytest
from attrs import evolve

from inngest_rest import InngestClient
from inngest_rest_mock import MockServer, answers, sleeps
from inngest_rest_tools.command import program
from inngest_rest_tools.contract import holding, trial
from inngest_rest_tools.contract.document import Document, Server
from inngest_rest_tools.contract.report import ContractReport, Difference
from tests.scripts.changed_server import CHANGES, Answer, changed
from tests.support.command import Ran

Try = Callable[..., Ran]
SIGNING_KEY, EVENT_KEY = "signkey-test-0123456789abcdef", "key-of-this-test"
PAGE = Path(__file__).parents[2] / "docs/guides/contract.md"


@pytest.fixture
def served() -> Iterator[tuple[MockServer, str]]:
    """Return a mock server that has a run, and its URL."""
    server = MockServer()
    server.function("shop", "wait", trigger="order/open", run=sleeps(timedelta(hours=1)))
    with server.serve() as url:
        with InngestClient(dev=url) as client:
            client.send({"name": "order/open"})
        yield server, url


@pytest.fixture
def hold(capsys: pytest.CaptureFixture[str]) -> Try:
    def hold(*tokens: str) -> Ran:
        status = program.run(("contract", *tokens))
        return Ran(status, *capsys.readouterr())

    return hold


def commands_of_the_page() -> list[tuple[list[str], str]]:
    """Return the options of each command of the page, and what it prints there."""
    flags = re.MULTILINE | re.DOTALL
    blocks = re.findall(r"^```console\n\$ (.*?)\n(.*?)^```$", PAGE.read_text("utf-8"), flags)
    lines = [(shlex.split(command, comments=True), output) for command, output in blocks]
    return [(words[2:], out) for words, out in lines if words[:2] == ["inngest-rest", "contract"]]


def kinds_of_lines(text: str) -> set[str]:
    """Return the lines of an answer without what differs between two trials."""
    text = re.sub(r"http://\S+", "URL", text)
    text = re.sub(r" \(\d+ times\)", "", text)
    return {re.sub(r"\d[\d,]*", "N", line) for line in text.splitlines() if "URL/" not in line}


def at(url: str, options: list[str]) -> list[str]:
    """Return options of the page for a server of the test's."""
    return [url if each.startswith("http") else each for each in options]


def test_a_faultless_server_is_as_documented_by_reads_alone_and_no_key_is_printed(
    served: tuple[MockServer, str], hold: Try, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock, url = served
    before = len(mock.requests)
    monkeypatch.setenv("INNGEST_SIGNING_KEY", SIGNING_KEY)
    monkeypatch.setenv("INNGEST_EVENT_KEY", EVENT_KEY)
    (options, output), _ = commands_of_the_page()
    ran = hold(*at(url, options), "--max-examples", "1", "--unknown-fields")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(f"as documented: {url}")
    assert kinds_of_lines(ran.out) >= kinds_of_lines(output)
    assert "0 unknown fields" in ran.out
    assert {each.method for each in mock.requests[before:]} == {"GET"}
    assert f"/v2/runs/{mock.runs[0].id}" in {each.path for each in mock.requests[before:]}
    assert "0123456789abcdef" not in ran.out
    assert len(ran.out.splitlines()) < 24


def moved(asked: Any, answer: Any) -> Any:
    """Redirect a route, which no client of ours follows."""
    if asked.path != "/v2/envs" or "moved" in asked.query:
        return answer
    query = urlencode({**asked.query, "moved": "1"})
    return Answer(308, "", "text/plain", location=f"{asked.path}?{query}")


def test_what_a_release_changes_is_said_once_with_a_request_that_shows_it(
    served: tuple[MockServer, str], hold: Try, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CHANGES, "moved", moved)
    monkeypatch.setenv("COLUMNS", "200")
    _, (options, output) = commands_of_the_page()
    with changed(served[1], ["field", "status", "removed", "moved"]) as url:
        ran = hold(*at(url, options), "--max-examples", "1")
    assert ran.status == 13
    assert kinds_of_lines(ran.out) >= kinds_of_lines(output)
    assert "  GET /v2/envs: status: Received: 308" in ran.out
    differences, _, fields = ran.out.partition(" unknown fields\n")
    told = re.findall(r"^  ([A-Z]+ \S+): ", differences, re.MULTILINE)
    assert len(told) == len({*told})
    assert re.search(r"\(\d+ times\)\n", differences)
    assert differences.count(f": GET {url}/") == len(told)
    assert "  GET /v2/runs/{runId}: data.fieldOfTomorrow\n" in fields


class Proxy(BaseHTTPRequestHandler):
    """A proxy that answers for every server, and counts."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_error(502)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def proxy() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_requests_go_the_way_of_the_client_and_have_its_key(
    hold: Try, proxy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`requests`, by which schemathesis asks, would take the proxy, and the password of .netrc."""
    (tmp_path / ".netrc").write_text("default login someone password theirs\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.setenv("INNGEST_SIGNING_KEY", SIGNING_KEY)
    mock = MockServer(signing_key=SIGNING_KEY, release="1.30")
    with mock.serve() as url:
        ran = hold("--url", url, "--max-examples", "1", "--release", "1.30")
    assert (ran.status, ran.err) == (0, "")
    assert Proxy.asked == []
    given = {each.headers.get("authorization", "Bearer") for each in mock.requests}
    assert {each.partition(" ")[0] for each in given} == {"Bearer"}


def refused(asked: Any, answer: Any) -> Any:
    """Answer 401, as a server does to a key of another environment."""
    if not asked.path.endswith("/v2/envs"):
        return answer
    return Answer(401, '{"errors":[{"code":"unauthorized","message":"x"}]}', "application/json")


def test_operations_that_refuse_every_request_are_not_judged(
    hold: Try, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CHANGES, "refused", refused)
    with MockServer(release="1.30").serve() as server, changed(server, ["refused"]) as url:
        ran = hold("--url", url, "--max-examples", "1")
    assert ran.status == 14
    assert ran.out.startswith("not judged: 1 of ")
    assert "refused with 401, 403 or 407: GET /v2/envs" in ran.out


def test_acts_are_tried_where_they_are_asked_for(hold: Try) -> None:
    mock = MockServer(release="1.30")
    mock.function("shop", "pack", trigger="order/open")
    with mock.serve() as url:
        with InngestClient(dev=url) as client:
            client.send({"name": "order/open"})
        before = len(mock.requests)
        ran = hold("--url", url, "--max-examples", "1", "--acts", "--json")
    assert (ran.status, ran.err) == (0, "")
    assert ran.answer["data"]["differences"] == []
    tried = mock.requests[before:]
    assert {"POST", "DELETE"} <= {each.method for each in tried}


def test_where_the_time_runs_out_before_a_difference_nothing_can_be_told(
    served: tuple[MockServer, str], hold: Try, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "run", lambda plan: trial.run(evolve(plan, timeout=0.01)))
    ran = hold("--url", served[1])
    assert ran.status == 14
    assert ran.out.startswith("not judged: the time ran out")


def test_a_rejected_key_ends_the_trial_before_it_begins(hold: Try) -> None:
    with MockServer(signing_key=SIGNING_KEY).serve() as url:
        ran = hold("--url", url)
    assert ran.status == 2
    assert "key" in ran.err


def test_a_server_that_does_not_state_its_release_has_no_differences_by_that(
    hold: Try, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INNGEST_SIGNING_KEY", SIGNING_KEY)
    mock = MockServer(signing_key=SIGNING_KEY, event_keys=[EVENT_KEY], release="1.36")
    with mock.serve() as url:
        ran = hold("--url", url, "--max-examples", "1")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("as documented: ")


def test_a_server_that_fails_while_it_is_identified_is_not_judged(hold: Try) -> None:
    mock = MockServer()
    mock.fault(answers(502), operation="get_health", after=1, times=None)
    with mock.serve() as url:
        ran = hold("--url", url, "--retries", "0")
    assert (ran.status, ran.out) == (14, "")
    assert "502" in ran.err


@pytest.mark.parametrize(
    ("tokens", "status"),
    [
        (("--url", "http://127.0.0.1:1", "--retries", "0"), 7),
        (("--url", "nowhere"), 2),
        (("--timeout", "0"), 2),
        (("--max-examples", "0"), 2),
    ],
    ids=str,
)
def test_what_cannot_be_tried_ends_with_the_status_of_its_problem(
    hold: Try, tokens: tuple[str, ...], status: int
) -> None:
    ran = hold(*tokens)
    assert (ran.status, ran.out) == (status, "")
    assert ran.err.startswith("inngest-rest: ")


def test_without_the_extra_the_command_says_how_to_install_it(
    served: tuple[MockServer, str], hold: Try, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "find_spec", lambda _: None)
    ran = hold("--url", served[1])
    assert ran.status == 2
    assert "pip install 'inngest-rest[contract]'" in ran.err


def test_acts_on_a_protected_profile_have_to_name_it(
    hold: Try, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[prod]\nbase_url = "http://127.0.0.1:1"\nprotected = true\n')
    monkeypatch.setenv("INNGEST_CONFIG", str(config))
    ran = hold("--profile", "prod", "--acts")
    assert ran.status == 9
    assert "--confirm-profile prod" in ran.err


def server(**given: object) -> Server:
    facts = {"is_cloud": False, "is_dev": True, "release": "1.43", "takes_events": True}
    return Server(**facts | given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "operation", "is_tried"),
    [
        ({}, "GET /v2/runs", True),
        ({"release": "1.30"}, "GET /v2/runs", False),
        ({"release": None}, "GET /v2/runs", False),
        ({"release": None}, "GET /v2/envs", True),
        ({}, "GET /v2/experiments", False),
        ({"is_cloud": True, "is_dev": False}, "GET /v2/experiments", True),
        ({"is_dev": False}, "GET /dev", False),
    ],
)
def test_operations_are_those_that_the_server_has(
    facts: dict[str, object], operation: str, is_tried: bool
) -> None:
    assert (operation in Document(server(**facts), acts=False).operations) is is_tried


def test_a_field_is_unknown_only_if_no_form_of_the_response_names_it() -> None:
    document = Document(server(), acts=False)
    body = {"data": [{"id": "x", "fieldOfTomorrow": 1}], "page": {"hasMore": True, "next": ""}}
    found = [*document.unknown_fields("GET /v2/runs", 200, body)]
    assert found == ["data[].fieldOfTomorrow", "page.next"]
    event = {"data": {"data": {"any": 1}, "name": "x"}}
    assert [*document.unknown_fields("GET /v1/events/{eventId}", 200, event)] == []


def test_a_request_that_gets_no_response_is_a_difference(tmp_path: Path) -> None:
    request = {"method": "GET", "uri": "http://x/v2/runs"}
    recorder = {"label": "GET /v2/runs", "interactions": {"a": {"request": request}}}
    events = tmp_path / "events.ndjson"
    events.write_text(json.dumps({"ScenarioFinished": {"recorder": recorder}}) + "\n{cut")
    [exchange] = trial.exchanges_in(events)
    assert exchange.faults == (("connection", "no response"),)


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        (['1796 is not of type "string"', '"is not of type \\"x" is not of type "string"'], 1),
        (['{"data":[1]} is not valid under any of the schemas', "{} is not valid under any of"], 2),
        (['"WAITING" is not one of "RUNNING"', '"DONE" is not one of "RUNNING"'], 2),
        (['"page" is a required property', '"data" is a required property'], 2),
    ],
    ids=["types", "schemas", "values", "names"],
)
def test_a_difference_is_told_once_whatever_the_value_in_its_place(
    tmp_path: Path, messages: list[str], told: int
) -> None:
    place = "\n\nSchema at /components/schemas/V2Run/properties/endedAt:\n\n    {}"
    checks = [
        {
            "name": "response_schema_conformance",
            "status": "failure",
            "failure_info": {"failure": {"message": message + place}},
        }
        for message in messages
    ]
    request = {"method": "GET", "uri": "http://x/v2/runs"}
    exchange = {"request": request, "response": {"status_code": 200}}
    recorder = {"label": "GET /v2/runs", "interactions": {"a": exchange}, "checks": {"a": checks}}
    events = tmp_path / "events.ndjson"
    events.write_text(json.dumps({"ScenarioFinished": {"recorder": recorder}}) + "\n")
    [found] = trial.exchanges_in(events)
    assert len(set(found.faults)) == told
    assert ("body", 'V2Run.endedAt is not of type "string"') in found.faults or told == 2


def test_a_long_answer_fits_a_screen() -> None:
    differences = tuple(
        Difference(operation=f"GET /{i}", rule="status", detail="Received: 500", count=1)
        for i in range(99)
    )
    report = ContractReport(
        url="http://x",
        release=None,
        differences=differences,
        unknown_fields=tuple(map(str, range(99))),
        operations=99,
        of=99,
        unanswered=tuple(map(str, range(99))),
        refused=(),
        requests=99,
        seconds=1,
        is_complete=True,
    )
    assert len(str(report).splitlines()) <= 40
    assert "and 87 more" in str(report)

"""What agents type at first is understood, or answered by the right word, once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest_mock import answers
from inngest_rest_tools.command import program

if TYPE_CHECKING:
    from tests.support.command import Run


@pytest.mark.parametrize("words", [["runs"], ["wait", "--timeout", "5"]], ids=lambda it: it[0])
def test_an_own_id_of_an_event_stands_for_the_event(words: list[str], run: Run) -> None:
    run.client.send({"name": "order/placed", "id": "order-1001"})
    first, *more = words
    ran = run("events", first, "order-1001", *more)
    assert [it["id"] for it in ran.answer["data"]["items"]] == [run.server.runs[-1].id]


@pytest.mark.parametrize("words", [["runs"], ["wait", "--timeout", "5"]], ids=lambda it: it[0])
def test_ids_of_events_come_from_standard_input(words: list[str], run: Run) -> None:
    ids = run.client.send([{"name": "order/placed"}, {"name": "order/failed"}])
    first, *more = words
    for form in ("json", "ndjson"):
        ran = run("events", first, "-", *more, "-o", form, stdin="\n".join(ids))
        assert ran.status == 0, ran
        found = ran.answer["data"]["items"] if form == "json" else ran.lines
        assert [it["id"] for it in found] == [it.id for it in run.server.runs]


@pytest.mark.parametrize("typed", ["queued,running", "RUNNING", "Queued, Running"])
def test_statuses_in_any_case_may_be_separated_by_commas(typed: str, run: Run) -> None:
    (id,) = run.start("open")
    run.start("placed")
    ran = run("runs", "list", "--status", typed)
    assert [it["id"] for it in ran.answer["data"]["items"]] == [id]


@pytest.mark.parametrize(
    "words", [["runs", "list"], ["runs", "list", "--all", "-o", "ndjson"], ["events", "runs", "-"]]
)
def test_an_output_that_the_fields_name_is_there(words: list[str], run: Run) -> None:
    run.start("placed")
    ran = run(*words, "--fields", "id,output", stdin=run.server.events[-1].id)
    found = ran.lines if "ndjson" in words else ran.answer["data"]["items"]
    assert [it["output"] for it in found] == [run.server.runs[-1].output]


@pytest.mark.parametrize("form", ["json", "ndjson", "table"])
def test_a_failed_run_is_listed_with_its_error_and_no_run_with_its_output(
    form: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    run.start("failed")
    run.start("placed")
    out = run("runs", "list", "-o", form).out
    assert "no stock" in out
    assert "paid" not in out
    assert "no stock" not in run("runs", "list", "--all", "-o", "ndjson").out  # it takes long


def test_json_is_understood_as_the_format(run: Run) -> None:
    assert run("apps", "list", "--json", "-q") == run("apps", "list", "-o", "json", "-q")
    assert "SUPPRESS" not in run("--help").out


@pytest.mark.parametrize("form", ["json", "ndjson", "table", "id"])
def test_an_error_is_printed_once_and_on_standard_error_unless_the_answer_is_json(
    form: str, run: Run
) -> None:
    ran = run("runs", "get", "01K9V2D6N9P1R7Z4W8X3Y5A0BC", "-o", form)
    assert ran.status == 4
    message = "GET http://127.0.0.1:8288/v2/runs/01K9V2D6N9P1R7Z4W8X3Y5A0BC answered 404"
    printed = ran.out if form in {"json", "ndjson"} else ran.err.removeprefix("inngest-rest: ")
    assert printed.count(message) == 1
    assert "" in {ran.out, ran.err}


def test_an_answer_names_no_argument_of_python(run: Run) -> None:
    run.server.fault(answers(401))
    error = run("runs", "list").answer["error"]
    assert "INNGEST_SIGNING_KEY or INNGEST_API_KEY" in error["hint"]
    assert "signing_key (" not in error["hint"]


def test_a_malformed_key_is_one_finding_of_several(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INNGEST_SIGNING_KEY", "signkey-prod-xyz")
    ran = run("doctor")
    assert ran.status == 3
    found = {it["kind"]: it for it in ran.answer["data"]["findings"]}
    assert "not a valid signing key" in found["signing_key"]["message"]
    assert "xyz" not in ran.out + ran.err
    assert ran.answer["data"]["server_kind"] == "dev"
    assert "connection" in ran.answer["data"]["passed"]


def test_help_has_the_options_of_every_command_once(run: Run) -> None:
    assert "--request-timeout" in run("--help").out
    for words in (["runs"], ["runs", "list"], ["mock"]):
        page = run(*words, "--help").out
        assert "--request-timeout" not in page
        assert "inngest-rest --help" in page


def test_a_csv_is_refused_at_its_first_line_with_the_way_that_works(run: Run, folder: Path) -> None:
    (folder / "events.csv").write_text("order,total\n" + "1,2\n" * 1_200)
    ran = run("send-file", "events.csv")
    assert ran.status == 2
    assert "--csv" in ran.answer["error"]["message"]
    assert not run.server.requests


def test_a_mcp_server_is_told_what_to_serve(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    del run
    from inngest_rest_tools import mcp_server  # noqa: PLC0415 - slow to load

    served: list[dict[str, Any]] = []
    monkeypatch.setattr(mcp_server, "serve", lambda _client, **chosen: served.append(chosen))
    assert program.run(["mcp", "--tools", "runs, events"]) == 0
    assert program.run(["mcp"]) == 0
    given = ["--allow-writes", "true", "--folder", "in", "out", "--folder", "~/x", "--folder", ""]
    assert program.run(["mcp", *given]) == 0
    assert program.run(["mcp", "--allow-writes", "false", "--folder"]) == 0
    assert [it["groups"] for it in served] == [["runs", "events"], None, None, None]
    assert [it["read_only"] for it in served] == [True, True, False, True]
    folders = [Path("in"), Path("out"), Path.home() / "x"]
    assert [it["folders"] for it in served] == [[], [], folders, []]

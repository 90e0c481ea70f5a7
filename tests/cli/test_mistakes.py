"""Mistakes: each says what is wrong, what is valid, and what is nearest."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from inngest_rest_mock import answers
from inngest_rest_mock._carriers import client_time

if TYPE_CHECKING:
    from inngest_rest_mock import Effect
    from tests.support.command import Run

NO_RUN = "01K9V2D6N9P1R7Z4W8X3Y5A0BC"


@pytest.mark.parametrize(
    ("tokens", "nearest", "valid"),
    [
        (["rnus", "list"], "did you mean 'runs'?", "events, runs, apps"),
        (
            ["runs", "lst"],
            "did you mean 'list'?",
            "list, get, wait, watch",
        ),
        (["runs", "list", "--statsu", "failed"], "did you mean '--status'?", "--since, --status"),
        (["runs", "list", "--bas-url", "x"], "did you mean '--base-url'?", "--output"),
        (
            ["runs", "list", "--status", "fialed"],
            "did you mean 'failed'?",
            "completed, failed, cancelled",
        ),
        (["runs", "list", "-o", "tabel"], "did you mean 'table'?", "table, json, ndjson, id"),
        (["runs", "list", "-o", "xml"], "invalid choice 'xml'; valid values: ", "table, json"),
        (["runs", "list", "--order", "xml"], "invalid choice 'xml'; valid values: ", ""),
        (["runs", "list", "--status", "error"], "did you mean 'failed'?", ""),
        (["runs", "list", "--status", "succeeded"], "did you mean 'completed'?", ""),
        (
            ["runs", "list", "--params", '{"statsu": 1}'],
            "did you mean 'status'?",
            "status, app, function",
        ),
        (
            ["runs", "list", "--params", '{"status": ["fialed"]}'],
            "status[0] is 'fialed'; did you mean 'failed'?",
            "queued, running, completed, failed, cancelled",
        ),
    ],
    ids=lambda it: " ".join(it) if isinstance(it, list) else "",
)
def test_what_is_unknown_is_answered_with_what_is_valid_and_the_nearest(
    tokens: list[str], nearest: str, valid: str, run: Run
) -> None:
    ran = run(*tokens)
    message = ran.answer["error"]["message"]
    assert ran.status == 2
    assert nearest in message
    assert valid in message


@pytest.mark.parametrize("nested", ["[" * 100_000, '[{"a":' * 50_000])
def test_an_argument_nested_too_deeply_is_a_mistake(nested: str, run: Run) -> None:
    ran = run("runs", "list", f"--status={nested}")
    assert ran.status == 2
    assert ran.answer["error"]["code"] == "usage"


@pytest.mark.parametrize(
    "tokens", [["runs", "get", "--params", "-"], ["runs", "cancel", "-"]], ids=["JSON", "ids"]
)
def test_standard_input_that_is_no_text_is_a_mistake(tokens: list[str], run: Run) -> None:
    ran = run(*tokens, stdin="\udcff")
    assert ran.status == 2
    assert "standard input" in ran.answer["error"]["message"]


@pytest.mark.parametrize(
    ("tokens", "stdin", "place"),
    [
        (["--data", '{"a": 1,\n "b": }'], "", "the argument is not JSON"),
        (["--data", "-"], '{"a": 1,\n "b": }', "standard input is not JSON"),
        (["--data", "@-"], '{"a": 1,\n "b": }', "standard input is not JSON"),
    ],
)
def test_json_that_is_malformed_says_where(
    tokens: list[str], stdin: str, place: str, run: Run
) -> None:
    ran = run("send", "order/placed", *tokens, stdin=stdin)
    assert (ran.status, ran.answer["error"]["field"]) == (2, "data")
    assert place in ran.answer["error"]["message"]
    assert "line 2 column 7" in ran.answer["error"]["message"]
    assert not run.server.requests


@pytest.mark.parametrize("value", ["[1]", "1", "null", '"text"'])
def test_json_of_the_wrong_kind_is_named(value: str, run: Run) -> None:
    assert run("send", "order/placed", "--data", value).answer["error"]["field"] == "data"
    assert run("runs", "list", "--params", value).answer["error"]["field"] == "params"


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (["send", "a/b", "--data", "@no.json"], "data: cannot read no.json: no such file"),
        (["send-file", "no.ndjson"], "path: cannot read no.ndjson: no such file"),
        (["runs", "list", "--output-file", "no/a"], "output_file: cannot write no/a: no such file"),
        (
            ["runs", "cancel", NO_RUN, "--report", "no/a"],
            "no/a cannot be written as a report: No such file",
        ),
        (
            ["runs", "cancel", NO_RUN, "--report", "."],
            ". cannot be written as a report: Is a directory",
        ),
    ],
    ids=lambda it: " ".join(it) if isinstance(it, list) else "",
)
@pytest.mark.usefixtures("folder")
def test_a_file_that_cannot_be_used_is_named_with_the_reason_before_anything_is_done(
    tokens: list[str], message: str, run: Run
) -> None:
    ran = run(*tokens)
    assert ran.status == 2
    assert ran.answer["error"]["message"].startswith(message)
    assert not run.server.requests


@pytest.mark.parametrize(
    ("tokens", "hint"),
    [
        (["functions", "get"], "`apps list`"),
        (["functions", "get", "shop"], "`functions list`"),
        (["functions", "list", "no-app"], "`apps list` shows"),
        (["functions", "list", "no-app"], " `functions list` shows"),
    ],
)
def test_the_hint_for_an_app_or_a_function_that_is_missing_lists_them(
    tokens: list[str], hint: str, run: Run
) -> None:
    assert hint in run(*tokens).answer["error"]["hint"]


@pytest.mark.parametrize(
    ("group", "nearest"), [("events", "`events explain`"), ("runs", "`runs list`")]
)
def test_what_never_appeared_may_not_exist(
    group: str, nearest: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only pauses take time: a machine that is busy would cut off the last look.
    still = SimpleNamespace(monotonic=float, sleep=float)
    monkeypatch.setattr(client_time, "time", still)
    ran = run(group, "wait", NO_RUN, "--timeout", "0.1")
    hint = ran.answer["error"]["hint"]
    assert ran.status in {4, 10}
    assert nearest in hint
    assert "goes on" not in hint


@pytest.mark.parametrize(
    ("option", "join", "place"),
    [
        ("--signing-key", " ", 0),
        ("--event-key", "=", 2),
        ("--api-key", " ", 2),
        ("--signing_key", "=", 0),
    ],
)
def test_a_key_is_never_an_option_and_is_not_repeated(
    option: str, join: str, place: int, run: Run
) -> None:
    tokens = ["runs", "list"]
    tokens[place:place] = f"{option}{join}signkey-prod-c0ffee".split()
    ran = run(*tokens)
    assert ran.status == 2
    assert "keys are never options" in ran.answer["error"]["message"]
    variable = f"INNGEST_{option.strip('-').replace('-', '_').upper()} "
    assert variable in ran.answer["error"]["hint"]
    assert "c0ffee" not in ran.out + ran.err
    assert not run.server.requests


def test_a_missing_parameter_is_named(run: Run) -> None:
    ran = run("functions", "get", "shop")
    assert ran.answer["error"] | {"hint": None} == {
        "code": "usage",
        "message": "function is missing",
        "hint": None,
        "retryable": False,
        "field": "function",
    }


def test_an_argument_too_many_is_named(run: Run) -> None:
    message = run("runs", "get", "a", "b c").answer["error"]["message"]
    assert message == "unexpected arguments: b c"


@pytest.mark.parametrize("form", [["-o", "ndjson"], ["--output", "ndjson"], ["--output=ndjson"]])
def test_a_mistake_is_told_in_the_format_that_is_asked_for(form: list[str], run: Run) -> None:
    (line,) = run("runs", "lst", *form).lines
    assert line["error"]["code"] == "usage"
    assert run("runs", "lst", "-o", "table").out == ""


@pytest.mark.parametrize(
    "tokens",
    [
        ["--limit", "1", "runs", "list"],
        ["-o", "id", "runs", "list", "--limit", "1"],
        ["runs", "-o", "id", "list", "--limit", "1"],
        ["runs", "list", "--limit", "1", "-o", "id"],
        ["runs", "list", "--limit=1", "--output=id"],
    ],
    ids=" ".join,
)
def test_options_of_every_command_stand_before_or_after_it(tokens: list[str], run: Run) -> None:
    ran = run(*tokens)
    assert ran.status == (0 if "-o" in tokens or "--output=id" in tokens else 2)


@pytest.mark.parametrize(
    ("tokens", "field"),
    [
        (["-o"], "output"),
        (["--max-chars", "many"], "max_chars"),
        (["--max-chars", "0"], "max_chars"),
        (["--request-timeout=soon"], "request_timeout"),
        (["--retries", "1.5"], "retries"),
        (["--dev=1"], "dev"),
    ],
    ids=" ".join,
)
def test_a_malformed_option_of_every_command_is_named(
    tokens: list[str], field: str, run: Run
) -> None:
    ran = run("runs", "list", *tokens)
    assert (ran.status, ran.answer["error"]["field"]) == (2, field)


@pytest.mark.parametrize("number", [".5", "+5", "1e-1", "05"])
def test_a_number_is_typed_as_shells_and_people_write_it(number: str, run: Run) -> None:
    assert run("runs", "watch", "--timeout", number, "-o", "ndjson").status == 0


@pytest.mark.parametrize(
    ("tokens", "command", "field"),
    [
        (["runs", "list", "--status", "faild"], "runs.list", "status"),
        (["-o", "json", "runs", "list", "--limit", "many"], "runs.list", "limit"),
        (["runs", "-q", "list", "--limit"], "runs.list", "limit"),
        (["runs", "get", "--include-originl", "x"], "runs.get", "include_originl"),
        (["runs", "get", "a", "b"], "runs.get", None),
        (
            ["runs", "cancel", "--app", "shop", "--rate", "x"],
            "runs.cancel",
            "rate",
        ),
        (["send-file", "a.ndjson", "--rate", "x"], "send_file", "rate"),
        (["mock", "--port", "x"], "mock", "port"),
        (["runs", "list", "-o", "tabel"], "runs.list", "output"),
        (["runs", "list", "--api-key", "x"], "runs.list", None),
        (["runs", "lst"], "", None),
        (["runs", "lst", "--help"], "", None),
        (["sending", "send"], "", None),
        (["-q", "-o", "tabel"], "", "output"),
    ],
    ids=lambda it: " ".join(it) if isinstance(it, list) else "",
)
def test_a_mistake_has_the_command_and_the_field_where_they_are_known(
    tokens: list[str], command: str, field: str | None, run: Run
) -> None:
    answer = run(*tokens).answer
    assert (answer["command"], answer["error"]["field"]) == (command, field)


def test_a_malformed_variable_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INNGEST_REST_OUTPUT", "jsn")
    ran = run("runs", "list")
    assert ran.status == 2
    assert "INNGEST_REST_OUTPUT is 'jsn'; did you mean 'json'?" in ran.answer["error"]["message"]


def test_a_file_to_send_is_standard_input_where_a_dash_is(run: Run) -> None:
    lines = '{"name": "order/placed"}\n' * 3
    ran = run("send-file", "-", "--name", "orders", stdin=lines)
    assert ran.status == 0, ran
    assert ran.answer["data"]["accepted"] == 3
    assert len(run.server.events) == 3


@pytest.mark.parametrize("name", ["-q", "-h", "--help", "--api-key"])
def test_what_follows_two_dashes_is_no_option(name: str, run: Run) -> None:
    assert run("send", "--", name).answer["ok"]
    assert run.server.events[-1].name == name


def test_what_is_typed_overrides_params(run: Run) -> None:
    run("runs", "list", "--params", '{"app": "shop", "limit": 5}', "--limit", "7")
    (listed,) = (each for each in run.server.requests if each.operation == "list_runs_v2")
    assert "limit=7" in listed.query
    assert "shop" in listed.query


OTHERS = {
    "page": answers(200, "<html>Hello</html>", headers={"Content-Type": "text/html"}),
    "page of an error": answers(
        404, "<html>File not found</html>", headers={"Content-Type": "text/html"}
    ),
    "text": answers(501, "Unsupported method", headers={"Content-Type": "text/plain"}),
    "another API": answers(404, {"detail": "Not Found"}),
}


@pytest.mark.parametrize(
    ("command", "other"),
    [
        *(("runs list", other) for other in OTHERS),
        ("apps list", "page"),
        (f"runs replay {NO_RUN}", "page of an error"),
        (f"runs replay {NO_RUN} --dry-run", "another API"),
        ("webhooks list", "text"),
    ],
)
def test_a_server_that_is_not_inngest_is_told_as_such(command: str, other: str, run: Run) -> None:
    run.server.fault(OTHERS[other], times=None)
    ran = run(*command.split())
    error = ran.answer["error"]
    assert (ran.status, error["code"]) == (8, "server")
    assert "since release" not in error["message"]
    assert "doctor" in error["hint"]


@pytest.mark.parametrize(
    "answer",
    [
        answers(404, "404 page not found\n"),
        answers(404, "<html>Gone</html>", headers={"X-Inngest-Server-Kind": "dev"}),
    ],
    ids=["bare", "of a page, with its header"],
)
def test_a_route_that_inngest_lacks_is_told_as_such_with_commands(answer: Effect, run: Run) -> None:
    run.server.fault(answer, times=None)
    ran = run("apps", "list")
    assert ran.status == 4
    assert "by its id instead: `functions list`." in ran.answer["error"]["hint"]


@pytest.mark.parametrize(
    ("word", "command"),
    [("replay", "'runs replay'"), ("list", "'runs list'"), ("check", "'status'")],
)
def test_a_word_without_its_group_names_the_commands_that_are_meant(
    word: str, command: str, run: Run
) -> None:
    ran = run(word)
    assert ran.status == 2
    assert command in ran.answer["error"]["message"]


def test_help_is_a_word_as_well_as_an_option(run: Run) -> None:
    assert run("help") == run("--help")
    assert run("help", "runs", "list") == run("runs", "list", "--help")

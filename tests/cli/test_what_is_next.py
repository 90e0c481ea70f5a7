"""What to do next stands in the answer: once, and in the words of the command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from inngest_rest_tools.command.program import run as run_program

if TYPE_CHECKING:
    from inngest_rest_mock import MockServer
    from tests.support.command import Run


@pytest.fixture(autouse=True)
def two_runs(mock: MockServer, run: Run) -> None:
    for _ in range(2):
        assert run("send", "order/open").status == 0
    mock.advance(1)


@pytest.mark.parametrize(
    "words", [["runs", "list", "--limit", "1"], ["runs", "cancel", "--app", "shop", "--dry-run"]]
)
def test_json_has_what_is_next_and_standard_error_says_it_to_others(
    words: list[str], run: Run
) -> None:
    answered = run(*words, "-o", "json")
    assert answered.err == ""
    answer = answered.answer
    assert answer.get("next_command") or answer["page"]["next"]
    assert "inngest-rest" in run(*words, "-o", "id").err


def test_a_mistyped_option_is_answered_with_an_example_and_the_options_of_the_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_program(["cancellations", "create", "--app", "shop"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["hint"].startswith("For example: inngest-rest cancellations create shop charge")
    assert "--started-before" in error["message"]
    assert "--base-url" not in error["message"]


@pytest.mark.parametrize("words", [["functions", "pause"], ["runs", "delete"]])
def test_what_no_api_does_is_said(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program(words) == 2
    assert "No API" in json.loads(capsys.readouterr().out)["error"]["hint"]


def test_a_run_of_a_batch_says_which_command_has_all_its_events(run: Run) -> None:
    run.server.function("shop", "import", trigger="go", batch_size=2)
    for _ in range(2):
        assert run("send", "go").status == 0
    run.server.advance(1)
    (batch,) = (each for each in run.server.runs if each.function_id.endswith("import"))
    answer = run("runs", "get", batch.id).answer
    assert len(answer["data"]["event_ids"]) == 1
    (warning,) = answer["warnings"]
    assert warning.startswith("event_ids has only the first of its batch; all: inngest-rest runs")
    command = warning.partition("inngest-rest ")[2]
    assert len(run(*command.split()).answer["data"]["events"]) == 2
    assert "warnings" not in run("runs", "get", batch.id, "--fields", "status").answer

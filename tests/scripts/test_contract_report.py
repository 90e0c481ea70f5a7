"""Every operation has a method, every documented success was seen, and the report shows it."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from scripts import contract_report
from scripts.contract_report import (
    Row,
    problems,
    recorded,
    rows,
    run_mock_suite,
    summary,
    table,
)
from tests.contract.document import Document
from tests.contract.exercised import Answer
from tests.contract.recordings import read_all

DOCUMENT = Document.load()


def row(**changes: Any) -> Row:
    known = {"operation": "getRunV1", "method": "runs.get", "reason": None, "status": 200}
    seen = {"body_status": None, "recordings": 0, "mock": False, "live": None}
    return Row(**{**known, **seen, **changes})


def test_every_operation_has_a_method_and_every_success_was_seen() -> None:
    # One world and one client are enough to see each success; the report itself tries all.
    mock = run_mock_suite("-k", "routes and blocking")
    recordings = list(recorded(DOCUMENT, read_all()))
    assert problems(rows(DOCUMENT, recordings, mock, None)) == []


def test_a_success_that_nothing_showed_is_a_problem() -> None:
    assert problems([row()]) == ["getRunV1 200: documented, but never seen"]


@pytest.mark.parametrize("seen", [{"recordings": 1}, {"mock": True}, {"live": True}])
def test_a_success_is_seen_wherever_it_was_shown(seen: dict[str, Any]) -> None:
    assert problems([row(**seen)]) == []


def test_an_error_may_go_unseen() -> None:
    assert problems([row(status=401)]) == []


def test_an_error_in_a_200_does_not_show_the_success() -> None:
    hidden = Answer.of("getRunV1", 200, {"error": "Unable", "data": None, "status": 500})
    found = list(rows(DOCUMENT, [], {hidden}, None))
    assert "getRunV1 200: documented, but never seen" in problems(found)
    shown = [each for each in found if each.body_status == 500]
    assert [(each.operation, each.status, each.mock) for each in shown] == [("getRunV1", 200, True)]


def test_an_operation_without_method_or_reason_is_a_problem() -> None:
    alone = [row(method=None, mock=True), row(method=None, status=401)]
    assert problems(alone) == [
        "getRunV1: neither a method of the client nor a reason for having none"
    ]
    assert problems([row(method=None, reason="because", mock=True)]) == []


def test_every_documented_status_is_a_row() -> None:
    documented = {
        (each.id, int(status)) for each in DOCUMENT.operations for status in each.responses
    }
    found = rows(DOCUMENT, [], set(), None)
    assert {(each.operation, each.status) for each in found} == documented


def test_the_table_names_an_operation_once_and_marks_what_showed_each_answer() -> None:
    lines = list(table([row(recordings=2, mock=True, live=False), row(status=401)]))
    assert [line.split() for line in lines[1:]] == [
        ["getRunV1", "runs.get", "200", "2", "yes", "-"],
        ["401", "-", "-", "?"],
    ]
    assert "live ?: scripts/test-live has not run here." in list(summary([row()]))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["contract-report", "--json"])


@pytest.mark.usefixtures("run")
def test_json_holds_rows_and_problems(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(contract_report, "run_mock_suite", set)
    assert contract_report.main() == 1
    said = json.loads(capsys.readouterr().out)
    assert {"operation", "method", "status", "recordings", "mock", "live"} <= said["answers"][
        0
    ].keys()
    assert "listAppsV1 200: documented, but never seen" in said["problems"]


@pytest.mark.usefixtures("run")
def test_a_failing_suite_is_no_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> set[Answer]:
        raise subprocess.CalledProcessError(1, "pytest", output="1 failed")

    monkeypatch.setattr(contract_report, "run_mock_suite", fails)
    assert contract_report.main() == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "1 failed" in said.err

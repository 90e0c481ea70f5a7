"""Every operation has a method, every documented success was seen, and the report shows it."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from scripts.internal import contract_report
from scripts.internal.contract_report import (
    Row,
    also,
    problems,
    rows,
    run_mock_suite,
    summary,
    table,
)
from tests.contract.document import Document
from tests.contract.exercised import Answer
from tests.contract.parsing import documented
from tests.contract.sources import Sources

DOCUMENT = Document.load()


def row(**changes: Any) -> Row:
    known = {"operation": "getRunV1", "method": "runs.get", "reason": None, "status": 200}
    seen = {"body_status": None, "recordings": 0, "releases": (), "mock": False, "live": None}
    return Row(**{**known, **seen, "sources": None, **changes})


def stated(*sources: str) -> Sources:
    return Sources.of({"x-source": sources})


def test_every_operation_has_a_method_and_every_success_was_seen() -> None:
    # Two worlds and one client are enough to see each success; the report itself tries all.
    mock = run_mock_suite("-k", "blocking and not (1.17 or PostgreSQL or keys)")
    assert problems(rows(DOCUMENT, documented(DOCUMENT).values(), mock, None)) == []


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
    wanted = {(each.id, int(status)) for each in DOCUMENT.operations for status in each.responses}
    found = rows(DOCUMENT, [], set(), None)
    assert {(each.operation, each.status) for each in found} == wanted


def test_a_row_names_the_releases_of_its_recordings_and_its_other_sources() -> None:
    found = {
        (each.operation, each.status): each
        for each in rows(DOCUMENT, documented(DOCUMENT).values(), set(), None)
        if each.body_status is None
    }
    run = found["getRunV1", 200]
    assert {"1.17", "1.43"} <= set(run.releases)
    assert run.recordings > len(run.releases)
    assert (also(run), run.is_only_documented) == ("documented", False)
    assert found["cancelRunV1", 204].is_only_documented
    assert also(found["listRunsV1", 200]) == "requested"
    assert also(found["listEventsV1", 400]) == "read"


def test_the_report_lists_what_is_only_documented() -> None:
    only = row(operation="cancelRunV1", status=204, sources=stated("documented"))
    both = row(sources=stated("recorded 1.43", "documented"))
    assert problems([only]) == []
    said = list(summary([only, both]))
    (at,) = (number for number, line in enumerate(said) if line.startswith("Only documented"))
    assert said[at + 1].split() == ["cancelRunV1", "204"]


def test_the_table_names_an_operation_once_and_marks_what_showed_each_answer() -> None:
    sources = stated("recorded 1.17 1.43", "documented")
    shown = row(recordings=2, releases=("1.17", "1.43"), sources=sources, mock=True, live=False)
    lines = list(table([shown, row(status=401, sources=stated("read 1.43"))]))
    assert [line.split() for line in lines[1:]] == [
        ["getRunV1", "runs.get", "200", "2", "1.17", "1.43", "documented", "yes", "-"],
        ["401", "-", "-", "read", "-", "?"],
    ]
    assert "live ?: scripts/test-live has not run here." in list(summary([row()]))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["contract-report"])


@pytest.mark.usefixtures("run")
def test_problems_fail_the_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(contract_report, "run_mock_suite", set)
    assert contract_report.main() == 1
    said = capsys.readouterr()
    assert said.out.startswith("operation ")
    assert "listAppsV1 200: documented, but never seen" in said.err.splitlines()


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

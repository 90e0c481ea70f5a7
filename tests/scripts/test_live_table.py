"""The table of scripts/test-live: what works on which release."""

from __future__ import annotations

import pytest

from inngest_rest_api.api import NEWEST_RECORDED
from scripts.internal.live.table import differences, failures, table
from tests.contract.live_report import Case, Outcome, Report


def case(name: str, outcome: Outcome, *asked: str, reason: str = "", succeeded: str = "") -> Case:
    return Case(f"cases/{name}[live]", outcome, reason, asked, (succeeded,), asked[-1])


OLD = Report(
    "1.33.0",
    ("getRunV2",),
    (
        case("test_runs.py::test_get", "passed", "getRunV1", succeeded="getRunV1"),
        case(
            "test_runs.py::test_cancel",
            "failed",
            *("getRunV1", "cancelRunV1"),
            reason="NotFoundError: no run",
            succeeded="getRunV1",
        ),
        case("test_runs.py::test_replay", "absent", "replayRunV1"),
        case("test_rest.py::test_signal", "passed", "sendSignalV1"),
    ),
)


def test_table_has_a_row_for_each_operation_and_a_column_for_each_server() -> None:
    new = Report("1.43.0", (), (case("x", "passed", "getRunV2", succeeded="getRunV2"),))
    lines = [line.split() for line in table([OLD, new])]
    assert lines[0] == ["operation", "1.33.0", "1.43.0"]
    rows = {line[0]: line[1:] for line in lines[1:] if len(line) == 3}
    assert rows["getRunV1"] == ["works", "-"]
    assert rows["cancelRunV1"] == ["fails", "-"]
    assert rows["sendSignalV1"] == ["refuses", "-"]
    assert rows["getRunV2"] == ["absent", "works"]
    assert rows["replayRunV1"] == ["absent", "-"], "no release is known to have it"
    counts = [line for line in lines if line[:1] == ["cases"]]
    assert [line[1:] for line in counts] == [
        ["passed", "2", "1"],
        ["absent", "1", "0"],
        ["skipped", "0", "0"],
        ["failed", "1", "0"],
    ]


def test_each_failure_is_listed_with_its_reason() -> None:
    assert list(failures([OLD])) == [
        "FAILED 1.33.0 test_runs.py::test_cancel[live]: NotFoundError: no run"
    ]


def test_cases_that_failed_for_one_reason_are_one_line() -> None:
    refusal = "BadRequestError: refused for run 01K9V2D6N9P1R7Z4W8X3Y5A0B{}"
    cases = [case(f"test_x.py::{n}", "failed", "x", reason=refusal.format(n)) for n in range(3)]
    rare = case("test_rare.py::test", "failed", "x", reason="Other")
    lines = list(failures([Report("1.44.0", (), (rare, *cases))]))
    assert lines == [
        "FAILED 1.44.0 3 cases, such as test_x.py::0[live]: BadRequestError: refused for run ",
        "FAILED 1.44.0 test_rare.py::test[live]: Other",
    ]


def test_what_a_server_answers_otherwise_than_the_document_is_listed() -> None:
    told = ("listRunsV2 200: $.data[]: isNew", "listRunsV2 418: not documented")
    found = [Report("1.43.2", (), ()), Report("1.33.0", (), (), told[:1])]
    assert list(differences(found)) == [
        "1.33.0 answers otherwise than the document: 1 differences",
        f"  {told[0]}",
    ]


@pytest.mark.parametrize("told", [(), ("listRunsV2 200: $.data[]: isNew",)])
def test_a_release_newer_than_all_recordings_is_said_to_be_one(told: tuple[str, ...]) -> None:
    newer, count, *listed = differences([Report("999.0.0", (), (), told)])
    assert f"newer than {NEWEST_RECORDED}" in newer
    assert (f": {len(told)} differences" in count, len(listed)) == (True, len(told))

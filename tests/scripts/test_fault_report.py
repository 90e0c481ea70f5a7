"""The fault report prints what the matrix holds, and fails where a trial is not as it should be."""

from __future__ import annotations

import pytest

from scripts.internal import fault_report

ONE = "503 and hangs up"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr("sys.argv", ["fault-report", ONE])
    return monkeypatch


@pytest.mark.usefixtures("run")
def test_a_line_has_a_result_its_requests_and_the_operations(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert fault_report.main() == 0
    said = capsys.readouterr()
    assert f"{ONE} (failed)" in said.out
    (line,) = (each for each in said.out.splitlines() if "ServerError: 1" in each)
    assert line.split()[:4] == ["ServerError:", "1", "unknown", "2"]
    assert line.split()[-1] == "send"
    assert said.out.rstrip().endswith(" 0 wrong.")
    assert said.err == ""


def test_a_wrong_cell_fails_the_report(
    run: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run.setattr(fault_report, "complaints", lambda _: ["took 99 s"])
    assert fault_report.main() == 1
    assert f"{ONE} / send / async: took 99 s" in capsys.readouterr().err


def test_a_name_that_no_fault_has_is_an_error(
    run: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run.setattr("sys.argv", ["fault-report", "no such fault"])
    assert fault_report.main() == 2
    assert "no fault has 'no such fault' in its name" in capsys.readouterr().err

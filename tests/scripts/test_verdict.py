"""scripts/test: what fails is printed last, and what passes at the second try is named."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from scripts.internal import verdict
from scripts.internal.verdict import Verdict, main

if TYPE_CHECKING:
    from pathlib import Path


PASSES_AT_THE_SECOND_TRY = """
def test_of_chance(pytestconfig):
    tries = pytestconfig.cache.get("tries", 0) + 1
    pytestconfig.cache.set("tries", tries)
    assert tries == 2, "at the first try"
"""
FAILS = "def test_of_a_bug(): assert not 'right'"


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "PARALLEL", ("-p", "no:xdist"))


def verdict_on(folder: Path, tests: str) -> Verdict:
    (folder / "pytest.ini").touch()
    (folder / "test_it.py").write_text(tests, encoding="utf-8")
    found = Verdict(folder)
    found.test("tests", sys.executable, "--rootdir", str(folder), str(folder / "test_it.py"))
    found.report()
    return found


def test_a_test_that_passes_at_the_second_try_is_named_with_its_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verdict_on(tmp_path, PASSES_AT_THE_SECOND_TRY).failed == {}
    printed = capsys.readouterr().out
    assert "1 passed at the second try" in printed.splitlines()[0]
    assert "AssertionError: at the first try" in printed
    flaw = "passed at the second try, a flaw to be mended: tests: test_it.py::test_of_chance"
    assert printed.splitlines()[-1] == flaw


def test_a_test_that_fails_twice_fails_the_run_and_is_printed_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = verdict_on(tmp_path, PASSES_AT_THE_SECOND_TRY + FAILS)
    assert "test_it.py::test_of_a_bug" in found.failed["tests"]
    assert list(found.flaws) == ["tests: test_it.py::test_of_chance"]
    assert capsys.readouterr().out.splitlines()[-1] == "FAILED: tests"


def test_a_step_prints_its_seconds_and_its_last_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = Verdict(tmp_path)
    steps.run("two", [sys.executable, "-c", "print(1)"], [sys.executable, "-c", "print(2)"])
    steps.run("fails", [sys.executable, "-c", "print(1); exit(3)"], ["not reached"])
    first, second = capsys.readouterr().out.splitlines()
    assert (first.split()[0], first.split()[-2:]) == ("two", ["s", "2"])
    assert second.endswith("FAILED (exit status 3)")
    assert steps.failed == {"fails": "1"}


def test_help_says_what_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("--help") == 0
    assert "scripts/test --quick" in capsys.readouterr().out

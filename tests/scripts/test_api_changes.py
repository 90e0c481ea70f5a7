"""`scripts/regenerate` lists the changes of the document and marks those that break callers."""

from __future__ import annotations

import copy
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from inngest_rest import ApiError, InngestClient
from scripts.internal.regeneration import __main__ as regeneration
from scripts.internal.regeneration.api_changes import caught_as, changes
from tests.scripts.api_edits import CASES, SPEC

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "openapi" / "inngest.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", CASES)
def test_change(rule: str) -> None:
    edit, wanted = CASES[rule]
    after = copy.deepcopy(SPEC)
    edit(after)
    assert [str(each) for each in changes(SPEC, after)] == wanted


def test_a_document_has_not_changed_from_itself() -> None:
    assert changes(yaml.safe_load(TEXT), yaml.safe_load(TEXT)) == []


def test_every_field_that_goes_from_the_document_breaks() -> None:
    before, after = yaml.safe_load(TEXT), yaml.safe_load(TEXT)
    schemas: dict[str, Any] = after["components"]["schemas"]
    gone = {f"{name}.{field}" for name in schemas for field in schemas[name].pop("properties", ())}
    found = {each.where for each in changes(before, after) if each.is_breaking}
    assert len(gone) > 200
    assert gone - found == set()


class Script:
    """Runs scripts/regenerate without generating anything."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(regeneration, "regenerate", lambda *_, **__: 0)

    def __call__(self, *arguments: str) -> int:
        self._monkeypatch.setattr("sys.argv", ["regenerate", *arguments])
        return regeneration.main()


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    return Script(monkeypatch)


SCHEDULED = "        - Scheduled\n"


@pytest.mark.parametrize(
    ("older", "status"), [("", 0), (f"{SCHEDULED}        - Paused\n", 3)], ids=["came", "went"]
)
def test_script_exits_with_a_status_of_its_own_if_a_value_went(
    older: str, status: int, tmp_path: Path, script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    assert TEXT.count(SCHEDULED) == 1
    against = tmp_path / "older.yaml"
    against.write_text(TEXT.replace(SCHEDULED, older), encoding="utf-8")
    assert script("--check-breaking", "--against", str(against)) == status
    assert script("--against", str(against)) == 0
    assert (
        f"Changes for callers of the generated client: 1, of them breaking: {status // 3}"
        in capsys.readouterr().out
    )


def test_script_compares_with_the_last_commit_unless_told_otherwise(
    script: Script, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[list[str]] = []

    def git(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, stdout=TEXT)

    monkeypatch.setattr(subprocess, "run", git)
    assert script("--check-breaking") == 0
    assert script("--check-breaking", "--against", "v0.1.0") == 0
    assert (
        capsys.readouterr().out
        == "Changes for callers of the generated client: 0, of them breaking: 0\n" * 2
    )
    assert [each[-2:] for each in asked] == [
        ["show", "HEAD:openapi/inngest.yaml"],
        ["show", "v0.1.0:openapi/inngest.yaml"],
    ]


def test_the_changes_are_printed_though_the_generated_code_is_stale(
    script: Script,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    older = tmp_path / "older.yaml"
    older.write_text(TEXT.replace(SCHEDULED, f"{SCHEDULED}        - Paused\n"), encoding="utf-8")
    monkeypatch.setattr(regeneration, "regenerate", lambda *_, **__: regeneration.STALE)
    assert script("--check", "--check-breaking", "--against", str(older)) == regeneration.STALE
    assert "BREAKING  V1RunStatus: value Paused removed" in capsys.readouterr().out


def test_script_says_so_if_there_is_nothing_to_compare_with(
    script: Script, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_git(*_: object, **__: object) -> None:
        raise subprocess.CalledProcessError(128, "git")

    monkeypatch.setattr(subprocess, "run", no_git)
    assert script() == 0
    assert script("--check-breaking") == 2
    assert script("--against", "/nowhere.yaml") == 2
    assert capsys.readouterr().err.count("Found no document to compare with") == 3


def test_statuses_that_are_caught_alike_are_raised_alike_by_the_client() -> None:
    class_of: dict[str, set[object]] = {}
    for status in (*range(400, 430), *range(500, 505)):
        refuses = httpx.MockTransport(lambda _, status=status: httpx.Response(status))
        with (
            InngestClient(dev=True, transport=refuses, retries=0) as client,
            pytest.raises(ApiError) as caught,
        ):
            client.health()
        kind = type(caught.value)
        class_of.setdefault(caught_as(str(status)), set()).add(status if kind is ApiError else kind)
    assert [each for each in class_of.values() if len(each) > 1] == []

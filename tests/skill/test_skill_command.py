"""`inngest-rest skill` installs the skill, shows it, and checks what is installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inngest_rest import __version__
from inngest_rest._programs.command import local
from inngest_rest._programs.command.program import run


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make both home and the current folder empty ones."""
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "project").mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    monkeypatch.chdir(tmp_path / "project")
    return home


def answered(capsys: pytest.CaptureFixture[str], *tokens: str) -> tuple[int, Any]:
    status = run(["skill", *tokens, "-o", "json"])
    return status, json.loads(capsys.readouterr().out)


def test_show_prints_the_skill_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["skill", "show"]) == 0
    assert capsys.readouterr().out == local.skill_text()


def test_show_version_prints_the_version_of_the_package(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["skill", "show", "--version"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"


def test_install_writes_for_all_hosts_of_the_user_by_default(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    status, answer = answered(capsys, "install")
    path = home / ".agents" / "skills" / "inngest" / "SKILL.md"
    assert (status, answer["command"]) == (0, "skill.install")
    assert answer["data"] == {"path": str(path), "state": "current", "version": __version__}
    assert path.read_text(encoding="utf-8").startswith(local.skill_text())


def test_install_takes_a_host_and_a_scope(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _, answer = answered(capsys, "install", "--target", "claude", "--scope", "project")
    expected = tmp_path / "project" / ".claude" / "skills" / "inngest" / "SKILL.md"
    assert answer["data"]["path"] == str(expected)


def test_install_keeps_a_changed_skill_unless_forced(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = Path(answered(capsys, "install")[1]["data"]["path"])
    path.write_text("mine", encoding="utf-8")
    status, answer = answered(capsys, "install")
    assert status == 2
    assert "--force" in answer["error"]["message"]
    assert path.read_text(encoding="utf-8") == "mine"
    assert answered(capsys, "install", "--force")[0] == 0
    assert path.read_text(encoding="utf-8").startswith(local.skill_text())


def test_an_unknown_host_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, answer = answered(capsys, "install", "--target", "cloud")
    assert status == 2
    assert "agents, claude, codex, openclaw" in answer["error"]["message"]


def test_check_says_that_none_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    status, answer = answered(capsys, "check")
    assert status == 4
    assert answer["data"] is None
    assert "skill install" in answer["error"]["hint"]


def test_check_accepts_what_is_installed_and_of_this_version(
    capsys: pytest.CaptureFixture[str],
) -> None:
    installed = answered(capsys, "install")[1]["data"]
    status, answer = answered(capsys, "check")
    assert status == 0
    assert answer["data"] == {"items": [installed]}


@pytest.mark.parametrize("state", ["outdated", "changed"])
def test_check_fails_for_one_that_is_not_of_this_version(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    with monkeypatch.context() as older:
        text = local.skill_text().replace(__version__, "0.0.1")
        older.setattr(local, "skill_text", lambda: text)
        path = Path(answered(capsys, "install")[1]["data"]["path"])
    if state == "changed":
        with path.open("a", encoding="utf-8") as file:
            file.write("more")
    status, answer = answered(capsys, "check")
    assert status == 6
    assert answer["data"]["items"] == [{"path": str(path), "state": state, "version": "0.0.1"}]
    assert state in answer["error"]["message"]


def test_on_a_terminal_check_has_a_line_for_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = answered(capsys, "install")[1]["data"]["path"]
    monkeypatch.setenv("COLUMNS", "400")
    assert run(["skill", "check", "-o", "table"]) == 0
    heading, line = capsys.readouterr().out.splitlines()
    assert heading.split() == ["PATH", "STATE", "VERSION"]
    assert line.split() == [path, "current", __version__]


def test_fields_of_an_answer_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    answered(capsys, "install")
    _, answer = answered(capsys, "check", "--fields", "state")
    assert answer["data"]["items"] == [{"state": "current"}]
    status, answer = answered(capsys, "check", "--fields", "stat")
    assert status == 2
    assert "did you mean 'state'?" in answer["error"]["message"]

"""`inngest-rest skill` installs the skill, shows it, and checks what is installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inngest_rest import __version__
from inngest_rest_tools.command import agent_skill
from inngest_rest_tools.command.program import run


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make both home and the current folder empty ones."""
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "project").mkdir()
    monkeypatch.setenv("HOME", str(home))
    for variable in ("CLAUDE_CONFIG_DIR", "CODEX_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path / "project")
    return home


def answered(capsys: pytest.CaptureFixture[str], *tokens: str) -> tuple[int, Any]:
    status = run(["skill", *tokens, "-o", "json"])
    return status, json.loads(capsys.readouterr().out)


def installed(capsys: pytest.CaptureFixture[str], *tokens: str) -> Any:
    """Install the skill in one folder, and return what is there."""
    status, answer = answered(capsys, "install", *tokens)
    assert status == 0
    (found,) = answer["data"]["items"]
    return found


def test_show_prints_the_skill_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["skill", "show"]) == 0
    assert capsys.readouterr().out == agent_skill.own_files()["SKILL.md"]


def test_show_prints_a_playbook(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["skill", "show", "incident"]) == 0
    assert capsys.readouterr().out == agent_skill.own_files()["references/incident.md"]
    status, answer = answered(capsys, "show", "incidnt")
    assert (status, "did you mean 'incident'?" in answer["error"]["message"]) == (2, True)


def test_show_version_prints_the_version_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["skill", "show", "--version"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"


def test_without_a_host_install_writes_where_most_of_them_look(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    place = home / ".agents" / "skills" / "inngest"
    assert installed(capsys) == {
        "hosts": ["agents"],
        "path": str(place),
        "state": "current",
        "version": __version__,
    }
    main = (place / "SKILL.md").read_text(encoding="utf-8")
    assert main.startswith(agent_skill.own_files()["SKILL.md"])
    assert (place / "references" / "incident.md").is_file()


def test_install_serves_every_host_that_is_found_and_none_twice(
    capsys: pytest.CaptureFixture[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (".claude", ".cursor", ".gemini", "codex"):
        (home / name).mkdir()
    monkeypatch.setenv("CODEX_HOME", str(home / "codex"))
    status, answer = answered(capsys, "install")
    assert status == 0
    assert {it["path"]: it["hosts"] for it in answer["data"]["items"]} == {
        str(home / ".claude" / "skills" / "inngest"): ["claude"],
        str(home / "codex" / "skills" / "inngest"): ["codex"],
        str(home / ".agents" / "skills" / "inngest"): ["cursor", "gemini"],
    }


def test_list_shows_where_it_would_be_written_and_writes_nothing(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    (home / ".claude").mkdir()
    _, answer = answered(capsys, "install", "--list")
    assert [it["state"] for it in answer["data"]["items"]] == ["absent"]
    assert list((home / ".claude").iterdir()) == []


def test_install_takes_hosts_by_any_of_their_names_and_a_scope(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = installed(capsys, "--target", "claude-code", "--scope", "project")
    assert found["path"] == str(tmp_path / "project" / ".claude" / "skills" / "inngest")


def test_install_keeps_a_changed_skill_unless_forced(capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(installed(capsys)["path"], "SKILL.md")
    path.write_text("mine", encoding="utf-8")
    status, answer = answered(capsys, "install")
    assert status == 2
    assert "--force" in answer["error"]["message"]
    assert path.read_text(encoding="utf-8") == "mine"
    assert installed(capsys, "--force")["state"] == "current"
    assert path.read_text(encoding="utf-8").startswith(agent_skill.own_files()["SKILL.md"])


def test_an_unknown_host_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, answer = answered(capsys, "install", "--target", "cloud")
    assert status == 2
    assert "agents, claude, codex, cursor, gemini, openclaw" in answer["error"]["message"]


def test_check_says_that_none_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    status, answer = answered(capsys, "check")
    assert status == 4
    assert "data" not in answer
    assert "skill install" in answer["error"]["hint"]


def test_check_accepts_what_is_installed_and_of_this_version(
    capsys: pytest.CaptureFixture[str],
) -> None:
    there = installed(capsys)["path"]
    status, answer = answered(capsys, "check")
    assert status == 0
    assert [(it["path"], it["state"]) for it in answer["data"]["items"]] == [(there, "current")]


@pytest.mark.parametrize("name", ["SKILL.md", "references/files.md"])
def test_check_fails_for_one_that_is_not_of_this_version(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = Path(installed(capsys)["path"], name)
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text.replace(__version__, '0.0.1')}more", encoding="utf-8")
    status, answer = answered(capsys, "check")
    assert status == 6
    (found,) = answer["data"]["items"]
    version = "0.0.1" if name == "SKILL.md" else __version__
    assert (found["state"], found["version"]) == ("different", version)
    assert found["path"] in answer["error"]["message"]


def test_on_a_terminal_check_has_a_line_for_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = installed(capsys)["path"]
    monkeypatch.setenv("COLUMNS", "400")
    assert run(["skill", "check", "-o", "table"]) == 0
    heading, line = capsys.readouterr().out.splitlines()
    assert heading.split() == ["HOSTS", "PATH", "STATE", "VERSION"]
    assert line.split()[-3:] == [path, "current", __version__]


def test_fields_of_an_answer_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    answered(capsys, "install")
    _, answer = answered(capsys, "check", "--fields", "state")
    assert answer["data"]["items"] == [{"state": "current"}]
    status, answer = answered(capsys, "check", "--fields", "stat")
    assert status == 2
    assert "did you mean 'state'?" in answer["error"]["message"]

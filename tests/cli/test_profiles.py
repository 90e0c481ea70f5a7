"""Named servers on the command line: they are listed, and a protected one is named for an act."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inngest_rest_tools.command.stderr import Stderr

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Run


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        '[prod]\nenv = "eu"\nprotected = true\nsigning_key_variable = "KEY"\n', encoding="utf-8"
    )
    monkeypatch.setenv("INNGEST_CONFIG", str(path))
    monkeypatch.setenv("KEY", "signkey-prod-12345678")


def test_the_profiles_are_listed_without_their_keys(run: Run) -> None:
    (prod,) = run("profiles").answer["data"]["items"]
    assert prod["keys"] == {"signing_key": "variable KEY"}
    assert "12345678" not in run("profiles", "-o", "table").out


def test_an_act_on_the_server_of_a_protected_profile_names_it(run: Run) -> None:
    ids = run.start("open", 2)
    words = ["runs", "cancel", *ids, "--yes", "--profile", "prod"]
    for more in ([], ["--confirm-profile", "other"]):
        refused = run(*words, *more)
        assert (refused.status, refused.answer["error"]["field"]) == (9, "confirm_profile")
        assert "profile prod" in refused.answer["error"]["message"]
    assert {each.status for each in run.server.runs} == {"running"}
    assert run("runs", "get", ids[0], "--profile", "prod").status == 0
    assert run("runs", "cancel", *ids, "--dry-run", "--profile", "prod").status == 0
    assert run(*words, "--confirm-profile", "prod").status == 0


@pytest.mark.parametrize(("typed", "status"), [("prod", 0), ("y", 9), ("", 9)])
def test_on_a_terminal_the_name_of_a_protected_profile_is_typed_before_an_act(
    typed: str, status: int, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (id,) = run.start("open")
    monkeypatch.setattr(Stderr, "can_ask", True)
    words = ["runs", "cancel", id, "--profile", "prod", "-o"]
    ran = run(*words, "table", stdin=f"{typed}\n")
    assert "eu environment, profile prod), which is protected. Type the profile's name:" in ran.err
    assert ran.status == status
    assert run.server.runs[0].status == ("cancelled" if status == 0 else "running")
    # Who reads JSON may be a program, which is not asked.
    assert "Type" not in run(*words, "json", stdin=f"{typed}\n").err

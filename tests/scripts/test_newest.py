"""The weekly question for newer releases: GitHub's answers are given, no network."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.internal import newest
from scripts.internal.newest import FOLLOWED

SERVER, PUBLISHER = FOLLOWED
OURS = newest.Followed.ours


@pytest.fixture(autouse=True)
def _ours(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {"inngest server": "1.43", "mcp-publisher": "1.8.1"}
    monkeypatch.setattr(newest.Followed, "ours", lambda each: ours[each.name])


def test_a_newer_release_is_told_with_what_it_asks_for() -> None:
    line = SERVER.line({"tag_name": "v1.46.2"})
    assert "1.46.2 is out, ours is 1.43" in line
    assert "scripts/release-diff" in line


@pytest.mark.parametrize(
    ("tag", "is_newer"),
    [("v1.43.9", False), ("v1.44.0", True), ("v1.9.0", False), ("v2.0.0", True)],
)
def test_a_patch_of_the_recorded_server_is_nothing_new(tag: str, is_newer: bool) -> None:
    assert bool(SERVER.line({"tag_name": tag})) is is_newer


def test_a_patch_of_what_is_downloaded_is_newer() -> None:
    assert PUBLISHER.line({"tag_name": "v1.8.2"})
    assert not PUBLISHER.line({"tag_name": "v1.8.1"})


@pytest.mark.parametrize(
    "answer", [{}, {"tag_name": None}, {"tag_name": "v1.99.0 @team"}, [], TimeoutError()], ids=str
)
def test_what_cannot_be_asked_for_is_told_without_the_text_of_others_and_stops_nothing(
    answer: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fetch(repository: str) -> Any:
        if repository == PUBLISHER.repository:
            return {"tag_name": "v1.9.0"}
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(newest, "fetch", fetch)
    assert newest.main() == 1
    text = capsys.readouterr().out
    assert "inngest server could not be asked for" in text
    assert "mcp-publisher 1.9.0 is out" in text
    assert "@" not in text


def test_nothing_is_written_where_nothing_is_newer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(newest, "fetch", lambda _: {"tag_name": "v1.8.1"})
    assert newest.main() == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("followed", FOLLOWED, ids=lambda each: each.name)
def test_the_repository_names_the_release_that_it_has(followed: newest.Followed) -> None:
    assert OURS(followed)[0].isdigit()

"""The weekly question for newer releases: the answers of the indexes are given, no network."""

from __future__ import annotations

import sys
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from scripts.internal import newest
from scripts.internal.newest import Newer, compare, newest_recorded, pins, written

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = """
[project]
name = "inngest-rest"
dependencies = ["httpx>=0.27,<1", "attrs>=23.2"]
[project.optional-dependencies]
cli = ["rich>=14"]
all = ["inngest-rest[cli]"]
[dependency-groups]
live = ["inngest==0.5.19", "jsonschema[format-nongpl]==4.26.0"]
dev = [{ include-group = "live" }, "django==5.2.19"]
"""
LOCK = """
attrs==25.4.0 \\
    --hash=sha256:ab
httpx==0.28.1
rich==15.0.0
inngest==0.1
idna==3.20
"""


def asking(server: str, **packages: str) -> Callable[[str], Any]:
    """Return what answers for the indexes: packages that are not named have no newer release."""

    def ask(url: str) -> Any:
        if "github.com" in url:
            return {"tag_name": server}
        name = url.removesuffix("/json").rpartition("/")[2]
        return {"info": {"version": packages[name]}}

    return ask


def test_what_is_named_by_the_project_is_asked_for_once_at_the_version_that_is_installed() -> None:
    assert pins(tomllib.loads(PROJECT), LOCK) == {
        "httpx": "0.28.1",
        "attrs": "25.4.0",
        "rich": "15.0.0",
        "inngest": "0.5.19",
        "jsonschema": "4.26.0",
    }


def test_only_what_is_newer_is_told() -> None:
    pinned = {"httpx": "0.28.1", "inngest": "0.5.19", "rich": "15.0.0"}
    ask = asking("v1.46.2", httpx="0.28.1", inngest="0.5.20", rich="14.9")
    assert compare("1.43", pinned, ask) == (
        [Newer("inngest server", "1.43", "1.46.2"), Newer("inngest", "0.5.19", "0.5.20")],
        [],
    )


@pytest.mark.parametrize(("tag", "is_newer"), [("v1.43.9", False), ("v1.44.0", True)])
def test_a_patch_of_the_recorded_server_is_nothing_new(tag: str, is_newer: bool) -> None:
    assert bool(compare("1.43", {}, asking(tag)).newer) is is_newer


@pytest.mark.parametrize("answer", [{}, {"tag_name": None}, {"tag_name": "nightly"}, []], ids=str)
def test_an_answer_of_another_form_is_told_and_stops_nothing(answer: object) -> None:
    def ask(url: str) -> Any:
        return answer if "github.com" in url else {"info": {"version": "2.0"}}

    newer, unanswered = compare("1.43", {"httpx": "1.0"}, ask)
    assert newer == [Newer("httpx", "1.0", "2.0")]
    assert [each.partition(":")[0] for each in unanswered] == ["inngest server"]


def test_the_publisher_is_asked_for_where_its_releases_are() -> None:
    workflow = "https://github.com/x/registry/releases/download/v1.8.1/mcp-publisher_linux.tar.gz"
    pinned = {"mcp-publisher": newest.publisher(workflow)}
    tags = {newest.SERVER: "v1.43.0", newest.PUBLISHER: "v1.9.0"}
    answers = compare("1.43", pinned, lambda url: {"tag_name": tags[url]})
    assert answers == ([Newer("mcp-publisher", "1.8.1", "1.9.0")], [])


def test_an_index_that_does_not_respond_is_told() -> None:
    def ask(_: str) -> Any:
        raise TimeoutError("too slow")

    assert compare("1.43", {}, ask).unanswered == ["inngest server: TimeoutError: too slow"]


def test_the_issue_begins_with_what_takes_work_and_has_no_markup_of_others() -> None:
    newer = [Newer("attrs", "1", "2"), Newer("httpx", "1", "2 @team [x](http://evil)|<b>")]
    text = written(newest.Answers(newer, []))
    assert text.index("httpx") < text.index("attrs")
    assert not {"@", "[", "<"} & {*text}


def test_nothing_is_written_where_nothing_differs() -> None:
    assert written(newest.Answers([], [])) == ""


def test_the_repository_itself_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def fetch(url: str) -> Any:
        asked.append(url)
        return {"tag_name": "v99.0.0", "info": {"version": "0"}}

    monkeypatch.setattr(newest, "fetch", fetch)
    monkeypatch.setattr(sys, "argv", ["newest"])
    assert newest.main() == 0
    text = capsys.readouterr().out
    assert "| inngest server |" in text
    assert "| mcp-publisher |" in text
    assert "99.0.0" in text
    for name in ("inngest", "openapi-python-client", "httpx", "schemathesis"):
        assert newest.PACKAGE.format(name) in asked
    assert newest_recorded('info:\n  x-newest-recorded: "1.43"\n') == "1.43"

"""`api`: a request of any path, with the arguments that `gh api` takes."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest

from inngest_rest_mock import answers
from inngest_rest_tools.command.stderr import Stderr

if TYPE_CHECKING:
    from pathlib import Path

    from inngest_rest_mock import MockServer
    from tests.support.command import Run


def asked(mock: MockServer) -> list[tuple[str, str]]:
    return [(each.method, each.path) for each in mock.requests]


@pytest.mark.parametrize("words", [["/v2/runs"], ["GET", "/v2/runs"]])
def test_a_path_is_read_unless_a_method_is_named(words: list[str], run: Run) -> None:
    (id,) = run.start("placed")
    answer = run("api", *words, "-f", "limit=5").answer
    assert (answer["ok"], answer["command"], answer["untrusted"]) == (True, "api", ["data.body"])
    assert answer["data"]["status"] == 200
    assert [each["id"] for each in answer["data"]["body"]["data"]] == [id]
    assert (asked(run.server)[-1], run.server.requests[-1].query) == (
        ("GET", "/v2/runs"),
        "limit=5",
    )


@pytest.mark.parametrize("typed", ["-", "file.json"])
def test_a_body_comes_from_a_file_or_from_standard_input(
    typed: str, run: Run, folder: Path
) -> None:
    body = json.dumps({"data": {"n": 1}})
    (folder / "file.json").write_text(body)
    path = "/v2/apps/shop/functions/charge/invoke"
    ran = run("api", "POST", path, "--input", typed, "--yes", stdin=body)
    assert ran.answer["data"]["body"]["data"]["runId"] == run.server.runs[0].id
    assert run.server.requests[-1].json() == {"data": {"n": 1}}


def test_fields_are_the_body_of_another_method_than_get(run: Run) -> None:
    ran = run("api", "POST", "/v1/signals", "-f", "signal=paid", "-f", "tag=b=c&d", "--yes")
    assert run.server.requests[-1].json() == {"signal": "paid", "tag": "b=c&d"}
    assert ran.status == 4  # nothing waits for it


def test_fields_beside_a_body_are_the_query(run: Run) -> None:
    path = "/v1/signals?a=%26"
    fields = ["-f", "b=& ", "-f", "b=2"]
    run("api", "POST", path, "--input", "-", *fields, "--yes", stdin='{"signal": "paid"}')
    assert run.server.requests[-1].json() == {"signal": "paid"}
    assert parse_qs(run.server.requests[-1].query) == {"a": ["&"], "b": ["& ", "2"]}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_another_method_than_get_is_confirmed_by_the_command_that_its_refusal_shows(
    method: str, run: Run
) -> None:
    refused = run("api", method, "/v2/runs/x", "-f", "a=b c", "-o", "json")
    error = refused.answer["error"]
    assert (refused.status, error["code"]) == (9, "confirmation_needed")
    assert f"api would {method} /v2/runs/x at http" in error["message"]
    assert asked(run.server) == []
    _, *words = shlex.split(error["hint"].partition("To do it: ")[2])
    run(*words[:2], "/v2/runs/y", *words[3:])
    assert asked(run.server) == []
    run(*words)
    assert (asked(run.server), run.server.requests[0].json()) == (
        [(method, "/v2/runs/x")],
        {"a": "b c"},
    )


@pytest.mark.parametrize(("reply", "count"), [("y", 1), ("n", 0)])
def test_a_person_is_asked(
    reply: str, count: int, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stderr, "can_ask", True)
    ran = run("api", "DELETE", "/v1/webhooks/1", "-o", "table", stdin=f"{reply}\n")
    assert "(default environment)? [y/N]" in ran.err
    assert len(asked(run.server)) == count


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_all_pages_are_requested_one_after_the_other(form: str, run: Run, folder: Path) -> None:
    ids = run.start("placed", 5)
    to_file = ["--output-file", "pages.json"] if form == "json" else []
    ran = run("api", "/v2/runs", "-f", "limit=2", "--paginate", "-o", form, *to_file)
    assert ran.status == 0
    answer = json.loads((folder / "pages.json").read_text()) if to_file else {}
    pages = answer["data"]["items"] if to_file else ran.lines
    found = [each["id"] for page in pages for each in page["body"]["data"]]
    assert sorted(set(found)) == sorted(ids)
    assert len(pages) == len([each for each in run.server.requests if each.path == "/v2/runs"]) > 2
    assert answer.get("untrusted", []) == ["data.items[].body"] * len(to_file[1:])


def test_what_has_no_pages_is_requested_once(run: Run) -> None:
    assert len(run("api", "/health", "--paginate", "-o", "ndjson").lines) == 1
    assert asked(run.server) == [("GET", "/health")]


@pytest.mark.parametrize("cursors", ["aa", "aba", "abcb"])
def test_a_cursor_that_returns_ends_in_an_error_after_what_was_read(cursors: str, run: Run) -> None:
    for cursor in cursors:
        page = {"data": [], "page": {"hasMore": True, "cursor": cursor}}
        run.server.fault(answers(200, json.dumps(page)), path="/v2/runs")
    ran = run("api", "/v2/runs", "--paginate", "-o", "ndjson")
    *pages, failure = ran.lines
    assert (ran.status, len(pages)) == (8, len(cursors))
    assert "not by which new cursor" in failure["error"]["message"]


def test_text_that_is_no_json_is_text(run: Run) -> None:
    run.server.fault(answers(200, "plain"), path="/v2/apps")
    assert run("api", "/v2/apps").answer["data"]["body"] == "plain"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("tokens", "field"),
    [
        (["https://evil.test/v2/runs"], "path"),
        (["/v2/../admin"], "path"),
        (["PURGE", "/v2/runs"], "method"),
        (["/v2/runs", "-f", "limit"], "raw_field"),
        (["/v2/runs", "--paginate", "-o", "json"], "all"),
        (["POST", "/v2/runs", "--paginate", "--output-file", "pages.json"], "paginate"),
        (["POST", "/v2/runs", "--input", "missing.json"], "body"),
        ([], "method"),
    ],
)
def test_a_mistake_is_named_and_nothing_is_requested(
    tokens: list[str], field: str, run: Run
) -> None:
    ran = run("api", *tokens)
    assert ran.status == 2
    assert ran.answer["error"]["field"] == field
    assert asked(run.server) == []


def test_what_the_server_refuses_has_its_status_and_its_words(run: Run) -> None:
    ran = run("api", "/v2/runs", "-f", "limit=x")
    assert (ran.status, ran.answer["error"]["status"]) == (2, 400)

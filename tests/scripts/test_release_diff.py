"""scripts/release-diff: each difference once, with its cause, and what the calls do about it."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from scripts.internal.release_diff import __main__ as release_diff
from scripts.internal.release_diff import alterations, bodies
from scripts.internal.release_diff.calls import Judgement, Outcome, judge, judgements
from scripts.internal.release_diff.causes import Cause, causes
from scripts.internal.release_diff.report import Comparison, as_json, lines
from scripts.internal.release_diff.subjects import subject
from scripts.internal.release_diff.survey import Probe, survey
from scripts.internal.servers import Keys
from tests.contract.mock_world import make_mock
from tests.contract.recordings import Recording
from tests.scripts import changed_server
from tests.scripts.changed_server import CHANGES, changed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from inngest_rest import InngestClient
    from scripts.internal.release_diff.subjects import Subject
    from scripts.internal.release_diff.survey import Survey, World


@contextmanager
def server(*changes: str, **settings: Any) -> Iterator[Subject]:
    mock = make_mock("contract", visibility_delay=0, **settings)
    with mock.serve() as url, changed(url, changes) as own, subject(own, Keys()) as found:
        yield found


@cache
def surveyed(*changes: str, **settings: Any) -> Survey:
    with server(*changes, **settings) as found:
        return survey(found)


@pytest.fixture(scope="module")
def old() -> Survey:
    with server() as found:
        return survey(found)


TOLD: dict[str, set[tuple[str, str]]] = {
    "field": {("field new", "priority = 0")},
    "rename": {("field renamed", "durationMs -> durationMillis")},
    "pagerename": {("field renamed", "hasMore -> hasNextPage")},
    "status": {("value new", "status WAITING")},
    "routes": {
        ("operation new", "GET /v2/runs/{runId}/annotations, listed"),
        ("operation new", "POST /v2/runs/{runId}/annotations, listed"),
    },
    "error": {
        (
            "response",
            (
                "of an ended run: 409 json run_already_ended -> "
                "422 problem+json {detail, status, title}"
            ),
        )
    },
    "removed": {("operation gone", "GET /v1/runs/{runId}/jobs")},
    "strict": {
        (
            "event",
            (
                "an event with a name of 101 characters, an event with a name of 255 characters, "
                "an event with data null ...: 200 text/plain -> 400 text/plain {error, ids, status}"
            ),
        )
    },
    "limit": {
        ("page limit", "100 -> 50 (more is refused)"),
        ("page limit", "250 -> 50 (more is refused)"),
        ("page limit", "40 -> 20 (more is refused)"),
        ("page limit", "51 -> 25 (more gets as many)"),
    },
}


def told(found: list[Cause]) -> set[tuple[str, str]]:
    return {(cause.kind, cause.what) for cause in found}


def test_a_server_does_not_differ_from_its_like(old: Survey) -> None:
    assert causes(old, surveyed()) == []


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_told_once_and_nothing_else(old: Survey, change: str) -> None:
    assert told(causes(old, surveyed(change))) == TOLD[change]


def test_no_change_hides_another(old: Survey) -> None:
    found = causes(old, surveyed(*CHANGES))
    assert told(found) == set().union(*TOLD.values())
    assert len(found) == len(told(found))


def test_a_page_that_is_cut_without_a_word_is_told_where_it_can_be_seen(old: Survey) -> None:
    found = told(causes(old, surveyed(largest_page=20, page_refusal=None)))
    assert ("page limit", "100 -> 20 (more is refused -> more gets as many)") in found
    assert ("page limit", "100 -> any (more is refused -> nothing is refused)") in found


def test_a_field_of_another_form_is_told_without_what_was_in_it(
    old: Survey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flat(asked: Any, answer: Any) -> Any:
        for run in changed_server.runs_of(asked, answer):
            if isinstance(run.get("app"), dict):
                run["app"] = run["app"]["id"]
        return answer

    monkeypatch.setitem(changed_server.CHANGES, "flat", flat)
    found = causes(old, surveyed("flat"))
    assert told(found) == {("form of a field", "app: object -> text")}


def test_a_field_of_another_form_is_told_once_whatever_each_operation_has_in_it(
    old: Survey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_milliseconds(asked: Any, answer: Any) -> Any:
        for index, run in enumerate(changed_server.runs_of(asked, answer)):
            if "queuedAt" in run:
                run["queuedAt"] = len(asked.path) * 1_000 + index
        return answer

    monkeypatch.setitem(changed_server.CHANGES, "in milliseconds", in_milliseconds)
    found = causes(old, surveyed("in milliseconds"))
    assert [cause.what for cause in found] == ["queuedAt: time -> number"]
    assert {"getRunV2", "listRunsV2"} <= set(found[0].operations)


def test_a_success_of_another_status_keeps_its_ids() -> None:
    sent = {"name": "x", "data": {}}
    before, after = (
        Recording("", "POST", "/e/key", {}, sent, status, "text/plain", {"ids": [name]})
        for status, name in ((200, "old"), (202, "new"))
    )
    probe = Probe("as usual", "sendEvents", "POST", "/e/{eventKey}", body=sent)
    alter = alterations.answering({probe: (before, after)})
    request = httpx.Request("POST", "http://x/e/key", json=sent)
    response = alter(request, lambda _: httpx.Response(200, json={"ids": ["mine"]}))
    assert (response.status_code, response.json()) == (202, {"ids": ["mine"]})


def test_a_difference_names_every_operation_that_shows_it(old: Survey) -> None:
    (cause,) = causes(old, surveyed("rename"))
    assert set(cause.operations) == {
        "getRunTraceV2",
        "getRunV2",
        "listEventRunsV2",
        "listFunctionRunsV2",
        "listRunsV2",
    }


def test_a_page_size_that_is_refused_to_the_survey_itself_costs_no_verdict(old: Survey) -> None:
    found = causes(old, surveyed(largest_page=1))
    assert "100 -> 1 (more is refused)" in {cause.what for cause in found}


def test_a_release_without_v2_listings_is_surveyed(old: Survey) -> None:
    gone = {cause.what for cause in causes(old, surveyed(release="1.33"))}
    assert "GET /v2/runs" in gone
    came = {cause.what for cause in causes(surveyed(release="1.33"), old)}
    assert "GET /v2/runs" in came


def test_each_touched_call_is_tried_with_one_difference_at_a_time(old: Survey) -> None:
    def jobs(client: InngestClient, world: World) -> Any:
        return client.runs.jobs(world.runs["sleeps"])

    def cancel(client: InngestClient, world: World) -> Any:
        return client.runs.cancel(world.runs["echoes"])

    found = causes(old, surveyed(*CHANGES))
    with server() as plain:
        world = survey(plain).world
        judged = judgements(plain, world, found, {"jobs": jobs, "cancel": cancel})
    told = {(cause.kind, each.call, each.verdict) for cause, of in judged.items() for each in of}
    assert ("operation gone", "jobs", "breaks") in told
    assert {verdict for kind, call, verdict in told if call == "jobs"} == {"breaks"}
    assert ("field new", "jobs", "works") not in told, "it asks no run"


OK = Outcome(None, {"[]": 3, "[0].id": "a", "at": 1})
REFUSED = Outcome(None, is_refused=True)


@pytest.mark.parametrize(
    ("before", "again", "after", "verdict"),
    [
        (OK, OK, OK, "works"),
        (OK, OK, Outcome(None, {"[]": 2, "[0].id": "a", "at": 1}), "lies"),
        (OK, OK, Outcome(None, {"[]": 3, "[0].id": None, "at": 1}), "degrades"),
        (OK, Outcome(None, {"[]": 3, "[0].id": "a", "at": 2}), OK, "works"),
        (OK, OK, Outcome("BadRequestError: no"), "breaks"),
        (REFUSED, REFUSED, Outcome("BadRequestError: no"), "degrades"),
        (Outcome("A: x"), Outcome("A: x"), Outcome("A: y"), "works"),
        (Outcome("A: x"), Outcome("A: x"), Outcome("B: x"), "degrades"),
    ],
)
def test_a_verdict_compares_what_a_call_gave(
    before: Outcome, again: Outcome, after: Outcome, verdict: str
) -> None:
    assert judge("call", before, again, after).verdict == verdict


def test_a_field_is_changed_wherever_its_path_leads() -> None:
    body = {"data": [{"a": {"b": 1}}, {"a": {"b": 2}}, {"a": None}]}
    changed = bodies.changed(body, "data[].a.b", lambda item, name: item.update({name: 0}))
    assert changed == {"data": [{"a": {"b": 0}}, {"a": {"b": 0}}, {"a": None}]}
    assert body["data"][0] == {"a": {"b": 1}}


def test_what_the_output_of_a_listed_run_has_is_not_compared() -> None:
    listed = {"data": [{"output": {"error": 1}}]}
    assert "data[].output.error" not in bodies.fields([listed])
    assert "data.output.error" in bodies.fields([{"data": {"output": {"error": 1}}}])


def test_a_smaller_page_is_refused_or_given_as_the_new_server_does() -> None:
    asked: list[str] = []

    def send(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params["limit"])
        return httpx.Response(200)

    request = httpx.Request("GET", "http://x/v2/runs?limit=100")
    refuses = alterations.limiting(["listRunsV2"], 20, refuses=True)
    clamps = alterations.limiting(["listRunsV2"], 20, refuses=False)
    assert refuses(request, send).status_code == 400
    assert clamps(request, send).is_success
    assert asked == ["20"]


def test_the_report_groups_calls_by_verdict_and_fits_two_screens(old: Survey) -> None:
    found = causes(old, surveyed(*CHANGES))
    names = [f"runs.call{n}" for n in range(30)]
    judged = [Judgement(names[0], "lies", "25 of 62"), *(Judgement(it, "works") for it in names)]
    comparison = Comparison("a", "b", dict.fromkeys(found, judged), judged, 1.0)
    text = list(lines(comparison))
    assert len(text) <= 100
    assert max(map(len, text)) <= 118
    assert "    LIES: runs.call0 (25 of 62)" in text
    assert len(as_json(comparison)["differences"]) == len(found)
    json.dumps(as_json(comparison))


def test_documents_are_compared_where_both_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / name for name in ("old.json", "new.json")]
    for file, statuses in zip(files, (["200"], ["200", "429"]), strict=True):
        operation = {"responses": {status: {"description": ""} for status in statuses}}
        spec = {"openapi": "3.1.0", "paths": {"/v2/health": {"get": operation}}}
        file.write_text(json.dumps(spec), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["release-diff", *map(str, files)])
    assert release_diff.main() == 1
    assert "only new: 429" in capsys.readouterr().out


def test_a_server_that_is_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["release-diff", str(tmp_path / "x"), "mock"])
    assert release_diff.main() == 2
    assert f"{tmp_path / 'x'}: neither a file, nor a URL" in capsys.readouterr().err

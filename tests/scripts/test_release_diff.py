"""scripts/release-diff: what the calls make of a server that changed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from scripts.internal.release_diff import __main__ as release_diff
from scripts.internal.release_diff import responses
from scripts.internal.release_diff.calls import Outcome, differing, judge
from scripts.internal.release_diff.subjects import subject
from scripts.internal.servers import Keys
from tests.contract.mock_world import make_mock
from tests.scripts.changed_server import CHANGES, changed
from tests.scripts.surveys import exchanges

if TYPE_CHECKING:
    from pathlib import Path

    from inngest_rest import InngestClient
    from scripts.internal.release_diff.survey import World


def jobs(client: InngestClient, world: World) -> Any:
    return client.runs.jobs(world.runs["sleeps"])


def runs(client: InngestClient, world: World) -> Any:
    return list(client.runs.list(app=world.app, limit=3))


def cut(asked: Any, answer: Any) -> Any:
    """Have the server leave out all but the first of a list, without a word."""
    if asked.path == "/v2/runs" and answer.status == 200:
        answer.body["data"] = answer.body["data"][:1]
        answer.body["page"] = {"hasMore": False, "limit": 100}
    return answer


def cancel(client: InngestClient, world: World) -> Any:
    return client.runs.cancel(world.runs["echoes"])


def send(client: InngestClient, world: World) -> Any:
    return client.send({"name": f"{world.app}/{'x' * 101}", "data": {}})


def test_what_breaks_and_what_lies_is_told_the_worst_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(CHANGES, "cut", cut)
    calls = {"jobs": jobs, "runs": runs, "cancel": cancel, "send": send}
    with make_mock("contract", visibility_delay=0).serve() as url:
        changes = ("removed", "cut", "strict")
        with (
            changed(url, changes) as proxy,
            subject(url, Keys()) as old,
            subject(proxy, Keys()) as new,
        ):
            world = release_diff.world_of(old)
            found = differing(old, world, new, world, calls)
    assert [(each.verdict, each.call) for each in found] == [
        ("lies", "runs"),
        ("breaks", "jobs"),
        ("breaks", "send"),
    ]
    assert found[0].why == "1 of 3 items"


OK = Outcome(None, {"[]": 3, "[0].id": "a", "at": 1})
REFUSED = Outcome(None, is_refused=True)


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (OK, OK, "works"),
        (OK, Outcome(None, {"[]": 2, "[0].id": "a", "at": 1}), "lies"),
        (OK, Outcome(None, {"[]": 3, "[0].id": None, "at": 1}), "degrades"),
        (OK, Outcome("BadRequestError: no"), "breaks"),
        (REFUSED, Outcome("BadRequestError: no"), "degrades"),
        (Outcome("A: x"), Outcome("A: y"), "works"),
        (Outcome("A: x"), Outcome("B: x"), "degrades"),
    ],
)
def test_a_verdict_compares_what_a_call_gave(before: Outcome, after: Outcome, verdict: str) -> None:
    assert judge("call", before, after).verdict == verdict


RESPONSES = {
    "getRunV1": "'fieldOfTomorrow' was unexpected",
    "getRunTraceV2": "no data.rootSpan.durationMs any more",
    "listFunctionsV2": "no page.hasMore any more",
    "getRunV2": "'WAITING' is not one of",
    "GET /v2/runs/{runId}/annotations": "is not documented",
    "cancelRunV2": "of an ended run: 422 problem+json {detail, status, title}, not 409",
    "listRunJobsV1": "the route is gone",
    "sendEvents": "an event without data: 400",
    "listRunsV2": "the largest page: 400 json invalid_field_format, not 200",
    "listEventsV1": "the largest page: 25 of 51 items",
}


@pytest.mark.parametrize("operation", RESPONSES)
def test_each_change_of_the_responses_is_told_by_its_operation(operation: str) -> None:
    found = responses.changed(exchanges(), exchanges(*CHANGES))
    assert RESPONSES[operation] in " ".join(found[operation])


def test_a_server_does_not_differ_from_its_like(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["release-diff", "mock", "mock"])
    assert release_diff.main() == 0, capsys.readouterr().out


def test_a_server_that_is_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["release-diff", str(tmp_path / "x"), "mock"])
    assert release_diff.main() == 2
    assert f"{tmp_path / 'x'}: neither a file, nor a URL" in capsys.readouterr().err

"""Replaying many runs: none twice, also if a response is lost, and none that would go wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import httpx
import pytest

from inngest_rest import Event, InngestClient
from inngest_rest_mock import (
    MockServer,
    answers,
    drops,
    fails,
    loses_response,
    sleeps,
    takes_effect_late,
)
from tests.support.server import Server, body_of, recorded, says

if TYPE_CHECKING:
    from pathlib import Path

    from inngest_rest.bulk import ActionReport, ActionRow
    from inngest_rest_mock import Effect
    from tests.conftest import Connect
    from tests.support.clock import Clock

ENDED_AT = "2026-11-24T10:00:00Z"
NO_SUCH_EVENT = {"errors": [{"code": "event_not_found", "message": "no such event"}]}

Wait = Callable[[float], None]


@pytest.fixture
def mock() -> MockServer:
    mock = MockServer(v1_routes=False)
    mock.function("shop", "boom", trigger="app/boom", run=fails("boom"))
    mock.function("shop", "nap", trigger="app/nap", run=sleeps(timedelta(hours=1)))
    return mock


@pytest.fixture
def wait(clock: Clock, mock: MockServer) -> Wait:
    """Let time pass, for the client and the server."""

    def wait(seconds: float) -> None:
        clock.advance(seconds)
        mock.advance(seconds)

    return wait


@pytest.fixture
def report_path(tmp_path: Path) -> Path:
    return tmp_path / "report.jsonl"


def only_row(report: ActionReport) -> ActionRow:
    (row,) = report.rows
    return row


def failed_run(client: InngestClient, mock: MockServer) -> str:
    client.send(Event("app/boom"))
    return mock.runs[-1].id


def test_a_replay_whose_response_was_lost_is_found_and_not_repeated(
    client: InngestClient, mock: MockServer
) -> None:
    run_id = failed_run(client, mock)
    mock.fault(loses_response(), operation="rerun_run_v2")
    row = only_row(client.runs.replay_all([run_id]))
    assert (row.outcome, row.new_run_id) == ("done", mock.runs[-1].id)
    assert len(mock.runs) == 2


def test_an_earlier_replay_is_not_taken_for_the_lost_one(
    client: InngestClient, mock: MockServer
) -> None:
    run_id = failed_run(client, mock)
    earlier = client.runs.replay(run_id)
    mock.fault(loses_response(), operation="rerun_run_v2")
    row = only_row(client.runs.replay_all([run_id]))
    assert row.new_run_id not in {earlier, run_id}
    assert len(mock.runs) == 3


def test_the_lost_replay_of_a_replay_is_found(client: InngestClient, mock: MockServer) -> None:
    second = client.runs.replay(failed_run(client, mock))
    mock.fault(loses_response(), operation="rerun_run_v2")
    row = only_row(client.runs.replay_all([second]))
    assert (row.outcome, row.new_run_id) == ("done", mock.runs[-1].id)
    assert len(mock.runs) == 3


@pytest.mark.parametrize(
    "response",
    [
        answers(502, "<html>"),
        answers(503, "down"),
        answers(504, "<html>"),
        answers(500, {"errors": []}),
        answers(200, ""),
        drops(httpx.ReadError),
        drops(httpx.ReadTimeout),
    ],
    ids=["502", "503", "504", "500 of nobody", "empty", "reset", "timeout"],
)
def test_a_replay_that_may_take_effect_yet_is_unknown_after_one_request(
    client: InngestClient, mock: MockServer, response: Effect
) -> None:
    run_id = failed_run(client, mock)
    fault = mock.fault(response, operation="rerun_run_v2", times=None)
    row = only_row(client.runs.replay_all([run_id]))
    assert (row.outcome, row.replays_before) == ("unknown", ())
    assert "may still take effect" in str(row.reason)
    assert fault.hits == 1


@pytest.mark.parametrize("after", [4, 3_600])
@pytest.mark.parametrize("meanwhile", [answers(504), drops(httpx.ReadTimeout)], ids=["504", "lost"])
def test_a_replay_that_takes_effect_late_is_looked_for_and_never_requested_again(
    client: InngestClient,
    mock: MockServer,
    report_path: Path,
    after: int,
    meanwhile: Effect,
    wait: Wait,
) -> None:
    run_id = failed_run(client, mock)
    mock.fault(takes_effect_late(after, meanwhile), operation="rerun_run_v2")
    for _ in range(2):
        row = only_row(client.runs.replay_all([run_id], report_path=report_path))
        assert row.outcome == "unknown"
    assert len(mock.runs) == 1
    wait(after)
    row = only_row(client.runs.replay_all([run_id], report_path=report_path))
    assert (row.outcome, row.new_run_id) == ("done", mock.runs[-1].id)
    assert len(mock.runs) == 2


REFUSAL = {"errors": [{"code": "internal_error", "message": "Unable to rerun run"}]}


@pytest.mark.parametrize("refusal", [answers(400, {"errors": []}), answers(500, REFUSAL)], ids=str)
def test_a_replay_that_the_server_refused_has_failed_and_may_be_made(
    client: InngestClient, mock: MockServer, refusal: Effect
) -> None:
    run_id = failed_run(client, mock)
    fault = mock.fault(refusal, operation="rerun_run_v2")
    row = only_row(client.runs.replay_all([run_id]))
    assert (row.outcome, row.replays_before) == ("failed", None)
    assert fault.hits == 1
    assert client.runs.replay(run_id) == mock.runs[-1].id


def test_a_lost_replay_is_not_requested_again_where_it_cannot_be_looked_up(
    client: InngestClient, mock: MockServer, report_path: Path, wait: Wait
) -> None:
    run_id = failed_run(client, mock)
    for operation in ("list_event_runs_v1", "list_event_runs_v2"):
        mock.fault(answers(404, NO_SUCH_EVENT), operation=operation, times=None)
    fault = mock.fault(drops(httpx.ReadError), operation="rerun_run_v2", times=None)
    again = partial(client.runs.replay_all, [run_id], replay_again=True, report_path=report_path)
    row = only_row(again())
    assert (row.outcome, row.replays_before) == ("unknown", None)
    wait(3_600)
    assert only_row(again()) == row
    assert fault.hits == 1


def test_a_lost_replay_that_cannot_be_looked_up_is_unknown_until_a_second_call_finds_it(
    client: InngestClient, mock: MockServer, report_path: Path
) -> None:
    run_id = failed_run(client, mock)
    mock.fault(loses_response(), operation="rerun_run_v2")
    lookup = mock.fault(answers(503), operation="list_event_runs_v1", after=1, times=None)
    for dry_run in (False, True, False):
        report = client.runs.replay_all([run_id], dry_run=dry_run, report_path=report_path)
        assert only_row(report).outcome == "unknown"
    lookup.clear()
    row = only_row(client.runs.replay_all([run_id], report_path=report_path))
    assert (row.outcome, row.new_run_id) == ("done", mock.runs[-1].id)
    assert len(mock.runs) == 2


def test_a_replay_of_unknown_outcome_is_never_requested_again_by_its_report(
    client: InngestClient, mock: MockServer, report_path: Path
) -> None:
    mock.fault(drops(httpx.ReadTimeout), operation="rerun_run_v2")
    run_id = failed_run(client, mock)
    client.runs.replay_all([run_id], report_path=report_path)
    mock.advance(86_400)
    row = only_row(client.runs.replay_all([run_id], report_path=report_path))
    assert (row.outcome, "by another report" in str(row.reason)) == ("unknown", True)
    assert len(mock.runs) == 1


def test_a_run_that_has_not_ended_is_refused(client: InngestClient, mock: MockServer) -> None:
    client.send(Event("app/nap"))
    row = only_row(client.runs.replay_all([mock.runs[0].id]))
    assert row.outcome == "refused"
    assert "has not ended" in str(row.reason)
    assert len(mock.runs) == 1


def test_the_run_of_a_batch_is_refused(connect: Connect, server: Server) -> None:
    run_id = body_of("v2-run-batch")["data"]["id"]
    server.on(f"GET /v2/runs/{run_id}", recorded("v2-run-batch"))
    row = only_row(connect().runs.replay_all([run_id]))
    assert (row.outcome, str(row.reason)[:24]) == ("refused", "it handled a batch of ev")
    assert server.asked == [f"GET /v2/runs/{run_id}?includeOutput=true"]


def test_the_runs_of_a_debounced_function_are_refused_after_one_look_at_its_app(
    connect: Connect, server: Server
) -> None:
    run = body_of("v2-run-output-boom")["data"] | {"endedAt": ENDED_AT}
    function = body_of("v2-function-full")["data"] | {"id": run["function"]["id"]}
    function["configuration"]["debounce"] = {"period": "5s"}
    of_app = f"GET /v2/apps/{run['app']['id']}/functions"
    server.on(of_app, says({"data": [function], "page": {"hasMore": False}}))
    ids = ["01M86WNRKHYE50ZF3GG530BHRT", "01M86WNRKHYE50ZF3GG530BHRV"]
    for run_id in ids:
        server.on(f"GET /v2/runs/{run_id}", says({"data": {**run, "id": run_id}}))
    report = connect().runs.replay_all(ids, in_flight=1)
    assert report.counts == {"refused": 2}
    assert "debounced" in str(report.rows[0].reason)
    assert len([asked for asked in server.asked if asked.startswith(of_app)]) == 1
    assert not any(each.startswith("POST") for each in server.asked)


def test_the_run_of_a_function_that_was_removed_is_replayed(
    client: InngestClient, mock: MockServer
) -> None:
    run_id = failed_run(client, mock)
    missing = body_of("v2-function-unknown")
    mock.fault(answers(404, missing), operation="list_functions_v2", times=None)
    assert only_row(client.runs.replay_all([run_id])).outcome == "done"


def test_a_dry_run_tells_what_would_be_refused_and_what_does_not_exist(
    client: InngestClient, mock: MockServer
) -> None:
    failed = failed_run(client, mock)
    client.send(Event("app/nap"))
    ids = [failed, mock.runs[-1].id, "01M86WNRKHYE50ZF3GG530BHRT"]
    report = client.runs.replay_all(ids, dry_run=True)
    assert report.counts == {"planned": 1, "refused": 1, "not_found": 1}


def test_a_run_whose_function_v1_does_not_name_is_replayed(connect: Connect) -> None:
    mock = MockServer(v1_routes=True)
    mock.function("shop", "charge", trigger="order")
    client = connect(transport=mock.transport, api_version="v1")
    client.send({"name": "order"})
    report = client.runs.replay_all([mock.runs[0].id])
    assert [str(row.outcome) for row in report.rows] == ["done"]
    assert len(mock.runs) == 2

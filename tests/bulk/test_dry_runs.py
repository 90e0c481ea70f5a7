"""Dry runs: they look at each run, say what a person judges it by, act on none, and are quick."""

from __future__ import annotations

import json
import tracemalloc
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import AuthenticationError, Event, PartialActionError
from inngest_rest_mock import MockServer, answers, fails, sleeps
from tests.support.run_lists import Listed, RunLists

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from inngest_rest.bulk import ActionReport, ActionRow
    from tests.conftest import Connect
    from tests.support.clock import Clock

NO_RUN = "01K9V2D6N9P1R7Z4W8X3Y5A0BC"


@pytest.fixture
def mock() -> MockServer:
    mock = MockServer()
    mock.function("shop", "nap", trigger="app/nap", run=sleeps(timedelta(hours=1)))
    mock.function("shop", "boom", trigger="app/boom", run=fails("card declined\nat line 3"))
    return mock


@pytest.fixture
def client(connect: Connect, mock: MockServer) -> InngestClient:
    return connect(transport=mock.transport)


def start(client: InngestClient, mock: MockServer, name: str, count: int = 1) -> list[str]:
    before = len(mock.runs)
    client.send([Event(name) for _ in range(count)])
    return [run.id for run in mock.runs[before:]]


def outcomes(report: ActionReport) -> list[str]:
    return [row.outcome for row in report.rows]


def acts(mock: MockServer) -> int:
    return sum(it.method != "GET" and not it.path.startswith("/e/") for it in mock.requests)


def test_cancelling_by_ids_is_planned_for_runs_that_exist_and_have_not_ended(
    client: InngestClient, mock: MockServer
) -> None:
    (running,), (ended,) = start(client, mock, "app/nap"), start(client, mock, "app/boom")
    planned = client.runs.cancel_all([running, ended, NO_RUN], dry_run=True)
    assert outcomes(planned) == ["planned", "already_ended", "not_found"]
    assert not acts(mock)
    assert outcomes(client.runs.cancel_all(planned)) == ["done", *outcomes(planned)[1:]]


def test_a_plan_that_is_looked_at_again_knows_what_has_ended_since(
    client: InngestClient, mock: MockServer
) -> None:
    first, second = start(client, mock, "app/nap", 2)
    planned = client.runs.cancel_all(app="shop", dry_run=True)
    client.runs.cancel(first)
    again = client.runs.cancel_all(planned, dry_run=True)
    assert {row.id: row.outcome for row in again.rows} == {
        first: "already_ended",
        second: "planned",
    }


@pytest.mark.parametrize("by", ["ids", "filter"])
@pytest.mark.parametrize("act", ["cancel_all", "replay_all"])
def test_a_row_has_what_a_person_judges_a_run_by(
    client: InngestClient, mock: MockServer, act: str, by: str
) -> None:
    is_open = act == "cancel_all"
    (id,) = start(client, mock, "app/nap" if is_open else "app/boom")
    run = client.runs.get(id)
    chosen: dict[str, Any] = {"ids": [id]} if by == "ids" else {"app": "shop"}
    (row,) = getattr(client.runs, act)(**chosen, dry_run=True).rows
    assert row.function == ("shop/nap" if is_open else "shop/boom")
    assert row.status == ("running" if is_open else "failed")
    assert (row.queued_at, row.ended_at) == (run.queued_at, run.ended_at)
    assert row.error == (None if is_open else "card declined")


def test_a_plan_has_its_counts_in_json(client: InngestClient, mock: MockServer) -> None:
    start(client, mock, "app/boom", 2)
    planned = client.runs.replay_all(app="shop", dry_run=True)
    assert json.loads(planned.to_json())["counts"] == {"planned": 2}


@pytest.mark.parametrize("act", ["cancel_all", "replay_all"])
def test_it_is_not_paced(client: InngestClient, mock: MockServer, clock: Clock, act: str) -> None:
    ids = start(client, mock, "app/nap" if act == "cancel_all" else "app/boom", 5)
    getattr(client.runs, act)(ids, dry_run=True, max_requests=1, in_flight=1)
    assert not clock.pauses


def test_cancelling_by_filter_requests_nothing_per_run(
    client: InngestClient, mock: MockServer
) -> None:
    start(client, mock, "app/nap", 30)
    client.runs.cancel_all(app="shop", dry_run=True)
    assert "/v2/runs" in {it.path for it in mock.requests}
    assert not [it.path for it in mock.requests if "/runs/" in it.path]


def test_it_stops_where_no_run_can_be_looked_at(client: InngestClient, mock: MockServer) -> None:
    ids = start(client, mock, "app/nap", 3)
    mock.fault(answers(401), path="/v*/runs/*", times=None)
    with pytest.raises(PartialActionError) as caught:
        client.runs.cancel_all(ids, dry_run=True, in_flight=1)
    assert isinstance(caught.value.__cause__, AuthenticationError)
    assert outcomes(caught.value.report) == ["failed", "not_tried", "not_tried"]


def test_what_is_kept_of_listed_runs_does_not_grow_with_their_errors(connect: Connect) -> None:
    failed = Listed(status="FAILED", error="x" * 20_000)
    peaks: list[int] = []

    def note(_: ActionRow) -> None:
        peaks.append(tracemalloc.get_traced_memory()[1])
        raise ZeroDivisionError

    client = connect(transport=RunLists(1_000, lambda _: failed))
    tracemalloc.start()
    try:
        with pytest.raises(ZeroDivisionError) as caught:
            client.runs.replay_all(app="shop", dry_run=True, on_result=note)
    finally:
        tracemalloc.stop()
    assert len(caught.value.report.rows) == 1_000  # type: ignore[attr-defined]
    assert peaks[0] < 15_000_000, "a page of runs, some times over; all of them have 20 MB"

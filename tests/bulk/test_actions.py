"""Bulk operations: what selects their targets, what they report, and how a second call resumes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from inngest_rest import (
    AuthenticationError,
    InngestClient,
    InvalidArgumentError,
    PartialActionError,
    ServerError,
)
from inngest_rest.bulk import ActionReport
from inngest_rest_mock import MockServer, answers, completes, fails, sleeps
from tests.bulk.starting import start
from tests.support.server import body_of, says

if TYPE_CHECKING:
    from pathlib import Path

    from inngest_rest.bulk import ActionRow
    from tests.conftest import Connect
    from tests.support.clock import Clock
    from tests.support.server import Server

UNKNOWN_ID = "01M86WNRKHYE50ZF3GG530BHRT"


@pytest.fixture
def mock() -> MockServer:
    mock = MockServer(v1_routes=False)
    mock.function("shop", "nap", trigger="app/nap", run=sleeps(timedelta(hours=1)))
    mock.function("shop", "boom", trigger="app/boom", run=fails("boom"))
    mock.function("shop", "ok", trigger="app/ok", run=completes(1))
    return mock


@pytest.fixture
def client(connect: Connect, mock: MockServer) -> InngestClient:
    return connect(transport=mock.transport)


def outcomes(report: ActionReport) -> list[str]:
    return [str(row.outcome) for row in report.rows]


def acts(mock: MockServer) -> list[str]:
    """Return the requests that change something, but for the sending of events."""
    changing = [r for r in mock.requests if r.method != "GET" and not r.path.startswith("/e/")]
    return [f"{each.method} {each.path}" for each in changing]


# What selects the targets


def test_a_filter_selects_the_runs_to_cancel_each_once(
    client: InngestClient, mock: MockServer
) -> None:
    ids = start(client, mock, "app/nap", 3)
    start(client, mock, "app/ok", 2)
    report = client.runs.cancel_all(app="shop", function="nap")
    assert [row.id for row in report.rows] == ids
    assert outcomes(report) == ["done"] * 3
    assert all(client.runs.get(each).status == "cancelled" for each in ids)
    assert len(acts(mock)) == 3


def test_more_runs_than_a_page_holds_are_cancelled(client: InngestClient, mock: MockServer) -> None:
    ids = start(client, mock, "app/nap", 120)
    assert [row.id for row in client.runs.cancel_all(status="running").rows] == ids


def test_the_set_is_fixed_before_the_first_act(client: InngestClient, mock: MockServer) -> None:
    ids = start(client, mock, "app/boom", 2)
    report = client.runs.replay_all(status="failed", app="shop")
    # The replays fail as well, and are not replayed in turn.
    assert [row.id for row in report.rows] == ids
    assert len(mock.runs) == 4


def test_a_run_that_a_later_page_lists_again_is_cancelled_once(
    connect: Connect, server: Server
) -> None:
    ids = [UNKNOWN_ID, "01M86WNRKHYE50ZF3GG530BHRV", UNKNOWN_ID]
    run = body_of("v2-runs-page1")["data"][0]
    pages = [
        {"limit": 1, "cursor": "2", "hasMore": True},
        {"limit": 1, "cursor": "3", "hasMore": True},
        {"limit": 1},
    ]
    metadata = body_of("v2-runs-page1")["metadata"]
    server.on(
        "GET /v2/runs",
        *(
            says({"data": [{**run, "id": id}], "metadata": metadata, "page": page})
            for id, page in zip(ids, pages, strict=True)
        ),
    )
    report = connect().runs.cancel_all(status="running", dry_run=True)
    assert [row.id for row in report.rows] == ids[:2]


def test_limit_bounds_the_runs_in_total(client: InngestClient, mock: MockServer) -> None:
    ids = start(client, mock, "app/nap", 3)
    assert [row.id for row in client.runs.cancel_all(app="shop", limit=2).rows] == ids[:2]
    assert len(client.runs.cancel_all(ids, limit=1).rows) == 1


@pytest.mark.parametrize("ahead", [0, 600, -600])
def test_a_relative_window_is_fixed_to_an_instant_of_the_servers_clock(
    connect: Connect, clock: Clock, ahead: int
) -> None:
    mock = MockServer(clock=lambda: int(clock.now() + ahead) * 10**9)
    client = connect(transport=mock.transport)
    report = client.runs.cancel_all(since=timedelta(hours=2), until=timedelta(minutes=5))
    # The first finds out about paused runs, and so which time it is at the server.
    assert [each.path for each in mock.requests].count("/v2/runs") == 2
    query = parse_qs(mock.requests[-1].query)
    since, until = (datetime.fromisoformat(query[each][0]) for each in ("from", "until"))
    assert abs(mock.now - timedelta(hours=2) - since) <= timedelta(seconds=1)
    assert until - since == timedelta(hours=1, minutes=55)
    assert (report.since, report.until) == (since, until)
    assert client.runs.cancel_all(report) == report
    assert client.runs.cancel_all([], dry_run=True).until is None


@pytest.mark.parametrize("ahead", [0, 600, -600])
def test_a_window_without_an_end_ends_when_the_runs_were_listed(
    connect: Connect, clock: Clock, ahead: int
) -> None:
    mock = MockServer(clock=lambda: int(clock.now() + ahead) * 10**9)
    report = connect(transport=mock.transport).runs.cancel_all(status="running")
    assert report.since is None
    assert report.until is not None
    assert abs(mock.now - report.until) <= timedelta(seconds=1)


def test_ids_are_acted_on_once_each_in_their_order(client: InngestClient, mock: MockServer) -> None:
    first, second = start(client, mock, "app/nap", 2)
    report = client.runs.cancel_all(iter([second, first, second]))
    assert [(row.position, row.id) for row in report.rows] == [(0, second), (1, first)]
    assert len(acts(mock)) == 2


MISTAKES: list[tuple[str, dict[str, Any]]] = [
    ("nothing selects runs", {}),
    ("nothing selects runs", {"limit": 5}),
    ("ids and app exclude each other", {"ids": ["a"], "app": "shop"}),
    ("ids and app/since exclude", {"ids": ["a"], "app": "shop", "since": timedelta(1)}),
    ("ids and app exclude", {"ids": ActionReport("runs.cancel", ()), "app": "shop"}),
    ("ids must be an iterable of run ids, not 'abc'", {"ids": "abc"}),
    (r"ids\[1\] is malformed", {"ids": [UNKNOWN_ID, "b/c"]}),
    (r"ids\[1\] is malformed: '\{' is not the id", {"ids": [UNKNOWN_ID, "{", "}"]}),
    (r"ids\[0\] must be text", {"ids": [7]}),
    ("unknown status 'faild'; did you mean 'failed'", {"status": "faild"}),
    ("since must be an aware datetime", {"since": datetime(2026, 1, 1)}),  # noqa: DTZ001
    ("since must be an aware datetime", {"since": "2h"}),
    ("since must be a positive timedelta", {"since": timedelta(0)}),
    ("since is too long ago", {"since": timedelta.max}),
    ("since must be before until", {"since": timedelta(1), "until": timedelta(2)}),
    ("function needs app", {"function": "nap"}),
    ("limit must be a positive integer", {"app": "shop", "limit": 0}),
    ("in_flight must be at most 64", {"app": "shop", "in_flight": 65}),
    ("max_requests must be", {"app": "shop", "max_requests": 0}),
    ("period must be", {"app": "shop", "period": 0}),
    ("on_result must be callable", {"app": "shop", "on_result": 5}),
    ("ids is a plan of runs.pause", {"ids": ActionReport("runs.pause", ())}),
]


@pytest.mark.parametrize(("message", "arguments"), MISTAKES, ids=str)
def test_a_mistake_is_refused_before_anything_is_sent(
    client: InngestClient, mock: MockServer, message: str, arguments: dict[str, Any]
) -> None:
    for act in (client.runs.cancel_all, client.runs.replay_all):
        with pytest.raises(InvalidArgumentError, match=message):
            act(**arguments)
    assert not mock.requests


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda it: it.runs.cancel_all(ids=["no"]), "ids"),
        (lambda it: it.runs.cancel_all(status="failed"), "status"),
        (lambda it: it.runs.cancel_all(app="shop", in_flight=None), "in_flight"),
    ],
    ids=["an item", "a status", "a count"],
)
def test_a_rejected_argument_is_named(client: InngestClient, call: Any, argument: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        call(client)
    assert caught.value.argument == argument


def test_statuses_that_cannot_be_acted_on_are_refused(
    client: InngestClient, mock: MockServer
) -> None:
    with pytest.raises(InvalidArgumentError, match="'completed' selects runs that have ended"):
        client.runs.cancel_all(status=["running", "completed"])
    with pytest.raises(InvalidArgumentError, match="'running' selects runs that have not ended"):
        client.runs.replay_all(status="running")
    assert not mock.requests


# What is reported


def test_cancelling_tells_what_had_ended_and_what_does_not_exist(
    client: InngestClient, mock: MockServer
) -> None:
    (ended,) = start(client, mock, "app/ok", 1)
    (running,) = start(client, mock, "app/nap", 1)
    report = client.runs.cancel_all([running, ended, UNKNOWN_ID])
    assert outcomes(report) == ["done", "already_ended", "not_found"]
    assert report.counts == {"done": 1, "already_ended": 1, "not_found": 1}
    assert str(report) == "runs.cancel: 1 done, 1 already ended, 1 not found"


@pytest.mark.parametrize("by_filter", [True, False])
def test_a_run_that_is_shown_but_not_found_is_said_to_be_one_that_cannot_be_cancelled(
    client: InngestClient, mock: MockServer, by_filter: bool
) -> None:
    ids = start(client, mock, "app/nap", 1)
    gone = {"errors": [{"code": "run_not_found", "message": "no such run"}]}
    mock.fault(answers(404, gone), operation="cancel_run_v2")
    if by_filter:
        report = client.runs.cancel_all(app="shop")
    else:
        report = client.runs.cancel_all([*ids, UNKNOWN_ID], in_flight=1)
    reason, *others = [str(row.reason) for row in report.rows]
    assert set(outcomes(report)) == {"not_found"}
    said = "The server shows it as running, but has lost what it needs to cancel it, and cannot."
    assert reason.endswith(said)
    assert not any("The server shows it" in each for each in others)


def test_rows_are_passed_on_in_order_as_they_come(client: InngestClient, mock: MockServer) -> None:
    ids = start(client, mock, "app/nap", 20)
    rows: list[ActionRow] = []
    report = client.runs.cancel_all(ids, on_result=rows.append)
    assert tuple(rows) == report.rows


@pytest.mark.parametrize("method", ["cancel_all", "replay_all"])
def test_a_dry_run_changes_nothing_and_can_be_carried_out(
    client: InngestClient, mock: MockServer, method: str
) -> None:
    ids = start(client, mock, "app/nap" if method == "cancel_all" else "app/boom", 3)
    act = getattr(client.runs, method)
    plan = act(app="shop", dry_run=True)
    assert outcomes(plan) == ["planned"] * 3
    assert not acts(mock)
    report = act(plan)
    assert [row.id for row in report.rows] == ids
    assert outcomes(report) == ["done"] * 3


# Where it stops, and how it resumes


def test_only_what_failed_is_tried_again(
    client: InngestClient, mock: MockServer, tmp_path: Path
) -> None:
    path = tmp_path / "report.jsonl"
    ids = start(client, mock, "app/nap", 3)
    mock.fault(answers(400, "no"), operation="cancel_run_v2", after=1)
    first = client.runs.cancel_all(ids, in_flight=1, report_path=path)
    assert outcomes(first) == ["done", "failed", "done"]
    assert first.rows[1].reason is not None
    second = client.runs.cancel_all(ids, report_path=path)
    assert outcomes(second) == ["done"] * 3
    assert len(acts(mock)) == 4


@pytest.mark.parametrize(
    ("fault", "error", "outcome"),
    [
        (answers(401, "no"), AuthenticationError, "failed"),
        (answers(503, "later", headers={"Retry-After": "121"}), ServerError, "unknown"),
    ],
    ids=["key", "pause"],
)
def test_nothing_more_is_tried_once_no_later_act_can_succeed(
    client: InngestClient, mock: MockServer, fault: Any, error: type[Exception], outcome: str
) -> None:
    ids = start(client, mock, "app/nap", 5)
    mock.fault(fault, path="/v*/runs/*", times=None, after=1)
    with pytest.raises(PartialActionError, match=f"1 {outcome}, 3 not tried") as caught:
        client.runs.cancel_all(ids, in_flight=1)
    assert isinstance(caught.value.__cause__, error)
    assert outcomes(caught.value.report) == ["done", outcome, *["not_tried"] * 3]
    assert caught.value.may_have_taken_effect


def test_an_outage_stops_the_operation_after_ten_failures(
    connect: Connect, mock: MockServer
) -> None:
    client = connect(transport=mock.transport, retries=0)
    ids = start(client, mock, "app/nap", 30)
    mock.fault(answers(503, "down"), path="/v*/runs/*", times=None)
    with pytest.raises(PartialActionError, match="20 not tried") as caught:
        client.runs.cancel_all(ids, in_flight=1)
    assert isinstance(caught.value.__cause__, ServerError)


def test_acts_are_spaced_evenly(client: InngestClient, mock: MockServer, clock: Clock) -> None:
    ids = start(client, mock, "app/nap", 5)
    client.runs.cancel_all(ids, in_flight=1, max_requests=2, period=timedelta(seconds=3))
    assert clock.pauses == [1.5] * 4


def test_acts_on_cloud_are_paced_from_the_start_unless_a_rate_is_given(
    connect: Connect, mock: MockServer, clock: Clock
) -> None:
    own = connect(transport=mock.transport)
    ids = start(own, mock, "app/nap", 4)
    cloud = connect(dev=False, signing_key="signkey-test-" + "ab" * 32, transport=mock.transport)
    cloud.runs.cancel_all(ids[:3], in_flight=1)
    assert clock.pauses == pytest.approx([1 / 15] * 2)
    cloud.runs.cancel_all(ids, in_flight=1, max_requests=1_000)
    assert clock.pauses[2:] == pytest.approx([1 / 1_000] * 3)


def test_an_exception_from_outside_says_what_was_done_before(
    client: InngestClient, mock: MockServer
) -> None:
    ids = start(client, mock, "app/nap", 3)

    def stop(row: ActionRow) -> None:
        if row.position == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        client.runs.cancel_all(ids, in_flight=1, on_result=stop)
    assert caught.value.__notes__ == ["so far runs.cancel: 2 done, 1 not tried"]
    assert outcomes(caught.value.report) == ["done", "done", "not_tried"]  # type: ignore[attr-defined]

"""runs.waiting: what each open run waits for, in a bounded number of requests."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InvalidArgumentError, RouteNotFoundError
from inngest_rest.explanation import ReasonKind
from inngest_rest_mock import (
    MockServer,
    answers,
    completes,
    invokes,
    retries,
    sleeps,
    waits_for,
    waits_for_event,
    when,
    works,
)
from tests.support.server import says

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from inngest_rest.explain import WaitingReport
    from tests.conftest import Connect
    from tests.support.clock import Clock
    from tests.support.server import Server

HOUR = timedelta(hours=1)
K = ReasonKind
SEVEN = "async.data.n == 7"


@pytest.fixture
def mock(clock: Clock) -> MockServer:
    mock = MockServer(clock=clock.nanoseconds)
    mock.function("shop", "sleep", trigger="sleep", run=sleeps(HOUR))
    paid = waits_for_event("paid", timeout=HOUR, condition=when(SEVEN, bool))
    mock.function("shop", "order", trigger="order", run=paid)
    mock.function("shop", "approve", trigger="approve", run=waits_for("approved"))
    mock.function("shop", "work", trigger="work", run=works(HOUR))
    mock.function("shop", "flaky", trigger="flaky", run=retries("no", after=HOUR))
    mock.function("shop", "done", trigger="done", run=completes(1))
    mock.function("shop", "parent", trigger="parent", run=invokes("shop", "child"))
    mock.function("shop", "child", run=sleeps(HOUR))
    return mock


def send(client: InngestClient, clock: Clock, *names: str, **data: Any) -> None:
    client.send([{"name": name, "data": data} for name in names])
    clock.advance(60)


def told(report: WaitingReport) -> list[tuple[str | None, ReasonKind | None, str | None]]:
    return [(row.function_id, row.kind, row.waits_for) for row in report.rows]


def test_each_open_run_is_told_with_what_it_waits_for_and_until_when(
    client: InngestClient, clock: Clock
) -> None:
    send(client, clock, "sleep", "order", "approve", "work", "flaky", "done", "parent")
    report = client.runs.waiting()
    assert told(report) == [
        ("flaky", K.RETRIES, None),
        ("work", K.EXECUTING, None),
        ("order", K.WAITS_FOR_EVENT, "paid"),
        ("approve", K.WAITS_FOR_SIGNAL, "approved"),
        ("parent", K.WAITS_FOR_FUNCTION, "shop-child"),
        ("sleep", K.SLEEPS, None),
        ("child", K.SLEEPS, None),
    ]
    kinds = [str(kind) for _, kind, _ in told(report)]
    assert report.counts == {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    order = report.rows[2]
    assert order.condition == SEVEN
    assert order.at is not None
    assert order.queued_at is not None
    assert abs(order.at - order.queued_at - HOUR) < timedelta(seconds=1)
    assert all(row.is_certain for row in report.rows)
    assert report.rows[4].runs == (report.rows[6].id,)
    assert (report.notes, report.unchecked) == ((), ())


def test_a_run_without_a_job_is_lost_and_comes_first_and_one_that_just_began_may_be(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    send(client, clock, "sleep", "order")
    mock.lose_jobs()
    send(client, clock, "sleep")
    report = client.runs.waiting()
    assert report.counts == {"lost": 2, "sleeps": 1}
    assert [(row.function_id, row.is_certain) for row in report.rows[:2]] == [
        ("sleep", True),
        ("order", True),
    ]
    client.send({"name": "sleep"})
    clock.advance(1)
    mock.lose_jobs()
    assert [row.is_certain for row in client.runs.waiting(since=timedelta(seconds=30)).rows] == [
        False
    ]


def test_a_run_that_ends_or_goes_on_between_two_looks_is_not_lost(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    send(client, clock, "sleep", "order")
    mock.fault(answers(200, {"data": []}), operation="list_run_jobs_v1", times=1)
    assert client.runs.waiting().counts == {"waits_for_event": 1, "sleeps": 1}


def test_fields_of_the_events_that_are_asked_for_are_beside_their_runs(
    client: InngestClient, clock: Clock
) -> None:
    send(client, clock, "order", order={"id": 7})
    send(client, clock, "order", customer="kim")
    report = client.runs.waiting(event_fields=["event.data.order.id", "data.customer,name"])
    assert [row.event for row in report.rows] == [
        {"data.order.id": 7, "name": "order"},
        {"data.customer": "kim", "name": "order"},
    ]
    assert report.notes == (
        "1 of 2 events lack data.order.id, or are not stored.",
        "1 of 2 events lack data.customer, or are not stored.",
    )
    with pytest.raises(InvalidArgumentError, match="did you mean 'data'"):
        client.runs.waiting(event_fields=["date.order"])


def test_fields_by_which_runs_were_selected_are_beside_them(
    client: InngestClient, clock: Clock
) -> None:
    send(client, clock, "order", customer="kim", total=5, order={"id": 7})
    send(client, clock, "order", customer="bo", total=5)
    report = client.runs.waiting(
        where='event.data.customer.startsWith("k") && event.data.total > 1', event_fields="name"
    )
    assert [row.event for row in report.rows] == [
        {"name": "order", "data.customer": "kim", "data.total": 5}
    ]
    assert report.notes == ()


def test_a_run_behind_a_limit_with_a_key_names_its_value(
    connect: Connect, server: Server, of_one_key: tuple[str, str]
) -> None:
    waiting, busy = of_one_key
    keyed = {"app": {"id": "xp"}, "function": {"id": "keyed"}, "status": "RUNNING"}
    listed = [{**keyed, "id": id, "trigger": {"eventIds": [id]}} for id in (busy, waiting)]
    server.on("GET /v2/runs", says({"data": listed, "page": {}}))
    event = {"internal_id": waiting, "id": waiting, "name": "go", "data": {"customer": "kim"}}
    server.on(f"GET /v1/events/{waiting}", says({"data": event}))
    row = connect().runs.waiting().rows[0]
    assert (row.id, row.kind) == (waiting, K.CONCURRENCY)
    assert "at most 1 at a time for each `event.data.customer`, here 'kim', " in row.message


def test_the_requests_are_one_list_and_one_for_the_jobs_of_each_run(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    send(client, clock, *["sleep"] * 12, "order")
    client.runs.waiting()  # finds out whether the server filters by paused runs
    before = len(mock.requests)
    assert len(client.runs.waiting().rows) == 13
    asked = [request.path for request in mock.requests[before:]]
    assert sorted({path.rpartition("/")[2] for path in asked}) == ["jobs", "runs"]
    assert len(asked) == 14


def test_of_more_runs_than_the_limit_those_that_were_queued_first_are_told(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    for _ in range(3):
        send(client, clock, "sleep")
    report = client.runs.waiting(limit=2)
    assert [row.id for row in report.rows] == [run.id for run in mock.runs[:2]]
    assert report.notes == ("Stopped at the limit of 2 runs; newer ones are not read.",)


def test_what_cannot_be_read_is_said_once_and_its_runs_are_told_as_unknown(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    send(client, clock, "sleep", "order", "approve")
    mock.fault(answers(403, {"error": "no"}), operation="list_run_jobs_v1", times=None)
    report = client.runs.waiting()
    assert report.counts == {"unknown": 3}
    (gap,) = report.unchecked
    assert gap.startswith("what it has in the queue: ")
    assert gap.endswith("(and of 2 more runs)")


def test_a_run_that_is_due_names_the_run_in_front_of_it(
    connect: Connect, server: Server, of_one_key: tuple[str, str]
) -> None:
    waiting, busy = of_one_key
    keyed = {"app": {"id": "xp"}, "function": {"id": "keyed"}, "status": "RUNNING", "trigger": {}}
    app = {"id": "xp", "latestSync": {"error": "unreachable"}}
    server.on("GET /v2/apps", says({"data": [app], "page": {}}))
    listed = [{**keyed, "id": id} for id in (busy, waiting)]
    server.on("GET /v2/runs", says({"data": listed, "page": {}}))
    report = connect().runs.waiting()
    assert [(row.id, row.kind) for row in report.rows] == [
        (waiting, K.APP_UNREACHABLE),
        (busy, K.EXECUTING),
    ]
    app["latestSync"] = {}
    server.on("GET /v2/apps", says({"data": [app], "page": {}}))
    report = connect().runs.waiting()
    row = report.rows[0]
    assert (row.id, row.kind, row.is_certain) == (waiting, K.CONCURRENCY, True)
    assert row.runs == (busy,)
    assert "executes at most 1 at a time for each `event.data.customer`" in row.message


def test_a_release_that_lists_no_runs_says_what_it_has(connect: Connect) -> None:
    client = connect(transport=MockServer(release="1.33").transport)
    with pytest.raises(RouteNotFoundError, match=r"since release 1\.38\.0"):
        client.runs.waiting()


def test_a_status_of_runs_that_have_ended_is_refused(client: InngestClient) -> None:
    with pytest.raises(InvalidArgumentError, match="selects runs that have ended"):
        client.runs.waiting(status="failed")

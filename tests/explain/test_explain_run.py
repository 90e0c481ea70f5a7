"""runs.explain: what a run waits for and how it ended, and no claim that the evidence lacks."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from inngest_rest import App, Function, Run, RunError, RunStatus, StoredEvent
from inngest_rest._core.resources.catalogue import Catalogue
from inngest_rest._core.resources.run_jobs import job_of_v1
from inngest_rest._core.resources.trace import readable, span
from inngest_rest.explain._evidence import RunEvidence
from inngest_rest.explain._run_rules import reasons_of_run
from inngest_rest.explanation import Reason, ReasonKind
from inngest_rest.models import Job, Span
from inngest_rest_api.models import V1Job, V2Span
from inngest_rest_mock import (
    MockServer,
    answers,
    fails,
    invokes,
    retries,
    sleeps,
    waits_for,
    waits_for_event,
    when,
    works,
)
from tests.support.server import body_of, recorded, says

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inngest_rest import InngestClient, RunExplanation
    from tests.conftest import Connect
    from tests.support.clock import Clock
    from tests.support.server import Server

HOUR = timedelta(hours=1)
LATER = "2026-11-24 19:00:00 UTC"  # an hour after the tests begin

SEVEN = "async.data.n == 7"
AS_NOW = "(by the function's current settings)"
NO_MORE = "failed with RetryAfterError: ECONNRESET"
OF_KEY = (
    "it waits for its turn, as xp/keyed executes at most 1 at a time for each "
    "`event.data.customer`, currently run "
)

K = ReasonKind


def run_of(client: InngestClient, mock: MockServer, **fields: Any) -> str:
    """Start the function that listens for `go`, and return the id of its run."""
    (event_id,) = client.send({"name": "go", **fields})
    return next(run.id for run in mock.runs if run.event_id == event_id)


def told(found: RunExplanation) -> list[tuple[ReasonKind, bool, str]]:
    return [(each.kind, each.is_certain, each.message) for each in found.reasons]


@pytest.mark.parametrize(
    ("behaviour", "kind", "message"),
    [
        (sleeps(HOUR), K.SLEEPS, f"step 'sleep' sleeps until {LATER}"),
        (
            waits_for_event("paid", timeout=HOUR, condition=when(SEVEN, bool)),
            K.WAITS_FOR_EVENT,
            f"step 'paid' waits for event 'paid' that matches `{SEVEN}`, until {LATER}",
        ),
        (
            waits_for("approved"),
            K.WAITS_FOR_SIGNAL,
            "step 'approved' waits for signal 'approved', until 2027-11-24 18:00:00 UTC",
        ),
        # How often it is tried, the function would say, which it takes further requests to read.
        (works(HOUR), K.EXECUTING, "attempt 1 is being executed"),
        (
            retries("ECONNRESET\nat line 1", after=HOUR),
            K.RETRIES,
            f"attempt 2 of 5 {AS_NOW} is due at {LATER}, as attempt 1 {NO_MORE}",
        ),
    ],
    ids=["sleep", "event", "signal", "executing", "retry"],
)
def test_it_says_what_an_open_run_waits_for_and_until_when(
    client: InngestClient, mock: MockServer, behaviour: Any, kind: ReasonKind, message: str
) -> None:
    mock.function("shop", "charge", trigger="go", run=behaviour)
    run_id = run_of(client, mock)
    found = client.runs.explain(run_id)
    assert told(found) == [(kind, True, message)]
    assert found.unchecked == ()
    assert str(found) == f"Run {run_id} of shop/charge is running: {message}."
    assert found.to_dict()["sentence"] == str(found)
    json.dumps(found.to_dict())


def test_an_invocation_has_its_child_and_the_child_its_parent(
    client: InngestClient, mock: MockServer
) -> None:
    mock.function("shop", "order", trigger="go", run=invokes("shop", "pay"))
    mock.function("shop", "pay", run=sleeps(HOUR))
    parent = run_of(client, mock)
    found = client.runs.explain(parent)
    (reason,) = found.reasons
    (child,) = reason.evidence["runs"]
    assert f"waits for function 'shop-pay' in run {child} (running), until" in str(found)
    of_child = client.runs.explain(child)
    assert told(of_child)[-1] == (K.INVOKED_BY, True, f"step 'pay' of run {parent} invoked it")
    assert of_child.reasons[-1].evidence["run"] == parent


def test_a_run_of_a_batch_has_all_its_events(client: InngestClient, mock: MockServer) -> None:
    mock.function("shop", "import", trigger="go", batch_size=3)
    client.send([{"name": "go", "data": {"row": row}, "id": f"row-{row}"} for row in range(3)])
    (run,) = mock.runs
    found = client.runs.explain(run.id)
    assert [event["data"] for event in found.events] == [{"row": 0}, {"row": 1}, {"row": 2}]
    assert told(found) == [(K.BATCH, True, "it received a batch of 3 events")]
    assert found.reasons[0].evidence["events"] == ["row-0", "row-1", "row-2"]


def test_a_wait_names_the_events_that_nearly_matched_and_why_they_did_not(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    condition = "async.data.n == event.data.n && async.data.paid == true"
    wait = waits_for_event("paid", timeout=HOUR, condition=when(condition, never))
    mock.function("shop", "order", trigger="go", run=wait)
    run_id = run_of(client, mock, data={"n": 7})
    clock.advance(10)
    client.send({"name": "paid", "data": {"n": 8}})
    (nearly,) = client.send({"name": "paid", "data": {"n": 7, "paid": False}})
    client.send({"name": "other", "data": {"n": 7}})
    clock.advance(10)
    found = client.runs.explain(run_id)
    missed = [each for each in found.reasons if each.kind == K.NOT_MATCHED]
    assert [each.evidence["unmet"] for each in missed] == [
        ["async.data.paid == true"],
        ["async.data.n == event.data.n", "async.data.paid == true"],
    ]
    assert missed[0].evidence["event"] == nearly
    assert missed[0].message == (
        f"event {nearly} 'paid' did not end that wait: `async.data.paid == true` does not hold "
        "for it"
    )
    assert not missed[0].is_certain


@pytest.mark.parametrize("is_paid", [True, False])
def test_a_wait_that_is_over_without_an_event_is_told_with_what_no_server_says(
    is_paid: bool, client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    wait = waits_for_event("paid", timeout=HOUR)
    mock.function("shop", "order", trigger="go", run=wait)
    run_id = run_of(client, mock)
    clock.advance(10)
    if is_paid:
        client.send({"name": "paid"})
    clock.advance(7_200)
    found = told(client.runs.explain(run_id))
    expected = (
        f"step 'paid' waited for an event until {LATER}, and none matched; "
        "no server reports the event and condition of an expired wait"
    )
    assert found == ([] if is_paid else [(K.WAIT_TIMED_OUT, True, expected)])


def never(*_: object) -> bool:
    return False


def test_an_event_that_came_before_the_wait_is_told_as_too_early() -> None:
    begin = Span(
        "w", "wait", step_id="w", step_op="wait_for_event", queued_at=NOW, status="waiting"
    )
    job = Job(kind="pause", event="paid", condition="async.data.n == 7", step_id="w", at=NOW + HOUR)
    start: StoredEvent = StoredEvent("1", "1", "go", None)
    early: StoredEvent = StoredEvent("2", "2", "paid", {"n": 7}, received_at=NOW - SECOND)
    other: StoredEvent = StoredEvent("3", "3", "paid", {"n": 7}, received_at=NOW + SECOND)
    it = seen(RUN, [job], (begin,), event=start, awaited=[other, early])
    _, reason = reasons_of(it)
    assert reason.message == (
        "event 2 'paid' did not end that wait: it arrived before the step started to wait"
    )


def test_a_call_of_the_api_is_no_parent(client: InngestClient, mock: MockServer) -> None:
    mock.function("shop", "pay")
    assert client.runs.explain(client.functions.invoke("shop", "pay")).reasons == ()


def test_a_replay_and_the_run_that_it_replays_name_each_other(
    client: InngestClient, mock: MockServer
) -> None:
    mock.function("shop", "charge", trigger="go", run=fails("card declined\nat line 1"))
    run_id = run_of(client, mock)
    new = client.runs.replay(run_id)
    found = client.runs.explain(run_id)
    assert told(found) == [
        (
            K.FAILED,
            True,
            "it failed with NonRetriableError: card declined in step 'step', after 1 attempt",
        ),
        (K.REPLAYED, True, f"it was replayed by run {new} (failed)"),
    ]
    of_new = client.runs.explain(new)
    assert told(of_new)[-1] == (K.REPLAYS, True, f"it replays run {run_id}")


NOW = datetime(2026, 11, 28, 23, 5, tzinfo=UTC)
SECOND = timedelta(seconds=1)
RUN = Run("01M8J663NR2GS4MQNKSW2H66FH", RunStatus.RUNNING, NOW, app_id="xp", function_id="flaky")


def jobs(name: str, **changes: Any) -> list[Job]:
    return [evolve(job_of_v1(V1Job.from_dict(it)), **changes) for it in body_of(name)["data"]]


def steps(**more: Any) -> tuple[Span, ...]:
    """Return the steps of a run of which one is between two attempts; and further ones."""
    root = V2Span.from_dict(body_of("v2-trace-step-waits")["data"]["rootSpan"])
    return *readable(span(root)).children, *(Span(key, key, **it) for key, it in more.items())


def seen(
    run: Run,
    jobs: Sequence[Job] = (),
    steps: tuple[Span, ...] = (),
    *,
    now: datetime = NOW,
    **more: Any,
) -> RunEvidence:
    return RunEvidence(run=run, now=now, jobs=list(jobs), steps=steps, **more)


def reasons_of(it: RunEvidence) -> list[Reason]:
    return list(reasons_of_run(it))


def says_of(it: RunEvidence) -> list[str]:
    assert all(each.is_certain for each in reasons_of(it))
    return [each.message for each in reasons_of(it)]


RETRY = jobs("v1-run-jobs-step-retry")
DUE = "attempt 2 of 4 is due at 2026-11-28 23:10:01 UTC"
FAILED = ", as attempt 1 failed with RetryAfterError: ECONNRESET by peer"


def test_a_retry_names_the_failure_before_it() -> None:
    it = seen(RUN, RETRY, steps())
    it.function = Function("flaky", "xp", configuration={"retries": {"value": 9}})
    assert says_of(it) == [DUE + FAILED]


def test_a_sleep_that_is_over_holds_nothing_back() -> None:
    (sleep,) = says_of(seen(RUN, [Job(kind="sleep", at=NOW - SECOND)]))
    assert sleep == "it has been due since 2026-11-28 23:04:59 UTC"


@pytest.mark.parametrize(
    ("queued", "traced"),
    [
        (RETRY, ()),
        (RETRY * 2, steps()),
        ([evolve(RETRY[0], attempt=2)], steps()),
        (RETRY, steps(after={"status": "completed", "step_id": "s", "ended_at": NOW})),
    ],
    ids=["no trace", "another is retried", "another attempt", "a step ended since"],
)
def test_a_failure_that_may_be_of_another_step_is_not_the_reason_of_a_retry(
    queued: list[Job], traced: tuple[Span, ...]
) -> None:
    assert all("failed" not in each for each in says_of(seen(RUN, queued, traced)))


def test_the_maximum_of_a_job_that_starts_a_run_is_that_of_its_function() -> None:
    """The server puts 21 into the job, of a function with two retries."""
    (job,) = jobs("v1-run-jobs-function-retry")
    it = seen(RUN, [job])
    assert says_of(it) == ["attempt 2 is due at 2026-11-28 23:10:01 UTC"]
    it.function = Function("flaky", "xp", configuration={"retries": {"value": 2}})
    assert says_of(it) == [
        "attempt 2 of 3 (by the function's current settings) is due at 2026-11-28 23:10:01 UTC"
    ]
    it.function = Function("flaky", "xp", configuration={"retries": {}})  # it does not say
    assert says_of(it) == ["attempt 2 is due at 2026-11-28 23:10:01 UTC"]
    it.function = Function(
        "flaky", "xp", configuration={"retries": {"isDefault": False}}
    )  # changed
    assert says_of(it) == ["attempt 2 is due at 2026-11-28 23:10:01 UTC"]


def test_a_job_is_executed_only_while_its_lease_lasts() -> None:
    (job,) = jobs("v1-run-jobs-executing")
    assert job.leased_until is not None
    before, after = job.leased_until - SECOND, job.leased_until + SECOND
    assert says_of(seen(RUN, [job], now=before)) == ["attempt 1 is being executed"]
    due = "it has been due since 2026-11-28 23:05:29 UTC"
    assert says_of(seen(RUN, [job], now=after)) == [due]


def test_a_place_in_the_queue_is_told_if_it_is_known() -> None:
    (job,) = jobs("v1-run-jobs-keyed", position=1)
    due = "it has been due since 2026-11-28 23:00:01 UTC"
    found = says_of(seen(RUN, [job]))
    assert found == [f"{due}, behind 1 job of its function"]
    assert says_of(seen(RUN, [evolve(job, position=0)])) == [due]


def test_of_a_server_without_details_a_wait_is_told_without_them() -> None:
    """Inngest Cloud sends when a job is due, its place and its attempt alone."""
    bare = [Job(at=NOW + HOUR, attempt=0, position=0)]
    wait = Span("1", "approval", "waiting", step_id="s", step_op="wait_for_event")
    over = evolve(wait, id="2", step_id="t", ended_at=NOW)
    both = wait, over
    assert says_of(seen(RUN, bare, both)) == [
        "step 'approval' waits for an event, but the server reports neither which nor until when",
        "its next job is due at 2026-11-29 00:05:00 UTC",
    ]
    ended = evolve(RUN, status=RunStatus.CANCELLED, ended_at=NOW)
    assert says_of(seen(ended, [], both)) == [
        "it was cancelled while step 'approval' was waiting for an event"
    ]


def test_a_step_whose_error_is_not_that_of_the_run_is_told_with_its_own() -> None:
    run = evolve(RUN, status=RunStatus.FAILED, ended_at=NOW, error=RunError("Error", "other"))
    caught = {"status": "failed", "step_id": "s", "ended_at": NOW, "output": {"message": "caught"}}
    later = {"status": "completed", "step_id": "t", "ended_at": NOW + SECOND}
    assert says_of(seen(run, [], steps(risky=caught, later=later))) == [
        "it failed with Error: other",
        "step 'risky' failed with caught",
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("1.43-v2-trace-step-fails-twice", "Exception: smtp down in step 'mail', after 2 attempts"),
        ("1.43-v2-trace-parallel-fails", "Exception: b fails in step 'pb', after 2 attempts"),
        ("v2-trace-invoke-fails", "NonRetriableError: boom happened in step 'call'"),
        ("v2-trace-step-fails", "RetryAfterError: bad step, after 2 attempts"),
    ],
)
def test_a_failed_run_names_its_step_and_how_often_that_was_tried(name: str, message: str) -> None:
    root = readable(span(V2Span.from_dict(body_of(name)["data"]["rootSpan"])))
    attempt = root.children[-1].children[-1].output
    error = RunError(attempt["name"], attempt["message"])
    run = evolve(RUN, status=RunStatus.FAILED, ended_at=NOW, error=error)
    it = seen(run, steps=root.children)
    assert says_of(it) == [f"it failed with {message}"]


def test_a_failure_of_no_step_is_told_without_one() -> None:
    """The official SDK for Python reports an error that allows no other attempt so."""
    error = RunError("RetryAfterError", "ECONNRESET by peer\nsecond line")
    run = evolve(RUN, status=RunStatus.FAILED, ended_at=NOW, error=error)
    (reason,) = reasons_of(seen(run, [], steps()))
    assert reason.message == ("it failed with RetryAfterError: ECONNRESET by peer, after 1 attempt")
    assert (reason.evidence["step"], reason.evidence["attempts"]) == (None, 1)


def test_a_cancelled_run_is_told_where_it_was(client: InngestClient, mock: MockServer) -> None:
    mock.function("shop", "charge", trigger="go", run=sleeps(HOUR))
    run_id = run_of(client, mock)
    client.runs.cancel(run_id)
    found = client.runs.explain(run_id)
    kind, is_certain, message = told(found)[0]
    assert (kind, is_certain) == (K.CANCELLED, True)
    assert message == "it was cancelled while step 'sleep' was sleeping"


def test_a_cancelled_run_names_what_it_had_done() -> None:
    cancelled = evolve(RUN, status=RunStatus.CANCELLED, ended_at=NOW)
    done: dict[str, Any] = {"status": "completed", "step_id": "c"}
    done_steps = (
        Span("1", "charge", ended_at=NOW - SECOND, **done),
        Span("2", "reserve", ended_at=NOW - HOUR, **done),
    )
    assert says_of(seen(cancelled, [], done_steps)) == [
        "it was cancelled, after steps 'reserve', 'charge' had completed"
    ]
    assert says_of(seen(cancelled)) == []  # without a trace, nobody knows


LOST = (
    "it is lost: the queue has no job for it, as happens when a server with an in-memory "
    "queue is killed. It will not continue: cancel it and replay it"
)


@pytest.mark.parametrize(
    "behaviour",
    [sleeps(HOUR), works(HOUR), waits_for("approved"), retries("no", after=HOUR)],
    ids=["sleeps", "executes", "waits", "retries"],
)
def test_an_open_run_without_a_job_is_lost_and_waits_for_nothing(
    client: InngestClient, mock: MockServer, clock: Clock, behaviour: Any
) -> None:
    mock.function("shop", "charge", trigger="go", run=behaviour)
    run_id = run_of(client, mock)
    mock.lose_jobs()
    clock.advance(60)
    found = client.runs.explain(run_id)
    assert told(found) == [(K.LOST, True, LOST)]
    assert found.unchecked == ()


def test_a_queued_run_is_lost_before_a_limit_may_hold_it_back(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    mock.function("shop", "charge", trigger="go")
    run_id = run_of(client, mock, ts=int(mock.now.timestamp() * 1_000) + 3_600_000)
    mock.lose_jobs()
    clock.advance(60)
    assert told(client.runs.explain(run_id)) == [(K.LOST, True, LOST)]


def test_a_lost_run_ends_when_it_is_cancelled_and_runs_when_it_is_replayed(
    client: InngestClient, mock: MockServer
) -> None:
    mock.function("shop", "charge", trigger="go", run=sleeps(HOUR))
    run_id = run_of(client, mock)
    mock.lose_jobs()
    mock.advance(2 * HOUR)
    assert client.runs.get(run_id).status == "running"
    client.runs.cancel(run_id)
    replay = client.runs.replay(run_id)
    mock.advance(2 * HOUR)
    assert client.runs.get(replay).status == "completed"


def test_a_run_that_did_something_just_now_may_be_lost_at_most(
    client: InngestClient, mock: MockServer
) -> None:
    mock.function("shop", "charge", trigger="go", run=sleeps(HOUR))
    run_id = run_of(client, mock)
    mock.lose_jobs()
    ((kind, is_certain, message),) = told(client.runs.explain(run_id))
    assert (kind, is_certain) == (K.LOST, False)
    assert message.startswith("it may be lost: the queue has no job for it")


def test_a_run_between_two_jobs_is_not_lost(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    mock.function("shop", "charge", trigger="go", run=sleeps(HOUR))
    run_id = run_of(client, mock)
    clock.advance(60)
    mock.fault(answers(200, {"data": []}), operation="list_run_jobs_v1", times=1)
    assert [kind for kind, *_ in told(client.runs.explain(run_id))] == [K.SLEEPS]
    asked = [each for each in mock.requests if each.operation == "list_run_jobs_v1"]
    first, second = [each.query for each in asked]
    assert first != second, "v1 keeps an answer for 5 s, and would repeat it"


def test_a_run_that_ends_between_two_looks_is_not_lost(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    mock.function("shop", "charge", trigger="go", run=sleeps(60.5 * SECOND))
    run_id = run_of(client, mock)
    clock.advance(60)
    mock.fault(answers(200, {"data": []}), operation="list_run_jobs_v1", times=None)
    found = client.runs.explain(run_id)
    assert (found.run.status, found.reasons) == ("completed", ())


@pytest.mark.parametrize(
    "root", [{"status": "SKIPPED"}, {"status": "RUNNING", "endedAt": "2026-11-24T18:00:00Z"}]
)
def test_a_run_that_is_over_by_its_trace_is_not_lost(
    connect: Connect, server: Server, root: dict[str, str]
) -> None:
    """Of a run that a singleton skipped, v2 says for ever that it is queued."""
    of_function = {"app": {"id": "xp"}, "function": {"id": "flaky"}}
    queued = {**of_function, "id": RUN.id, "status": "QUEUED", "trigger": {}}
    trace = {"runId": RUN.id, "rootSpan": {"id": "1", "name": "Run", **root}}
    server.on(f"GET /v2/runs/{RUN.id}", says({"data": queued}))
    server.on(f"GET /v1/runs/{RUN.id}/jobs", says({"data": []}))
    server.on(f"GET /v2/runs/{RUN.id}/trace", says({"data": trace}))
    server.on("GET /v2/apps", says({"data": [], "page": {}}))
    assert K.LOST not in [kind for kind, *_ in told(connect().runs.explain(RUN.id))]


def test_inngest_cloud_may_have_jobs_that_it_does_not_list(connect: Connect, clock: Clock) -> None:
    mock = MockServer(clock=clock.nanoseconds, cloud=True)
    mock.function("shop", "charge", trigger="go", run=sleeps(HOUR))
    keys = {"event_key": "k", "signing_key": "signkey-prod-1234"}
    client = connect(transport=mock.transport, dev=False, **keys)
    run_id = run_of(client, mock)
    mock.lose_jobs()
    clock.advance(60)
    assert [kind for kind, *_ in told(client.runs.explain(run_id))] == [K.SLEEPS]


@pytest.mark.parametrize("data", [None, {}, {"_inngest": {"correlation_id": "x.y", "name": "s"}}])
def test_an_event_without_a_run_in_it_names_no_parent(data: Any) -> None:
    event = StoredEvent("1", "1", "inngest/function.invoked", data)
    assert says_of(seen(RUN, event=event)) == []
    of_user = body_of("v1-event-invoked")["data"]["data"]
    assert says_of(seen(RUN, event=StoredEvent("1", "1", "go", of_user))) == []


LIMITED = {"concurrency": [{"limit": {"value": 1, "isPlanLimit": False}, "scope": "FUNCTION"}]}
OF_TWO = {"concurrency": [{"limit": {"value": 2}}]}
KEYED = {"concurrency": [{**LIMITED["concurrency"][0], "key": "event.data.customer"}]}
OF_ONE_KEY = jobs("v1-run-jobs-keyed")[0]
DUE_JOB = Job(at=NOW - SECOND)
OTHER_KEY = evolve(OF_ONE_KEY, concurrency_keys={"another": 1})


def catalogue_of(apps: list[App], functions: list[Function], gaps: Sequence[str] = ()) -> Catalogue:
    return Catalogue(apps=apps, functions=functions, gaps=list(gaps), read_at=0.0, same_since=0.0)


def evidence(configuration: Any, run: Run, due: list[Job]) -> RunEvidence:
    function = Function("flaky", "xp", configuration=configuration)
    event: StoredEvent = StoredEvent(RUN.id, RUN.id, "go", {"customer": "kim"})
    event = evolve(event, ts=int((NOW + HOUR).timestamp() * 1_000))
    catalogue = catalogue_of([App("other", sync_error="unreachable")], [function])
    it = seen(run, due, event=event, catalogue=catalogue)
    it.function = function
    return it


def held_back(it: RunEvidence) -> list[Reason]:
    return [each for each in reasons_of(it) if each.kind != K.QUEUED]


def test_a_limit_does_not_hold_back_a_run_of_which_nothing_is_due() -> None:
    assert held_back(evidence(LIMITED, RUN, [])) == []


def test_a_run_of_which_a_job_is_due_does_not_wait_for_the_time_of_its_event() -> None:
    queued = evolve(RUN, status=RunStatus.QUEUED)
    it = evidence({}, queued, [DUE_JOB])
    assert held_back(it) == []
    it.catalogue, it.function = catalogue_of([], [], ["some app"]), None
    assert held_back(it) == []  # its function may be of that app
    assert [it.kind for it in held_back(evidence({}, queued, []))] == [K.SCHEDULED]


@pytest.mark.parametrize(
    ("configuration", "due", "executing", "expected"),
    [
        (LIMITED, DUE_JOB, [DUE_JOB], "executes at most 1 at a time, currently run other"),
        (LIMITED, DUE_JOB, [], None),
        (OF_TWO, DUE_JOB, [DUE_JOB], None),
        (
            KEYED,
            OF_ONE_KEY,
            [OF_ONE_KEY],
            "at most 1 at a time for each `event.data.customer`, here 'kim', currently run other",
        ),
        (KEYED, OF_ONE_KEY, [OTHER_KEY], None),
        (KEYED, DUE_JOB, [DUE_JOB], None),
    ],
    ids=["reached", "not reached", "half reached", "key reached", "another key", "no keys"],
)
def test_a_limit_of_concurrency_is_certain_only_if_it_is_seen_to_be_reached(
    configuration: Any, due: Job, executing: list[Job], expected: str | None
) -> None:
    it = evidence(configuration, RUN, [due])
    it.executing = [("other", job) for job in executing]
    (reason,) = held_back(it)
    assert (reason.kind, reason.is_certain) == (K.CONCURRENCY, expected is not None)
    assert reason.message.endswith(
        expected or "may be waiting for its turn, as xp/flaky has a concurrency limit"
    )


@pytest.mark.parametrize("status", ["QUEUED", "RUNNING"])
def test_a_run_is_held_back_by_the_runs_that_are_executed(
    connect: Connect, server: Server, of_one_key: tuple[str, str], status: str
) -> None:
    waiting, busy = of_one_key
    of_keyed = {"app": {"id": "xp"}, "function": {"id": "keyed"}}
    queued = {**of_keyed, "id": waiting, "status": status, "trigger": {}}
    server.on(f"GET /v2/runs/{waiting}", says({"data": queued}))
    running = {**queued, "id": busy, "status": "RUNNING"}
    idle = {**running, "id": RUN.id}
    server.on(f"GET /v1/runs/{RUN.id}/jobs", recorded("v1-run-jobs-keyed"))
    server.on("GET /v2/runs", says({"data": [idle, running], "page": {}}))
    found = connect().runs.explain(waiting)
    assert told(found) == [
        (K.QUEUED, True, "it has been due since 2026-11-28 23:00:01 UTC"),
        (K.CONCURRENCY, True, OF_KEY + busy),
    ]
    assert "whether it was invoked or replayed, as it names no event" in found.unchecked


def test_a_run_may_have_been_cancelled_by_what_its_function_allows(
    connect: Connect, client: InngestClient, mock: MockServer
) -> None:
    mock.function("shop", "charge", trigger="go", run=works(HOUR), singleton="cancel")
    run_id = run_of(client, mock)
    run_of(client, mock)
    where, reason = client.runs.explain(run_id).reasons
    assert where.message == "it was cancelled while step 'step' was being executed"
    assert (reason.kind, reason.is_certain) == (K.SINGLETON, False)
    assert reason.evidence["singleton"]["mode"] == "CANCEL"
    mock.fault(answers(403, {"error": "no"}), operation="list_apps_v2", times=None)
    found = connect(transport=mock.transport).runs.explain(run_id)
    assert [each.kind for each in found.reasons] == [K.CANCELLED]
    assert [each[:22] for each in found.unchecked] == ["which functions listen"]


def test_what_cannot_be_read_is_said_as_unchecked(client: InngestClient, mock: MockServer) -> None:
    mock.function("shop", "charge", trigger="go", run=sleeps(HOUR))
    run_id = run_of(client, mock)
    for route in ("list_run_jobs_v1", "get_run_trace_v2", "get_event_v1", "list_event_runs_v1"):
        mock.fault(answers(403, {"error": "no"}), operation=route, times=None)
    found = client.runs.explain(run_id)
    assert found.reasons == ()
    gaps = (
        "what it has in the queue",
        "its steps",
        "whether a run invoked it",
        "whether it was replayed",
    )
    assert [each.partition(": ")[0] for each in found.unchecked] == list(gaps)
    assert str(found).startswith(
        f"Run {run_id} of shop/charge is running (not checked: what it has"
    )


def test_a_run_that_v1_lists_under_none_of_its_events_may_have_been_replayed(
    client: InngestClient, mock: MockServer
) -> None:
    mock.function("shop", "charge", trigger="go")
    run_id = run_of(client, mock)
    mock.fault(answers(200, {"data": []}), operation="list_event_runs_v1")
    (gap,) = client.runs.explain(run_id).unchecked
    assert gap.startswith("whether it was replayed")


def test_an_event_that_is_still_to_come_does_not_hold_back_its_replay(
    client: InngestClient, mock: MockServer
) -> None:
    mock.function("shop", "charge", trigger="go", run=works(HOUR))
    scheduled = run_of(client, mock, ts=int(mock.now.timestamp() * 1_000) + 3_600_000)
    assert [kind for kind, *_ in told(client.runs.explain(scheduled))] == [K.SCHEDULED]
    replay = client.runs.replay(scheduled)
    assert told(client.runs.explain(replay))[0][0] == K.EXECUTING

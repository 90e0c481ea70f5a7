"""Public models, read from recordings: the same for v1 and v2."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from inngest_rest import App, Function, InvalidResponseError, Run, RunError, RunStatus, StoredEvent
from inngest_rest._core.resources import apps, event_runs, events, run_jobs, run_rows, runs, trace
from inngest_rest._core.resources.rows import row_of
from inngest_rest._local.expressions import as_stored
from inngest_rest.models import Job, Span, Trigger
from inngest_rest_api import models as api
from inngest_rest_api.types import Unset
from tests.support.server import RECORDINGS, body_of, says

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest import InngestClient
    from tests.support.server import Server

AT = datetime(2026, 11, 24, 13, 42, 9, 777_000, tzinfo=UTC)


def v1_run(name: str, **changes: Any) -> Run:
    return run_rows.run_of_v1(api.V1Run.from_dict({**body_of(name)["data"], **changes}))


def v2_run(name: str, **changes: Any) -> Run:
    return run_rows.run_of_v2(api.V2Run.from_dict({**body_of(name)["data"], **changes}))


def listed_run_of_v2(it: api.V2Run) -> Run:
    return run_rows.listed_run_of_v2(row_of(run_rows.V2RunRow, it))


def v2_listed(name: str) -> Run:
    [data] = body_of(name)["data"]
    return listed_run_of_v2(api.V2Run.from_dict(data))


def v1_listed(name: str) -> Run:
    [run] = event_runs.each_once(
        run_rows.run_of_v1(api.V1Run.from_dict(each)) for each in body_of(name)["data"]
    )
    return run


def everything_recorded() -> Iterator[Any]:
    """Return every model that any recorded response contains."""
    readers: list[tuple[str, Any, Any]] = [
        ("v1-run-[a-z]*", api.V1Run, run_rows.run_of_v1),
        ("v1-event", api.V1Event, events.event_of_v1),
        ("v1-event-[dinu]*", api.V1Event, events.event_of_v1),
        ("v1-events*", api.V1Event, events.event_of_v1),
        ("v1-event-runs-*", api.V1Run, run_rows.run_of_v1),
        ("v1-run-jobs-*", api.V1Job, run_jobs.job_of_v1),
        ("v2-run-*", api.V2Run, run_rows.run_of_v2),
        ("v2-runs-*", api.V2Run, listed_run_of_v2),
        ("v2-event-runs*", api.V2Run, listed_run_of_v2),
        ("v2-fn-runs", api.V2Run, listed_run_of_v2),
        ("v2-app*", api.V2App, apps.app_of_v2),
        ("v2-function*", api.V2Function, lambda it: apps.function_of_v2(it, "probe-app")),
    ]
    for pattern, kind, read in readers:
        for path in sorted(RECORDINGS.glob(f"{pattern}.json")):
            body = body_of(path.stem) if path.stat().st_size > 700 else {}
            data = body.get("data") or [] if isinstance(body, dict) else []
            for each in data if isinstance(data, list) else [data]:
                if "runId" in each or each.keys() == {"run_id"}:
                    continue
                if ("JobID" in each) is (kind is api.V1Job):
                    yield read(kind.from_dict(each))
    for each in body_of("v1-app-functions"):
        yield apps.function_of_v1(api.V1Function.from_dict(each), "probe-app")
    for name in ("v2-trace-steps", "v2-trace-boom"):
        yield trace.span(api.V2Span.from_dict(body_of(name)["data"]["rootSpan"]))


def leaves(value: Any) -> Iterator[Any]:
    if attrs.has(type(value)):
        value = [getattr(value, each.name) for each in attrs.fields(type(value))]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from leaves(each)
    else:
        yield value


def test_no_model_contains_unset_or_a_zero_time() -> None:
    found = list(everything_recorded())
    assert {type(each) for each in found} >= {Run, StoredEvent, App, Function, Span}
    assert len(found) > 60
    for each in found:
        assert not [leaf for leaf in leaves(each) if isinstance(leaf, Unset)]
        assert not [leaf for leaf in leaves(each) if isinstance(leaf, datetime) and leaf.year == 1]
        assert not [leaf for leaf in leaves(each) if isinstance(leaf, datetime) and not leaf.tzinfo]


def test_every_model_pickles_and_is_frozen() -> None:
    for each in everything_recorded():
        assert pickle.loads(pickle.dumps(each)) == each
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            each.id = "other"


@pytest.mark.parametrize(
    ("run", "status", "is_ended"),
    [
        (v1_run("v1-run-ok"), RunStatus.COMPLETED, True),
        (v1_run("v1-run-boom"), RunStatus.FAILED, True),
        (v1_run("v1-run-after-cancel"), RunStatus.CANCELLED, True),
        (v1_run("v1-run-slow"), RunStatus.RUNNING, False),
        (v1_run("v1-run-retrying"), RunStatus.RUNNING, False),
        (v1_run("v1-run-slow", status="Scheduled"), RunStatus.QUEUED, False),
        (v1_run("v1-run-slow", status="Paused"), "paused", False),
        (v1_run("v1-run-between-attempts"), RunStatus.RUNNING, False),
        (v1_listed("v1-event-runs-between-attempts"), RunStatus.RUNNING, False),
        (v2_run("v2-run-ok"), RunStatus.COMPLETED, True),
        (v2_run("v2-run-output-error"), RunStatus.FAILED, True),
        (v2_run("v2-run-output-cancelled"), RunStatus.CANCELLED, True),
        (v2_run("v2-run-queued"), RunStatus.QUEUED, False),
        (v2_run("v2-run-ok", status="PAUSED", endedAt=None), "paused", False),
        (v2_run("v2-run-between-attempts"), RunStatus.RUNNING, False),
        (v2_listed("v2-event-runs-between-attempts"), RunStatus.RUNNING, False),
    ],
    ids=[f"v1-{each}" for each in range(9)] + [f"v2-{each}" for each in range(7)],
)
def test_a_status_is_the_same_in_both_families(run: Run, status: str, is_ended: bool) -> None:
    assert run.status == status
    assert run.is_ended is is_ended


def test_a_run_of_v1() -> None:
    assert v1_run("v1-run-ok") == Run(
        id="01M86WNRKHYE50ZF3GG530BHRT",
        status=RunStatus.COMPLETED,
        queued_at=AT,
        ended_at=AT.replace(microsecond=921_142),
        internal_function_id="39dfc054-6808-53bd-90b7-98756fd9bf24",
        event_ids=("01M86WNRFXGX2X6REM97R8ZTYK",),
        output={"echo": {"k": "ok"}, "n": 1},
    )
    assert v1_run("v1-run-of-rerun").original_run_id == "01M86WNRKHYE50ZF3GG530BHRT"
    assert v1_run("v1-run-cron").cron is not None


def test_a_run_of_v2() -> None:
    assert v2_run("v2-run-output-ok") == Run(
        id="01M86WNRKHYE50ZF3GG530BHRT",
        status=RunStatus.COMPLETED,
        queued_at=AT,
        started_at=AT.replace(microsecond=910_000),
        ended_at=AT.replace(microsecond=916_000),
        app_id="probe-app",
        function_id="ok",
        event_ids=("01M86WNRFXGX2X6REM97R8ZTYK",),
        output={"echo": {"k": "ok"}, "n": 1},
    )
    assert v2_run("v2-run-batch").batch_id is not None
    assert v2_run("v2-run-cron").cron is not None
    never = "0001-01-01T00:00:00Z"
    assert v2_run("v2-run-ok", startedAt=never).started_at is None
    listed = api.V2Run.from_dict({"id": "1", "endedAt": never})
    assert listed_run_of_v2(listed).ended_at is None


def test_a_time_without_a_zone_is_utc() -> None:
    run = v2_run("v2-run-ok", startedAt="2026-11-24T13:42:09.777")
    assert run.started_at == AT


def test_a_run_that_waits_to_start_has_no_start() -> None:
    assert v2_run("v2-run-queued").started_at is None


FAILURES = {
    "v1": v1_run("v1-run-output-error"),
    "v2": v2_run("v2-run-output-error"),
    "list of v2": v2_listed("v2-event-runs-output-error"),
}


@pytest.mark.parametrize("run", FAILURES.values(), ids=FAILURES)
def test_a_failure_is_an_error_and_no_output(run: Run) -> None:
    assert run.output is None
    assert run.error is not None
    assert (run.error.name, run.error.message) == ("NonRetriableError", "step boom")
    assert "Traceback" in str(run.error.stack)
    assert "Traceback" not in repr(run)


# What a function returned, by the name of its recordings.
RETURNED: dict[str, Any] = {
    "object": {"a": 1},
    "number": 9,
    "text": "hi",
    "list": [1, 2],
    "null": None,
    "boolean": True,
    "data-object": {"data": {"a": 1}},
    "error-key": {"error": {"message": "no"}},
}


@pytest.mark.parametrize("name", RETURNED)
def test_an_output_is_what_the_function_returned_whichever_route_responds(name: str) -> None:
    of_v1, listed = v1_run(f"v1-run-output-{name}"), v2_listed(f"v2-event-runs-output-{name}")
    assert of_v1.output == listed.output == RETURNED[name]
    of_v2 = v2_run(f"v2-run-output-{name}").output
    # A single run of v2 has already lost this key.
    assert of_v2 == ({"message": "no"} if name == "error-key" else RETURNED[name])


@pytest.mark.parametrize(("name", "value"), [("data-number", 5), ("data-text", "x")])
def test_v2_cannot_show_whether_the_function_or_the_server_wrapped_a_value(
    name: str, value: Any
) -> None:
    exact = v1_run(f"v1-run-output-{name}")
    assert exact.output == {"data": value}
    by_v2 = v2_run(f"v2-run-output-{name}")
    assert by_v2.output == v2_listed(f"v2-event-runs-output-{name}").output == value
    assert runs.with_v1(by_v2, exact).output == {"data": value}


@pytest.mark.parametrize(
    "run",
    [
        v1_run("v1-run-output-cancelled"),
        v1_listed("v1-event-runs-output-cancelled"),
        v2_run("v2-run-output-cancelled"),
        v2_listed("v2-event-runs-output-cancelled"),
    ],
    ids=["v1", "list of v1", "v2", "list of v2"],
)
def test_a_run_that_was_cancelled_while_its_code_ran_has_one_end_and_no_output(run: Run) -> None:
    assert run.output is None
    assert run.ended_at is not None
    exact = v2_run("v2-run-output-cancelled").ended_at
    assert exact is not None
    assert abs(run.ended_at - exact) < timedelta(milliseconds=100)


def test_how_a_run_ended_that_is_called_unfinished_is_unknown() -> None:
    run = v1_listed("v1-event-runs-boom")
    assert (run.status, run.is_ended, run.output, run.error) == ("unknown", True, None, None)


def test_the_last_error_of_a_run_between_attempts_is_not_its_outcome() -> None:
    run = v2_listed("v2-event-runs-between-attempts")
    assert (run.output, run.error) == (None, None)


@pytest.mark.parametrize("name", [*RETURNED, "error", "cancelled"])
def test_a_listed_run_differs_from_a_single_one_in_its_start_alone(name: str) -> None:
    single, listed = v2_run(f"v2-run-output-{name}"), v2_listed(f"v2-event-runs-output-{name}")
    assert single.started_at is not None
    assert listed.started_at is None
    if name == "error-key":
        listed = attrs.evolve(listed, output=single.output)
    assert attrs.evolve(single, started_at=None) == listed


def test_a_failure_that_is_a_string_becomes_the_error_message() -> None:
    run = v1_run("v1-run-boom", output="boom")
    assert (run.output, run.error) == (None, RunError(None, "boom"))


def test_a_failure_without_a_known_field_is_an_error_without_words() -> None:
    run = v2_run("v2-run-output-error", output={"code": 5})
    assert (run.error, run.output) == (RunError(None, None), None)


def test_a_stored_event() -> None:
    event = events.event_of_v1(api.V1Event.from_dict(body_of("v1-event-user-v")["data"]))
    assert event.user is not None
    assert event.v is not None
    assert type(event.data) is dict
    bare = events.event_of_v1(api.V1Event.from_dict({**body_of("v1-event")["data"], "data": None}))
    assert (bare.data, bare.user, bare.v) == (None, None, None)


def test_a_function_has_the_same_id_in_both_families() -> None:
    of_v1 = [
        apps.function_of_v1(api.V1Function.from_dict(each), "probe-app")
        for each in body_of("v1-app-functions")
    ]
    of_v2 = [
        apps.function_of_v2(api.V2Function.from_dict(each), "probe-app")
        for each in body_of("v2-functions")["data"]
    ]
    assert {each.id for each in of_v2} <= {each.id for each in of_v1}
    by_id = {each.id: each for each in of_v1}
    assert by_id["ok"].triggers == (Trigger("event", "app/ok"),)
    assert (by_id["ok"].app_id, by_id["ok"].is_archived) == ("probe-app", False)
    for each in of_v2:
        assert each.triggers == by_id[each.id].triggers


PAUSE = {
    "outgoing": "o",
    "stepName": "s",
    "event": "a/b",
    "expression": "x",
    "signalID": "g",
    "itFnID": "a-f",
    "tID": "t",
}
LEASE, LEASED = "01K9V2D6N9P1R7Z4W8X3Y5A0BC", datetime(2025, 11, 12, 3, 40, 32, 809_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("job", "data", "expected"),
    [
        ({}, {}, {}),
        ({"kind": "start", "attempt": 0, "position": 1}, {"maxAtts": 21}, {}),
        ({"kind": "edge", "attempt": 1}, {"maxAtts": 21}, {"max_attempts": 21}),
        ({"kind": "sleep"}, {"payload": {"edge": {"outgoing": "e"}}}, {"step_id": "e"}),
        ({"kind": "edge"}, {"payload": {"edge": {"outgoing": "e"}}}, {}),
        (
            {"kind": "pause"},
            {"payload": {"pause": PAUSE}},
            {"step": "s", "step_id": "o", "signal": "g", "function": "a-f", "event_id": "t"},
        ),
        (
            {"kind": "pause"},
            {"payload": {"pause": {**PAUSE, "itFnID": None}, "edge": {"outgoing": "e"}}},
            {"step": "s", "step_id": "o", "signal": "g", "event": "a/b", "condition": "x"},
        ),
        (
            {},
            {"cck": [{"k": "k", "l": 2}, {"k": "", "l": 1}, {"k": "n"}, {"k": "z", "l": 0}]},
            {"concurrency_keys": {"k": 2, "z": 0}},
        ),
    ],
    ids=["bare", "start", "edge", "sleep", "of edge", "invocation", "pause", "keys"],
)
def test_a_job_has_what_its_kind_of_item_has(job: Any, data: Any, expected: Any) -> None:
    read = api.V1Job.from_dict({**job, "JobID": "j", "Raw": {"data": data}})
    assert run_jobs.job_of_v1(read) == Job(id="j", **job, **expected)


@pytest.mark.parametrize(
    ("lease", "until"),
    [(LEASE, LEASED), ("", None), ("no ulid", None), ("7ZZZZZZZZZ0000000000000000", None)],
)
def test_a_job_is_leased_until_the_time_in_its_lease(lease: str, until: datetime | None) -> None:
    assert (
        run_jobs.job_of_v1(api.V1Job.from_dict({"Raw": {"leaseID": lease}})).leased_until == until
    )
    assert run_jobs.job_of_v1(api.V1Job.from_dict({})) == Job()


def test_a_status_is_parsed_in_any_case_and_an_unknown_one_is_kept() -> None:
    assert RunStatus("CoMpleted") is RunStatus.COMPLETED
    paused = RunStatus("Paused")
    assert (paused, paused.value, paused.name, str(paused)) == (
        "paused",
        "paused",
        "PAUSED",
        "paused",
    )
    assert paused not in list(RunStatus)
    for status in (paused, RunStatus.FAILED):
        assert pickle.loads(pickle.dumps(status)) == status
        assert isinstance(pickle.loads(pickle.dumps(status)), RunStatus)
    with pytest.raises(ValueError, match="5"):
        RunStatus(5)  # type: ignore[arg-type]


def test_the_url_of_a_webhook_is_not_in_its_repr(client: InngestClient, server: Server) -> None:
    url = "https://inn.gs/e/secret-key"
    data = {"id": "w", "name": "n", "url": url, "created_at": "2026-01-01T00:00:00Z"}
    server.on(
        "GET /v1/webhooks/w",
        says({"data": data, "metadata": {"fetched_at": "2026-01-01T00:00:00Z"}}),
    )
    webhook = client.webhooks.get("w")
    assert webhook.url == url
    assert "secret" not in repr(webhook)


def test_a_field_of_another_type_is_named(client: InngestClient, server: Server) -> None:
    run = body_of("v2-run-ok")["data"]
    run["function"]["id"] = 5
    server.on(f"GET /v2/runs/{run['id']}", says({"data": run}))
    with pytest.raises(InvalidResponseError, match="id: str expected, not int"):
        client.runs.get(run["id"])


def test_what_a_response_leaves_out_of_a_run_is_none_and_its_status_unknown() -> None:
    unknown = RunStatus("unknown")
    assert run_rows.run_of_v1(api.V1Run.from_dict({"run_id": "1"})) == Run("1", unknown)
    assert run_rows.run_of_v2(api.V2Run.from_dict({"id": "1"})) == Run("1", unknown)
    ended = {"endedAt": "2026-11-24T13:42:09.777Z"}
    assert run_rows.run_of_v2(api.V2Run.from_dict({"id": "1", **ended})).ended_at == AT


def test_a_time_without_a_zone_is_in_utc() -> None:
    data = {"run_id": "1", "run_started_at": "2026-11-24T13:42:09.777"}
    assert run_rows.run_of_v1(api.V1Run.from_dict(data)).queued_at == AT


def test_of_two_states_of_a_run_the_one_with_the_first_end_is_listed() -> None:
    going, first, last = (
        Run("1", RunStatus.CANCELLED, ended_at=None if hour is None else AT.replace(hour=hour))
        for hour in (None, 14, 15)
    )
    for listed in ([going, first], [first, going], [first, last], [last, going, first]):
        assert event_runs.each_once(listed) == (first,)


@pytest.mark.parametrize(
    ("item", "is_refused"),
    [
        ({"id": "1"}, True),
        ({"id": "1", "status": "RUNNING"}, False),
        ({"id": "1", "queuedAt": "2026-11-24T13:42:09Z"}, False),
        ({"id": "1", "function": {"id": "f"}}, False),
    ],
    ids=["an id alone", "status", "time", "function"],
)
def test_an_item_that_has_nothing_of_a_run_is_none(
    item: Any, is_refused: bool, client: InngestClient, server: Server
) -> None:
    server.on("GET /v2/runs", says({"data": [item], "page": {"hasMore": False}}))
    if is_refused:
        with pytest.raises(InvalidResponseError, match="lists 1, which is not a run"):
            client.runs.list().page()
    else:
        assert [run.id for run in client.runs.list()] == ["1"]


def test_an_app_of_v2_has_what_the_answer_has_and_no_sync_if_there_was_none() -> None:
    sync = {
        "url": "u",
        "sdkLanguage": "go",
        "sdkVersion": "1",
        "framework": "f",
        "syncedAt": "2026-11-24T13:42:09.777Z",
        "status": "success",
        "error": "e",
    }
    data = {"id": "a", "method": "CONNECT", "isArchived": True, "functionCount": 3}
    assert apps.app_of_v2(
        api.V2App.from_dict({**data, "appVersion": "2", "latestSync": sync})
    ) == App(
        "a",
        method="connect",
        version="2",
        is_archived=True,
        function_count=3,
        url="u",
        sdk_language="go",
        sdk_version="1",
        framework="f",
        synced_at=AT,
        sync_status="success",
        sync_error="e",
    )
    bare = App("a", is_archived=False, function_count=0)
    assert apps.app_of_v2(api.V2App.from_dict({"id": "a"})) == bare


def test_a_function_of_v2_has_what_the_answer_has() -> None:
    triggers = [
        {"type": "EVENT", "value": "a/b", "if": "x"},
        {"type": "CRON", "value": "* * * * *", "condition": "y"},
        {},
    ]
    data: dict[str, Any] = {"id": "f", "app": {"id": "b"}, "isArchived": True, "triggers": triggers}
    data |= {"configuration": {"retries": {"value": 4}}, "isPaused": True}
    assert apps.function_of_v2(api.V2Function.from_dict(data), "a") == Function(
        "f",
        "b",
        triggers=(
            Trigger("event", "a/b", "x"),
            Trigger("cron", "* * * * *", "y"),
            Trigger("unknown", ""),
        ),
        configuration={"retries": {"value": 4}},
        is_archived=True,
        is_paused=True,
    )
    bare = apps.function_of_v2(api.V2Function.from_dict({"id": "f", "app": {}}), "a")
    assert (bare.app_id, bare.triggers, bare.is_archived, bare.is_paused) == ("a", (), False, False)


def test_an_event_that_was_not_stored_is_as_a_condition_sees_it() -> None:
    bare = as_stored({"name": "a/b", "ts": "soon"}, "1")
    assert (bare.internal_id, bare.id, bare.name, bare.data, bare.ts) == ("1", "1", "a/b", {}, None)
    full = as_stored({"name": "a/b", "id": "own", "ts": 5, "data": {"n": 1}, "v": "2"}, "1")
    assert (full.id, full.ts, full.data, full.v, full.user) == ("own", 5, {"n": 1}, "2", None)


def test_a_failed_span_has_the_error_that_is_in_its_output() -> None:
    output = {"name": "Error", "message": "no stock", "stack": "at ship"}
    failed = Span("1", "ship", "failed", output=output)
    assert failed.error == RunError("Error", "no stock", "at ship")
    assert Span("1", "ship", "failed", output="no stock").error == RunError(None, "no stock")
    for span in Span("1", "ship", "failed"), Span("1", "ship", "completed", output=output):
        assert span.error is None

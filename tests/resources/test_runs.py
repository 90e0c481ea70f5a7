"""Runs: wait, cancel, replay, jobs; against a scripted server and the stateful mock."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import (
    AuthenticationError,
    ConflictError,
    InngestError,
    InvalidArgumentError,
    InvalidResponseError,
    NotFoundError,
    RunStatus,
    ServerError,
    WaitTimeoutError,
)
from inngest_rest.testing import MockServer, fails, sleeps, waits_for
from tests.support.server import WEB_UI, Reply, recorded, says, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest import InngestClient
    from tests.conftest import Connect
    from tests.support.clock import Clock
    from tests.support.server import Answer, Server

ID = "01M86WNRKHYE50ZF3GG530BHRT"
V1, V2 = f"GET /v1/runs/{ID}", f"GET /v2/runs/{ID}"
RUNNING, DONE, FAILED = (recorded(f"v1-run-{name}") for name in ("slow", "ok", "boom"))
UNKNOWN = recorded("v1-run-unknown")


def test_a_run_that_has_ended_is_returned_at_once(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on(V1, DONE)
    assert client.runs.wait(ID, timeout=10).status == "completed"
    assert clock.pauses == []


def test_a_failed_run_is_returned_and_not_raised(client: InngestClient, server: Server) -> None:
    server.on(V1, FAILED)
    run = client.runs.wait(ID, timeout=10)
    assert run.status is RunStatus.FAILED
    assert run.error is not None
    assert (run.error.name, run.error.message) == ("NonRetriableError", "boom happened")


def test_wait_polls_no_faster_than_the_cache_of_the_server(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on(V1, RUNNING, RUNNING, RUNNING, DONE)
    client.runs.wait(ID, timeout=timedelta(minutes=1))
    assert clock.pauses == [3.0, 3.0, 3.0]


def test_the_last_pause_of_wait_ends_with_the_timeout(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on(V1, RUNNING)
    with pytest.raises(WaitTimeoutError, match="is still running") as caught:
        client.runs.wait(ID, timeout=7)
    assert clock.pauses == [3.0, 3.0, 1.0]
    assert caught.value.run is not None
    assert caught.value.run.status == "running"


def test_wait_tolerates_a_missing_run_for_five_seconds(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on(V1, *[UNKNOWN] * 19, RUNNING, DONE)
    assert client.runs.wait(ID, timeout=60).status == "completed"
    assert clock.pauses == [0.25] * 19 + [3.0]


def test_wait_raises_not_found_for_a_run_that_does_not_appear(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on(V1, UNKNOWN)
    server.on(V2, recorded("v2-run-unknown"))
    with pytest.raises(NotFoundError):
        client.runs.wait(ID, timeout=60)
    assert clock.elapsed == 5.0


PASSING: list[Answer] = [
    text(503, "down"),
    text(500, "panic"),
    text(429, "slow down"),
    text(408, "late"),
    text(404, "404 page not found"),
    httpx.ConnectError("refused"),
    httpx.ReadTimeout("late"),
    UNKNOWN,
]


@pytest.mark.parametrize("fault", PASSING, ids=repr)
def test_no_transient_fault_ends_the_wait_for_a_run_that_was_seen(
    connect: Connect, server: Server, clock: Clock, fault: Answer
) -> None:
    client = connect(retries=0)
    server.on(V1, RUNNING, *[fault] * 40, RUNNING, DONE)
    server.on(V2, recorded("v2-run-unknown") if fault is UNKNOWN else fault)
    assert client.runs.wait(ID, timeout=timedelta(hours=1)).status == "completed"
    assert clock.elapsed == pytest.approx(3.0 * 42)


@pytest.mark.parametrize("fault", PASSING, ids=repr)
def test_a_wait_that_ends_in_a_fault_returns_the_run_as_last_seen(
    connect: Connect, server: Server, clock: Clock, fault: Answer
) -> None:
    server.on(V1, RUNNING, fault)
    server.on(V2, fault)
    with pytest.raises(WaitTimeoutError, match="is still running") as caught:
        connect(retries=0).runs.wait(ID, timeout=30)
    assert caught.value.run is not None
    assert caught.value.__cause__ is not None
    assert clock.elapsed == pytest.approx(30)


def test_a_wait_polls_no_sooner_than_the_server_asks(
    connect: Connect, server: Server, clock: Clock
) -> None:
    server.on(V1, RUNNING, Reply(429, b"", {"retry-after": "20"}), DONE)
    connect(retries=0).runs.wait(ID, timeout=60)
    assert clock.pauses == [3.0, 20.0]


@pytest.mark.parametrize(
    ("fault", "error"),
    [(text(401, "no"), AuthenticationError), (text(200, "{"), InvalidResponseError)],
)
def test_a_permanent_fault_ends_the_wait(
    client: InngestClient, server: Server, fault: Answer, error: type[Exception]
) -> None:
    server.on(V1, RUNNING, fault)
    with pytest.raises(error):
        client.runs.wait(ID, timeout=60)


def test_an_outage_before_a_run_was_seen_is_raised_at_once(
    connect: Connect, server: Server, clock: Clock
) -> None:
    server.on(V1, text(503, "down"))
    with pytest.raises(ServerError):
        connect(retries=0).runs.wait(ID, timeout=60)
    assert clock.pauses == []


EVENT = f"GET /v1/events/{ID}"


@pytest.mark.parametrize(
    "call",
    [lambda it: it.runs.get(ID), lambda it: it.runs.wait(ID, timeout=60)],
    ids=["get", "wait"],
)
@pytest.mark.parametrize("v1", [UNKNOWN, text(404, "404 page not found")], ids=["v1", "v2"])
def test_not_found_says_if_the_id_is_an_event_id(
    client: InngestClient, server: Server, call: Any, v1: Reply
) -> None:
    server.on(V1, v1)
    server.on(V2, recorded("v2-run-unknown"))
    server.on(EVENT, recorded("v1-event"))
    with pytest.raises(NotFoundError, match=rf"is the id of an event.*events\.runs\('{ID}'\)"):
        call(client)
    assert server.asked.count(EVENT) == 1


@pytest.mark.parametrize(
    "answer",
    [
        recorded("v1-event-unknown"),
        text(503, "down"),
        text(401, "no"),
        text(404, "no"),
        WEB_UI,
        httpx.ReadTimeout("late"),
    ],
    ids=repr,
)
def test_a_failed_event_lookup_leaves_the_not_found_error_as_it_was(
    client: InngestClient, server: Server, clock: Clock, answer: Answer
) -> None:
    server.on(V1, UNKNOWN)
    server.on(V2, recorded("v2-run-unknown"))
    server.on(EVENT, answer)
    with pytest.raises(NotFoundError, match=f"no run {ID}: Unable to load function run") as caught:
        client.runs.get(ID)
    assert caught.value.advice == ""
    assert server.asked.count(EVENT) == 1
    assert clock.pauses == []


def test_a_wait_shorter_than_five_seconds_times_out_for_a_missing_run(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on(V1, UNKNOWN)
    with pytest.raises(WaitTimeoutError, match="did not appear") as caught:
        client.runs.wait(ID, timeout=0.6)
    assert caught.value.run is None
    assert clock.pauses == pytest.approx([0.25, 0.25, 0.1])


@pytest.mark.parametrize("timeout", [0, -1, None, "10", float("nan"), timedelta(0)])
def test_wait_requires_a_positive_timeout(
    client: InngestClient, server: Server, timeout: Any
) -> None:
    with pytest.raises(InvalidArgumentError, match="timeout"):
        client.runs.wait(ID, timeout=timeout)
    assert server.asked == []


@pytest.mark.parametrize(
    "recording", ["v1-run-cancel-ok", "v1-run-cancel-again", "v1-run-cancel-finished"]
)
def test_cancel_by_v1_succeeds_even_if_the_run_has_ended(
    client: InngestClient, server: Server, recording: str
) -> None:
    server.on(f"DELETE /v1/runs/{ID}", recorded(recording))
    client.runs.cancel(ID)


@pytest.mark.parametrize("recording", ["v2-cancel", "v2-cancel-again", "v2-cancel-finished"])
def test_cancel_by_v2_succeeds_even_if_the_run_has_ended(
    client: InngestClient, server: Server, recording: str
) -> None:
    server.on(f"POST /v2/runs/{ID}/cancel", recorded(recording))
    client.runs.cancel(ID)


def test_another_conflict_of_a_cancel_is_an_error(client: InngestClient, server: Server) -> None:
    body = {"errors": [{"code": "locked", "message": "try later"}]}
    server.on(f"POST /v2/runs/{ID}/cancel", says(body, status=409))
    with pytest.raises(ConflictError, match="try later"):
        client.runs.cancel(ID)


@pytest.mark.parametrize(
    ("route", "recording"),
    [
        (f"DELETE /v1/runs/{ID}", "v1-run-cancel-unknown"),
        (f"POST /v2/runs/{ID}/cancel", "v2-cancel-unknown"),
    ],
)
def test_cancelling_an_unknown_run_is_an_error(
    client: InngestClient, server: Server, route: str, recording: str
) -> None:
    server.on(route, recorded(recording))
    with pytest.raises(NotFoundError):
        client.runs.cancel(ID)


@pytest.mark.parametrize("v1_routes", [True, False])
def test_a_replay_creates_a_run_that_names_the_original(connect: Connect, v1_routes: bool) -> None:
    mock = MockServer(v1_routes=v1_routes)
    mock.function("app", "f", trigger="go")
    client = connect(transport=mock.transport)
    client.send({"name": "go"})
    [run] = client.runs.list()
    again = client.runs.replay(run.id)
    assert client.runs.get(again).original_run_id == run.id
    assert len(mock.runs) == 2


def test_a_run_is_followed_from_its_event_to_its_end(connect: Connect, clock: Clock) -> None:
    mock = MockServer(clock=lambda: int(clock.now() * 1e9))
    mock.function("app", "nap", trigger="go", run=sleeps(timedelta(seconds=30)))
    client = connect(transport=mock.transport)
    [event] = client.send({"name": "go"})
    [run] = client.events.runs(event)
    assert not run.is_ended
    assert client.runs.wait(run.id, timeout=60).status == "completed"
    assert clock.elapsed == 30.0


def test_a_signal_wakes_the_run_that_waits_for_it(connect: Connect) -> None:
    mock = MockServer()
    mock.function("app", "f", trigger="go", run=waits_for("paid"))
    client = connect(transport=mock.transport)
    client.send({"name": "go"})
    assert client.signals.send("paid", {"by": "card"}) == mock.runs[0].id
    assert client.runs.get(mock.runs[0].id).output == {"signal": "paid", "data": {"by": "card"}}
    with pytest.raises(NotFoundError, match="No signal found"):
        client.signals.send("paid")


def test_runs_are_listed_by_status(connect: Connect) -> None:
    mock = MockServer()
    mock.function("app", "bad", trigger="go", run=fails("no"))
    mock.function("app", "good", trigger="go")
    client = connect(transport=mock.transport)
    client.send([{"name": "go"}] * 3)
    assert len(list(client.runs.list(status="failed"))) == 3
    assert len(list(client.runs.list(status=["failed", "completed"], limit=5))) == 5
    assert list(client.runs.list(status="running")) == []


def test_jobs_lists_what_is_queued_for_a_run(client: InngestClient, server: Server) -> None:
    server.on(f"GET /v1/runs/{ID}/jobs", recorded("v1-run-jobs-slow"), recorded("v1-run-jobs-ok"))
    assert {job.kind for job in client.runs.jobs(ID)} <= {"start", "edge", "sleep", "pause"}
    assert client.runs.jobs(ID) == []


BAD_IDS = ["", ".", "..", "a/b", "../x", "a\\b", "a b", "a\n", "\0", "\ud800", 5, None]
CALLS: dict[str, Callable[[InngestClient, Any], Any]] = {
    "runs.get": lambda it, bad: it.runs.get(bad),
    "runs.wait": lambda it, bad: it.runs.wait(bad, timeout=1),
    "runs.cancel": lambda it, bad: it.runs.cancel(bad),
    "runs.replay": lambda it, bad: it.runs.replay(bad),
    "runs.jobs": lambda it, bad: it.runs.jobs(bad),
    "runs.trace": lambda it, bad: it.runs.trace(bad),
    "events.get": lambda it, bad: it.events.get(bad),
    "events.runs": lambda it, bad: it.events.runs(bad),
    "apps.get": lambda it, bad: it.apps.get(bad),
    "functions.list": lambda it, bad: it.functions.list(bad),
    "functions.get": lambda it, bad: it.functions.get("a", bad),
    "functions.get of app": lambda it, bad: it.functions.get(bad, "f"),
    "functions.invoke": lambda it, bad: it.functions.invoke("a", bad),
    "cancellations.delete": lambda it, bad: it.cancellations.delete(bad),
    "webhooks.get": lambda it, bad: it.webhooks.get(bad),
    "webhooks.update": lambda it, bad: it.webhooks.update(bad, name="x"),
    "webhooks.delete": lambda it, bad: it.webhooks.delete(bad),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_malformed_id_is_refused_before_anything_is_sent(
    client: InngestClient, server: Server, name: str
) -> None:
    for bad in BAD_IDS:
        with pytest.raises(InvalidArgumentError, match=r"(id|app|function) (is malformed|must be)"):
            CALLS[name](client, bad)
    assert server.asked == []


def test_an_unusual_id_stays_one_path_segment(client: InngestClient, server: Server) -> None:
    server.on("GET /v2/apps/a?b#c%2Fd", recorded("v2-app-unknown"))
    with pytest.raises(NotFoundError):
        client.apps.get("a?b#c%2Fd")
    assert server.requests[0].url.raw_path == b"/v2/apps/a%3Fb%23c%252Fd"


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda it: it.signals.send(""), "signal"),
        (lambda it: it.signals.send("\ud800"), "signal"),
        (lambda it: it.signals.send("s", float("nan")), "data"),
        (lambda it: it.signals.send("s", {"k": "\ud800"}), "data"),
        (lambda it: it.signals.send("s", object()), "data"),
        (lambda it: it.functions.invoke("a", "f", ["x"]), "data"),
        (lambda it: it.functions.invoke("a", "f", {"k": float("inf")}), "data"),
        (lambda it: it.functions.invoke("a", "f", {"k": "\udfff"}), "data"),
        (lambda it: it.functions.invoke("a", "f", idempotency_key=""), "idempotency_key"),
        (lambda it: it.functions.invoke("a", "f", idempotency_key=5), "idempotency_key"),
        (lambda it: it.events.list(name=""), "name"),
        (lambda it: it.webhooks.create(name=""), "name"),
        (lambda it: it.webhooks.update("w", transform=""), "transform"),
    ],
    ids=[
        *("empty signal", "surrogate signal", "NaN", "surrogate", "object", "list", "infinity"),
        *("surrogate data", "empty key", "key of int", "empty filter", "webhook", "transform"),
    ],
)
def test_an_argument_that_would_be_lost_is_refused(
    client: InngestClient, server: Server, call: Any, named: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=f"^{named} "):
        call(client)
    assert server.asked == []


@pytest.mark.parametrize(
    ("hanging", "error"), [(V1, WaitTimeoutError), (V2, ServerError)], ids=["v1", "v2"]
)
def test_wait_is_bounded_even_if_a_poll_hangs(
    client: InngestClient, server: Server, clock: Clock, hanging: str, error: type[Exception]
) -> None:
    def hang(request: httpx.Request) -> Reply:
        clock.advance(request.extensions["timeout"]["read"])
        raise httpx.ReadTimeout("", request=request)

    server.on(V1, UNKNOWN)
    server.on(hanging, hang)
    began = clock.elapsed
    with pytest.raises(error):
        client.runs.wait(ID, 7)
    assert clock.elapsed - began == pytest.approx(7, abs=0.1)


def test_asking_whether_a_run_exists_is_part_of_the_wait(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    def fails_to_load(_: httpx.Request) -> Reply:
        clock.advance(0.4)
        return UNKNOWN

    server.on(V1, fails_to_load)
    server.on(V2, Reply(503))
    with pytest.raises(InngestError):
        client.runs.wait(ID, timeout=1)
    assert all(each.extensions["timeout"]["read"] <= 1 for each in server.requests)
    assert server.requests[1].extensions["timeout"]["read"] == pytest.approx(0.6)
    assert clock.elapsed <= 1.5

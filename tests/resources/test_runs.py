"""Runs: wait, cancel, replay, jobs; against a scripted server and the stateful mock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from attrs import evolve

from inngest_rest import (
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    InngestError,
    InvalidArgumentError,
    InvalidResponseError,
    NotFoundError,
    ServerError,
    WaitTimeoutError,
)
from inngest_rest_mock import MockServer, completes, fails, sleeps
from tests.support.server import (
    NO_ROUTE,
    WEB_UI,
    Reply,
    about,
    body_of,
    hangs,
    recorded,
    says,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest import InngestClient
    from tests.conftest import Connect
    from tests.support.clock import Clock
    from tests.support.server import Answer, Server

ID = "01M86WNRKHYE50ZF3GG530BHRT"
V1, V2 = f"GET /v1/runs/{ID}", f"GET /v2/runs/{ID}"
DONE, FAILED = about(ID, "v2-run-output-ok"), about(ID, "v2-run-output-error")
RUNNING = about(ID, "v2-run-between-attempts")
UNKNOWN = recorded("v2-run-unknown")
OF_V1 = {name: about(ID, f"v1-run-{name}") for name in ("slow", "ok", "unknown")}

# The first pauses of a wait, in seconds.
PAUSES = [0.05 * 1.6**n for n in range(9)]


def asks(server: Server) -> list[str]:
    return [each.partition("?")[0] for each in server.asked]


def test_a_run_that_has_ended_is_returned_at_once(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on(V2, DONE)
    assert client.runs.wait(ID, timeout=10).status == "completed"
    assert clock.pauses == []


def test_a_run_that_failed_an_attempt_is_waited_for_until_its_end(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on(V2, about(ID, "v2-run-between-attempts"), DONE)
    assert client.runs.wait(ID, timeout=10).status == "completed"
    assert clock.pauses == [0.05]


def test_the_pauses_of_wait_grow_from_50_ms_to_3_s(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on(V2, *[RUNNING] * 11, DONE)
    client.runs.wait(ID, timeout=timedelta(minutes=1))
    assert clock.pauses == pytest.approx([*PAUSES, 3.0, 3.0])


@pytest.mark.parametrize("late", [0, 3], ids=["at once", "after 0.2 s"])
@pytest.mark.parametrize("has_v2", [True, False], ids=["v2", "v1"])
def test_a_wait_of_one_minute_takes_at_most_32_requests(
    client: InngestClient, server: Server, clock: Clock, has_v2: bool, late: int
) -> None:
    server.on(V1, *[OF_V1["unknown"]] * late, OF_V1["slow"])
    server.on(V2, *[UNKNOWN] * late, RUNNING)
    if not has_v2:
        server.on(V2, NO_ROUTE["v2"])
    with pytest.raises(WaitTimeoutError):
        client.runs.wait(ID, timeout=timedelta(minutes=1))
    assert len(server.requests) <= 32
    assert clock.elapsed == pytest.approx(60)


def test_the_wait_for_a_function_of_100_ms_takes_less_than_200_ms(
    connect: Connect, clock: Clock
) -> None:
    mock = MockServer(clock=clock.nanoseconds)
    mock.function("app", "nap", trigger="go", run=sleeps(timedelta(seconds=0.1)))
    client = connect(transport=mock.transport)
    run = client.runs.wait(client.functions.invoke("app", "nap"), timeout=60)
    assert run.is_ended
    assert clock.elapsed < 0.2


def test_every_poll_goes_past_the_cache_of_v1(client: InngestClient, server: Server) -> None:
    server.on(V1, *[OF_V1["slow"]] * 3, OF_V1["ok"])
    client.runs.wait(ID, timeout=10)
    polls = [each.url.params["_"] for each in server.requests if each.url.path.startswith("/v1")]
    assert len(polls) == len(set(polls)) == 4


def test_a_run_that_v2_loses_is_followed_in_v1(client: InngestClient, server: Server) -> None:
    server.on(V2, RUNNING, about(ID, "v2-run-after-metadata"))
    server.on(V1, OF_V1["slow"], OF_V1["slow"], OF_V1["ok"])
    assert client.runs.wait(ID, timeout=10).status == "completed"
    assert asks(server) == [V2, V2, V1, V2, V1, V2, V1]


def test_a_run_that_v2_cannot_load_is_got_from_v1(client: InngestClient, server: Server) -> None:
    server.on(V2, about(ID, "v2-run-after-metadata"))
    server.on(V1, OF_V1["ok"])
    assert client.runs.get(ID).status == "completed"
    assert client.runs.wait(ID, timeout=10).status == "completed"
    assert asks(server) == [V2, V1, V2, V1]


def test_the_last_pause_of_wait_ends_with_the_timeout(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on(V2, RUNNING)
    with pytest.raises(WaitTimeoutError, match="was still running") as caught:
        client.runs.wait(ID, timeout=0.2)
    assert clock.pauses == pytest.approx([0.05, 0.08, 0.07])
    assert caught.value.run is not None
    assert caught.value.run.status == "running"


def test_wait_tolerates_a_missing_run_for_five_seconds(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on(V2, *[UNKNOWN] * 9, RUNNING, DONE)
    server.on(V1, OF_V1["unknown"])
    assert client.runs.wait(ID, timeout=60).status == "completed"
    *growing, last, after = clock.pauses
    assert growing == pytest.approx(PAUSES[:8])
    assert sum(growing) + last == pytest.approx(5.0)
    assert after == 3.0
    assert asks(server).count(V1) == 1


@pytest.mark.parametrize("has_v2", [True, False], ids=["v2", "v1"])
def test_wait_raises_not_found_for_a_run_that_does_not_appear(
    client: InngestClient, server: Server, clock: Clock, has_v2: bool
) -> None:
    server.on(V1, OF_V1["unknown"])
    if has_v2:
        server.on(V2, UNKNOWN)
    with pytest.raises(NotFoundError):
        client.runs.wait(ID, timeout=60)
    assert 5.0 <= clock.elapsed < 8.0
    if has_v2:
        assert asks(server).count(V1) == 2


def test_a_run_that_appears_in_v1_alone_is_found_at_last(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on(V1, OF_V1["unknown"], OF_V1["slow"], OF_V1["ok"])
    server.on(V2, UNKNOWN)
    assert client.runs.wait(ID, timeout=60).status == "completed"
    assert clock.elapsed < 10


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
    server.on(V2, RUNNING, *[fault] * 40, RUNNING, DONE)
    server.on(V1, OF_V1["unknown"] if fault is UNKNOWN else fault)
    assert client.runs.wait(ID, timeout=timedelta(hours=1)).status == "completed"
    assert clock.elapsed == pytest.approx(sum(PAUSES) + 3.0 * 33)


def test_v1_may_fail_to_load_a_run_that_was_seen(client: InngestClient, server: Server) -> None:
    server.on(V1, OF_V1["slow"], OF_V1["unknown"], OF_V1["ok"])
    assert client.runs.wait(ID, timeout=10).status == "completed"


@pytest.mark.parametrize("fault", PASSING, ids=repr)
def test_a_wait_that_ends_in_a_fault_returns_the_run_as_last_seen(
    connect: Connect, server: Server, clock: Clock, fault: Answer
) -> None:
    server.on(V2, RUNNING, fault)
    server.on(V1, fault)
    with pytest.raises(WaitTimeoutError, match="was still running") as caught:
        connect(retries=0).runs.wait(ID, timeout=30)
    assert caught.value.run is not None
    assert caught.value.__cause__ is not None
    assert clock.elapsed == pytest.approx(30)


def test_a_wait_polls_no_sooner_than_the_server_asks(
    connect: Connect, server: Server, clock: Clock
) -> None:
    server.on(V2, RUNNING, Reply(429, b"", {"retry-after": "20"}), DONE)
    connect(retries=0).runs.wait(ID, timeout=60)
    assert clock.pauses == pytest.approx([0.05, 20.0])


@pytest.mark.parametrize(
    ("fault", "error"),
    [(text(401, "no"), AuthenticationError), (text(200, "{"), InvalidResponseError)],
)
def test_a_permanent_fault_ends_the_wait(
    client: InngestClient, server: Server, fault: Answer, error: type[Exception]
) -> None:
    server.on(V2, RUNNING, fault)
    with pytest.raises(error):
        client.runs.wait(ID, timeout=60)


def test_an_outage_before_a_run_was_seen_is_raised_at_once(
    connect: Connect, server: Server, clock: Clock
) -> None:
    server.on(V2, text(503, "down"))
    with pytest.raises(ServerError):
        connect(retries=0).runs.wait(ID, timeout=60)
    assert clock.pauses == []


EVENT = f"GET /v1/events/{ID}"


@pytest.mark.parametrize(
    "call",
    [
        lambda it: it.runs.get(ID),
        lambda it: it.runs.wait(ID, timeout=60),
        lambda it: next(it.runs.wait_many([ID], timeout=60)),
    ],
    ids=["get", "wait", "wait_many"],
)
@pytest.mark.parametrize("of_v1", [OF_V1["unknown"], text(404, "404 page not found")])
def test_not_found_says_at_once_if_the_id_is_an_event_id(
    client: InngestClient, server: Server, clock: Clock, call: Any, of_v1: Reply
) -> None:
    server.on(V1, of_v1)
    server.on(V2, UNKNOWN)
    server.on(EVENT, about(ID, "v1-event"))
    with pytest.raises(NotFoundError, match=rf"is the id of an event.*events\.runs\('{ID}'\)"):
        call(client)
    assert server.asked.count(EVENT) == 1
    assert clock.pauses == []


def test_a_wait_says_at_its_end_that_an_id_is_that_of_an_event_which_was_stored_meanwhile(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on(V2, UNKNOWN)
    server.on(EVENT, about(ID, "v1-event-unknown"), about(ID, "v1-event"))
    with pytest.raises(NotFoundError, match="is the id of an event"):
        client.runs.wait(ID, timeout=60)
    assert server.asked.count(EVENT) == 2
    assert clock.elapsed == pytest.approx(5, abs=0.1)


def test_a_server_without_events_is_asked_once_whether_an_id_is_one(
    client: InngestClient, server: Server
) -> None:
    server.on(V2, UNKNOWN)
    for _ in range(2):
        with pytest.raises(NotFoundError):
            client.runs.get(ID)
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
    server.on(V1, OF_V1["unknown"])
    server.on(V2, UNKNOWN)
    server.on(EVENT, answer)
    with pytest.raises(NotFoundError, match="Run not found") as caught:
        client.runs.get(ID)
    assert not caught.value.advice
    assert server.asked.count(EVENT) == 1
    assert clock.pauses == []


def test_a_wait_shorter_than_five_seconds_times_out_for_a_missing_run(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on(V2, UNKNOWN)
    with pytest.raises(WaitTimeoutError, match="did not appear") as caught:
        client.runs.wait(ID, timeout=0.2)
    assert caught.value.run is None
    assert clock.pauses == pytest.approx([0.05, 0.08, 0.07])


@pytest.mark.parametrize("timeout", [0, -1, None, "10", float("nan"), timedelta(0)])
def test_wait_requires_a_positive_timeout(
    client: InngestClient, server: Server, timeout: Any
) -> None:
    with pytest.raises(InvalidArgumentError, match="timeout"):
        client.runs.wait(ID, timeout=timeout)
    assert server.asked == []


@pytest.mark.parametrize("recording", ["v2-cancel", "v2-cancel-again", "v2-cancel-finished"])
def test_cancel_by_v2_succeeds_even_if_the_run_has_ended(
    client: InngestClient, server: Server, recording: str
) -> None:
    server.on(f"POST /v2/runs/{ID}/cancel", about(ID, recording))
    server.on(f"DELETE /v1/runs/{ID}", recorded("pg-v1-run-cancel"))
    client.runs.cancel(ID)
    assert server.asked == [f"POST /v2/runs/{ID}/cancel"]


def test_a_404_of_v1_for_a_cancel_says_what_else_it_may_mean(
    client: InngestClient, server: Server
) -> None:
    server.on(f"DELETE /v1/runs/{ID}", recorded("pg-v1-run-cancel"))
    with pytest.raises(NotFoundError, match=r"PostgreSQL .* 404 for every run.* release 1\.39"):
        client.runs.cancel(ID)


def test_another_conflict_of_a_cancel_is_an_error(client: InngestClient, server: Server) -> None:
    body = {"errors": [{"code": "locked", "message": "try later"}]}
    server.on(f"POST /v2/runs/{ID}/cancel", says(body, status=409))
    with pytest.raises(ConflictError, match="try later"):
        client.runs.cancel(ID)


@pytest.mark.parametrize("v1_routes", [True, False])
def test_a_replay_creates_a_run_that_names_the_original(connect: Connect, v1_routes: bool) -> None:
    mock = MockServer(v1_routes=v1_routes)
    mock.function("app", "f", trigger="go")
    client = connect(transport=mock.transport)
    [event] = client.send({"name": "go"})
    [run] = client.runs.list()
    again = client.runs.replay(run.id)
    found = client.runs.get(again, include_original_run_id=True)
    assert (found.original_run_id, found.function_id) == (run.id, "f")
    listed = client.events.runs(event, include_original_run_id=True)
    assert {each.id: each.original_run_id for each in listed} == {run.id: None, again: run.id}
    assert client.runs.get(again).original_run_id is None
    assert len(mock.runs) == 2


def test_the_original_run_takes_a_request_to_v1(client: InngestClient, server: Server) -> None:
    server.on(V2, DONE)
    server.on(V1, about(ID, "v1-run-of-rerun"))
    run = client.runs.get(ID, include_original_run_id=True)
    assert (run.app_id, run.original_run_id) == ("probe-app", "01M86WNRKHYE50ZF3GG530BHRT")
    assert run.internal_function_id is not None
    assert asks(server) == [V2, V1]


def test_a_server_without_v2_is_asked_for_the_original_run_once(
    client: InngestClient, server: Server
) -> None:
    server.on(V1, about(ID, "v1-run-of-rerun"))
    server.on(f"GET /v1/events/{ID}/runs", recorded("v1-event-runs-ok"))
    assert client.runs.get(ID, include_original_run_id=True).original_run_id is not None
    list(client.events.runs(ID, include_original_run_id=True))
    assert len([each for each in server.asked if "/v1/" in each and "/apps" not in each]) == 2


def test_the_original_run_of_a_batch_is_asked_for_run_by_run(
    client: InngestClient, server: Server
) -> None:
    server.on(f"GET /v2/events/{ID}/runs", recorded("v2-event-runs-output-object"))
    server.on(f"GET /v1/events/{ID}/runs", recorded("v1-event-runs-unknown"))
    listed = body_of("v2-event-runs-output-object")["data"][0]["id"]
    server.on(f"GET /v1/runs/{listed}", about(listed, "v1-run-of-rerun"))
    [run] = client.events.runs(ID, include_original_run_id=True)
    assert (run.id, run.original_run_id) == (listed, "01M86WNRKHYE50ZF3GG530BHRT")
    of_v1 = [it for it in server.requests if it.url.path == f"/v1/events/{ID}/runs"]
    assert all("_" in each.url.params for each in of_v1)  # past a cache of 15 s


def test_a_version_that_lacks_the_original_run_is_a_configuration_error(
    connect: Connect, server: Server
) -> None:
    server.on(V2, DONE)
    with pytest.raises(ConfigurationError, match="exists only in v1"):
        connect(api_version="v2").runs.get(ID, include_original_run_id=True)


def test_outputs_are_listed_on_request_alone(client: InngestClient, server: Server) -> None:
    server.on("GET /v2/runs", recorded("v2-event-runs-output-number"))
    client.runs.list().page()
    assert "includeOutput" not in server.requests.pop().url.params
    server.on(f"GET /v2/events/{ID}/runs", recorded("v2-event-runs-output-error"))
    [run] = client.runs.list(include_output=True)
    assert run.output == 9
    [run] = client.events.runs(ID)
    assert run.error is not None
    of_v2 = [each for each in server.requests if each.url.path.startswith("/v2")]
    assert all(each.url.params["includeOutput"] == "true" for each in of_v2)
    assert len(of_v2) == 2


def test_a_run_that_v1_lists_twice_is_listed_once(connect: Connect, server: Server) -> None:
    server.on(f"GET /v1/events/{ID}/runs", recorded("v1-event-runs-twice"))
    client = connect(api_version="v1")
    [run] = client.events.runs(ID)
    first, second = body_of("v1-event-runs-twice")["data"]
    assert first["ended_at"] < second["ended_at"]
    assert run.ended_at == datetime.fromisoformat(first["ended_at"])
    assert list(client.events.runs(ID, limit=1)) == [run]


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
    "functions.list": lambda it, bad: it.functions.list("" if bad is None else bad),
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
        (lambda it: it.signals.send("s", data=float("nan")), "data"),
        (lambda it: it.signals.send("s", data={"k": "\ud800"}), "data"),
        (lambda it: it.signals.send("s", data=object()), "data"),
        (lambda it: it.functions.invoke("a", "f", ["x"]), "data"),
        (lambda it: it.functions.invoke("a", "f", {"k": float("inf")}), "data"),
        (lambda it: it.functions.invoke("a", "f", {"k": "\udfff"}), "data"),
        (lambda it: it.functions.invoke("a", "f", idempotency_key=""), "idempotency_key"),
        (lambda it: it.functions.invoke("a", "f", idempotency_key=5), "idempotency_key"),
        (lambda it: it.events.list(name=""), "name"),
        (lambda it: it.webhooks.create("", "t"), "name"),
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


@pytest.mark.parametrize("hanging", [V1, V2], ids=["v1", "v2"])
def test_wait_is_bounded_even_if_a_poll_hangs(
    client: InngestClient, server: Server, clock: Clock, hanging: str
) -> None:
    server.on(hanging, hangs(clock))
    began = clock.elapsed
    with pytest.raises(WaitTimeoutError):
        client.runs.wait(ID, 7)
    assert clock.elapsed - began == pytest.approx(7, abs=0.1)


def test_a_run_that_was_not_found_is_missing_though_the_time_cuts_off_the_last_look(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on(V2, UNKNOWN, hangs(clock))
    server.on(V1, UNKNOWN)
    with pytest.raises(WaitTimeoutError, match="did not appear") as caught:
        client.runs.wait(ID, timeout=3)
    assert isinstance(caught.value.__cause__, NotFoundError)


def test_whether_the_id_is_of_an_event_is_asked_within_the_time_of_a_wait(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on(V2, UNKNOWN)
    server.on(V1, UNKNOWN)
    server.on(f"GET /v1/events/{ID}", hangs(clock))
    with pytest.raises(NotFoundError):
        client.runs.wait(ID, timeout=5.5)
    assert clock.elapsed == pytest.approx(5.5, abs=0.1)


def test_asking_v1_is_part_of_the_wait(client: InngestClient, server: Server, clock: Clock) -> None:
    def unknown(_: httpx.Request) -> Reply:
        clock.advance(0.4)
        return UNKNOWN

    server.on(V2, unknown)
    server.on(V1, Reply(503))
    with pytest.raises(InngestError):
        client.runs.wait(ID, timeout=1)
    assert all(each.extensions["timeout"]["read"] <= 1 for each in server.requests)
    assert server.requests[1].extensions["timeout"]["read"] == pytest.approx(0.6)
    assert clock.elapsed <= 1.5


def test_the_runs_of_an_event_have_their_own_states(connect: Connect) -> None:
    mock = MockServer()
    mock.function("shop", "ok", trigger="app/x", run=completes(1))
    mock.function("shop", "boom", trigger="app/x", run=fails("boom"))
    client = connect(transport=mock.transport)
    (event_id,) = client.send({"name": "app/x"})
    listed = {run.id: run.status for run in client.events.runs(event_id)}
    assert listed == {run.id: client.runs.get(run.id).status for run in mock.runs}
    assert sorted(listed.values()) == ["completed", "failed"]


def test_the_id_of_a_function_that_begins_as_its_app_stays_whole(
    client: InngestClient, server: Server
) -> None:
    run = {"id": ID, "app": {"id": "shop"}, "function": {"id": "shop-charge"}}
    server.on(V2, says({"data": run}), says({"data": {"id": ID}}))
    assert client.runs.get(ID).function_id == "shop-charge"
    assert client.runs.get(ID).function_id is None


def with_renamed_end(reply: Reply) -> Reply:
    return evolve(reply, body=reply.body.replace(b'"endedAt"', b'"finishedAt"'))


def test_a_run_that_took_some_time_and_has_no_end_is_refused_since_it_would_run_for_good(
    client: InngestClient, server: Server
) -> None:
    lacks_end = "durationMs, but endedAt is missing"
    server.on(V2, with_renamed_end(FAILED))
    with pytest.raises(InvalidResponseError, match=lacks_end):
        client.runs.get(ID)
    with pytest.raises(InvalidResponseError, match=lacks_end):
        client.runs.wait(ID, timeout=60)
    server.on("GET /v2/runs", with_renamed_end(recorded("v2-runs-ended-at")))
    with pytest.raises(InvalidResponseError, match=lacks_end):
        client.runs.list().page()


@pytest.mark.parametrize(
    "name", ["v2-run-between-attempts", "v2-run-completed-between-step-attempts"]
)
@pytest.mark.parametrize("duration", [None, "0", 12])
def test_a_run_between_two_attempts_is_running(
    client: InngestClient, server: Server, name: str, duration: object
) -> None:
    body = body_of(name)
    server.on(V2, says(body | {"data": body["data"] | {"id": ID, "durationMs": duration}}))
    assert client.runs.get(ID).status == "running"

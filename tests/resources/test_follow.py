"""runs.follow and functions.invoke(wait=...): each step is told once, at a bounded cost."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import (
    AsyncInngestClient,
    InngestClient,
    InngestError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    RouteNotFoundError,
    RunStatus,
    WaitTimeoutError,
)
from inngest_rest_mock import MockServer, answers, completes, fails, retries, sleeps, works
from tests.support.server import NO_ROUTE, Reply, body_of, says

if TYPE_CHECKING:
    from tests.conftest import Connect
    from tests.support.clock import Clock
    from tests.support.server import Server

SECOND = timedelta(seconds=1)
AT = "2026-11-28T23:00:00Z"
ID = "01M8J663NR2GS4MQNKSW2H66FH"


@pytest.fixture
def mock(clock: Clock) -> MockServer:
    return MockServer(clock=clock.nanoseconds, visibility_delay=0.3)


@pytest.fixture
def client(connect: Connect, mock: MockServer) -> InngestClient:
    return connect(transport=mock.transport)


def start(client: Any, mock: MockServer, behaviour: Any) -> str:
    mock.function("shop", "charge", trigger="go", run=behaviour)
    client.send({"name": "go"})
    return mock.runs[-1].id


def told(changes: Any) -> list[tuple[str, str, str]]:
    return [(each.kind, each.span.name, each.span.status) for each in changes]


def test_steps_are_told_as_they_start_and_end_and_the_run_last(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    run_id = start(client, mock, sleeps(20 * SECOND, completes({"paid": 1})))
    began = clock.monotonic()
    changes = list(client.runs.follow(run_id))
    assert told(changes) == [
        ("started", "Run", "running"),
        ("started", "sleep", "waiting"),
        ("ended", "sleep", "completed"),
        ("ended", "Run", "completed"),
    ]
    assert (changes[-1].span.run_id, changes[-1].span.output) == (run_id, {"paid": 1})
    assert all(each.span.children == () for each in changes)
    assert clock.monotonic() - began < 24


def test_a_failed_attempt_is_told_with_its_error(client: InngestClient, mock: MockServer) -> None:
    run_id = start(client, mock, retries("ECONNRESET", after=5 * SECOND, then=fails("no")))
    changes = list(client.runs.follow(run_id))
    failed = [each.span for each in changes if each.span.name == "Attempt 0"]
    assert [each.output["message"] for each in failed] == ["ECONNRESET"]
    assert told(changes)[-1] == ("ended", "Run", "failed")


def test_all_who_follow_a_run_by_one_client_share_its_requests(
    mock: MockServer, clock: Clock
) -> None:
    """Fifty tasks ask as often as one."""
    mock.function("shop", "charge", trigger="go", run=sleeps(20 * SECOND))

    async def follow(count: int) -> int:
        governed = clock.govern(AsyncInngestClient)
        async with governed(dev=True, transport=mock.transport) as client:
            await client.send({"name": "go"})
            run_id, before = mock.runs[-1].id, len(mock.requests)

            async def one() -> int:
                return len([change async for change in client.runs.follow(run_id)])

            assert await asyncio.gather(*(one() for _ in range(count))) == [4] * count
            return len(mock.requests) - before

    assert asyncio.run(follow(50)) <= asyncio.run(follow(1)) + 2


def test_who_is_cancelled_while_asking_does_not_hold_up_the_others(clock: Clock) -> None:
    asked = asyncio.Event()

    async def respond(_: httpx.Request) -> httpx.Response:
        if not asked.is_set():
            asked.set()
            await asyncio.Event().wait()
        ended = {"status": "COMPLETED", "startedAt": AT, "endedAt": AT}
        root = {"id": "1", "name": "Run", "queuedAt": AT, **ended}
        return httpx.Response(200, json={"data": {"runId": ID, "rootSpan": root}})

    async def scenario() -> list[str]:
        transport = httpx.MockTransport(respond)
        async with clock.govern(AsyncInngestClient)(dev=True, transport=transport) as client:
            first = asyncio.create_task(anext(client.runs.follow(ID)))
            await asked.wait()
            first.cancel()
            await asyncio.wait([first])
            return [each.kind async for each in client.runs.follow(ID)]

    assert asyncio.run(scenario()) == ["started", "ended"]


def test_it_ends_with_an_error_when_the_time_is_up(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    run_id = start(client, mock, sleeps(timedelta(hours=1)))
    followed, began = client.runs.follow(run_id, timeout=30), clock.monotonic()
    changes: list[Any] = []
    with pytest.raises(WaitTimeoutError, match=f"run {run_id} had not ended"):
        changes.extend(followed)
    assert clock.monotonic() - began == pytest.approx(30, abs=0.5)
    assert len(mock.requests) < 30


def test_a_closed_one_has_no_more_changes(client: InngestClient, mock: MockServer) -> None:
    run_id = start(client, mock, completes())
    with client.runs.follow(run_id) as followed:
        assert next(followed).kind == "started"
    assert list(followed) == []


def test_faults_of_a_server_that_has_the_run_pass(client: InngestClient, mock: MockServer) -> None:
    run_id = start(client, mock, sleeps(60 * SECOND))
    mock.fault(answers(503), operation="get_run_trace_v2", after=15, times=9)
    assert told(client.runs.follow(run_id))[-1] == ("ended", "Run", "completed")


def test_a_server_that_asks_for_a_pause_gets_it(
    connect: Connect, mock: MockServer, clock: Clock
) -> None:
    client = connect(transport=mock.transport, retries=0)
    run_id = start(client, mock, sleeps(2 * SECOND))
    busy = answers(429, {"error": "no"}, headers={"Retry-After": "40"})
    mock.fault(busy, operation="get_run_trace_v2", after=6, times=1)
    began = clock.monotonic()
    assert told(client.runs.follow(run_id))[-1] == ("ended", "Run", "completed")
    assert 40 <= clock.monotonic() - began < 45


@pytest.mark.parametrize("order", [1, -1], ids=["in order", "reversed"])
def test_steps_and_failed_attempts_are_told_by_their_time_and_no_other_span(
    connect: Connect, server: Server, order: int
) -> None:
    body = body_of("v2-trace-step-waits")
    root = body["data"]["rootSpan"]
    root |= {"status": "CANCELLED", "endedAt": "2026-11-29T00:00:00Z"}
    attempts = next(it["children"] for it in root["children"] if "children" in it)
    attempts.append({**attempts[0], "id": "next", "name": "Attempt 1", "status": "COMPLETED"})
    root["children"] = root["children"][::order]
    server.on(f"GET /v2/runs/{ID}/trace", says(body))
    assert told(connect().runs.follow(ID)) == [
        ("started", "Run", "cancelled"),
        ("started", "prepare", "completed"),
        ("ended", "prepare", "completed"),
        ("ended", "Attempt 0", "failed"),
        ("ended", "Run", "cancelled"),
    ]


FORBIDDEN = says({"errors": [{"code": "forbidden", "message": "no"}]}, status=403)


@pytest.mark.parametrize(
    ("trace", "error"),
    [(FORBIDDEN, PermissionDeniedError), (NO_ROUTE["v2"], RouteNotFoundError)],
    ids=["forbidden", "an old server"],
)
def test_an_error_that_lasts_is_raised_at_once(
    connect: Connect, server: Server, trace: Reply, error: type[Exception]
) -> None:
    server.on(f"GET /v2/runs/{ID}/trace", trace)
    with pytest.raises(error):
        list(connect(retries=0).runs.follow(ID))
    assert len(server.requests) <= 3


def test_a_run_that_does_not_appear_within_seconds_is_an_error(
    client: InngestClient, clock: Clock
) -> None:
    began = clock.monotonic()
    with pytest.raises(NotFoundError):
        list(client.runs.follow(ID))
    assert 5 <= clock.monotonic() - began < 9


def test_an_invocation_that_waits_returns_the_run_with_its_output(
    client: InngestClient, mock: MockServer
) -> None:
    mock.function("shop", "charge", run=sleeps(3 * SECOND, completes({"paid": 1})))
    run = client.functions.invoke("shop", "charge", wait=10)
    assert (run.status, run.output) == (RunStatus.COMPLETED, {"paid": 1})
    assert client.functions.invoke("shop", "charge") != run.id


def test_an_invocation_that_waits_in_vain_names_its_run(
    client: InngestClient, mock: MockServer
) -> None:
    mock.function("shop", "charge", run=works(timedelta(hours=1)))
    with pytest.raises(WaitTimeoutError, match="was still running") as caught:
        client.functions.invoke("shop", "charge", wait=timedelta(seconds=5))
    assert caught.value.run is not None
    assert caught.value.run.id == mock.runs[0].id
    with pytest.raises(InvalidArgumentError, match="wait"):
        client.functions.invoke("shop", "charge", wait=-1)
    assert sum(each.method == "POST" for each in mock.requests) == 1


def span(name: str = "Run", **more: Any) -> dict[str, Any]:
    return {"id": name, "name": name, "status": "RUNNING", "queuedAt": AT, **more}


def trace(*children: Any, **root: Any) -> Reply:
    return says({"data": {"runId": ID, "rootSpan": {**span(**root), "children": [*children]}}})


TRACE, ENDED = f"GET /v2/runs/{ID}/trace", trace(status="COMPLETED", startedAt=AT, endedAt=AT)
NO_RUN = says({"errors": [{"code": "not_found", "message": "no run"}]}, status=404)


def test_a_run_that_was_seen_and_is_gone_for_minutes_is_an_error(
    connect: Connect, server: Server, clock: Clock
) -> None:
    server.on(TRACE, trace(startedAt=AT), NO_RUN)
    followed, began = connect(retries=0).runs.follow(ID), clock.monotonic()
    assert next(followed).kind == "started"
    with pytest.raises(NotFoundError, match="no run"):
        next(followed)
    assert 300 <= clock.monotonic() - began < 310


@pytest.mark.parametrize("fault", [Reply(503), NO_ROUTE["v2"]], ids=["fault", "no route"])
def test_before_a_run_was_seen_only_its_absence_is_waited_out(
    connect: Connect, server: Server, fault: Reply
) -> None:
    server.on(TRACE, NO_RUN, fault)
    with pytest.raises(InngestError) as caught:
        next(connect(retries=0).runs.follow(ID))
    assert not isinstance(caught.value, NotFoundError | WaitTimeoutError)
    server.on(TRACE, NO_RUN, NO_RUN, ENDED)
    assert told(connect(retries=0).runs.follow(ID)) == [
        ("started", "Run", "completed"),
        ("ended", "Run", "completed"),
    ]


def test_a_run_that_never_appeared_is_said_not_to_have_appeared(
    connect: Connect, server: Server, clock: Clock
) -> None:
    server.on(TRACE, NO_RUN)
    began = clock.monotonic()
    message = f"run {ID} did not appear when the timeout"
    with pytest.raises(WaitTimeoutError, match=message) as caught:
        next(connect(retries=0).runs.follow(ID, timeout=2))
    assert not caught.value.was_seen
    assert clock.monotonic() - began == pytest.approx(2)


def test_the_pauses_grow_while_nothing_changes_and_begin_anew_with_a_change(
    connect: Connect, server: Server, clock: Clock
) -> None:
    at: list[float] = []
    step = span("step", startedAt=AT, stepId="s")

    def answer(_: Any) -> Reply:
        at.append(clock.monotonic())
        return trace(*[step] * (len(at) > 12), startedAt=AT) if len(at) < 16 else ENDED

    server.on(TRACE, answer)
    assert [it.kind for it in connect().runs.follow(ID)] == ["started", "started", "ended"]
    pauses = [after - before for before, after in pairwise(at)]
    assert pauses[:3] == pytest.approx([0.05, 0.08, 0.128])
    assert pauses[9:12] == [3, 3, 3]
    assert pauses[12:] == pytest.approx([0.05, 0.08, 0.128])


def test_who_follows_later_is_told_all_that_is_known(connect: Connect, server: Server) -> None:
    server.on(TRACE, trace(span("step", startedAt=AT, stepId="s"), startedAt=AT), ENDED)
    client = connect()
    first, second = client.runs.follow(ID), client.runs.follow(ID)
    assert [next(first).span.name, next(first).span.name] == ["Run", "step"]
    assert [next(second).span.name, next(second).span.name] == ["Run", "step"]
    assert len(server.requests) == 1
    assert told(first) == told(second) == [("ended", "Run", "completed")]


def test_a_run_that_is_queued_has_not_started(connect: Connect, server: Server) -> None:
    server.on(TRACE, trace(), trace(startedAt=AT), ENDED)
    followed = connect().runs.follow(ID)
    assert next(followed).kind == "started"
    assert len(server.requests) == 2

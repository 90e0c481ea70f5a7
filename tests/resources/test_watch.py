"""Watching runs: no start and no end is missed or reported twice, at a bounded cost."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import (
    AsyncInngestClient,
    ConfigurationError,
    InngestClient,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    RequestTimeoutError,
    RouteNotFoundError,
    ServerError,
    WaitTimeoutError,
)
from inngest_rest.client.polling import EndedRuns, Watcher
from inngest_rest_mock import MockServer, answers, drops, sleeps
from tests.resources.conftest import lasting_mock, start
from tests.support.run_lists import BEGAN, Listed, RunLists
from tests.support.server import hangs, says

if TYPE_CHECKING:
    from inngest_rest import RunChange
    from tests.conftest import Connect
    from tests.support.clock import Clock
    from tests.support.server import Server


@pytest.fixture
def mock(clock: Clock) -> MockServer:
    return lasting_mock(clock=clock.nanoseconds)


@pytest.fixture
def shop(connect: Connect, mock: MockServer) -> InngestClient:
    return connect(transport=mock.transport)


def closes(polling: Any) -> None:
    """Close an iterator in the middle of a pause."""
    if isinstance(polling, Watcher | EndedRuns):
        polling.close()
    else:  # within the event loop
        with suppress(StopIteration):
            polling.target.aclose().send(None)


def kinds(changes: list[RunChange]) -> list[str]:
    return [each.kind for each in changes]


def assert_complete(mock: MockServer, changes: list[RunChange]) -> None:
    """Check that each run appeared once and, if it has ended, ended once, in this order."""
    counts = Counter((each.kind, each.run.id) for each in changes)
    counts = Counter({key: n for key, n in counts.items() if key[0] != "changed"})
    assert set(counts.values()) == {1}
    assert {id for kind, id in counts if kind == "appeared"} == {run.id for run in mock.runs}
    assert {id for kind, id in counts if kind == "ended"} == {
        run.id for run in mock.runs if run.ended_at
    }
    order = {(each.kind, each.run.id): at for at, each in enumerate(changes)}
    assert all(order["appeared", id] < at for (kind, id), at in order.items() if kind == "ended")


def test_runs_that_start_and_end_between_polls_are_reported_once_whatever_pages_they_fill(
    connect: Connect, mock: MockServer, clock: Clock, producer: InngestClient
) -> None:
    clock.at_pauses(lambda n: start(producer, 120, seconds=0.1) if n < 2 else None)
    with connect(transport=mock.transport).runs.watch(every=5, timeout=60) as watcher:
        changes = list(watcher)
    assert len(mock.runs) == 240
    assert len(changes) == 480
    assert_complete(mock, changes)


def test_runs_of_any_length_are_reported_from_start_to_end(
    connect: Connect, mock: MockServer, clock: Clock, producer: InngestClient
) -> None:
    start(producer, 30, seconds=100)
    clock.advance(60)
    clock.at_pauses(lambda n: start(producer, 1, seconds=(n * 37) % 90) if n < 60 else None)
    changes = list(connect(transport=mock.transport).runs.watch(every=5, timeout=400))
    assert len(mock.runs) == 30 + 60
    assert_complete(mock, changes)
    assert kinds(changes).count("ended") == 90


@pytest.mark.parametrize("has_output", [False, True])
def test_a_long_run_ends_as_it_is_listed(shop: InngestClient, *, has_output: bool) -> None:
    start(shop, seconds=50)
    appeared, ended = shop.runs.watch(timeout=100, include_output=has_output)
    assert (appeared.kind, appeared.run.status) == ("appeared", "running")
    assert (ended.kind, ended.run.status) == ("ended", "completed")
    assert ended.run.output == ({"a": 1} if has_output else None)


def test_a_cancelled_run_ends(shop: InngestClient, mock: MockServer) -> None:
    start(shop, seconds=1_000)
    watcher = shop.runs.watch(timeout=60)
    assert next(watcher).kind == "appeared"
    shop.runs.cancel(mock.runs[0].id)
    assert [(each.kind, each.run.status) for each in watcher] == [("ended", "cancelled")]


def test_what_ended_before_the_beginning_is_not_reported(shop: InngestClient, clock: Clock) -> None:
    start(shop)
    clock.advance(5)
    assert list(shop.runs.watch(timeout=30)) == []


def test_a_run_that_ends_in_the_millisecond_of_the_beginning_is_reported(
    shop: InngestClient, mock: MockServer, clock: Clock
) -> None:
    clock.advance(0.0004)  # times of runs are cut to the millisecond
    watcher = shop.runs.watch(timeout=30)
    start(shop)
    assert_complete(mock, list(watcher))


def test_a_status_filter_keeps_changes_to_it(shop: InngestClient) -> None:
    start(shop, fails=True)
    start(shop, seconds=50, fails=True)
    start(shop, seconds=50)
    changes = list(shop.runs.watch(status="failed", timeout=100))
    assert kinds(changes) == ["ended", "ended"]
    assert {each.run.status for each in changes} == {"failed"}


def test_app_and_function_are_filtered_by(shop: InngestClient) -> None:
    start(shop, 2)
    start(shop, 3, app="other")
    changes = list(shop.runs.watch(app="other", function="work", timeout=30))
    assert kinds(changes) == ["appeared", "ended"] * 3


def test_a_token_continues_after_the_last_change_taken(
    connect: Connect, mock: MockServer, clock: Clock, producer: InngestClient
) -> None:
    clock.at_pauses(lambda n: start(producer, 3, seconds=(n * 37) % 90) if n < 40 else None)
    changes: list[RunChange] = []
    token = connect(transport=mock.transport).runs.watch().token
    taken = 0
    while taken < 100:
        # Each watcher is left in the middle of a page, and the next begins much later.
        watcher = connect(transport=mock.transport).runs.watch(token=token, timeout=500)
        new = list(islice(watcher, 31))
        changes += new
        token = watcher.token
        clock.advance(100)
        taken += 1
        if not new:
            break
    assert len(mock.runs) == 120
    assert_complete(mock, changes)


def test_a_token_is_json_and_has_the_open_runs(shop: InngestClient, mock: MockServer) -> None:
    start(shop, seconds=500)
    watcher = shop.runs.watch(timeout=100)
    list(watcher)
    assert json.loads(watcher.token)["open"] == {mock.runs[0].id: "running"}


def test_a_watch_holds_the_open_runs_and_those_of_the_last_window(
    connect: Connect, mock: MockServer, clock: Clock, producer: InngestClient
) -> None:
    start(producer, 5, seconds=10_000)
    clock.at_pauses(lambda n: start(producer, 3) if n < 40 else None)
    watcher = connect(transport=mock.transport).runs.watch(timeout=300)
    most = 0
    for _ in watcher:
        state = json.loads(watcher.token)
        most = max(most, len(state["open"]) + len(state["ended"]))
    assert len(mock.runs) == 125
    # 3 runs a second, for 30 s and a margin of 10 s
    assert most <= 5 + 3 * 41


def test_a_watch_of_many_open_runs_makes_a_bounded_number_of_requests(
    connect: Connect, mock: MockServer, clock: Clock
) -> None:
    client = connect(transport=mock.transport)
    start(client, 500, seconds=10_000)
    clock.advance(60)
    watcher = client.runs.watch(every=5, timeout=120)
    assert len(list(islice(watcher, 500))) == 500
    before = len(mock.requests)
    assert list(watcher) == []
    assert len(mock.requests) - before <= 24 * 12


class WithoutEnds(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Responds as the mock server does, but never with what has ended; gets of some runs fail."""

    def __init__(self, mock: MockServer, clock: Clock, *, fails: int = 0) -> None:
        self._mock, self._clock, self._fails = mock, clock, fails

    def _refuse(self, request: httpx.Request) -> httpx.Response | None:
        if "timeField" in request.url.params:
            self._clock.advance(request.extensions["timeout"]["read"])
            raise httpx.ReadTimeout("timed out")
        if request.url.path != "/v2/runs" and self._fails:
            self._fails -= 1
            return httpx.Response(503)
        return None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._refuse(request) or self._mock.transport.handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        refusal = self._refuse(request)
        return refusal or await self._mock.transport.handle_async_request(request)


@pytest.mark.parametrize("failing", [0, 3], ids=["all are got", "some fail at first"])
def test_ends_are_found_run_by_run_where_they_cannot_be_listed(
    connect: Connect, mock: MockServer, clock: Clock, producer: InngestClient, failing: int
) -> None:
    start(producer, 8, seconds=100)
    start(producer, 8, seconds=10_000)
    clock.advance(60)
    transport = WithoutEnds(mock, clock, fails=failing)
    changes = list(connect(transport=transport, retries=0).runs.watch(timeout=120))
    assert_complete(mock, changes)
    assert kinds(changes).count("ended") == 8


@pytest.mark.parametrize("fault", [answers(503), drops()], ids=["503", "dropped"])
def test_faults_that_pass_lose_nothing(
    connect: Connect, mock: MockServer, clock: Clock, producer: InngestClient, fault: Any
) -> None:
    clock.at_pauses(lambda n: start(producer, 10, seconds=(n * 17) % 50) if n < 40 else None)
    for after in (2, 4, 5, 9, 12, 20):
        mock.fault(fault, times=2, after=after, path="/v2/*")
    changes = list(connect(transport=mock.transport, retries=0).runs.watch(timeout=400))
    assert_complete(mock, changes)
    assert kinds(changes).count("ended") == len(mock.runs) == 400


def test_an_outage_of_five_minutes_is_raised_and_the_watch_goes_on_after_it(
    connect: Connect, mock: MockServer, clock: Clock
) -> None:
    client = connect(transport=mock.transport, retries=0)
    start(client)
    outage = mock.fault(answers(503), times=None, path="/v2/*")
    watcher = client.runs.watch()
    with pytest.raises(ServerError):
        next(watcher)
    assert 300 < clock.elapsed < 400
    outage.clear()
    assert [next(watcher).kind, next(watcher).kind] == ["appeared", "ended"]


def test_closing_ends_the_iteration_within_a_second(
    connect: Connect, mock: MockServer, clock: Clock
) -> None:
    clock.at_pauses(lambda _: closes(watcher))
    watcher = connect(transport=mock.transport).runs.watch()
    assert list(watcher) == []
    assert clock.elapsed <= 1


def test_a_watch_needs_release_1_38(connect: Connect) -> None:
    mock = MockServer(release="1.33")
    with pytest.raises(RouteNotFoundError, match=r"1\.38"):
        next(connect(transport=mock.transport).runs.watch())
    with pytest.raises(ConfigurationError, match="api_version"):
        next(connect(transport=mock.transport, api_version="v1").runs.watch())


WITHOUT_ZONE = json.dumps(
    {
        "version": 1,
        "app": None,
        "function": None,
        "is_begun": True,
        **dict.fromkeys(("since", "window", "changes"), "2026-11-24T18:00:00"),
        "open": {},
        "ended": {},
    }
)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"status": "done"}, "unknown status"),
        ({"every": 0.5}, "at least 1 second"),
        ({"timeout": 0}, "positive"),
        ({"function": "work"}, "needs app"),
        ({"token": "nonsense"}, "not the token"),
        ({"token": "[]"}, "not the token"),
        ({"token": '{"version": 2}'}, "not the token"),
        ({"token": WITHOUT_ZONE}, "not the token"),
    ],
    ids=str,
)
def test_malformed_arguments_are_rejected_before_anything_is_sent(
    shop: InngestClient, mock: MockServer, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        shop.runs.watch(**arguments)
    assert len(mock.requests) == 0


@pytest.mark.parametrize(
    "damage",
    [
        {"open": {"a/b": "running"}},
        {"open": {"\ud800": "running"}},
        {"open": {"a": 5}},
        {"ended": {"..": "2026-01-01T00:00:00+00:00"}},
    ],
    ids=repr,
)
def test_a_damaged_token_is_refused_before_a_watch_begins(
    shop: InngestClient, damage: dict[str, Any]
) -> None:
    state = json.loads(shop.runs.watch().token)
    with pytest.raises(InvalidArgumentError, match="not the token of a watch"):
        shop.runs.watch(token=json.dumps({**state, **damage}))


def test_a_token_of_another_filter_is_rejected(shop: InngestClient) -> None:
    token = shop.runs.watch(app="shop").token
    with pytest.raises(InvalidArgumentError, match="app='shop'"):
        shop.runs.watch(token=token)


def test_many_runs_are_returned_as_they_end(shop: InngestClient, mock: MockServer) -> None:
    for seconds in (50, 10, 30):
        start(shop, 10, seconds=seconds)
    ids = [run.id for run in mock.runs]
    ended = list(shop.runs.wait_many([*ids, *ids], timeout=60))
    assert sorted(run.id for run in ended) == sorted(ids)
    assert all(run.is_ended and run.output == {"a": 1} for run in ended)
    assert {run.id for run in ended[:10]} == set(ids[10:20])
    assert {run.id for run in ended[20:]} == set(ids[:10])


def test_a_wait_for_many_runs_makes_a_bounded_number_of_requests(
    shop: InngestClient, mock: MockServer, clock: Clock
) -> None:
    start(shop, 200, seconds=100)
    clock.advance(1)
    before = len(mock.requests)
    ended = list(shop.runs.wait_many([run.id for run in mock.runs], timeout=200))
    assert len(ended) == 200
    # Each run at the beginning and at its end, and some every 3 s.
    assert len(mock.requests) - before <= 2 * 200 + 40 * 11 + 100
    assert clock.elapsed < 106


def test_many_runs_are_asked_about_one_by_one_where_ends_cannot_be_listed(
    connect: Connect, clock: Clock
) -> None:
    mock = MockServer(release="1.33", clock=clock.nanoseconds)
    mock.function("shop", "work", trigger="go", run=sleeps(timedelta(seconds=10)))
    client = connect(transport=mock.transport)
    client.send_many({"name": "go"} for _ in range(20))
    assert len(list(client.runs.wait_many([run.id for run in mock.runs], timeout=60))) == 20
    assert [each.path for each in mock.requests].count("/v2/runs") == 1
    assert 10 < clock.elapsed < 15


def test_ends_that_cannot_be_listed_for_a_while_are_seen_one_by_one(
    connect: Connect, mock: MockServer, clock: Clock
) -> None:
    client = connect(transport=mock.transport, retries=0)
    start(client, 20, seconds=10)
    fault = mock.fault(answers(503), operation="list_runs_v2", times=5)
    ended = list(client.runs.wait_many([run.id for run in mock.runs], timeout=60))
    assert len(ended) == 20
    assert fault.hits == 5
    assert clock.elapsed < 30


def test_closing_ends_the_wait_for_many(shop: InngestClient, mock: MockServer) -> None:
    start(shop, 2)
    with shop.runs.wait_many([run.id for run in mock.runs], timeout=60) as waiting:
        next(waiting)
    before = len(mock.requests)
    assert list(waiting) == []
    assert len(mock.requests) == before


def test_closing_ends_the_wait_for_many_within_a_second(
    connect: Connect, mock: MockServer, clock: Clock
) -> None:
    clock.at_pauses(lambda _: closes(waiting))
    client = connect(transport=mock.transport, retries=0)
    start(client, seconds=50)
    mock.fault(answers(503, headers={"Retry-After": "60"}), times=None)
    waiting = client.runs.wait_many([mock.runs[0].id], timeout=600)
    assert list(waiting) == []
    assert clock.elapsed <= 1


def test_changes_and_ends_are_iterated_over_with_async_for(mock: MockServer, clock: Clock) -> None:
    async def scenario() -> None:
        async with clock.govern(AsyncInngestClient)(dev=True, transport=mock.transport) as client:
            watching = client.runs.watch(timeout=10)
            await client.send({"name": "shop/go"})
            waiting = client.runs.wait_many([run.id for run in mock.runs], timeout=60)
            assert [run.id async for run in waiting] == [run.id for run in mock.runs]
            assert [change.kind async for change in watching] == ["appeared", "ended"]

    asyncio.run(scenario())


def test_a_wait_for_many_does_not_call_runs_open_that_it_could_not_see(
    shop: InngestClient, mock: MockServer
) -> None:
    start(shop)
    mock.fault(answers(503), times=None)
    with pytest.raises(WaitTimeoutError, match="could not be seen") as caught:
        list(shop.runs.wait_many([mock.runs[0].id], timeout=2))
    assert isinstance(caught.value.__cause__, ServerError)
    assert not caught.value.was_seen


def test_a_wait_for_many_says_of_each_run_whether_it_was_seen(
    shop: InngestClient, mock: MockServer
) -> None:
    start(shop, seconds=100)
    start(shop, seconds=100)
    first, second = (run.id for run in mock.runs)
    mock.fault(answers(503), times=None, path=f"*{second}*")
    with pytest.raises(WaitTimeoutError) as caught:
        list(shop.runs.wait_many([first, second], timeout=2))
    assert str(caught.value) == (
        f"1 of the runs ({first}) had not ended and 1 of the runs ({second}) could not be seen "
        "when the timeout expired"
    )
    assert caught.value.was_seen


def test_a_watch_whose_time_ends_in_an_outage_raises_its_error(
    shop: InngestClient, mock: MockServer
) -> None:
    start(shop)
    watcher = shop.runs.watch(timeout=20, every=1)
    assert next(watcher).run.id == mock.runs[0].id
    mock.fault(answers(503), times=None)
    with pytest.raises(ServerError):
        list(watcher)
    assert list(watcher) == []


def test_a_watch_ends_in_time_where_the_server_stalls(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on("GET /v2/runs", hangs(clock))
    with pytest.raises(RequestTimeoutError):
        list(client.runs.watch(timeout=5))
    assert clock.elapsed == pytest.approx(5, abs=0.1)


def test_a_request_that_the_end_of_a_watch_cuts_short_is_no_error(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    empty = says({"data": [], "page": {"hasMore": False, "limit": 100}})
    # The first finds out about paused runs.
    server.on("GET /v2/runs", empty, empty, empty, hangs(clock))
    assert list(client.runs.watch(timeout=7, every=5)) == []
    assert clock.elapsed == pytest.approx(7, abs=0.1)


def test_a_watch_that_saw_its_end_raises_no_error_from_before(
    shop: InngestClient, mock: MockServer
) -> None:
    outage = mock.fault(answers(503), times=6)
    assert list(shop.runs.watch(timeout=60, every=1)) == []
    assert outage.hits == 6


def test_an_unknown_run_is_raised_after_the_others_have_ended(
    shop: InngestClient, mock: MockServer
) -> None:
    start(shop, seconds=20)
    unknown = "01M86WNRKHYE50ZF3GG530BHRT"
    waiting = shop.runs.wait_many([unknown, mock.runs[0].id], timeout=60)
    assert next(waiting).id == mock.runs[0].id
    with pytest.raises(NotFoundError):
        next(waiting)


def test_a_wait_for_no_runs_sends_nothing(shop: InngestClient, mock: MockServer) -> None:
    assert list(shop.runs.wait_many([], timeout=1)) == []
    assert len(mock.requests) == 0


@pytest.mark.parametrize("ids", ["one", ["a/b"], 3])
def test_malformed_ids_are_rejected(shop: InngestClient, ids: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="ids"):
        shop.runs.wait_many(ids, timeout=1)


class Lagging(RunLists):
    """Lists as open what has ended already, as a busy server does that reads by another query."""

    def _answer(self, request: httpx.Request) -> tuple[Any, Any]:
        params = request.url.params
        begin = datetime.fromisoformat(params.get("from", BEGAN.isoformat()))
        if "timeField" not in params and begin > BEGAN:
            return [], {"hasMore": False}
        return super()._answer(httpx.Request("GET", request.url.copy_remove_param("status")))


def test_what_is_listed_as_open_and_has_ended_ends_once(connect: Connect) -> None:
    lists = Lagging(5, lambda _: Listed(waiting=timedelta(days=3_650).total_seconds()))
    watcher = connect(transport=lists).runs.watch(timeout=2, every=1)
    ended = Counter(change.run.id for change in watcher if change.kind == "ended")
    assert sorted(ended.values()) == [1] * 5


def test_a_wait_for_many_has_ended_once_it_has_raised(
    shop: InngestClient, mock: MockServer
) -> None:
    start(shop, seconds=100)
    waiting = shop.runs.wait_many([mock.runs[0].id], timeout=1)
    with pytest.raises(WaitTimeoutError):
        next(waiting)
    assert list(waiting) == []
    unknown = shop.runs.wait_many(["01M8J663NR2GS4MQNKSW2H66FH"], timeout=60)
    with pytest.raises(NotFoundError):
        next(unknown)
    assert list(unknown) == []


def test_after_an_end_others_are_looked_for_as_often_as_at_the_beginning(
    shop: InngestClient, mock: MockServer
) -> None:
    start(shop, seconds=30)
    start(shop, seconds=40)
    ended = shop.runs.wait_many([run.id for run in mock.runs], timeout=60)
    assert next(ended).id == mock.runs[0].id
    before = len(mock.requests)
    assert next(ended).id == mock.runs[1].id
    # Without the end, pauses would stay at 3 s.
    assert len(mock.requests) - before > 6


def test_a_refusal_ends_the_wait_for_many_at_once(
    shop: InngestClient, mock: MockServer, clock: Clock
) -> None:
    start(shop, seconds=100)
    mock.fault(answers(403), path="/v2/runs/*", times=None)
    began = clock.monotonic()
    with pytest.raises(PermissionDeniedError):
        list(shop.runs.wait_many([mock.runs[0].id], timeout=60))
    assert clock.monotonic() - began < 5


def test_an_open_run_that_the_server_has_deleted_is_asked_about_once(
    connect: Connect, server: Server, clock: Clock
) -> None:
    at = datetime.fromtimestamp(clock.now(), UTC).isoformat()
    run = {"id": "01M8J663NR2GS4MQNKSW2H66FH", "status": "RUNNING", "queuedAt": at}
    page = {"hasMore": False}
    none = says({"data": [], "page": page})
    # The first finds out about paused runs.
    server.on("GET /v2/runs", none, says({"data": [run], "page": page}), none)
    gone = says({"errors": [{"code": "not_found", "message": "no run"}]}, status=404)
    server.on(f"GET /v2/runs/{run['id']}", gone)
    watcher = connect().runs.watch(every=2, timeout=60)
    assert [each.kind for each in watcher] == ["appeared"]
    asked = [each.url.path for each in server.requests]
    assert asked.count(f"/v2/runs/{run['id']}") == 1


def test_an_open_run_that_changes_its_status_is_told_once(
    connect: Connect, server: Server, clock: Clock
) -> None:
    at = datetime.fromtimestamp(clock.now(), UTC).isoformat()
    run = {"id": "01M8J663NR2GS4MQNKSW2H66FH", "status": "QUEUED", "queuedAt": at}
    begun, page = {**run, "status": "RUNNING"}, {"hasMore": False}
    server.on(
        "GET /v2/runs",
        *(says({"data": [it], "page": page}) for it in (run, run, begun, begun)),
        says({"data": [], "page": page}),
    )
    server.on(f"GET /v2/runs/{run['id']}", says({"data": begun}))
    watcher = connect().runs.watch(every=1, timeout=8)
    found = [(each.kind, str(each.run.status)) for each in watcher]
    assert found == [("appeared", "queued"), ("changed", "running")]

"""API families: the choice between v1 and v2, and the record of absent routes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import (
    ConfigurationError,
    NotFoundError,
    RouteNotFoundError,
)
from tests.support.calls import BY_NAME, ROUTES, tags
from tests.support.server import Reply, Server, about, body_of, recorded, says, text

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from tests.conftest import Connect
    from tests.support.clock import Clock

ID = "01M86WNRKHYE50ZF3GG530BHRT"
META = {"fetched_at": "2026-11-24T13:42:13Z"}
RUN = body_of("v1-run-ok")["data"]
DAY = datetime(2026, 11, 24, tzinfo=UTC)

Job = tuple[Callable[[Any], Any], tuple[str, Reply], tuple[str, Reply]]

# A call; its request to v1 and v1's response; the same for v2.
RUNS_LIST: Job = (
    lambda it: it.runs.list(limit=1).page(),  # behind fewer than requested, v1 is asked for more
    ("GET /v1/runs", says({"data": [RUN], "metadata": META})),
    ("GET /v2/runs", recorded("v2-runs-list")),
)
RUNS_REPLAY: Job = (
    lambda it: it.runs.replay(ID),
    (f"POST /v1/runs/{ID}/replay", says({"data": {"run_id": "new"}})),
    (f"POST /v2/runs/{ID}/rerun", recorded("v2-rerun")),
)
RUNS_CANCEL: Job = (
    lambda it: it.runs.cancel(ID),
    (f"DELETE /v1/runs/{ID}", recorded("v1-run-cancel-ok")),
    (f"POST /v2/runs/{ID}/cancel", about(ID, "v2-cancel")),
)
APPS_LIST: Job = (
    lambda it: it.apps.list().page(),
    ("GET /v1/apps", says({"data": [{"id": "a", "name": "a"}], "metadata": META})),
    ("GET /v2/apps", recorded("v2-apps")),
)
RUNS_GET: Job = (
    lambda it: it.runs.get(ID),
    (f"GET /v1/runs/{ID}", recorded("v1-run-ok")),
    (f"GET /v2/runs/{ID}", recorded("v2-run-ok")),
)
EVENT_RUNS: Job = (
    lambda it: it.events.runs(ID).page(),
    (f"GET /v1/events/{ID}/runs", recorded("v1-event-runs-ok")),
    (f"GET /v2/events/{ID}/runs", recorded("v2-event-runs")),
)
FUNCTIONS_LIST: Job = (
    lambda it: it.functions.list("a").page(),
    ("GET /v1/apps/a/functions", recorded("v1-app-functions")),
    ("GET /v2/apps/a/functions", recorded("v2-functions")),
)
BOTH = {
    "runs.list": RUNS_LIST,
    "runs.replay": RUNS_REPLAY,
    "apps.list": APPS_LIST,
    "runs.get": RUNS_GET,
    "runs.cancel": RUNS_CANCEL,
    "events.runs": EVENT_RUNS,
    "functions.list": FUNCTIONS_LIST,
}
TAGS = {call: tuple(tags(BY_NAME[call]).split()) for call in ROUTES}

ABSENT = [recorded("v1-runs-list"), recorded("v2-unknown-route"), Reply(405), text(404, "")]
ABSENT += [recorded("v2-runs-put"), says({"message": "no Route matched"}, status=404)]


def asks(server: Server) -> list[str]:
    return [each.partition("?")[0] for each in server.asked]


def in_order(name: str) -> list[tuple[str, Reply]]:
    _, v1, v2 = BOTH[name]
    return [v1 if operation.tag == "v1" else v2 for operation in ROUTES[name]]


def test_v2_is_asked_first_for_each_job_that_it_does() -> None:
    assert {len(it) for it in TAGS.values()} == {1, 2}
    v1_first = {call for call, it in TAGS.items() if list(it) != sorted(it, reverse=True)}
    assert v1_first == {"events.runs"}  # where v2 takes seconds on a server with many runs
    assert {call for call, it in TAGS.items() if len(it) > 1} == set(BOTH)


@pytest.mark.parametrize("name", BOTH)
def test_the_preferred_family_is_used_if_both_are_present(
    client: InngestClient, server: Server, name: str
) -> None:
    for route, reply in in_order(name):
        server.on(route, reply)
    others: set[str] = set()
    if name == "events.runs":  # whether a function batches events, and the names of functions
        others = {"GET /v2/apps", f"GET /v2/runs/{ID}", f"GET /v1/runs/{ID}"}
        server.on("GET /v2/apps", says({"data": [], "page": {}}))
    BOTH[name][0](client)
    assert [each for each in asks(server) if each not in others] == [in_order(name)[0][0]]


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("absence", ABSENT, ids=lambda it: f"{it.status}-{it.body[:9]!r}")
def test_an_absent_route_falls_back_to_the_other_family_and_is_remembered(
    client: InngestClient, server: Server, name: str, absence: Reply
) -> None:
    (better, _), (other, reply) = in_order(name)
    server.on(better, absence)
    server.on(other, reply)
    for _ in range(2):
        BOTH[name][0](client)
    assert asks(server) == [better, other, other]


@pytest.mark.parametrize("name", BOTH)
def test_if_both_routes_are_absent_the_error_names_both(
    client: InngestClient, server: Server, name: str
) -> None:
    for _ in range(2):
        with pytest.raises(RouteNotFoundError, match=r"asked: (GET|POST|DELETE) /v\d/.* and "):
            BOTH[name][0](client)
    assert asks(server) == [route for route, _ in in_order(name)] * 2


def test_absence_is_remembered_per_operation(client: InngestClient, server: Server) -> None:
    server.on(*RUNS_LIST[1])
    server.on(*RUNS_GET[2])
    server.on(*RUNS_GET[1])
    client.runs.list(limit=1).page()
    client.runs.get(ID)
    assert asks(server) == ["GET /v2/runs", "GET /v1/runs", f"GET /v2/runs/{ID}"]


def test_absence_is_remembered_for_five_minutes_and_logged_once(
    client: InngestClient, server: Server, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server.on("GET /v2/runs", text(404, "404 page not found"))
    server.on(*RUNS_LIST[1])
    client.runs.list(limit=1).page()
    clock.advance(299)
    client.runs.list(limit=1).page()
    clock.advance(2)
    client.runs.list(limit=1).page()
    v1, v2 = "GET /v1/runs", "GET /v2/runs"
    assert asks(server) == [v2, v1, v1, v2, v1]
    assert [each.getMessage() for each in caplog.records] == [f"the server does not have {v2}"]


def test_one_plain_404_of_a_proxy_does_not_disable_a_route(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    route, call = f"GET /v1/events/{ID}", client.events.get
    server.on(route, text(404, "no such upstream"), about(ID, "v1-event"))
    with pytest.raises(RouteNotFoundError):
        call(ID)
    assert call(ID).name == "app/steps"
    server.on(RUNS_LIST[2][0], text(404, "no such upstream"), RUNS_LIST[2][1])
    server.on(*RUNS_LIST[1])
    client.runs.list(limit=1).page()
    clock.advance(301)
    client.runs.list(limit=1).page()
    assert asks(server)[-1] == "GET /v2/runs"


def test_absence_is_remembered_per_client(connect: Connect, server: Server) -> None:
    server.on(*RUNS_LIST[1])
    for _ in range(2):
        connect().runs.list(limit=1).page()
    assert asks(server) == ["GET /v2/runs", "GET /v1/runs"] * 2


@pytest.mark.parametrize("name", ["runs.replay", "runs.cancel"])
def test_an_unknown_resource_does_not_make_its_route_absent(
    client: InngestClient, server: Server, name: str
) -> None:
    (better, _), (other, reply) = in_order(name)
    server.on(better, says({"error": "no such run", "data": None, "status": 404}, status=404))
    server.on(other, reply)
    with pytest.raises(NotFoundError, match="no such run"):
        BOTH[name][0](client)
    # And whether the id is an event's.
    assert asks(server) == [better, f"GET /v1/events/{ID}"]


@pytest.mark.parametrize("status", [400, 401, 403, 500, 503])
def test_other_errors_do_not_make_a_route_absent(
    connect: Connect, server: Server, status: int
) -> None:
    server.on("GET /v2/runs", text(status, "no"))
    server.on(*RUNS_LIST[1])
    with pytest.raises(Exception, match=f"answered {status}"):
        connect(retries=0).runs.list(limit=1).page()
    assert asks(server) == ["GET /v2/runs"]


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_pinned_version_is_the_only_one_used(
    connect: Connect, server: Server, name: str, version: str
) -> None:
    call, v1, v2 = BOTH[name]
    server.on(*v1)
    server.on(*v2)
    call(connect(api_version=version))
    assert asks(server) == [(v1 if version == "v1" else v2)[0]]


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_pinned_version_has_no_fallback(
    connect: Connect, server: Server, name: str, version: str
) -> None:
    call, v1, v2 = BOTH[name]
    server.on(*(v2 if version == "v1" else v1))
    with pytest.raises(RouteNotFoundError):
        call(connect(api_version=version))
    assert all(f" /{version}/" in each for each in server.asked)


@pytest.mark.parametrize(
    ("version", "call"),
    [
        ("v1", lambda it: it.runs.trace(ID)),
        ("v1", lambda it: it.apps.get("a")),
        ("v1", lambda it: it.functions.get("a", "f")),
        ("v1", lambda it: it.functions.invoke("a", "f")),
        ("v1", lambda it: it.runs.list(app="a").page()),
        ("v2", lambda it: it.runs.jobs(ID)),
        ("v2", lambda it: it.events.get(ID)),
        ("v2", lambda it: it.events.list().page()),
        ("v2", lambda it: it.signals.send("s")),
        ("v2", lambda it: it.cancellations.delete("c")),
        ("v2", lambda it: it.webhooks.get("w")),
    ],
    ids=[
        *("trace", "app", "function", "invoke", "runs of an app"),
        *("jobs", "event", "events", "signal", "cancellation", "webhook"),
    ],
)
def test_an_operation_that_a_pinned_version_lacks_is_a_configuration_error(
    connect: Connect, server: Server, version: str, call: Any
) -> None:
    with pytest.raises(
        ConfigurationError, match=f'exists only in v., but api_version="{version}" is set'
    ):
        call(connect(api_version=version))
    assert server.asked == []


def test_a_run_unknown_to_v2_is_looked_up_in_v1_once(client: InngestClient, server: Server) -> None:
    server.on(f"GET /v2/runs/{ID}", recorded("v2-run-unknown"))
    server.on(f"GET /v1/runs/{ID}", recorded("v1-run-unknown"))
    with pytest.raises(NotFoundError, match="Run not found") as caught:
        client.runs.get(ID)
    assert caught.value.status == 404
    event = f"GET /v1/events/{ID}"
    assert asks(server) == [f"GET /v2/runs/{ID}", f"GET /v1/runs/{ID}", event]


def test_without_v2_a_run_that_v1_cannot_load_is_not_found(
    client: InngestClient, server: Server
) -> None:
    server.on(f"GET /v1/runs/{ID}", recorded("v1-run-unknown"))
    server.on(f"GET /v1/runs/{ID}/jobs", recorded("v1-jobs-unknown"))
    for call in (client.runs.get, client.runs.jobs):
        with pytest.raises(NotFoundError):
            call(ID)
    v2, event = f"GET /v2/runs/{ID}", f"GET /v1/events/{ID}"
    assert asks(server) == [v2, f"GET /v1/runs/{ID}", event, f"GET /v1/runs/{ID}/jobs"]


def test_a_pin_to_v1_also_applies_to_an_unknown_run(connect: Connect, server: Server) -> None:
    server.on(f"GET /v1/runs/{ID}", recorded("v1-run-unknown"))
    with pytest.raises(NotFoundError):
        connect(api_version="v1").runs.get(ID)
    assert asks(server) == [f"GET /v1/runs/{ID}", f"GET /v1/events/{ID}"]

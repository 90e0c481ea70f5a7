"""apps.sync: waiting for a pending sync, and what a server says that has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import (
    InvalidArgumentError,
    PermissionDeniedError,
    RequestTimeoutError,
    RouteNotFoundError,
)
from inngest_rest.models import AppSync
from tests.support.server import Reply, hangs, says

if TYPE_CHECKING:
    from tests.conftest import Connect
    from tests.support.clock import Clock
    from tests.support.server import Server

APP, SYNCS = "GET /v2/apps/shop", "POST /v2/apps/shop/syncs"
URL = "http://app.test/api/inngest"
METADATA = {"metadata": {"fetchedAt": "2026-11-24T13:42:09.777Z"}}
PENDING = says({"data": {"id": "s-1", "status": "pending", "appId": "shop"}, **METADATA})


def app(status: str, second: int, **others: str) -> Reply:
    sync = {"status": status, "syncedAt": f"2026-11-24T13:42:{second:02}Z", **others}
    return says({"data": {"id": "shop", "name": "shop", "latestSync": sync}, **METADATA})


def sync(connect: Connect, **options: Any) -> AppSync:
    return connect().apps.sync("shop", URL, **options)


def test_a_pending_sync_is_returned_at_once_if_nobody_waits(
    connect: Connect, server: Server
) -> None:
    server.on(SYNCS, PENDING)
    assert sync(connect) == AppSync("pending", "s-1", "shop")
    assert len(server.requests) == 1


def test_a_wait_ends_with_the_new_sync_and_not_with_the_last_one(
    connect: Connect, server: Server
) -> None:
    server.on(SYNCS, PENDING)
    server.on(APP, app("error", 1), app("error", 1), app("pending", 2), app("success", 2))
    assert sync(connect, wait=60) == AppSync("success", "s-1", "shop")


def test_a_wait_begins_with_no_sync_where_the_last_one_is_not_known(
    connect: Connect, server: Server
) -> None:
    server.on(SYNCS, PENDING)
    server.on(APP, says({"errors": [{"code": "c", "message": "m"}]}, status=403), app("success", 1))
    with pytest.raises(PermissionDeniedError):
        sync(connect, wait=60)
    assert len(server.requests) == 1


def test_why_a_sync_failed_is_told(connect: Connect, server: Server) -> None:
    server.on(SYNCS, PENDING)
    server.on(APP, app("success", 1), app("error", 2, error="no route to the app"))
    assert sync(connect, wait=60) == AppSync("error", "s-1", "shop", "no route to the app")


def test_a_wait_for_a_sync_ends_in_time_though_a_request_hangs(
    connect: Connect, server: Server, clock: Clock
) -> None:
    server.on(SYNCS, PENDING)
    server.on(APP, app("success", 1), hangs(clock))
    assert sync(connect, wait=10).status == "pending"
    assert clock.elapsed == pytest.approx(10, abs=0.1)


def test_no_sync_is_begun_where_the_last_one_cannot_be_read_within_the_wait(
    connect: Connect, server: Server, clock: Clock
) -> None:
    server.on(APP, hangs(clock))
    with pytest.raises(RequestTimeoutError):
        sync(connect, wait=10)
    assert clock.elapsed == pytest.approx(10, abs=0.1)


def test_a_sync_that_does_not_end_in_time_is_pending(connect: Connect, server: Server) -> None:
    server.on(SYNCS, PENDING)
    server.on(APP, app("pending", 2))
    assert sync(connect, wait=10).status == "pending"


def test_where_a_server_syncs_no_app_the_error_says_how_the_app_registers_itself(
    connect: Connect, server: Server
) -> None:
    error = {"errors": [{"code": "not_implemented", "message": "App sync not implemented in OSS"}]}
    server.on(SYNCS, says(error, status=501))
    with pytest.raises(RouteNotFoundError) as caught:
        sync(connect)
    assert "curl -X PUT URL" in caught.value.advice
    assert len(server.requests) == 1


def test_a_sync_that_has_ended_is_not_asked_about_again(connect: Connect, server: Server) -> None:
    server.on(SYNCS, says({"data": {"id": "s-1", "status": "success", "appId": "shop"}}))
    server.on(APP, app("error", 1), app("success", 2))
    assert sync(connect, wait=60) == AppSync("success", "s-1", "shop")
    assert len(server.requests) == 2


def test_an_app_that_is_not_there_yet_is_waited_for(connect: Connect, server: Server) -> None:
    server.on(SYNCS, PENDING)
    absent = says({"errors": [{"code": "not_found", "message": "no app"}]}, status=404)
    bare = says({"data": {"id": "shop"}})
    server.on(APP, absent, absent, bare, app("pending", 2), app("success", 2))
    assert sync(connect, wait=60) == AppSync("success", "s-1", "shop")


@pytest.mark.parametrize(
    ("error", "told"),
    [({"message": "m", "code": "c"}, "m"), ({"code": "c"}, "c"), ({}, None), (None, None)],
)
def test_a_failed_sync_has_its_message_or_else_its_code(
    error: Any, told: str | None, connect: Connect, server: Server
) -> None:
    server.on(SYNCS, says({"data": {"id": "s-1", "status": "error", "error": error}}))
    assert sync(connect) == AppSync("error", "s-1", error=told)


@pytest.mark.parametrize(("messages", "told"), [(["a", "b"], "a; b"), ([], None)])
def test_a_refused_sync_has_all_messages(
    messages: list[str], told: str | None, connect: Connect, server: Server
) -> None:
    server.on(SYNCS, says({"errors": [{"message": each} for each in messages]}, status=422))
    assert sync(connect) == AppSync("error", error=told)


@pytest.mark.parametrize(
    "url",
    [
        "app.test/api",
        "ftp://app.test",
        "",
        "http://",
        "http://app.test:99999",
        "http://[app.test",
        "http://app..test",
        "http://app.test/\n",
        f"http://app.test/{'a' * 70_000}",
    ],
    ids=range(9),
)
def test_an_app_is_at_a_url_of_http(url: str, connect: Connect, server: Server) -> None:
    with pytest.raises(InvalidArgumentError, match="url must be"):
        connect().apps.sync("shop", url)
    assert not server.requests

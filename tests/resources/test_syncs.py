"""apps.sync: waiting for a pending sync, and an app that registers itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest import AppSync
from tests.support.server import Reply, says

if TYPE_CHECKING:
    from tests.conftest import Connect
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


def test_why_a_sync_failed_is_told(connect: Connect, server: Server) -> None:
    server.on(SYNCS, PENDING)
    server.on(APP, app("success", 1), app("error", 2, error="no route to the app"))
    assert sync(connect, wait=60) == AppSync("error", "s-1", "shop", "no route to the app")


def test_a_sync_that_does_not_end_in_time_is_pending(connect: Connect, server: Server) -> None:
    server.on(SYNCS, PENDING)
    server.on(APP, app("pending", 2))
    assert sync(connect, wait=10).status == "pending"


def test_an_app_of_a_server_that_cannot_be_told_registers_itself(
    connect: Connect, server: Server
) -> None:
    error = {"errors": [{"code": "not_implemented", "message": "App sync not implemented in OSS"}]}
    server.on(SYNCS, says(error, status=501))
    server.on(APP, says(error, status=501))  # releases before 1.27.1 have no such route either
    server.on("PUT /api/inngest", Reply(200))
    assert sync(connect, wait=10) == AppSync("success", app_id="shop")
    asked = server.requests[-1]
    assert (asked.method, str(asked.url)) == ("PUT", URL)
    assert "authorization" not in asked.headers

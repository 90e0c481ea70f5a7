"""Retries: only if they may succeed, do no harm, and are in time."""

from __future__ import annotations

import contextlib
import logging
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import (
    ApiError,
    InngestClient,
    InngestError,
    NotFoundError,
    RateLimitError,
    RequestTimeoutError,
    RetryPolicy,
    ServerError,
    TransportError,
)
from tests.support.clock import STARTED
from tests.support.server import Answer, Reply, accepts_all, recorded, says, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Connect
    from tests.support.clock import Clock
    from tests.support.server import Server

ID = "01M86WNRKHYE50ZF3GG530BHRT"
DOWN = text(503, "down")
BUSY = text(429, "slow down")
NOT_ARRIVED = httpx.ConnectError("refused")
LOST = httpx.ReadError("reset")
LATE = httpx.ReadTimeout("late")
BEFORE = datetime(2026, 1, 1, tzinfo=UTC)

OPERATIONS: dict[str, tuple[str, Any, Answer]] = {
    "get": (f"GET /v2/runs/{ID}", lambda it: it.runs.get(ID), recorded("v2-run-ok")),
    "list": ("GET /v1/events", lambda it: it.events.list(limit=1).page(), recorded("v1-events")),
    "cancel": (f"POST /v2/runs/{ID}/cancel", lambda it: it.runs.cancel(ID), recorded("v2-cancel")),
    "cancel by v1": (
        f"DELETE /v1/runs/{ID}",
        lambda it: it.runs.cancel(ID),
        recorded("v1-run-cancel-ok"),
    ),
    "health": ("GET /health", lambda it: it.health(), recorded("health")),
    "send": ("POST /e/NO_EVENT_KEY_SET", lambda it: it.send({"name": "a"}), accepts_all),
    "invoke with a key": (
        "POST /v2/apps/a/functions/f/invoke",
        lambda it: it.functions.invoke("a", "f", idempotency_key="k"),
        recorded("v2-invoke"),
    ),
    "update a webhook": (
        "PUT /v1/webhooks/w",
        lambda it: it.webhooks.update("w", name="x"),
        says({"data": {"id": "w"}, "metadata": {"fetched_at": "2026-01-01T00:00:00Z"}}),
    ),
    "invoke": (
        "POST /v2/apps/a/functions/f/invoke",
        lambda it: it.functions.invoke("a", "f"),
        recorded("v2-invoke"),
    ),
    "replay": (f"POST /v2/runs/{ID}/rerun", lambda it: it.runs.replay(ID), recorded("v2-rerun")),
    "replay by v1": (
        f"POST /v1/runs/{ID}/replay",
        lambda it: it.runs.replay(ID),
        says({"data": {"run_id": "new"}}),
    ),
    "signal": ("POST /v1/signals", lambda it: it.signals.send("s"), recorded("v1-signal-ok")),
    "create a webhook": (
        "POST /v2/env/webhooks",
        lambda it: it.webhooks.create("x", "t"),
        says({"data": {"id": "w"}}, status=201),
    ),
}
ONCE = ["invoke", "invoke with a key", "replay", "replay by v1", "signal", "create a webhook"]


def tries(client: InngestClient, server: Server, name: str, *answers: Answer) -> int:
    """Count the requests of an operation; its own error does not matter."""
    route, call, good = OPERATIONS[name]
    server.on(route, *answers, good)
    with contextlib.suppress(InngestError):
        call(client)
    path = route.partition(" ")[2]
    return sum(each.url.path == path for each in server.requests)


@pytest.mark.parametrize("name", OPERATIONS)
def test_only_a_repeatable_operation_is_retried_once_it_may_have_arrived(
    client: InngestClient, server: Server, name: str
) -> None:
    assert tries(client, server, name, LOST) == (1 if name in ONCE else 2)


@pytest.mark.parametrize("failure", [LOST, LATE, DOWN, text(500, ""), text(408, "")], ids=repr)
def test_a_request_may_have_arrived_whatever_became_of_its_response(
    client: InngestClient, server: Server, failure: Answer
) -> None:
    assert tries(client, server, "get", failure) == 2
    assert tries(client, server, "invoke", failure) == 1


@pytest.mark.parametrize("name", OPERATIONS)
def test_any_operation_is_retried_if_the_first_attempt_had_no_effect(
    client: InngestClient, server: Server, name: str
) -> None:
    assert tries(client, server, name, NOT_ARRIVED, httpx.ConnectTimeout("x"), BUSY) == 4


@pytest.mark.parametrize("name", ONCE)
def test_a_replay_is_not_retried_once_it_may_have_arrived(
    client: InngestClient, server: Server, name: str
) -> None:
    assert tries(client, server, name, NOT_ARRIVED, LOST, NOT_ARRIVED) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 422, 501])
def test_a_client_error_is_not_retried(client: InngestClient, server: Server, status: int) -> None:
    assert tries(client, server, "health", text(status, "no")) == 1


def test_an_invalid_response_is_not_retried(client: InngestClient, server: Server) -> None:
    assert tries(client, server, "health", text(200, "<html>")) == 1


@pytest.mark.parametrize("retries", [0, 1, 4])
def test_retries_are_limited_in_number(connect: Connect, server: Server, retries: int) -> None:
    server.on("GET /health", DOWN)
    with pytest.raises(ServerError) as caught:
        connect(retries=retries).health()
    assert len(server.requests) == caught.value.attempts == retries + 1
    assert ("after" in str(caught.value)) is (retries > 0)


def test_backoff_doubles_up_to_the_maximum_with_full_jitter(
    connect: Connect, server: Server, clock: Clock
) -> None:
    server.on("GET /health", DOWN)
    client = connect(retries=RetryPolicy(retries=6, initial=0.5, maximum=8.0))
    for jitter in (1.0, 0.25, 0.01):
        clock.jitter = jitter
        clock.pauses.clear()
        with pytest.raises(ServerError):
            client.health()
        assert clock.pauses == [jitter * longest for longest in (0.5, 1, 2, 4, 8, 8)]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("7.5", 7.5),
        (format_datetime(datetime.fromtimestamp(STARTED + 9, UTC), usegmt=True), 9.0),
        # Without a zone, as RFC 5322 has it for a time whose zone is not known.
        (format_datetime(datetime.fromtimestamp(STARTED + 9, UTC).replace(tzinfo=None)), 9.0),
        (format_datetime(BEFORE, usegmt=True), 0.0),
        ("-3", 0.0),
        ("soon", None),
        ("", None),
        ("nan", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured_in_seconds_and_as_a_date(
    connect: Connect, server: Server, clock: Clock, status: int, value: str, seconds: float | None
) -> None:
    clock.jitter = 0.0
    asks = Reply(status, b"", {"retry-after": value})
    server.on("GET /health", asks, recorded("health"))
    connect(retries=1).health()
    assert sum(clock.pauses) == (seconds or 0.0), "a task makes no pause of 0 s"
    server.on("GET /health", asks)
    with pytest.raises(ApiError) as caught:
        connect(retries=0).health()
    if seconds is not None and not value.endswith(("GMT", "0000")):
        assert caught.value.retry_after == seconds


def test_a_backoff_longer_than_retry_after_is_kept(
    connect: Connect, server: Server, clock: Clock
) -> None:
    server.on("GET /health", Reply(429, b"", {"retry-after": "0.1"}), recorded("health"))
    connect(retries=RetryPolicy(initial=3)).health()
    assert clock.pauses == [3.0]


@pytest.mark.parametrize(
    "value",
    [
        "Tue, 24 Nov 99999999999999999999 18:00:00 GMT",
        "Tue, 24 Nov 2026 18:00:00 +99999999999999999999",
        "Tue, 24 Nov 9999 18:00:00 -9999",
        "nan",
    ],
)
def test_an_absurd_retry_after_is_ignored(
    connect: Connect, server: Server, clock: Clock, value: str
) -> None:
    clock.jitter = 0.0
    server.on("GET /health", Reply(429, b"", {"retry-after": value}), recorded("health"))
    connect().health()
    assert sum(clock.pauses) == 0.0


@pytest.mark.parametrize("value", ["120", "3600", "inf", "1e400", "9" * 5_000])
def test_a_pause_beyond_the_total_ends_the_retries(
    client: InngestClient, server: Server, clock: Clock, value: str
) -> None:
    server.on("GET /health", Reply(429, b"", {"retry-after": value}))
    with pytest.raises(RateLimitError) as caught:
        client.health()
    assert clock.pauses == []
    assert caught.value.retry_after == min(float(value), 366 * 86_400)


def test_a_million_retries_may_be_allowed(server: Server, connect: Connect) -> None:
    policy = RetryPolicy(retries=10**6)
    assert policy.pause(RequestTimeoutError("", method="GET", url=""), 10**6, 1.0) == 8.0
    server.on("GET /health", DOWN, recorded("health"))
    connect(retries=policy).health()


def test_attempts_and_pauses_end_with_the_total(
    connect: Connect, server: Server, clock: Clock
) -> None:
    def slow(_: httpx.Request) -> Reply:
        clock.advance(20)
        return DOWN

    server.on("GET /health", slow)
    with pytest.raises(InngestError):
        connect(retries=RetryPolicy(retries=99, total=timedelta(seconds=60))).health()
    allowed = [each.extensions["timeout"]["read"] for each in server.requests]
    assert allowed == [30.0, 30.0, 60 - 40 - 0.5 - 1.0]
    assert clock.pauses == [0.5, 1.0]


def test_a_pause_that_ends_late_leaves_a_timeout_above_zero(
    connect: Connect, server: Server, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def advance(self: Clock, seconds: float) -> None:
        self.elapsed += seconds + 100

    monkeypatch.setattr(type(clock), "advance", advance)
    server.on("GET /health", DOWN)
    with pytest.raises(InngestError):
        connect(retries=RetryPolicy(total=1)).health()
    assert all(each.extensions["timeout"]["read"] > 0 for each in server.requests)


def test_the_retry_budget_keeps_retries_from_amplifying_an_outage(
    connect: Connect, server: Server
) -> None:
    client = connect(retries=4)
    server.on("GET /health", DOWN)
    for _ in range(100):
        with pytest.raises(ServerError):
            client.health()
    assert len(server.requests) == 100 + 50


def test_successes_restore_the_retry_budget(connect: Connect, server: Server) -> None:
    client = connect(retries=4)
    server.on("GET /health", *[DOWN] * 150, *[recorded("health")] * 11, DOWN)
    for _ in range(100):
        with pytest.raises(ServerError):
            client.health()
    for _ in range(11):
        client.health()
    before = len(server.requests)
    with pytest.raises(ServerError):
        client.health()
    assert len(server.requests) == before + 2


@pytest.mark.parametrize(
    ("failure", "kind", "delivered"),
    [
        (NOT_ARRIVED, TransportError, False),
        (httpx.ConnectTimeout("x"), RequestTimeoutError, False),
        (httpx.PoolTimeout("x"), RequestTimeoutError, False),
        (httpx.ProxyError("x"), TransportError, False),
        (LOST, TransportError, True),
        (LATE, RequestTimeoutError, True),
        (httpx.WriteError("x"), TransportError, True),
        (httpx.RemoteProtocolError("x"), TransportError, True),
    ],
    ids=repr,
)
def test_a_transport_error_says_whether_the_request_may_have_arrived(
    connect: Connect,
    server: Server,
    failure: Exception,
    kind: type[TransportError],
    delivered: bool,
) -> None:
    server.on("GET /health", failure)
    with pytest.raises(TransportError) as caught:
        connect(retries=0).health()
    assert type(caught.value) is kind
    assert caught.value.delivered is delivered
    assert caught.value.may_have_taken_effect is delivered
    assert type(failure).__name__ in caught.value.reason


@pytest.mark.parametrize("first", [LOST, text(503, "")], ids=["lost", "503"])
def test_a_request_that_may_have_arrived_in_any_attempt_may_have_been_delivered(
    connect: Connect, server: Server, first: Any
) -> None:
    server.on("GET /health", first, NOT_ARRIVED)
    with pytest.raises(TransportError) as caught:
        connect(retries=1).health()
    assert caught.value.delivered
    assert caught.value.may_have_taken_effect
    assert caught.value.attempts == 2


def test_the_total_also_bounds_an_attempt_with_a_fallback_key(
    connect: Connect, server: Server, clock: Clock
) -> None:
    def refuses_slowly(_: httpx.Request) -> Reply:
        clock.advance(20)
        return says({"errors": [{"code": "x", "message": "no"}]}, status=401)

    server.on("GET /v2/runs/01", refuses_slowly)
    client = connect(
        dev=False,
        signing_key="abcd",
        signing_key_fallback="ef01",
        api_version="v2",
        retries=RetryPolicy(total=30),
    )
    with pytest.raises(InngestError):
        client.runs.get("01")
    assert [each.extensions["timeout"]["read"] for each in server.requests] == [30.0, 10.0]


def test_clients_of_one_process_share_a_retry_budget_per_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    requests: list[str] = []

    def down(_: object, request: httpx.Request) -> httpx.Response:
        requests.append(str(request.url))
        return httpx.Response(503)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", down)
    quick = RetryPolicy(initial=0.000_001, maximum=0.000_001)
    for host, retries in (("a", 50), ("b", 50), ("a", 0)):
        requests.clear()
        for _ in range(100):
            with (
                InngestClient(dev=f"http://{host}.test", retries=quick) as client,
                pytest.raises(ServerError),
            ):
                client.health()
        assert len(requests) == 100 + retries


@pytest.mark.parametrize(
    "call", [lambda it: it.health(), lambda it: it.apps.get("a")], ids=["event", "api"]
)
def test_clients_with_transports_of_their_own_share_no_retry_budget(
    connect: Connect, server: Server, call: Callable[[InngestClient], object]
) -> None:
    server.on("GET /health", DOWN)
    server.on("GET /v2/apps/a", DOWN)
    for _ in range(2):
        before = len(server.requests)
        with pytest.raises(ServerError):
            call(connect(retries=RetryPolicy(retries=50, initial=0.001, maximum=0.001)))
        assert len(server.requests) - before == 51


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="Windows has no TZ")
def test_a_retry_after_without_a_zone_is_in_utc_wherever_the_client_is(
    connect: Connect, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    date = format_datetime(datetime.fromtimestamp(STARTED + 9, UTC).replace(tzinfo=None))
    server.on("GET /health", Reply(429, b"", {"retry-after": date}))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        with pytest.raises(RateLimitError) as caught:
            connect(retries=0).health()
    finally:
        monkeypatch.undo()
        time.tzset()
    assert caught.value.retry_after == 9.0


def test_each_further_attempt_is_logged_with_its_pause_and_its_reason(
    connect: Connect, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "inngest_rest")
    server.on(f"GET /v2/runs/{ID}", DOWN, recorded("v2-run-ok"))
    connect(transport=server).runs.get(ID)
    (record,) = [it for it in caplog.records if it.message.startswith("trying again in ")]
    assert record.message.endswith("503: down")


def test_only_what_deletes_succeeds_where_a_lost_response_is_followed_by_a_404(
    client: InngestClient, server: Server
) -> None:
    server.on("GET /v1/events/01", LATE, says({"error": "no event"}, status=404))
    with pytest.raises(NotFoundError, match="no event"):
        client.events.get("01")

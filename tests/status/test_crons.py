"""Crons in a status: due, no run since, and nothing changed since, is a warning."""

from __future__ import annotations

import asyncio
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import AsyncInngestClient, InngestClient
from inngest_rest._values.visible import moment
from inngest_rest_mock import MockServer, answers

if TYPE_CHECKING:
    from inngest_rest.findings import Finding

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
START = datetime(2026, 11, 30, 12, 30, tzinfo=UTC)
HOURLY = "0 * * * *"


def mock_at(start: datetime, **options: Any) -> MockServer:
    mock = MockServer(clock=lambda: int(start.timestamp() * 10**9), **options)
    mock.function("shop", "charge", trigger="order/placed")
    return mock


@pytest.fixture
def mock() -> MockServer:
    mock = mock_at(START)
    mock.function("shop", "report", cron=HOURLY)
    return mock


def fire_at(mock: MockServer, moment: datetime, cron: str | None = None) -> str:
    mock.advance(moment - mock.now)
    return mock.fire_cron("shop", "report", cron).id


def told(client: InngestClient, **selected: Any) -> Finding:
    return next(each for each in client.status(**selected).findings if each.kind == "crons")


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return START.replace(hour=hour, minute=minute, second=second)


def sync_now(mock: MockServer, client: InngestClient) -> None:
    """Let the server say that its app was synced just now."""
    listed = client.request("GET", "/v2/apps").json()
    listed["data"][0]["latestSync"]["syncedAt"] = mock.now.isoformat()
    mock.fault(answers(200, listed), operation="list_apps_v2", times=None)


def test_a_cron_fired_until_ten_minutes_after_its_next_time(
    client: InngestClient, mock: MockServer
) -> None:
    # Servers queue it some milliseconds early.
    fire_at(mock, at(13) - timedelta(milliseconds=7))
    mock.advance(HOUR + 9 * MINUTE)
    assert told(client).message == "1 cron, none missed"
    mock.advance(2 * MINUTE)
    result = told(client)
    assert (result.severity, result.message) == (
        "warning",
        (
            "shop/report was due at 2026-11-30 14:00:00 UTC, and has no run since "
            "(last run at 2026-11-30 12:59:59 UTC)"
        ),
    )
    assert str(result.remedy).startswith("client.functions.list shows")


def test_a_cron_that_never_fired_is_told_of_if_it_was_registered_before_its_time(
    client: InngestClient, mock: MockServer
) -> None:
    mock.advance(15 * MINUTE)
    result = told(client)
    assert (result.severity, result.message) == (
        "unknown",
        (
            "shop/report was due at 2026-11-30 12:00:00 UTC, and has no run since: "
            "it was registered at 2026-11-30 12:30:00 UTC"
        ),
    )
    mock.advance(HOUR / 2)
    result = told(client)
    assert (result.severity, result.message) == (
        "warning",
        "shop/report was due at 2026-11-30 13:00:00 UTC, and has no run since",
    )
    assert result.limits == "its schedule may have changed since"


def test_a_cron_whose_app_was_synced_since_it_was_due_may_be_new(
    client: InngestClient, mock: MockServer
) -> None:
    fire_at(mock, at(13))
    mock.advance(2 * HOUR)
    sync_now(mock, client)
    result = told(client)
    assert result.severity == "unknown"
    assert result.message.endswith(f": it was registered at {moment(mock.now)}")
    mock.advance(HOUR)
    assert told(client).severity == "warning"


def test_of_several_schedules_the_one_that_was_due_last_counts() -> None:
    mock = mock_at(START)
    mock.function("shop", "report", cron=(HOURLY, "30 * * * *"))
    with InngestClient(dev=True, transport=mock.transport) as client:
        fire_at(mock, at(13), HOURLY)
        mock.advance(39 * MINUTE)
        assert told(client).message == "1 cron, none missed"
        mock.advance(2 * MINUTE)
        assert "was due at 2026-11-30 13:30:00 UTC" in told(client).message


def test_a_cron_is_planned_in_its_zone_over_a_change_of_the_clocks() -> None:
    mock = mock_at(datetime(2026, 3, 27, 12, tzinfo=UTC))
    mock.function("shop", "report", cron="TZ=Europe/Berlin 30 2 * * *")
    with InngestClient(dev=True, transport=mock.transport) as client:
        fire_at(mock, datetime(2026, 3, 28, 1, 30, tzinfo=UTC))
        # On the 29th, there is no half past two.
        mock.advance(timedelta(days=1))
        assert told(client).message == "1 cron, none missed"
        mock.advance(timedelta(days=1))
        assert "was due at 2026-03-30 00:30:00 UTC" in told(client).message


def test_a_server_that_plans_in_another_zone_than_utc_has_missed_nothing() -> None:
    mock = mock_at(START)
    mock.function("shop", "report", cron="0 3 * * *")
    with InngestClient(dev=True, transport=mock.transport) as client:
        fire_at(mock, datetime(2026, 12, 1, 2, tzinfo=UTC))
        mock.advance(2 * HOUR)
        result = told(client)
    assert result.severity == "unknown"
    assert result.message.endswith(": the server seems to plan in a zone other than UTC")


def test_times_that_cannot_be_computed_are_unknown(
    client: InngestClient, mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fire_at(mock, at(13))
    mock.function("shop", "base", cron="TZ=Mars/Base 0 0 * * *")
    result = told(client)
    assert (result.severity, result.message) == (
        "unknown",
        "shop/base: no times can be computed of 'TZ=Mars/Base 0 0 * * *'",
    )
    monkeypatch.setitem(sys.modules, "cronsim", None)
    mock.function("shop", "retry", cron="17 5 * * 6")  # which no other test has read
    assert "cronsim" in told(client).message
    assert client.status().verdict == "ok"


def test_it_takes_a_request_for_each_app_and_each_cron_and_one_more_where_one_has_no_run(
    client: InngestClient, mock: MockServer
) -> None:
    mock.function("mail", "digest", cron=HOURLY)
    mock.function("mail", "remind", trigger="mail/asked")
    fire_at(mock, at(13))
    before = len(mock.requests)
    told(client)
    asked = mock.requests[before:]
    paths = sorted(each.path for each in asked if "/apps" in each.path or of_cron(each.query))
    assert paths == [
        "/v1/apps/mail/functions",
        "/v2/apps",
        "/v2/apps/mail/functions",
        "/v2/apps/shop/functions",
        "/v2/runs",
        "/v2/runs",
    ]


def test_crons_of_many_functions_are_read_by_app_alone(
    client: InngestClient, mock: MockServer
) -> None:
    for number in range(60):
        mock.function("many", f"f{number}", cron=HOURLY)
    before = len(mock.requests)
    report = client.status()
    assert len(mock.requests) - before <= 20
    assert report.verdict == "ok"
    assert "with `app`, those of one are read" in told(client).message
    fire_at(mock, at(13))
    assert told(client, app="shop").message == "1 cron, none missed"


def of_cron(query: str) -> bool:
    """Return whether a request lists the runs of a single function."""
    return "functionId" in query


class Meeting(httpx.BaseTransport):
    """A server that answers two listings of runs once both are there."""

    def __init__(self, mock: MockServer) -> None:
        self.mock = mock.transport
        self.barrier = threading.Barrier(2, timeout=30)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v2/runs" and of_cron(str(request.url)):
            self.barrier.wait()
        return self.mock.handle_request(request)


def test_the_runs_of_crons_are_read_side_by_side(mock: MockServer) -> None:
    mock.function("shop", "digest", cron=HOURLY)
    mock.function("shop", "refund", trigger="order/refunded")
    with InngestClient(dev=True, transport=Meeting(mock)) as client:
        told(client)
        listed = list(client.functions.list(runs=True))
    assert [function.id for function in listed if function.next_run_at] == ["report", "digest"]


@pytest.mark.parametrize("release", ["1.38", "1.39"])
def test_where_apps_are_not_listed_an_app_that_is_named_is_checked(release: str) -> None:
    mock = mock_at(START, release=release)
    mock.function("shop", "report", cron=HOURLY)
    with InngestClient(dev=True, transport=mock.transport) as client:
        fire_at(mock, at(13))
        assert told(client, app="shop").message == "1 cron, none missed"


def test_the_asynchronous_client_judges_crons_and_lists_functions_alike(mock: MockServer) -> None:
    async def judge() -> tuple[dict[str, str], list[str]]:
        async with AsyncInngestClient(dev=True, transport=mock.transport) as client:
            report = await client.status()
            functions = [each.id async for each in client.functions.list(runs=True)]
            return {each.kind: each.severity.value for each in report.findings}, functions

    fire_at(mock, at(13))
    found, functions = asyncio.run(judge())
    assert found["crons"] == "ok"
    assert functions == ["charge", "report"]

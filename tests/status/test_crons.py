"""Crons in a status: each is judged by its last planned time whose grace is over."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import AsyncInngestClient, InngestClient
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


def told(client: InngestClient, **rule: Any) -> Finding:
    return next(each for each in client.status(**rule).findings if each.kind == "crons")


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return START.replace(hour=hour, minute=minute, second=second)


def test_a_cron_that_ran_when_it_was_planned_is_on_time_until_the_grace_of_the_next_is_over(
    client: InngestClient, mock: MockServer
) -> None:
    # Servers queue it some milliseconds early.
    fire_at(mock, at(13) - timedelta(milliseconds=7))
    mock.advance(HOUR + 9 * MINUTE)
    assert told(client).message == "1 cron fired when due"
    mock.advance(2 * MINUTE)
    result = told(client)
    assert result.severity == "broken"
    assert result.message == (
        "1 of 1 cron: shop/report missed 2026-11-30 14:00:00 UTC "
        "(last run at 2026-11-30 12:59:59 UTC)"
    )
    assert told(client, grace=15 * MINUTE).severity == "ok"


def test_a_cron_that_ran_after_its_grace_was_late(client: InngestClient, mock: MockServer) -> None:
    fire_at(mock, at(13))
    run = fire_at(mock, at(14, 12))
    mock.advance(MINUTE)
    assert told(client).message == (
        "1 of 1 cron: shop/report was late: planned for 2026-11-30 14:00:00 UTC, "
        f"run {run} came at 2026-11-30 14:12:00 UTC"
    )
    assert told(client, grace=12 * MINUTE).severity == "ok"


def test_a_cron_that_fires_again_is_on_time_even_if_it_was_not_registered_at_the_time_before(
    client: InngestClient, mock: MockServer
) -> None:
    fire_at(mock, at(13))
    assert told(client).message == "1 cron fired when due"


def test_a_cron_never_fired_if_it_was_registered_before_its_time_and_not_if_it_is_newer(
    client: InngestClient, mock: MockServer
) -> None:
    assert told(client).message == "none of 1 cron was due: 1 not due"
    mock.advance(at(13, 11) - mock.now)
    assert told(client).message == (
        "1 of 1 cron: shop/report never fired: no run of '0 * * * *' is stored, "
        "planned for 2026-11-30 13:00:00 UTC"
    )


def test_a_cron_whose_schedule_was_another_before_has_missed_nothing(
    client: InngestClient, mock: MockServer
) -> None:
    fire_at(mock, at(13), "30 12 * * *")
    mock.advance(2 * HOUR)
    result = told(client)
    assert result.severity == "unknown"
    assert result.message == (
        "1 of 1 cron: shop/report has no run yet of '0 * * * *', which has changed"
    )


@pytest.mark.parametrize(("version", "state"), [(1, "broken"), (2, "unknown")])
def test_a_schedule_without_runs_may_have_come_with_a_change_of_a_function_that_ran_before(
    version: int, state: str
) -> None:
    mock = mock_at(START)
    mock.function("shop", "report", cron=HOURLY, trigger="report/asked")
    with InngestClient(dev=True, transport=mock.transport, retries=0) as client:
        client.send({"name": "report/asked"})
        mock.advance(2 * HOUR)
        listed = client.request("GET", "/v1/apps/shop/functions").json()
        for each in listed:
            each["config"]["fv"] = version
        mock.fault(answers(200, listed), operation="list_functions_v1", times=None)
        result = told(client)
    assert result.severity == state
    assert ("it is unknown" in result.message) == (version != 1)


def test_a_schedule_without_runs_may_have_come_with_the_last_sync(
    client: InngestClient, mock: MockServer
) -> None:
    mock.advance(2 * HOUR)
    listed = client.request("GET", "/v2/apps").json()
    listed["data"][0]["latestSync"]["syncedAt"] = mock.now.isoformat()
    mock.fault(answers(200, listed), operation="list_apps_v2", times=None)
    assert "it is unknown" in told(client).message


def test_each_schedule_of_a_function_is_judged_by_its_own_runs() -> None:
    mock = mock_at(START)
    mock.function("shop", "report", cron=("0 * * * *", "30 * * * *"), trigger="report/asked")
    with InngestClient(dev=True, transport=mock.transport) as client:
        fire_at(mock, at(13), "0 * * * *")
        fire_at(mock, at(13, 30), "30 * * * *")
        client.send({"name": "report/asked"})
        fire_at(mock, at(14), "0 * * * *")
        mock.advance(timedelta(minutes=45))
        result = told(client)
        assert "missed 2026-11-30 14:30:00 UTC" in result.message
        assert result.message.startswith("1 of 2 crons: ")


def test_runs_that_events_started_hide_no_run_of_a_schedule() -> None:
    busy = mock_at(START)
    busy.function("shop", "report", cron=HOURLY, trigger="report/asked")
    with InngestClient(dev=True, transport=busy.transport) as client:
        fire_at(busy, at(13))
        client.send([{"name": "report/asked"} for _ in range(150)])
        busy.advance(20 * MINUTE)
        assert told(client).message == "1 cron fired when due"
        # The second hour has none, and too many others to say so of the first hundred.
        busy.advance(HOUR)
        client.send([{"name": "report/asked"} for _ in range(50)])
        assert "never fired" in told(client).message


def test_a_cron_is_planned_in_its_zone_over_a_change_of_the_clocks() -> None:
    schedule = "TZ=Europe/Berlin 30 2 * * *"
    mock = mock_at(datetime(2026, 3, 27, 12, tzinfo=UTC))
    mock.function("shop", "report", cron=schedule)
    with InngestClient(dev=True, transport=mock.transport) as client:
        fire_at(mock, datetime(2026, 3, 28, 1, 30, tzinfo=UTC))
        # On the 29th, there is no half past two.
        mock.advance(timedelta(days=1))
        assert told(client).message == "1 cron fired when due"
        mock.advance(timedelta(days=1))
        assert "missed 2026-03-30 00:30:00 UTC" in told(client).message


def test_a_server_that_plans_in_another_zone_than_utc_has_missed_nothing() -> None:
    daily = "0 3 * * *"
    mock = mock_at(START)
    mock.function("shop", "report", cron=daily)
    with InngestClient(dev=True, transport=mock.transport) as client:
        fire_at(mock, datetime(2026, 12, 1, 2, tzinfo=UTC))
        mock.advance(2 * HOUR)
        result = told(client)
        assert result.severity == "unknown"
        assert "in a zone other than UTC" in result.message


def with_jitter(mock: MockServer, client: InngestClient, jitter: str) -> None:
    """Let v1, which alone has it, say that the cron has a jitter."""
    functions = client.request("GET", "/v1/apps/shop/functions").json()
    for function in functions:
        for trigger in function["config"]["triggers"]:
            if "cron" in trigger:
                trigger["jitter"] = jitter
    mock.fault(answers(200, functions), times=None, operation="list_functions_v1")


def test_a_jitter_comes_on_top_of_the_grace(client: InngestClient, mock: MockServer) -> None:
    fire_at(mock, at(13))
    mock.advance(HOUR + 2 * MINUTE)
    assert told(client, grace=MINUTE).severity == "broken"
    with_jitter(mock, client, "4m")
    assert told(client, grace=MINUTE).severity == "ok"
    mock.advance(4 * MINUTE)
    assert told(client, grace=MINUTE).severity == "broken"


@pytest.mark.parametrize(
    ("schedule", "words"),
    [("TZ=Mars/Base 0 0 * * *", "cannot compute the times"), ("0 0 29 2 *", "not due")],
)
def test_what_cannot_be_judged_breaks_no_rule_and_is_told(schedule: str, words: str) -> None:
    mock = mock_at(START)
    mock.function("shop", "report", cron=schedule)
    with InngestClient(dev=True, transport=mock.transport) as client:
        result = told(client)
        assert result.severity == "unknown"
        assert words in result.message


def test_it_takes_a_request_for_each_app_and_each_cron_and_one_more_where_one_is_broken(
    client: InngestClient, mock: MockServer
) -> None:
    mock.function("mail", "digest", cron=HOURLY)
    mock.function("mail", "remind", trigger="mail/asked")
    mock.advance(at(13) - mock.now)
    for app, function in (("shop", "report"), ("mail", "digest")):
        mock.fire_cron(app, function)
    mock.advance(MINUTE)

    def paths() -> list[str]:
        before = len(mock.requests)
        told(client, grace=timedelta(seconds=30))
        asked = mock.requests[before:]
        return sorted(each.path for each in asked if "/apps" in each.path or of_cron(each.query))

    lists = [
        "/v2/apps",
        "/v2/apps/mail/functions",
        "/v2/apps/shop/functions",
        "/v2/runs",
        "/v2/runs",
    ]
    assert paths() == lists
    mock.advance(HOUR)
    assert paths() == ["/v1/apps/mail/functions", "/v1/apps/shop/functions", *lists]


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
        assert told(client, app="shop").message == "1 cron fired when due"


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

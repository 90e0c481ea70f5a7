"""`functions.list` of all apps, with the last run of each function and the next of each cron."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from inngest_rest import ConfigurationError, InngestClient, RouteNotFoundError, RunStatus
from inngest_rest_mock import MockServer, fails

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2026, 11, 30, 12, 30, tzinfo=UTC)


def new_mock(release: str = "1.43.0") -> MockServer:
    mock = MockServer(release=release, clock=lambda: int(START.timestamp() * 10**9))
    mock.function("shop", "charge", trigger="order/placed", run=fails("no card"))
    mock.function("shop", "report", cron=("0 3 * * *", "TZ=Europe/Berlin 30 13 * * *"))
    mock.function("mail", "digest", cron="0 9 * * 1")
    return mock


@pytest.fixture
def mock() -> MockServer:
    return new_mock()


@pytest.fixture
def client(mock: MockServer) -> Iterator[InngestClient]:
    with InngestClient(dev=True, transport=mock.transport, retries=0) as client:
        yield client


def test_without_an_app_the_functions_of_all_apps_are_listed_with_their_triggers(
    client: InngestClient,
) -> None:
    listed = [
        (function.app_id, function.id, [trigger.value for trigger in function.triggers])
        for function in client.functions.list()
    ]
    assert listed == [
        ("shop", "charge", ["order/placed"]),
        ("shop", "report", ["0 3 * * *", "TZ=Europe/Berlin 30 13 * * *"]),
        ("mail", "digest", ["0 9 * * 1"]),
    ]


def test_a_page_of_all_functions_goes_on_from_its_cursor_in_the_middle_of_an_app(
    mock: MockServer, client: InngestClient
) -> None:
    for number in range(25):
        mock.function(f"app-{number}", "only")
    everything = [(each.app_id, each.id) for each in client.functions.list()]
    assert len(everything) == 28
    in_parts: list[tuple[str, str]] = []
    cursor = None
    while True:
        page = client.functions.list(limit=2, cursor=cursor).page()
        in_parts += [(each.app_id, each.id) for each in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert in_parts == everything


def test_with_runs_each_function_has_its_last_run_and_each_cron_the_next_planned_time(
    mock: MockServer, client: InngestClient
) -> None:
    mock.fire_cron("shop", "report")
    client.send({"name": "order/placed"})
    mock.advance(timedelta(minutes=1))
    charge, report, digest = client.functions.list(runs=True)
    assert (charge.last_run_id, charge.last_status) == (mock.runs[1].id, RunStatus.FAILED)
    assert charge.last_run_at == mock.runs[1].queued_at
    assert charge.next_run_at is None
    assert report.last_status == "completed"
    # The sooner of two schedules, which is half past one in Berlin of the next day.
    assert report.next_run_at == datetime(2026, 12, 1, 3, tzinfo=UTC)
    assert (digest.last_run_id, digest.last_status) == (None, None)
    assert digest.next_run_at == datetime(2026, 12, 7, 9, tzinfo=UTC)


def test_runs_cost_a_request_for_each_function_that_is_listed(
    mock: MockServer, client: InngestClient
) -> None:
    client.functions.list(runs=True, limit=2).page()
    paths = [request.path for request in mock.requests]
    assert paths.count("/v2/runs") == 2


def test_only_a_schedule_needs_the_extra(
    mock: MockServer, client: InngestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cronsim", None)
    mock.function("mail", "retry", cron="17 5 * * 6")  # which no other test has read
    assert len(list(client.functions.list())) == 4
    assert client.functions.list("shop", runs=True, limit=1).page().items[0].id == "charge"
    with pytest.raises(ConfigurationError, match="cronsim") as caught:
        list(client.functions.list(runs=True))
    assert "pip install 'inngest-rest[cli]'" in str(caught.value)


@pytest.mark.parametrize("release", ["1.38", "1.39"])
def test_where_apps_are_not_listed_the_error_says_how_to_list_those_of_an_app(release: str) -> None:
    mock = new_mock(release)
    with InngestClient(dev=True, transport=mock.transport) as client:
        assert len(list(client.functions.list("shop", runs=True))) == 2
        with pytest.raises(RouteNotFoundError, match="by its id instead"):
            client.functions.list().page()

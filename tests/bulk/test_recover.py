"""Functions invoked for the events that should have started them: which ones, and once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import ActionReport, Event, InngestClient, InvalidArgumentError, NotFoundError
from inngest_rest._operations.bulk import unstarted
from inngest_rest.testing import MockServer, answers, completes, drops, loses_response, when

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Connect

HOUR = timedelta(hours=1)


@pytest.fixture
def mock() -> MockServer:
    """A server with an app, whose function `charge` is not there yet: it gets no runs."""
    mock = MockServer()
    mock.function("shop", "mail", trigger="shop/order", run=completes())
    return mock


def mended(mock: MockServer, **options: Any) -> None:
    """Let the function be there again, a minute later."""
    mock.advance(60)
    mock.function("shop", "charge", trigger="shop/order", **options)


def orders(count: int, **fields: Any) -> list[Event]:
    return [Event("shop/order", {"n": n}, **fields) for n in range(count)]


def inputs(mock: MockServer) -> list[Any]:
    """Return what the function was invoked with, in order."""
    ids = [run.event_ids[0] for run in mock.runs if run.function_id == "charge"]
    invoked = [event for event in mock.events if event.name == "inngest/function.invoked"]
    return [event.data["n"] for id in ids for event in invoked if event.internal_id == id]


def outcomes(report: ActionReport) -> list[str]:
    return [row.outcome.value for row in report.rows]


def reasons(report: ActionReport) -> list[str]:
    return [str(row.reason) for row in report.rows]


def test_a_function_is_invoked_alone_for_each_event_that_started_no_run_of_it(
    client: InngestClient, mock: MockServer
) -> None:
    lost = client.send(orders(2))
    client.send(Event("shop/other"))
    mended(mock)
    mock.advance(60)
    handled = client.send(Event("shop/order", {"n": 9}))
    mock.advance(60)
    report = client.functions.recover("shop", "charge", since=HOUR, in_flight=1)
    assert {str(row.id): row.outcome for row in report.rows} == dict.fromkeys(lost, "done")
    assert handled[0] not in {row.id for row in report.rows}
    assert sorted(inputs(mock)) == [0, 1]
    ids = {run.id for run in mock.runs if run.function_id == "charge"}
    assert {row.new_run_id for row in report.rows} < ids
    assert len([run for run in mock.runs if run.function_id == "mail"]) == 3


def test_a_second_recovery_finds_the_runs_of_the_first_by_their_data(
    client: InngestClient, mock: MockServer
) -> None:
    lost = client.send([*orders(2), *orders(2)])
    mended(mock)
    assert set(outcomes(client.functions.recover("shop", "charge", ids=lost[:3]))) == {"done"}
    again = client.functions.recover("shop", "charge", since=HOUR)
    assert sorted(outcomes(again)) == ["already_run"] * 3 + ["done"]
    assert all("was invoked since" in reason for reason in reasons(again) if reason != "None")
    assert sorted(inputs(mock)) == [0, 0, 1, 1]
    by_id = client.functions.recover("shop", "charge", ids=lost)
    assert outcomes(by_id) == ["already_run"] * 4
    assert len({row.new_run_id for row in by_id.rows}) == 4


def test_what_may_have_been_recovered_before_is_refused_rather_than_run_twice(
    client: InngestClient, mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unstarted, "_MOST_INVOKED", 2)
    client.send(orders(3))
    mended(mock)
    client.functions.recover("shop", "charge", since=HOUR)
    mock.advance(60)
    for report in (
        client.functions.recover("shop", "charge", since=HOUR, dry_run=True),
        client.functions.recover("shop", "charge", since=HOUR),
    ):
        assert sorted(outcomes(report)) == ["already_run", "already_run", "refused"]
        assert any(
            "of the runs of other events, 1 were too many" in reason for reason in reasons(report)
        )
    assert sorted(inputs(mock)) == [0, 1, 2]


def test_runs_of_later_events_hide_no_earlier_recovery(
    client: InngestClient, mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unstarted, "_MOST_INVOKED", 2)
    client.send(orders(2))
    mended(mock)
    until = mock.now
    client.functions.recover("shop", "charge", since=HOUR, until=until)
    client.send([Event("shop/order", {"later": n}) for n in range(60)])
    mock.advance(60)
    report = client.functions.recover("shop", "charge", since=HOUR, until=until)
    assert outcomes(report) == ["already_run"] * 2


def test_a_plan_that_is_carried_out_twice_runs_nothing_twice(
    client: InngestClient, mock: MockServer
) -> None:
    client.send(orders(2))
    mended(mock)
    plan = client.functions.recover("shop", "charge", since=HOUR, dry_run=True)
    first = client.functions.recover("shop", "charge", resume=plan)
    mock.advance(60)
    again = client.functions.recover("shop", "charge", resume=plan)
    assert outcomes(first) == ["done"] * 2
    assert outcomes(again) == ["already_run"] * 2
    assert sorted(inputs(mock)) == [0, 1]


def test_what_a_report_has_run_counts_for_no_other_event_with_the_same_data(
    client: InngestClient, mock: MockServer
) -> None:
    client.send([*orders(1), *orders(1)])
    mended(mock)
    mock.fault(drops(), operation="invoke_function_v2", after=1)
    first = client.functions.recover("shop", "charge", since=HOUR, in_flight=1)
    assert outcomes(first) == ["done", "failed"]
    mock.advance(60)
    again = client.functions.recover("shop", "charge", resume=first)
    assert outcomes(again) == ["done", "done"]
    assert inputs(mock) == [0, 0]


def test_where_runs_are_not_listed_the_report_says_that_an_earlier_recovery_does_not_show(
    connect: Connect,
) -> None:
    mock = MockServer(release="1.33")
    client = connect(transport=mock.transport, retries=0)
    client.send(orders(1))
    mended(mock)
    report = client.functions.recover("shop", "charge", since=HOUR, dry_run=True)
    assert "an earlier recovery does not show" in str(report.searched)


def test_the_condition_of_the_trigger_decides_and_is_refused_where_it_cannot_be_told(
    client: InngestClient, mock: MockServer
) -> None:
    lost = client.send([Event("shop/order", {"n": 1}), Event("shop/order", {"n": 2}), *orders(0)])
    unclear = client.send(Event("shop/order", {"m": 1}))
    mended(mock, condition=when("event.data.n == 2", lambda event: event.data.get("n") == 2))
    plan = client.functions.recover("shop", "charge", since=HOUR, dry_run=True)
    found = {str(row.id): (row.outcome.value, row.reason) for row in plan.rows}
    assert found[lost[1]] == ("planned", None)
    assert found[unclear[0]][0] == "refused"
    assert "cannot be evaluated" in str(found[unclear[0]][1])
    assert lost[0] not in found
    (row,) = client.functions.recover("shop", "charge", ids=lost[:1]).rows
    assert (row.outcome, row.reason) == (
        "refused",
        "the condition of the trigger is false for it",
    )


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"debounce": timedelta(seconds=5)}, "debounced"),
        ({"rate_limit": (1, HOUR)}, "rate limit"),
        ({"singleton": "skip"}, "singleton"),
        ({"batch_size": 5, "batch_timeout": HOUR}, "may still appear"),
    ],
)
def test_what_may_have_started_no_run_on_purpose_is_refused_with_the_reason(
    options: dict[str, Any], why: str, client: InngestClient, mock: MockServer
) -> None:
    client.send(orders(2))
    mended(mock, **options)
    before = len(mock.runs)
    report = client.functions.recover("shop", "charge", since=HOUR)
    assert outcomes(report) == ["refused"] * 2
    assert all(why in reason for reason in reasons(report))
    assert len(mock.runs) == before


def test_an_event_of_a_batch_that_ran_is_not_recovered(
    client: InngestClient, mock: MockServer
) -> None:
    mended(mock, batch_size=3)
    client.send(orders(3))
    mock.advance(120)
    report = client.functions.recover("shop", "charge", since=HOUR)
    assert "done" not in outcomes(report)
    assert len([run for run in mock.runs if run.function_id == "charge"]) == 1


@pytest.mark.parametrize("since", [HOUR, timedelta(seconds=90)])
def test_an_event_that_repeats_the_id_of_one_of_the_day_before_is_refused(
    since: timedelta, client: InngestClient, mock: MockServer
) -> None:
    mock.function("shop", "charge", trigger="shop/order")
    first = client.send(Event("shop/order", {"n": 1}, id="order-1"))
    mock.advance(100)
    second = client.send(Event("shop/order", {"n": 1}, id="order-1"))
    mock.advance(60)
    report = client.functions.recover("shop", "charge", since=since)
    assert [row.id for row in report.rows] == second
    assert reasons(report) == [f"it repeats the id of event {first[0]}, within 24 hours"]
    again = client.functions.recover("shop", "charge", ids=second)
    assert reasons(again) == reasons(report)


def test_an_event_that_was_just_received_may_still_start_its_run(
    client: InngestClient, mock: MockServer
) -> None:
    mended(mock)
    client.send(Event("shop/other"))
    mock.function("shop", "late", trigger="shop/other")
    (row,) = client.functions.recover("shop", "late", since=HOUR).rows
    assert (row.outcome, "may still appear" in str(row.reason)) == ("refused", True)


def test_a_plan_is_carried_out_and_a_report_file_resumes_without_a_second_run(
    client: InngestClient, mock: MockServer, tmp_path: Path
) -> None:
    client.send(orders(3))
    mended(mock)
    plan = client.functions.recover("shop", "charge", since=HOUR, dry_run=True)
    assert (outcomes(plan), inputs(mock)) == (["planned"] * 3, [])
    path = tmp_path / "report.ndjson"
    mock.fault(loses_response(), operation="invoke_function_v2", times=1)
    mock.fault(answers(500), operation="invoke_function_v2", after=1, times=1)
    report = client.functions.recover("shop", "charge", resume=plan, report_path=path, in_flight=1)
    assert sorted(outcomes(report)) == ["done", "unknown", "unknown"]
    ran = len(inputs(mock))
    with pytest.raises(InvalidArgumentError, match="finished"):
        client.functions.recover("shop", "charge", resume=plan, report_path=path)
    assert len(inputs(mock)) == ran


def test_the_newest_events_within_a_limit_are_recovered_the_oldest_first(
    client: InngestClient, mock: MockServer
) -> None:
    for order in orders(3):
        client.send(order)
        mock.advance(1)
    mended(mock)
    client.functions.recover("shop", "charge", since=HOUR, limit=2, in_flight=1)
    assert inputs(mock) == [1, 2]


def test_what_cannot_be_recovered_is_refused_before_anything_is_invoked(
    client: InngestClient, mock: MockServer
) -> None:
    mock.function("shop", "manual")
    recover: Any = client.functions.recover
    for arguments in ({}, {"since": HOUR, "ids": []}, {"since": HOUR, "until": HOUR * 2}):
        with pytest.raises(InvalidArgumentError):
            recover("shop", "mail", **arguments)
    with pytest.raises(InvalidArgumentError, match="has no event trigger"):
        recover("shop", "manual", since=HOUR)
    with pytest.raises(NotFoundError):
        recover("shop", "missing", since=HOUR)
    assert {request.method for request in mock.requests} == {"GET"}


def test_a_lost_connection_while_looking_does_nothing(
    client: InngestClient, mock: MockServer
) -> None:
    lost = client.send(orders(1))
    mended(mock)
    mock.fault(answers(500), path=f"/v1/events/{lost[0]}/runs", times=None)
    mock.fault(answers(500), path=f"/v2/events/{lost[0]}/runs", times=None)
    assert outcomes(client.functions.recover("shop", "charge", ids=lost)) == ["failed"]
    assert inputs(mock) == []

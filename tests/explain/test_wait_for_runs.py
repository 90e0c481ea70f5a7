"""send_and_wait and events.wait: every run of an event, once each has ended."""

from __future__ import annotations

import pickle
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import (
    AuthenticationError,
    Event,
    InvalidArgumentError,
    InvalidEventError,
    InvalidResponseError,
    NoRunError,
    NotFoundError,
    RunFailedError,
    ServerError,
    WaitTimeoutError,
)
from inngest_rest.explanation import ReasonKind
from inngest_rest_mock import (
    MockServer,
    answers,
    completes,
    delays,
    fails,
    sleeps,
    when,
)
from tests.support.server import body_of, hangs, recorded, says

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest import InngestClient, Run
    from tests.conftest import Connect
    from tests.support.clock import Clock
    from tests.support.server import Server

SECOND = timedelta(seconds=1)


@pytest.fixture
def make_mock(clock: Clock) -> Callable[..., MockServer]:
    """Make mock servers on the test's clock; events and runs appear as late as on a real one."""

    def make(**settings: Any) -> MockServer:
        return MockServer(**{"visibility_delay": 0.15, "clock": clock.nanoseconds, **settings})

    return make


@pytest.fixture
def mock(make_mock: Callable[..., MockServer]) -> MockServer:
    mock = make_mock()
    mock.function("shop", "charge", trigger="order", run=lambda event: event.data)
    return mock


def ids(runs: list[Run]) -> set[str | None]:
    return {run.function_id for run in runs}


def test_a_quick_function_takes_five_requests_and_less_than_600_ms(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    (run,) = client.send_and_wait({"name": "order", "data": {"n": 1}}, timeout=10)
    assert (run.status, run.output, run.function_id) == ("completed", {"n": 1}, "charge")
    assert len(mock.requests) <= 5
    assert clock.elapsed < 0.6


def test_the_next_wait_within_a_minute_takes_two_requests(
    client: InngestClient, mock: MockServer
) -> None:
    client.send_and_wait(Event("order"), timeout=10)
    before = len(mock.requests)
    client.send_and_wait(Event("order"), timeout=10)
    assert [each.operation for each in mock.requests[before:]] == [
        "send_events",
        "list_event_runs_v1",
    ]


@pytest.mark.parametrize("late", [0.2, 2.0])
def test_a_run_that_the_first_list_lacks_is_found_by_the_triggers(
    client: InngestClient, mock: MockServer, clock: Clock, late: float
) -> None:
    mock.function("shop", "ship", trigger="order", visibility_delay=late)
    assert ids(client.send_and_wait(Event("order"), timeout=10)) == {"charge", "ship"}
    assert late < clock.elapsed < 2 * (late + 0.15)


def test_where_the_triggers_are_not_known_runs_are_complete_a_second_after_the_last(
    connect: Connect, make_mock: Callable[..., MockServer], clock: Clock
) -> None:
    mock = make_mock(release="1.33")
    for name, late in (("charge", 0.1), ("ship", 0.9), ("mail", 1.7)):
        mock.function("shop", name, trigger="order", visibility_delay=late)
    client = connect(transport=mock.transport)
    runs = client.send_and_wait(Event("order"), timeout=10)
    assert ids(runs) == {"charge", "ship", "mail"}
    assert clock.elapsed < 5


def test_a_listener_whose_condition_is_false_is_not_waited_for(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    large = when("event.data.total > 100", lambda event: event.data["total"] > 100)
    mock.function("shop", "audit", trigger="order", condition=large)
    assert ids(client.send_and_wait(Event("order", {"total": 1}), timeout=60)) == {"charge"}
    assert clock.elapsed < 0.35
    assert ids(client.send_and_wait(Event("order", {"total": 101}), timeout=60)) == {
        "charge",
        "audit",
    }


@pytest.mark.parametrize(("total", "ran"), [(1, {"charge"}), (101, {"charge", "audit"})])
def test_a_listener_whose_condition_cannot_be_evaluated_is_waited_for(
    client: InngestClient,
    mock: MockServer,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    total: int,
    ran: set[str],
) -> None:
    """Without the library for conditions, a run that is late must not be missed."""
    monkeypatch.setitem(sys.modules, "cel", None)
    large = when("event.data.total > 100", lambda event: event.data["total"] > 100)
    mock.function("shop", "audit", trigger="order", condition=large, visibility_delay=2.0)
    assert ids(client.send_and_wait(Event("order", {"total": total}), timeout=60)) == ran
    assert clock.elapsed < 5.6


@pytest.mark.parametrize(
    "limit",
    [
        {"condition": when("event.data.missing == 1", lambda _: True)},
        {"rate_limit": (1, timedelta(hours=1))},
        {"singleton": "skip"},
    ],
    ids=["condition", "rate limit", "singleton"],
)
def test_a_listener_that_may_not_run_is_given_as_long_as_any_other(
    client: InngestClient, mock: MockServer, limit: Any
) -> None:
    mock.function("shop", "late", trigger="order", visibility_delay=2.0, **limit)
    assert ids(client.send_and_wait(Event("order"), timeout=60)) == {"charge", "late"}


@pytest.mark.parametrize("release", ["1.33", "1.43"])
def test_a_server_that_shows_a_run_late_is_given_as_long_for_the_next(
    connect: Connect, make_mock: Callable[..., MockServer], release: str
) -> None:
    mock = make_mock(release=release)
    for name, late in (("charge", 0.1), ("late", 1.0 if release == "1.33" else 4.5)):
        mock.function("shop", name, trigger="order", visibility_delay=late)
    mock.function("shop", "later", trigger="order", visibility_delay=1.5 * late)
    client = connect(transport=mock.transport)
    assert ids(client.send_and_wait(Event("order"), timeout=60)) == {"charge", "late", "later"}


def test_a_debounced_run_is_waited_for(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    mock.function("shop", "mail", trigger="order", debounce=10 * SECOND)
    assert ids(client.send_and_wait(Event("order"), timeout=60)) == {"charge", "mail"}
    assert 10 < clock.elapsed < 14


def test_functions_are_read_again_however_long_the_runs_could_not_be_listed(
    client: InngestClient, mock: MockServer
) -> None:
    mock.function("shop", "mail", trigger="order", debounce=10 * SECOND)
    client.send_and_wait(Event("order"), timeout=60)  # the functions were read before the next one
    mock.fault(answers(503, headers={"retry-after": "6"}), operation="list_event_runs_v2")
    mock.fault(answers(503), operation="list_apps_v2")
    assert ids(client.send_and_wait(Event("order"), timeout=60)) == {"charge", "mail"}


def test_a_debounced_run_that_a_later_event_took_over_is_not_waited_for_longer(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    mock.function("shop", "mail", trigger="order", debounce=10 * SECOND)
    (first, _) = client.send([Event("order"), Event("order")])
    assert ids(client.events.wait(first, timeout=60)) == {"charge"}
    assert clock.elapsed == pytest.approx(15, abs=1)


def test_a_batch_is_waited_for(connect: Connect, make_mock: Callable[..., MockServer]) -> None:
    mock = make_mock()
    mock.function("shop", "sum", trigger="order", batch_size=10, batch_timeout=8 * SECOND)
    client = connect(transport=mock.transport)
    client.send(Event("order"))
    (run,) = client.send_and_wait(Event("order"), timeout=60)
    assert run.batch_id is not None


def test_a_minute_of_waiting_takes_at_most_36_requests(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    mock.function("shop", "ship", trigger="order", run=sleeps(timedelta(hours=1)))
    with pytest.raises(WaitTimeoutError):
        client.send_and_wait(Event("order"), timeout=60)
    assert clock.elapsed == pytest.approx(60, abs=0.01)
    assert len(mock.requests) <= 36


def test_a_timeout_has_all_runs_as_last_seen(client: InngestClient, mock: MockServer) -> None:
    mock.function("shop", "ship", trigger="order", run=sleeps(timedelta(hours=1)))
    with pytest.raises(WaitTimeoutError, match="was still running") as caught:
        client.send_and_wait(Event("order"), timeout=2)
    error = pickle.loads(pickle.dumps(caught.value))
    assert not isinstance(error, NoRunError)
    assert error.event_id == mock.events[-1].internal_id
    assert error.run.function_id == "ship"
    assert {run.function_id: run.is_ended for run in error.runs} == {"charge": True, "ship": False}


def test_a_timeout_after_the_end_of_all_known_runs_says_that_more_may_come(
    connect: Connect, make_mock: Callable[..., MockServer]
) -> None:
    mock = make_mock(release="1.33")
    mock.function("shop", "charge", trigger="order")
    client = connect(transport=mock.transport)
    with pytest.raises(WaitTimeoutError, match="further runs may still appear") as caught:
        client.send_and_wait(Event("order"), timeout=0.3)
    assert ids(list(caught.value.runs)) == {"charge"}


def test_a_run_that_is_not_due_yet_is_no_success(client: InngestClient, mock: MockServer) -> None:
    mock.function("shop", "mail", trigger="order", debounce=timedelta(hours=1))
    with pytest.raises(WaitTimeoutError, match="shop/mail may still start") as caught:
        client.send_and_wait(Event("order"), timeout=10)
    assert (ids(list(caught.value.runs)), caught.value.run) == ({"charge"}, None)


def test_a_run_whose_function_cannot_be_read_is_named_with_the_cause_if_the_wait_times_out(
    client: InngestClient, mock: MockServer
) -> None:
    mock.fault(answers(200, {"data": {"id": 7}}), times=None, operation="get_run_v2")
    with pytest.raises(WaitTimeoutError) as caught:
        client.send_and_wait(Event("order"), timeout=3)
    (run,) = caught.value.runs
    assert f"the function of run {run.id} could not be read (GET " in str(caught.value)
    assert "may still start" not in str(caught.value)
    assert isinstance(caught.value.__cause__, InvalidResponseError)


def test_an_event_that_no_function_has_a_trigger_for_is_an_error_at_once(
    client: InngestClient, clock: Clock
) -> None:
    with pytest.raises(
        NoRunError, match=r"no function has a trigger .*'order' of shop/charge"
    ) as it:
        client.send_and_wait(Event("ordr"), timeout=60)
    assert clock.elapsed < 1
    with pytest.raises(NoRunError):  # its functions are read again, as they may have changed
        client.send_and_wait(Event("ordr"), timeout=60)
    assert clock.elapsed < 2
    error = pickle.loads(pickle.dumps(it.value))
    assert error.explanation.event.name == "ordr"
    assert error.explanation.event_id == error.event_id
    assert [each.kind for each in error.explanation.reasons] == [ReasonKind.NO_TRIGGER]
    assert (error.run, error.runs) == (None, ())


def test_no_run_of_a_function_that_may_start_one_is_an_error_after_five_seconds(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    mock.function("shop", "limited", trigger="few", rate_limit=(1, timedelta(hours=1)))
    client.send_and_wait(Event("few"), timeout=60)
    began = clock.elapsed
    with pytest.raises(NoRunError, match="the rate limit"):
        client.send_and_wait(Event("few"), timeout=60)
    assert clock.elapsed - began == pytest.approx(5, abs=0.1)


def test_runs_that_appear_while_their_absence_is_explained_are_waited_for(
    connect: Connect, make_mock: Callable[..., MockServer]
) -> None:
    mock = make_mock()
    mock.function("shop", "charge", trigger="order", visibility_delay=5.2)
    mock.fault(delays(SECOND), operation="get_event_v1")
    assert ids(connect(transport=mock.transport).send_and_wait(Event("order"), timeout=60)) == {
        "charge"
    }


def test_no_run_where_the_triggers_are_not_known_takes_until_the_timeout(
    connect: Connect, make_mock: Callable[..., MockServer], clock: Clock
) -> None:
    client = connect(transport=make_mock(release="1.33").transport)
    with pytest.raises(NoRunError, match=r"not checked: .* since release 1\.40"):
        client.send_and_wait(Event("order"), timeout=20)
    assert clock.elapsed == pytest.approx(20, abs=0.1)


def test_no_run_is_an_error_although_it_cannot_be_explained(
    connect: Connect, mock: MockServer, clock: Clock
) -> None:
    client = connect(transport=mock.transport, retries=0)
    mock.fault(answers(503), times=None, operation="get_event_v1")
    with pytest.raises(NoRunError, match="the reason is unknown") as caught:
        client.send_and_wait(Event("ordr"), timeout=60)
    assert caught.value.explanation is None
    assert caught.value.event_id == mock.events[-1].internal_id
    assert clock.elapsed < 11


def test_no_run_where_none_can_be_listed_says_which_routes_were_asked_and_the_answer(
    connect: Connect, mock: MockServer
) -> None:
    for operation in "list_event_runs_v2", "list_event_runs_v1":
        mock.fault(answers(404), times=None, operation=operation)
    asked = r"answered 404: .*\(asked: GET /v1/events/\{event_id\}/runs and GET /v2/events"
    with pytest.raises(NoRunError, match=asked):
        connect(transport=mock.transport).send_and_wait(Event("order"), timeout=20)


def test_a_repeated_id_is_no_run_of_its_own(client: InngestClient) -> None:
    client.send_and_wait(Event("order", id="own"), timeout=60)
    with pytest.raises(NoRunError, match="with the same id 'own' started run"):
        client.send_and_wait(Event("order", id="own"), timeout=60)


def test_a_passing_fault_after_the_send_does_not_end_the_wait(
    connect: Connect, mock: MockServer
) -> None:
    client = connect(transport=mock.transport, retries=0)
    mock.fault(answers(503), times=5, method="GET")
    assert ids(client.send_and_wait(Event("order"), timeout=60)) == {"charge"}


def test_functions_that_cannot_be_read_delay_a_wait_by_five_seconds_at_most(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    mock.fault(answers(503, headers={"retry-after": "3"}), times=None, path="/v2/apps")
    assert ids(client.send_and_wait(Event("order"), timeout=60)) == {"charge"}
    assert clock.elapsed < 6


def test_an_error_after_the_send_names_the_event_and_says_that_it_may_have_taken_effect(
    connect: Connect, mock: MockServer
) -> None:
    client = connect(transport=mock.transport)
    mock.fault(answers(401), times=None, method="GET")
    with pytest.raises(AuthenticationError) as caught:
        client.send_and_wait(Event("order"), timeout=60)
    assert mock.events[-1].internal_id in caught.value.__notes__[0]
    assert caught.value.may_have_taken_effect


@pytest.mark.parametrize(
    "event", [[Event("order", id="1")], "order", None, [], ("a", "b")], ids=repr
)
def test_one_event_is_waited_for_at_a_time(
    client: InngestClient, mock: MockServer, event: Any
) -> None:
    with pytest.raises(InvalidArgumentError, match="event must be an Event or a mapping"):
        client.send_and_wait(event, timeout=1)
    assert list(mock.requests) == []


@pytest.mark.parametrize(
    "wait",
    [
        lambda it: it.send_and_wait(Event("two"), timeout=9, raise_on_failure=True),
        lambda it: it.events.wait(*it.send(Event("two")), timeout=9, raise_on_failure=True),
    ],
    ids=["send_and_wait", "events.wait"],
)
def test_a_wait_raises_for_a_run_that_did_not_complete_if_asked_to(
    client: InngestClient, mock: MockServer, wait: Callable[[InngestClient], object]
) -> None:
    mock.function("shop", "pack", trigger="two", run=completes(1))
    mock.function("shop", "card", trigger="two", run=fails("declined"))
    with pytest.raises(
        RunFailedError, match="of card did not complete: failed; NonRetriableError: declined"
    ) as caught:
        wait(client)
    assert caught.value.run.function_id == "card"
    assert ids(list(caught.value.runs)) == {"pack", "card"}
    assert client.send_and_wait(Event("order"), timeout=9, raise_on_failure=True)


def test_the_wait_for_a_run_raises_if_it_did_not_complete_if_asked_to(
    client: InngestClient, mock: MockServer
) -> None:
    mock.function("shop", "nap", trigger="nap", run=sleeps(SECOND * 90))
    run_id = client.functions.invoke("shop", "nap")
    client.runs.cancel(run_id)
    assert client.runs.wait(run_id, timeout=60).status == "cancelled"
    with pytest.raises(RunFailedError, match="did not complete: cancelled"):
        client.runs.wait(run_id, timeout=60, raise_on_failure=True)
    mock.function("shop", "card", trigger="card", run=fails("declined"))
    with pytest.raises(RunFailedError) as caught:
        client.functions.invoke("shop", "card", wait=60, raise_on_failure=True)
    assert caught.value.may_have_taken_effect
    assert caught.value.__notes__ == [
        f"The function was invoked; its run is {caught.value.run.id}."
    ]


def test_nothing_is_sent_if_an_argument_is_wrong(client: InngestClient, mock: MockServer) -> None:
    with pytest.raises(InvalidArgumentError, match="timeout"):
        client.send_and_wait(Event("order"), timeout=0)
    with pytest.raises(InvalidEventError):
        client.send_and_wait(Event(""), timeout=1)
    with pytest.raises(InvalidArgumentError, match="timeout"):
        client.events.wait("01HZZZZZZZZZZZZZZZZZZZZZZZ", timeout=-1)
    with pytest.raises(InvalidArgumentError, match="event id"):
        client.events.wait("a/b", timeout=1)
    assert list(mock.requests) == []


def test_the_runs_of_an_old_event_are_returned_at_once(client: InngestClient, clock: Clock) -> None:
    (event_id,) = client.send(Event("order"))
    clock.advance(60)
    assert ids(client.events.wait(event_id, timeout=60)) == {"charge"}
    assert clock.pauses == []


def test_an_old_event_without_runs_is_an_error_at_once(client: InngestClient, clock: Clock) -> None:
    (event_id,) = client.send(Event("ordr"))
    clock.advance(60)
    with pytest.raises(NoRunError):
        client.events.wait(event_id, timeout=60)
    assert clock.pauses == []


def test_an_event_that_was_just_sent_is_waited_for(client: InngestClient) -> None:
    (event_id,) = client.send(Event("order"))
    assert ids(client.events.wait(event_id, timeout=60)) == {"charge"}


def test_an_unknown_event_is_not_found_after_five_seconds(
    client: InngestClient, clock: Clock
) -> None:
    with pytest.raises(NotFoundError):
        client.events.wait("01HZZZZZZZZZZZZZZZZZZZZZZZ", timeout=60)
    assert 5 <= clock.elapsed < 8


def test_a_wait_shorter_than_five_seconds_times_out_for_an_unknown_event(
    client: InngestClient, clock: Clock
) -> None:
    with pytest.raises(WaitTimeoutError, match="did not appear") as caught:
        client.events.wait("01HZZZZZZZZZZZZZZZZZZZZZZZ", timeout=0.5)
    assert (caught.value.run, caught.value.event_id) == (None, "01HZZZZZZZZZZZZZZZZZZZZZZZ")
    assert clock.elapsed < 1


def test_an_event_that_was_not_found_did_not_appear_though_the_time_cuts_off_the_last_look(
    connect: Connect, server: Server, clock: Clock
) -> None:
    event_id = "01HZZZZZZZZZZZZZZZZZZZZZZZ"
    server.on(f"GET /v1/events/{event_id}", recorded("v1-event-unknown"), hangs(clock))
    with pytest.raises(WaitTimeoutError, match="did not appear"):
        connect(transport=server).events.wait(event_id, timeout=3)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_each_family_alone_will_do(
    connect: Connect, make_mock: Callable[..., MockServer], version: str
) -> None:
    mock = make_mock(v1_routes=True)
    for late, name in enumerate(("charge", "ship")):
        nap = sleeps(4 * SECOND, completes(name))
        mock.function("shop", name, trigger="order", run=nap, visibility_delay=late)
    client = connect(transport=mock.transport, api_version=version)
    sent = client.send_and_wait(Event("order"), timeout=60)
    again = client.events.wait(mock.events[-1].internal_id, timeout=60)
    assert {run.output for run in sent} == {run.output for run in again} == {"charge", "ship"}


def test_a_function_that_was_added_since_the_last_wait_is_known(
    client: InngestClient, mock: MockServer
) -> None:
    client.send_and_wait(Event("order"), timeout=60)
    mock.function("shop", "late", trigger="late", visibility_delay=1)
    mock.function("shop", "later", trigger="late", visibility_delay=2)
    assert ids(client.send_and_wait(Event("late"), timeout=60)) == {"late", "later"}


ID = "01M87WP55CCJKE8R7SHAA4SKNF"


def test_a_timeout_has_the_status_that_a_run_reported_by_itself(
    connect: Connect, server: Server
) -> None:
    run = body_of("why-tfinish-v2-runs")["data"][0]
    del run["endedAt"]
    server.on(f"GET /v1/events/{ID}", recorded("why-tfinish-event"))
    listed = {"data": [{**run, "status": "QUEUED"}], "page": {"limit": 20}}
    server.on(f"GET /v2/events/{ID}/runs", says(listed))
    server.on(f"GET /v2/runs/{run['id']}", says({"data": {**run, "status": "RUNNING"}}))
    with pytest.raises(WaitTimeoutError, match="was still running") as caught:
        connect().events.wait(ID, timeout=60)
    assert [each.status for each in caught.value.runs] == ["running"]


def test_a_run_that_lists_take_for_unfinished_is_followed_by_itself(
    connect: Connect, server: Server, clock: Clock
) -> None:
    """A run that was scored after its end is listed as running for good."""
    listed = {
        "id": "01M86WNRKHYE50ZF3GG530BHRT",
        "status": "RUNNING",
        "app": {"id": "r6"},
        "function": {"id": "f"},
        "trigger": {"eventIds": [ID]},
    }
    server.on(f"GET /v1/events/{ID}", recorded("why-tfinish-event"))
    server.on(f"GET /v2/events/{ID}/runs", says({"data": [listed], "page": {"limit": 20}}))
    server.on("GET /v2/runs/01M86WNRKHYE50ZF3GG530BHRT", recorded("v2-run-output-ok"))
    (run,) = connect().events.wait(ID, timeout=60)
    assert run.is_ended
    assert clock.elapsed < 1


def test_an_event_that_states_no_time_of_receipt_is_taken_for_a_new_one(
    connect: Connect, server: Server, clock: Clock
) -> None:
    event = body_of("why-tfinish-event")
    del event["data"]["received_at"]
    listener = {
        "id": "t-finish",
        "app": {"id": "r6"},
        "triggers": [{"type": "EVENT", "value": event["data"]["name"]}],
    }
    server.on("GET /v2/apps", says({"data": [{"id": "r6"}], "page": {"limit": 20}}))
    server.on("GET /v2/apps/r6/functions", says({"data": [listener], "page": {"limit": 20}}))
    server.on(f"GET /v1/events/{ID}", says(event))
    none = says({"page": {"limit": 20}})
    server.on(f"GET /v2/events/{ID}/runs", none, none, recorded("why-tfinish-v2-runs"))
    (run,) = connect().events.wait(ID, timeout=60)
    assert run.is_ended
    assert clock.elapsed > 0


def test_an_outage_before_the_event_was_seen_is_raised(connect: Connect, server: Server) -> None:
    server.on(f"GET /v1/events/{ID}", says({}, status=503))
    with pytest.raises(ServerError):
        connect(retries=0).events.wait(ID, timeout=60)


def test_the_age_of_an_event_is_by_the_clock_of_the_server(
    connect: Connect, make_mock: Callable[..., MockServer], clock: Clock
) -> None:
    """A client whose clock is an hour ahead still waits for an event that was just sent."""
    behind = lambda: int((clock.now() - 3_600) * 1e9)  # noqa: E731
    mock = make_mock(clock=behind)
    mock.function("shop", "charge", trigger="order", visibility_delay=1)
    client = connect(transport=mock.transport)
    (event_id,) = client.send(Event("order", ts=datetime(2026, 1, 1, tzinfo=UTC)))
    assert ids(client.events.wait(event_id, timeout=60)) == {"charge"}


@pytest.mark.parametrize("operation", ["list_apps_v2", "list_functions_v2", "list_event_runs_v1"])
def test_a_route_that_hangs_neither_prolongs_a_wait_nor_makes_it_say_that_there_is_no_run(
    connect: Connect, mock: MockServer, clock: Clock, operation: str
) -> None:
    mock.function("shop", "wake", trigger="night", run=sleeps(3_600 * SECOND))
    client = connect(transport=mock.transport)
    (event_id,) = client.send(Event("night"))
    mock.fault(delays(60 * SECOND), times=None, operation=operation)
    for quick in "list_event_runs_v1", "list_event_runs_v2":
        mock.fault(delays(SECOND / 20), times=None, operation=quick)
    began = clock.elapsed
    with pytest.raises(WaitTimeoutError, match=r"still running|could not be listed"):
        client.events.wait(event_id, timeout=2)
    assert clock.elapsed - began <= 3


def test_the_reason_for_no_run_is_looked_for_until_a_second_after_the_timeout(
    connect: Connect, mock: MockServer, clock: Clock
) -> None:
    client = connect(transport=mock.transport)
    (event_id,) = client.send(Event("nobody/listens"))
    mock.fault(delays(60 * SECOND), times=None, operation="list_apps_v2")
    began = clock.elapsed
    with pytest.raises(NoRunError):
        client.events.wait(event_id, timeout=2)
    assert clock.elapsed - began <= 3

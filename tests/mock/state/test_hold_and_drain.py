"""What a test does with a mock: it holds runs, lets them end, looks for events, and begins anew."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from inngest_rest import InngestClient, NotFoundError, ServerError
from inngest_rest_mock import (
    Behaviour,
    MockEvent,
    MockServer,
    answers,
    completes,
    invokes,
    sleeps,
    takes_effect_late,
    waits_for,
    waits_for_event,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR = timedelta(hours=1)


@pytest.fixture
def mock() -> MockServer:
    mock = MockServer(clock=lambda: 1_795_543_200 * 10**9)
    mock.function("shop", "nap", trigger="app/nap", run=sleeps(HOUR, completes("rested")))
    mock.function("shop", "ok", trigger="app/ok", run=lambda event: event.data)
    return mock


@pytest.fixture
def client(mock: MockServer) -> Iterator[InngestClient]:
    with InngestClient(dev=True, retries=0, transport=mock.transport) as client:
        yield client


def statuses(mock: MockServer) -> list[str]:
    return [run.status for run in mock.runs]


def test_a_held_run_is_queued_and_runs_when_it_is_released(
    mock: MockServer, client: InngestClient
) -> None:
    with mock.hold():
        client.send({"name": "app/ok", "data": {"n": 1}})
        mock.advance(HOUR)
        assert statuses(mock) == ["queued"]
        assert client.runs.get(mock.runs[0].id).status == "queued"
    (run,) = mock.runs
    assert (run.status, run.output, run.started_at) == ("completed", {"n": 1}, mock.now)


def test_a_held_run_goes_on_no_earlier_than_it_is_released(
    mock: MockServer, client: InngestClient
) -> None:
    client.send({"name": "app/nap"})
    with mock.hold():
        mock.advance(2 * HOUR)
        assert statuses(mock) == ["running"]
    assert mock.runs[0].ended_at == mock.now


def test_a_held_run_can_be_cancelled(mock: MockServer, client: InngestClient) -> None:
    with mock.hold():
        client.send({"name": "app/ok"})
        client.runs.cancel(mock.runs[0].id)
    assert statuses(mock) == ["cancelled"]


def test_a_signal_to_a_held_run_is_not_lost(mock: MockServer, client: InngestClient) -> None:
    mock.function("shop", "wait", trigger="app/wait", run=waits_for("paid"))
    client.send({"name": "app/wait"})
    with mock.hold():
        assert client.signals.send("paid", data=20).run_id == mock.runs[0].id
        assert statuses(mock) == ["running"]
    assert mock.runs[0].output == {"signal": "paid", "data": 20}


def test_runs_are_held_until_the_outermost_block_ends(
    mock: MockServer, client: InngestClient
) -> None:
    with mock.hold():
        with mock.hold():
            client.send({"name": "app/ok"})
        assert statuses(mock) == ["queued"]
    assert statuses(mock) == ["completed"]


@pytest.mark.usefixtures("visibility_delay")
def test_drain_ends_all_that_needs_only_time() -> None:
    mock = MockServer()
    mock.function("shop", "naps", trigger="go", run=sleeps(HOUR, sleeps(HOUR)))
    mock.function("shop", "batches", trigger="go", batch_size=9, batch_timeout=HOUR)
    mock.function("shop", "debounces", trigger="go", debounce=3 * HOUR, run=sleeps(HOUR))
    with InngestClient(dev=True, retries=0, transport=mock.transport) as client:
        started = mock.now
        mock.fault(takes_effect_late(HOUR))
        with pytest.raises(ServerError):
            client.send({"name": "go"})
        mock.drain()
        assert {run.function_id: run.status for run in mock.runs} == dict.fromkeys(
            ("naps", "batches", "debounces"), "completed"
        )
        assert 5 * HOUR <= mock.now - started < 6 * HOUR
        client.send({"name": "else"})
        mock.drain()
        assert [event.name for event in client.events.list(name="else")] == ["else"]


def test_drain_leaves_what_waits_for_a_signal(mock: MockServer, client: InngestClient) -> None:
    mock.function("shop", "wait", trigger="app/wait", run=waits_for("paid"))
    mock.function("shop", "ask", trigger="app/ask", run=invokes("shop", "wait"))
    client.send([{"name": "app/ask"}, {"name": "app/nap"}])
    mock.drain()
    assert sorted(statuses(mock)) == ["completed", "running", "running"]


def test_drain_refuses_a_run_that_never_ends(mock: MockServer, client: InngestClient) -> None:
    def polls(_: MockEvent) -> Behaviour:
        return sleeps(timedelta(minutes=1), polls)

    mock.function("shop", "polls", trigger="app/polls", run=polls)
    client.send({"name": "app/polls"})
    with pytest.raises(RuntimeError, match=r"no end after 5,000 waits, .*function_id='polls'"):
        mock.drain()


def test_drain_refuses_while_runs_are_held(mock: MockServer) -> None:
    with mock.hold(), pytest.raises(RuntimeError, match="runs are held"):
        mock.drain()


def test_a_cleared_mock_is_as_new_but_for_its_functions(
    mock: MockServer, client: InngestClient
) -> None:
    mock.function("shop", "batches", trigger="app/ok", batch_size=2)
    mock.function("shop", "wait", trigger="app/wait", run=waits_for("paid"))
    client.send([{"name": "app/ok", "id": "a"}, {"name": "app/nap"}, {"name": "app/wait"}])
    fault = mock.fault(answers(503), operation="send_events")
    mock.clear()
    assert (mock.events, mock.runs, mock.requests) == ((), (), ())
    with pytest.raises(NotFoundError):
        client.signals.send("paid")
    client.send({"name": "app/ok", "id": "a"})
    mock.advance(HOUR)
    assert [(run.function_id, len(run.event_ids)) for run in mock.runs] == [
        ("ok", 1),
        ("batches", 1),
    ]
    assert fault.hits == 0


def test_sent_finds_events_by_name(mock: MockServer, client: InngestClient) -> None:
    client.send([{"name": "app/ok", "data": {"n": n}} for n in range(2)])
    client.send({"name": "app/okay"})
    assert [event.data for event in mock.sent("app/ok")] == [{"n": 0}, {"n": 1}]
    assert mock.sent("app/none") == []
    with pytest.raises(ValueError, match="name must not be empty"):
        mock.sent("")


def test_a_function_gets_the_event_that_the_mock_has(
    mock: MockServer, client: InngestClient
) -> None:
    seen: list[MockEvent | None] = []
    mock.function("shop", "see", trigger="app/see", run=seen.append)
    wait = waits_for_event("app/paid", timeout=HOUR, then=seen.append)
    mock.function("shop", "wait", trigger="app/see", run=wait)
    client.send({"name": "app/see", "user": {"id": "u"}})
    client.send({"name": "app/paid"})
    assert seen == list(mock.events)
    assert (seen[0] and seen[0].data) == {}
    client.send({"name": "app/see"})
    mock.drain()
    assert seen[-1] is None


def test_a_run_returns_the_event_that_it_has_waited_for(
    mock: MockServer, client: InngestClient
) -> None:
    mock.function("shop", "wait", trigger="go", run=waits_for_event("app/paid", timeout=HOUR))
    for _ in range(2):
        client.send({"name": "go"})
    client.send({"name": "app/paid", "id": "p", "data": {"n": 1}, "ts": 1_795_543_200_000})
    client.send({"name": "go"})
    mock.drain()
    paid = {"id": "p", "name": "app/paid", "data": {"n": 1}, "ts": 1_795_543_200_000}
    assert [run.output for run in mock.runs] == [paid, paid, None]


def test_by_default_a_run_is_listed_only_a_while_after_its_event_was_sent(
    visibility_delay: float,
) -> None:
    mock = MockServer()
    mock.function("shop", "ok", trigger="app/ok")
    with InngestClient(dev=True, transport=mock.transport) as client:
        (id,) = client.send({"name": "app/ok"})
        assert list(client.events.runs(id)) == []
        mock.advance(visibility_delay)
        assert len(list(client.events.runs(id))) == 1

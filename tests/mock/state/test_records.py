"""The records that a test inspects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest_mock._state.log import Log

if TYPE_CHECKING:
    import httpx

    from inngest_rest_mock import MockServer


def test_records_hold_what_was_sent_and_what_ran(client: httpx.Client, mock: MockServer) -> None:
    event = {"name": "app/slow", "id": "own", "user": {"id": 1}, "v": "2"}
    client.post("/e/key", json=event, headers={"X-Thing": "1"})
    (stored,), (run,), (request,) = mock.events, mock.runs, mock.requests
    assert (stored.id, stored.user, stored.v, stored.received_at) == (
        "own",
        {"id": 1},
        "2",
        mock.now,
    )
    assert (run.app_id, run.function_id, run.event_id) == (
        "probe-app",
        "slow",
        stored.internal_id,
    )
    assert (run.status, run.queued_at, run.started_at, run.ended_at) == (
        "running",
        mock.now,
        mock.now,
        None,
    )
    assert (request.method, request.operation, request.status) == ("POST", "send_events", 200)
    assert (request.headers["x-thing"], request.json()) == ("1", event)
    client.get("/nope")
    assert mock.requests[-1].operation is None


def test_log_is_read_by_id_whatever_the_order_of_arrival() -> None:
    log: Log[int] = Log()
    for number in (3, 1, 2):
        log.add(f"{number:09d}", number)
    assert list(log.newest_first("000000003")) == [2, 1]
    assert list(log.oldest_first()) == [1, 2, 3]
    assert list(log.arrived()) == [3, 1, 2], "in order of arrival"

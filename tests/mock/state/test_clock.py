"""The mock's clock, and the time spans that move it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from inngest_rest import InngestClient
from inngest_rest_mock import MockServer, completes, delays, sleeps

NS = 1_795_543_200 * 10**9  # 2026-11-24T18:00:00Z


def test_clock_follows_the_wall_and_moves_forward_only() -> None:
    wall = [NS]
    mock = MockServer(clock=lambda: wall[0])
    mock.advance(timedelta(days=1, milliseconds=1))
    assert mock.now == datetime(2026, 11, 25, 18, 0, 0, 1_000, tzinfo=UTC)
    wall[0] -= 10**12
    assert mock.now == datetime(2026, 11, 25, 18, 0, 0, 1_000, tzinfo=UTC)
    with pytest.raises(ValueError, match="by must not be negative"):
        mock.advance(timedelta(microseconds=-1))


def test_all_times_are_whole_milliseconds() -> None:
    mock = MockServer(clock=lambda: NS + 1_999_999, visibility_delay=0)
    for trigger, seconds in ("app/now", 0.0), ("app/nap", 0.0015), ("app/off", 60):
        nap = sleeps(timedelta(seconds=seconds)) if seconds else completes(1)
        mock.function("shop", trigger[4:], trigger=trigger, run=nap)
    with InngestClient(dev=True, transport=mock.transport) as client:
        client.send_many({"name": f"app/{name}"} for name in ("now", "nap", "off"))
        mock.advance(0.0021)
        client.runs.cancel(mock.runs[-1].id)
        mock.drain()
        runs = [it for run in client.runs.list() for it in (run, client.runs.get(run.id))]
        times = [getattr(run, name) for run in runs for name in ("queued_at", "ended_at")]
        times += [run.ended_at for run in mock.runs]
        times += [mock.now, *(event.received_at for event in client.events.list())]
    assert {at and at.microsecond % 1_000 for at in times} == {0}


def test_default_clock_is_the_wall_clock() -> None:
    assert abs(MockServer().now.timestamp() - time.time()) < 60


@pytest.mark.parametrize("span", [1.5, timedelta(seconds=1.5)])
def test_spans_are_seconds_or_timedeltas(span: float | timedelta) -> None:
    mock = MockServer(clock=lambda: NS, visibility_delay=span)
    mock.function("shop", "nap", trigger="app/nap", run=sleeps(timedelta(seconds=1.5)))
    mock.fault(delays(span), operation="get_health")
    started = mock.now
    with httpx.Client(transport=mock.transport, base_url="http://mock") as client:
        event_id = client.post("/e/k", json={"name": "app/nap"}).json()["ids"][0]
        assert client.get(f"/v1/events/{event_id}").json()["status"] == 404, "not visible yet"
        client.get("/health")
        assert client.get(f"/v1/events/{event_id}").json()["data"]["name"] == "app/nap"
    assert mock.runs[0].ended_at == mock.now == started + timedelta(seconds=1.5)
    mock.advance(span)
    assert mock.now == started + timedelta(seconds=3)


@pytest.mark.parametrize(
    ("span", "error"),
    [
        (-1, ValueError),
        (timedelta(microseconds=-1), ValueError),
        (float("nan"), ValueError),
        (float("inf"), ValueError),
        ("5s", TypeError),
        (True, TypeError),
        (None, TypeError),
    ],
)
def test_malformed_span_is_refused_where_it_is_given(span: Any, error: type[Exception]) -> None:
    mock = MockServer()
    with pytest.raises(error, match="by"):
        delays(span)
    with pytest.raises(error, match="by"):
        mock.advance(span)
    with pytest.raises(error, match="visibility_delay"):
        MockServer(visibility_delay=span)

"""The functions that the recordings were made with, and a time to freeze the clock at."""

from __future__ import annotations

from datetime import timedelta

from inngest_rest_mock import MockServer, completes, fails, sleeps, waits_for

EVENING_NS = 1_795_543_200 * 10**9  # 2026-11-24T18:00:00Z


def with_functions(mock: MockServer) -> MockServer:
    """Register what the recordings were made with."""
    mock.function(
        "probe-app",
        "ok",
        name="Ok Function",
        trigger="app/ok",
        run=lambda event: {"echo": event.data, "n": 1},
    )
    mock.function("probe-app", "boom", trigger="app/boom", run=fails("boom happened"))
    mock.function("probe-app", "slow", trigger="app/slow", run=sleeps(timedelta(minutes=10)))
    steps = completes([{"a": 1}, "b-result"])
    mock.function("probe-app", "steps", trigger="app/steps", run=steps)
    mock.function("probe-app", "text", trigger="app/text", run=completes("plain"))
    mock.function("probe-app", "none", trigger="app/returns-none")
    mock.function("probe-app", "waitevent", trigger="app/wait", run=waits_for("order-42"))
    return mock

"""Conditions, debounces, rate limits and singletons of the mock's functions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest.testing import sleeps, when

if TYPE_CHECKING:
    import httpx

    from inngest_rest.testing import MockServer

SECOND = timedelta(seconds=1)


def send(client: httpx.Client, name: str, data: Any = None) -> str:
    return str(client.post("/e/k", json={"name": name, "data": data or {}}).json()["ids"][0])


def test_a_condition_that_is_false_or_fails_starts_no_run(
    mock: MockServer, client: httpx.Client
) -> None:
    large = when("event.data.total > 100", lambda event: event["data"]["total"] > 100)
    mock.function("shop", "audit", trigger="order", condition=large)
    for data in ({"total": 101}, {"total": 1}, {}):
        send(client, "order", data)
    assert len(mock.runs) == 1


def test_a_debounced_function_runs_once_for_the_last_event(
    mock: MockServer, client: httpx.Client
) -> None:
    mock.function("shop", "mail", trigger="order", debounce=3 * SECOND)
    send(client, "order")
    mock.advance(2)
    last = send(client, "order")
    mock.advance(2)
    assert list(mock.runs) == []
    mock.advance(1)
    assert [run.event_id for run in mock.runs] == [last]


def test_a_rate_limit_skips_events_within_its_period(
    mock: MockServer, client: httpx.Client
) -> None:
    mock.function("shop", "mail", trigger="order", rate_limit=(2, 60 * SECOND))
    for _ in range(3):
        send(client, "order")
    assert len(mock.runs) == 2
    mock.advance(60)
    send(client, "order")
    assert len(mock.runs) == 3


@pytest.mark.parametrize(
    ("singleton", "states"), [("skip", ["running"]), ("cancel", ["cancelled", "running"])]
)
def test_a_singleton_skips_the_second_run_or_cancels_the_first(
    mock: MockServer, client: httpx.Client, singleton: Any, states: list[str]
) -> None:
    nap = sleeps(timedelta(hours=1))
    mock.function("shop", "sync", trigger="order", run=nap, singleton=singleton)
    send(client, "order")
    send(client, "order")
    assert [run.status for run in mock.runs] == states


def test_the_runs_of_one_function_may_appear_later(mock: MockServer, client: httpx.Client) -> None:
    mock.function("shop", "charge", trigger="order")
    mock.function("shop", "ship", trigger="order", visibility_delay=1)
    event_id = send(client, "order")
    path = f"/v2/events/{event_id}/runs"
    assert [it["function"]["id"] for it in client.get(path).json()["data"]] == ["charge"]
    mock.advance(1)
    assert len(client.get(path).json()["data"]) == 2


def test_v2_and_v1_show_the_limits_of_a_function(mock: MockServer, client: httpx.Client) -> None:
    """As in the recordings v2-function-full and v2-function-single-skip."""
    mock.function(
        "shop",
        "all",
        trigger="order",
        batch_size=3,
        condition=when("event.data.x == 1", lambda _: True),
        debounce=timedelta(minutes=1),
        rate_limit=(1, timedelta(days=1)),
        singleton="skip",
    )
    shown = client.get("/v2/apps/shop/functions/all").json()["data"]
    limits = {
        "debounce": {"period": "1m0s"},
        "rateLimit": {"limit": 1, "period": "24h0m0s"},
        "eventsBatch": {"maxSize": 3, "timeout": "1s"},
        "singleton": {"mode": "SKIP"},
    }
    assert shown["configuration"].items() >= limits.items()
    assert shown["triggers"] == [{"if": "event.data.x == 1", "type": "EVENT", "value": "order"}]
    config = client.get("/v1/apps/shop/functions").json()[0]["config"]
    assert config["triggers"] == [{"event": "order", "expression": "event.data.x == 1"}]
    assert config["batchEvents"] == {"maxSize": 3, "timeout": "1s"}
    assert config["singleton"] == {"mode": "skip"}


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"debounce": 3}, TypeError),
        ({"rate_limit": (0, SECOND)}, ValueError),
        ({"rate_limit": (1, 60)}, TypeError),
        ({"batch_size": 0}, ValueError),
        ({"singleton": "skp"}, ValueError),
        ({"condition": "event.data.x == 1"}, TypeError),
    ],
    ids=str,
)
def test_malformed_limits_are_refused(mock: MockServer, given: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        mock.function("shop", "all", trigger="order", **given)


@pytest.mark.parametrize(("text", "holds"), [("", bool), (1, bool), ("true", True)])
def test_a_malformed_condition_is_refused(text: Any, holds: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        when(text, holds)

"""Conditions, debounces, rate limits and singletons of the mock's functions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest_mock import sleeps, when

if TYPE_CHECKING:
    import httpx

    from inngest_rest_mock import MockServer

SECOND = timedelta(seconds=1)


def send(client: httpx.Client, name: str, data: Any = None) -> str:
    return str(client.post("/e/k", json={"name": name, "data": data or {}}).json()["ids"][0])


def test_a_condition_that_is_false_or_fails_starts_no_run(
    mock: MockServer, client: httpx.Client
) -> None:
    large = when("event.data.total > 100", lambda event: event.data["total"] > 100)
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


def test_a_rate_limit_counts_the_runs_of_its_period(mock: MockServer, client: httpx.Client) -> None:
    mock.function("shop", "mail", trigger="order", rate_limit=(2, 60 * SECOND))
    for _ in range(3):
        send(client, "order")
        mock.advance(20)
    assert len(mock.runs) == 2
    send(client, "order")
    assert len(mock.runs) == 3


def test_an_event_sent_again_with_its_id_uses_nothing_of_a_rate_limit(
    mock: MockServer, client: httpx.Client
) -> None:
    mock.function("shop", "mail", trigger="order", rate_limit=(2, 60 * SECOND))
    for event_id in ("a", "a", "b"):
        client.post("/e/k", json={"name": "order", "id": event_id})
    assert len(mock.runs) == 2


def test_an_id_protects_no_function_that_debounces_or_batches(
    mock: MockServer, client: httpx.Client
) -> None:
    """Facts of a real server: the same event runs twice there, and once elsewhere."""
    mock.function("shop", "plain", trigger="order")
    mock.function("shop", "bounces", trigger="order", debounce=SECOND)
    mock.function("shop", "batches", trigger="order", batch_size=2)
    for _ in range(2):
        client.post("/e/k", json={"name": "order", "id": "o-1"})
        mock.advance(2)
    assert sorted(run.function_id for run in mock.runs) == [
        "batches",
        "batches",
        "bounces",
        "bounces",
        "plain",
    ]


REFUSALS: dict[str, tuple[dict[str, Any], str, str]] = {
    "rate limit": (
        {"rate_limit": (1, 60 * SECOND)},
        "rate_limited",
        "Function execution rate limit exceeded. Please try again later.",
    ),
    "debounce": (
        {"debounce": SECOND},
        "function_debounced",
        "Function invocation was debounced.",
    ),
    "singleton": (
        {"singleton": "skip", "run": sleeps(timedelta(hours=1))},
        "function_skipped",
        "Function invocation was skipped because the function is paused or draining.",
    ),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_an_invocation_that_flow_control_stops_is_refused_with_its_reason(
    mock: MockServer, client: httpx.Client, kind: str
) -> None:
    """As in the recordings v2-invoke-debounced and v2-invoke-ratelimited."""
    settings, code, message = REFUSALS[kind]
    mock.function("shop", "all", trigger="order", **settings)
    send(client, "order")
    mock.advance(0.5)
    before = len(mock.runs)
    answer = client.post("/v2/apps/shop/functions/all/invoke", json={"data": {}})
    assert answer.status_code == 422
    assert answer.json() == {"errors": [{"code": code, "message": message}]}
    assert len(mock.runs) == before


def test_an_invocation_counts_once_for_a_rate_limit(mock: MockServer, client: httpx.Client) -> None:
    """The server schedules it, and again the event that it publishes: both have one key."""
    mock.function("shop", "all", rate_limit=(3, 60 * SECOND))
    statuses = [
        client.post("/v2/apps/shop/functions/all/invoke", json={"data": {}}).status_code
        for _ in range(4)
    ]
    assert statuses == [200, 200, 200, 422]
    assert len(mock.runs) == 3


def test_an_invoked_function_runs_for_its_published_event_too_where_keys_differ(
    mock: MockServer, client: httpx.Client
) -> None:
    """Seen on a real server: once more in a batch; a singleton that cancels ends its own run."""
    mock.function("shop", "batches", batch_size=2)
    mock.function("shop", "last", singleton="cancel", run=sleeps(timedelta(hours=1)))
    for function in ("batches", "last"):
        answer = client.post(f"/v2/apps/shop/functions/{function}/invoke", json={"data": {}})
        assert answer.status_code == 200
    mock.advance(2)
    assert [(run.function_id, run.status) for run in mock.runs] == [
        ("batches", "completed"),
        ("last", "cancelled"),
        ("batches", "completed"),
    ]


def test_a_repeated_event_cancels_the_run_of_a_singleton_and_starts_none(
    mock: MockServer, client: httpx.Client
) -> None:
    nap = sleeps(timedelta(hours=1))
    mock.function("shop", "last", trigger="order", singleton="cancel", run=nap)
    for _ in range(2):
        client.post("/e/k", json={"name": "order", "id": "o-1"})
    assert [run.status for run in mock.runs] == ["cancelled"]


def test_a_debounced_invocation_runs_after_its_period(
    mock: MockServer, client: httpx.Client
) -> None:
    mock.function("shop", "mail", debounce=SECOND)
    client.post("/v2/apps/shop/functions/mail/invoke", json={"data": {}})
    mock.advance(1)
    assert len(mock.runs) == 1


def test_a_replay_of_a_debounced_run_fails(mock: MockServer, client: httpx.Client) -> None:
    """As in the recording v2-rerun-debounced."""
    mock.function("shop", "bounces", trigger="order", debounce=SECOND)
    send(client, "order")
    mock.advance(1)
    (run,) = mock.runs
    answer = client.post(f"/v2/runs/{run.id}/rerun")
    assert answer.status_code == 500
    assert answer.json() == {
        "errors": [{"code": "internal_error", "message": "Unable to rerun run"}]
    }
    assert client.post(f"/v1/runs/{run.id}/replay").status_code == 500
    mock.advance(5)
    assert [each.id for each in mock.runs] == [run.id]


def test_a_replay_is_stopped_by_a_singleton_and_by_no_rate_limit(
    mock: MockServer, client: httpx.Client
) -> None:
    """As in the recording v2-rerun-singleton-running."""
    mock.function("shop", "rates", trigger="order", rate_limit=(1, timedelta(days=1)))
    nap = sleeps(timedelta(hours=1))
    mock.function("shop", "sync", trigger="order", run=nap, singleton="skip")
    send(client, "order")
    rates, sync = mock.runs
    assert client.post(f"/v2/runs/{sync.id}/rerun").status_code == 500
    assert client.post(f"/v2/runs/{rates.id}/rerun").status_code == 200
    assert [run.function_id for run in mock.runs] == ["rates", "sync", "rates"]
    mock.advance(timedelta(hours=1))
    assert client.post(f"/v2/runs/{sync.id}/rerun").status_code == 200


def test_a_batch_is_admitted_as_one_run(mock: MockServer, client: httpx.Client) -> None:
    nap = sleeps(timedelta(hours=1))
    settings: dict[str, Any] = {"run": nap, "singleton": "skip", "rate_limit": (1, SECOND)}
    mock.function("shop", "sync", trigger="order", batch_size=2, **settings)
    for _ in range(4):
        send(client, "order")
    assert [len(run.event_ids) for run in mock.runs] == [2]


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

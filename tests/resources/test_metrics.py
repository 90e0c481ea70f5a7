"""Metrics: their text as records, and which route, with or without a key, a server is asked by."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient, InvalidResponseError, MissingKeyError, RouteNotFoundError
from inngest_rest.models import Metric
from inngest_rest_mock import MockServer, answers, completes, sleeps

if TYPE_CHECKING:
    from tests.conftest import Connect

KEY = "ab" * 16

TEXT = r"""
# HELP inngest_function_run_ended_total The total number of function runs ended
# TYPE inngest_function_run_ended_total counter
inngest_function_run_ended_total{date="2025-02-12",fn="shop-charge",status="Completed"} 480
inngest_function_run_ended_total { fn = "a\"b\\c\nd} 7" , } 1e3 1764540000000
# a comment of no kind
inngest_steps_running{fn=""} +Inf
# TYPE took histogram
took_bucket{le="0.5"} 2
took_sum NaN
"""


def test_each_sample_of_the_text_is_a_record(connect: Connect) -> None:
    mock = MockServer()
    mock.fault(answers(200, TEXT), operation="get_metrics")
    ended: dict[str, Any] = {
        "name": "inngest_function_run_ended_total",
        "type": "counter",
        "help": "The total number of function runs ended",
    }
    labels = {"date": "2025-02-12", "fn": "shop-charge", "status": "Completed"}
    *others, total = connect(transport=mock.transport).metrics()
    assert others == [
        Metric(**ended, labels=labels, value=480),
        Metric(
            **ended,
            labels={"fn": 'a"b\\c\nd} 7'},
            value=1_000,
            at=datetime(2025, 11, 30, 22, tzinfo=UTC),
        ),
        Metric(name="inngest_steps_running", labels={"fn": ""}, value=math.inf),
        Metric(name="took_bucket", labels={"le": "0.5"}, value=2, type="histogram"),
    ]
    assert (total.name, total.type, math.isnan(total.value)) == ("took_sum", "histogram", True)
    assert json.loads(total.to_json())["value"] == "nan"


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"data": []}',
        "depth",
        "depth x",
        'depth{a="1} 2',
        "depth{a=1} 2",
        "<html>",
        "a 1 2 3",
    ],
)
def test_what_is_no_sample_makes_the_response_invalid(text: str, connect: Connect) -> None:
    mock = MockServer()
    mock.fault(answers(200, text), operation="get_metrics")
    client = connect(transport=mock.transport)
    with pytest.raises((InvalidResponseError, RouteNotFoundError)):
        client.metrics()


@pytest.mark.parametrize("status", [200, 204])
def test_nothing_at_all_is_not_taken_for_a_server_without_metrics(
    status: int, connect: Connect
) -> None:
    mock = MockServer()
    mock.fault(answers(status), operation="get_metrics")
    with pytest.raises(InvalidResponseError, match="empty body"):
        connect(transport=mock.transport).metrics()


def test_an_empty_text_is_that_of_no_metrics(connect: Connect) -> None:
    mock = MockServer()
    mock.fault(answers(200, ""), operation="get_metrics")
    assert connect(transport=mock.transport).metrics() == []


def test_the_depth_counts_what_has_not_ended(connect: Connect) -> None:
    mock = MockServer()
    mock.function("shop", "wait", trigger="order/open", run=sleeps(timedelta(days=2)))
    mock.function("shop", "charge", trigger="order/placed", run=completes({}))
    client = connect(transport=mock.transport)
    client.send([{"name": name} for name in ("order/open", "order/placed", "order/open")])
    mock.advance(timedelta(minutes=1))
    (metric,) = client.metrics()
    assert (metric.name, metric.value, metric.labels) == ("inngest_queue_depth", 2, {})
    assert metric.type == "gauge"


@pytest.mark.parametrize("release", ["1.19", "1.43", "1.45"])
def test_no_key_is_needed_from_release_1_19_on(release: str) -> None:
    mock = MockServer(release=release, signing_key=KEY)
    with InngestClient(base_url="http://127.0.0.1:8288", transport=mock.transport) as client:
        assert [each.name for each in client.metrics()] == ["inngest_queue_depth"]


@pytest.mark.parametrize(("env", "path"), [(None, "production"), ("feature-x", "feature-x")])
def test_inngest_cloud_is_asked_for_the_environment_alone(env: str | None, path: str) -> None:
    mock = MockServer()
    text = 'inngest_steps_running{fn="shop-charge"} 3\n'
    mock.fault(answers(200, text), operation="get_prometheus_v1")
    with InngestClient(signing_key=KEY, env=env, transport=mock.transport) as client:
        (metric,) = client.metrics()
    assert metric == Metric("inngest_steps_running", {"fn": "shop-charge"}, 3)
    assert [request.path for request in mock.requests] == [f"/v1/prom/{path}"]
    with (
        InngestClient(transport=mock.transport) as client,
        pytest.raises(MissingKeyError),
    ):
        client.metrics()


@pytest.mark.parametrize(("release", "key"), [("1.18", KEY), ("1.43", KEY), ("1.43", None)])
def test_the_text_itself_is_requested_with_the_same_key(release: str, key: str | None) -> None:
    mock = MockServer(release=release, signing_key=KEY)
    settings: Any = {"base_url": "http://127.0.0.1:8288", "signing_key": key}
    with InngestClient(**settings, transport=mock.transport) as client:
        assert "inngest_queue_depth 0" in client.request("GET", "/metrics").text

"""`runs.check`: each rule holds or is broken by what the server lists, with few requests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import httpx
import pytest

from inngest_rest import FindingState, InngestClient, InvalidArgumentError, TransportError
from inngest_rest_mock import MockServer, completes, delays, drops, fails, sleeps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inngest_rest import CheckReport

HOUR = timedelta(hours=1)


@pytest.fixture
def mock() -> MockServer:
    mock = MockServer()
    mock.function("shop", "charge", trigger="order/placed", run=completes({"paid": 1}))
    mock.function("shop", "ship", trigger="order/failed", run=fails("no stock"))
    mock.function("shop", "wait", trigger="order/open", run=sleeps(timedelta(days=2)))
    return mock


@pytest.fixture
def client(mock: MockServer) -> Iterator[InngestClient]:
    with InngestClient(dev=True, transport=mock.transport, retries=0) as client:
        yield client


@pytest.fixture
def send(client: InngestClient) -> Callable[[str, int], object]:
    return lambda name, count: client.send([{"name": f"order/{name}"} for _ in range(count)])


def told(report: CheckReport) -> list[tuple[str, str]]:
    return [(each.state.value, each.message) for each in report.results]


@pytest.mark.parametrize(("most", "is_ok"), [("5%", False), ("9.9 %", False), ("10%", True)])
def test_the_share_that_failed_is_of_the_runs_that_completed_or_failed(
    client: InngestClient, mock: MockServer, send: Any, most: str, is_ok: bool
) -> None:
    send("placed", 9)
    send("failed", 1)
    send("open", 5)
    report = client.runs.check(failed_above=most, since=HOUR)
    assert told(report) == [
        ("ok" if is_ok else "problem", "1 of 10 runs failed (10.0%), most of shop/ship")
    ]
    assert report.is_ok is is_ok
    # Which were queued at any time, and ended since.
    mock.advance(2 * HOUR)
    assert client.runs.check(failed_above=most, since=HOUR).is_ok


def test_no_run_that_ended_is_no_failure(client: InngestClient) -> None:
    report = client.runs.check(failed_above="0%", since=HOUR)
    assert told(report) == [("ok", "0 of 0 runs failed (0.0%)")]


def test_a_run_is_stuck_that_was_queued_long_ago_and_has_not_ended(
    client: InngestClient, mock: MockServer, send: Any
) -> None:
    for _ in range(3):
        send("open", 1)
        mock.advance(2 * HOUR)
    send("open", 1)
    send("placed", 1)
    assert client.runs.check(stuck=7 * HOUR).is_ok
    (one,) = client.runs.check(stuck=5 * HOUR).results
    assert one.message.startswith(f"1 run is stuck: {mock.runs[0].id} of shop/wait, running since ")
    report = client.runs.check(stuck=HOUR)
    assert not report.is_ok
    oldest = mock.runs[0].id
    assert report.results[0].message.startswith(
        f"3 runs are stuck, the oldest is {oldest} of shop/wait, running since "
    )
    assert client.runs.check(stuck=HOUR, function="shop/charge").is_ok


def test_a_function_that_has_not_completed_in_time_is_told_of_and_so_is_one_that_is_misspelt(
    client: InngestClient, mock: MockServer, send: Any
) -> None:
    send("placed", 1)
    assert client.runs.check(no_success_of="shop/charge", within=HOUR).is_ok
    mock.advance(2 * HOUR)
    send("failed", 1)
    for name, why in [
        ("charge", "no run of shop/charge has completed"),
        ("ship", "no run of shop/ship has completed"),
        ("chrage", "did you mean 'charge'?"),
    ]:
        report = client.runs.check(no_success_of=f"shop/{name}", within=HOUR)
        assert not report.is_ok
        assert why in report.results[0].message


def asked(mock: MockServer, since: int = 0) -> list[dict[str, str]]:
    return [dict(parse_qsl(it.query)) for it in mock.requests[since:] if it.path == "/v2/runs"]


def test_a_success_is_looked_for_among_the_runs_that_were_queued_since_and_then_by_the_end(
    client: InngestClient, mock: MockServer, send: Any
) -> None:
    rule: Any = {"no_success_of": "shop/charge", "within": HOUR}
    send("placed", 1)
    before = len(mock.requests)
    assert client.runs.check(**rule).is_ok
    assert ["timeField" in each for each in asked(mock, before)] == [False]
    rule["no_success_of"] = "shop/wait"
    send("open", 1)
    mock.advance(timedelta(days=2))
    mock.drain()
    before = len(mock.requests)
    assert client.runs.check(**rule).is_ok
    assert ["timeField" in each for each in asked(mock, before)] == [False, True]
    # Where the time of queueing is bounded, by that alone.
    before = len(mock.requests)
    assert client.runs.check(**rule, queued_since=timedelta(days=3)).is_ok
    assert not client.runs.check(**rule, queued_since=timedelta(days=1)).is_ok
    assert not any("timeField" in each for each in asked(mock, before))


def test_runs_that_failed_are_counted_among_those_whose_queueing_is_bounded(
    client: InngestClient, mock: MockServer, send: Any
) -> None:
    send("failed", 2)
    mock.advance(2 * HOUR)
    send("failed", 1)
    rule: Any = {"failed_above": "0%", "since": 3 * HOUR}
    before = len(mock.requests)
    for hours, count in [(4, 3), (1, 1)]:
        (result,) = client.runs.check(**rule, queued_since=hours * HOUR).results
        assert result.message.startswith(f"{count} of {count} runs failed")
        assert result.rule == f"failed_above 0% 3h ago queued since {hours}h ago"
    assert not any("timeField" in each for each in asked(mock, before))


def test_stuck_runs_are_looked_for_in_the_week_before_or_since_another_time(
    client: InngestClient, mock: MockServer, send: Any
) -> None:
    send("open", 1)
    with mock.hold():
        mock.advance(timedelta(days=8))
        report = client.runs.check(stuck=HOUR)
        assert report.is_ok
        assert str(report).startswith("no run is stuck of those queued since ")
        assert not client.runs.check(stuck=timedelta(days=1, hours=1)).is_ok
        assert not client.runs.check(stuck=HOUR, queued_since=timedelta(days=9)).is_ok
    nearly_all_time = mock.now - datetime(1, 1, 3, tzinfo=UTC)
    assert client.runs.check(stuck=nearly_all_time).is_ok
    assert client.runs.check(stuck=datetime(1, 1, 3, tzinfo=UTC)).is_ok


def test_a_listing_that_takes_too_long_leaves_rules_of_another_kind_to_be_checked(
    client: InngestClient, mock: MockServer
) -> None:
    mock.fault(drops(httpx.ReadTimeout), operation="list_runs_v2")
    rules: list[Any] = [
        {"failed_above": "5%", "since": HOUR},
        {"app": "shop", "failed_above": "5%", "since": HOUR},
        {"app": "shop", "failed_above": "5%", "since": HOUR, "queued_since": HOUR},
        {"stuck": HOUR},
    ]
    with pytest.raises(TransportError, match="queued_since of a check"):
        client.runs.check(rules=rules)
    assert len(asked(mock)) == 3


@pytest.mark.parametrize(("most", "is_ok"), [(0, False), (2, False), (3, True)])
def test_more_queued_runs_than_are_allowed_are_a_problem(
    client: InngestClient, mock: MockServer, most: int, is_ok: bool
) -> None:
    mock.function("shop", "later", trigger="order/later", run=completes())
    client.send([{"name": "order/later", "ts": mock.now + HOUR} for _ in range(3)])
    report = client.runs.check(queued_above=most)
    assert report.is_ok is is_ok
    assert str(report) == ("3 runs are queued" if is_ok else f"more than {most} runs are queued")


def test_a_server_that_does_not_answer_is_told_of_and_asked_nothing_else(
    client: InngestClient, mock: MockServer
) -> None:
    rules: dict[str, Any] = {"stuck": HOUR, "queued_above": 3}
    assert client.runs.check(server=True, **rules).is_ok
    mock.fault(drops(httpx.ConnectError), times=None)
    before = len(mock.requests)
    report = client.runs.check(rules=[{"server": True}], **rules)
    assert [each.state for each in report.results] == ["problem", "unknown", "unknown"]
    assert str(report).startswith("the server does not answer: ")
    assert len(mock.requests) == before + 1
    # Where that is no rule, nothing can be told.
    with pytest.raises(TransportError):
        client.runs.check(**rules)


def test_a_server_that_hangs_is_told_of_after_the_time_of_one_request(mock: MockServer) -> None:
    mock.fault(delays(timedelta(seconds=12)), times=None)
    began = mock.now
    with InngestClient(dev=True, transport=mock.transport, timeout=10) as client:
        assert not client.runs.check(server=True, stuck=HOUR).is_ok
    assert mock.now - began < timedelta(seconds=13)


def test_what_is_broken_is_told_although_another_rule_cannot_be_checked(
    client: InngestClient, mock: MockServer, send: Any
) -> None:
    send("failed", 1)
    mock.fault(drops(httpx.ReadError), operation="list_runs_v2", after=1, times=None)
    report = client.runs.check(failed_above="5%", since=HOUR, stuck=HOUR)
    assert [each.state for each in report.results] == [FindingState.PROBLEM, FindingState.UNKNOWN]
    assert str(report) == "1 of 1 runs failed (100.0%), most of shop/ship"


def test_rules_are_about_runs_of_their_own_and_one_request_each(
    client: InngestClient, mock: MockServer, send: Any
) -> None:
    send("failed", 1)
    before = len(mock.requests)
    report = client.runs.check(
        server=True,
        rules=[
            {"app": "shop", "function": "ship", "failed_above": "50%", "since": HOUR},
            {"function": "shop/charge", "failed_above": "50%", "since": HOUR},
            {"stuck": HOUR},
        ],
    )
    assert [(each.rule, each.state) for each in report.results] == [
        ("server", "ok"),
        ("failed_above 50% 1h ago shop ship", "problem"),
        ("failed_above 50% 1h ago shop/charge", "ok"),
        ("stuck 1h ago", "ok"),
    ]
    assert len(mock.requests) == before + 4


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({}, "rules must not be empty"),
        ({"app": "shop"}, "app applies to no rule"),
        ({"failed_above": "5%"}, "since is missing"),
        ({"since": HOUR}, "failed_above is missing"),
        ({"queued_since": HOUR}, "queued_since applies to no rule"),
        ({"no_success_of": "shop/x"}, "within is missing"),
        ({"no_success_of": "x", "within": HOUR}, "needs app"),
        ({"failed_above": "5", "since": HOUR}, "such as \"5%\", not '5'"),
        ({"failed_above": 0.05, "since": HOUR}, 'such as "5%", not 0.05'),
        ({"queued_above": -1}, "queued_above must be 0 or a positive integer"),
        ({"stuck": timedelta()}, "must be a positive timedelta"),
        ({"queue_depth_above": -1}, "queue_depth_above must be 0 or a positive integer"),
        ({"queue_depth_above": 1, "app": "shop"}, "app applies to no rule"),
    ],
)
def test_a_rule_that_is_malformed_is_refused_before_anything_is_asked(
    client: InngestClient, mock: MockServer, rule: Any, message: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        client.runs.check(**rule)
    place = r"rules\[1\] is wrong: .*" if rule else ""
    with pytest.raises(InvalidArgumentError, match=place + message):
        client.runs.check(rules=[{"server": True} if rule else {}, rule])
    assert len(mock.requests) == 0


def test_a_misspelt_name_in_a_further_rule_is_refused_with_the_nearest_one(
    client: InngestClient, mock: MockServer
) -> None:
    rule: Any = {"stukc": HOUR}
    message = r"rules\[0\] is wrong: unknown argument 'stukc'; did you mean 'stuck'"
    with pytest.raises(InvalidArgumentError, match=message):
        client.runs.check(rules=[rule])
    assert len(mock.requests) == 0

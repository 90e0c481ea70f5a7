"""The rules of a status: thresholds of the caller, each broken by what the server lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient, InvalidArgumentError, NotFoundError
from inngest_rest_mock import MockServer, answers, completes, fails, sleeps

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest.findings import Finding
    from tests.conftest import Connect

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def mock() -> MockServer:
    noon = datetime(2026, 11, 30, 12, tzinfo=UTC)
    mock = MockServer(clock=lambda: int(noon.timestamp() * 10**9))
    mock.function("shop", "charge", trigger="order/placed", run=completes({"paid": 1}))
    mock.function("shop", "ship", trigger="order/failed", run=fails("no stock"))
    mock.function("shop", "wait", trigger="order/open", run=sleeps(timedelta(days=2)))
    return mock


@pytest.fixture
def send(client: InngestClient) -> Callable[[str, int], object]:
    return lambda name, count: client.send([{"name": f"order/{name}"} for _ in range(count)])


def told(client: InngestClient, kind: str, **rules: Any) -> Finding:
    return next(each for each in client.status(**rules).findings if each.kind == kind)


@pytest.mark.parametrize(
    ("most", "severity"),
    [("5%", "broken"), ("9.9 %", "broken"), (0.099, "broken"), ("0.1", "ok"), ("10%", "ok")],
)
def test_a_share_that_failed_is_compared_as_it_is(
    client: InngestClient, send: Any, most: Any, severity: str
) -> None:
    send("placed", 9)
    send("failed", 1)
    send("open", 5)
    finding = told(client, "succeeding", failed_above=most)
    assert finding.severity == severity
    assert finding.message.startswith(
        "1 of 10 runs that ended in the last hour failed (10.0%): shop/ship 1"
    )


def test_a_window_of_its_own_replaces_the_last_hour(
    client: InngestClient, mock: MockServer, send: Any
) -> None:
    send("failed", 3)
    mock.advance(30 * MINUTE)
    send("placed", 1)
    assert told(client, "succeeding").severity == "broken"
    finding = told(client, "succeeding", window=15 * MINUTE)
    assert (finding.severity, finding.message) == (
        "ok",
        "0 of 1 runs that ended in the last 15 min failed (0.0%)",
    )


def test_only_the_runs_and_functions_of_an_app_are_judged(
    client: InngestClient, mock: MockServer, send: Any
) -> None:
    mock.function("mail", "digest", trigger="order/placed")
    send("failed", 3)
    send("placed", 1)
    assert client.status(app="shop").verdict == "broken"
    assert client.status(app="ma*").verdict == "ok"
    assert client.status(function="shop/charge").verdict == "ok"
    assert told(client, "apps", app="mail").message == "1 app synced"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"app": "shopp"}, "there is no app 'shopp'; did you mean 'shop'?"),
        ({"function": "shop/chrage"}, "app shop has no function 'chrage'; did you mean 'charge'?"),
        ({"app": "zz*"}, "no function is of app 'zz*'; valid values: shop"),
        ({"function": "shop/zz*"}, "app shop has no function 'zz*'; valid values: charge, ship"),
    ],
)
def test_an_app_or_a_function_that_does_not_exist_is_not_fine(
    client: InngestClient, send: Any, names: dict[str, Any], said: str
) -> None:
    send("placed", 1)
    with pytest.raises(NotFoundError) as caught:
        client.status(**names)
    assert said in str(caught.value)


def test_events_of_other_functions_are_no_events_that_those_of_an_app_should_have_run_for(
    client: InngestClient, mock: MockServer, send: Any
) -> None:
    mock.function("mail", "digest", trigger="order/mailed")
    send("placed", 5)
    mock.advance(10 * MINUTE)
    selections: list[dict[str, Any]] = [{"app": "mail"}, {"function": "shop/ship"}]
    for names in selections:
        report = client.status(**names)
        assert next(each for each in report.findings if each.kind == "fresh").severity == "ok"
    # Registered after its event, it stands for a function that a server has not started.
    send("late", 1)
    mock.advance(10 * MINUTE)
    mock.function("mail", "late", trigger="order/late")
    assert told(client, "fresh", app="mail").message == (
        "1 event of the last hour, and no run: mail/late has a trigger for them"
    )


def test_a_run_that_is_open_for_too_long_is_told_with_the_oldest(
    client: InngestClient, mock: MockServer, send: Any
) -> None:
    for _ in range(3):
        send("open", 1)
        mock.advance(2 * HOUR)
    assert told(client, "stuck", stuck_for=7 * HOUR).severity == "ok"
    finding = told(client, "stuck", stuck_for=HOUR)
    assert finding.severity == "broken"
    assert finding.message.startswith(
        f"3 open for over 1 h; the oldest is {mock.runs[0].id} of shop/wait, queued at 2026-11-30"
    )
    assert told(client, "stuck", stuck_for=HOUR, function="shop/charge").severity == "ok"
    # What the default would find is found all the same.
    mock.lose_jobs()
    assert "is lost" in told(client, "stuck", stuck_for=7 * HOUR).message


def test_a_run_that_is_queued_for_too_long_is_broken_unless_it_is_on_purpose(
    client: InngestClient, mock: MockServer, send: Any
) -> None:
    later = int((mock.now + 48 * HOUR).timestamp() * 1000)
    client.send([{"name": "order/placed", "ts": later}])
    mock.advance(HOUR)
    assert told(client, "starting", queued_for=MINUTE).severity == "ok"
    with mock.hold():
        send("failed", 1)
        mock.advance(3 * MINUTE)
        assert told(client, "starting").severity == "ok"
        assert told(client, "starting", queued_for=MINUTE).severity == "broken"


def test_on_cloud_a_function_without_a_success_is_told_of_with_how_long_runs_are_kept(
    connect: Connect, mock: MockServer
) -> None:
    key = "signkey-test-" + "ab" * 32
    cloud = connect(dev=False, signing_key=key, transport=mock.transport)
    rules = {"shop/charge": 48 * HOUR}
    finding = told(cloud, "success", no_success_of=rules)
    assert finding.message.endswith("for 7 days or more on others, and lists none that are older")


def test_a_function_that_has_not_completed_in_time_is_told_of_and_so_is_one_that_is_misspelt(
    client: InngestClient, mock: MockServer, send: Any
) -> None:
    send("placed", 1)
    finding = told(client, "success", no_success_of={"shop/charge": HOUR})
    assert finding.severity == "ok"
    assert finding.message.startswith("shop/charge has completed, at 2026-11-30 12:00:0")
    assert client.status(no_success_of={"sh*/*": HOUR}).verdict == "ok"
    mock.advance(2 * HOUR)
    send("failed", 1)
    for name, why in [
        ("charge", "no run of shop/charge has completed in the last 1 h"),
        ("ship", "no run of shop/ship has completed in the last 1 h"),
        ("chrage", "did you mean 'charge'?"),
    ]:
        report = client.status(no_success_of={f"shop/{name}": HOUR, "shop/*": 3 * HOUR})
        found = [each for each in report.findings if each.kind == "success"]
        assert [each.severity.value for each in found] == ["broken", "ok"]
        assert why in found[0].message


def test_a_run_that_was_queued_before_and_completed_in_time_is_a_success(
    client: InngestClient, mock: MockServer, send: Any
) -> None:
    send("open", 1)
    mock.advance(timedelta(days=2))
    mock.drain()
    assert told(client, "success", no_success_of={"shop/wait": HOUR}).severity == "ok"


def test_a_server_on_which_nothing_has_completed_is_broken_and_so_is_an_app(
    client: InngestClient, mock: MockServer, send: Any
) -> None:
    mock.function("mail", "digest", trigger="order/mailed")
    send("placed", 1)
    rule = {"*": 30 * MINUTE}
    assert told(client, "success", no_success_of=rule).severity == "ok"
    finding = told(client, "success", no_success_of=rule, app="mail")
    assert (finding.severity, finding.message) == (
        "broken",
        "no run has completed in the last 30 min",
    )
    mock.advance(HOUR)
    with mock.hold():
        send("placed", 1)
        assert told(client, "success", no_success_of=rule).severity == "broken"
    assert client.status().verdict != "broken"


@pytest.mark.parametrize(("most", "severity"), [(8, "broken"), (9, "ok")])
def test_a_queue_that_is_deeper_than_allowed_is_broken(
    client: InngestClient, send: Any, most: int, severity: str
) -> None:
    send("open", 9)
    finding = told(client, "queue", queue_depth_above=most)
    assert finding.severity == severity
    assert finding.message.startswith("9 items in all queues")


def test_without_the_evidence_for_a_rule_there_is_no_verdict(
    client: InngestClient, mock: MockServer, send: Any
) -> None:
    send("placed", 1)
    mock.fault(answers(200, "inngest_queue_depth NaN\n"), operation="get_metrics", times=None)
    assert client.status().verdict == "ok"
    report = client.status(queue_depth_above=3)
    assert (report.verdict, report.is_ok) == ("unknown", False)
    assert report.headline.startswith("unknown: queue_depth not read: ")
    # What is broken is told all the same.
    assert client.status(queue_depth_above=3, failed_above=0, stuck_for=MINUTE).verdict == "unknown"
    send("failed", 1)
    assert client.status(queue_depth_above=3, failed_above=0).verdict == "broken"


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"failed_above": "5"}, "such as \"5%\" or 0.05, not '5'"),
        ({"failed_above": 5}, 'such as "5%" or 0.05, not 5'),
        ({"failed_above": -0.1}, 'a share below 100 %, such as "5%" or 0.05'),
        ({"failed_above": True}, 'such as "5%" or 0.05, not True'),
        ({"window": timedelta()}, "window must be a length of time"),
        ({"stuck_for": 900}, "stuck_for must be a length of time"),
        ({"queued_for": -HOUR}, "queued_for must be a length of time"),
        ({"no_success_of": {"shop/x": None}}, "no_success_of must be a length of time"),
        ({"queue_depth_above": -1}, "queue_depth_above must be 0 or a positive integer"),
        ({"no_success_of": "shop/x"}, "no_success_of must be a length of time by functions"),
        ({"no_success_of": {"x": HOUR}}, "needs app"),
        ({"no_success_of": {"shop/x": 60}}, "no_success_of must be a length of time"),
        ({"no_success_of": {"*/*": HOUR}}, "selects every run"),
    ],
)
def test_a_malformed_rule_is_refused_before_anything_is_sent(
    client: InngestClient, mock: MockServer, rules: Any, message: str
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        client.status(**rules)
    assert message in str(caught.value)
    assert not mock.requests

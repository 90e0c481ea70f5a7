"""Rate limits: the pause that a server asks for is kept by all, and is not taken for an outage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import PartialSendError, RateLimitError, RetryPolicy, SendReport, ServerError
from tests.support.server import Reply, accepts_all, recorded, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest import BatchReport, InngestClient
    from tests.conftest import Connect
    from tests.support.clock import Clock
    from tests.support.server import Server

EVENTS = "POST /e/NO_EVENT_KEY_SET"
HEALTH = "GET /health"


def events(count: int) -> Iterator[dict[str, Any]]:
    for index in range(count):
        yield {"name": f"e{index}", "id": f"own-{index}"}


def busy(seconds: float) -> Reply:
    return Reply(429, b"", {"retry-after": str(seconds)})


class Limited:
    """Accepts so many requests a second, and says to come again when the next one begins."""

    def __init__(self, clock: Clock, requests: int) -> None:
        self.refused = 0
        self._clock = clock
        self._requests = requests
        self._since = clock.monotonic()
        self._count = 0

    def __call__(self, request: httpx.Request) -> Reply:
        now = self._clock.monotonic()
        if now >= self._since + 1:
            self._since, self._count = now, 0
        self._count += 1
        if self._count > self._requests:
            self.refused += 1
            return busy(1)
        return accepts_all(request)


def test_callers_do_not_come_back_at_once_when_a_pause_ends(
    connect: Connect, server: Server, clock: Clock
) -> None:
    server.on(HEALTH, busy(5), recorded("health"))
    client = connect(retries=RetryPolicy(retries=0, initial=2))
    with pytest.raises(RateLimitError):
        client.health()
    clock.jitter = 0.5
    client.health()
    assert clock.pauses == [5 + 0.5 * 2]


def test_a_pause_that_ends_after_the_total_is_not_waited_for(
    connect: Connect, server: Server, clock: Clock
) -> None:
    server.on(HEALTH, busy(20), recorded("health"))
    client = connect(retries=RetryPolicy(retries=0, total=8))
    for attempts in (1, 0):
        with pytest.raises(RateLimitError) as caught:
            client.health()
        assert caught.value.attempts == attempts
    assert len(server.requests) == 1
    assert clock.pauses == []


@pytest.mark.parametrize("in_flight", [1, 8])
def test_a_send_many_beyond_a_rate_limit_is_slower_and_loses_nothing(
    client: InngestClient, server: Server, clock: Clock, in_flight: int
) -> None:
    limited = Limited(clock, requests=10)
    server.on(EVENTS, limited)
    report = client.send_many(events(3_000), batch_size=10, in_flight=in_flight)
    assert report == SendReport(accepted=3_000)
    assert len(server.requests) == 300 + limited.refused
    assert limited.refused <= 30 * in_flight


def test_a_rate_limit_that_names_a_time_costs_no_attempt(
    connect: Connect, server: Server, clock: Clock
) -> None:
    clock.jitter = 0.0
    server.on(HEALTH, *[busy(2)] * 20, recorded("health"))
    connect(retries=1).health()
    assert clock.pauses == [2.0] * 20


def test_a_rate_limit_that_names_a_time_leaves_the_retry_budget_to_outages(
    connect: Connect, server: Server, clock: Clock
) -> None:
    clock.jitter = 0.0
    client = connect(retries=1)
    server.on(HEALTH, *[busy(1)] * 100, recorded("health"))
    client.health()
    server.requests.clear()
    server.on(HEALTH, text(503, "down"))
    with pytest.raises(ServerError):
        client.health()
    assert len(server.requests) == 2


@pytest.mark.parametrize("headers", [{}, {"retry-after": "0"}, {"retry-after": "1"}])
def test_no_rate_limit_takes_from_the_retry_budget(
    connect: Connect, server: Server, clock: Clock, headers: dict[str, str]
) -> None:
    clock.jitter = 0.0
    client = connect(retries=100)
    server.on(HEALTH, *[Reply(429, b"", headers)] * 80, recorded("health"))
    client.health()
    assert len(server.requests) == 81


@pytest.mark.parametrize("value", ["0", "-1", "soon"])
def test_a_rate_limit_that_names_no_time_costs_an_attempt(
    connect: Connect, server: Server, value: str
) -> None:
    server.on(HEALTH, Reply(429, b"", {"retry-after": value}))
    with pytest.raises(RateLimitError) as caught:
        connect(retries=2).health()
    assert len(server.requests) == caught.value.attempts == 3


def test_without_retries_a_rate_limit_is_raised_at_once(connect: Connect, server: Server) -> None:
    server.on(HEALTH, busy(1))
    with pytest.raises(RateLimitError):
        connect(retries=0).health()
    assert len(server.requests) == 1


def test_the_next_call_waits_until_the_pause_is_over(
    connect: Connect, server: Server, clock: Clock
) -> None:
    clock.jitter = 0.0
    client = connect(retries=0)
    server.on(HEALTH, busy(30), recorded("health"))
    with pytest.raises(RateLimitError):
        client.health()
    clock.advance(20)
    client.health()
    assert clock.pauses == [10.0]


def test_the_pause_of_one_host_is_none_of_the_other(
    connect: Connect, server: Server, clock: Clock
) -> None:
    client = connect(retries=0)
    server.on("GET /v1/events", busy(30))
    server.on(EVENTS, accepts_all)
    with pytest.raises(RateLimitError):
        client.events.list().page()
    client.send({"name": "a"})
    assert clock.pauses == []


def test_a_call_that_cannot_wait_so_long_is_refused_without_a_request(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on(HEALTH, busy(600), recorded("health"))
    raised: list[RateLimitError] = []
    for _ in range(3):
        with pytest.raises(RateLimitError) as caught:
            client.health()
        raised.append(caught.value)
        clock.advance(60)
    assert len(server.requests) == 1
    assert [each.retry_after for each in raised] == [600.0, 540.0, 480.0]
    assert [each.attempts for each in raised] == [1, 0, 0]
    clock.advance(400)
    client.health()


def test_a_pause_is_kept_for_an_hour_at_most(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on(HEALTH, busy(10**9), recorded("health"))
    with pytest.raises(RateLimitError):
        client.health()
    clock.advance(3_500)
    client.health()
    assert clock.elapsed == pytest.approx(3_600, abs=1)


@pytest.mark.parametrize("in_flight", [1, 8])
def test_send_many_gives_up_once_where_the_pause_is_longer_than_it_may_wait(
    client: InngestClient, server: Server, in_flight: int
) -> None:
    server.on(EVENTS, accepts_all, busy(600))
    told: list[BatchReport] = []
    source = events(1_000)
    with pytest.raises(RateLimitError) as caught:
        client.send_many(source, batch_size=10, in_flight=in_flight, on_batch=told.append)
    drawn = 1_000 - len(list(source))
    assert len(server.requests) <= 1 + in_flight
    assert drawn <= 10 * (2 + in_flight)
    assert caught.value.retry_after == 600.0
    assert [each for report in told for each in report.positions] == list(range(drawn))
    assert sum(each.report.unknown for each in told) == drawn - 10
    [note] = caught.value.__notes__
    assert note.startswith("stopped after 10 events were accepted, 0 rejected, ")
    with pytest.raises(RateLimitError) as again:
        client.send({"name": "a"})
    assert not hasattr(again.value, "__notes__")


def test_send_many_waits_as_long_as_its_policy_lets_it(
    connect: Connect, server: Server, clock: Clock
) -> None:
    server.on(EVENTS, accepts_all, busy(600), accepts_all)
    client = connect(retries=RetryPolicy(total=1_000))
    assert client.send_many(events(100), batch_size=10, in_flight=1) == SendReport(accepted=100)
    assert len(server.requests) == 11
    assert clock.elapsed == pytest.approx(600, abs=1)


def test_a_refusal_by_a_pause_does_not_hide_that_events_may_be_stored(
    connect: Connect, server: Server
) -> None:
    server.on(EVENTS, httpx.ReadError("reset"), busy(600))
    with pytest.raises(RateLimitError) as caught:
        connect().send({"name": "a"})
    assert caught.value.may_have_taken_effect
    assert isinstance(caught.value.__cause__, PartialSendError)
    assert caught.value.__cause__.report.unknown == 1


def test_a_failure_is_raised_and_not_the_limit_that_another_call_met_since(
    connect: Connect, server: Server, clock: Clock
) -> None:
    client = connect()
    limit = RateLimitError("busy", status=429, method="GET", url="https://inngest.test")
    limit.retry_after = 600.0

    def fail(_: httpx.Request) -> Reply:
        client._session.rate_limits["event"].keep(limit, clock.monotonic())  # noqa: SLF001
        return text(503, "down")

    server.on(HEALTH, fail)
    with pytest.raises(ServerError, match="down"):
        client.health()
    assert len(server.requests) == 1

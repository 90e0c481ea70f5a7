"""The server's clock: learned from the header Date, and ours where it is not known to differ."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import formatdate
from typing import TYPE_CHECKING

import httpx
import pytest

from inngest_rest import RateLimitError
from inngest_rest._core import clock as _core
from inngest_rest._core.clock import ServerClock
from tests.support.clock import STARTED, Clock
from tests.support.server import Reply

if TYPE_CHECKING:
    from tests.conftest import Connect
    from tests.support.server import Server


@pytest.fixture
def servers(clock: Clock) -> ServerClock:
    return ServerClock(_core.Clock(now=clock.now))


def dated(date: str, **headers: str) -> httpx.Response:
    given = {"Date": date, **headers}
    return httpx.Response(200, headers=given)


def at(seconds: float) -> httpx.Response:
    return dated(formatdate(seconds, usegmt=True))


@pytest.mark.parametrize("ahead", [600, -600, 3, -4])
def test_another_time_is_learned_from_a_response(
    servers: ServerClock, clock: Clock, ahead: int
) -> None:
    servers.observe(at(clock.now() + ahead), clock.now())
    assert servers.ahead == pytest.approx(ahead, abs=1)
    assert abs(servers.now().timestamp() - (clock.now() + ahead)) <= 1
    assert servers.now().tzinfo is UTC


@pytest.mark.parametrize("ahead", [0, 0.9, -0.9, 2])
def test_a_difference_of_a_second_or_two_is_none(
    servers: ServerClock, clock: Clock, ahead: float
) -> None:
    servers.observe(at(clock.now() + ahead), clock.now())
    assert servers.now() == datetime.fromtimestamp(clock.now(), UTC)


def test_a_slow_response_alone_shows_no_difference(servers: ServerClock, clock: Clock) -> None:
    sent_at = clock.now()
    clock.advance(30)
    servers.observe(at(sent_at), sent_at)  # dated at once, and late to arrive
    assert servers.ahead == 0


def test_a_clock_that_was_set_meanwhile_is_followed(servers: ServerClock, clock: Clock) -> None:
    servers.observe(at(clock.now() + 600), clock.now())
    assert servers.ahead == pytest.approx(600, abs=1)
    clock.advance(600)  # ours was set right
    servers.observe(at(clock.now() + 1), clock.now())
    assert servers.ahead == 0


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200),
        dated("soon"),
        dated(""),
        dated("Thu, 01 Jan 1970 00:00:00 GMT"),
        dated("Tue, 24 Nov 99999999999999999 18:10:00 GMT"),
        dated(formatdate(STARTED + 600, usegmt=True), age="600"),
    ],
    ids=["none", "no date", "empty", "never set", "far", "of a cache"],
)
def test_a_date_that_shows_nothing_is_ignored(
    servers: ServerClock, clock: Clock, response: httpx.Response
) -> None:
    servers.observe(response, clock.now())
    assert servers.ahead == 0


@pytest.mark.parametrize("ahead", [600, -600])
def test_a_date_to_retry_after_is_of_the_servers_clock(
    connect: Connect, server: Server, clock: Clock, ahead: int
) -> None:
    now = clock.now() + ahead
    headers = {
        "date": formatdate(now, usegmt=True),
        "retry-after": formatdate(now + 300, usegmt=True),
    }
    server.on("GET /health", Reply(429, b"", headers))
    with pytest.raises(RateLimitError) as caught:
        connect().health()
    assert caught.value.retry_after == pytest.approx(300, abs=1)

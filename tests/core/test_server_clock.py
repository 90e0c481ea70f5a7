"""The server's clock: learned from the header Date, and ours where it is not known to differ."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
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
def test_another_time_is_learned_from_two_responses_that_agree(
    servers: ServerClock, clock: Clock, ahead: int
) -> None:
    servers.observe(at(clock.now() + ahead), clock.now())
    assert servers.in_doubt
    assert servers.ahead == 0
    servers.observe(at(clock.now() + ahead), clock.now())
    assert not servers.in_doubt
    assert servers.ahead == pytest.approx(ahead, abs=1)
    assert abs(servers.now().timestamp() - (clock.now() + ahead)) <= 1
    assert servers.now().tzinfo is UTC


def test_a_single_wrong_time_moves_no_clock(servers: ServerClock, clock: Clock) -> None:
    for ahead in (600, 600, 7_200, 600, -7_200, 600):
        servers.observe(at(clock.now() + ahead), clock.now())
        clock.advance(1.1)
    assert servers.ahead == pytest.approx(600, abs=1)


@pytest.mark.parametrize("count", [1, 2], ids=["by one response", "by all"])
@pytest.mark.parametrize("ahead", [600, -600])
def test_the_earliest_time_is_that_of_the_clock_which_is_behind(
    servers: ServerClock, clock: Clock, ahead: int, count: int
) -> None:
    now = datetime.fromtimestamp(clock.now(), UTC)
    assert servers.earliest() == now
    for _ in range(count):
        servers.observe(at(clock.now() + ahead), clock.now())
    assert (servers.earliest() - now).total_seconds() == pytest.approx(min(ahead, 0), abs=1)


@pytest.mark.parametrize("ahead", [600, -600])
def test_elapsed_times_are_by_each_clock_and_so_do_not_depend_on_how_far_one_is_ahead(
    servers: ServerClock, clock: Clock, ahead: int
) -> None:
    for _ in range(2):
        servers.observe(at(clock.now() + ahead), clock.now())
    noted = servers.now(), servers.here()
    clock.advance(5)
    assert servers.elapsed(*noted) == (timedelta(seconds=5), timedelta(seconds=5))
    other = ServerClock(_core.Clock(now=clock.now))
    least, most = other.elapsed(*noted)
    assert (most - least).total_seconds() == pytest.approx(600, abs=1)
    assert timedelta(seconds=5) in (least, most)


def test_ours_is_behind_if_the_server_has_something_later(
    servers: ServerClock, clock: Clock
) -> None:
    for _ in range(2):
        servers.observe(at(clock.now() + 600), clock.now())
    now = datetime.fromtimestamp(clock.now(), UTC)
    for seconds, earliest in (-60, 0), (60, 60), (3_600, 600):
        shown = now + timedelta(seconds=seconds)
        told = servers.earliest(clock.now(), shown=shown) - now
        assert told.total_seconds() == pytest.approx(earliest, abs=1)


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


def test_further_responses_make_it_more_exact(servers: ServerClock, clock: Clock) -> None:
    for _ in range(10):
        servers.observe(at(clock.now() + 600.5), clock.now())
        clock.advance(1.1)
    assert servers.ahead == pytest.approx(600.5, abs=0.06)


def test_a_clock_that_was_set_meanwhile_is_followed(servers: ServerClock, clock: Clock) -> None:
    for _ in range(2):
        servers.observe(at(clock.now() + 600), clock.now())
    assert servers.ahead == pytest.approx(600, abs=1)
    clock.advance(600)  # ours was set right
    for _ in range(2):
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
    for _ in range(2):  # a single one that shows another time is only a doubt
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

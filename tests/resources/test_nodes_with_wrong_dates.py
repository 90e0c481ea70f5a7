"""Nodes and proxies whose Date is wrong, alone or in turn: nothing is lost, and nothing done twice.

The server's own times, which runs and events have, are right, and so is this machine's clock.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from email.utils import formatdate
from itertools import cycle
from typing import TYPE_CHECKING

import httpx
import pytest

from inngest_rest import ActionReport, InngestClient
from inngest_rest_mock import answers, loses_response, takes_effect_late
from tests.resources.conftest import lasting_mock, start

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest_mock import MockServer
    from tests.support.clock import Clock

    Client = Callable[[], InngestClient]

AHEAD = (0, 60, 600, 3_600, -600)
# One node, two that take turns in either order, and two that are right for a while.
TURNS = [
    (AHEAD[-1],),
    (AHEAD[0], AHEAD[-1]),
    (AHEAD[-1], AHEAD[0]),
    (AHEAD[1], AHEAD[2]),
    (0, 0, AHEAD[1], AHEAD[1]),
]

pytestmark = pytest.mark.parametrize("turns", TURNS, ids=str)


class Nodes(httpx.BaseTransport):
    """Responds as the mock does, each time with the Date of the next node."""

    def __init__(self, clock: Clock, mock: MockServer, turns: tuple[int, ...]) -> None:
        self._clock, self._mock, self._turns = clock, mock, cycle(turns)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._mock.transport.handle_request(request)
        now = self._clock.now() + next(self._turns)
        response.headers["date"] = formatdate(now, usegmt=True)
        return response


@pytest.fixture
def mock(clock: Clock) -> MockServer:
    return lasting_mock(clock=clock.nanoseconds)


@pytest.fixture
def client(clock: Clock, mock: MockServer, turns: tuple[int, ...]) -> Client:
    """Return what makes a client of another process, whose first response is of the next node."""
    governed, nodes = clock.govern(InngestClient), Nodes(clock, mock, turns)
    return lambda: governed(dev=True, transport=nodes, retries=0)


def test_a_watch_reports_each_start_and_each_end_once(
    client: Client, mock: MockServer, producer: InngestClient, clock: Clock
) -> None:
    watcher = client().runs.watch(timeout=200)
    whole, rounds = clock.sleep, iter(range(40))

    def sleep(seconds: float) -> None:
        whole(seconds / 2)
        if (n := next(rounds, None)) is not None:
            start(producer, 2, seconds=(n * 37) % 90)
        whole(seconds / 2)

    clock.sleep = sleep  # type: ignore[method-assign]
    found = Counter((it.kind, it.run.id) for it in watcher if it.kind != "changed")
    expected = [(kind, run.id) for kind in ("appeared", "ended") for run in mock.runs]
    assert found == Counter(expected)


def test_a_replay_that_may_come_is_requested_once(
    client: Client, mock: MockServer, producer: InngestClient, clock: Clock
) -> None:
    start(producer, fails=True)
    clock.advance(1)
    run_id = mock.runs[0].id
    mock.fault(takes_effect_late(60, meanwhile=answers(504)), operation="rerun_run_v2")
    report = client().runs.replay_all([run_id])
    for _ in range(4):
        assert report.counts == {"unknown": 1}
        clock.advance(1)
        report = client().runs.replay_all(resume=ActionReport.from_json(report.to_json()))
    clock.advance(60)
    report = client().runs.replay_all(resume=report)
    assert (report.counts, len(mock.runs)) == ({"done": 1}, 2)


def test_a_replay_that_is_lost_is_requested_again_five_minutes_later(
    client: Client, mock: MockServer, producer: InngestClient, clock: Clock
) -> None:
    start(producer, fails=True)
    clock.advance(1)
    mock.fault(answers(504), operation="rerun_run_v2")
    report = client().runs.replay_all([mock.runs[0].id])
    clock.advance(301 + 2 * (max(AHEAD) - min(AHEAD)))
    report = client().runs.replay_all(resume=ActionReport.from_json(report.to_json()))
    assert (report.counts, len(mock.runs)) == ({"done": 1}, 2)


@pytest.mark.parametrize("tries", [(24.05,), (22.0, 24.05)])
def test_an_event_is_not_sent_again_once_its_id_is_forgotten(
    tries: tuple[float, ...],
    client: Client,
    mock: MockServer,
    producer: InngestClient,
    clock: Clock,
) -> None:
    start(producer)
    clock.advance(1)
    mock.fault(loses_response(httpx.ReadTimeout), path="/e/*", times=None)
    report = client().events.resend([mock.events[0].internal_id], label="again")
    before = clock.elapsed
    for hours in tries:
        clock.advance(before + hours * 3_600 - clock.elapsed)
        report = client().events.resend(
            resume=ActionReport.from_json(report.to_json()), label="again"
        )
    assert report.counts == {"unknown": 1}
    assert len(mock.runs) == 2


def test_a_summary_counts_each_run_and_no_other(
    client: Client, mock: MockServer, producer: InngestClient, clock: Clock
) -> None:
    start(producer, 150)
    start(producer, 60, app="other", fails=True)
    clock.advance(2)
    summary = client().runs.summary(since=mock.now - timedelta(minutes=1))
    counts = {group.name: dict(group.counts) for group in summary.groups}
    assert counts == {"shop/work": {"completed": 150}, "other/work": {"failed": 60}}
    assert sum(each.runs for group in summary.groups for each in group.errors) == 60

"""Acts whose outcome is unknown, where the clocks of client and server differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from inngest_rest.bulk import ActionReport
from inngest_rest_mock import answers, loses_response
from tests.resources.conftest import lasting_mock

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from inngest_rest_mock import MockServer
    from tests.conftest import Connect
    from tests.support.clock import Clock

MINUTE, HOUR = 60.0, 3_600.0


@pytest.fixture
def moved() -> list[float]:
    """The seconds by which the server's clock is ahead, which a test may move."""
    return [0.0]


@pytest.fixture
def moved_mock(clock: Clock, moved: list[float]) -> MockServer:
    return lasting_mock(clock=lambda: int((clock.now() + moved[0]) * 1e9))


def learn_the_time(client: InngestClient) -> None:
    """Have a client know the server's clock, which two responses in a row tell it."""
    for _ in range(2):
        client.runs.list().page()


@pytest.mark.parametrize("is_known", [False, True], ids=["", "known"])
@pytest.mark.parametrize(
    ("ours", "theirs", "runs"),
    [(6.0, 6.0, 2), (6.0, 1.0, 1), (1.0, 6.0, 1)],
    ids=["both", "ours alone", "the server's alone"],
)
def test_a_replay_that_was_lost_is_requested_again_when_both_clocks_say_it_is_late(
    connect: Connect,
    moved_mock: MockServer,
    clock: Clock,
    moved: list[float],
    ours: float,
    theirs: float,
    runs: int,
    is_known: bool,
) -> None:
    client = connect(transport=moved_mock.transport, retries=0)
    client.send({"name": "shop/go", "data": {"fails": True}})
    clock.advance(1)
    moved_mock.fault(answers(504), operation="rerun_run_v2")
    report = client.runs.replay_all([moved_mock.runs[0].id])
    assert report.counts == {"unknown": 1}
    clock.advance(ours * MINUTE)
    moved[0] = (theirs - ours) * MINUTE
    later = connect(transport=moved_mock.transport, retries=0)
    if is_known:
        learn_the_time(later)
    later.runs.replay_all(resume=ActionReport.from_json(report.to_json()))
    assert len(moved_mock.runs) == runs


@pytest.mark.parametrize("is_known", [False, True], ids=["", "known"])
@pytest.mark.parametrize(
    ("ours", "theirs", "outcome"),
    [(22.9, 22.9, "done"), (24.1, 22.9, "unknown"), (22.9, 24.1, "unknown")],
    ids=["neither", "ours alone", "the server's alone"],
)
def test_an_event_is_not_sent_again_once_either_clock_says_its_id_is_forgotten(
    connect: Connect,
    moved_mock: MockServer,
    clock: Clock,
    moved: list[float],
    ours: float,
    theirs: float,
    outcome: str,
    is_known: bool,
) -> None:
    client = connect(transport=moved_mock.transport, retries=0)
    client.send({"name": "shop/go", "data": {}})
    clock.advance(1)
    moved_mock.fault(loses_response(httpx.ReadTimeout), path="/e/*")
    report = client.events.resend([moved_mock.events[0].internal_id], label="again")
    assert report.counts == {"unknown": 1}
    clock.advance(ours * HOUR)
    moved[0] = (theirs - ours) * HOUR
    later = connect(transport=moved_mock.transport, retries=0)
    if is_known:
        learn_the_time(later)
    report = later.events.resend(resume=ActionReport.from_json(report.to_json()), label="again")
    assert report.counts == {outcome: 1}
    assert len(moved_mock.runs) == 2

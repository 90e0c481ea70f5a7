"""When events that wait go out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inngest_rest._core.buffer.schedule import Schedule

if TYPE_CHECKING:
    from tests.support.clock import Clock


@pytest.fixture
def timing(clock: Clock) -> Schedule:
    return Schedule(3, 60.0, clock.monotonic, poll=30.0)


def test_nothing_that_waits_is_looked_for_now_and_then(timing: Schedule, clock: Clock) -> None:
    assert timing.due_in() == 30
    assert Schedule(3, 60.0, clock.monotonic).due_in() is None


def test_a_few_wait_for_their_age_and_many_do_not(timing: Schedule, clock: Clock) -> None:
    assert timing.added() is True
    clock.advance(20)
    assert timing.added() is False
    assert timing.due_in() == 40
    assert timing.added() is True
    assert timing.due_in() == 0
    timing.took(1)
    assert timing.due_in() == 60


def test_a_hurry_waits_for_nothing(timing: Schedule) -> None:
    timing.added()
    timing.failed()
    with timing.hurrying():
        assert timing.due_in() == 0
    assert timing.due_in() == 60


def test_pauses_double_to_a_minute_and_restart_after_a_success(
    timing: Schedule, clock: Clock
) -> None:
    timing.added(3)
    assert [timing.failed() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert timing.due_in() == 60
    clock.advance(50)
    assert timing.due_in() == 10
    timing.succeeded()
    assert timing.due_in() == 0
    assert timing.failed() == 1


def test_an_outage_may_last_for_ever(timing: Schedule) -> None:
    assert {timing.failed() for _ in range(2_000)} == {1, 2, 4, 8, 16, 32, 60}

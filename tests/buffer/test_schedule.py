"""When events that wait go out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inngest_rest._core.buffer.schedule import Pace

if TYPE_CHECKING:
    from tests.support.clock import Clock


@pytest.fixture
def timing(clock: Clock) -> Pace:
    return Pace(3, 60.0, clock.monotonic, poll=30.0)


def test_nothing_that_waits_is_looked_for_now_and_then(timing: Pace, clock: Clock) -> None:
    assert timing.due_in() == 30
    assert Pace(3, 60.0, clock.monotonic).due_in() is None


def test_a_few_wait_for_their_age_and_many_do_not(timing: Pace, clock: Clock) -> None:
    assert timing.added() is True
    clock.advance(20)
    assert timing.added() is False
    assert timing.due_in() == 40
    assert timing.added() is True
    assert timing.due_in() == 0
    timing.took(1)
    assert timing.due_in() == 60


def test_a_hurry_waits_for_nothing(timing: Pace) -> None:
    timing.added()
    timing.failed()
    timing.hurry()
    assert timing.due_in() == 0
    timing.calm()
    assert timing.due_in() == 60


def test_pauses_grow_to_a_minute_and_begin_anew_after_a_success(timing: Pace, clock: Clock) -> None:
    timing.added(3)
    assert [timing.failed() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert timing.due_in() == 60
    clock.advance(50)
    assert timing.due_in() == 10
    timing.succeeded()
    assert timing.due_in() == 0
    assert timing.failed() == 1

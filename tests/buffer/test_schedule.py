"""The schedule: when waiting events are sent; and what becomes of a batch taken from memory."""

from __future__ import annotations

import threading
import time
import timeit
from typing import TYPE_CHECKING

import pytest

from inngest_rest import InvalidResponseError
from inngest_rest._core.sending.batching import BatchOutcome
from inngest_rest._local.limits import DEFAULT_BYTES
from inngest_rest.buffer._delivery import Refused
from inngest_rest.buffer._queue import Queue, gather
from inngest_rest.buffer._schedule import LONGEST_WAIT, Deadline, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.clock import Clock


@pytest.fixture
def timing(clock: Clock) -> Schedule:
    return Schedule(3, 60.0, clock.monotonic, poll=30.0)


def test_a_full_batch_is_due_at_once_and_a_smaller_one_at_its_age(
    timing: Schedule, clock: Clock
) -> None:
    assert timing.added() is True
    clock.advance(20)
    assert timing.added() is False
    assert timing.due_in() == 40
    assert timing.added() is True
    assert timing.due_in() == 0
    timing.took(1)
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


def test_pauses_stay_at_a_minute_however_long_an_outage_lasts(timing: Schedule) -> None:
    assert {timing.failed() for _ in range(2_000)} == {1, 2, 4, 8, 16, 32, 60}


@pytest.mark.parametrize("asked", [600.0, 0.5, 1e9])
def test_a_pause_is_as_long_as_the_server_asked_for_up_to_an_hour(
    timing: Schedule, clock: Clock, asked: float
) -> None:
    timing.added(3)
    assert timing.failed(asked) == timing.due_in() == min(max(asked, 1), 3_600)
    with timing.flush_now():
        assert timing.due_in() == 0
        timing.failed(asked)
        assert timing.due_in() == min(max(asked, 2), 3_600)
    clock.advance(3_600)
    assert timing.due_in() == 0


def in_memory(schedule: Schedule) -> Queue:
    return Queue(schedule, lambda: None, max_pending=9)


@pytest.mark.parametrize(
    "change",
    [
        Schedule.added,
        Schedule.due_in,
        Schedule.failed,
        lambda schedule: schedule.took(0),
        lambda schedule: in_memory(schedule).put({"name": "a"}),
    ],
    ids=["added", "due_in", "failed", "took", "put in memory"],
)
def test_a_schedule_changes_under_its_lock_alone(change: Callable[[Schedule], object]) -> None:
    held: list[bool] = []

    def lock_elsewhere() -> None:
        is_free = timing.lock.acquire(blocking=False)
        held.append(not is_free)
        if is_free:
            timing.lock.release()

    def read_clock() -> float:
        if is_watched:
            thread = threading.Thread(target=lock_elsewhere)
            thread.start()
            thread.join()
        return 0.0

    is_watched = False
    timing = Schedule(3, 60.0, read_clock)
    is_watched = True
    change(timing)
    assert held[-1]


def test_after_a_batch_that_is_full_by_bytes_the_rest_is_due_at_once(timing: Schedule) -> None:
    timing.added(2)
    timing.took(1, is_full=True)
    assert timing.due_in() == 0


def test_an_event_in_memory_wakes_a_worker_if_it_is_the_first_or_fills_a_batch(
    timing: Schedule,
) -> None:
    woken: list[int] = []
    store = Queue(timing, lambda: woken.append(store.pending), max_pending=100)
    for number in range(6):
        store.put({"name": f"app/e{number}"})
    assert woken == [1, 3]


def test_a_wait_without_a_timeout_has_no_end(clock: Clock) -> None:
    deadline = Deadline(None, clock.monotonic)
    clock.advance(1e9)
    assert deadline.left() == LONGEST_WAIT


def test_a_wait_with_a_timeout_ends_with_it(clock: Clock) -> None:
    deadline = Deadline(5, clock.monotonic)
    clock.advance(2)
    assert deadline.left() == 3
    clock.advance(9)
    assert deadline.left() == 0


def test_an_event_added_while_a_batch_is_taken_is_due_at_its_age(timing: Schedule) -> None:
    class Busy(Queue):
        def _count(self) -> int:
            count = super()._count()
            if count == 1:  # from another thread, once these are counted
                self.put({"name": "b"})
            return count

    queue = Busy(timing, lambda: None, max_pending=9)
    queue.put({"name": "a"})
    assert queue.take() is not None
    assert timing.due_in() == 60


def test_what_a_batch_leaves_in_memory_waits_for_its_own_age(timing: Schedule) -> None:
    store = Queue(timing, lambda: None, max_pending=100)
    for number in range(4):
        store.put({"name": f"app/e{number}"})
    batch = store.take()
    assert batch is not None
    assert len(batch.positions) == 3
    assert timing.due_in() == 60


def test_everything_is_due_until_the_last_of_several_flushes_ends(timing: Schedule) -> None:
    with timing.flush_now():
        with timing.flush_now():
            pass
        timing.took(1)
        assert timing.due_in() == 0
    assert timing.due_in() == 60


def test_a_flush_that_ends_in_a_forked_child_leaves_no_trace(timing: Schedule) -> None:
    with timing.flush_now():
        timing.restart()
    with timing.flush_now():
        timing.took(1)
        assert timing.due_in() == 0


def test_a_batch_of_stored_events_is_bounded_by_bytes_but_has_at_least_one() -> None:
    half = b"x" * (DEFAULT_BYTES // 2)
    found = [gather([(1, text, False), (2, text, True)]) for text in (half[:-2], half, half * 3)]
    assert [list(batch.positions) for batch, _ in found] == [[1, 2], [1], [1]]
    assert [batch.may_be_stored for batch, _ in found] == [True, False, False]
    assert [is_full for _, is_full in found] == [False, True, True]


def test_a_batch_that_was_reported_as_lost_is_not_put_back() -> None:
    timing = Schedule(10, 1.0, time.monotonic)
    store = Queue(timing, lambda: None, max_pending=10)
    store.put({"name": "a"})
    batch = store.take()
    assert batch is not None
    lost: list[BatchOutcome] = []
    assert store.close(lost.append) == 1
    store.put_back(batch)
    assert store.take() is None
    assert [each.batch for each in lost] == [batch]


def test_what_was_put_back_may_be_stored() -> None:
    store = Queue(Schedule(10, 1.0, time.monotonic), lambda: None, max_pending=10)
    store.put({"name": "a"})
    first = store.take()
    assert first is not None
    assert not first.may_be_stored
    store.put_back(first)
    again = store.take()
    assert again is not None
    assert again.may_be_stored


def test_an_event_that_has_failed_is_left_whatever_happened_to_later_ones() -> None:
    store = Queue(Schedule(1, 1.0, time.monotonic), lambda: None, max_pending=10)
    page = InvalidResponseError("a page", method="POST", url="", status=403, body="")
    store.put({"name": "a"})
    mark = store.mark()
    store.put({"name": "b"})
    store.put({"name": "c"})
    tried = ""
    while "c" not in tried:
        batch = store.take()
        assert batch is not None
        name = batch.events()[0]["name"]
        store.settle(
            BatchOutcome(batch, ["id"]) if name == "b" else BatchOutcome(batch, [Refused("")], page)
        )
        tried += name
    assert store.has_left(mark)


def test_the_next_event_is_found_as_fast_behind_many_that_are_done() -> None:
    count = 50_000

    def shortest_look(store: Queue) -> float:
        return min(timeit.repeat(lambda: store.has_left(count), number=10, repeat=50))

    drained, fresh = (
        Queue(Schedule(count, 1.0, time.monotonic), lambda: None, max_pending=2 * count)
        for _ in range(2)
    )
    for _ in range(count):
        drained.put({"name": "a"})
    batch = drained.take()
    assert batch is not None
    drained.settle(BatchOutcome(batch, ["id"] * len(batch.positions)))
    drained.put({"name": "a"})
    fresh.put({"name": "a"})
    assert drained.pending == fresh.pending == 1
    assert shortest_look(drained) < 10 * shortest_look(fresh)

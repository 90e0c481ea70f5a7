"""The store in memory: what becomes of a batch that was taken."""

from __future__ import annotations

import time
import timeit

from inngest_rest import InvalidResponseError
from inngest_rest._core.sending.batching import BatchOutcome, Unknown
from inngest_rest.buffer._queue import Queue
from inngest_rest.buffer._schedule import Schedule


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
            BatchOutcome(batch, ["id"]) if name == "b" else BatchOutcome(batch, [Unknown("")], page)
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

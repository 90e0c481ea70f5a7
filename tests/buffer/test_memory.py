"""The store in memory: what becomes of a batch that was taken."""

from __future__ import annotations

import time

from inngest_rest import InvalidResponseError
from inngest_rest._core.sending.batching import BatchOutcome, Unknown
from inngest_rest._durable.buffer.queue import Queue
from inngest_rest._durable.buffer.schedule import Schedule


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

"""The store in memory: what becomes of a batch that was taken."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from inngest_rest._core.buffer.memory_store import MemoryStore
from inngest_rest._core.buffer.schedule import Schedule

if TYPE_CHECKING:
    from inngest_rest._core.sending.fates import Fates


def test_a_batch_that_was_reported_as_lost_is_not_put_back() -> None:
    timing = Schedule(10, 1.0, time.monotonic)
    store = MemoryStore(timing, lambda: None, batch_size=10, max_pending=10)
    store.put({"name": "a"})
    batch = store.take()
    assert batch is not None
    lost: list[Fates] = []
    assert store.close(lost.append) == 1
    store.put_back(batch)
    assert store.take() is None
    assert [each.batch for each in lost] == [batch]


def test_what_was_put_back_may_be_stored() -> None:
    store = MemoryStore(
        Schedule(10, 1.0, time.monotonic), lambda: None, batch_size=10, max_pending=10
    )
    store.put({"name": "a"})
    first = store.take()
    assert first is not None
    assert not first.may_be_stored
    store.put_back(first)
    again = store.take()
    assert again is not None
    assert again.may_be_stored

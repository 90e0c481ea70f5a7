"""Batching: requests are bounded by count and by bytes; events keep their order, none is lost."""

from __future__ import annotations

import gc
import itertools
import json
import tracemalloc

import pytest

from inngest_rest._core.sending.batching import (
    DEFAULT_BYTES,
    DEFAULT_EVENTS,
    MAX_EVENTS,
    Batch,
    Batcher,
    batches_of_events,
)
from inngest_rest._core.sending.event_json import MAX_EVENT_BYTES
from inngest_rest.errors import InvalidEventError


def split(texts: list[bytes], **bounds: int) -> list[int]:
    """Batch the JSON texts, check that nothing is lost, and return the size of each batch."""
    batcher: Batcher[bytes] = Batcher(lambda text, _: text, **bounds)  # type: ignore[arg-type]
    made: list[Batch | None] = [batcher.add(text) for text in texts]
    batches = [each for each in [*made, batcher.flush()] if each is not None]
    assert [index for each in batches for index in each.positions] == list(range(len(texts)))
    assert [event for each in batches for event in json.loads(each.body)] == [
        *map(json.loads, texts)
    ]
    assert batcher.flush() is None
    return [len(each.positions) for each in batches]


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, []), (1, [1]), (3, [3]), (4, [3, 1]), (6, [3, 3]), (7, [3, 3, 1])]
)
def test_a_batch_is_bounded_by_count(count: int, sizes: list[int]) -> None:
    assert split([b"%d" % index for index in range(count)], max_events=3) == sizes


def test_a_batch_is_bounded_by_bytes_including_brackets_and_separators() -> None:
    texts = [b'"12345678"'] * 5
    whole = len(Batch.of(range(2), texts[:2]).body)
    # Some slack: a separator may be counted after the last event, although none is sent.
    assert split(texts, max_bytes=whole + 2) == [2, 2, 1]
    assert split(texts, max_bytes=whole - 1) == [1] * 5


def test_a_long_run_of_refused_events_is_passed_on_and_none_is_lost() -> None:
    def refuse(_: int, position: int) -> bytes:
        raise InvalidEventError("bad", position=position)

    batcher = Batcher(refuse, describe=lambda _: {}, max_events=3)
    made = [batcher.add(number) for number in range(7)]
    assert [None if each is None else len(each.invalid) for each in made] == [
        *(None, None, 3, None, None, 3, None)
    ]
    batches = [each for each in [*made, batcher.flush()] if each is not None]
    assert [it.position for each in batches for it in each.invalid] == list(range(7))


def test_an_event_larger_than_a_batch_is_sent_alone() -> None:
    assert split([b"1", b'"%s"' % (b"x" * 100), b"2"], max_bytes=50) == [1, 1, 1]


def test_the_largest_event_fits_into_a_batch() -> None:
    assert MAX_EVENT_BYTES + 3 < DEFAULT_BYTES
    assert DEFAULT_EVENTS == 512
    assert MAX_EVENTS == 5_000


ODD_TEXTS = [
    b'{"a":"},{","b":"]\\"[","c":"\\\\"}',
    b'{"n":12345678901234567890123,"x":1e400}',
    b"[]",
    b'"a, b"',
    b"[1,[2,{}],3]",
    b"{}",
    b"[" * 2_000 + b"]" * 2_000,
    b'"' + b"\\u00e4\\\\" * 100_000 + b'"',
    '"\u00e4\u20ac"'.encode(),
    b"1",
]


def test_a_slice_of_a_batch_has_the_same_bytes() -> None:
    batch = Batch.of(range(len(ODD_TEXTS)), ODD_TEXTS)
    assert batch.texts() == ODD_TEXTS
    for start, end in itertools.combinations(range(len(ODD_TEXTS) + 1), 2):
        part = batch.part(start, end)
        assert part.body == b"[" + b",\n".join(ODD_TEXTS[start:end]) + b"]"
        assert list(part.positions) == list(range(start, end))
    assert batch.part(3, 3) == Batch(range(3, 3), b"[]")


def test_events_without_an_id_get_one_each_whatever_the_size_of_the_batches() -> None:
    sizes = [5_000, 512, 9, 1, 513, 4_999]
    ids = [
        event["id"]
        for size in sizes
        for batch in batches_of_events([{"name": "a", "data": {}} for _ in range(size)], size)
        for event in batch.events()
    ]
    assert len(set(ids)) == len(ids) == sum(sizes)


def test_one_table_of_ids_serves_batches_of_every_size() -> None:
    def encode(size: int) -> None:
        list(batches_of_events([{"name": "a", "data": {}}] * size, size))

    encode(5_000)
    tracemalloc.start()
    try:
        for size in range(2_000, 2_040):
            encode(size)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 100_000
    finally:
        tracemalloc.stop()

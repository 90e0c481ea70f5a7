"""Batching: requests are bounded by count and by bytes; events keep their order, none is lost.

The outcomes of a batch are counted, reported, and parted into what is final and what is not.
"""

from __future__ import annotations

import itertools
import json

import pytest

from inngest_rest._core.sending.batching import (
    Batch,
    BatchOutcome,
    EventOutcome,
    Rejected,
    Unknown,
    batches_of_events,
)
from inngest_rest._local.limits import DEFAULT_BYTES, DEFAULT_EVENTS, MAX_EVENT_BYTES, MAX_EVENTS
from inngest_rest.reports import SendFailure


def split(sizes: list[int], batch_size: int = MAX_EVENTS) -> list[int]:
    """Batch events of these sizes, check that none is lost, and return the size of each batch."""
    events = [{"name": "a", "data": {"n": n, "x": "x" * size}} for n, size in enumerate(sizes)]
    batches = list(batches_of_events(events, batch_size))
    assert [index for each in batches for index in each.positions] == list(range(len(sizes)))
    assert [event["data"]["n"] for each in batches for event in json.loads(each.body)] == [
        *range(len(sizes))
    ]
    return [len(each.positions) for each in batches]


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, []), (1, [1]), (3, [3]), (4, [3, 1]), (6, [3, 3]), (7, [3, 3, 1])]
)
def test_a_batch_is_bounded_by_count(count: int, sizes: list[int]) -> None:
    assert split([0] * count, 3) == sizes


@pytest.mark.parametrize("count", [5, 9])
def test_a_batch_is_bounded_by_bytes_including_brackets_and_separators(count: int) -> None:
    one = len(next(iter(batches_of_events([{"name": "a", "data": {"n": 0, "x": ""}}], 1))).body)
    half = DEFAULT_BYTES // 2 - one  # which has the brackets
    assert split([half] * count) == [2] * (count // 2) + [1]
    assert split([half + 1] * count) == [1] * count


def test_a_long_run_of_refused_events_is_passed_on_and_none_is_lost() -> None:
    batches = list(batches_of_events([{"name": ""}] * 7, 3, lenient=True))
    assert [it.position for each in batches for it in each.invalid] == list(range(7))
    assert [len(each.invalid) for each in batches] == [3, 3, 1]


def test_refused_events_go_with_the_batch_after_them() -> None:
    large = {"name": "a", "data": {"x": "x" * 3_000_000}}
    batches = list(batches_of_events([large, {"name": ""}, large, {"name": ""}], 9, lenient=True))
    assert [list(each.positions) for each in batches] == [[0], [2]]
    assert [[it.position for it in each.invalid] for each in batches] == [[1], [3]]


def test_an_event_that_fills_a_batch_is_sent_alone() -> None:
    assert split([0, 3_145_000, 3_145_000, 0]) == [2, 2]
    assert MAX_EVENT_BYTES + 4 < DEFAULT_BYTES
    assert DEFAULT_EVENTS == 512
    assert MAX_EVENTS == 5_000


ODD_TEXTS = [
    b'{"a":"},{","b":"]\\"[","c":"\\\\"}',
    b'{"n":12345678901234567890123,"x":1e400}',
    b'{"a":[]}',
    b'{"a, b":"a, b"}',
    b'{"a":[1,[2,{}],3]}',
    b"{}",
    b'{"a":' + b"[" * 500 + b"]" * 500 + b"}",
    b'{"a":"' + b"\\u00e4\\\\" * 100_000 + b'"}',
    '{"a":"\u00e4\u20ac"}'.encode(),
]


def test_a_slice_of_a_batch_has_the_same_bytes() -> None:
    batch = Batch.of(range(len(ODD_TEXTS)), ODD_TEXTS)
    assert batch.texts() == ODD_TEXTS
    for start, end in itertools.combinations(range(len(ODD_TEXTS) + 1), 2):
        part = batch.part(start, end)
        assert part.body == b"[" + b",".join(ODD_TEXTS[start:end]) + b"]"
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


REFUSED = SendFailure(12, {"name": ""}, "name must be text and not empty")
BATCH = Batch(
    [10, 11, 13, 14],
    b'[{"name":"a"},\n{"name":"b"},\n{"name":"c"},\n{"name":"d"}]',
    (REFUSED,),
)


def test_fates_are_counted_and_each_failure_shows_its_event() -> None:
    outcome = BatchOutcome(BATCH, ["id-a", Rejected("bad"), Unknown("lost"), Unknown("lost")])
    report = outcome.report
    assert (report.accepted, report.rejected, report.unknown) == (1, 2, 2)
    assert [(each.position, each.event["name"], each.reason) for each in report.failures] == [
        (11, "b", "bad"),
        (12, "", REFUSED.reason),
        (13, "c", "lost"),
        (14, "d", "lost"),
    ]
    assert outcome.batch_report().ids == ("id-a", None, None, None)
    assert outcome.batch_report().positions == [10, 11, 13, 14]


@pytest.mark.parametrize(
    ("each", "known"),
    [
        (["id-a", Rejected("bad"), Unknown("lost"), Unknown("lost")], 2),
        ([Unknown("lost")] * 4, 0),
        (["id-a", "id-b", "id-c", Unknown("lost")], 3),
    ],
)
def test_events_with_an_unknown_outcome_are_separated_to_be_resent(
    each: list[EventOutcome], known: int
) -> None:
    final = BatchOutcome(BATCH, each).final()
    assert final.each == each[:known]
    assert final.batch.invalid == (REFUSED,)
    assert final.batch.positions == BATCH.positions[:known]
    assert final.batch.texts() == BATCH.texts()[:known]

"""The outcomes of a batch: counted, reported, and parted into what is final and what is not."""

from __future__ import annotations

import pytest

from inngest_rest._core.sending.batching import Batch, BatchOutcome, EventOutcome, Rejected, Unknown
from inngest_rest.reports import SendFailure

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

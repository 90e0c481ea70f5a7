"""What is kept of listed runs: what a replay needs, in a few bytes each."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime

from attrs import evolve

from inngest_rest._core.actions.kept_runs import KeptRun, KeptRuns
from inngest_rest.models import Run, RunStatus

NOW = datetime(2026, 11, 26, tzinfo=UTC)
ENDED = Run(
    id="01M87BDW80E0ZG05RHTH2TS9TC",
    status=RunStatus.FAILED,
    queued_at=NOW,
    ended_at=NOW,
    app_id="shop",
    function_id="charge",
    event_ids=("01M87BDW80E0ZG05RHTH2TS9TD", "another"),
)


def keep(*runs: Run) -> list[KeptRun]:
    kept = KeptRuns()
    for run in runs:
        kept.add(run)
    return list(kept)


def test_runs_are_kept_in_their_order_with_what_matters() -> None:
    runs = (
        ENDED,
        evolve(ENDED, ended_at=None),
        evolve(ENDED, batch_id="b"),
        evolve(ENDED, event_ids=()),
        evolve(ENDED, event_ids=("not a ulid",)),
        evolve(ENDED, app_id=None, function_id=None),
        evolve(ENDED, function_id="ship"),
        ENDED,
    )
    assert keep(*runs) == [KeptRun.of(run) for run in runs]
    first = keep(*runs)[0]
    assert first == KeptRun(ENDED.event_ids[0], ("shop", "charge"), True, False)


def test_a_run_takes_a_few_bytes() -> None:
    kept = KeptRuns()
    tracemalloc.start()
    for n in range(10_000):
        kept.add(evolve(ENDED, event_ids=(f"01M87BDW80E0ZG05RH{n:08d}",)))
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken / 10_000 < 40

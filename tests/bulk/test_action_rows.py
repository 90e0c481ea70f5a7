"""Rows of a report: what a report accepts, and how much memory it takes."""

from __future__ import annotations

import pickle
import tracemalloc
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from inngest_rest import InngestClient
from inngest_rest.bulk import ActionOutcome, ActionReport, ActionRow
from inngest_rest_mock import MockServer, sleeps

if TYPE_CHECKING:
    from collections.abc import Iterator

ID = "01M86WNRKHYE50ZF3GG530BHRT"
IDS = (ID, ID.lower(), "run-1", "")


def ulids(count: int) -> Iterator[str]:
    """Generate ids of one moment, as a server makes them."""
    return (f"01M86WNRKH{n * 7919:016d}" for n in range(count))


def every_row() -> list[ActionRow]:
    return [
        ActionRow(position, *values)
        for position, values in enumerate(
            (id, outcome, new_run_id, reason, replays)
            for id in IDS
            for outcome in ActionOutcome
            for new_run_id in (None, ID)
            for reason in (None, "", "lost")
            for replays in (None, (), (ID, "run-1"))
        )
    ]


def test_a_report_is_the_same_when_it_was_written_down() -> None:
    report = ActionReport("runs.cancel", every_row())
    assert report.rows == tuple(every_row())
    assert pickle.loads(pickle.dumps(report)) == report
    assert hash(ActionReport("runs.cancel", every_row())) == hash(report)


def test_a_row_belongs_at_its_position() -> None:
    with pytest.raises(ValueError, match="row 1: position 5 is not 1"):
        ActionReport("runs.cancel", [ActionRow(0, ID), ActionRow(5, ID)])


COUNT = 5_000


def test_a_report_of_many_runs_takes_some_250_bytes_for_each() -> None:
    tracemalloc.start()
    try:
        rows = (ActionRow(at, id, ActionOutcome.DONE) for at, id in enumerate(ulids(COUNT)))
        report = ActionReport("runs.cancel", rows)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(report.rows) == COUNT
    assert held < 280 * COUNT


def test_acting_on_many_runs_takes_some_hundred_bytes_for_each() -> None:
    mock = MockServer()
    mock.function("shop", "nap", trigger="app/nap", run=sleeps(timedelta(hours=1)))
    with InngestClient(dev=True, transport=mock.transport) as client:
        client.send({"name": "app/nap"} for _ in range(COUNT))
        plan = partial(client.runs.cancel_all, app="shop", dry_run=True)
        plan(limit=1)  # loads what it needs
        tracemalloc.start()
        try:
            report = plan(on_result=lambda _: None)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert report.counts == {"planned": COUNT}
    assert peak < 800 * COUNT

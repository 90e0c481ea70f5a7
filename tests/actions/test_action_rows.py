"""Rows of a report: kept in little memory, and returned as they were put."""

from __future__ import annotations

import pickle
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from inngest_rest import ActionOutcome, ActionReport, ActionRow, InngestClient
from inngest_rest._packed_ids import PackedIdSet
from inngest_rest.action_reports import ActionRows
from inngest_rest.testing import MockServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ID = "01M86WNRKHYE50ZF3GG530BHRT"
IDS = [
    ID,
    "7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
    "00000000000000000000000001",
    "00000000000000000000000000",
    "80000000000000000000000000",  # more than 128 bits
    ID.lower(),
    ID.replace("M", "U"),  # a letter that a ULID does not have
    f"{ID}\n",
    "run-1",
    "",
    None,
]


def ulids(count: int) -> Iterator[str]:
    """Generate ids of one moment, as a server makes them."""
    return (f"01M86WNRKH{n * 7919:016d}" for n in range(count))


def row(position: int = 0, id: str | None = ID, **others: object) -> ActionRow:
    return ActionRow(position, id, **{"outcome": ActionOutcome.DONE, **others})  # type: ignore[arg-type]


@pytest.mark.parametrize("id", IDS, ids=repr)
def test_any_id_is_returned_as_it_was(id: str | None) -> None:
    put = (row(0), row(1, id), row(2, new_run_id=id), row(3))
    assert tuple(ActionRows(put)) == put


def test_a_row_is_returned_as_it_was_with_what_few_have() -> None:
    put = tuple(
        row(position, outcome=outcome, reason=reason, replays_before=replays)
        for position, (outcome, reason, replays) in enumerate(
            (outcome, reason, replays)
            for outcome in ActionOutcome
            for reason in (None, "", "lost")
            for replays in (None, (), (ID, "run-1"))
        )
    )
    assert tuple(ActionRows(put)) == put


def test_rows_are_a_sequence_equal_to_their_tuple() -> None:
    put = tuple(row(position, id) for position, id in enumerate(IDS))
    rows = ActionRows(put)
    assert (len(rows), rows[-1], rows[2:5], rows[::-1]) == (11, put[-1], put[2:5], put[::-1])
    assert hash(rows) == hash(put)
    assert rows == ActionRows(put)
    assert rows.__eq__(put)
    assert not rows.__eq__(put[1:])
    assert rows != list(put)
    assert pickle.loads(pickle.dumps(rows)) == rows
    assert repr(rows) == "<11 rows>"
    with pytest.raises(IndexError):
        rows[len(put)]


def test_a_row_belongs_at_its_position() -> None:
    with pytest.raises(ValueError, match="position 5 is not 1"):
        ActionReport("runs.cancel", [row(0), row(5)])


def test_a_set_of_ids_finds_each_repeat() -> None:
    ids = [*ulids(10_000), *(f"run-{n}" for n in range(100))]
    seen = PackedIdSet()
    assert all(map(seen.add, ids))
    assert not any(map(seen.add, ids))


def test_an_id_is_not_mistaken_for_the_end_of_one_and_the_start_of_the_next() -> None:
    # All of one bucket: as bytes, the third is the end of the first and the start of the second.
    first, second, third = (
        _ulid(packed)
        for packed in (
            b"\1\1\1\1\1\1\1\1\2\2\2\2\2\2\2\2",
            b"\3\3\3\3\3\3\2\2\3\3\3\3\3\3\2\2",
            b"\2\2\2\2\2\2\2\2\3\3\3\3\3\3\2\2",
        )
    )
    seen = PackedIdSet()
    assert [seen.add(id) for id in (first, second, third)] == [True, True, True]


def _ulid(packed: bytes) -> str:
    value, alphabet = int.from_bytes(packed, "big"), "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    return "".join(alphabet[value >> shift & 31] for shift in range(125, -1, -5))


COUNT = 5_000


def test_a_report_of_many_runs_takes_some_bytes_for_each() -> None:
    tracemalloc.start()
    try:
        report = ActionReport("runs.cancel", (row(at, id) for at, id in enumerate(ulids(COUNT))))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(report.rows) == COUNT
    assert held < 24 * COUNT


def test_acting_on_many_runs_takes_some_bytes_for_each() -> None:
    with InngestClient(dev=True, transport=MockServer().transport) as client:
        client.runs.cancel_all([ID], dry_run=True)  # loads what it needs
        tracemalloc.start()
        try:
            report = client.runs.cancel_all(ulids(COUNT), dry_run=True, on_result=lambda _: None)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert report.counts == {"planned": COUNT}
    assert peak < 64 * COUNT

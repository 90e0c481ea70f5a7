"""Every public operation of both clients before a real server that misbehaves, cell by cell."""

from __future__ import annotations

import pickle
import traceback
from typing import TYPE_CHECKING

import pytest

from inngest_rest import ApiError, InngestError, TransportError
from tests.faults.cells import EVENT_KEY, SHORT, SIGNING_KEY, Cell, run_cells
from tests.faults.faults import FAULTS, Fault, Verdict
from tests.faults.operations import OPERATIONS, public_operations
from tests.faults.rules import expected
from tests.faults.server import FaultServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def fault_server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def test_every_public_method_is_in_the_matrix() -> None:
    assert sorted(each.name for each in OPERATIONS) == sorted(public_operations())


def test_each_kind_of_operation_is_put_before_every_fault() -> None:
    assert len({each.name for each in FAULTS}) == len(FAULTS)
    assert {each.verdict for each in FAULTS} == set(Verdict)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda it: it.name)
def test_every_call_ends_as_the_fault_demands(
    fault_server: FaultServer, tmp_path: Path, fault: Fault
) -> None:
    cells = run_cells(fault_server, tmp_path, [fault])
    wrong = [f"{cell}: {what}" for cell in cells for what in complaints(cell)]
    assert not wrong, "\n".join(wrong)


def complaints(cell: Cell) -> Iterator[str]:
    """Yield what is wrong with a cell."""
    wanted = expected(cell.fault, cell.operation)
    count = len(cell.requests)
    if cell.result != wanted.result:
        yield f"{cell.result} instead of {wanted.result}: {cell.error!r}"
    if not wanted.least <= count <= wanted.requests:
        asked = [f"{each.method} {each.path}" for each in cell.requests]
        yield f"{count} requests instead of {wanted.requests}: {asked}"
    yield from _lies(cell)
    yield from _leaks(cell)
    # Far beyond what it may take: the tests share their machine.
    bound = 20 + 10 * SHORT * wanted.requests
    if cell.seconds > bound:
        yield f"took {cell.seconds:.1f} s"
    events = [each for each in cell.requests if each.path.startswith("/e/")]
    if cell.operation.kind != "buffer" and len({each.body for each in events}) > 1:
        yield "a retry sent other bytes"
    if cell.operation.kind != "buffer" and len({_seed_of(each) for each in events}) > 1:
        yield "a retry had another seed"


def _seed_of(request: object) -> object:
    return request.headers.get("x-inngest-event-id-seed")  # type: ignore[attr-defined]


def _lies(cell: Cell) -> Iterator[str]:
    """Yield what an error says that is not so."""
    error, verdict = cell.error, cell.fault.verdict
    if error is None:
        return
    if not isinstance(error, InngestError):
        yield f"it is not of this package: {error!r}"
        return
    if type(pickle.loads(pickle.dumps(error))) is not type(error):
        yield "it does not survive pickling"
    if isinstance(error, TransportError):
        is_known = verdict is Verdict.NOT_SENT
        if is_known and error.delivered:
            yield "it says that the request may have arrived, and nothing listens"
        if not error.delivered and cell.requests:
            yield "it says that nothing was delivered, and the server has read a request"
    if isinstance(error, ApiError):
        may_be_done = verdict in {Verdict.FAILED, Verdict.TIMED_OUT}
        if error.may_have_taken_effect != may_be_done:
            yield f"may_have_taken_effect is {error.may_have_taken_effect}"


def _leaks(cell: Cell) -> Iterator[str]:
    """Yield where a key shows."""
    if cell.error is None:
        return
    shown = "".join(traceback.format_exception(cell.error)) + repr(cell.error)
    for key in (EVENT_KEY, SIGNING_KEY, SIGNING_KEY.rpartition("-")[2]):
        if key in shown:
            yield f"it shows the key {key}"

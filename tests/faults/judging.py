"""What is wrong with a cell of the matrix: its result, its requests, its words, its time."""

from __future__ import annotations

import pickle
import traceback
from typing import TYPE_CHECKING

from inngest_rest import ApiError, InngestError, TransportError
from tests.faults.cells import EVENT_KEY, SHORT, SIGNING_KEY, Cell
from tests.faults.rules import expected
from tests.faults.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.server import Request


def complaints(cell: Cell) -> Iterator[str]:
    """Yield what is wrong with a cell."""
    wanted = expected(cell.fault, cell.operation)
    count = len(cell.requests)
    is_unsent = count == 0 and cell.result == wanted.unsent
    if cell.result != wanted.result and not is_unsent:
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


def _seed_of(request: Request) -> str | None:
    return request.headers.get("x-inngest-event-id-seed")


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
            yield "it says that the request may have arrived, and it cannot"
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

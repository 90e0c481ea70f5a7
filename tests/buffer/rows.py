"""The buffers, which are no call of a client, for the suite that puts calls before faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest import (
    AsyncEventBuffer,
    BatchReport,
    BufferFullError,
    EventBuffer,
    InngestClient,
    OutboxError,
    SendReport,
)
from tests.faults.verdicts import Verdict
from tests.support.client_kinds import Blocking

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.operations import Tools


def _buffer(tools: Tools) -> SendReport:
    """Add an event, try to send it, and return what the buffer says became of it."""
    said: list[BatchReport] = []
    client: Any = tools.client
    buffer: Any
    if isinstance(client, InngestClient):
        buffer = EventBuffer(client, batch_size=1, on_batch=said.append)
    else:
        buffer = Blocking(
            AsyncEventBuffer(client.target, batch_size=1, on_batch=said.append), client.runner
        )
    buffer.add({"name": "shop/order.placed", "id": "order-1", "data": {"n": 1}})
    # What is not final is tried again until the time is up.
    buffer.close(20.0 if tools.is_final else 0.3)
    return sum((each.report for each in said), SendReport())


def _outcome(verdict: Verdict) -> str:
    """Everything but what is about the request itself may pass."""
    return (
        "1 rejected"
        if verdict in {Verdict.INVALID, Verdict.CONFLICT, Verdict.OVERSIZE}
        else "1 unknown"
    )


FAULTS: dict[str, Callable[[Tools], object]] = {"EventBuffer": _buffer}
FAULT_KINDS = {"EventBuffer": "buffer"}
FAULT_RESULTS = {"buffer": _outcome}

ERRORS = {
    BufferFullError: BufferFullError("full"),
    OutboxError: OutboxError("locked", path="/tmp/outbox"),
}

"""Open runs, and what each of them waits for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field, frozen

from inngest_rest.explanation import ReasonKind
from inngest_rest.models import RunStatus
from inngest_rest.record import Record

__all__ = ["WaitingReport", "WaitingRun"]


@frozen(repr=False)
class WaitingRun(Record):
    """An open run, and what it waits for.

    Attributes:
        id: The id of the run.
        kind: What it waits for, such as "waits_for_event" or "lost": if several, what needs
            attention most. None if nothing that the server shows says so.
        is_certain: Whether the evidence proves it; otherwise it is possible.
        app_id: The app of its function.
        function_id: Its function.
        status: Its status.
        queued_at: When it was queued.
        at: When that ends or is due: the end of a sleep, the timeout of a wait, the time of the
            next attempt; of what is due already, since when.
        waits_for: The event, the signal or the function that it waits for.
        condition: The expression (CEL) that has to hold for that event, `async`.
        runs: Other runs: those that use up its limit, or the one that it invoked.
        event_ids: The internal ids of its events, as far as the server names them.
        event: Of its first event, the fields that were asked for, by their paths.
        message: All that keeps it waiting, in words.
    """

    id: str
    kind: ReasonKind | None
    is_certain: bool = True
    app_id: str | None = None
    function_id: str | None = None
    status: RunStatus = RunStatus.RUNNING
    queued_at: datetime | None = None
    at: datetime | None = None
    waits_for: str | None = None
    condition: str | None = None
    runs: tuple[str, ...] = ()
    event_ids: tuple[str, ...] = ()
    event: Mapping[str, Any] = field(factory=dict[str, Any])
    message: str = ""


@frozen(repr=False)
class WaitingReport(Record):
    """Open runs, by what they wait for.

    Attributes:
        counts: Number of runs by kind, what needs attention first; "unknown" if nothing says so.
        rows: A row for each run, in the same order; of a kind, those queued first come first.
        notes: What else there is to know: that the limit cut it short, that fields are missing.
        unchecked: Checks that were not possible, and why.
    """

    counts: Mapping[str, int]
    rows: tuple[WaitingRun, ...]
    notes: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()

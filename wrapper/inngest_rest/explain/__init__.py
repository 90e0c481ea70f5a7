"""Why an event started no run, and why runs are as they are: as data, and in words.

A rule reads the evidence and yields the reasons that are consistent with it, each in words.

rows            its rows of the table of calls
_explain        the outcome of one event, or the state of one run
_waiting        what all open runs wait for
_preview        what events would start, before they are sent
_event_rules    the rules about an event, and their order
_run_rules      the rules about a run, and their order
_limit_rules    the rules about a run by its function as it is now
_evidence       what the rules read: the known facts of an event, a function, a run
_limits         limits of a function that explain its runs, with their keys and conditions
_triggers       the triggers most similar to a name that no function listens for
_run_evidence   reads that of a run: its jobs, its steps, limits that may hold it back
_relatives      reads which runs belong to a run
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field, frozen

from inngest_rest.explanation import (
    Explanation,
    Listener,
    Reason,
    ReasonKind,
    RunExplanation,
)
from inngest_rest.models import RunStatus
from inngest_rest.record import Record
from inngest_rest.reports import SendFailure

__all__ = [
    "EventPreview",
    "Explanation",
    "Listener",
    "Reason",
    "ReasonKind",
    "RunExplanation",
    "SendPreview",
    "WaitingReport",
    "WaitingRun",
]


@frozen(repr=False)
class EventPreview(Record):
    """What events of one name would start of one function.

    Attributes:
        name: The name of the events.
        function: A function that has a trigger for the name, as "APP/FUNCTION"; None if none has.
        events: Number of these events.
        bytes: Their size as they would be sent.
        runs: For how many of them a condition of the function holds, or it has none.
        undecided: For how many the condition is undecided: servers may evaluate it differently, or
            the extra `explain` is not installed.
        nearest: The triggers most similar to a name that no function listens for.
    """

    name: str
    function: str | None = None
    events: int = 0
    bytes: int = 0
    runs: int = 0
    undecided: int = 0
    nearest: tuple[str, ...] = ()


@frozen(repr=False)
class SendPreview(Record):
    """What sending events would do. Limits and repeated ids, which servers apply, are left out.

    Attributes:
        events: Number of events that would be sent.
        bytes: Their size as they would be sent.
        rejected: Number of events that are invalid.
        first: The first event, as it would be sent; None if none would.
        functions: What each name of an event would start, a row for each function.
        failures: The first 1,000 invalid events.
        unchecked: Functions that could not be read, and why.
    """

    events: int = 0
    bytes: int = 0
    rejected: int = 0
    first: Mapping[str, Any] | None = None
    functions: tuple[EventPreview, ...] = ()
    failures: tuple[SendFailure, ...] = ()
    unchecked: tuple[str, ...] = ()


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

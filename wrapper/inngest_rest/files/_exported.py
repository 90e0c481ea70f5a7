"""The exported records: runs, perhaps with their events and traces, or stored events."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

from attrs import evolve, frozen

from inngest_rest._core.resources.events import EventSelection, list_events
from inngest_rest._core.resources.events import get as get_event
from inngest_rest._core.resources.run_lists import list_runs
from inngest_rest._core.resources.trace import get_trace
from inngest_rest._local.arguments import check_choice
from inngest_rest.errors import NotFoundError
from inngest_rest.files import RunInclude
from inngest_rest.files._columns import check_columns
from inngest_rest.models import Run, StoredEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from inngest_rest._core.calls.listing import Listing
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest._core.resources.filters import Selection
    from inngest_rest.record import Record

_BEGINNING = datetime(1980, 1, 1, tzinfo=UTC)  # before all events

# What a field of a run is read with.
_READ_WITH = {
    "output": "output",
    "error": "output",
    "event": "event",
    "trace": "trace",
    "started_at": "trace",
    "duration": "trace",
}


@frozen(kw_only=True)
class Exported:
    """What is exported.

    Attributes:
        kind: The class of the rows.
        listing: The listed items.
        complete: Makes the row of an item by further requests; None if an item is its row.
    """

    kind: type[Record]
    listing: Listing[Any]
    complete: Callable[[Any], Plan[Any]] | None = None


@frozen(repr=False, slots=False)
class _DetailedRun(Run):
    """A run with its first event, and its trace, which is a tree."""

    event: StoredEvent | None = None
    trace: Any = None


def runs_of(
    session: Session,
    selection: Selection,
    include: Iterable[RunInclude],
    columns: Mapping[str, str],
) -> Exported:
    """Return the runs to export, with what is included and what the paths of columns name."""
    included: set[str] = set()
    for name in include:
        check_choice("include", name, get_args(RunInclude))
        included.add(name)
    for path in check_columns(columns).values():
        field, _, _ = path.partition(".")
        if field in _READ_WITH:
            included.add(_READ_WITH[field])
    # Exports of failed runs have their errors, which take no further request.
    are_all_failed = [status.value for status in selection.statuses] == ["failed"]
    listing = list_runs(
        session,
        selection,
        include_output=are_all_failed or "output" in included,
        also_v1="output" not in included,
        is_bounded=False,
    )
    is_detailed = not included <= {"output"}
    return Exported(
        kind=_DetailedRun if is_detailed else Run,
        listing=listing,
        complete=partial(_complete, session, included) if is_detailed else None,
    )


async def _complete(session: Session, included: Collection[str], run: Run) -> Run:
    """Return a run with its event and its trace, as far as the server still has them."""
    event = None
    root = None
    if "event" in included and run.event_ids:
        with suppress(NotFoundError):
            event = await get_event(session, run.event_ids[0])
    if "trace" in included:
        with suppress(NotFoundError):
            root = await get_trace(session, run.id, raw=False)
    fields: dict[str, Any] = {**vars(run), "event": event, "trace": root}
    if root is not None:
        fields["started_at"] = root.started_at
    return _DetailedRun(**fields)


def events_of(session: Session, selection: EventSelection) -> Exported:
    since = selection.since or _BEGINNING
    return Exported(
        kind=StoredEvent,
        listing=list_events(session, evolve(selection, since=since), is_bounded=False),
    )

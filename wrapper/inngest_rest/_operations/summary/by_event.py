"""Summaries by a field of the event that started a run, which lists of runs do not have."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from inngest_rest._arguments import invalid
from inngest_rest._core.resources import events
from inngest_rest._operations.summary.summarize import RunSummaryJob, SummaryJob
from inngest_rest._visible import did_you_mean, shown
from inngest_rest.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.resources.filters import Selection
    from inngest_rest.models import Run, StoredEvent

PREFIX = "event."
"""The beginning of a path into an event."""

_FIELDS = ("id", "name", "data", "user", "ts", "v")

# That are read, by a request each; the runs of others are counted in one group.
_MAX_EVENTS = 5_000

NO_EVENT = "(no event)"
NO_FIELD = "(no such field)"
NOT_READ = "(event not read)"

_LONGEST_NAME = 120


def summary_job(
    session: Session,
    selection: Selection,
    *,
    by: str,
    **options: Any,
) -> SummaryJob[Any, Any]:
    """Return the job of a summary by a field of listed runs, or by one of their events."""
    if isinstance(by, str) and by.startswith(PREFIX):  # pyright: ignore[reportUnnecessaryIsInstance]
        return EventSummaryJob(session, selection, by=by, **options)
    return RunSummaryJob(session, selection, by=by, **options)


class EventToRead(NamedTuple):
    """An event, and the listed runs that it started."""

    id: str
    runs: list[Run]


class EventSummaryJob(SummaryJob[EventToRead, "StoredEvent"]):
    """A summary by the field of an event: each event of a page is read once."""

    def __init__(self, *args: Any, by: str, **options: Any) -> None:
        self._path = _check_path(by)
        reason = "reads each run, and an event field each event: pass one"
        if options["exact"]:
            raise invalid("exact", reason)
        if options["sample"] is not None:
            raise invalid("sample", reason)
        super().__init__(*args, by=by, **options)
        self._asked_count = 0
        self._lacking_count = 0
        self._unread_count = 0

    def _count_runs(self, listed: tuple[Run, ...]) -> list[EventToRead]:
        runs_by_event: dict[str, list[Run]] = {}
        for run in listed:
            if not run.event_ids:
                self._count(run, NO_EVENT)
                continue
            first_event = run.event_ids[0]
            runs_by_event.setdefault(first_event, []).append(run)
        to_read: list[EventToRead] = []
        for event_id, runs in runs_by_event.items():
            event = EventToRead(id=event_id, runs=runs)
            if self._asked_count < _MAX_EVENTS:
                self._asked_count += 1
                to_read.append(event)
            else:
                self._count_all(event, NOT_READ)
        return to_read

    async def get(self, due: EventToRead) -> StoredEvent | None:
        try:
            return await events.get(self._session, due.id, None)
        except NotFoundError:
            return None

    def record(self, due: EventToRead, found: StoredEvent | None) -> bool:
        if found is None:
            self._count_all(due, NOT_READ)
            return True
        name = _value_at(self._path, found)
        if name is None:
            self._lacking_count += len(due.runs)
            name = NO_FIELD
        self._count_all(due, name)
        return True

    def _count_all(self, due: EventToRead, name: str) -> None:
        if name == NOT_READ:
            self._unread_count += len(due.runs)
        for run in due.runs:
            self._count(run, name)

    def _notes(self) -> Iterator[str]:
        yield from super()._notes()
        if self._asked_count:
            events_read = f"{self._asked_count:,} events"
            if self._asked_count == 1:
                events_read = "1 event"
            yield f"Read {events_read}, a request each; of a batch, the first one."
        if self._lacking_count:
            yield f"The events of {_runs(self._lacking_count)} lack {self._by}."
        if self._unread_count:
            yield (
                f"The events of {_runs(self._unread_count)} were not read: they are no longer "
                f"stored, or beyond the {_MAX_EVENTS:,} that are read."
            )


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count:,} runs"


def _check_path(by: str) -> list[str]:
    """Return the names of a path into an event."""
    first, *rest = by.removeprefix(PREFIX).split(".")
    if first not in _FIELDS:
        hint = did_you_mean(first, _FIELDS)
        raise invalid("by", f"has {shown(by)}{hint}")
    if not all(rest):
        example = "as event.data.customer does"
        raise invalid("by", f"must name fields, {example}, not {shown(by)}")
    return [first, *rest]


def _value_at(path: list[str], event: StoredEvent) -> str | None:
    """Return a value of an event as the name of a group; None if the event lacks it."""
    first, *rest = path
    value: Any = getattr(event, first)
    for name in rest:
        if not isinstance(value, dict):
            return None
        value = cast("dict[str, Any]", value).get(name)
    if value is None:
        return None
    if value == "":
        return '""'
    if isinstance(value, str):
        return _shortened(value)
    text = json.dumps(value, default=str, sort_keys=True)
    return _shortened(text)


def _shortened(text: str) -> str:
    """Return a name of a limited length, which differs for values with the same beginning."""
    if len(text) <= _LONGEST_NAME:
        return text
    encoded = text.encode("utf-8", "surrogatepass")
    digest = blake2b(encoded, digest_size=4).hexdigest()
    kept = _LONGEST_NAME - len(digest) - 1
    return f"{text[:kept]}…{digest}"

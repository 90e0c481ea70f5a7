"""Summarize many runs: list them, and read the starts or the events that lists lack."""

from __future__ import annotations

import json
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, cast

from attrs import define, evolve, field

from inngest_rest._core.resources.events import get as get_event
from inngest_rest._core.resources.run_lists import list_runs
from inngest_rest._core.resources.runs import fetch as get_run
from inngest_rest._local.arguments import invalid
from inngest_rest._local.functions import function_of
from inngest_rest._local.run_errors import normalized_error
from inngest_rest._values.visible import counted, did_you_mean, shown
from inngest_rest.errors import NotFoundError
from inngest_rest.models import Run, RunStatus
from inngest_rest.summary import RunGroup, RunSummary
from inngest_rest.summary._group import OTHER, TIMED, Group

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.resources.filters import Selection
    from inngest_rest.errors import InvalidArgumentError
    from inngest_rest.models import StoredEvent

_PREFIX = "event."  # of a path into an event
_EVENT_FIELDS = ("id", "name", "data", "user", "ts", "v")

# JSON is never in parentheses, so that no value of an event is taken for one of these.
_NO_EVENT = "(no event)"
_NO_FIELD = "(no such field)"
_NOT_READ = "(event not read)"
_WITHOUT_VALUE = (_NO_EVENT, _NO_FIELD, _NOT_READ)

_GROUPINGS = ("function", "error")
_MAX_GROUPS = 200
_MAX_EVENTS = 5_000  # that are read, by a request each
_LONGEST_NAME = 120


async def summarize(
    session: Session, selection: Selection, *, by: str, exact: bool, limit: int | None
) -> RunSummary:
    """Count runs by function or error, or by a field of their events."""
    field_of_event = None
    if isinstance(by, str) and by.startswith(_PREFIX):  # pyright: ignore[reportUnnecessaryIsInstance]
        field_of_event = _EventField(session=session, path=_check_path(by))
        if exact:
            reason = "reads each run, and an event field each event: pass one"
            raise invalid("exact", reason)
    elif by not in _GROUPINGS:
        raise _unknown_grouping(by)
    if by == "error" and not selection.statuses:
        selection = evolve(selection, statuses=(RunStatus.FAILED,))
    # Errors are read with the counted runs: a second listing would find other runs.
    may_fail = not selection.statuses or RunStatus.FAILED in selection.statuses
    listing = list_runs(
        session, selection, limit=limit, include_output=may_fail, also_v1=True
    )
    tally = _Tally(by=by, is_exact=exact, field_of_event=field_of_event)
    walk = listing.walk()
    while not walk.is_done:
        page = await walk.next_page()
        if field_of_event is not None:
            await field_of_event.read(page.items)
        tally.count(page.items)
        tally.is_cut_by_limit = page.next_cursor is not None
        if exact:
            timed = [run for run in page.items if run.status in TIMED]
            found = await session.driver.together(partial(_get, session), timed)
            for listed, run in zip(timed, found, strict=True):
                tally.count_times(listed, run)
    if selection.evaluated_here or not tally.listed:
        tally.searched = await listing.searched()
    return tally.result()


async def _get(session: Session, run: Run) -> Run | None:
    try:
        return await get_run(session, run.id)
    except NotFoundError:
        return None


@define(kw_only=True, eq=False)
class _EventField:
    """A field of the events that started runs: each event is read once."""

    session: Session
    path: list[str]
    # The name of the group of an event's runs, by the id of the event.
    names: dict[str, str] = field(factory=dict[str, str])

    async def read(self, listed: Iterable[Run]) -> None:
        ids = dict.fromkeys(run.event_ids[0] for run in listed if run.event_ids)
        unread = [id for id in ids if id not in self.names]
        to_read = unread[: _MAX_EVENTS - len(self.names)]
        names = await self.session.driver.together(self._read_name, to_read)
        self.names.update(zip(to_read, names, strict=True))

    async def _read_name(self, event_id: str) -> str:
        try:
            event = await get_event(self.session, event_id)
        except NotFoundError:
            return _NOT_READ
        return _value_at(self.path, event)

    def name_of(self, run: Run) -> str:
        if not run.event_ids:
            return _NO_EVENT
        return self.names.get(run.event_ids[0], _NOT_READ)


@define(kw_only=True, eq=False)
class _Tally:
    """The runs that were counted so far."""

    by: str
    is_exact: bool
    field_of_event: _EventField | None
    groups: dict[str, Group] = field(factory=dict[str, Group])
    listed: int = 0
    got: int = 0
    is_cut_by_limit: bool = False
    searched: str = ""

    def count(self, listed: Iterable[Run]) -> None:
        for run in listed:
            self.listed += 1
            group = self._group_of(run)
            group.count(run)
            if run.status in TIMED:
                group.add_time("total", run.queued_at, run.ended_at)
                if not self.is_exact:
                    group.compare(run, run.queued_at, run.ended_at)

    def count_times(self, listed: Run, run: Run | None) -> None:
        """Count the times of a run that was got; None if the server no longer has it."""
        if run is not None:
            self.got += 1
            group = self._group_of(listed)
            group.add_time("waiting", run.queued_at, run.started_at)
            group.add_time("running", run.started_at, run.ended_at)
            group.compare(run, run.started_at, run.ended_at)

    def _group_of(self, run: Run) -> Group:
        name = self._name_of(run)
        is_new = name not in self.groups and name not in _WITHOUT_VALUE
        if is_new and len(self.groups) >= _MAX_GROUPS:
            name = OTHER
        return self.groups.setdefault(name, Group())

    def _name_of(self, run: Run) -> str:
        if self.field_of_event is not None:
            return self.field_of_event.name_of(run)
        if self.by == "error":
            is_failed = run.status == RunStatus.FAILED
            return normalized_error(run.error) if is_failed else "no error"
        return function_of(run) or "unknown"

    def result(self) -> RunSummary:
        groups = [self._record(name, group) for name, group in self.groups.items()]
        groups.sort(key=_rank)
        return RunSummary(by=self.by, groups=tuple(groups), notes=tuple(self._notes()))

    def _record(self, name: str, group: Group) -> RunGroup:
        record = group.record(name)
        if self.by == "error" and name != OTHER and record.errors:
            return evolve(record, name=record.errors[0].message)
        return record

    def _notes(self) -> Iterator[str]:
        if self.searched:
            yield f"Searched {self.searched}."
        if self.is_cut_by_limit:
            yield f"Stopped at the limit of {self.listed:,} runs; older ones are not counted."
        if self.field_of_event is not None:
            yield from self._notes_on_events(len(self.field_of_event.names))
            return
        timed = sum(group.timed for group in self.groups.values())
        if self.is_exact:
            yield f"Got {self.got:,} of {counted(timed, 'run')} one by one."
        elif timed and self.by == "function":
            runs = counted(timed, "run")
            yield f"Times are totals: `exact` gets {runs}, for waiting and running."

    def _notes_on_events(self, read: int) -> Iterator[str]:
        if read:
            yield f"Read {counted(read, 'event')}, a request each; of a batch, the first one."
        if _NOT_READ in self.groups:
            yield (
                f'"{_NOT_READ}": the event is no longer stored, or beyond the {_MAX_EVENTS:,} that '
                "are read."
            )


def _rank(group: RunGroup) -> tuple[bool | int | str, ...]:
    """Return the sort key of a group: by its failures and runs, all others at the end."""
    failed = group.counts.get(RunStatus.FAILED, 0)
    total = sum(group.counts.values())
    return group.name == OTHER, -failed, -total, group.name


def _unknown_grouping(by: object) -> InvalidArgumentError:
    choices = (*_GROUPINGS, f"{_PREFIX}data.NAME")
    if isinstance(by, str) and "," in by:
        reason = f"takes one grouping, not {shown(by)}: {', '.join(choices)}"
    else:
        reason = f"is {shown(by)}{did_you_mean(by, choices)}"
    return invalid("by", reason)


def _check_path(by: str) -> list[str]:
    """Return the names of a path into an event."""
    first, *rest = by.removeprefix(_PREFIX).split(".")
    if first not in _EVENT_FIELDS:
        hint = did_you_mean(first, _EVENT_FIELDS)
        raise invalid("by", f"has {shown(by)}{hint}")
    if not all(rest):
        example = "as event.data.customer does"
        raise invalid("by", f"must name fields, {example}, not {shown(by)}")
    return [first, *rest]


def _value_at(path: list[str], event: StoredEvent) -> str:
    """Return a value of an event as JSON, which keeps values of different types apart."""
    first, *rest = path
    value: Any = getattr(event, first)
    if value is None:  # of the event itself, none is null
        return _NO_FIELD
    for name in rest:
        if not isinstance(value, dict) or name not in value:
            return _NO_FIELD
        value = cast("dict[str, Any]", value)[name]
    text = json.dumps(value, default=str, sort_keys=True, ensure_ascii=False)
    return _shortened(text)


def _shortened(text: str) -> str:
    """Return a name of a limited length, which differs for values with the same beginning."""
    if len(text) <= _LONGEST_NAME:
        return text
    encoded = text.encode("utf-8", "surrogatepass")
    digest = blake2b(encoded, digest_size=4).hexdigest()
    kept = _LONGEST_NAME - len(digest) - 1
    return f"{text[:kept]}…{digest}"

"""Columns of tables: the values of a record that a terminal shows, their order and width."""

from __future__ import annotations

import json
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from inngest_rest.bulk import ActionRow
from inngest_rest.diagnosis import CallRoute
from inngest_rest.explain import WaitingRun
from inngest_rest.explanation import ReasonKind
from inngest_rest.models import App, Function, Job, Metric, Run, StoredEvent
from inngest_rest.record import Record, in_words
from inngest_rest.summary import RunGroup
from inngest_rest_tools.projection import Projection, field_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_LEAST_TEXT = 30  # for a sentence, which is not read in a narrower column
_IDS_TIMES = ("_id", "_at")  # the ends of names of fields whose values have to be whole


def _getter(value: str | Callable[[Any], object]) -> Callable[[Any], object]:
    return attrgetter(value) if isinstance(value, str) else value


@frozen
class Column:
    """A column of a table; if there is no room for it, its value has a line below the row.

    Attributes:
        heading: Its heading.
        value: A function of the record, or the name of an attribute.
        whole: Whether it is as wide as its values, as ids have to be; others may be folded.
        least: The minimum width of a column that may be folded.
        is_optional: Whether it is left out if there is no room.
        is_line: Whether it always has a line of its own below the row.
        from_width: The narrowest terminal that shows it.
        below_width: The narrowest terminal that no longer does.
    """

    heading: str
    value: Callable[[Any], object] = field(converter=_getter)
    whole: bool = False
    least: int = 12
    is_optional: bool = False
    is_line: bool = False
    from_width: int = 0
    below_width: float | None = None

    def has_room_at(self, width: float) -> bool:
        """Return whether a terminal of this width shows it."""
        is_narrow_enough = self.below_width is None or width < self.below_width
        return self.from_width <= width and is_narrow_enough


_whole = partial(Column, whole=True)
_optional = partial(Column, whole=True, is_optional=True)
_line = partial(Column, is_line=True)


def joined(*parts: object, by: str = " ") -> str:
    """Join the parts that are not empty."""
    return by.join(str(part) for part in parts if part)


def function_of(run: Run) -> str:
    """Return the function of a run, as far as the server names it."""
    if run.function_id:
        return joined(run.app_id, run.function_id, by="/")
    return run.internal_function_id or ""


def _outcome(run: Run) -> str:
    if run.error is not None:
        return str(run.error)
    if run.output is None:
        return ""
    return in_json(run.output)


def _error(run: Run) -> str:
    return "" if run.error is None else str(run.error)


def _own_id(event: StoredEvent) -> str:
    return "" if event.id == event.internal_id else event.id


def _sdk(app: App) -> str:
    return joined(app.sdk_language, app.sdk_version)


def _state_of_app(app: App) -> str | None:
    return "archived" if app.is_archived else app.sync_status


def _triggers(function: Function) -> str:
    return ", ".join(trigger.value for trigger in function.triggers)


def _state_of_function(function: Function) -> str:
    states: list[str] = []
    if function.is_archived:
        states.append("archived")
    if function.is_paused:
        states.append("paused")
    return " ".join(states)


def _waits_for(job: Job) -> str | None:
    return job.event or job.signal or job.function


def _route(call: CallRoute) -> str:
    if call.is_available is None:
        return f"{call.route} (if the server has it)"
    if call.is_available and call.route:
        return call.route
    return "none on this server"


def _releases(call: CallRoute) -> str | None:
    return f"{call.since} until {call.until}" if call.until else call.since


def _id_or_position(row: ActionRow) -> str:
    return row.id or f"input {row.position}"


def _kind(row: WaitingRun) -> str:
    kind = (row.kind or "unknown").replace("_", " ")
    return kind if row.is_certain else f"{kind}?"


def _why(row: WaitingRun) -> str:
    if row.kind == ReasonKind.LOST and row.is_certain:
        return ""  # the advice on all that are lost stands below the table
    return row.message


def _by_path(fields: Mapping[str, Any]) -> str:
    values = [f"{path} {in_words(value)}" for path, value in fields.items()]
    return ", ".join(values)


def _values_of_event(row: WaitingRun) -> str:
    return _by_path(row.event)


def _matched(run: Run) -> str:
    return _by_path(run.matched or {})


def _function_of_row(row: WaitingRun) -> str:
    return joined(row.app_id, row.function_id, by="/")


def _labels(metric: Metric) -> str:
    labels = [f"{name}={value}" for name, value in metric.labels.items()]
    return " ".join(labels)


_FIGURES = (
    *("runs", "failed", "open"),
    *("total p50/p95", "waiting p50/p95", "running p50/p95"),
)


def _figure(name: str) -> Column:
    def figure_of(group: RunGroup) -> object:
        return group.figures()[name]

    return _whole(name.upper(), figure_of)


COLUMNS: dict[type[Record], tuple[Column, ...]] = {
    Run: (
        _whole("ID", "id"),
        _whole("STATUS", "status"),
        Column("FUNCTION", function_of),
        _whole("QUEUED", "queued_at"),
        Column("EVENT", _matched),
        _whole("ENDED", "ended_at", from_width=110),
        Column("OUTPUT", _outcome, from_width=140, least=_LEAST_TEXT),
        _line("ERROR", _error, below_width=140),
    ),
    WaitingRun: (
        _whole("ID", "id"),
        Column("KIND", _kind),
        Column("FUNCTION", _function_of_row),
        _whole("QUEUED", "queued_at", from_width=110),
        Column("EVENT", _values_of_event),
        _line("WHY", _why),
    ),
    RunGroup: (
        Column("NAME", "name"),
        *map(_figure, _FIGURES),
        _whole("OLDEST OPEN", "oldest_open", from_width=140),
        _whole("LONGEST", "longest", from_width=140),
    ),
    StoredEvent: (
        _whole("INTERNAL ID", "internal_id"),
        Column("NAME", "name"),
        _whole("RECEIVED", "received_at"),
        Column("ID", _own_id, from_width=110),
        Column("DATA", "data", from_width=110, least=_LEAST_TEXT, is_optional=True),
    ),
    App: (
        _whole("ID", "id"),
        _whole("FUNCTIONS", "function_count"),
        Column("SDK", _sdk, from_width=60),
        _whole("SYNCED", "synced_at", from_width=60),
        Column("STATE", _state_of_app),
        Column("URL", "url", from_width=110),
        _line("ERROR", "sync_error"),
    ),
    Function: (
        _whole("APP", "app_id", from_width=60),
        _whole("ID", "id"),
        Column("TRIGGERS", _triggers),
        Column("STATE", _state_of_function),
        _optional("LAST RUN", "last_run_at"),
        _optional("LAST STATUS", "last_status"),
        _optional("NEXT RUN", "next_run_at"),
        Column("NAME", "name", from_width=110),
    ),
    Job: (
        _whole("ID", "id"),
        Column("KIND", "kind"),
        _whole("DUE", "at"),
        _whole("ATTEMPT", "attempt"),
        _whole("POSITION", "position"),
        Column("WAITS FOR", _waits_for),
    ),
    Metric: (
        Column("NAME", "name"),
        Column("LABELS", _labels),
        _whole("VALUE", lambda metric: f"{metric.value:,.15g}"),
        _optional("TYPE", "type"),
    ),
    CallRoute: (
        _whole("CALL", "call"),
        _whole("SINCE", _releases),
        Column("ROUTE", _route),
    ),
    ActionRow: (
        _whole("ID", _id_or_position),
        _whole("OUTCOME", "outcome"),
        _whole("NEW RUN", "new_run_id"),
        _whole("NEW EVENT", "new_event_id"),
        Column("FUNCTION", "function"),
        Column("EVENT", "event_name"),
        _optional("STATUS", "status"),
        _optional("QUEUED", "queued_at"),
        _optional("ENDED", "ended_at", from_width=110),
        Column("FROM STEP", "from_step"),
        Column("ERROR", "error", least=_LEAST_TEXT),
        _line("REASON", "reason"),
    ),
}
"""The columns of each class of records, for as much of them as there is room and a value."""


def columns_for(
    records: Sequence[Record], width: float, projection: Projection
) -> list[Column]:
    """Return the columns that are asked for, or those for which there is room and a value."""
    kind = type(records[0])
    names = field_names(kind)
    if projection.fields is not None:
        return [_column_of_field(name) for name in projection.fields if name in names]
    columns = COLUMNS.get(kind)
    if columns is None:
        columns = tuple(_column_of_field(name) for name in names)
    with_room = [column for column in columns if column.has_room_at(width)]
    return [column for column in with_room if _has_value(column, records)]


def _has_value(column: Column, records: Sequence[Record]) -> bool:
    return any(in_words(column.value(record)) for record in records)


def _column_of_field(name: str) -> Column:
    heading = name.upper().replace("_", " ")
    is_whole = name == "id" or name.endswith(_IDS_TIMES)
    return Column(heading, name, whole=is_whole)


def in_json(value: object) -> str:
    """Return a value of a payload as JSON text."""
    return json.dumps(value, ensure_ascii=False)

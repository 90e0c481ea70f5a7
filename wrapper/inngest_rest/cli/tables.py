"""Tables and views of records, for a terminal: what a server sent is text, never markup."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, cast

from attrs import evolve, frozen
from rich.console import Console
from rich.table import Table
from rich.text import Text

from inngest_rest._visible import is_right_to_left, visible
from inngest_rest.action_reports import ActionRow
from inngest_rest.cli.shape import Shape, field_names
from inngest_rest.cli.text import safe
from inngest_rest.diagnosis import Diagnosis
from inngest_rest.models import (
    App,
    Cancellation,
    Function,
    Job,
    Run,
    RunChange,
    RunError,
    Span,
    StoredEvent,
    Webhook,
)
from inngest_rest.operations.bounds import SPARED_CHARS
from inngest_rest.operations.explained import Explained
from inngest_rest.operations.results import Acted, Sent
from inngest_rest.record import Record
from inngest_rest.responses import Target

if TYPE_CHECKING:
    from inngest_rest.cli.output import Output

# Characters that a cell begins with, at most; a terminal has no room for more.
_LONGEST_CELL = 160

_MOST_ROWS = 100

# After text that runs from right to left, what follows on its line would be moved.
_LEFT_TO_RIGHT_MARK = "\u200e"

_STYLES = {
    "completed": "green",
    "done": "green",
    "failed": "red",
    "refused": "red",
    "not_found": "red",
    "cancelled": "yellow",
    "already_ended": "yellow",
    "unknown": "magenta",
    "running": "cyan",
    "planned": "cyan",
    "queued": "blue",
    "not_tried": "dim",
}


@frozen
class Column:
    """A column of a table.

    Attributes:
        heading: What is above it.
        value: Returns its value for a record.
        is_whole: Whether it is shown on one line and never cut, as an id has to be.
        from_width: Number of columns that a terminal must have for it.
    """

    heading: str
    value: Callable[[Any], object]
    is_whole: bool = False
    from_width: int = 0


def _function(run: Run) -> str:
    if run.function_id:
        return f"{run.app_id}/{run.function_id}" if run.app_id else run.function_id
    return run.internal_function_id or ""


def _outcome(run: Run) -> str:
    if run.error is None:
        return "" if run.output is None else _json(run.output)
    return _words_of(run.error)


def _words_of(error: RunError) -> str:
    return ": ".join(filter(None, (error.name, error.message)))


def _of_run(column: Column, change: RunChange) -> object:
    return column.value(change.run)


_RUN = (
    Column("ID", lambda it: it.id, is_whole=True),
    Column("STATUS", lambda it: it.status, is_whole=True),
    Column("FUNCTION", _function),
    Column("QUEUED", lambda it: it.queued_at, is_whole=True),
    Column("ENDED", lambda it: it.ended_at, is_whole=True, from_width=110),
    Column("OUTPUT", _outcome, from_width=110),
)

COLUMNS: dict[type[Record], tuple[Column, ...]] = {
    Run: _RUN,
    RunChange: (
        Column("CHANGE", lambda it: it.kind, is_whole=True),
        *(evolve(each, value=partial(_of_run, each)) for each in _RUN),
    ),
    StoredEvent: (
        Column("INTERNAL ID", lambda it: it.internal_id, is_whole=True),
        Column("NAME", lambda it: it.name),
        Column("RECEIVED", lambda it: it.received_at, is_whole=True),
        Column("ID", lambda it: "" if it.id == it.internal_id else it.id, from_width=110),
        Column("DATA", lambda it: _json(it.data), from_width=110),
    ),
    App: (
        Column("ID", lambda it: it.id),
        Column("FUNCTIONS", lambda it: it.function_count, is_whole=True),
        Column("SDK", lambda it: _words(it.sdk_language, it.sdk_version), from_width=60),
        Column("SYNCED", lambda it: it.synced_at, is_whole=True, from_width=60),
        Column("STATE", lambda it: "archived" if it.is_archived else it.sync_status),
        Column("URL", lambda it: it.url, from_width=110),
        Column("ERROR", lambda it: it.sync_error, from_width=110),
    ),
    Function: (
        Column("ID", lambda it: it.id),
        Column("TRIGGERS", lambda it: ", ".join(each.value for each in it.triggers)),
        Column(
            "STATE", lambda it: _words(it.is_archived and "archived", it.is_paused and "paused")
        ),
        Column("NAME", lambda it: it.name, from_width=110),
    ),
    Job: (
        Column("ID", lambda it: it.id),
        Column("KIND", lambda it: it.kind),
        Column("DUE", lambda it: it.at, is_whole=True),
        Column("ATTEMPT", lambda it: it.attempt, is_whole=True),
        Column("POSITION", lambda it: it.position, is_whole=True),
    ),
    Cancellation: (
        Column("ID", lambda it: it.id, is_whole=True),
        Column("FUNCTION", lambda it: _words(it.app_id, it.function_id)),
        Column("BEFORE", lambda it: it.started_before, is_whole=True),
        Column("AFTER", lambda it: it.started_after, is_whole=True, from_width=110),
        Column("CONDITION", lambda it: it.condition, from_width=110),
    ),
    Webhook: (  # its URL contains a key
        Column("ID", lambda it: it.id, is_whole=True),
        Column("NAME", lambda it: it.name),
        Column("CREATED", lambda it: it.created_at, is_whole=True),
    ),
    ActionRow: (
        Column("RUN", lambda it: it.id or f"input {it.position}", is_whole=True),
        Column("OUTCOME", lambda it: it.outcome, is_whole=True),
        Column("NEW RUN", lambda it: it.new_run_id, is_whole=True),
        Column("REASON", lambda it: it.reason),
    ),
}


def draw_many(items: Sequence[Record], output: Output, shape: Shape) -> None:
    """Draw records of one class as a table, or a line that there are none."""
    if items:
        _print(output, lambda console: _table(items, console, shape))


def draw_one(record: Record, output: Output, shape: Shape) -> None:
    """Draw one record: a view made for its class, or its fields."""
    if isinstance(record, Span) and shape.fields is None:
        color = None if output.path is None else False
        output.line(record.render(color=color))
        return
    _print(output, lambda console: _view(record, console, shape))


def table_of(items: Sequence[Record], console: Console) -> Table:
    """Return the table of records of one class."""
    return _table(items, console, Shape())


def console_for(output: Output) -> Console:
    """Return a console that writes to an output, and takes nothing for markup."""
    return Console(file=output.stream, highlight=False, markup=False, emoji=False)


def _print(output: Output, make: Callable[[Console], Any]) -> None:
    console = console_for(output)
    with console.capture() as captured:
        console.print(make(console))
    lines = captured.get().splitlines()
    output.line("\n".join(line.rstrip() for line in lines))


def _table(items: Sequence[Record], console: Console, shape: Shape) -> Table:
    columns = _columns(type(items[0]), console.width, shape)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for each in columns:
        table.add_column(each.heading, no_wrap=each.is_whole, overflow="fold")
    for item in items:
        table.add_row(*(_cell(each.value(item), shape) for each in columns))
    return table


def _columns(kind: type[Record], width: int, shape: Shape) -> list[Column]:
    if shape.fields is None and kind in COLUMNS:
        return [each for each in COLUMNS[kind] if width >= each.from_width]
    names = shape.fields or field_names(kind)
    own = {*field_names(kind)}
    return [
        Column(name.upper().replace("_", " "), attrgetter(name)) for name in names if name in own
    ]


def _cell(value: object, shape: Shape) -> Text:
    """Return a value on one line, as far as there may be room for it."""
    text = _text(value)
    longest = min(shape.max_chars or _LONGEST_CELL, _LONGEST_CELL)
    if len(text) > max(longest, SPARED_CHARS):
        text = f"{text[:longest]}…"
    shown = visible(text)
    if is_right_to_left(shown):
        shown += _LEFT_TO_RIGHT_MARK
    return Text(shown, style=_style(value), overflow="fold")


def _view(record: Record, console: Console, shape: Shape) -> Any:
    from rich.console import Group  # noqa: PLC0415 - a table does without

    match record:
        case Acted() if shape.fields is None:
            return Group(*_acted(record, console))
        case Explained() if shape.fields is None:
            return Group(*_explained(record, console))
        case Sent() if shape.fields is None:
            return Group(*_sent(record))
        case Diagnosis() if shape.fields is None:
            from inngest_rest.cli import diagnosis  # noqa: PLC0415 - few look at one

            return Group(*diagnosis.view(record))
        case _:
            return _fields(record, shape)


def _acted(acted: Acted, console: Console) -> list[Any]:
    window = " ".join(
        f"{name} {_text(at)}" for name, at in (("since", acted.since), ("until", acted.until)) if at
    )
    parts: list[Any] = [Text(safe(f"{acted.report} at {_text(acted.target)}"))]
    if window:
        parts.append(Text(f"Runs queued {window}"))
    rows = acted.rows[:_MOST_ROWS]
    if rows:
        parts.append(_table(rows, console, Shape()))
    if more := len(acted.rows) - len(rows) + acted.rows_left_out:
        parts.append(Text(f"and {more:,} more", style="dim"))
    return parts


def _sent(sent: Sent) -> list[Any]:
    counts = {"accepted": sent.accepted, "rejected": sent.rejected, "unknown": sent.unknown}
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    parts: list[Any] = [Text(f"{told or 'nothing sent'} at {safe(sent.target.event_url)}")]
    parts += [Text(visible(id)) for id in sent.ids[:_MOST_ROWS]]
    if more := sent.accepted - min(len(sent.ids), _MOST_ROWS):
        parts.append(Text(f"and {more:,} more", style="dim"))
    for each in sent.failures[:_MOST_ROWS]:
        parts.append(Text(visible(f"{each.position}: {each.reason}"), style="red"))
    if (more := len(sent.failures) - _MOST_ROWS) > 0:
        parts.append(Text(f"and {more:,} more", style="dim"))
    return parts


def _explained(explained: Explained, console: Console) -> list[Any]:
    parts: list[Any] = [Text(safe(explained.sentence))]
    if explained.runs:
        parts += [Text(), _table(explained.runs, console, Shape())]
    return parts


def _fields(record: Record, shape: Shape) -> Table:
    """Return the fields that have a value, one below the other."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name in shape.fields or field_names(type(record)):
        value = getattr(record, name, None)
        if value is not None and value not in ((), {}):
            text, _ = shape.cut(_text(value, indent=2), name)
            table.add_row(name.replace("_", " "), Text(safe(text), style=_style(value)))
    return table


def _text(value: object, *, indent: int | None = None) -> str:
    """Return a value in words."""
    match value:
        case None | False:
            return ""
        case True:
            return "yes"
        case Enum():
            return str(value.value)
        case str():
            return value
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        case timedelta():
            return f"{value.total_seconds():g} s"
        case Target():
            return value.api_url + (f" (environment {value.env})" if value.env else "")
        case RunError():
            return "\n".join(filter(None, (_words_of(value), value.stack)))
        case Record():
            return _json(value.to_dict(), indent=indent)
        case Mapping() | list() | tuple():
            return _json(cast("object", value), indent=indent)
        case _:
            return str(value)


def _json(value: object, *, indent: int | None = None) -> str:
    def plain(it: Any) -> Any:
        return it.to_dict() if isinstance(it, Record) else str(it)

    return json.dumps(value, ensure_ascii=False, default=plain, indent=indent)


def _style(value: object) -> str:
    return _STYLES.get(str(value), "") if isinstance(value, Enum) else ""


def _words(*parts: object) -> str:
    return " ".join(str(each) for each in parts if each)

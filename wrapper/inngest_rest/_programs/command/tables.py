"""Tables, views and reports of records: text from the server is never markup."""

from __future__ import annotations

import json
import math
import re
import sys
from enum import Enum
from functools import partial
from itertools import zip_longest
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen
from rich.console import Console
from rich.table import Table
from rich.text import Text

from inngest_rest import models
from inngest_rest._programs.answer import SPARED_CHARS, Projection, field_names
from inngest_rest._programs.results import Acted, Done, Sent
from inngest_rest._ulid import second_of_ulid
from inngest_rest._visible import and_more, quoted, safe, visible, with_direction
from inngest_rest.action_reports import ActionRow
from inngest_rest.diagnosis import CallRoute, Diagnosis
from inngest_rest.explanation import Explanation, RunExplanation
from inngest_rest.record import Record, in_words
from inngest_rest.responses import Target
from inngest_rest.summary import FIGURES, RunGroup, RunSummary, figures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TextIO

Part = str | Text | Table | tuple[Record, ...]
"""What a view consists of: lines of text, and records that make a table."""

_LONGEST_CELL = 160  # characters; a row has no room for more
_LONGEST_LINE = 1_000  # of what has lines of its own
_LEAST_TEXT = 30  # for a sentence, which is not read in a narrower column
_GAP = 2  # between two columns
_IDS_TIMES = ("_id", "_at")  # the ends of names of fields whose values have to be whole
_MOST_ROWS = 100

_METRICS = {
    "": "Runs by status.",
    "_failure_ratio": "Failed runs among those that completed or failed.",
    "_seconds": "Times of runs that completed or failed, by phase: quantiles by nearest rank.",
    "_oldest_open_timestamp_seconds": "When the oldest open run was queued.",
    "_errors": "Failed runs by error.",
}

_STYLES = {
    **dict.fromkeys(("completed", "done", "ok"), "green"),
    **dict.fromkeys(("failed", "refused", "not_found", "problem"), "red"),
    **dict.fromkeys(("cancelled", "already_ended", "already_replayed"), "yellow"),
    **dict.fromkeys(("already_sent", "warning"), "yellow"),
    **dict.fromkeys(("running", "planned"), "cyan"),
    "unknown": "magenta",
    "queued": "blue",
    "not_tried": "dim",
}


def _getter(value: str | Callable[[Any], object]) -> Callable[[Any], object]:
    return attrgetter(value) if isinstance(value, str) else value


@frozen
class Column:
    """A column of a table; where there is no room for it, its value has a line below the row.

    Attributes:
        heading: What it is called.
        value: What it shows of a record, or the name of an attribute.
        whole: Whether it is as wide as its values, as ids have to be; others may be folded.
        least: How narrow others may be, if their values are wider.
        is_optional: Whether it is left out where there is no room.
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


_whole = partial(Column, whole=True)
_optional = partial(Column, whole=True, is_optional=True)
_line = partial(Column, is_line=True)


def _function(run: models.Run) -> str:
    named = _joined(run.app_id, run.function_id, by="/")
    return named if run.function_id else run.internal_function_id or ""


def _outcome(run: models.Run) -> str:
    told = "" if run.output is None else _json(run.output)
    return told if run.error is None else str(run.error)


def _error(run: models.Run) -> str:
    return "" if run.error is None else str(run.error)


def _route(call: CallRoute) -> str:
    if call.is_available is None:
        return f"{call.route} (if the server has it)"
    return call.route if call.is_available and call.route else "none on this server"


def _figure(name: str, group: RunGroup) -> str:
    return figures(group)[name]


def _joined(*parts: object, by: str = " ") -> str:
    return by.join(str(each) for each in parts if each)


COLUMNS: dict[type[Record], tuple[Column, ...]] = {
    models.Run: (
        _whole("ID", "id"),
        _whole("STATUS", "status"),
        Column("FUNCTION", _function),
        _whole("QUEUED", "queued_at"),
        _whole("ENDED", "ended_at", from_width=110),
        Column("OUTPUT", _outcome, from_width=140, least=_LEAST_TEXT),
        _line("ERROR", _error, below_width=140),
    ),
    RunGroup: (
        Column("NAME", "name"),
        *(_whole(name.upper(), partial(_figure, name)) for name in FIGURES),
        _whole("OLDEST OPEN", "oldest_open", from_width=140),
        _whole("LONGEST", "longest", from_width=140),
    ),
    models.StoredEvent: (
        _whole("INTERNAL ID", "internal_id"),
        Column("NAME", "name"),
        _whole("RECEIVED", "received_at"),
        Column("ID", lambda it: "" if it.id == it.internal_id else it.id, from_width=110),
        Column("DATA", "data", from_width=110, least=_LEAST_TEXT, is_optional=True),
    ),
    models.App: (
        _whole("ID", "id"),
        _whole("FUNCTIONS", "function_count"),
        Column("SDK", lambda it: _joined(it.sdk_language, it.sdk_version), from_width=60),
        _whole("SYNCED", "synced_at", from_width=60),
        Column("STATE", lambda it: "archived" if it.is_archived else it.sync_status),
        Column("URL", "url", from_width=110),
        _line("ERROR", "sync_error"),
    ),
    models.Function: (
        _whole("ID", "id"),
        Column("TRIGGERS", lambda it: ", ".join(each.value for each in it.triggers)),
        Column(
            "STATE", lambda it: _joined(it.is_archived and "archived", it.is_paused and "paused")
        ),
        Column("NAME", "name", from_width=110),
    ),
    models.Job: (
        _whole("ID", "id"),
        Column("KIND", "kind"),
        _whole("DUE", "at"),
        _whole("ATTEMPT", "attempt"),
        _whole("POSITION", "position"),
        Column("WAITS FOR", lambda it: it.event or it.signal or it.function),
    ),
    # A webhook's URL contains a key.
    models.Webhook: (_whole("ID", "id"), Column("NAME", "name"), _whole("CREATED", "created_at")),
    CallRoute: (_whole("CALL", "call"), _whole("SINCE", "since"), Column("ROUTE", _route)),
    ActionRow: (
        _whole("ID", lambda it: it.id or f"input {it.position}"),
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


def draw(
    items: Sequence[Record], projection: Projection, form: str, stream: TextIO, *, is_one: bool
) -> str:
    """Return records of one class as a table; one record as its view, or its fields."""
    first: Record = items[0]
    if isinstance(first, RunSummary) and form in _REPORTS:
        return "\n".join(_REPORTS[form](first))
    if is_one and isinstance(first, models.Span) and projection.fields is None:
        return first.render(color=None if stream is sys.stdout else False)
    # Text of the server is not taken for markup.
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    parts = _view(first, projection) if is_one else [tuple(items)]
    drawn = [_drawn(each, console, projection) for each in parts if each != ()]
    with console.capture() as captured:
        console.print(*drawn, sep="\n")
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def line_of(change: Any) -> str:
    """Return a change of a run as a line; changes come one by one, and make no table."""
    is_end = change.kind == "ended"
    if isinstance(change, models.StepChange):
        span = change.span
        at, words = span.ended_at if is_end else span.started_at, [span.name]
        if is_end:
            words = [f"{span.status:9}", span.name, in_words(span.duration)]
        if is_end and span.error is not None:
            words.append(str(span.error))
        words = [change.kind.ljust(8), *words]
    else:
        run = change.run
        at = run.ended_at or run.queued_at
        words = [run.id, change.kind.ljust(8), f"{run.status:9}", _function(run)]
    return visible(_joined(in_words(at), *words, by="  ").rstrip())


def _drawn(part: Part, console: Console, projection: Projection) -> Text | Table:
    """Return a part of a view as it is printed: records as a table, text line by line."""
    if isinstance(part, str):
        return Text(visible(part))
    if not isinstance(part, tuple):
        return part
    columns = _columns(part, console.width, projection)
    rows = [[_cell(each, item, projection) for each in columns] for item in part]
    widths = _widths(columns, rows, console.width)
    lines = [*_row([Text(each.heading, "bold") for each in columns], widths, console)]
    for cells in rows:
        lines += _row(cells, widths, console)
        lines += _below(cells, columns, widths, console)
    return Text("\n").join(lines)


def _row(cells: Sequence[Text], widths: Sequence[int], console: Console) -> Iterator[Text]:
    """Yield the lines of a row: those cells that have a width, folded to it."""
    inside = [(cell, width) for cell, width in zip(cells, widths, strict=True) if width]
    folded = [cell.wrap(console, width, overflow="fold") for cell, width in inside]
    for pieces in zip_longest(*folded, fillvalue=Text()):
        line = Text()
        for piece, (_, width) in zip(pieces, inside, strict=True):
            line.append_text(piece).append(" " * (width - piece.cell_len + _GAP))
        line.rstrip()
        yield line


def _below(
    cells: Sequence[Text], columns: Sequence[Column], widths: Sequence[int], console: Console
) -> Iterator[Text]:
    """Yield the indented lines below a row: what has no room in it, as many on a line as fit."""
    room = console.width - _GAP
    lines = list[Text]()
    for cell, column, width in zip(cells, columns, widths, strict=True):
        if not cell or width or column.is_optional:
            continue
        item = Text(f"{column.heading.lower()}: ", "dim") + cell
        if lines and lines[-1].cell_len + _GAP + item.cell_len <= room:
            lines[-1].append(" " * _GAP).append_text(item)
        else:
            lines.append(item)
    for line in lines:
        for piece in line.wrap(console, room, overflow="fold"):
            yield Text(" " * _GAP) + piece


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int) -> list[int]:
    """Return how wide each column is; 0 if there is no room for it in a row."""
    wanted, widths = list[int](), list[int]()
    left = width + _GAP
    for at, each in enumerate(columns):
        widest = max(cells[at].cell_len for cells in rows)
        wanted.append(max(widest, len(each.heading)))
        least = min(wanted[at] if each.whole else min(wanted[at], each.least), width)
        has_room = least + _GAP <= left and not each.is_line
        widths.append(least if has_room else 0)
        left -= least + _GAP if has_room else 0
    for at, given in enumerate(widths):
        more = min(wanted[at] - given, left) if given else 0
        widths[at] += more
        left -= more
    return widths


def _table(**more: Any) -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", **more)


def _columns(items: Sequence[Record], width: float, projection: Projection) -> list[Column]:
    """Return the columns that are asked for, or those for which there is room and a value."""
    kind = type(items[0])
    own = field_names(kind)
    names = [name for name in projection.fields or own if name in own]
    columns = [
        Column(name.upper().replace("_", " "), name, whole=name == "id" or name[-3:] in _IDS_TIMES)
        for name in names
    ]
    if projection.fields is not None:
        return columns
    return [
        each
        for each in COLUMNS.get(kind, columns)
        if each.from_width <= width
        and (each.below_width is None or width < each.below_width)
        and any(in_words(each.value(it)) for it in items)
    ]


def _cell(column: Column, item: Record, projection: Projection) -> Text:
    """Return a value on one line, as far as there may be room for it."""
    value = column.value(item)
    text = in_words(value)
    longest = _LONGEST_LINE if column.is_line else _LONGEST_CELL
    longest = min(projection.max_chars or longest, longest)
    if len(text) > max(longest, SPARED_CHARS):
        text = f"{text[:longest]}…"
    cell = Text(with_direction(visible(text)), overflow="fold")
    cell.stylize(_style(value))
    return cell


def _view(record: Record, projection: Projection) -> Iterator[Part]:
    match record if projection.fields is None else None:
        case (Acted() as acted) | Done(planned=Acted() as acted):
            yield from _acted(acted)
        case Explanation(sentence=told, runs=rows) | RunExplanation(sentence=told, jobs=rows):
            yield told
            yield from [""] * bool(rows)
            yield rows
        case Sent() as sent:
            yield from _sent(sent)
        case RunSummary() as summary:
            yield summary.groups
            yield from _lines(summary)
        case Diagnosis() as diagnosis:
            yield _findings(diagnosis)
            yield from [""] * bool(diagnosis.calls)
            yield diagnosis.calls
            versions = ", ".join(f"{name} {it}" for name, it in diagnosis.versions.items())
            yield Text(f"\n{versions}", style="dim")
        case _:
            yield _fields(record, projection)


def _acted(acted: Acted) -> Iterator[Part]:
    counts = ", ".join(f"{n:,} {it.replace('_', ' ')}" for it, n in acted.counts.items())
    yield f"{acted.action}: {counts or 'nothing to do'} at {_whole_text(acted.target)}"
    bounds = {"since": acted.since, "until": acted.until}
    if window := " ".join(f"{name} {in_words(at)}" for name, at in bounds.items() if at):
        what = "Events received" if acted.action == "events.resend" else "Runs queued"
        yield f"{what} {window}"
    if len(acted.by_function) > 1:
        each = [f"{count:,} {quoted(name)}" for name, count in acted.by_function.items()]
        yield f"Of them {and_more(each)}"
    yield acted.rows[:_MOST_ROWS]
    yield from _and_more(len(acted.rows) - _MOST_ROWS)


def _sent(sent: Sent) -> Iterator[Part]:
    if (found := sent.preview) is not None:
        yield f"would send {found.events:,} events, {found.bytes:,} bytes"
        yield found.functions
        yield from (Text(visible(f"not checked: {each}"), style="dim") for each in found.unchecked)
        sent = evolve(sent, failures=found.failures)
    counts = {"accepted": sent.accepted, "rejected": sent.rejected, "unknown": sent.unknown}
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    yield f"{told or 'nothing was sent'} at {sent.target.event_url}"
    yield from map(visible, sent.ids[:_MOST_ROWS])
    yield from _and_more(sent.accepted - min(len(sent.ids), _MOST_ROWS))
    for each in sent.failures[:_MOST_ROWS]:
        yield Text(visible(f"{each.position}: {each.reason}"), style="red")
    yield from _and_more(len(sent.failures) - _MOST_ROWS)


def _lines(summary: RunSummary) -> Iterator[str]:
    """Yield the errors of a summary, and what else there is to know."""
    if not summary.groups:
        yield "no runs"
    for group in summary.groups:
        place = "" if summary.by == "error" else f"{group.name}: "
        for each in group.errors:
            yield f"{place}{each}"
    yield from summary.notes


def _markdown(summary: RunSummary) -> Iterator[str]:
    """Yield the lines of a summary in Markdown, for the page of a CI system."""
    if groups := summary.groups:
        columns = _columns(groups, math.inf, Projection())
        rows = [[it.heading for it in columns], ["---"] * len(columns)]
        rows += [[_escaped(in_words(it.value(each))) for it in columns] for each in groups]
        yield from (*(f"| {' | '.join(row)} |" for row in rows), "")
    yield from (f"- {_escaped(line)}" for line in _lines(summary))


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|~#&@])", r"\\\1", visible(text))


def _metrics(summary: RunSummary) -> Iterator[str]:
    """Yield the lines of a summary as metrics, in the text format of Prometheus, version 0.0.4."""
    yield from (f"# {note}" for note in summary.notes)
    samples = [(group, *each) for group in summary.groups for each in _samples(group)]
    for name, words in _METRICS.items():
        yield from (f"# HELP inngest_runs{name} {words}", f"# TYPE inngest_runs{name} gauge")
        for group, of, value, more in samples:
            labels = {summary.by: group.name, **more}.items()
            # Those escapes that `visible` leaves are the same in JSON.
            told = ",".join(f"{it}={_json(visible(to))}" for it, to in labels)
            if of == name:
                yield f"inngest_runs{name}{{{told}}} {value}"


def _samples(group: RunGroup) -> Iterator[tuple[str, float, dict[str, str]]]:
    yield from (("", count, {"status": status}) for status, count in group.counts.items())
    if group.failure_rate is not None:
        yield "_failure_ratio", group.failure_rate, {}
    for phase, times in group.times.items():
        for quantile, time in ("0.5", times.p50), ("0.95", times.p95):
            yield "_seconds", time.total_seconds(), {"phase": phase, "quantile": quantile}
    if group.oldest_open:
        yield "_oldest_open_timestamp_seconds", second_of_ulid(group.oldest_open), {}
    yield from (("_errors", each.runs, {"error": each.message}) for each in group.errors)


_REPORTS = {"markdown": _markdown, "prometheus": _metrics}
"""What writes a summary of runs in a format of its own."""


def _and_more(count: int) -> Iterator[Text]:
    if count > 0:
        yield Text(f"and {count:,} more", style="dim")


def _findings(diagnosis: Diagnosis) -> Table:
    table = _table(show_header=False)
    for each in diagnosis.findings:
        words = f"{each.message}\n→ {each.remedy}" if each.remedy else each.message
        state = Text(each.state.value, style=_style(each.state))
        table.add_row(state, each.check.value.replace("_", " "), Text(safe(words)))
    return table


def _fields(record: Record, projection: Projection) -> Table:
    """Return the fields that have a value, one below the other."""
    table = _table(show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name in projection.fields or field_names(type(record)):
        value = getattr(record, name, None)
        if value is not None and value not in ((), {}):
            text = projection.cut(_whole_text(value), name)
            table.add_row(name.replace("_", " "), Text(safe(text), style=_style(value)))
    return table


def _whole_text(value: object) -> str:
    """Return a value with all that there is to say of it, where there are lines for it."""
    match value:
        case Target():
            return value.api_url + (f" (environment {value.env})" if value.env else "")
        case models.RunError():
            return _joined(str(value), value.stack, by="\n")
        case _:
            return in_words(value, indent=2)


def _json(plain: object, *, indent: int | None = None) -> str:
    return json.dumps(plain, ensure_ascii=False, indent=indent)


def _style(value: object) -> str:
    return _STYLES.get(str(value), "") if isinstance(value, Enum) else ""

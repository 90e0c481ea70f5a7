"""Tables, views and reports of records: text from the server is never markup."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from inngest_rest import models
from inngest_rest._core.arguments import second_of_ulid
from inngest_rest._core.resources.runs import run_error
from inngest_rest._programs.answer import Projection, field_names
from inngest_rest._programs.bounds import SPARED_CHARS
from inngest_rest._programs.results import Acted, CreatedCancellation, Sent
from inngest_rest._visible import and_more, safe, visible, with_direction
from inngest_rest._waterfall.layout import text_of
from inngest_rest.action_reports import ActionRow
from inngest_rest.diagnosis import CallRoute, Diagnosis
from inngest_rest.explanation import Explanation, RunExplanation
from inngest_rest.record import Record
from inngest_rest.responses import Target
from inngest_rest.summary import RunGroup, RunSummary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

_LONGEST_CELL = 160  # characters; a terminal has no room for more
_MOST_ROWS = 100

_METRICS = {
    "": "Runs by status.",
    "_failure_ratio": "Failed runs among those that completed or failed.",
    "_seconds": "Times of runs that completed or failed, by phase.",
    "_oldest_open_timestamp_seconds": "When the oldest open run was queued.",
    "_errors": "Failed runs by error.",
}

_STYLES = {
    **dict.fromkeys(("completed", "done", "ok"), "green"),
    **dict.fromkeys(("failed", "refused", "not_found", "problem"), "red"),
    **dict.fromkeys(("cancelled", "already_ended", "already_replayed", "warning"), "yellow"),
    **dict.fromkeys(("running", "planned"), "cyan"),
    "unknown": "magenta",
    "queued": "blue",
    "not_tried": "dim",
}


@frozen
class Column:
    """A column: `whole` is shown on one line, as an id has to be; others where there is room.

    One that `may_lack` is left out of a table in which no row has a value for it.
    """

    heading: str
    value: Callable[[Any], object]
    whole: bool = False
    from_width: int = 0
    may_lack: bool = False


def _text_of(heading: str, path: str, from_width: int = 0, **more: bool) -> Column:
    return Column(heading, attrgetter(path), from_width=from_width, **more)


_whole = partial(_text_of, whole=True)


def _function(run: models.Run) -> str:
    if run.function_id:
        return f"{run.app_id}/{run.function_id}" if run.app_id else run.function_id
    return run.internal_function_id or ""


def _outcome(run: models.Run) -> str:
    if run.error is None:
        return "" if run.output is None else _json(run.output)
    return _words_of(run.error)


def _route(call: CallRoute) -> str:
    if call.is_available is None:
        return f"{call.route} (if the server has it)"
    return call.route if call.is_available and call.route else "none on this server"


def _failures(group: RunGroup) -> str:
    """Return how many runs failed, with a bar for the share of them, if there is one."""
    if (rate := group.failure_rate) is None:
        return "0"
    return f"{'█' * math.ceil(rate * 8):░<8} {rate:6.1%} {group.counts.get('failed', 0):,}"


def _times(phase: str, group: RunGroup) -> str | None:
    # Where there is room for two, it is waiting and running.
    is_shown = phase in group.times and (phase != "total" or "running" not in group.times)
    return " / ".join(map(text_of, group.times[phase])) if is_shown else None


def _words_of(error: models.RunError) -> str:
    return ": ".join(filter(None, (error.name, error.message)))


def _words(*parts: object) -> str:
    return " ".join(str(each) for each in parts if each)


COLUMNS: dict[type[Record], tuple[Column, ...]] = {
    models.Run: (
        _whole("ID", "id"),
        _whole("STATUS", "status"),
        Column("FUNCTION", _function),
        _whole("QUEUED", "queued_at"),
        _whole("ENDED", "ended_at", 110),
        Column("OUTPUT", _outcome, from_width=110),
    ),
    RunGroup: (
        _text_of("NAME", "name"),
        Column("RUNS", lambda it: f"{sum(it.counts.values()):,}", whole=True),
        Column("FAILED", _failures, whole=True),
        Column("OPEN", lambda it: sum(map(it.counts.get, models.UNFINISHED, (0, 0))), whole=True),
        *(
            Column(f"{phase.upper()} P50/P95", partial(_times, phase), True, may_lack=True)
            for phase in ("total", "waiting", "running")
        ),
        _whole("OLDEST OPEN", "oldest_open", 140, may_lack=True),
        _whole("LONGEST", "longest", 140, may_lack=True),
    ),
    models.StoredEvent: (
        _whole("INTERNAL ID", "internal_id"),
        _text_of("NAME", "name"),
        _whole("RECEIVED", "received_at"),
        Column("ID", lambda it: "" if it.id == it.internal_id else it.id, from_width=110),
        Column("DATA", lambda it: _json(it.data), from_width=110),
    ),
    models.App: (
        _text_of("ID", "id"),
        _whole("FUNCTIONS", "function_count"),
        Column("SDK", lambda it: _words(it.sdk_language, it.sdk_version), from_width=60),
        _whole("SYNCED", "synced_at", 60),
        Column("STATE", lambda it: "archived" if it.is_archived else it.sync_status),
        _text_of("URL", "url", 110),
        _text_of("ERROR", "sync_error", 110),
    ),
    models.Function: (
        _text_of("ID", "id"),
        Column("TRIGGERS", lambda it: ", ".join(each.value for each in it.triggers)),
        Column(
            "STATE", lambda it: _words(it.is_archived and "archived", it.is_paused and "paused")
        ),
        _text_of("NAME", "name", 110),
    ),
    models.Job: (
        _text_of("ID", "id"),
        _text_of("KIND", "kind"),
        _whole("DUE", "at"),
        _whole("ATTEMPT", "attempt"),
        _whole("POSITION", "position"),
        Column("WAITS FOR", lambda it: it.event or it.signal or it.function, may_lack=True),
    ),
    models.Cancellation: (
        _whole("ID", "id"),
        Column("FUNCTION", lambda it: _words(it.app_id, it.function_id)),
        _whole("BEFORE", "started_before"),
        _whole("AFTER", "started_after", 110),
        _text_of("CONDITION", "condition", 110),
    ),
    # A webhook's URL contains a key.
    models.Webhook: (_whole("ID", "id"), _text_of("NAME", "name"), _whole("CREATED", "created_at")),
    CallRoute: (_whole("CALL", "call"), _whole("SINCE", "since"), Column("ROUTE", _route)),
    ActionRow: (
        Column("ID", lambda it: it.id or f"input {it.position}", whole=True),
        _whole("OUTCOME", "outcome"),
        _text_of("FUNCTION", "function", may_lack=True),
        _whole("STATUS", "status", may_lack=True),
        _whole("QUEUED", "queued_at", may_lack=True),
        _whole("ENDED", "ended_at", 110, may_lack=True),
        _text_of("ERROR", "error", may_lack=True),
        _text_of("FROM STEP", "from_step", may_lack=True),
        _whole("NEW RUN", "new_run_id", may_lack=True),
        _text_of("EVENT", "event_name", may_lack=True),
        _whole("NEW EVENT", "new_event_id", may_lack=True),
        _text_of("REASON", "reason", may_lack=True),
    ),
}


def draw_many(items: Sequence[Record], projection: Projection, stream: TextIO) -> str:
    """Return the table of records of one class, as wide as the terminal of a stream."""
    return _drawn(stream, lambda console: [table_of(items, console, projection)])


def draw_one(items: Sequence[Record], projection: Projection, stream: TextIO) -> str:
    """Return one record drawn: a view made for its class, or its fields."""
    (record,) = items
    if isinstance(record, models.Span) and projection.fields is None:
        return record.render(color=None if stream is sys.stdout else False)
    return _drawn(stream, lambda console: _view(record, console, projection))


def line_of(change: Any) -> str:
    """Return a change of a run as a line; changes come one by one, and make no table."""
    if isinstance(change, models.StepChange):
        span, is_end = change.span, change.kind == "ended"
        error = _words_of(run_error(span.output)) if span.status == "failed" else ""
        end = f"{span.status:9}  {span.name}  {_text(span.duration)}  {error}"
        when = _text(span.ended_at if is_end else span.started_at)
        return visible(f"{when}  {change.kind:8}  {end if is_end else span.name}".rstrip())
    run = change.run
    at = run.ended_at or run.queued_at
    when = f"{_text(at)}  " if at else ""
    text = f"{when}{run.id}  {change.kind:8}  {run.status:9}  {_function(run)}".rstrip()
    return visible(text)


def _drawn(stream: TextIO, parts: Callable[[Console], Iterable[Any]]) -> str:
    # Text of the server is not taken for markup.
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        console.print(Group(*parts(console)))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def table_of(
    items: Sequence[Record], console: Console, projection: Projection | None = None
) -> Table:
    """Return the table of records of one class."""
    projection = projection or Projection()
    columns = _columns(items, console.width, projection)
    table = _grid(show_header=True)
    for each in columns:
        table.add_column(each.heading, no_wrap=each.whole, overflow="fold")
    for item in items:
        table.add_row(*(_cell(each.value(item), projection) for each in columns))
    return table


def _grid(*, show_header: bool = False) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", show_header=show_header)
    table.padding = (0, 2, 0, 0)
    return table


def _columns(items: Sequence[Record], width: float, projection: Projection) -> list[Column]:
    kind = type(items[0])
    if projection.fields is None and kind in COLUMNS:
        return [
            each
            for each in COLUMNS[kind]
            if width >= each.from_width
            and (not each.may_lack or any(each.value(item) is not None for item in items))
        ]
    own = field_names(kind)
    names = [name for name in projection.fields or own if name in own]
    return [_text_of(name.upper().replace("_", " "), name) for name in names]


def _cell(value: object, projection: Projection) -> Text:
    """Return a value on one line, as far as there may be room for it."""
    text = _text(value)
    longest = min(projection.max_chars or _LONGEST_CELL, _LONGEST_CELL)
    if len(text) > max(longest, SPARED_CHARS):
        text = f"{text[:longest]}…"
    return Text(with_direction(visible(text)), style=_style(value), overflow="fold")


def _view(record: Record, console: Console, projection: Projection) -> Iterator[Any]:
    match record if projection.fields is None else None:
        case Acted() as acted:
            yield from _acted(acted, console)
        case CreatedCancellation(planned=Acted() as planned):
            yield from _acted(planned, console)
        case (
            Explanation(sentence=sentence, runs=of_it)
            | RunExplanation(sentence=sentence, jobs=of_it)
        ):
            yield Text(safe(sentence))
            if of_it:
                yield from (Text(), table_of(of_it, console))
        case Sent() as sent:
            yield from _sent(sent, console)
        case RunSummary() as summary:
            if summary.groups:
                yield table_of(summary.groups, console)
            yield from (Text(safe(line)) for line in _lines(summary))
        case Diagnosis() as diagnosis:
            yield _findings(diagnosis)
            if diagnosis.calls:
                yield from (Text(), table_of(diagnosis.calls, console))
            versions = ", ".join(f"{name} {it}" for name, it in diagnosis.versions.items())
            yield from (Text(), Text(versions, style="dim"))
        case _:
            yield _fields(record, projection)


def _acted(acted: Acted, console: Console) -> Iterator[Any]:
    counts = ", ".join(f"{n:,} {it.replace('_', ' ')}" for it, n in acted.counts.items())
    yield Text(safe(f"{acted.action}: {counts or 'nothing to do'} at {_text(acted.target)}"))
    bounds = {"since": acted.since, "until": acted.until}
    if window := " ".join(f"{name} {_text(at)}" for name, at in bounds.items() if at):
        what = "Events received" if acted.action == "events.resend" else "Runs queued"
        yield Text(f"{what} {window}")
    if len(acted.by_function) > 1:
        each = [f"{count:,} {name}" for name, count in acted.by_function.items()]
        yield Text(safe(f"Of them {and_more(each)}"))
    if acted.rows:
        yield table_of(acted.rows[:_MOST_ROWS], console)
    yield from _and_more(len(acted.rows[_MOST_ROWS:]) + acted.rows_left_out)


def _sent(sent: Sent, console: Console) -> Iterator[Any]:
    if sent.preview is not None:
        found = sent.preview
        yield Text(f"would send {found.events:,} events, {found.bytes:,} bytes")
        yield from [table_of(found.functions, console)] if found.functions else ()
        yield from (Text(visible(f"not checked: {each}"), style="dim") for each in found.unchecked)
        sent = evolve(sent, failures=found.failures)
    counts = {"accepted": sent.accepted, "rejected": sent.rejected, "unknown": sent.unknown}
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    yield Text(f"{told or 'nothing was sent'} at {safe(sent.target.event_url)}")
    yield from (Text(visible(id)) for id in sent.ids[:_MOST_ROWS])
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
            yield f"{place}{each.runs:,} x {each.message} (such as {each.example_id})"
    yield from summary.notes


def _markdown(summary: RunSummary) -> Iterator[str]:
    """Yield the lines of a summary in Markdown, for the page of a CI system."""
    if groups := summary.groups:
        columns = _columns(groups, math.inf, Projection())
        rows = [[it.heading for it in columns], ["---"] * len(columns)]
        rows += [[_escaped(_text(it.value(each))) for it in columns] for each in groups]
        yield from (*(f"| {' | '.join(row)} |" for row in rows), "")
    yield from (f"- {_escaped(line)}" for line in _lines(summary))


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|~#&@])", r"\\\1", visible(text))


def _metrics(summary: RunSummary) -> Iterator[str]:
    """Yield the lines of a summary as metrics, in the text format of Prometheus, version 0.0.4."""
    yield from (f"# {note}" for note in summary.notes)
    for name, words in _METRICS.items():
        yield from (f"# HELP inngest_runs{name} {words}", f"# TYPE inngest_runs{name} gauge")
        for group in summary.groups:
            for of, value, more in _samples(group):
                labels = {summary.by: group.name, **more}.items()
                # Those escapes that `visible` leaves are the same in JSON.
                told = (f"{it}={_json(visible(to))}" for it, to in labels)
                if of == name:
                    yield f"inngest_runs{name}{{{','.join(told)}}} {value}"


def _samples(group: RunGroup) -> Iterator[tuple[str, float, Mapping[str, str]]]:
    yield from (("", count, {"status": status}) for status, count in group.counts.items())
    if group.failure_rate is not None:
        yield "_failure_ratio", group.failure_rate, {}
    for phase, times in group.times.items():
        for quantile, time in zip(("0.5", "0.95"), times, strict=True):
            yield "_seconds", time.total_seconds(), {"phase": phase, "quantile": quantile}
    if group.oldest_open:
        yield "_oldest_open_timestamp_seconds", second_of_ulid(group.oldest_open), {}
    yield from (("_errors", each.runs, {"error": each.message}) for each in group.errors)


REPORTS: dict[str, Callable[[RunSummary], Iterator[str]]] = {
    "markdown": _markdown,
    "prometheus": _metrics,
}
"""What yields the lines of a summary of runs in a format of its own."""


def _and_more(count: int) -> Iterator[Text]:
    if count > 0:
        yield Text(f"and {count:,} more", style="dim")


def _findings(diagnosis: Diagnosis) -> Table:
    table = _grid()
    for each in diagnosis.findings:
        words = f"{each.message}\n→ {each.remedy}" if each.remedy else each.message
        state = Text(each.state.value, style=_style(each.state))
        table.add_row(state, each.check.value.replace("_", " "), Text(safe(words)))
    return table


def _fields(record: Record, projection: Projection) -> Table:
    """Return the fields that have a value, one below the other."""
    table = _grid()
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name in projection.fields or field_names(type(record)):
        value = getattr(record, name, None)
        if value is not None and value not in ((), {}):
            text = projection.cut(_text(value, indent=2), name)
            table.add_row(name.replace("_", " "), Text(safe(text), style=_style(value)))
    return table


def _text(value: object, *, indent: int | None = None) -> str:
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
        case models.RunError():
            return "\n".join(filter(None, (_words_of(value), value.stack)))
        case Record() | Mapping() | list() | tuple():
            return _json(value, indent=indent)  # pyright: ignore[reportUnknownArgumentType]
        case _:
            return str(value)


def _json(value: object, *, indent: int | None = None) -> str:
    options: dict[str, Any] = {"ensure_ascii": False, "indent": indent}
    return json.dumps(value, default=lambda it: getattr(it, "to_dict", it.__str__)(), **options)


def _style(value: object) -> str:
    return _STYLES.get(str(value), "") if isinstance(value, Enum) else ""

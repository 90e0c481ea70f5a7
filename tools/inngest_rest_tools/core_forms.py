"""How programs show the records of the core: events, runs, apps, functions, and what was sent."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from inngest_rest.programs import reasons_path, rejected_path
from inngest_rest_tools.cutting import MOST_ROWS
from inngest_rest_tools.form import (
    LEAST_TEXT,
    Column,
    Form,
    Line,
    by_path,
    form_of,
    joined,
    line,
    names,
    number_left_out,
    optional,
    whole,
)
from inngest_rest_tools.parameter import HOW_TO_WRITE
from inngest_rest_tools.problems import Code, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inngest_rest.models import App, Function, Job, Run, StoredEvent
    from inngest_rest_tools.cutting import Cutter
    from inngest_rest_tools.form import Part
    from inngest_rest_tools.parameter import Values
    from inngest_rest_tools.results import CreatedCancellation, Sent
    from inngest_rest_tools.running import Invocation

_Fields = dict[str, Any]  # of a record, by name

_LONGEST_LINE = 160  # of an error in a list
_SENT_AGAIN = "runs nothing twice, except functions that debounce or batch"


# Runs and their traces.


def shorten_run(run: _Fields, cutter: Cutter, is_item: bool) -> None:
    """Leave the beginning of the stack; of an item of a list, only the line of the error."""
    if is_item:
        _shorten_listed_run(run)
        return
    error: _Fields = run.get("error") or {}
    if "stack" in error:
        error["stack"] = cutter.beginning(error["stack"], "error.stack")


def _shorten_listed_run(run: _Fields) -> None:
    """Name the function as rows of a report do, and leave the error as one line."""
    if "function_id" in run:
        app_id = run.pop("app_id", None)
        function_id = run.pop("function_id")
        run["function"] = joined(app_id, function_id, by="/")
    error: _Fields | None = run.get("error")
    if error is not None:
        text: str = error.get("message") or error.get("name") or ""
        first_line = text.strip().partition("\n")[0]
        run["error"] = first_line[:_LONGEST_LINE]


def _shorten_span(span: _Fields, cutter: Cutter, is_item: bool) -> None:
    """Keep the first copy of each stack: servers repeat it at every span around the error."""
    if is_item:
        return  # the root is shortened together with its descendants
    seen = set[str]()
    pending = [span]
    while pending:
        current = pending.pop()
        pending += reversed(current.get("children", []))
        if current["status"] != "failed":
            continue
        output: _Fields = current.get("output") or {}
        stack = output.get("stack")
        if stack in seen:
            current["output"] = _without(output, "stack")
            cutter.leave_out("stacks that are the same")
        elif isinstance(stack, str):
            seen.add(stack)


def _without(record: _Fields, name: str) -> _Fields:
    return {key: value for key, value in record.items() if key != name}


def _with_note_on_batch(run: Run, invocation: Invocation) -> Run:
    """Warn that a run of a batch has the id of the first event only."""
    invocation.note_batch(run)
    return run


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
    return json.dumps(run.output, ensure_ascii=False)


def _error(run: Run) -> str:
    return "" if run.error is None else str(run.error)


def _matched(run: Run) -> str:
    return by_path(run.matched or {})


# Events and what became of those that were sent.


def _own_id(event: StoredEvent) -> str:
    return "" if event.id == event.internal_id else event.id


def shorten_sent(sent: _Fields, cutter: Cutter, _is_item: bool) -> None:
    """Keep the first failure of each reason, with their number, and the first ids."""
    failures: list[_Fields] = sent.get("failures", [])
    counts = Counter(failure["reason"] for failure in failures)
    if len(counts) < len(failures):
        first_of_reason: dict[str, _Fields] = {}
        for failure in failures:
            first_of_reason.setdefault(failure["reason"], failure)
        sent["failures"] = [
            {"count": counts[reason], **failure}
            for reason, failure in first_of_reason.items()
        ]
        cutter.leave_out("failures of the same reason")
    if "ids" in sent:
        sent["ids"] = cutter.first(sent["ids"], "ids")


def _view_of_sent(sent: Sent) -> Iterator[Part]:
    failures = sent.failures
    preview = sent.preview
    if preview is not None:
        yield f"would send {preview.events:,} events, {preview.bytes:,} bytes"
        yield preview.functions
        for unchecked in preview.unchecked:
            yield Line(f"not checked: {unchecked}", "dim")
        failures = preview.failures
    counts = {
        "accepted": sent.accepted,
        "rejected": sent.rejected,
        "unknown": sent.unknown,
    }
    parts = [f"{count:,} {name}" for name, count in counts.items() if count]
    summary = ", ".join(parts) or "nothing was sent"
    yield f"{summary} at {sent.target.event_url}"
    yield from sent.ids[:MOST_ROWS]
    ids_shown = min(len(sent.ids), MOST_ROWS)
    yield from number_left_out(sent.accepted - ids_shown)
    for failure in failures[:MOST_ROWS]:
        yield Line(f"{failure.position}: {failure.reason}", "red")
    yield from number_left_out(len(failures) - MOST_ROWS)


def _problem_of_sent(sent: Sent, values: Values) -> Problem | None:
    if not sent.rejected and not sent.unknown:
        return None
    total = sent.accepted + sent.rejected + sent.unknown
    message = (
        f"{sent.accepted} of {total} events accepted, "
        f"{sent.rejected} rejected, {sent.unknown} unknown"
    )
    if sent.failures:
        message += f"; first: {sent.failures[0].reason}"
    hint = _how_to_send_the_rest(sent, values)
    return Problem(Code.PARTIAL, message, hint=hint)


def _how_to_send_the_rest(sent: Sent, values: Values) -> str:
    if "path" not in values:
        return (
            "data.failures has each with its reason. Sent again as it is there, with its id, an "
            f"event {_SENT_AGAIN}."
        )
    hints: list[str] = []
    rejected = rejected_path(
        values["path"],
        values["name"] or "",
        values.get("dead_letters"),
    )
    # No such file exists if the lines have to be corrected in the file itself.
    if sent.rejected and rejected.exists():
        where = f"{rejected}, and the reason of each in {reasons_path(rejected)}"
        hints.append(
            f"The rejected lines are in {where}: correct the lines, and send that file."
        )
    if sent.unknown:
        hints.append(
            "Send the whole again, by the same name, for those that are unknown: what was accepted "
            f"{_SENT_AGAIN}."
        )
    return " ".join(hints)


# Apps, functions and what the queue has.


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


def _view_of_cancellation(created: CreatedCancellation) -> Iterable[Part] | None:
    return form_of(type(created.planned)).view(created.planned)


# What programs tell about themselves.


def _shorten_description(description: _Fields, _cutter: Cutter, _is_item: bool) -> None:
    """Explain each form of a value only once: at the first parameter that has it."""
    schema: _Fields = description.get("parameters", {})
    schema.pop("additionalProperties", None)
    explained = set[str]()
    for parameter in schema.get("properties", {}).values():
        text: str = parameter.get("description", "")
        for form in HOW_TO_WRITE.values():
            if not text.endswith(form):
                continue
            if form in explained:
                parameter["description"] = text = text.removesuffix(form)
            explained.add(form)


FORMS = {
    "Answered": Form(untrusted=("body",)),
    "App": Form(
        untrusted=(
            "id",
            "name",
            "method",
            "version",
            "url",
            "sdk_language",
            "sdk_version",
            "framework",
            "sync_status",
            "sync_error",
        ),
        columns=(
            whole("ID", "id"),
            whole("FUNCTIONS", "function_count"),
            Column("SDK", _sdk, from_width=60),
            whole("SYNCED", "synced_at", from_width=60),
            Column("STATE", _state_of_app),
            Column("URL", "url", from_width=110),
            line("ERROR", "sync_error"),
        ),
    ),
    "AppSync": Form(untrusted=("error",)),
    "CreatedCancellation": Form(
        untrusted=("cancellation",), view=_view_of_cancellation
    ),
    "Description": Form(left_out=names("result"), shorten=_shorten_description),
    # The message has the evidence in words; errors of the server are quoted.
    "Finding": Form(left_out=names("evidence"), untrusted=("message", "limits")),
    "Function": Form(
        left_out_of_items=names("configuration"),
        untrusted=("id", "app_id", "name", "triggers", "configuration"),
        columns=(
            whole("ID", "id"),
            whole("APP", "app_id", from_width=60),
            Column("TRIGGERS", _triggers),
            Column("STATE", _state_of_function),
            optional("LAST RUN", "last_run_at"),
            optional("LAST STATUS", "last_status"),
            optional("NEXT RUN", "next_run_at"),
            Column("NAME", "name", from_width=110),
        ),
    ),
    "Job": Form(
        left_out=names("id step_id concurrency_keys"),
        untrusted=("step", "event", "condition", "signal", "function"),
        columns=(
            whole("ID", "id"),
            Column("KIND", "kind"),
            whole("DUE", "at"),
            whole("ATTEMPT", "attempt"),
            whole("POSITION", "position"),
            Column("WAITS FOR", _waits_for),
        ),
    ),
    "OfCloud": Form(untrusted=("body",)),
    "Run": Form(
        left_out_of_items=names("event_ids"),
        shorten=shorten_run,
        untrusted=(
            "app_id",
            "function_id",
            "function",
            "cron",
            "output",
            "error",
            "matched",
        ),
        columns=(
            whole("ID", "id"),
            whole("STATUS", "status"),
            Column("FUNCTION", function_of),
            whole("QUEUED", "queued_at"),
            Column("EVENT", _matched),
            whole("ENDED", "ended_at", from_width=110),
            Column("OUTPUT", _outcome, from_width=140, least=LEAST_TEXT),
            line("ERROR", _error, below_width=140),
        ),
        completed=_with_note_on_batch,
    ),
    "RunStatus": Form(
        styles={
            "queued": "blue",
            "running": "cyan",
            "completed": "green",
            "failed": "red",
            "cancelled": "yellow",
        },
    ),
    "SendFailure": Form(untrusted=("event", "reason")),
    "Sent": Form(
        shorten=shorten_sent,
        untrusted=("preview",),
        view=_view_of_sent,
        problem=_problem_of_sent,
    ),
    "Severity": Form(
        styles={
            "ok": "green",
            "warning": "yellow",
            "broken": "red",
            "unknown": "magenta",
        },
    ),
    "Span": Form(
        left_out=names("id step_id queued_at ended_at input metadata"),
        shorten=_shorten_span,
        untrusted=("name", "input", "output", "metadata", "children"),
    ),
    "StoredEvent": Form(
        untrusted=("id", "name", "data", "user", "v"),
        columns=(
            whole("INTERNAL ID", "internal_id"),
            Column("NAME", "name"),
            whole("RECEIVED", "received_at"),
            Column("ID", _own_id, from_width=110),
            Column("DATA", "data", from_width=110, least=LEAST_TEXT, is_optional=True),
        ),
    ),
}

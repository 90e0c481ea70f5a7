"""Execution of a call for the command line: from the parsed line, by the gate, to the answer."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

from attrs import define, evolve, field

from inngest_rest import InngestClient
from inngest_rest._programs import parameters
from inngest_rest._programs.command.output import (
    OutputError,
    Renderer,
    command_line,
)
from inngest_rest._programs.parameters import DEFAULT_LIMIT, Kind, refused, unusable_file
from inngest_rest._programs.problems import Code, Problem, ProblemError, advice, problem_of
from inngest_rest._programs.projection import Projection, record_class
from inngest_rest._programs.running import Invocation, pinned
from inngest_rest._programs.untrusted import untrusted_paths
from inngest_rest._table import Returns
from inngest_rest._visible import and_more, shown
from inngest_rest.action_reports import ActionRow
from inngest_rest.errors import ConfigurationError, NextCall
from inngest_rest.typing import RunFilter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from inngest_rest import BatchReport, Run
    from inngest_rest._programs.command.output import Format, Options
    from inngest_rest._programs.running import Chunk
    from inngest_rest._table import Row
    from inngest_rest.action_reports import ActionReport
    from inngest_rest.record import Record

_FIRST_ROWS = 20  # of an answer that says what would be done
_LIVE = {"runs.watch", "runs.follow"}  # what is written as it happens


def execute(row: Row, options: Options, typed: dict[str, Any]) -> int:
    """Make a call, write the answer, and return the exit status."""
    files: list[str] = []
    if row.name == "runs.check" and not options.named:
        options = evolve(options, output="table")  # a line of text, unless another is asked for
    renderer = _renderer(row, options, typed, files)
    renderer.stderr.quiet = options.quiet
    values: dict[str, Any] | None = None
    try:
        names = ("all", "exit_status", "yes", "raw_field")
        extras = {name: typed.pop(name, None) for name in names}
        values = parameters.read(row, _given(row, typed, files))
        if extras["raw_field"]:
            values |= _of_fields(values, extras["raw_field"])
        paths = (values[each.name] for each in parameters.parameters(row) if each.is_path)
        files += filter(None, paths)
        renderer.format = _format(row, options, values, list_all=bool(extras["all"]))
        lines_of_rows = row.is_bulk and renderer.format == "ndjson"
        renderer.configure(options, ActionRow if lines_of_rows else record_class(row), files)
        if renderer.redactor.what is not None and values.get("report"):
            reason = "a report is written as it is, as what goes on by it needs the whole of it"
            raise refused("redact", f"{reason}: leave out this or --report")
        malformed: dict[str, str] | None = {} if row.command == "doctor" else None
        with client_of(options, malformed) as client:
            call = TerminalInvocation(
                row=row,
                values=values,
                client=client,
                options=options,
                answer=renderer,
                is_confirmed=bool(extras["yes"]),
                malformed=malformed or {},
            )
            return _run(call, extras)
    except OutputError:
        raise
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - an error is an answer, too
        problem = problem_of(error, row, values)
        data = _data_of(error, problem, renderer)
        if row.name == "send_file" and values is not None:
            problem = _with_resumption(problem, row, values, options, renderer)
        return renderer.finish(problem, data=data)


def _renderer(row: Row, options: Options, typed: dict[str, Any], files: list[str]) -> Renderer:
    """Return what writes the answer; take out of `typed` whom `runs check` notifies."""
    untrusted = untrusted_paths(row)
    if row.name != "runs.check":
        return Renderer(row.command, row.returns, untrusted, format=options.format)
    from inngest_rest._programs.command.check import Checking  # noqa: PLC0415 - one call

    names: tuple[Literal["exec", "webhook"], ...] = ("exec", "webhook")
    return Checking(
        row.command,
        row.returns,
        untrusted,
        format=options.format,
        others={name: _text(name, typed.pop(name), files)[0] for name in names if name in typed},
        state=typed.pop("state", None),
    )


def _data_of(error: BaseException, problem: Problem, renderer: Renderer) -> Record | None:
    """Return what was done before an error, if it has that.

    What reads the ids of a plan that is not confirmed would take them for done.
    """
    is_plan = problem.code is Code.CONFIRMATION_NEEDED and renderer.is_streaming
    return error.data if isinstance(error, ProblemError) and not is_plan else None


def _with_resumption(
    problem: Problem, row: Row, values: Mapping[str, Any], options: Options, renderer: Renderer
) -> Problem:
    """Return the problem of sending a file, with the command that resumes it if it was begun."""
    is_begun = os.path.exists(f"{values.get('path')}.checkpoint")  # noqa: PTH110
    if problem.code is Code.PARTIAL or not is_begun:
        return problem
    command = command_line(row, {**values, "resume": True}, options)
    hint = problem.worded(renderer.name_of).hint or ""
    return evolve(problem, hint=f"{hint} To go on: {command}".strip())


def _run(call: TerminalInvocation, extras: Mapping[str, Any]) -> int:
    row, values, renderer, stderr = call.row, call.values, call.answer, call.answer.stderr
    if extras["all"]:
        call.values = {**values, "limit": None}
    # Of a list without an end, outputs would take long.
    call.has_errors = not (extras["all"] or renderer.format == "id")
    arriving = _arriving(call, list_all=bool(extras["all"]))
    if row.name in _LIVE:
        renderer.is_live = renderer.format == "table"
        stderr.hint(_watching(call))
    ended: list[Run] = []
    for records, page in arriving:
        if not renderer.add(records, page):
            break
        if renderer.returns is Returns.STREAM:
            ended += filter(None, map(_ended, records))
            if not renderer.is_live:
                stderr.progress(f"{len(ended):,} so far")
    status = renderer.finish(_failed(ended) if extras["exit_status"] else None)
    if renderer.next_command is not None:
        stderr.hint(call.instruction())
    if renderer.page is not None and renderer.page.next is not None:
        if renderer.format == "table" and renderer.output.stream.isatty():
            # A cursor is three lines long there.
            stderr.hint("There is more: a higher --limit shows it, and -o json how to go on.")
        else:
            following = {**values, "cursor": renderer.page.next}
            stderr.hint(f"Next page: {command_line(row, following, call.options)}")
    return status


def _arriving(call: TerminalInvocation, *, list_all: bool) -> Iterator[Chunk]:
    """Return the parts of the answer: of one call, or of one for each page, or each id read."""
    row, renderer = call.row, call.answer
    if list_all and row.name == "request":
        renderer.returns, renderer.untrusted = Returns.STREAM, ("data.items[].body",)
        return _pages(call)
    if row.name in {"events.runs", "events.wait"} and call.values["id"] == "-":
        renderer.returns = Returns.STREAM
        return _of_each_id(call)
    return call.chunks()


def _of_each_id(call: TerminalInvocation) -> Iterator[Chunk]:
    """Yield what a call returns for each id on standard input."""
    for id in _ids("id", ["-"], []):
        for records, _ in evolve(call, values={**call.values, "id": id}).chunks():
            yield records, None


def _ended(record: Record) -> Run | None:
    """Return the run of whose end a record tells, if it does."""
    from inngest_rest import models  # noqa: PLC0415 - slow to load

    match record:
        case models.Run():
            return record
        case models.RunChange(kind="ended"):
            return record.run
        case models.StepChange(kind="ended", span=models.Span(run_id=str(id), status=status)):
            return models.Run(id, models.RunStatus(status))
        case _:
            return None


def _failed(ended: Sequence[Run]) -> Problem | None:
    """Return the problem that runs did not complete, if there are any."""
    failed = [run for run in ended if run.status in {"failed", "cancelled"}]
    if not failed:
        return None
    named = and_more([f"{run.id} {run.status}" for run in failed])
    message = f"{len(failed)} of {len(ended)} runs did not complete: {named}"
    hint = advice("{} shows where it ended.", NextCall("runs.trace", (failed[0].id,)))
    return Problem(Code.RUN_FAILED, message, hint=hint)


def _watching(call: TerminalInvocation) -> str:
    """Return what is watched, where, and until when: it may be long before anything happens."""
    values = call.values
    what = f"run {values['id']}" if "id" in values else "runs"
    chosen = {name: values[name] for name in RunFilter.__annotations__ if values.get(name)}
    of = f" of {', '.join(f'{name} {shown(it)}' for name, it in chosen.items())}" if chosen else ""
    until = f" for {values['timeout']:g} s" if values["timeout"] else " until Ctrl-C"
    return f"Watching {what}{of} at {call.client.target.api_url}{until}."


def _of_fields(values: Mapping[str, Any], fields: list[str]) -> dict[str, Any]:
    """Return the path of a request with these in its query, or its body if it is no GET."""
    pairs = [(name, value) for name, sign, value in (it.partition("=") for it in fields) if sign]
    if len(pairs) < len(fields):
        raise refused("raw_field", "each has to be KEY=VALUE")
    if values["method"] != "GET" and values["body"] is None:
        return {"body": dict(pairs)}
    path = values["path"]
    return {"path": f"{path}{'&' if '?' in path else '?'}{urlencode(pairs)}"}


def _pages(call: TerminalInvocation) -> Iterator[Chunk]:
    """Yield the response that has each page of a list of v2."""
    values = call.values
    if values["method"] != "GET":
        raise refused("paginate", "only what GET lists has pages")
    query: dict[str, Any] = {**(values["query"] or {})}
    requested = {query.get("cursor")}
    while True:
        (((answer,), _),) = evolve(call, values={**values, "query": query}).chunks()
        yield (answer,), None
        match getattr(answer, "body", None):
            case {"page": {"hasMore": True, "cursor": str(next)}} if next not in requested:
                query["cursor"] = next
                requested.add(next)
            case {"page": {"hasMore": True}}:
                message = "the server says that there is more, but not by which new cursor"
                raise ProblemError(Problem(Code.SERVER, message))
            case _:
                return


def client_of(options: Options, malformed: dict[str, str] | None = None) -> InngestClient:
    """Return the client that the options and the environment describe.

    A key that is malformed is left out if there is a place to note it.
    """
    try:
        return InngestClient(
            dev=options.dev or None,
            env=options.env,
            base_url=options.base_url,
            timeout=options.request_timeout,
            retries=options.retries,
        )
    except ConfigurationError as error:
        (setting,) = error.settings or (None,)
        variable = (setting and setting.variable) or ""
        if malformed is None or setting is None or not variable.endswith("_KEY"):
            raise
        malformed[setting.argument] = str(error)
        value = os.environ.pop(variable)
        try:
            return client_of(options, malformed)
        finally:
            os.environ[variable] = value


def _format(row: Row, options: Options, values: Mapping[str, Any], *, list_all: bool) -> Format:
    """Return the format, which has to suit what is asked for."""
    form, is_chosen = options.format, options.output is not None
    if row.name in _LIVE and form == "json":
        is_endless = row.name == "runs.watch" and values["timeout"] is None
        return "ndjson" if is_endless or not is_chosen else form
    is_of_summary = row.name == "runs.summary"
    if (form in {"markdown", "prometheus"} and not is_of_summary) or (
        form == "id" and (is_of_summary or row.command in {"doctor", "api", "runs.check"})
    ):
        if not is_chosen:
            return "json"
        raise refused("output", f"{row.command} has no {form} to print: use -o json")
    if list_all and values.get("limit", DEFAULT_LIMIT) != DEFAULT_LIMIT:
        raise refused("all", "this and limit exclude each other: pass one of them")
    if list_all and form in {"json", "table"}:
        if options.output_file is None:
            raise refused("all", "a list of any length needs -o ndjson, -o id or --output-file")
        return form if is_chosen else "ndjson"
    return form


def _given(row: Row, typed: dict[str, Any], read: list[str]) -> dict[str, Any]:
    """Return what `--params` has, and what was typed over it; add the files read to `read`."""
    values: dict[str, Any] = {}
    if (params := typed.pop("params", None)) is not None:
        values |= _json("params", params, dict, read)
    for each in parameters.parameters(row):
        if each.name not in typed:
            continue
        value = typed[each.name]
        if each.is_json:
            kind = dict if each.kind is Kind.OBJECT and not each.is_many else object
            value = _json(each.name, value, kind, read)
        elif each.is_many and each.is_positional:
            value = list(_ids(each.name, value, read))
        elif each.is_text:
            or_literally = f" (for the text itself, write @{value})"
            words = [value] if isinstance(value, str) else value
            words = [_text(each.name, it, read, or_literally)[0] for it in words]
            value = words if each.is_many else words[0]
        values[each.name] = value
    return values


def _text(name: str, typed: str, read: list[str], or_: str = "") -> tuple[str, str | None]:
    """Return what was typed, or the text of a file (@FILE) or of standard input (@-), and which."""
    place = typed.removeprefix("@")
    if place == typed or place.startswith("@"):
        return place, None
    place = "standard input" if place == "-" else place
    try:
        if typed == "@-":
            text = sys.stdin.read()
        else:
            read.append(place)
            text = Path(place).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise unusable_file(name, place + or_, error) from None
    return text.rstrip("\r\n"), place


def _ids(name: str, typed: list[str], read: list[str]) -> Iterator[str]:
    for word in typed:
        text, place = _text(name, "@-" if word == "-" else word, read)
        if place is None:
            yield text
        elif not text.strip():
            raise refused(name, f"there are none in {place}")
        else:
            yield from text.split()


def _toml(text: str) -> dict[str, Any]:
    from tomllib import loads  # noqa: PLC0415 - few have a file of it

    return loads(text)


def _json(name: str, typed: str, kind: type[object], read: list[str]) -> Any:
    text, place = _text(name, "@-" if typed == "-" else typed, read)
    form, loads = ("TOML", _toml) if (place or "").endswith(".toml") else ("JSON", json.loads)
    try:
        value = loads(text)
    except (ValueError, RecursionError) as error:
        raise refused(name, f"{place or 'the argument'} is not {form}: {error}") from None
    if not isinstance(value, kind):
        raise refused(name, "this is not a JSON object")
    return value


@define(eq=False, repr=False, kw_only=True)
class TerminalInvocation(Invocation):
    """A call that was typed: it asks on a terminal, and elsewhere says which command confirms."""

    options: Options
    answer: Renderer  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues]
    _began: float = field(factory=time.monotonic, init=False)
    _written: set[int] = field(factory=set, init=False)
    _counts: Counter[str] = field(factory=Counter, init=False)
    _first: tuple[float, float] | None = field(default=None, init=False)  # share, and when

    def progress(self, listed: int, got: int) -> None:
        """Show how far a file has been written, or runs have been listed."""
        rate = got / max(time.monotonic() - self._began, 0.001)
        written = f"{listed:,} rows written, {rate:,.0f} per second"
        found = f"{listed:,} runs listed, {got:,} got one by one"
        self.answer.stderr.progress(written if self.row.uses_files else found)

    def sent(self, batch: BatchReport) -> None:
        """Show how far a file has been sent."""
        counts, now = self._counts, time.monotonic()
        for name in ("accepted", "rejected", "unknown"):
            counts[name] += getattr(batch.report, name)
        words = [f"{count:,} {name}" for name, count in counts.items() if count]
        words += [f"{counts.total() / max(now - self._began, 0.01):,.0f}/s"]
        if batch.share is not None:
            words += [f"{batch.share:.0%}"]
            share, at = self._first or (batch.share, now)
            self._first = share, at  # it may be resumed
            if batch.share > share:
                left = (now - at) / (batch.share - share) * (1 - batch.share)
                words += [f"{timedelta(seconds=round(left))} to go"]
        self.answer.stderr.progress(f"Sending: {', '.join(words)}")

    def ended(self, row: ActionRow) -> None:
        """Show what became of a run, and how far it is."""
        self._written.add(row.position)
        if self.answer.is_streaming:
            self.answer.add((row,))
        self.answer.stderr.progress(f"{len(self._written):,} so far")

    def plan(self) -> ActionReport:
        self.answer.stderr.progress("Listing what is selected")
        return super().plan()

    def act(self, planned: ActionReport | None = None, **of_python: Any) -> ActionReport:
        """Call a bulk method, and say so if a file had what it acts on."""
        path = self.values["report"]
        is_begun = path and planned is None and os.path.exists(path) and os.path.getsize(path)  # noqa: PTH110, PTH202
        report = super().act(planned, **of_python)
        if is_begun:
            self.answer.warnings.append(
                f"resumed from {path}, which has {len(report.rows):,} rows; what the command line "
                "selects was not looked up again"
            )
        return report

    def shown(self, report: ActionReport, *, token: str | None = None) -> Record:
        """Return a report as the result of the call, with the rows that are not written yet."""
        shown: Any = super().shown(report, token=token)
        if not self.row.is_bulk:
            return shown  # type: ignore[no-any-return]
        rows = shown.rows
        if self.answer.is_streaming:
            rows = tuple(row for row in rows if row.position not in self._written)
        elif token and not self.answer.projection.is_whole and len(rows) > _FIRST_ROWS:
            rows = rows[:_FIRST_ROWS]
            self.answer.warnings.append(f"cut: rows after the first {_FIRST_ROWS}; --full has them")
        return evolve(shown, rows=rows)  # type: ignore[no-any-return]

    def next_command(self, planned: ActionReport, token: str) -> str:
        given = {**pinned(self.values, planned), "dry_run": False, "confirm": token}
        return command_line(self.row, given, self.options)

    def ask(self, planned: ActionReport, deed: str) -> bool | None:
        """Ask a person; one who reads JSON may be a program."""
        stderr = self.answer.stderr
        if self.answer.format != "table" or not stderr.can_ask:
            return None
        if self.row.name == "request":
            return stderr.ask(f"{deed} at {self.place}?")
        from inngest_rest._programs.command import tables  # noqa: PLC0415 - slow to load

        shown = self.answer.redactor(self.shown(planned))
        self.answer.warnings.clear()  # the result has them, too
        table = tables.draw((shown,), Projection(), "table", sys.stderr, is_one=True)
        doing = self.row.words[-1].capitalize()
        return stderr.ask(f"It would {deed} at {self.place}. {doing}?", about=f"{table}\n")

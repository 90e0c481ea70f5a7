"""Execution of a call for the command line: from the typed texts to the written answer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

from attrs import evolve, frozen

from inngest_rest import InngestClient
from inngest_rest.bulk import ActionRow
from inngest_rest.call_row import Returns
from inngest_rest.errors import ConfigurationError, NextCall
from inngest_rest.programs import and_more, shown
from inngest_rest.typing import RunFilter
from inngest_rest_tools.audit import Audit
from inngest_rest_tools.command.answer_file import OutputError
from inngest_rest_tools.command.command_line import command_line
from inngest_rest_tools.command.inputs import Inputs
from inngest_rest_tools.command.invocation import TerminalInvocation
from inngest_rest_tools.command.renderer import Renderer
from inngest_rest_tools.parameter import refused
from inngest_rest_tools.parameters import DEFAULT_LIMIT, parameters, read
from inngest_rest_tools.problems import (
    Code,
    Problem,
    ProblemError,
    advice,
    problem_of,
)
from inngest_rest_tools.projection import record_class
from inngest_rest_tools.untrusted import untrusted_paths

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inngest_rest import Run
    from inngest_rest.call_row import CallRow
    from inngest_rest.record import Record
    from inngest_rest_tools.calling import Chunk
    from inngest_rest_tools.command.arguments import Typed
    from inngest_rest_tools.command.options import Format, Options
    from inngest_rest_tools.parameter import Values


@frozen(kw_only=True)
class Flags:
    """Options of a command that are not parameters of its call."""

    list_all: bool
    exit_status: bool
    is_confirmed: bool
    raw_fields: list[str]
    wants_page: bool

    @classmethod
    def of(cls, typed: Typed) -> Self:
        return cls(
            list_all=typed.get("all", False),
            exit_status=typed.get("exit_status", False),
            is_confirmed=typed.get("yes", False),
            raw_fields=typed.get("raw_field", []),
            wants_page=typed.get("web", False),
        )


def execute(row: CallRow, options: Options, typed: Typed) -> int:
    """Make a call, write the answer, and return the exit status."""
    inputs = Inputs()
    renderer = Renderer(
        row.command, row.returns, untrusted_paths(row), format=options.format
    )
    renderer.stderr.quiet = options.quiet
    values: dict[str, Any] | None = None
    try:
        flags = Flags.of(typed)
        values = read(row, inputs.values(row, typed))
        if flags.raw_fields:
            values |= _with_raw_fields(values, flags.raw_fields)
        _configure(renderer, row, values, options, flags, inputs)
        malformed: dict[str, str] | None = None
        if row.judges_keys:
            malformed = {}
        with client_of(options, malformed) as client:
            if flags.wants_page and row.page is not None:
                return renderer.web_page(row.page(client.target, values))
            invocation = TerminalInvocation(
                audit=Audit(options.audit) if options.audit else None,
                row=row,
                values=values,
                client=client,
                options=options,
                answer=renderer,
                is_confirmed=flags.is_confirmed,
                confirmed_profile=options.confirm_profile,
                malformed=malformed or {},
            )
            return _run(invocation, flags)
    except OutputError:
        raise
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - an error is an answer, too
        problem = problem_of(error, row, values)
        data = _data_of(error, problem, renderer)
        sends_file = row.sends_events and row.uses_files
        if sends_file and values is not None:
            problem = _with_resumption(problem, row, values, options, renderer)
        return renderer.finish(problem, data=data)


def _configure(
    renderer: Renderer,
    row: CallRow,
    values: Values,
    options: Options,
    flags: Flags,
    inputs: Inputs,
) -> None:
    """Decide the format and the destination of the answer; a file that is read is refused."""
    renderer.format = _format(row, options, values, list_all=flags.list_all)
    paths = [
        values[parameter.name] for parameter in parameters(row) if parameter.is_path
    ]
    files = [*inputs.files, *(path for path in paths if path)]
    kind: type[Record] = record_class(row)
    if row.is_bulk and renderer.format == "ndjson":
        kind = ActionRow  # a line each
    renderer.configure(options, kind, files)


def _format(
    row: CallRow,
    options: Options,
    values: Values,
    *,
    list_all: bool,
) -> Format:
    """Return the format of the answer; raise if the call has none in the chosen one."""
    form = options.format
    is_chosen = options.output is not None
    if row.is_live and form == "json":
        is_endless = "id" not in values and values["timeout"] is None
        if is_endless or not is_chosen:
            return "ndjson"
        return form
    if not _has_format(row, form):
        if not is_chosen:
            return "json"
        raise refused("output", f"{row.command} has no {form} to print: use -o json")
    if list_all:
        return _format_of_all(options, values)
    return form


def _format_of_all(options: Options, values: Values) -> Format:
    """Return the format of a list of any length: lines, or any format in a file."""
    if values.get("limit", DEFAULT_LIMIT) != DEFAULT_LIMIT:
        raise refused("all", "this and limit exclude each other: pass one of them")
    form = options.format
    if form not in {"json", "table"}:
        return form
    if options.named is None and (options.output_file or form == "json"):
        return "ndjson"  # lines, which need no room
    if options.output_file is None:
        needs = "a list of any length needs -o ndjson, -o id or --output-file"
        raise refused("all", needs)
    return form


def _has_format(row: CallRow, form: Format) -> bool:
    """Return whether a call has an answer in a format."""
    return form in {"table", "json", "ndjson"} or form in row.formats


def _data_of(
    error: BaseException, problem: Problem, renderer: Renderer
) -> Record | None:
    """Return the result so far that an error carries, if any."""
    if not isinstance(error, ProblemError):
        return None
    if problem.code is Code.CONFIRMATION_NEEDED and renderer.is_streaming:
        return None  # a reader of ids would take a plan for things that are done
    return error.data


def _with_resumption(
    problem: Problem,
    row: CallRow,
    values: Values,
    options: Options,
    renderer: Renderer,
) -> Problem:
    """Add to the problem of sending a file the command that resumes it, if it was begun."""
    checkpoint = f"{values.get('path')}.checkpoint"
    is_begun = os.path.exists(checkpoint)  # noqa: PTH110
    if problem.code is Code.PARTIAL or not is_begun:
        return problem
    command = command_line(row, {**values, "resume": True}, options)
    hint = problem.worded(renderer.name_of).hint or ""
    return evolve(problem, hint=f"{hint} To go on: {command}".strip())


def _run(invocation: TerminalInvocation, flags: Flags) -> int:
    """Write the answer as it arrives, and a hint at the next command; return the exit status."""
    renderer = invocation.answer
    if flags.list_all:
        invocation.values = {**invocation.values, "limit": None}
    # Fetching the outputs of a list of any length would take long.
    invocation.has_errors = not flags.list_all and renderer.format != "id"
    chunks = _chunks(invocation, list_all=flags.list_all)
    if invocation.row.is_live:
        renderer.is_live = renderer.format == "table"
        renderer.stderr.hint(_watching(invocation))
    ended = _write(chunks, renderer)
    problem = _failed(ended) if flags.exit_status else None
    status = renderer.finish(problem)
    # An envelope on standard output has the next command itself.
    if renderer.format != "json" or renderer.output.path is not None:
        hint = _hint_at_next_command(invocation)
        if hint is not None:
            renderer.stderr.hint(hint)
    return status


def _write(chunks: Iterator[Chunk], renderer: Renderer) -> list[Run]:
    """Write the chunks as they arrive; return the runs that they report as ended."""
    ended: list[Run] = []
    for records, page in chunks:
        if not renderer.add(records, page):
            break
        if renderer.returns is not Returns.STREAM:
            continue
        for record in records:
            run = _ended(record)
            if run is not None:
                ended.append(run)
        if not renderer.is_live:
            renderer.stderr.progress(f"{len(ended):,} so far")
    return ended


def _hint_at_next_command(invocation: TerminalInvocation) -> str | None:
    """Return a hint at the command that goes on, if there is one."""
    renderer = invocation.answer
    page = renderer.page
    if renderer.next_command is not None:
        return invocation.instruction()
    if page is None or page.next is None:
        return None
    if renderer.format == "table" and renderer.output.stream.isatty():
        # A cursor is three lines long there.
        return "There is more: a higher --limit shows it, and -o json how to go on."
    values = {**invocation.values, "cursor": page.next}
    command = command_line(invocation.row, values, invocation.options)
    return f"Next page: {command}"


def _chunks(invocation: TerminalInvocation, *, list_all: bool) -> Iterator[Chunk]:
    """Return the chunks of the result: of one call, or of one per page or per id read."""
    row = invocation.row
    renderer = invocation.answer
    if list_all and row.requests_any_path:
        renderer.returns = Returns.STREAM
        renderer.untrusted = ("data.items[].body",)
        return _pages(invocation)
    if row.takes_internal_id and invocation.values["id"] == "-":
        renderer.returns = Returns.STREAM
        return _of_each_id(invocation)
    return invocation.chunks()


def _of_each_id(invocation: TerminalInvocation) -> Iterator[Chunk]:
    """Yield the records that a call returns for each id on standard input."""
    for id in Inputs().ids("id", ["-"]):
        of_id = evolve(invocation, values={**invocation.values, "id": id})
        for records, _page in of_id.chunks():
            yield records, None


def _pages(invocation: TerminalInvocation) -> Iterator[Chunk]:
    """Yield the response with each page of a list of v2."""
    values = invocation.values
    if values["method"] != "GET":
        raise refused("paginate", "only what GET lists has pages")
    query: dict[str, Any] = dict(values["query"] or {})
    requested = {query.get("cursor")}
    while True:
        of_page = evolve(invocation, values={**values, "query": query})
        ((records, _page),) = of_page.chunks()
        (response,) = records
        yield (response,), None
        match getattr(response, "body", None):
            case {"page": {"hasMore": True} as page}:
                cursor = page.get("cursor")
            case _:
                return
        if not isinstance(cursor, str) or cursor in requested:
            message = "the server says that there is more, but not by which new cursor"
            raise ProblemError(Problem(Code.SERVER, message))
        query["cursor"] = cursor
        requested.add(cursor)


def _with_raw_fields(values: Values, raw_fields: Sequence[str]) -> dict[str, Any]:
    """Return a request's path with these in its query, or its body if it is not a GET."""
    pairs: list[tuple[str, str]] = []
    for raw_field in raw_fields:
        name, equals, value = raw_field.partition("=")
        if not equals:
            raise refused("raw_field", "each has to be KEY=VALUE")
        pairs.append((name, value))
    if values["method"] != "GET" and values["body"] is None:
        return {"body": dict(pairs)}
    path = values["path"]
    separator = "&" if "?" in path else "?"
    return {"path": f"{path}{separator}{urlencode(pairs)}"}


def _ended(record: Record) -> Run | None:
    """Return the run that a record reports as ended, if any."""
    from inngest_rest import models  # noqa: PLC0415 - slow to load

    match record:
        case models.Run():
            return record
        case models.RunChange(kind="ended"):
            return record.run
        case _:
            return None


def _failed(ended: Sequence[Run]) -> Problem | None:
    """Return the problem of runs that did not complete, if there are any."""
    failed = [run for run in ended if run.status in {"failed", "cancelled"}]
    if not failed:
        return None
    named = and_more([f"{run.id} {run.status}" for run in failed])
    message = f"{len(failed)} of {len(ended)} runs did not complete: {named}"
    show = NextCall("runs.trace", (failed[0].id,))
    hint = advice("{} shows where it ended.", show)
    return Problem(Code.RUN_FAILED, message, hint=hint)


def _watching(invocation: TerminalInvocation) -> str:
    """Describe the watch and its end, since it may be long before anything happens."""
    values = invocation.values
    watched = "runs"
    if "id" in values:
        watched = f"run {values['id']}"
    filters = [
        f"{name} {shown(values[name])}"
        for name in RunFilter.__annotations__
        if values.get(name)
    ]
    if filters:
        watched += f" of {', '.join(filters)}"
    until = "until Ctrl-C"
    if values["timeout"]:
        until = f"for {values['timeout']:g} s"
    return f"Watching {watched} at {invocation.client.target.api_url} {until}."


def client_of(
    options: Options, malformed: dict[str, str] | None = None
) -> InngestClient:
    """Return the client that the options and the environment describe.

    A malformed key is left out and noted in `malformed`; without that, it raises.
    """
    try:
        return InngestClient(
            dev=options.dev or None,
            env=options.env,
            base_url=options.base_url,
            profile=options.profile,
            timeout=options.request_timeout,
            retries=options.retries,
        )
    except ConfigurationError as error:
        if malformed is None or len(error.settings) != 1:
            raise
        (setting,) = error.settings
        variable = setting.variable
        if variable is None or not variable.endswith("_KEY"):
            raise
        malformed[setting.argument] = str(error)
        key = os.environ.pop(variable)
        try:
            return client_of(options, malformed)
        finally:
            os.environ[variable] = key

"""Running a call: its result as records, streamed in parts or whole in an envelope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import inngest_rest
from inngest_rest._programs.envelope import Code, Envelope, PageInfo, Problem, ProblemError
from inngest_rest._programs.parameters import arguments, unusable_file
from inngest_rest._programs.problems import problem_of
from inngest_rest._table import Effect, Returns
from inngest_rest.errors import InngestError, PartialSendError
from inngest_rest.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from inngest_rest import BatchReport, InngestClient
    from inngest_rest._programs.gate import Gate
    from inngest_rest._programs.results import Sent
    from inngest_rest._table import Row
    from inngest_rest.diagnosis import Diagnosis
    from inngest_rest.models import Page


# The class of `results` that programs return, by what the method returns.
_OF_PROGRAMS = {
    "list[str]": "Sent",
    "list[str | Run]": "Sent",
    "SendReport": "Sent",
    "ActionReport": "Acted",
    "str": "Started",
    "str | Run": "Started",
    "None": "Deleted",
    "RawResponse": "Answered",
}
_CHANGED = {"Cancellation": "CreatedCancellation", "Webhook": "SavedWebhook"}


def record_class(row: Row) -> type[Record]:
    """Return the class of the records that a call returns to programs."""
    name = row.result.removesuffix("[Any]")
    changed = None if row.effect is Effect.READ else _CHANGED.get(name)
    of_programs = changed or _OF_PROGRAMS.get(name)
    if of_programs is None:
        return getattr(inngest_rest, name)  # type: ignore[no-any-return]
    from inngest_rest._programs import results  # noqa: PLC0415 - most commands do without

    return getattr(results, of_programs)  # type: ignore[no-any-return]


def parts(
    row: Row,
    gate: Gate,
    values: Mapping[str, Any],
    *,
    on_batch: Callable[[BatchReport], object] | None = None,
    on_progress: Callable[[int, int], object] | None = None,
    warnings: list[str] | None = None,
) -> Iterator[tuple[tuple[Record, ...], Page[Any] | None]]:
    """Call a method, and yield its result as it arrives: records, and the page that has them.

    What was not all done, or has to be confirmed, is a ProblemError; the data has what was.
    """
    client, admitted = gate.client, gate.admit(row, values)
    if isinstance(admitted, Record):
        yield (admitted,), None
        return
    values = admitted
    if row.name == "send_file":
        yield (_send_file(row, client, values, on_batch),), None
        return
    try:
        tells = row.uses_files or row.name == "runs.summary"
        of_python = {"on_progress": on_progress} if tells else {}
        result = row.call(client, {**arguments(row, values), **of_python})
    except OSError as error:
        path = error.filename or values.get("path")
        raise unusable_file("path", path, error, verb="write") from error
    except InngestError as error:
        partial = error if isinstance(error, PartialSendError) else error.__cause__
        if not isinstance(partial, PartialSendError):
            raise
        from inngest_rest._programs.results import Sent  # noqa: PLC0415

        sent = Sent.of(client.target, partial.report, partial.ids)
        raise ProblemError(_not_accepted(sent), data=sent) from error
    match row.returns:
        case Returns.PAGES:
            is_empty = True
            for page in result.pages():
                is_empty = is_empty and not page.items
                yield page.items, page
            if warnings is not None and (is_empty or values.get("where")):
                warnings.append(f"searched {result.searched()}")
        case Returns.STREAM:
            yield from (((each,), None) for each in result)
        case Returns.ONE:  # pragma: no branch - there is nothing else
            record: Any = result
            if not isinstance(result, kind := record_class(row)):
                from inngest_rest._programs.results import made  # noqa: PLC0415

                record = made(kind, client, values, result)
            if row.command == "runs.check" and record.broken:
                raise ProblemError(Problem(Code.RULE_BROKEN, str(record)), data=record)
            yield (record if row.command != "doctor" else _healthy(record),), None


def run(
    row: Row,
    gate: Gate,
    values: Mapping[str, Any],
    *,
    fit: Callable[[list[Any]], int] | None = None,
) -> Envelope:
    """Call a method, and return its result in an envelope, or its error with what came before.

    `fit` returns how many of the first items of a list there is room for.
    """
    items: list[dict[str, Any]] = []
    info: PageInfo | None = None
    warnings: list[str] = []
    try:
        for records, page in parts(row, gate, values, warnings=warnings):
            before = len(items)
            items += [each.to_dict() for each in records]  # keeps what came before an error
            if page is None:
                continue
            info = PageInfo(page.next_cursor, len(items))
            number = len(items) if fit is None or not items else fit(items)
            if number < len(items):
                info = PageInfo(page.cursor_after(number - before), number)
                where = "page.next has the cursor of the others"
                warnings.append(f"data.items: the first {number} of {len(items)}; {where}")
                del items[number:]
                break
    except Exception as error:  # noqa: BLE001 - an error is an answer, too
        return failure(row, error, values, data={"items": items} if items else None, page=info)
    data = items[0] if row.returns is Returns.ONE else {"items": items}
    return Envelope(True, row.command, data, info, tuple(warnings), row.untrusted_paths)


def failure(
    row: Row,
    error: BaseException,
    values: Mapping[str, Any] | None = None,
    *,
    data: dict[str, Any] | None = None,
    page: PageInfo | None = None,
) -> Envelope:
    """Return the envelope of an error, with what was done all the same."""
    if isinstance(error, ProblemError) and error.data is not None:
        data = error.data.to_dict()
    problem = problem_of(error, row, values)
    return Envelope.failed(row.command, problem, row.untrusted_paths, data=data, page=page)


def _send_file(
    row: Row,
    client: InngestClient,
    values: Mapping[str, Any],
    on_batch: Callable[[BatchReport], object] | None,
) -> Sent:
    from inngest_rest._programs.results import MAX_ROWS, Sent  # noqa: PLC0415

    ids: list[str | None] = []

    def note(batch: BatchReport) -> None:
        ids.extend([each for each in batch.ids if each is not None][: MAX_ROWS - len(ids)])
        if on_batch is not None:
            on_batch(batch)

    try:
        report = row.call(client, {**arguments(row, values), "on_batch": note})
    except OSError as error:
        # The checkpoint and the rejected lines are written beside it.
        is_input = error.filename in {None, values["path"]}
        path = values["path"] if is_input else error.filename
        verb = "read" if is_input else "write"
        raise unusable_file("path", path, error, verb=verb) from error
    sent = Sent.of(client.target, report, ids)
    if sent.rejected or sent.unknown:
        raise ProblemError(_not_accepted(sent, hint=_mend(sent, values)), data=sent)
    return sent


def _not_accepted(sent: Sent, *, hint: str = "") -> Problem:
    total = sent.accepted + sent.rejected + sent.unknown
    first = f"; first: {sent.failures[0].reason}" if sent.failures else ""
    counts = f"{sent.accepted} of {total} events accepted, {sent.rejected} rejected, {sent.unknown}"
    each = (
        "data.failures has each with its reason. Sent again as it is there, with its id, an event "
        "runs nothing twice, except functions that debounce or batch."
    )
    return Problem(Code.PARTIAL, f"{counts} unknown{first}", hint or each)


def _mend(sent: Sent, values: Mapping[str, Any]) -> str:
    """Return what to do about the lines of a file that were not accepted."""
    parts: list[str] = []
    if sent.rejected:
        # Only one who sends files has loaded these.
        from inngest_rest._core.file_import.progress import reasons_path  # noqa: PLC0415
        from inngest_rest._core.file_import.send_file import rejected_path  # noqa: PLC0415

        rejected = rejected_path(values["path"], values["name"] or "", values["dead_letters"])
        where = f"{rejected}, and the reason of each in {reasons_path(rejected)}"
        parts.append(f"The rejected lines are in {where}: correct the lines, and send that file.")
    if sent.unknown:
        parts.append(
            "Send the whole again, by the same name, for those that are unknown: what was accepted "
            "runs nothing twice, except functions that debounce or batch."
        )
    return " ".join(parts)


def _healthy(diagnosis: Diagnosis) -> Diagnosis:
    """Return a diagnosis that found no problem; raise the first one otherwise."""
    from inngest_rest.diagnosis import Check  # noqa: PLC0415 - one call needs it

    codes = {Check.CONNECTION: Code.NETWORK, Check.SERVER: Code.SERVER}
    for each in diagnosis.problems[:1]:
        code = codes.get(each.check, Code.AUTHENTICATION)
        problem = Problem(code, f"{each.check}: {each.message}", hint=each.remedy)
        raise ProblemError(problem, data=diagnosis)
    return diagnosis

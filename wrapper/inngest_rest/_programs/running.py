"""Running a call: its result as records, streamed in parts or whole in an envelope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

import inngest_rest
from inngest_rest._core.arguments import is_ulid
from inngest_rest._programs.answer import Answer, Projection
from inngest_rest._programs.parameters import arguments, unusable_file
from inngest_rest._programs.problems import Code, Problem, ProblemError, problem_of
from inngest_rest._table import Effect, Returns
from inngest_rest.errors import InngestError, PartialSendError
from inngest_rest.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from inngest_rest import BatchReport, InngestClient
    from inngest_rest._programs.answer import Envelope
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
    answer: Answer | None = None,
    *,
    on_batch: Callable[[BatchReport], object] | None = None,
    on_progress: Callable[[int, int], object] | None = None,
    has_errors: bool = True,
) -> Iterator[tuple[tuple[Record, ...], Page[Any] | None]]:
    """Call a method, and yield its result as it arrives: records, and the page that has them.

    What was not all done, or has to be confirmed, is a ProblemError; the data has what was. Runs
    that failed have their errors with `has_errors`, and all their outputs if the answer names that.
    """
    client, admitted = gate.client, gate.admit(row, values)
    if isinstance(admitted, Record):
        yield (admitted,), None
        return
    values = admitted
    if row.name in {"events.runs", "events.wait"} and not is_ulid(values["id"]):
        values = {**values, "id": client.events.explain(values["id"]).event_id}  # an own id
    fields = answer and answer.projection.fields
    asked = {part for each in fields or () for part in each.split(".")}
    is_without_output = False
    if values.get("include_output") is False and (has_errors or asked & {"error", "output"}):
        values, is_without_output = {**values, "include_output": True}, "output" not in asked
    try:
        if row.name == "send_file":
            yield (_send_file(row, client, values, on_batch),), None
            return
        tells = row.uses_files or row.name == "runs.summary"
        of_python = {"on_progress": on_progress} if tells else {}
        result = row.call(client, {**arguments(row, values), **of_python})
    except OSError as error:
        # Beside a file that is sent, the checkpoint and the rejected lines are written.
        path = error.filename or values.get("path")
        verb = "read" if row.name == "send_file" and path == values["path"] else "write"
        raise unusable_file("path", path, error, verb=verb) from error
    except InngestError as error:
        partial = error if isinstance(error, PartialSendError) else error.__cause__
        if not isinstance(partial, PartialSendError):
            raise
        from inngest_rest._programs.results import Sent  # noqa: PLC0415

        sent = Sent.of(client.target, partial.report, partial.ids)
        raise ProblemError(_not_accepted(sent), data=sent) from error
    shown: Callable[[Any], Any] = _without_output if is_without_output else lambda it: it
    match row.returns:
        case Returns.PAGES:
            is_empty = True
            for page in result.pages():
                is_empty = is_empty and not page.items
                yield tuple(map(shown, page.items)), page
            if answer is not None and (is_empty or values.get("where")):
                answer.warnings.append(f"searched {result.searched()}")
        case Returns.STREAM:
            for each in result:
                yield (shown(each),), None
        case Returns.ONE:  # pragma: no branch - there is nothing else
            record: Any = result
            if not isinstance(result, kind := record_class(row)):
                from inngest_rest._programs.results import made  # noqa: PLC0415

                record = made(kind, client, values, result)
            if row.command == "runs.check" and record.broken:
                raise ProblemError(Problem(Code.RULE_BROKEN, str(record)), data=record)
            yield (record if row.command != "doctor" else _healthy(record, gate.malformed),), None


def run(
    row: Row, gate: Gate, values: Mapping[str, Any], projection: Projection | None = None
) -> Envelope:
    """Call a method, and return its result in an envelope, or its error with what came before."""
    projection = projection or Projection(is_whole=True)
    answer = Answer(row.command, row.returns, row.untrusted_paths, projection)
    problem = None
    try:
        for records, page in parts(row, gate, values, answer):
            gate.note()
            if not answer.add(records, page):
                break
    except Exception as error:  # noqa: BLE001 - an error is an answer, too
        problem = problem_of(error, row, values)
        if isinstance(error, ProblemError) and error.data is not None:
            answer.add((error.data,))
    return answer.envelope(problem)


def _without_output(it: Any) -> Any:
    if hasattr(it, "run"):
        return evolve(it, run=_without_output(it.run))
    return evolve(it, output=None)


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

    report = row.call(client, {**arguments(row, values), "on_batch": note})
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


def _healthy(diagnosis: Diagnosis, malformed: Mapping[str, str]) -> Diagnosis:
    """Return a diagnosis that found no problem; raise the first one otherwise.

    The keys that are malformed, by argument, the client was made without.
    """
    from inngest_rest.diagnosis import Check, Finding, FindingState  # noqa: PLC0415 - one call needs it

    findings = [it for it in diagnosis.findings if it.check not in malformed]
    for key, message in malformed.items():
        remedy = "Correct it in the environment."
        findings.append(Finding(Check(key), FindingState.PROBLEM, message, remedy))
    diagnosis = evolve(diagnosis, findings=tuple(findings))
    codes = {Check.CONNECTION: Code.NETWORK, Check.SERVER: Code.SERVER}
    for each in diagnosis.problems[:1]:
        code = codes.get(each.check, Code.AUTHENTICATION)
        problem = Problem(code, f"{each.check}: {each.message}", hint=each.remedy)
        raise ProblemError(problem, data=diagnosis)
    return diagnosis

"""Running a call of any program: by the gate, to its result in parts or whole in an envelope.

At the gate, what acts on many is shown, and confirmed, first: a call that acts on more than one
run, a bulk cancellation, more events than a person looks at, and a request of any path but by GET.
A confirmation is the token of the set that was shown: that set is acted on, no other.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

from attrs import Factory, define, evolve, field

from inngest_rest._files import reasons_path, rejected_path
from inngest_rest._programs.answer import Reply, record_class
from inngest_rest._programs.parameters import arguments, unusable_file
from inngest_rest._programs.problems import (
    DONE,
    Code,
    Problem,
    ProblemError,
    advice,
    problem_of,
    without_arguments,
)
from inngest_rest._table import Returns, event_of
from inngest_rest._ulid import is_ulid
from inngest_rest._visible import and_more, quoted, shortened
from inngest_rest.action_reports import ActionOutcome, ActionReport, PartialActionError
from inngest_rest.errors import InngestError, PartialSendError
from inngest_rest.typing import RunSelection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from inngest_rest import BatchReport, InngestClient
    from inngest_rest._programs.answer import Envelope
    from inngest_rest._programs.results import Sent
    from inngest_rest._table import Row
    from inngest_rest.action_reports import ActionRow
    from inngest_rest.diagnosis import Diagnosis
    from inngest_rest.models import Page
    from inngest_rest.record import Record

    Chunk = tuple[tuple[Record, ...], Page[Any] | None]

# The answer where one run was named, whose outcome is all there is.
_CODE_OF_ONE = {
    ActionOutcome.NOT_FOUND: Code.NOT_FOUND,
    ActionOutcome.REFUSED: Code.USAGE,
    ActionOutcome.FAILED: Code.SERVER,
    ActionOutcome.UNKNOWN: Code.NETWORK,
}

# What selects the runs, in whose place a plan stands.
_SELECTION = {"ids", "limit", "name", *RunSelection.__annotations__}

# How a call is made, which may be another when it is confirmed.
_MANNER = {"confirm", "dry_run", "max_chars", "rate", "in_flight", "report"}

_MOST_IDS = 1_000  # of the events of a file, which may have any number
_MOST_KEPT = 20  # plans that wait for their confirmation: each may have many runs


@define(eq=False, repr=False, kw_only=True)
class Invocation:
    """A call with its parameters and its answer, and what has to be confirmed before it is made."""

    row: Row
    values: Mapping[str, Any]
    client: InngestClient
    answer: Reply = Factory(lambda it: Reply.to(it.row), takes_self=True)
    has_errors: bool = True  # runs that failed have them
    is_confirmed: bool = False
    most_events: int | None = None  # that are sent without a confirmation; None for any
    # What was shown, by its token, where one process shows it and acts on it: a token is good once.
    # None where they are two: it is good while the set is the same.
    kept: dict[str, tuple[Mapping[str, Any], ActionReport]] | None = None
    # What is wrong with keys that the client was made without, by their arguments.
    malformed: Mapping[str, str] = field(factory=dict[str, str])
    note: Callable[[], object] = lambda: None  # called after each act, and each item of a list

    def run(self) -> Envelope:
        """Make it, and return the envelope of its result, or of its error with what came before."""
        problem = None
        try:
            for records, page in self.chunks():
                self.note()
                if not self.answer.add(records, page):
                    break
        except Exception as error:  # noqa: BLE001 - an error is an answer, too
            problem = problem_of(error, self.row, self.values)
            if isinstance(error, ProblemError) and error.data is not None:
                self.answer.add((error.data,))
        return self.answer.envelope(problem)

    def chunks(self) -> Iterator[Chunk]:
        """Make it, and yield its result as it arrives: records, and the page that has them.

        What was not all done, or has to be confirmed, is a ProblemError; the data has what was.
        Runs that failed have all their outputs if the answer names those.
        """
        row, values = self.row, self.values
        if values.get("dry_run"):
            yield (self._preview() if row.name.startswith("send") else self._show(),), None
            return
        planned = None
        if not self.is_confirmed and self._is_wide():
            planned = self._confirmed()
        if row.is_bulk:
            yield (self._carry_out(planned),), None
            return
        if planned is not None:
            values = pinned(values, planned)
        values = self._with_internal_id(values)
        fields = self._fields_asked_for()
        needs_output = values.get("include_output") is False and (
            self.has_errors or not fields.isdisjoint({"error", "output"})
        )
        if needs_output:
            values = {**values, "include_output": True}
        to_record = self._to_record(hides_output=needs_output and "output" not in fields)
        result, ids = self._result(values)
        match row.returns:
            case Returns.PAGES:
                yield from self._chunks_of_list(result, to_record)
            case Returns.STREAM:
                for each in result:
                    yield (to_record(each),), None
            case Returns.ONE:  # pragma: no branch - there is nothing else
                yield (self._only_record(result, values, ids),), None

    def _with_internal_id(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the parameters with the internal id of an event that was named by its own id."""
        if self.row.name not in {"events.runs", "events.wait"} or is_ulid(values["id"]):
            return values
        return {**values, "id": self.client.events.explain(values["id"]).event_id}

    def _fields_asked_for(self) -> set[str]:
        """Return each name in the paths of the fields that the answer is limited to."""
        paths = self.answer.projection.fields or ()
        return {name for path in paths for name in path.split(".")}

    def _to_record(self, *, hides_output: bool) -> Callable[[Any], Any]:
        """Return what makes a record of an item of a list."""
        if hides_output:
            return _without_output
        if self.row.name == "sessions.keys":  # they are text
            return cast("Callable[[Any], Any]", record_class(self.row))
        return _unchanged

    def _result(self, values: Mapping[str, Any]) -> tuple[Any, list[str | None]]:
        """Call the method; return what it does, and the ids of the events that were sent."""
        row, ids = self.row, list[str | None]()

        def on_batch(batch: BatchReport) -> None:
            accepted = [each for each in batch.ids if each is not None]
            ids.extend(accepted[: _MOST_IDS - len(ids)])
            self.sent(batch)

        given = {**arguments(row, values), **self._arguments_of_python(on_batch)}
        try:
            return row.call(self.client, given), ids
        except OSError as error:
            # Of the file that is sent: whatever is written beside it has errors of ours.
            raise unusable_file("path", error.filename or values.get("path"), error) from error
        except InngestError as error:
            partial = error if isinstance(error, PartialSendError) else error.__cause__
            if not isinstance(partial, PartialSendError):
                raise
            return partial.report, [*partial.ids]

    def _arguments_of_python(self, on_batch: Callable[[BatchReport], None]) -> dict[str, Any]:
        """Return the arguments for which programs have no parameter."""
        row = self.row
        if row.name == "send_file":
            return {"on_batch": on_batch}
        given: dict[str, Any] = {}
        if row.uses_files or row.name == "runs.summary":
            given["on_progress"] = self.progress
        if row.name.endswith(".export"):
            given["redact"] = self.answer.redactor.what
        return given

    def _chunks_of_list(self, listing: Any, to_record: Callable[[Any], Any]) -> Iterator[Chunk]:
        """Yield the records of each page; where there are few, say how far was searched."""
        is_empty = True
        for page in listing.pages():
            is_empty = is_empty and not page.items
            yield tuple(map(to_record, page.items)), page
        if is_empty or self.values.get("where"):
            self.answer.warnings.append(f"searched {listing.searched()}")

    def _only_record(
        self, result: Any, values: Mapping[str, Any], ids: Iterable[str | None]
    ) -> Record:
        """Return the record of a call that has one; raise what it says went wrong."""
        row, kind = self.row, record_class(self.row)
        record: Any = result
        if not isinstance(result, kind):
            from inngest_rest._programs.results import made  # noqa: PLC0415

            record = made(kind, self.client, values, result, ids)
        if row.command == "doctor":
            record = _with_malformed(record, self.malformed)
        problem = _problem_in(row, record, values)
        if problem is not None:
            raise ProblemError(problem, data=record)
        return record  # type: ignore[no-any-return]

    def sent(self, batch: BatchReport) -> None:
        """Note what became of a batch of a file."""

    def progress(self, listed: int, got: int) -> None:
        """Note how many records have been listed, and got one by one."""

    def ended(self, _row: ActionRow) -> None:
        """Note what became of a run."""
        self.note()

    def plan(self) -> ActionReport:
        """Return what a bulk call or a bulk cancellation would act on; nothing of another call."""
        values = self.values
        try:
            if self.row.is_bulk:
                return self.act(dry_run=True)
            if self.row.name == "cancellations.create":
                # A self-hosted server joins the two by a dash.
                function = values["function"].removeprefix(f"{values['app']}-")
                report = self.client.runs.cancel_all(
                    app=values["app"],
                    function=function,
                    since=values["started_after"],
                    until=values["started_before"],
                    dry_run=True,
                )
                return evolve(report, action=self.row.command)
        except PartialActionError as error:
            raise ProblemError(problem_of(error), data=self.shown(error.report)) from error
        return ActionReport(self.row.command, ())

    def act(self, planned: ActionReport | None = None, **of_python: Any) -> ActionReport:
        """Call a bulk method on what is planned, or what the parameters select."""
        given = arguments(self.row, self.values)
        if "ids" in self.values:
            given["ids"] = given.get("ids") or None
            if planned is not None:
                given = {name: it for name, it in given.items() if name not in _SELECTION}
        return self.row.call(self.client, {**given, "resume": planned, **of_python})  # type: ignore[no-any-return]

    def shown(self, report: ActionReport, *, token: str | None = None) -> Record:
        """Return a report as the result of the call; its token confirms it."""
        from inngest_rest._programs import results  # noqa: PLC0415

        target = self.client.target
        if report.searched:
            self.answer.warnings.append(f"searched {report.searched}")
        if self.row.name == "send_many":
            return results.Sent(target=target)
        if self.row.name == "request":
            return results.Answered(target)
        acted = results.Acted(
            target=target,
            action=report.action,
            counts=report.counts,
            rows=tuple(sorted(report.rows, key=lambda row: row.outcome in DONE)),
            since=report.since,
            until=report.until,
            by_function=dict(to_do_by_function(report)),
            confirm=token,
        )
        return acted if self.row.is_bulk else results.Done(target, planned=acted)

    def ask(self, _planned: ActionReport, _deed: str) -> bool | None:
        """Ask whether to do what is planned; None if there is nobody to ask."""
        return None

    def instruction(self, _planned: ActionReport, token: str) -> str:
        """Return how to do what a token stands for."""
        return f'To do it, call it again with the same parameters and "confirm": "{token}".'

    def _is_wide(self) -> bool:
        name, values = self.row.name, self.values
        if name == "send_many":
            return self.most_events is not None and len(values["events"]) > self.most_events
        if name == "request":
            return bool(values["method"] != "GET")
        chosen = values.get("ids") or values.get("inputs") or ()
        return name == "cancellations.create" or (self.row.is_bulk and len(chosen) != 1)

    def _confirmed(self) -> ActionReport:
        """Return what is confirmed, which is what was shown, no more and nothing else."""
        given = self.values.get("confirm")
        known = self.kept.pop(given, None) if self.kept and given else None
        if known is not None and known[0] == _asked(self.values):
            return known[1]
        planned = self.plan()
        if self.row.is_bulk and not any(it.is_open for it in planned.rows):
            return planned
        token = self.issue(planned)
        if given == token and (known is not None or self.kept is None):
            return planned
        deed = self._deed(planned)
        if given is None and (answer := self.ask(planned, deed)) is not None:
            if answer:
                return planned
            raise ProblemError(Problem(Code.CONFIRMATION_NEEDED, "not confirmed; nothing was done"))
        message = f"{self.row.command} would {deed} at {self.place}"
        if given is not None:
            then = given.partition("-")[0]
            message = f"not what was confirmed, which were {then} then, or done since: {message}"
        hint = f"Show the user what would be done. {self.instruction(planned, token)}"
        message = f"{message}; nothing was done"
        problem = Problem(Code.CONFIRMATION_NEEDED, message, hint, field="confirm")
        self.answer.confirm = token
        raise ProblemError(problem, data=self.shown(planned, token=token))

    def _show(self) -> Record:
        planned = self.plan()
        is_empty = self.row.is_bulk and not any(it.is_open for it in planned.rows)
        token = None if is_empty else self.issue(planned)
        shown = self.shown(planned, token=token)
        if DONE.issuperset(planned.counts):
            return shown
        problem = _incomplete(planned)
        if len(planned.rows) > 1:
            message = f"not all of it can be done: {problem.message}; nothing was done"
            problem = evolve(problem, message=message, hint="data.rows has the reason of each.")
        raise ProblemError(problem, data=shown)

    def _preview(self) -> Record:
        from inngest_rest._programs import results  # noqa: PLC0415

        given = arguments(self.row, {**self.values, "wait": None})
        if self.row.name == "send_file":
            about = "path", "name", "csv", "event", "columns"
            chosen: Any = {each: given.get(each) for each in about}
            found = self.client.preview_file(**chosen)
        else:
            found = self.client.preview(given.get("events") or event_of(**given))
        shown = results.Sent(target=self.client.target, preview=found)
        if not found.rejected:
            return shown
        total, first = found.rejected + found.events, found.failures[0]
        message = f"{found.rejected} of {total} events are invalid; first: {first.reason}"
        raise ProblemError(Problem(Code.PARTIAL, f"{message}; nothing was sent"), data=shown)

    def _carry_out(self, planned: ActionReport | None) -> Record:
        """Act on what is planned, or what the parameters select, and return what was done."""
        try:
            report = self.act(planned, on_result=self.ended)
            problem = None if DONE.issuperset(report.counts) else _incomplete(report)
        except PartialActionError as error:
            report, problem = error.report, problem_of(error)
        except KeyboardInterrupt as error:
            reached = getattr(error, "report", None)
            if not isinstance(reached, ActionReport):
                raise  # before the first act
            report = reached
            problem = evolve(problem_of(error), message=f"interrupted; so far {report}")
        shown = self.shown(report)
        if problem is None:
            return shown
        if self.values.get("report") and any(it.is_open for it in report.rows):
            problem = evolve(problem, hint="The same command does what is left.")
        raise ProblemError(problem, data=shown)

    def issue(self, planned: ActionReport) -> str:
        """Return the token of what is planned."""
        values, to_do = self.values, [it.id for it in planned.rows if it.is_open]
        what = _asked(pinned(values, planned))
        if "ids" in values:
            what = {name: it for name, it in what.items() if name not in _SELECTION}
            what["ids"] = sorted(map(str, to_do))
        parts = [self.client.target.to_dict(), self.row.command, what]
        digest = hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode())
        token = f"{len(to_do)}-{digest.hexdigest()[:16]}"
        if self.kept is not None:
            self.kept[token] = _asked(values), planned
            for oldest in list(self.kept)[:-_MOST_KEPT]:
                del self.kept[oldest]
        return token

    @property
    def place(self) -> str:
        target = self.client.target
        return f"{target.api_url} ({target.env or 'default'} environment)"

    def amount(self, count: int) -> str:
        kind = "event" if self.row.name == "events.resend" else "run"
        return f"1 {kind}" if count == 1 else f"{count:,} {kind}s"

    def _deed(self, planned: ActionReport) -> str:
        """Return in words what would be done, and to how much."""
        values, name = self.values, self.row.name
        if name == "send_many":
            names = Counter(str(each.get("name")) for each in values["events"])
            counts = [f"{count:,} {quoted(name)}" for name, count in names.most_common()]
            return f"send {len(values['events']):,} events ({and_more(counts)})"
        if name == "request":
            return f"{values['method']} {shortened(values['path'])}"
        amount = self.amount(sum(it.is_open for it in planned.rows))
        if self.row.is_bulk:
            return f"act on {amount}"
        condition = values["condition"]
        where = f" for which {shortened(condition)} holds," if condition else ""
        return f"cancel every run of the function in that time,{where} of at most {amount} now,"


def pinned(values: Mapping[str, Any], planned: ActionReport) -> Mapping[str, Any]:
    """Return parameters with the window that was planned, which is the same at any time."""
    names = "since", "until"
    if "started_before" in values:
        names = "started_after", "started_before"
    elif values.get("ended_since") or values.get("ended_until"):
        names = "ended_since", "ended_until"
    window = zip(names, (planned.since, planned.until), strict=True)
    return {**values, **{name: at for name, at in window if at is not None}}


def to_do_by_function(report: ActionReport) -> list[tuple[str, int]]:
    """Return how many rows are left to do of each function, or event name, the most first."""
    kinds = (row.function or row.event_name for row in report.rows if row.is_open)
    return Counter(filter(None, kinds)).most_common()


def _asked(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: it for name, it in values.items() if name not in _MANNER}


def _incomplete(report: ActionReport) -> Problem:
    if len(report.rows) == 1:
        (row,) = report.rows
        code = _CODE_OF_ONE.get(row.outcome, Code.PARTIAL)
        doctor = advice("{} shows what answers at the base URL.", "diagnose")
        hint, may_pass = doctor if code is Code.SERVER else None, code is Code.NETWORK
        return Problem(code, without_arguments(row.reason or str(report)), hint, may_pass)
    again = "the same with the ids of those that failed tries them again."
    message = without_arguments(str(report))
    return Problem(Code.PARTIAL, message, f"data.rows has the reason of each; {again}")


def _unchanged(item: Any) -> Any:
    return item


def _without_output(item: Any) -> Any:
    if hasattr(item, "run"):
        return evolve(item, run=_without_output(item.run))
    return evolve(item, output=None)


def _problem_in(row: Row, record: Any, values: Mapping[str, Any]) -> Problem | None:
    """Return the problem that the result of a call tells of, if it does."""
    match row.command:
        case "runs.check" if record.broken:
            return Problem(Code.RULE_BROKEN, str(record))
        case "doctor" if record.problems:
            first = record.problems[0]
            codes = {"connection": Code.NETWORK, "server": Code.SERVER}
            code = codes.get(first.check, Code.AUTHENTICATION)
            message = without_arguments(f"{first.check}: {first.message}")
            return Problem(code, message, hint=first.remedy and without_arguments(first.remedy))
        case "send" | "send_many" | "send_file" if record.rejected or record.unknown:
            return _not_accepted(record, values)
        case _:
            return None


def _not_accepted(sent: Sent, values: Mapping[str, Any]) -> Problem:
    total = sent.accepted + sent.rejected + sent.unknown
    first = f"; first: {sent.failures[0].reason}" if sent.failures else ""
    counts = f"{sent.accepted} of {total} events accepted, {sent.rejected} rejected, {sent.unknown}"
    hints: list[str] = []
    if "path" not in values:
        hints.append(
            "data.failures has each with its reason. Sent again as it is there, with its id, an "
            "event runs nothing twice, except functions that debounce or batch."
        )
    elif sent.rejected:
        rejected = rejected_path(values["path"], values["name"] or "", values.get("dead_letters"))
        # It has none that are to be corrected in the file itself.
        if rejected.exists():
            where = f"{rejected}, and the reason of each in {reasons_path(rejected)}"
            hint = f"The rejected lines are in {where}: correct the lines, and send that file."
            hints.append(hint)
    if "path" in values and sent.unknown:
        hints.append(
            "Send the whole again, by the same name, for those that are unknown: what was accepted "
            "runs nothing twice, except functions that debounce or batch."
        )
    return Problem(Code.PARTIAL, f"{counts} unknown{first}", " ".join(hints))


def _with_malformed(diagnosis: Diagnosis, malformed: Mapping[str, str]) -> Diagnosis:
    """Return a diagnosis with the keys, by argument, that the client was made without."""
    from inngest_rest.diagnosis import Check, Finding, FindingState  # noqa: PLC0415 - one call needs it

    findings = [it for it in diagnosis.findings if it.check not in malformed]
    for key, message in malformed.items():
        remedy = "Correct it in the environment."
        findings.append(Finding(Check(key), FindingState.PROBLEM, message, remedy))
    return evolve(diagnosis, findings=tuple(findings))

"""Running a call of any program: by the gate, to its result in parts or whole in an envelope.

At the gate, what acts on many is shown, and confirmed, first: a call that acts on more than one
run, a bulk cancellation, more events than a person looks at, and a request of any path but by GET.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from attrs import Factory, define, evolve, field

from inngest_rest._programs.answer import Reply
from inngest_rest._programs.confirmation import (
    deed,
    names_that_select,
    pinned,
    to_do_by_function,
    token_of,
    what_is_done,
    without,
)
from inngest_rest._programs.outcomes import incomplete, problem_in, with_malformed
from inngest_rest._programs.parameter import unusable_file
from inngest_rest._programs.parameters import arguments
from inngest_rest._programs.problems import (
    DONE,
    Code,
    Problem,
    ProblemError,
    problem_of,
)
from inngest_rest._programs.projection import record_class
from inngest_rest._table import ROWS, Effect, Returns, event_of
from inngest_rest._ulid import is_ulid
from inngest_rest.action_reports import ActionReport, PartialActionError
from inngest_rest.errors import InngestError, PartialSendError, RouteNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from inngest_rest import BatchReport, InngestClient
    from inngest_rest._programs.answer import Envelope
    from inngest_rest._programs.confirmation import ShownPlans
    from inngest_rest._table import Row
    from inngest_rest.action_reports import ActionRow
    from inngest_rest.explanation import SendPreview
    from inngest_rest.models import Page, Run
    from inngest_rest.record import Record
    from inngest_rest.status import StatusReport

    Chunk = tuple[tuple[Record, ...], Page[Any] | None]

_MOST_IDS = 1_000  # of the events of a file, which may have any number


@define(eq=False, repr=False, kw_only=True)
class Invocation:
    """A call with its parameters and its answer, and what has to be confirmed before it is made."""

    row: Row
    values: Mapping[str, Any]
    client: InngestClient
    answer: Reply = Factory(lambda self: Reply.to(self.row), takes_self=True)
    has_errors: bool = True  # runs that failed have them
    is_confirmed: bool = False
    confirmed_profile: str | None = None  # the name of a protected one, which was typed
    most_events: int | None = None  # that are sent without a confirmation; None for any
    confirms_changes: bool = False  # whatever changes the server has to be confirmed
    # What was shown, where one process shows it and acts on it; where they are two, it is None,
    # and a token is good while the set is the same.
    shown_plans: ShownPlans | None = None
    # What is wrong with keys that the client was made without, by their arguments.
    malformed: Mapping[str, str] = field(factory=dict[str, str])
    note: Callable[[], object] = lambda: (
        None
    )  # called after each act, and each item of a list

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
        if self.values.get("dry_run"):
            is_send = self.row.name.startswith("send")
            yield (self._preview() if is_send else self._show(),), None
            return
        self._check_profile()
        must_confirm = not self.is_confirmed and self._is_wide()
        planned = self._confirmed() if must_confirm else None
        if self.row.is_bulk:
            yield (self._carry_out(planned),), None
            return
        values = self.values if planned is None else pinned(self.values, planned)
        yield from self._call(self._with_internal_id(values))

    def _check_profile(self) -> None:
        """Refuse what changes the server of a protected profile, unless that is named."""
        profile = self.client.profile
        if (
            profile is None
            or not profile.is_protected
            or self.row.effect is Effect.READ
        ):
            return
        if self.shown_plans is not None:
            return  # of a tool: the token of each act stands for what was shown with its name
        if self.row.name == "request" and self.values["method"] == "GET":
            return
        confirmed = self.confirmed_profile
        if confirmed is None:
            confirmed = self.ask_for_profile()
        if confirmed != profile.name:
            message = (
                f"profile {profile.name} is protected ({self.place}); nothing was done"
            )
            hint = f"Name it to act on its server: --confirm-profile {profile.name}"
            raise ProblemError(
                Problem(
                    Code.CONFIRMATION_NEEDED,
                    message,
                    hint=hint,
                    field="confirm_profile",
                )
            )

    def _call(self, values: Mapping[str, Any]) -> Iterator[Chunk]:
        """Call the method, and yield its result as it arrives."""
        fields = self._fields_asked_for()
        needs_output = values.get("include_output") is False and (
            self.has_errors or not fields.isdisjoint({"error", "output"})
        )
        if needs_output:
            values = {**values, "include_output": True}
        to_record = self._to_record(
            hides_output=needs_output and "output" not in fields
        )
        result, ids = self._result(values)
        if self.row.returns is Returns.PAGES:
            yield from self._chunks_of_list(result, to_record)
        elif self.row.returns is Returns.STREAM:
            for item in result:
                yield (to_record(item),), None
        else:
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
            raise unusable_file(
                "path", error.filename or values.get("path"), error
            ) from error
        except InngestError as error:
            partial = error if isinstance(error, PartialSendError) else error.__cause__
            if not isinstance(partial, PartialSendError):
                raise
            return partial.report, [*partial.ids]

    def _arguments_of_python(
        self, on_batch: Callable[[BatchReport], None]
    ) -> dict[str, Any]:
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

    def _chunks_of_list(
        self, listing: Any, to_record: Callable[[Any], Any]
    ) -> Iterator[Chunk]:
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
            record = with_malformed(record, self.malformed)
        elif row.command == "status":
            record = self.with_options(record)
        problem = problem_in(row, record, values)
        if problem is not None:
            raise ProblemError(problem, data=record)
        if row.name == "runs.get":
            self._note_batch(record)
        return record  # type: ignore[no-any-return]

    def _note_batch(self, run: Run) -> None:
        """Say how to see the events of a batch, of which a run has the first."""
        fields = self._fields_asked_for()
        if run.batch_id is not None and (not fields or "event_ids" in fields):
            explain = self.spelled(_row("runs.explain"), {"id": run.id})
            self.answer.warnings.append(
                f"event_ids has only the first of its batch; all: {explain}"
            )

    def with_options(self, report: StatusReport) -> StatusReport:
        """Return a status whose commands are for the same server; a tool has no other."""
        return report

    def sent(self, batch: BatchReport) -> None:
        """Note what became of a batch of a file."""

    def progress(self, listed: int, got: int) -> None:
        """Note how many records have been listed, and got one by one."""

    def ended(self, _row: ActionRow) -> None:
        """Note what became of a run."""
        self.note()

    def plan(self) -> ActionReport:
        """Return what a bulk call or a bulk cancellation would act on; nothing of another call."""
        try:
            if self.row.is_bulk:
                return self.act(dry_run=True)
            if self.row.name == "cancellations.create":
                return self._plan_of_cancellation()
        except PartialActionError as error:
            raise ProblemError(
                problem_of(error), data=self.shown(error.report)
            ) from error
        return ActionReport(self.row.command, ())

    def _plan_of_cancellation(self) -> ActionReport:
        values = self.values
        selection = {
            "app": values["app"],
            # A self-hosted server joins the two by a dash.
            "function": values["function"].removeprefix(f"{values['app']}-"),
            "since": values["started_after"],
            "until": values["started_before"],
        }
        self._check_has_bulk_cancellations({**selection, "where": values["condition"]})
        report = self.client.runs.cancel_all(**selection, dry_run=True)
        return evolve(report, action=self.row.command)

    def _check_has_bulk_cancellations(self, selection: Mapping[str, Any]) -> None:
        """Refuse where the server has none, and say what cancels the same runs."""
        if self.client.target.is_cloud:
            return
        try:
            self.client.cancellations.list(limit=1).page()
        except RouteNotFoundError as error:
            instead = self.spelled(
                _row("runs.cancel_all"), {**selection, "dry_run": True}
            )
            hint = f"A self-hosted server has no bulk cancellations. To cancel the runs: {instead}"
            raise ProblemError(evolve(problem_of(error), hint=hint)) from error

    def act(
        self, planned: ActionReport | None = None, **of_python: Any
    ) -> ActionReport:
        """Call a bulk method on what is planned, or what the parameters select."""
        given = arguments(self.row, self.values)
        if "ids" in self.values:
            given["ids"] = given.get("ids") or None
            if planned is not None:
                given = without(given, names_that_select(self.row))
        return self.row.call(self.client, {**given, "resume": planned, **of_python})  # type: ignore[no-any-return]

    def shown(self, report: ActionReport, *, token: str | None = None) -> Record:
        """Return a report as the result of the call; its token confirms it."""
        from inngest_rest._programs import results  # noqa: PLC0415

        target = self.client.target
        if report.searched:
            self.answer.warnings.append(f"searched {report.searched}")
        if record_class(self.row) is results.Sent:
            return results.Sent(target=target)
        if self.row.name == "request":
            return results.Answered(target=target)
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
        return acted if self.row.is_bulk else results.Done(target=target, planned=acted)

    def ask(self, _planned: ActionReport, _deed: str) -> bool | None:
        """Ask whether to do what is planned; None if there is nobody to ask."""
        return None

    def ask_for_profile(self) -> str | None:
        """Ask for the name of the protected profile; None if there is nobody to ask."""
        return None

    def next_command(self, _planned: ActionReport, _token: str) -> str | None:
        """Return the command line that does what a token stands for; None of a tool."""
        return None

    def spelled(self, row: Row, values: Mapping[str, Any]) -> str:
        """Return how another call is made: of a tool, its name and its parameters."""
        given = {name: value for name, value in values.items() if value is not None}
        return f"call {row.tool} with {json.dumps(given, default=in_text)}"

    def offer(self, planned: ActionReport, token: str) -> None:
        """Let the answer have the token of what is planned, and the command that it confirms."""
        self.answer.confirm = token
        self.answer.next_command = self.next_command(planned, token)

    def instruction(self) -> str:
        """Return in words how to do what the answer offers."""
        if self.answer.next_command is not None:
            return f"To do it: {self.answer.next_command}"
        token = self.answer.confirm
        return f'To do it, call it again with the same parameters and "confirm": "{token}".'

    def _is_wide(self) -> bool:
        """Return whether it acts on more than a person has named one by one."""
        if self.row.name == "request":
            return bool(self.values["method"] != "GET")
        if self.confirms_changes and self.row.effect is not Effect.READ:
            return True
        match self.row.name:
            case "send_many":
                most = self.most_events
                return most is not None and len(self.values["events"]) > most
            case "cancellations.create":
                return True
            case _:
                named = self.values.get("ids") or self.values.get("inputs") or ()
                return self.row.is_bulk and len(named) != 1

    def _confirmed(self) -> ActionReport:
        """Return what is confirmed, which is what was shown, no more and nothing else."""
        given = self.values.get("confirm")
        shown = (
            self.shown_plans.take(given)
            if self.shown_plans is not None and given
            else None
        )
        if shown is not None and shown.values == what_is_done(self.values):
            return shown.planned
        planned = self.plan()
        if self._has_nothing_to_do(planned):
            return planned
        token = self._issue(planned)
        is_unused = shown is not None or self.shown_plans is None
        if given == token and is_unused:
            return planned
        if given is None and self._is_agreed(planned):
            return planned
        raise self._refusal(planned, token, given)

    def _is_agreed(self, planned: ActionReport) -> bool:
        """Ask whether to do it, if there is somebody to ask; raise what says that they refused."""
        is_agreed = self.ask(planned, deed(self.row, self.values, planned))
        if is_agreed is False:
            message = "not confirmed; nothing was done"
            raise ProblemError(Problem(Code.CONFIRMATION_NEEDED, message))
        return bool(is_agreed)

    def _refusal(
        self, planned: ActionReport, token: str, given: str | None
    ) -> ProblemError:
        """Return the error for what is not confirmed, or by the token of something else."""
        would_do = deed(self.row, self.values, planned)
        message = f"{self.row.command} would {would_do} at {self.place}"
        if given is not None:
            number = given.partition("-")[0]
            message = f"not what was confirmed, which were {number} then, or done since: {message}"
        self.offer(planned, token)
        problem = Problem(
            Code.CONFIRMATION_NEEDED,
            f"{message}; nothing was done",
            hint=f"Show the user what would be done. {self.instruction()}",
            field="confirm",
        )
        return ProblemError(problem, data=self.shown(planned, token=token))

    def _has_nothing_to_do(self, planned: ActionReport) -> bool:
        return self.row.is_bulk and not any(row.is_open for row in planned.rows)

    def _show(self) -> Record:
        """Return what would be done, with the token that confirms it."""
        planned, token = self.plan(), None
        if not self._has_nothing_to_do(planned):
            token = self._issue(planned)
            self.offer(planned, token)
        shown = self.shown(planned, token=token)
        if DONE.issuperset(planned.counts):
            return shown
        problem = incomplete(planned)
        if len(planned.rows) > 1:
            message = f"not all of it can be done: {problem.message}; nothing was done"
            problem = evolve(
                problem, message=message, hint="data.rows has the reason of each."
            )
        raise ProblemError(problem, data=shown)

    def _preview(self) -> Record:
        """Return which functions the events would start; send nothing."""
        from inngest_rest._programs import results  # noqa: PLC0415

        preview = self._preview_of_events()
        sent = results.Sent(target=self.client.target, preview=preview)
        if not preview.rejected:
            return sent
        total, first = preview.rejected + preview.events, preview.failures[0]
        message = (
            f"{preview.rejected} of {total} events are invalid; first: {first.reason}"
        )
        raise ProblemError(
            Problem(Code.PARTIAL, f"{message}; nothing was sent"), data=sent
        )

    def _preview_of_events(self) -> SendPreview:
        given = arguments(self.row, {**self.values, "wait": None})
        if self.row.name != "send_file":
            return self.client.preview(given.get("events") or event_of(**given))
        return self.client.preview_file(
            given["path"],
            name=given.get("name"),
            csv=bool(given.get("csv")),
            event=given.get("event"),
            columns=given.get("columns"),
        )

    def _carry_out(self, planned: ActionReport | None) -> Record:
        """Act on what is planned, or what the parameters select, and return what was done."""
        try:
            report = self.act(planned, on_result=self.ended)
            problem = None if DONE.issuperset(report.counts) else incomplete(report)
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

    def _issue(self, planned: ActionReport) -> str:
        """Return the token of what is planned, and keep that if one process acts on it."""
        token = token_of(self.client.target, self.row, self.values, planned)
        if self.shown_plans is not None:
            self.shown_plans.keep(token, self.values, planned)
        return token

    @property
    def place(self) -> str:
        target = self.client.target
        profile = self.client.profile
        named = "" if profile is None else f", profile {profile.name}"
        return f"{target.api_url} ({target.env or 'default'} environment{named})"


def _row(name: str) -> Row:
    return next(row for row in ROWS if row.name == name)


def in_text(moment: datetime | timedelta) -> str:
    """Return a time as a parameter in JSON has it."""
    if isinstance(moment, timedelta):
        return f"{max(round(moment.total_seconds()), 1)}s"
    return moment.isoformat()


def _unchanged(item: Any) -> Any:
    return item


def _without_output(item: Any) -> Any:
    if hasattr(item, "run"):
        return evolve(item, run=_without_output(item.run))
    return evolve(item, output=None)

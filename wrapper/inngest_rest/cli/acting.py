"""Acts on many runs from the command line: what is confirmed, kept in a report, and shown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import evolve

from inngest_rest._core.arguments import check_run_id
from inngest_rest.action_reports import ActionReport, ActionRow
from inngest_rest.cli.report_file import ReportFile
from inngest_rest.cli.typed import command_text
from inngest_rest.operations.bulk import Selection, carry_out, not_planned, report_of_plan
from inngest_rest.operations.functions import InvokeMany
from inngest_rest.operations.problems import Code, OperationError, Problem, problem_of
from inngest_rest.operations.results import Acted
from inngest_rest.operations.running import Part

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from inngest_rest.cli.answer import Answer
    from inngest_rest.cli.extras import Extras
    from inngest_rest.cli.options import Options
    from inngest_rest.operations.bulk import BulkOperation

# Rows of an answer that says what would be done, and ids of a question.
_FIRST_ROWS = 20
_FIRST_IDS = 5


class Act:
    """One act, from what is selected to its answer."""

    def __init__(
        self,
        operation: BulkOperation[Any],
        client: InngestClient,
        parameters: Any,
        extras: Extras,
        options: Options,
        answer: Answer,
    ) -> None:
        self._operation = operation
        self._client = client
        self._parameters = _with_end(parameters.fixed())
        self._extras = extras
        self._options = options
        self._answer = answer
        self._file = ReportFile(extras.report) if extras.report else None
        self._shown: set[int] = set()

    def run(self) -> int:
        """Act on what the parameters select, if that is confirmed; write the answer."""
        kept = self._file.read(_action(self._operation, self._parameters)) if self._file else None
        if kept is not None:
            self._answer.warnings.append(
                f"resumed from {self._extras.report}, which has {len(kept.rows):,} rows; what the "
                "command line selects was not looked up again"
            )
        if self._parameters.dry_run:
            return self._plan_only(kept)
        if not self._parameters.needs_confirmation:
            return self._carry_out(kept)
        kept = kept or self._plan(None)
        count = _count_open(kept)
        if count and not self._extras.yes:
            if not self._can_ask:
                return self._refuse(kept, count)
            if not self._is_confirmed(kept, count):
                declined = Problem(Code.CONFIRMATION_NEEDED, "not confirmed; nothing was done")
                return self._answer.fail(declined)
        return self._carry_out(kept)

    @property
    def _can_ask(self) -> bool:
        """Whether a person reads the answer; one who reads JSON may be a program."""
        return self._answer.format == "table" and self._answer.talk.can_ask

    def _plan(self, kept: ActionReport | None) -> ActionReport:
        """List what is selected, and check it; nothing is done."""
        self._answer.talk.progress("Listing what is selected")
        act = self._operation.act
        report = report_of_plan(act, self._client, self._parameters, resume=kept)
        self._answer.talk.end_progress()
        return report

    def _plan_only(self, kept: ActionReport | None) -> int:
        planned = self._plan(kept)
        if self._file and kept is None:
            self._file.begin(planned)
            self._file.finish(planned)
        problem = not_planned(planned)
        if self._writes_lines:
            status = self._answer_lines(planned, problem)
        elif problem is not None:
            status = self._answer.fail(problem, data=self._first_rows(planned))
        else:
            status = self._answer.one(self._first_rows(planned))
        if problem is None and _count_open(planned):
            self._answer.talk.hint(f"To do it: {self._command()}")
        return status

    def _refuse(self, planned: ActionReport, count: int) -> int:
        command = self._command()
        problem = Problem(
            Code.CONFIRMATION_NEEDED,
            f"{self._operation.name} would act on {_runs(count)} at {self._place}; nothing was "
            "done",
            hint=f"Show the user what would be done. To do it: {command}",
        )
        data = None if self._writes_lines else self._first_rows(planned)
        return self._answer.fail(problem, data=data)

    def _is_confirmed(self, planned: ActionReport, count: int) -> bool:
        talk = self._answer.talk
        ids = [row.id or "" for row in planned.rows if row.is_open]
        window = "".join(
            f", {name} {at:%Y-%m-%d %H:%M:%S} UTC"
            for name, at in zip(("since", "until"), self._parameters.window, strict=True)
            if at
        )
        more = f"\n  and {count - _FIRST_IDS:,} more" if count > _FIRST_IDS else ""
        listed = "".join(f"\n  {id}" for id in ids[:_FIRST_IDS])
        verb = self._operation.command[-1].capitalize()
        return talk.ask(f"{_runs(count)} at {self._place}{window}:{listed}{more}\n{verb}?")

    def _carry_out(self, kept: ActionReport | None) -> int:
        start = kept or ActionReport(
            _action(self._operation, self._parameters), _rows(self._parameters)
        )
        rows, action = list(start.rows), start.action
        to_do, done = _count_open(start), 0

        def on_start(row: ActionRow) -> None:
            if self._file:
                self._file.add(row)

        def on_result(row: ActionRow) -> None:
            nonlocal done
            done += 1
            rows[row.position] = row
            if self._file:
                self._file.add(row)
            self._show(row)
            self._answer.talk.progress(f"{action}: {done:,} of {to_do:,}")

        if self._file:
            self._file.begin(start)
        try:
            acted = carry_out(
                self._operation.act,
                self._client,
                self._parameters,
                resume=kept,
                on_start=on_start,
                on_result=on_result,
            )
            return self._answer_acted(acted.report)
        except OperationError as error:
            report = error.data.report if isinstance(error.data, Acted) else None
            problem = problem_of(error, self._operation, self._parameters)
            return self._answer_acted(report or ActionReport(action, rows), problem)
        except KeyboardInterrupt as error:
            report = ActionReport(action, rows)
            message = f"interrupted; so far {report}"
            return self._answer_acted(report, evolve(problem_of(error), message=message))
        finally:
            self._answer.talk.end_progress()
            if self._file:
                self._file.finish(ActionReport(action, rows))

    def _answer_acted(self, report: ActionReport, problem: Problem | None = None) -> int:
        self._answer.talk.end_progress()
        if problem is not None and self._file and _count_open(report):
            problem = evolve(problem, hint=f"To do what is left: {self._command()}")
        if self._writes_lines:
            return self._answer_lines(report, problem)
        acted = self._acted(report)
        if problem is None:
            return self._answer.one(acted)
        return self._answer.fail(problem, data=acted)

    def _answer_lines(self, report: ActionReport, problem: Problem | None = None) -> int:
        """Write the rows that were not written as they came."""
        for row in report.rows:
            if row.position not in self._shown:
                self._show(row)
        return self._answer.finish(problem)

    def _show(self, row: ActionRow) -> None:
        if self._writes_lines:
            self._shown.add(row.position)
            self._answer.add(Part((row,)))

    @property
    def _writes_lines(self) -> bool:
        return self._answer.format in {"ndjson", "id"}

    @property
    def _place(self) -> str:
        target = self._client.target
        return f"{target.api_url} ({target.env or 'default'} environment)"

    def _first_rows(self, report: ActionReport) -> Acted:
        acted = self._acted(report)
        rows = acted.rows[:_FIRST_ROWS]
        return evolve(acted, rows=rows, rows_left_out=len(report.rows) - len(rows))

    def _acted(self, report: ActionReport) -> Acted:
        since, until = self._parameters.window
        return Acted.of(self._client.target, report, since=since, until=until)

    def _command(self) -> str:
        """Return the command that does it, or what is left of it."""
        parameters = evolve(self._parameters, dry_run=False)
        report = ("--report", self._extras.report) if self._extras.report else ()
        yes = ("--yes",) if parameters.needs_confirmation else ()
        return command_text(self._operation, parameters, self._options, *report, *yes)


def _with_end(parameters: Any) -> Any:
    """Return parameters whose window has an end: what comes after this was not confirmed."""
    if not isinstance(parameters, Selection) or parameters.since is None or parameters.until:
        return parameters
    return evolve(parameters, until=datetime.now(UTC).isoformat())


def _action(operation: BulkOperation[Any], parameters: Any) -> str:
    """Return what the report on an act is called."""
    if isinstance(parameters, InvokeMany):
        return f"functions.invoke {parameters.app}/{parameters.function}"
    return operation.name


def _rows(parameters: Any) -> list[ActionRow]:
    """Return the rows of what is named rather than selected by a filter."""
    if isinstance(parameters, InvokeMany):
        return [ActionRow(position, None) for position in range(len(parameters.inputs))]
    ids = dict.fromkeys(
        check_run_id(f"ids[{at}]", id, argument="ids") for at, id in enumerate(parameters.ids)
    )
    return [ActionRow(position, id) for position, id in enumerate(list(ids)[: parameters.limit])]


def _count_open(report: ActionReport) -> int:
    return sum(row.is_open for row in report.rows)


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count:,} runs"

"""Running a call of any program: it is confirmed first, if need be, and then made.

Calls that act on much are shown and confirmed before they are made: a call that acts on more than
one run, a bulk cancellation, more events than a person looks at, and a request of any path but by
GET.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attrs import define, evolve

from inngest_rest.bulk import (
    CLOUD_RATE,
    ActionOutcome,
    ActionReport,
    PartialActionError,
)
from inngest_rest.calls import command_for, event_of
from inngest_rest.errors import RouteNotFoundError
from inngest_rest_tools.calling import Call, chunk_of
from inngest_rest_tools.confirmation import (
    deed,
    names_that_select,
    pinned,
    to_do_by_function,
    token_of,
    what_is_done,
    without,
)
from inngest_rest_tools.form import form_of
from inngest_rest_tools.parameters import arguments
from inngest_rest_tools.problems import (
    DONE,
    Code,
    Problem,
    ProblemError,
    problem_of,
)
from inngest_rest_tools.projection import record_class

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inngest_rest.bulk import ActionRow
    from inngest_rest.explain import SendPreview
    from inngest_rest.record import Record
    from inngest_rest_tools.answer import Envelope
    from inngest_rest_tools.audit import Audit
    from inngest_rest_tools.calling import Chunk
    from inngest_rest_tools.confirmation import ShownPlans


@define(eq=False, repr=False, kw_only=True)
class Invocation(Call):
    """A call, and the confirmation that it needs."""

    is_confirmed: bool = False
    confirmed_profile: str | None = None  # the name of a protected one, as typed
    most_events: int | None = None  # sent without a confirmation; None for any number
    confirms_changes: bool = False  # any change of the server has to be confirmed
    # The plans that were shown, if the process that shows them also acts on them. Otherwise None:
    # a token is then valid as long as the set is the same.
    shown_plans: ShownPlans | None = None
    audit: Audit | None = None

    def run(self) -> Envelope:
        """Make the call; return its result, or its error with the result so far."""
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
        """Make the call; yield its result as it arrives: records, and the page that has them.

        Raises ProblemError if the call was done in part, or has to be confirmed; its `data` is
        the result so far.
        """
        if self.values.get("dry_run"):
            yield chunk_of(self._dry_run())
            return
        self._check_profile()
        planned = None
        if not self.is_confirmed and self._is_wide():
            planned = self._confirmed()
        chunks = self._made(planned)
        if self.audit is not None and self.row.changes(self.values):
            chunks = self.audit.noted(self.row, self.values, self.client, chunks)
        yield from chunks

    def _made(self, planned: ActionReport | None) -> Iterator[Chunk]:
        """Make the call, of which nothing is left to ask, and yield its result."""
        if self.row.is_bulk:
            yield chunk_of(self._carry_out(planned))
            return
        values = self.values
        if planned is not None:
            values = pinned(values, planned)
        yield from self.make(values)

    def _dry_run(self) -> Record:
        """Return what the call would do."""
        if self.row.sends_events:
            return self._preview()
        return self._show()

    def _check_profile(self) -> None:
        """Refuse to change the server of a protected profile, unless the profile is named."""
        profile = self.client.profile
        if profile is None or not profile.is_protected:
            return
        if not self.row.changes(self.values):
            return
        if self.shown_plans is not None:
            return  # a tool: the plan that its token confirms was shown with the profile's name
        confirmed = self.confirmed_profile
        if confirmed is None:
            confirmed = self.ask_for_profile()
        if confirmed == profile.name:
            return
        problem = Problem(
            code=Code.CONFIRMATION_NEEDED,
            message=(
                f"profile {profile.name} is protected ({self.place}); nothing was done"
            ),
            hint=f"Name it to act on its server: --confirm-profile {profile.name}",
            field="confirm_profile",
        )
        raise ProblemError(problem)

    def ended(self, _row: ActionRow) -> None:
        """Note the outcome of a run."""
        self.note()

    def plan(self) -> ActionReport:
        """Return what the call would act on: empty unless it is bulk or a bulk cancellation."""
        try:
            if self.row.is_bulk:
                return self.act(dry_run=True)
            if self.row.selects_with_condition:
                return self._plan_of_cancellation()
        except PartialActionError as error:
            so_far = self.shown(error.report)
            raise ProblemError(problem_of(error), data=so_far) from error
        return ActionReport(action=self.row.command, rows=())

    def _plan_of_cancellation(self) -> ActionReport:
        values = self.values
        app = values["app"]
        # A self-hosted server joins the two by a dash.
        function = values["function"].removeprefix(f"{app}-")
        self._check_has_bulk_cancellations(app, function)
        report = self.client.runs.cancel_all(
            app=app,
            function=function,
            since=values["started_after"],
            until=values["started_before"],
            dry_run=True,
        )
        return evolve(report, action=self.row.command)

    def _check_has_bulk_cancellations(self, app: str, function: str) -> None:
        """Raise if the server has none, with the call that cancels the same runs."""
        if self.client.target.is_cloud:
            return
        try:
            self.client.cancellations.list()
        except RouteNotFoundError as error:
            selection = {
                "app": app,
                "function": function,
                "since": self.values["started_after"],
                "until": self.values["started_before"],
                "where": self.values["condition"],
                "dry_run": True,
            }
            instead = self.spelled(command_for("runs.cancel_all"), selection)
            hint = f"A self-hosted server has no bulk cancellations. To cancel the runs: {instead}"
            problem = evolve(problem_of(error), hint=hint)
            raise ProblemError(problem) from error

    def act(
        self, planned: ActionReport | None = None, **of_python: Any
    ) -> ActionReport:
        """Call a bulk method on the planned rows, or on those that the parameters select."""
        given = arguments(self.row, self.values)
        if "ids" in self.values:
            given["ids"] = given.get("ids") or None
            if planned is not None:
                given = without(given, names_that_select(self.row)) | {"ids": planned}
        return self.row.make(self.client, given | of_python)  # type: ignore[no-any-return]

    def shown(self, report: ActionReport, *, token: str | None = None) -> Record:
        """Return a report as the result of the call; the token confirms it."""
        from inngest_rest_tools import results  # noqa: PLC0415

        target = self.client.target
        if report.searched:
            self.answer.warnings.append(f"searched {report.searched}")
        planned = report.counts.get(ActionOutcome.PLANNED, 0)
        if planned and target.is_cloud and self.values.get("rate") is None:
            seconds = math.ceil(planned / CLOUD_RATE)
            pace = (
                f"{CLOUD_RATE} a second on Inngest Cloud: at least {seconds:,} s in all"
            )
            self.answer.warnings.append(pace)
        if record_class(self.row) is results.Sent:
            return results.Sent(target=target)
        if self.row.requests_any_path:
            return results.Answered(target=target)
        acted = results.Acted(
            target=target,
            action=report.action,
            counts=report.counts,
            rows=tuple(sorted(report.rows, key=_is_done)),
            since=report.since,
            until=report.until,
            by_function=dict(to_do_by_function(report)),
            confirm=token,
        )
        if self.row.is_bulk:
            return acted
        return results.CreatedCancellation(target=target, planned=acted)

    def ask(self, _planned: ActionReport, _deed: str) -> bool | None:
        """Ask whether to do what is planned; None if there is nobody to ask."""
        return None

    def ask_for_profile(self) -> str | None:
        """Ask for the name of the protected profile; None if there is nobody to ask."""
        return None

    def next_command(self, _planned: ActionReport, _token: str) -> str | None:
        """Return the command line that makes the call with a token; None for a tool."""
        return None

    def offer(self, planned: ActionReport, token: str) -> None:
        """Add to the answer the token of the plan, and the command that it confirms."""
        self.answer.confirm = token
        self.answer.next_command = self.next_command(planned, token)

    def instruction(self) -> str:
        """Return the instruction to do what the answer offers."""
        if self.answer.next_command is not None:
            return f"To do it: {self.answer.next_command}"
        token = self.answer.confirm
        return f'To do it, call it again with the same parameters and "confirm": "{token}".'

    def _is_wide(self) -> bool:
        """Return whether the call acts on more than a person has named one by one."""
        changes = self.row.changes(self.values)
        if changes and (self.confirms_changes or self.row.requests_any_path):
            return True
        if self.row.selects_with_condition:
            return True
        if self.row.is_bulk:
            return len(self.values.get("ids") or ()) != 1
        events: Sequence[Any] = self.values.get("events") or ()
        return self.most_events is not None and len(events) > self.most_events

    def _confirmed(self) -> ActionReport:
        """Return the confirmed plan: exactly the one that was shown."""
        given = self.values.get("confirm")
        shown = None
        if self.shown_plans is not None and given:
            shown = self.shown_plans.take(given)
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
        """Ask whether to do it, if there is somebody to ask; raise if they refuse."""
        would_do = deed(self.row, self.values, planned)
        is_agreed = self.ask(planned, would_do)
        if is_agreed is False:
            message = "not confirmed; nothing was done"
            raise ProblemError(Problem(Code.CONFIRMATION_NEEDED, message))
        return bool(is_agreed)

    def _refusal(
        self, planned: ActionReport, token: str, given: str | None
    ) -> ProblemError:
        """Return the error for a call without a token, or with the token of another plan."""
        would_do = deed(self.row, self.values, planned)
        message = f"{self.row.command} would {would_do} at {self.place}"
        if given is not None:
            number = given.partition("-")[0]
            message = f"not what was confirmed, which were {number} then, or done since: {message}"
        self.offer(planned, token)
        problem = Problem(
            code=Code.CONFIRMATION_NEEDED,
            message=f"{message}; nothing was done",
            hint=f"Show the user what would be done. {self.instruction()}",
            field="confirm",
        )
        shown = self.shown(planned, token=token)
        return ProblemError(problem, data=shown)

    def _has_nothing_to_do(self, planned: ActionReport) -> bool:
        return self.row.is_bulk and not _has_open_rows(planned)

    def _show(self) -> Record:
        """Return what would be done, with the token that confirms it."""
        planned = self.plan()
        token = None
        if not self._has_nothing_to_do(planned):
            token = self._issue(planned)
            self.offer(planned, token)
        shown = self.shown(planned, token=token)
        problem = self._problem_of(planned)
        if problem is None:
            return shown
        if len(planned.rows) > 1:
            problem = evolve(
                problem,
                message=f"not all of it can be done: {problem.message}; nothing was done",
                hint="data.rows has the reason of each.",
            )
        raise ProblemError(problem, data=shown)

    def _preview(self) -> Record:
        """Return which functions the events would start; send nothing."""
        from inngest_rest_tools import results  # noqa: PLC0415

        preview = self._preview_of_events()
        sent = results.Sent(target=self.client.target, preview=preview)
        if not preview.rejected:
            return sent
        total = preview.rejected + preview.events
        first = preview.failures[0]
        counts = f"{preview.rejected} of {total} events are invalid"
        message = f"{counts}; first: {first.reason}; nothing was sent"
        raise ProblemError(Problem(Code.PARTIAL, message), data=sent)

    def _preview_of_events(self) -> SendPreview:
        values = {**self.values, "wait": None}
        given = arguments(self.row, values)
        if self.row.uses_files:
            return self.client.preview_file(
                given["path"],
                name=given.get("name"),
                csv=bool(given.get("csv")),
                event=given.get("event"),
                columns=given.get("columns"),
            )
        if given.get("events"):
            return self.client.preview(given["events"])
        return self.client.preview(event_of(**given))

    def _carry_out(self, planned: ActionReport | None) -> Record:
        """Act on the planned rows, or those that the parameters select; return the outcomes."""
        problem: Problem | None = None
        try:
            report = self.act(planned, on_result=self.ended)
            problem = self._problem_of(report)
        except PartialActionError as error:
            report = error.report
            problem = problem_of(error)
        except KeyboardInterrupt as error:
            so_far = getattr(error, "report", None)
            if not isinstance(so_far, ActionReport):
                raise  # before the first act
            report = so_far
            problem = evolve(problem_of(error), message=f"interrupted; so far {report}")
        shown = self.shown(report)
        if problem is None:
            return shown
        if self.values.get("report") and _has_open_rows(report):
            problem = evolve(problem, hint="The same command does what is left.")
        raise ProblemError(problem, data=shown)

    def _problem_of(self, report: ActionReport) -> Problem | None:
        return form_of(ActionReport).problem(report, self.values)

    def _issue(self, planned: ActionReport) -> str:
        """Return the token of a plan; keep the plan if this process is to act on it."""
        token = token_of(self.client.target, self.row, self.values, planned)
        if self.shown_plans is not None:
            self.shown_plans.keep(token, self.values, planned)
        return token

    @property
    def place(self) -> str:
        target = self.client.target
        profile = self.client.profile
        environment = f"{target.env or 'default'} environment"
        if profile is not None:
            environment += f", profile {profile.name}"
        return f"{target.api_url} ({environment})"


def _has_open_rows(report: ActionReport) -> bool:
    return any(row.is_open for row in report.rows)


def _is_done(row: ActionRow) -> bool:
    return row.outcome in DONE

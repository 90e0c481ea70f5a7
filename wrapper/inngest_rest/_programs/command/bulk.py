"""Bulk commands: confirmation, report file, and output."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from inngest_rest._programs import bulk
from inngest_rest._programs.command.options import command_line
from inngest_rest._programs.envelope import Code, Problem
from inngest_rest._programs.parameters import unusable_file
from inngest_rest._programs.problems import problem_of
from inngest_rest._programs.results import MAX_ROWS
from inngest_rest.action_reports import ActionReport, ActionRow
from inngest_rest.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import TextIO

    from inngest_rest import InngestClient
    from inngest_rest._programs.command.options import Options
    from inngest_rest._programs.command.renderer import Renderer
    from inngest_rest._table import Row

# Rows of an answer that says what would be done, and ids of a question.
_FIRST_ROWS = 20
_FIRST_IDS = 5


@define(eq=False, repr=False)
class Bulk:
    """One bulk command, from what is selected to its answer."""

    _row: Row
    _client: InngestClient
    _values: dict[str, Any]
    _options: Options
    _renderer: Renderer
    _file: ReportFile | None
    _shown: set[int] = field(factory=set, init=False)

    def run(self, *, is_confirmed: bool) -> int:
        """Act on what the parameters select, if that is confirmed; write the answer."""
        kept = self._file.read(self._action) if self._file else None
        if self._file and kept is not None:
            self._renderer.warnings.append(
                f"resumed from {self._file.path}, which has {len(kept.rows):,} rows; what the "
                "command line selects was not looked up again"
            )
        if self._values["dry_run"]:
            return self._plan_only(kept)
        if self._needs_yes:
            kept = kept or self._plan(None)
            count = sum(row.is_open for row in kept.rows)
            if count and not is_confirmed:
                # One who reads JSON may be a program.
                if self._renderer.format != "table" or not self._renderer.stderr.can_ask:
                    return self._refuse(kept, count)
                if not self._is_confirmed(kept, count):
                    message = "not confirmed; nothing was done"
                    return self._renderer.finish(Problem(Code.CONFIRMATION_NEEDED, message))
        return self._carry_out(kept)

    @property
    def _needs_yes(self) -> bool:
        return bulk.needs_confirmation(self._values)

    def _plan(self, kept: ActionReport | None) -> ActionReport:
        self._renderer.stderr.progress("Listing what is selected")
        planned = bulk.plan(self._row, self._client, self._values, resume=kept)
        self._renderer.stderr.end_progress()
        return planned

    def _plan_only(self, kept: ActionReport | None) -> int:
        planned = self._plan(kept)
        if self._file and kept is None:
            self._file.begin(planned)
            self._file.finish(planned)
        problem = bulk.not_planned(planned)
        status = self._answer(planned, problem, most=_FIRST_ROWS)
        if problem is None and any(row.is_open for row in planned.rows):
            self._renderer.stderr.hint(f"To do it: {self._command(planned)}")
        return status

    def _refuse(self, planned: ActionReport, count: int) -> int:
        problem = Problem(
            Code.CONFIRMATION_NEEDED,
            f"{self._row.command} would act on {_runs(count)} at {self._place}; nothing was done",
            hint=f"Show the user what would be done. To do it: {self._command(planned)}",
        )
        first = bulk.acted(self._client, planned, _FIRST_ROWS)
        return self._renderer.finish(problem, data=None if self._renderer.is_streaming else first)

    def _is_confirmed(self, planned: ActionReport, count: int) -> bool:
        window = "".join(
            f", {name} {at:%Y-%m-%d %H:%M:%S} UTC" for name, at in _window(planned).items()
        )
        ids = [row.id or "" for row in planned.rows if row.is_open]
        more = f"\n  and {count - _FIRST_IDS:,} more" if count > _FIRST_IDS else ""
        listed = "".join(f"\n  {id}" for id in ids[:_FIRST_IDS])
        question = f"{_runs(count)} at {self._place}{window}:{listed}{more}"
        return self._renderer.stderr.ask(f"{question}\n{self._row.words[-1].capitalize()}?")

    def _carry_out(self, kept: ActionReport | None) -> int:
        begun = kept or ActionReport(self._action, self._named_rows())
        rows = list(begun.rows)
        to_do, done = sum(row.is_open for row in rows), 0

        def on_start(row: ActionRow) -> None:
            if self._file:
                self._file.add(row)

        def on_result(row: ActionRow) -> None:
            nonlocal done
            done += 1
            rows[row.position] = row
            on_start(row)
            self._show(row)
            self._renderer.stderr.progress(f"{self._action}: {done:,} of {to_do:,}")

        if self._file:
            self._file.begin(begun)
        try:
            callbacks = {"on_start": on_start, "on_result": on_result}
            report, problem = bulk.carry_out(
                self._row, self._client, self._values, resume=kept, **callbacks
            )
        except InvalidArgumentError:
            if self._file and kept is None:
                self._file.finish(None)
            raise
        except KeyboardInterrupt as error:
            report = evolve(begun, rows=rows)
            problem = evolve(problem_of(error), message=f"interrupted; so far {report}")
        finally:
            self._renderer.stderr.end_progress()
            if self._file:
                self._file.finish(evolve(begun, rows=rows))
        if problem is not None and self._file and any(row.is_open for row in report.rows):
            problem = evolve(problem, hint=f"To do what is left: {self._command(report)}")
        return self._answer(report, problem)

    def _answer(
        self, report: ActionReport, problem: Problem | None, *, most: int = MAX_ROWS
    ) -> int:
        if not self._renderer.is_streaming:
            return self._renderer.one(bulk.acted(self._client, report, most), problem)
        for row in report.rows:
            self._show(row)
        return self._renderer.finish(problem)

    def _show(self, row: ActionRow) -> None:
        if self._renderer.is_streaming and row.position not in self._shown:
            self._shown.add(row.position)
            self._renderer.add((row,))

    @property
    def _place(self) -> str:
        target = self._client.target
        return f"{target.api_url} ({target.env or 'default'} environment)"

    @property
    def _action(self) -> str:
        if self._row.name == "functions.invoke_many":
            return f"functions.invoke {self._values['app']}/{self._values['function']}"
        return self._row.command or ""

    def _named_rows(self) -> list[ActionRow]:
        if (inputs := self._values.get("inputs")) is not None:
            return [ActionRow(position, None) for position in range(len(inputs))]
        ids = list(dict.fromkeys(self._values["ids"] or ()))[: self._values["limit"]]
        return [ActionRow(position, id) for position, id in enumerate(ids)]

    def _command(self, report: ActionReport) -> str:
        values = {**self._values, **_window(report), "dry_run": False}
        more = ["--report", str(self._file.path)] if self._file else []
        more += ["--yes"] if self._needs_yes else []
        return command_line(self._row, values, self._options, *more)


def _window(report: ActionReport) -> dict[str, datetime]:
    bounds = {"since": report.since, "until": report.until}
    return {name: at for name, at in bounds.items() if at is not None}


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count:,} runs"


class ReportFile:
    """The file in which a report is kept as the work goes on, to resume from.

    It is replaced as a whole at the beginning and at the end; in between each row is appended to a
    journal beside it, before its request is sent and again with its outcome, to survive a kill.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self._journal_path = Path(f"{path}.journal")
        self._journal: TextIO | None = None
        self._lock = threading.Lock()

    def read(self, action: str) -> ActionReport | None:
        """Return the report that is there, up to the last row of its journal."""
        try:
            report = ActionReport.from_json(self.path.read_text(encoding="utf-8"))
            rows = list(report.rows)
            for row in self._journal_rows():
                rows[row.position] = row
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unusable_file("report", self.path, error) from None
        except (ValueError, LookupError) as error:
            raise self._error(str(error)) from None
        if report.action != action:
            raise self._error(f"is the report of {report.action}, not of {action}")
        return evolve(report, rows=rows)

    def begin(self, report: ActionReport) -> None:
        """Write the report as it is before the first act."""
        try:
            self._replace(report)
            self._journal = self._journal_path.open("w", encoding="utf-8")
        except OSError as error:
            raise unusable_file("report", self.path, error, verb="write") from None

    def add(self, row: ActionRow) -> None:
        """Note what is known of a run; threads may do so at the same time."""
        line = f"{row.to_json()}\n"
        with self._lock:
            if self._journal is not None:
                self._journal.write(line)
                self._journal.flush()

    def finish(self, report: ActionReport | None) -> None:
        """Write the report as it is now; None removes one that was begun, if nothing was done."""
        with self._lock:
            if self._journal is None:
                return
            if report is not None:
                self._replace(report)
            else:
                self.path.unlink()
            self._journal.close()
            self._journal = None
            self._journal_path.unlink(missing_ok=True)

    def _journal_rows(self) -> Iterator[ActionRow]:
        with (
            contextlib.suppress(FileNotFoundError),
            self._journal_path.open(encoding="utf-8") as it,
        ):
            for line in it:
                if line.endswith("\n"):  # the last one may be half of one
                    yield ActionRow.from_dict(json.loads(line))

    def _replace(self, report: ActionReport) -> None:
        part = Path(f"{self.path}.part")
        with part.open("w", encoding="utf-8") as file:
            file.write(report.to_json())
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.path)

    def _error(self, reason: str) -> InvalidArgumentError:
        return InvalidArgumentError(f"report: {self.path}: {reason}", argument="report")

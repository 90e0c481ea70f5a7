"""A call that was typed: its progress, what it would do, and the question whether to do it."""

from __future__ import annotations

import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from attrs import define, evolve, field, frozen

from inngest_rest._programs.command.command_line import command_line, options_line
from inngest_rest._programs.confirmation import pinned
from inngest_rest._programs.projection import Projection
from inngest_rest._programs.running import Invocation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest import BatchReport
    from inngest_rest._programs.command.options import Options
    from inngest_rest._programs.command.renderer import Renderer
    from inngest_rest._programs.results import Acted
    from inngest_rest._table import Row
    from inngest_rest.action_reports import ActionReport, ActionRow
    from inngest_rest.record import Record
    from inngest_rest.status import StatusReport

_FIRST_ROWS = 20  # of an answer that says what would be done


@frozen
class _Mark:
    """How far a file had been sent at a time."""

    share: float
    time: float


@define
class _Sending:
    """How far a file has been sent, in words."""

    _began: float = field(factory=time.monotonic, init=False)
    _counts: Counter[str] = field(factory=Counter, init=False)
    _first: _Mark | None = field(
        default=None, init=False
    )  # it may be resumed, so not at 0

    def after(self, batch: BatchReport) -> str:
        now = time.monotonic()
        report = batch.report
        self._counts["accepted"] += report.accepted
        self._counts["rejected"] += report.rejected
        self._counts["unknown"] += report.unknown
        words = [f"{count:,} {name}" for name, count in self._counts.items() if count]
        rate = self._counts.total() / max(now - self._began, 0.01)
        words.append(f"{rate:,.0f}/s")
        if batch.share is not None:
            words.append(f"{batch.share:.0%}")
            words += self._time_left(_Mark(batch.share, now))
        return ", ".join(words)

    def _time_left(self, mark: _Mark) -> list[str]:
        if self._first is None:
            self._first = mark
        done = mark.share - self._first.share
        if done <= 0:
            return []
        seconds = (mark.time - self._first.time) / done * (1 - mark.share)
        return [f"{timedelta(seconds=round(seconds))} to go"]


@define(eq=False, repr=False, kw_only=True)
class TerminalInvocation(Invocation):
    """A call that was typed: it asks on a terminal, and elsewhere says which command confirms."""

    options: Options
    answer: Renderer  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues]
    _began: float = field(factory=time.monotonic, init=False)
    _sending: _Sending = field(factory=_Sending, init=False)
    _written: set[int] = field(factory=set, init=False)  # positions of rows

    def progress(self, listed: int, got: int) -> None:
        """Show how far a file has been written, or runs have been listed."""
        rate = got / max(time.monotonic() - self._began, 0.001)
        written = f"{listed:,} rows written, {rate:,.0f} per second"
        found = f"{listed:,} runs listed, {got:,} got one by one"
        self.answer.stderr.progress(written if self.row.uses_files else found)

    def sent(self, batch: BatchReport) -> None:
        """Show how far a file has been sent."""
        self.answer.stderr.progress(f"Sending: {self._sending.after(batch)}")

    def ended(self, row: ActionRow) -> None:
        """Show what became of a run, and how far it is."""
        self._written.add(row.position)
        if self.answer.is_streaming:
            self.answer.add((row,))
        self.answer.stderr.progress(f"{len(self._written):,} so far")

    def plan(self) -> ActionReport:
        self.answer.stderr.progress("Listing what is selected")
        return super().plan()

    def act(
        self, planned: ActionReport | None = None, **of_python: Any
    ) -> ActionReport:
        """Call a bulk method, and say so if a file had what it acts on."""
        path = self.values["report"]
        is_begun = planned is None and path and _has_content(Path(path))
        report = super().act(planned, **of_python)
        if is_begun:
            self.answer.warnings.append(
                f"resumed from {path}, which has {len(report.rows):,} rows; what the command line "
                "selects was not looked up again"
            )
        return report

    def shown(self, report: ActionReport, *, token: str | None = None) -> Record:
        """Return a report as the result of the call, with the rows that are not written yet."""
        result = super().shown(report, token=token)
        if not self.row.is_bulk:
            return result
        acted = cast("Acted", result)
        rows = acted.rows
        if self.answer.is_streaming:
            rows = tuple(row for row in rows if row.position not in self._written)
        elif token and not self.answer.projection.is_whole and len(rows) > _FIRST_ROWS:
            rows = rows[:_FIRST_ROWS]
            self.answer.warnings.append(
                f"cut: rows after the first {_FIRST_ROWS}; --full has them"
            )
        return evolve(acted, rows=rows)

    def next_command(self, planned: ActionReport, token: str) -> str:
        values = {**pinned(self.values, planned), "dry_run": False, "confirm": token}
        return command_line(self.row, values, self.options)

    def with_options(self, report: StatusReport) -> StatusReport:
        options = options_line(self.options)
        checks = [
            evolve(check, next_command=f"{check.next_command} {options}".rstrip())
            if check.next_command
            else check
            for check in report.checks
        ]
        return evolve(report, checks=tuple(checks))

    def spelled(self, row: Row, values: Mapping[str, Any]) -> str:
        return command_line(row, values, self.options)

    @property
    def _can_ask(self) -> bool:
        """Whether a person reads it; one who reads JSON may be a program."""
        return self.answer.format == "table" and self.answer.stderr.can_ask

    def ask_for_profile(self) -> str | None:
        if not self._can_ask:
            return None
        command = " ".join(self.row.words)
        question = (
            f"{command} at {self.place}, which is protected. Type the profile's name:"
        )
        return self.answer.stderr.ask_for(question)

    def ask(self, planned: ActionReport, deed: str) -> bool | None:
        stderr = self.answer.stderr
        if not self._can_ask:
            return None
        if self.row.name == "request":
            return stderr.ask(f"{deed} at {self.place}?")
        verb = self.row.words[-1].capitalize()
        question = f"It would {deed} at {self.place}. {verb}?"
        return stderr.ask(question, about=f"{self._table_of(planned)}\n")

    def _table_of(self, planned: ActionReport) -> str:
        from inngest_rest._programs.command import tables  # noqa: PLC0415 - slow to load

        record = self.answer.redactor(self.shown(planned))
        self.answer.warnings.clear()  # the result has them, too
        return tables.draw((record,), Projection(), "table", sys.stderr, is_one=True)


def _has_content(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0

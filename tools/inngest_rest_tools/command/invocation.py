"""A call that was typed: its progress, its plan, and the question whether to carry it out."""

from __future__ import annotations

import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from attrs import define, evolve, field, frozen

from inngest_rest_tools.command.command_line import command_line
from inngest_rest_tools.confirmation import pinned
from inngest_rest_tools.projection import Projection
from inngest_rest_tools.running import Invocation

if TYPE_CHECKING:
    from inngest_rest import BatchReport
    from inngest_rest.bulk import ActionReport, ActionRow
    from inngest_rest.call_row import CallRow
    from inngest_rest.record import Record
    from inngest_rest_tools.command.options import Options
    from inngest_rest_tools.command.renderer import Renderer
    from inngest_rest_tools.parameter import Values
    from inngest_rest_tools.results import Acted


@frozen
class _Mark:
    """The share of a file that had been sent at a time."""

    share: float
    time: float


@define
class _Sending:
    """The progress of sending a file, in words."""

    _began: float = field(factory=time.monotonic, init=False)
    _counts: Counter[str] = field(factory=Counter, init=False)
    # Sending may have been resumed, so the first mark is not at 0.
    _first: _Mark | None = field(default=None, init=False)

    def after(self, batch: BatchReport) -> str:
        now = time.monotonic()
        report = batch.report
        self._counts["accepted"] += report.accepted
        self._counts["rejected"] += report.rejected
        self._counts["unknown"] += report.unknown
        counts = [(name, count) for name, count in self._counts.items() if count]
        words = [f"{count:,} {name}" for name, count in counts]
        elapsed = max(now - self._began, 0.01)
        rate = self._counts.total() / elapsed
        words.append(f"{rate:,.0f}/s")
        if batch.share is not None:
            words.append(f"{batch.share:.0%}")
            seconds_left = self._seconds_left(_Mark(share=batch.share, time=now))
            if seconds_left is not None:
                words.append(f"{timedelta(seconds=round(seconds_left))} to go")
        return ", ".join(words)

    def _seconds_left(self, mark: _Mark) -> float | None:
        """Extrapolate from the first mark to the whole file; None before the second one."""
        if self._first is None:
            self._first = mark
        share_since = mark.share - self._first.share
        if share_since <= 0:
            return None
        seconds_per_file = (mark.time - self._first.time) / share_since
        return seconds_per_file * (1 - mark.share)


@define(eq=False, repr=False, kw_only=True)
class TerminalInvocation(Invocation):
    """A call that was typed: it asks on a terminal, and elsewhere names the confirming command."""

    options: Options
    answer: Renderer  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues]
    _began: float = field(factory=time.monotonic, init=False)
    _sending: _Sending = field(factory=_Sending, init=False)
    _written: set[int] = field(factory=set, init=False)  # positions of rows

    def progress(self, rows: int) -> None:
        """Show the progress of writing a file."""
        elapsed = max(time.monotonic() - self._began, 0.001)
        rate = rows / elapsed
        self.answer.stderr.progress(f"{rows:,} rows written, {rate:,.0f} per second")

    def sent(self, batch: BatchReport) -> None:
        """Show the progress of sending a file."""
        self.answer.stderr.progress(f"Sending: {self._sending.after(batch)}")

    def ended(self, row: ActionRow) -> None:
        """Write the outcome of a run if lines are streamed, and show the progress."""
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
        """Call a bulk method; warn if a report file had the rows that it acts on."""
        path = self.values["report"]
        is_resumed = planned is None and path and _has_content(Path(path))
        report = super().act(planned, **of_python)
        if is_resumed:
            self.answer.warnings.append(
                f"resumed from {path}, which has {len(report.rows):,} rows; what the command line "
                "selects was not looked up again"
            )
        return report

    def shown(self, report: ActionReport, *, token: str | None = None) -> Record:
        """Return a report as the result of the call, without rows that are written already."""
        result = super().shown(report, token=token)
        if not self.row.is_bulk:
            return result
        acted = cast("Acted", result)
        if self.answer.is_streaming:
            written = self._written
            rows = [row for row in acted.rows if row.position not in written]
            return evolve(acted, rows=tuple(rows))
        shown = self.answer.projection
        if token is None or shown.is_whole:
            return acted
        first = shown.cutter.first(acted.rows, "data.rows")
        return evolve(acted, rows=tuple(first))

    def next_command(self, planned: ActionReport, token: str) -> str:
        values = {
            **pinned(self.values, planned),
            "dry_run": False,
            "confirm": token,
        }
        return command_line(self.row, values, self.options)

    def spelled(self, row: CallRow, values: Values) -> str:
        return command_line(row, values, self.options)

    @property
    def _can_ask(self) -> bool:
        """Whether a person reads the answer; JSON may be read by a program."""
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
        if self.row.requests_any_path:
            return stderr.ask(f"{deed} at {self.place}?")
        verb = self.row.words[-1].capitalize()
        question = f"It would {deed} at {self.place}. {verb}?"
        return stderr.ask(question, about=f"{self._table_of(planned)}\n")

    def _table_of(self, planned: ActionReport) -> str:
        from inngest_rest_tools.command import tables  # noqa: PLC0415 - slow to load

        record = self.shown(planned)
        self.answer.warnings.clear()  # the result has them, too
        return tables.draw(
            (record,),
            Projection(),
            "table",
            sys.stderr,
            is_one=True,
        )


def _has_content(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0

"""The gate of a command: confirmation on a terminal or by a token, and the report file."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from inngest_rest._programs.command.options import command_line
from inngest_rest._programs.gate import Gate, pinned, runs
from inngest_rest._programs.parameters import unusable_file
from inngest_rest._visible import and_more
from inngest_rest.action_reports import ActionReport, ActionRow
from inngest_rest.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import TextIO

    from inngest_rest._programs.command.options import Options
    from inngest_rest._programs.command.renderer import Renderer
    from inngest_rest._table import Row

# Rows of an answer that says what would be done, and ids of a question.
_FIRST_ROWS = 20
_FIRST_IDS = 5


@define(eq=False, repr=False, kw_only=True)
class Asking(Gate):
    """The gate of a command: it asks on a terminal, and elsewhere says which command confirms."""

    options: Options
    renderer: Renderer
    file: ReportFile | None = None
    hint: str | None = field(default=None, init=False)
    _written: set[int] = field(factory=set, init=False)

    def plan(self, row: Row, values: Mapping[str, Any]) -> ActionReport:
        """Return the report on what would be done."""
        self.renderer.stderr.progress("Listing what is selected")
        planned = super().plan(row, values)
        self.renderer.stderr.end_progress()
        return planned

    def act(
        self,
        row: Row,
        values: Mapping[str, Any],
        planned: ActionReport | None = None,
        **callbacks: Callable[[ActionRow], object],
    ) -> ActionReport:
        """Call a bulk method, and keep its report in the file."""
        if self.file is None:
            return super().act(row, values, planned, **callbacks)
        action = _action(row, values)
        kept = planned or self.file.read(action)
        if kept is not None and planned is None:
            self.renderer.warnings.append(
                f"resumed from {self.file.path}, which has {len(kept.rows):,} rows; what the "
                "command line selects was not looked up again"
            )
        if values["dry_run"]:
            return super().act(row, values, kept)
        begun = kept or super().act(row, {**values, "dry_run": True})
        rows = list(begun.rows)

        def keep(row: ActionRow) -> None:
            rows[row.position] = row
            self.file.add(row)  # type: ignore[union-attr] # pyright: ignore[reportOptionalMemberAccess]

        def keep_result(row: ActionRow) -> None:
            keep(row)
            self.ended(row)

        self.file.begin(begun)
        try:
            return super().act(row, values, begun, on_start=keep, on_result=keep_result)
        finally:
            self.file.finish(evolve(begun, rows=rows))

    def rows(self, report: ActionReport, token: str | None) -> Sequence[ActionRow]:
        """Return the rows that an answer has: those to come where it has no end."""
        if self.renderer.is_streaming:
            return [row for row in report.rows if row.position not in self._written]
        return super().rows(report, token) if token is None else report.rows[:_FIRST_ROWS]

    def issue(self, row: Row, values: Mapping[str, Any], planned: ActionReport) -> str:
        """Return the token of what is planned, and keep the command that it confirms."""
        token = super().issue(row, values, planned)
        self.hint = self.instruction(row, pinned(values, planned), token)
        return token

    def instruction(self, row: Row, values: Mapping[str, Any], token: str) -> str:
        """Return the command that does what a token stands for."""
        more = ["--report", str(self.file.path)] if self.file else []
        given = {**values, "dry_run": False, "confirm": token}
        return f"To do it: {command_line(row, given, self.options, *more)}"

    def ask(self, row: Row, planned: ActionReport) -> bool | None:
        """Ask a person; one who reads JSON may be a program."""
        stderr = self.renderer.stderr
        if self.renderer.format != "table" or not stderr.can_ask:
            return None
        bounds = {"since": planned.since, "until": planned.until}
        window = "".join(f", {name} {at:%F %T} UTC" for name, at in bounds.items() if at)
        to_do = [it for it in planned.rows if it.is_open]
        counts = Counter(it.function for it in to_do if it.function).most_common()
        each = and_more([f"{count:,} {name}" for name, count in counts], _FIRST_IDS)
        lines = [f"{runs(len(to_do))} at {self.place}{window}: {each}".rstrip(": ")]
        lines += [_line(it) for it in to_do[:_FIRST_IDS]]
        if len(to_do) > _FIRST_IDS:
            lines.append(f"  and {len(to_do) - _FIRST_IDS:,} more")
        return stderr.ask("\n".join([*lines, f"{row.words[-1].capitalize()}?"]))

    def ended(self, row: ActionRow) -> None:
        """Show what became of a run, and how far it is."""
        self._written.add(row.position)
        if self.renderer.is_streaming:
            self.renderer.add((row,))
        self.renderer.stderr.progress(f"{len(self._written):,} done")


def _line(row: ActionRow) -> str:
    about = [row.id or f"input {row.position}", row.function, row.status, row.error]
    return "  ".join(["", *filter(None, about)])


def _action(row: Row, values: Mapping[str, Any]) -> str:
    if row.name == "functions.invoke_many":
        return f"functions.invoke {values['app']}/{values['function']}"
    return row.command


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

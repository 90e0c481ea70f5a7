"""The gate of a command: a question on a terminal, and the command that confirms elsewhere."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

from attrs import define, field

from inngest_rest._programs.command.options import command_line
from inngest_rest._programs.gate import Gate, amount, pinned
from inngest_rest._visible import and_more

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from inngest_rest._programs.command.options import Options
    from inngest_rest._programs.command.renderer import Renderer
    from inngest_rest._table import Row
    from inngest_rest.action_reports import ActionReport, ActionRow

_FIRST_ROWS = 20  # of an answer that says what would be done
_FIRST_IDS = 5  # of a question


@define(eq=False, repr=False, kw_only=True)
class Asking(Gate):
    """The gate of a command: it asks on a terminal, and elsewhere says which command confirms."""

    options: Options
    renderer: Renderer
    hint: str | None = field(default=None, init=False)
    _written: set[int] = field(factory=set, init=False)

    def plan(self, row: Row, values: Mapping[str, Any]) -> ActionReport:
        self.renderer.stderr.progress("Listing what is selected")
        planned = super().plan(row, values)
        self.renderer.stderr.end_progress()
        if planned.searched:
            self.renderer.warnings.append(f"searched {planned.searched}")
        return planned

    def act(
        self,
        row: Row,
        values: Mapping[str, Any],
        planned: ActionReport | None = None,
        **callbacks: Callable[[ActionRow], object],
    ) -> ActionReport:
        """Call a bulk method, and say so if a file had what it acts on."""
        path = values["report"]
        was_begun = path and planned is None and os.path.exists(path) and os.path.getsize(path)  # noqa: PTH110, PTH202
        report = super().act(row, values, planned, **callbacks)
        if was_begun:
            self.renderer.warnings.append(
                f"resumed from {path}, which has {len(report.rows):,} rows; what the command line "
                "selects was not looked up again"
            )
        return report

    def rows(self, report: ActionReport, token: str | None) -> Sequence[ActionRow]:
        """Return the rows that an answer has: those to come where it has no end."""
        self.renderer.stderr.end_progress()
        if self.renderer.is_streaming:
            return [row for row in report.rows if row.position not in self._written]
        return super().rows(report, token) if token is None else report.rows[:_FIRST_ROWS]

    def issue(self, row: Row, values: Mapping[str, Any], planned: ActionReport) -> str:
        """Return the token of what is planned, and keep the command that it confirms."""
        token = super().issue(row, values, planned)
        self.hint = self.instruction(row, pinned(values, planned), token)
        return token

    def instruction(self, row: Row, values: Mapping[str, Any], token: str) -> str:
        given = {**values, "dry_run": False, "confirm": token}
        return f"To do it: {command_line(row, given, self.options)}"

    def ask(self, row: Row, planned: ActionReport, deed: str) -> bool | None:
        """Ask a person; one who reads JSON may be a program."""
        stderr = self.renderer.stderr
        if self.renderer.format != "table" or not stderr.can_ask:
            return None
        if row.name == "request":
            return stderr.ask(f"{deed} at {self.place}?")
        bounds = {"since": planned.since, "until": planned.until}
        ended = ", ended" * any(name.startswith("ended_") for name in planned.selection or ())
        window = "".join(f", {name} {at:%F %T} UTC" for name, at in bounds.items() if at)
        to_do = [it for it in planned.rows if it.is_open]
        kinds = filter(None, (it.function or it.event_name for it in to_do))
        counts = Counter(kinds).most_common()
        each = and_more([f"{count:,} {name}" for name, count in counts], _FIRST_IDS)
        lines = [f"{amount(len(to_do), row)} at {self.place}{ended}{window}: {each}".rstrip(": ")]
        lines += [_line(it) for it in to_do[:_FIRST_IDS]]
        if len(to_do) > _FIRST_IDS:
            lines.append(f"  and {len(to_do) - _FIRST_IDS:,} more")
        return stderr.ask("\n".join([*lines, f"{row.words[-1].capitalize()}?"]))

    def ended(self, row: ActionRow) -> None:
        """Show what became of a run, and how far it is."""
        self._written.add(row.position)
        if self.renderer.is_streaming:
            self.renderer.add((row,))
        self.renderer.stderr.progress(f"{len(self._written):,} so far")


def _line(row: ActionRow) -> str:
    about = [
        row.id or f"input {row.position}",
        row.function or row.event_name,
        row.status,
        row.error,
    ]
    return "  ".join(["", *filter(None, about)])

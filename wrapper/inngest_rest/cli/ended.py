"""Runs that have ended, as far as a command has seen them, and whether one of them failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from inngest_rest.models import Run, RunChange, RunStatus
from inngest_rest.operations.problems import Code, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest.record import Record

_NOT_DONE = {RunStatus.FAILED, RunStatus.CANCELLED}

# Runs that a message names.
_MOST_NAMED = 5


@define
class Ended:
    """The runs that have ended, as far as they were seen.

    Attributes:
        count: How many there are.
    """

    count: int = field(default=0, init=False)
    _failed: list[Run] = field(factory=list, init=False)

    def note(self, items: Iterable[Record]) -> None:
        """Note the runs among the items that have ended."""
        for each in items:
            run = each.run if isinstance(each, RunChange) and each.kind == "ended" else each
            if isinstance(run, Run):
                self.count += 1
                if run.status in _NOT_DONE:
                    self._failed.append(run)

    def problem(self) -> Problem | None:
        """Return the problem that there is if a run failed or was cancelled."""
        if not self._failed:
            return None
        named = ", ".join(f"{run.id} {run.status}" for run in self._failed[:_MOST_NAMED])
        more = len(self._failed) - _MOST_NAMED
        rest = f" and {more} more" if more > 0 else ""
        return Problem(
            Code.RUN_FAILED,
            f"{len(self._failed)} of {self.count} runs did not complete: {named}{rest}",
            hint=f"`runs trace {self._failed[0].id}` shows where it ended.",
        )

"""The rules by which a run's state is read, the same for every route.

A run has ended if the response has its end, and only then: between two attempts, some routes call
a run failed that will be tried again (recordings v2-run-between-attempts,
v1-event-runs-between-attempts).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest._core.resources.absent import run_error
from inngest_rest.models import UNFINISHED, RunStatus

if TYPE_CHECKING:
    from datetime import datetime

    from inngest_rest.models import RunError


UNKNOWN = RunStatus("unknown")
"""How a run ended that has an end and is listed as unfinished."""


def settled(status: RunStatus, ended_at: datetime | None) -> RunStatus:
    """Return the status of a run that agrees with its end.

    A run that failed without an end is between two attempts. How one ended that has an end and is
    called unfinished, by listEventRunsV1 before release 1.27.1, is unknown.
    """
    if status == RunStatus.FAILED and ended_at is None:
        return RunStatus.RUNNING
    if status in UNFINISHED and ended_at is not None:
        return UNKNOWN
    return status


def outcome(status: RunStatus, output: Any) -> tuple[Any, RunError | None]:
    """Return the output and the error of a run.

    A run that has not ended has neither, though listEventRunsV2 shows the error of its last
    attempt, nor has a cancelled one, whose code may have run on (recording v1-event-runs-twice).

    Args:
        status: The settled status.
        output: What the server has as its output, unwrapped; None if it has nothing.
    """
    if status == RunStatus.FAILED and output is not None:
        return None, run_error(output)
    return (output if status == RunStatus.COMPLETED else None), None

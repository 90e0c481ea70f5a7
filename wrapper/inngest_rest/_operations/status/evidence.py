"""The evidence for a status: the results of the reads, and the failed reads."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from inngest_rest.models import RunStatus

if TYPE_CHECKING:
    from inngest_rest._operations.crons import Cron
    from inngest_rest.explanation import RunExplanation
    from inngest_rest.models import App, Job, Run, StoredEvent

WINDOW = timedelta(hours=1)
"""How far back runs are judged: an outage shows at once, and a shop has some runs in it."""

SETTLED_AFTER = timedelta(minutes=1)
"""How old a queued run is that should have started: lists are behind by some seconds."""

WAITS_LONG_AFTER = timedelta(minutes=5)
STUCK_AFTER = timedelta(minutes=15)

LOOKED_BACK = timedelta(days=7)
"""How far back open runs are looked for: a server reads all of that time."""


@frozen(kw_only=True)
class Listed:
    """Runs as they were listed; there may be more of them."""

    runs: tuple[Run, ...]
    has_more: bool = False

    @property
    def count(self) -> str:
        return f"{len(self.runs):,}{' or more' if self.has_more else ''}"


def runs_of(listed: Listed | None) -> tuple[Run, ...]:
    """Return the runs that were listed; none if they could not be."""
    return listed.runs if listed else ()


@define(kw_only=True, eq=False)
class StatusEvidence:
    """What was read; None where it could not be, for which `unread` has the reason."""

    now: datetime  # by the server's clock
    clock_ahead_s: float = 0.0
    recent: Listed | None = None  # of the last hour: all of them, or else a sample
    newest_run: Run | None = None  # of the time looked back
    queued: Listed | None = None  # the oldest first
    explained: list[RunExplanation] = field(
        factory=list["RunExplanation"]
    )  # of what waits long
    queue_depth: int | None = (
        None  # items in all queues, those included that are due later
    )
    open: Listed | None = (
        None  # those that started and are open for long, the oldest first
    )
    jobs: dict[str, list[Job]] | None = None  # of some of these, by the id of the run
    lost: RunExplanation | None = None  # of a run that had no job
    lists_all_jobs: bool = True  # so that a run without one is lost
    failed: Listed | None = None  # some of the last hour, with their errors
    newest_event: StoredEvent | None = None
    apps: list[App] | None = None
    crons: tuple[Cron, ...] | None = None
    unread: dict[str, str] = field(factory=dict[str, str])  # why, by what it is

    def waiting_long(self) -> list[Run]:
        """Return the queued runs that wait for long, of those that were listed; oldest first."""
        waiting = {
            run.id: (run.queued_at, run)
            for run in (*runs_of(self.queued), *runs_of(self.recent))
            if run.status is RunStatus.QUEUED and run.queued_at is not None
            if self.now - run.queued_at > WAITS_LONG_AFTER
        }
        return [run for _, run in sorted(waiting.values(), key=lambda each: each[0])]

    @property
    def has_nothing(self) -> bool:
        """Whether nothing could be read."""
        return {"recent", "queued", "open", "events", "apps"} <= self.unread.keys()

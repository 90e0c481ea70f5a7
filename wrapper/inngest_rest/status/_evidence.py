"""The evidence for a status: the results of the reads, and the failed reads."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from inngest_rest.models import RunStatus
from inngest_rest.status._rules import Rules

if TYPE_CHECKING:
    from inngest_rest.explanation import RunExplanation
    from inngest_rest.models import App, Function, Job, Run, StoredEvent

SETTLED_AFTER = timedelta(minutes=1)
"""The age at which a queued run should have started: lists are behind by some seconds."""

WAITS_LONG_AFTER = timedelta(minutes=5)
STUCK_AFTER = timedelta(minutes=15)

LOOKED_BACK = timedelta(days=7)
"""The length of the search for open runs: a server reads all of that time."""


@frozen(kw_only=True)
class Listed:
    """Listed runs, of which the server may have more."""

    runs: tuple[Run, ...]
    has_more: bool = False

    @property
    def count(self) -> str:
        number = f"{len(self.runs):,}"
        return f"{number} or more" if self.has_more else number


def runs_of(listed: Listed | None) -> tuple[Run, ...]:
    """Return the listed runs; none if they could not be read."""
    return listed.runs if listed else ()


@define(kw_only=True, eq=False)
class StatusEvidence:
    """The results of the reads; None for a failed one, whose reason is in `unread`."""

    now: datetime  # by the server's clock
    rules: Rules = field(factory=Rules)
    clock_ahead_s: float = 0.0
    # Queued in the window: all of them, or else a sample.
    recent: Listed | None = None
    # Queued before the window, and completed or failed at any time; the newest first.
    before: Listed | None = None
    newest_run: Run | None = None  # of the whole search
    queued: Listed | None = None  # the oldest first
    # Of the oldest run, if it waits for long, and of another one if that is on purpose.
    explained: list[RunExplanation] = field(factory=list["RunExplanation"])
    # Items in all queues, including those that are due later.
    queue_depth: int | None = None
    # Runs that started, and have been open for long; the oldest first.
    open: Listed | None = None
    jobs: dict[str, list[Job]] | None = None  # of some of these, by the id of the run
    lost: RunExplanation | None = None  # of a run that had no job
    lists_all_jobs: bool = True  # so that a run without one is lost
    failed: Listed | None = None  # some that ended in the window, with their errors
    events: tuple[StoredEvent, ...] | None = None  # the newest, first
    apps: list[App] | None = None
    functions: tuple[Function, ...] | None = None  # that are not archived
    crons: tuple[Function, ...] | None = None  # those with a cron, and their last run
    # Of functions that seem to have missed a time, by name.
    registered_at: dict[str, datetime | None] = field(
        factory=dict[str, "datetime | None"]
    )
    successes: dict[str, Run | None] = field(factory=dict[str, "Run | None"])
    why_none: dict[str, str] = field(factory=dict[str, str])  # a function that is none
    unread: dict[str, str] = field(factory=dict[str, str])  # reasons, by subject

    @property
    def of_window(self) -> tuple[Run, ...]:
        """The runs that were read of those that were queued in the window or ended in it."""
        ended = [run for run in runs_of(self.before) if self.has_ended_in_window(run)]
        # Both lists may have a run that was queued as the window begins.
        by_id = {run.id: run for run in (*runs_of(self.recent), *ended)}
        return tuple(by_id.values())

    def has_ended_in_window(self, run: Run) -> bool:
        begin = self.now - self.rules.window
        return run.ended_at is not None and run.ended_at >= begin

    @property
    def complete_since(self) -> datetime | None:
        """The time of queueing before which ended runs were not read; None if all were."""
        before = self.before
        return before.runs[-1].queued_at if before and before.has_more else None

    def waiting_long(self) -> list[Run]:
        """Return the listed queued runs that wait for long, the oldest first."""
        waiting: dict[str, Run] = {}
        queued_at: dict[str, datetime] = {}
        for run in (*runs_of(self.queued), *runs_of(self.recent)):
            if run.status is not RunStatus.QUEUED or run.queued_at is None:
                continue
            if self.now - run.queued_at > self.waits_long_after:
                waiting[run.id] = run
                queued_at[run.id] = run.queued_at
        return [waiting[id] for id in sorted(waiting, key=queued_at.__getitem__)]

    @property
    def waits_long_after(self) -> timedelta:
        return self.rules.queued_for or WAITS_LONG_AFTER

    @property
    def stuck_after(self) -> timedelta:
        return min(self.rules.stuck_for or STUCK_AFTER, STUCK_AFTER)

    @property
    def has_no_runs(self) -> bool:
        """Whether runs were read, and there are none of these apps and functions."""
        if self.recent is None or self.before is None:
            return False
        return not (self.recent.runs or self.before.runs or runs_of(self.queued))

    @property
    def has_nothing(self) -> bool:
        """Whether nothing could be read."""
        return {"recent", "queued", "open", "events", "apps"} <= self.unread.keys()

"""Public models, one per resource, the same for v1 and v2.

A field is None if the API that served the call does not have it. All are frozen records: see
`Record` for `to_dict()` and `to_json()`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeVar, cast

from attrs import field, frozen

from inngest_rest.record import Record

T = TypeVar("T")

if TYPE_CHECKING:
    import typing_extensions

    # Python has the default of a type variable from 3.13 on; only type checkers need it.
    D = typing_extensions.TypeVar("D", default=Mapping[str, Any] | None)
else:
    D = TypeVar("D")


class RunStatus(StrEnum):
    """The status of a run. Any case is accepted; a status unknown to this package is kept as is."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        lower = value.lower()
        if lower in cls._value2member_map_:
            return cls(lower)
        unknown = str.__new__(cls, lower)
        unknown._name_ = lower.upper()
        unknown._value_ = lower
        return unknown


UNFINISHED = (RunStatus.QUEUED, RunStatus.RUNNING)
"""The statuses of runs that have not ended."""


@frozen(repr=False)
class RunError(Record):
    """Why a run failed, in the words of the SDK that ran it."""

    name: str | None
    message: str | None
    stack: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Return the name and the message on one line, as far as there are any."""
        return (
            ": ".join(filter(None, (self.name, self.message)))
            or "an error without a message"
        )


def run_error(output: object) -> RunError:
    """Read the error that an SDK reported; not every SDK reports an object, nor text in it."""
    if not isinstance(output, Mapping):
        return RunError(None, str(output))
    reported = cast("Mapping[str, object]", output)
    found = (reported.get(key) for key in ("name", "message", "stack"))
    return RunError(*(None if value is None else str(value) for value in found))


# With slots, making one takes four times as long, a fifth of the time for reading a list of them.
@frozen(repr=False, slots=False, getstate_setstate=True)
class Run(Record):
    """One run of a function, with the same values from every route.

    Attributes:
        id: The run's id, a ULID.
        status: Its status.
        queued_at: When it was scheduled.
        started_at: When it started; only `runs.get` and `runs.wait` with v2 have it.
        ended_at: When it ended; None before that. v2 has milliseconds.
        app_id: The app's id; only v2 has it.
        function_id: The function's id within its app; only v2 has it.
        internal_function_id: The function's UUID on the server; only v1 has it.
        event_ids: Internal ids of the events that started it; only the first one for a batch.
        batch_id: The batch of events that it processes, if any.
        cron: The cron schedule that started it, if any.
        original_run_id: The first run that this one replays; v1 only, request it with
            `include_original_run_id=True`.
        output: The return value of the function; None for a failed, cancelled or unfinished run. A
            list of runs has it with `include_output=True`.
        error: Why it failed; a list of runs has it with `include_output=True`.
        matched: The fields of its event that `where` names, by their paths; only a list that reads
            them for that has them.
    """

    id: str
    status: RunStatus
    queued_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    app_id: str | None = None
    function_id: str | None = None
    internal_function_id: str | None = None
    event_ids: tuple[str, ...] = ()
    batch_id: str | None = None
    cron: str | None = None
    original_run_id: str | None = None
    output: Any = None
    error: RunError | None = None
    matched: Mapping[str, Any] | None = None

    DERIVED: ClassVar = ("duration", "total_duration")

    @property
    def is_ended(self) -> bool:
        """Whether the run has ended and will not change again."""
        return self.ended_at is not None

    @property
    def duration(self) -> timedelta | None:
        """The time from start to end; None if either is not known."""
        return (
            self.ended_at - self.started_at
            if self.ended_at and self.started_at
            else None
        )

    @property
    def total_duration(self) -> timedelta | None:
        """The time from queued to end, waiting included; None before that."""
        return (
            self.ended_at - self.queued_at if self.ended_at and self.queued_at else None
        )


@frozen(repr=False)
class RunChange(Record):
    """A change of a run that is being watched.

    Attributes:
        kind: "appeared" when the run is first seen, "changed" if its status changed, "ended" when
            it ended. A run appears before it ends, unless the filter of the watch excludes it
            until then.
        run: The run after the change.
    """

    kind: Literal["appeared", "changed", "ended"]
    run: Run


@frozen(repr=False)
class App(Record):
    """An app: a set of functions served together. v1 has only `id` and `name`."""

    id: str
    name: str | None = None
    method: str | None = None
    version: str | None = None
    created_at: datetime | None = None
    archived_at: datetime | None = None
    is_archived: bool | None = None
    function_count: int | None = None
    url: str | None = None
    sdk_language: str | None = None
    sdk_version: str | None = None
    framework: str | None = None
    synced_at: datetime | None = None
    sync_status: str | None = None
    sync_error: str | None = None


@frozen(repr=False)
class Trigger(Record):
    """A trigger of a function: an event name or a cron schedule; `kind` is "event" or "cron"."""

    kind: str
    value: str
    condition: str | None = None


@frozen(repr=False)
class Function(Record):
    """A function of an app.

    Attributes:
        id: The id within its app, as written in the code.
        app_id: The app's id.
        name: The display name.
        internal_id: The UUID on the server, to which v1 runs refer; only v1 has it.
        triggers: The event names and schedules that start it.
        configuration: Retries, concurrency and other limits, as the server names them.
        created_at: When it was first synced; only v1 has it.
        is_archived: Whether it is no longer served.
        is_paused: Whether it is paused; only v2 has it.
        last_run_id: The run that was queued last; `functions.list` has it with `runs=True`.
        last_status: The status of that run.
        last_run_at: When that run was queued.
        next_run_at: When the first of its cron schedules is planned next, with `runs=True`. A
            schedule without a zone is taken to be in UTC; a jitter comes on top.
    """

    id: str
    app_id: str
    name: str | None = None
    internal_id: str | None = None
    triggers: tuple[Trigger, ...] = ()
    configuration: Mapping[str, Any] | None = None
    created_at: datetime | None = None
    is_archived: bool | None = None
    is_paused: bool | None = None
    last_run_id: str | None = None
    last_status: RunStatus | None = None
    last_run_at: datetime | None = None
    next_run_at: datetime | None = None


@frozen(repr=False)
class StoredEvent(Record, Generic[D]):
    """An event as the server stores it.

    `StoredEvent[OrderCreated]` is an event read with `as_=OrderCreated`: its data is an
    `OrderCreated`. The data of a plain `StoredEvent` is a mapping.

    Attributes:
        internal_id: The server's own id, a ULID, which `send` returns and `events.get` takes.
        id: The idempotency key it was sent with, or the internal id.
        data: The data that it was sent with.
    """

    internal_id: str
    id: str
    name: str
    data: D
    ts: int | None = None
    received_at: datetime | None = None
    user: Mapping[str, Any] | None = None
    v: str | None = None


@frozen(repr=False)
class Job(Record):
    """A job queued for a run. Inngest Cloud sends only `at`, `attempt` and `position`.

    Attributes:
        id: Its id in the queue.
        at: When it is due; of a wait, when that expires.
        kind: Its kind: start, edge, sleep, pause and others.
        attempt: The number of earlier attempts.
        position: How many jobs of its function come before it; 0 if that is not known, too.
        max_attempts: How often it is tried at most; of a job that starts a run, the server does not
            say so.
        leased_until: Until when it is being executed; None if it is not.
        step: The name of the step that waits.
        step_id: The SHA-1 of the name of the step that waits or sleeps.
        event: The name of the event that it waits for.
        condition: The expression (CEL) that has to hold for that event, `async`.
        signal: The signal that it waits for.
        function: The invoked function that it waits for, as `APP-FUNCTION`.
        event_id: The internal id of the event that started the run of that function.
        concurrency_keys: The keys that limit its concurrency, as hashes, with their limits.
    """

    id: str | None = None
    at: datetime | None = None
    kind: str | None = None
    attempt: int | None = None
    position: int | None = None
    max_attempts: int | None = None
    leased_until: datetime | None = None
    step: str | None = None
    step_id: str | None = None
    event: str | None = None
    condition: str | None = None
    signal: str | None = None
    function: str | None = None
    event_id: str | None = None
    concurrency_keys: Mapping[str, int] = field(factory=dict[str, int], repr=False)


@frozen(repr=False)
class Span(Record):
    """A span of a run's trace: the run itself, a step, or an attempt at one.

    Attributes:
        id: The span's id.
        name: The step's name; "Run", "Attempt 0"; "Finalization" for the function's own code, as
            the server names it.
        status: running, completed, failed, waiting, cancelled or skipped, or the name that a newer
            server uses. A wait that timed out is completed, but has no output; "unknown" if the run
            went on and has ended, and the server does not say whether it did.
        queued_at: When it was queued; it waited until `started_at`.
        started_at: When it started; None before that.
        ended_at: When it ended; None before that, and for a sleep whose run was cancelled.
        duration: The time from start to end; None before the end.
        step_id: The SHA-1 of the step's name; None unless the span is of a step.
        step_op: The kind of step: run, sleep, wait_for_event, invoke and others.
        input: The events that started the run, in the root.
        output: The result of the run, step or attempt, or its error, as servers send it: anything
            but an object is wrapped as `{"data": value}`.
        metadata: The server's measurements: values, which are text, by kind and name.
        run_id: The run's id, in the root.
        children: The spans below it, in the order in which they were queued.
    """

    id: str
    name: str
    status: str
    queued_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration: timedelta | None = None
    step_id: str | None = None
    step_op: str | None = None
    input: Any = None
    output: Any = None
    children: tuple[Span, ...] = ()
    run_id: str | None = None
    metadata: Mapping[str, Mapping[str, Any]] = field(
        factory=dict[str, Any], repr=False
    )

    @property
    def error(self) -> RunError | None:
        """Why it failed; None if it did not, or if the server stored no error."""
        is_known = self.status == RunStatus.FAILED and self.output is not None
        return run_error(self.output) if is_known else None

    def render(
        self,
        *,
        width: int | None = None,
        color: bool | None = None,
        now: datetime | None = None,
    ) -> str:
        """Return a waterfall for a terminal: a line per span, with its bar on one time axis.

        Requires the extra `cli` (rich).

        Args:
            width: Columns of the terminal, at least 60; None for those of standard output.
            color: Whether to color the lines; None if standard output is a terminal that shows
                colors, and `NO_COLOR` is not set.
            now: An aware datetime, up to which spans that have not ended are drawn; None for the
                present.

        Raises:
            ImportError: rich is not installed; the message names the extra.
            ValueError: `now` has no time zone.
        """
        from inngest_rest._waterfall import terminal  # noqa: PLC0415 - few programs draw

        return terminal.draw(self, width=width, color=color, now=now)


@frozen(repr=False)
class AppSync(Record):
    """A sync of an app; `status` is "pending", "success", "duplicate" (no change) or "error"."""

    status: str
    id: str | None = None
    app_id: str | None = None
    error: str | None = None


@frozen(repr=False)
class Page(Record, Generic[T]):
    """One page of a listing; `next_cursor` is None on the last page."""

    items: tuple[T, ...]
    next_cursor: str | None
    # The path of the listing, where its items are in a response, and what that is requested by.
    _start: tuple[str, tuple[int, ...], str] | None = field(
        default=None, repr=False, eq=False
    )

    def cursor_after(self, count: int) -> str | None:
        """Return the cursor behind the first items of the page; None if there is nothing behind.

        Args:
            count: How many items come before it.
        """
        if self._start is None or count >= len(self.items):
            return self.next_cursor
        path, places, request = self._start
        return f"{path}:{places[count - 1] + 1 if count else places[0]}:{request}"

"""Frozen records of events, runs and requests, for tests to inspect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs
import msgspec

from inngest_rest_mock._json import encode
from inngest_rest_mock._times import to_datetime

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

MockRunStatus: TypeAlias = Literal[
    "queued", "running", "completed", "failed", "cancelled"
]
"""The status of a run of the mock."""


@attrs.frozen
class MockEvent:
    """An event that the mock has stored.

    `internal_id` is the id assigned by the server, `id` the sender's (by default the internal one),
    `ts` the event's own time in milliseconds; `data` is `{}` if none was sent. `batch` has all
    events of the batch, where a function that batches gets the first of them.
    """

    internal_id: str
    id: str
    name: str
    data: dict[str, Any]
    ts: int
    user: dict[str, Any] | None
    v: str
    received_ns: int = attrs.field(repr=False)
    visible_ns: int = attrs.field(repr=False)
    has_data: bool = attrs.field(default=True, repr=False)
    sessions: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)
    batch: tuple[MockEvent, ...] = attrs.field(default=(), repr=False)

    @property
    def received_at(self) -> datetime:
        """When the mock received it, by its own clock."""
        return to_datetime(self.received_ns)

    def as_seen_by_function(self) -> dict[str, Any]:
        """Return the JSON object that a server passes to a function, which may change it."""
        event: dict[str, Any] = {"id": self.id, "name": self.name, "data": self.data}
        if self.user:
            event["user"] = self.user
        event["ts"] = self.ts
        if self.v:
            event["v"] = self.v
        copy: dict[str, Any] = msgspec.json.decode(encode(event))
        return copy


@attrs.frozen
class Step:
    """A step that a run has taken; `is_recorded` if the trace has it."""

    id: str
    name: str
    output: Any
    has_failed: bool
    is_recorded: bool
    started_ns: int
    ended_ns: int


@attrs.frozen(kw_only=True)
class MockRun:
    """A function run.

    `output` is the function's return value; `{"message", "name", "code", "stack"}` for a failed
    run; `{}` for a cancelled one; None until the run has ended. `event_ids` has several ids for the
    run of a batch; `cron` is the schedule that started it, if any. `attempt_error` is the error of
    the last attempt, while a retry is pending.
    """

    id: str
    app_id: str
    function_id: str
    event_id: str
    status: MockRunStatus = "queued"
    output: Any = None
    original_run_id: str | None
    cron: str | None = attrs.field(repr=False)
    event_ids: tuple[str, ...] = attrs.field(repr=False)
    batch_id: str | None = attrs.field(repr=False)
    attempt: int = attrs.field(default=0, repr=False)
    attempt_error: Any = attrs.field(default=None, repr=False)
    step: str = attrs.field(default="step", repr=False)
    step_op: str = attrs.field(default="RUN", repr=False)
    steps: tuple[Step, ...] = attrs.field(default=(), repr=False)
    kept: tuple[Step, ...] = attrs.field(repr=False)
    step_input: tuple[str, Any] | None = attrs.field(repr=False)
    queued_ns: int = attrs.field(repr=False)
    started_ns: int | None = attrs.field(default=None, repr=False)
    ended_ns: int | None = attrs.field(default=None, repr=False)
    visible_ns: int = attrs.field(repr=False)

    @property
    def queued_at(self) -> datetime:
        """When the run was created."""
        return to_datetime(self.queued_ns)

    @property
    def started_at(self) -> datetime | None:
        """When the function started; None while the run is queued."""
        return None if self.started_ns is None else to_datetime(self.started_ns)

    @property
    def ended_at(self) -> datetime | None:
        """When the run ended; None until then."""
        return None if self.ended_ns is None else to_datetime(self.ended_ns)


@attrs.frozen
class MockRequest:
    """A request that the mock received, and the status it responded with.

    `path` is percent-encoded, `query` the raw query string; `headers` have lower-case names.
    `operation` is the name of the API operation, None for an unknown route; `status` is None if the
    connection was dropped.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    operation: str | None
    status: int | None

    def json(self) -> Any:
        """Return the body decoded as JSON; raise ValueError if it is not JSON."""
        return msgspec.json.decode(self.body)

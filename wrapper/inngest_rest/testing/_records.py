"""What a test can look at: events, runs and requests, each a frozen record."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias

import attrs
import orjson

from ._behaviours import EventDict
from ._encoding import encode
from ._times import to_datetime

RunStatus: TypeAlias = Literal["queued", "running", "completed", "failed", "cancelled"]


@attrs.frozen
class MockEvent:
    """An event the mock has stored.

    `internal_id` is the id the server gave, `id` the sender's (or the internal one again),
    `ts` the event's own time in milliseconds; `data` is None when none was sent.
    """

    internal_id: str
    id: str
    name: str
    data: dict[str, Any] | None
    ts: int
    user: dict[str, Any] | None
    v: str
    received_ns: int = attrs.field(repr=False)
    visible_ns: int = attrs.field(repr=False)

    @property
    def received_at(self) -> datetime:
        """When the mock received it, by its clock."""
        return to_datetime(self.received_ns)

    def as_seen_by_function(self) -> EventDict:
        """Return a copy a function may change."""
        event: EventDict = {"id": self.id, "name": self.name, "data": self.data or {}}
        if self.user:
            event["user"] = self.user
        event["ts"] = self.ts
        if self.v:
            event["v"] = self.v
        copy: EventDict = orjson.loads(encode(event))
        return copy


@attrs.frozen
class MockRun:
    """A function run.

    `output` is the function's, or `{"code", "message", "name", "stack"}` of a failed run, or
    `{}` of a cancelled one; None while the run has not ended.
    """

    id: str
    app_id: str
    function_id: str
    event_id: str
    status: RunStatus
    output: Any
    original_run_id: str | None
    step: str = attrs.field(repr=False)
    step_op: str = attrs.field(repr=False)
    queued_ns: int = attrs.field(repr=False)
    started_ns: int | None = attrs.field(repr=False)
    ended_ns: int | None = attrs.field(repr=False)
    visible_ns: int = attrs.field(repr=False)

    @property
    def queued_at(self) -> datetime:
        """When the run was made."""
        return to_datetime(self.queued_ns)

    @property
    def started_at(self) -> datetime | None:
        """When the function began; None while the run is queued."""
        return None if self.started_ns is None else to_datetime(self.started_ns)

    @property
    def ended_at(self) -> datetime | None:
        """When the run ended; None before that."""
        return None if self.ended_ns is None else to_datetime(self.ended_ns)


@attrs.frozen
class MockRequest:
    """A request the mock was sent, and the status it was answered with.

    `path` is undecoded, `query` the raw query string, `headers` have lower-case names.
    `operation` names the operation of the API (None: no such route), `status` is None when
    the connection was dropped instead of an answer.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    operation: str | None
    status: int | None

    def json(self) -> Any:
        """Return the body read as JSON; raise ValueError when it is not."""
        return orjson.loads(self.body)

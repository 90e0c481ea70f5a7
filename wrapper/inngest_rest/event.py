"""`Event`, and the unique ids that make sending it idempotent."""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    from datetime import datetime


class _IdSource:
    """Generates ids that sort by time and never repeat, at less than the cost of encoding."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        # A forked child copies its parent's state: without a tag of its own it would repeat ids.
        self._tag = os.urandom(5).hex()
        # Ten digits for 9 * 10**9 ids; str is the fastest way to text of constant width.
        self._suffixes = map(str, itertools.count(10**9))
        self._millisecond = 0

    def __call__(self) -> str:
        millisecond = time.time_ns() // 1_000_000
        if millisecond != self._millisecond:
            self._prefix = f"{millisecond:012x}{self._tag}"
            self._millisecond = millisecond
        return self._prefix + next(self._suffixes)


new_event_id = _IdSource()
if sys.platform != "win32":
    os.register_at_fork(after_in_child=new_event_id.restart)


Sessions = Mapping[str, str | int | float | None]
"""Ids of sessions by key; None takes the event out of a session that a sending run belongs to."""


@frozen
class Event:
    """An event to send.

    Nothing is checked here; `send` rejects an invalid event with its position.

    Args:
        name: What happened, such as "app/order.created"; not empty and not `inngest/...`, which
            is reserved for the platform.
        data: Any JSON object; None is sent as `{}`.
        id: Idempotency key. A function runs once for an id within 24 hours, however often the
            event is sent, unless it debounces or batches events. A unique, sortable id by default.
        user: JSON object about the user; per-user limits use `user["id"]`.
        ts: When it happened: an aware datetime, or integer milliseconds since 1970, between 1980
            and 2100; the server's clock by default. A function waits for a `ts` in the future.
        v: Version of the event's schema, such as "2026-11-24.1".
        sessions: Ids by key, such as `{"chat": "c-1"}`: its runs belong to these sessions. At most
            5; a key has at most 128 bytes, an id, text or a number, 512. Servers before release
            1.31 ignore them (schema EventMeta).
        meta: What `sessions` fills, as on the wire: `{"sessions": {"chat": "c-1"}}`.
    """

    name: str
    data: Mapping[str, Any] | None = None
    id: str = field(factory=new_event_id, kw_only=True)
    user: Mapping[str, Any] | None = field(default=None, kw_only=True)
    ts: datetime | int | None = field(default=None, kw_only=True)
    v: str | None = field(default=None, kw_only=True)
    sessions: Sessions | None = field(default=None, kw_only=True)
    meta: Mapping[str, Any] | None = field(default=None, kw_only=True)


EventLike = Event | Mapping[str, Any]
"""An event as `send` accepts it: an `Event`, or a mapping with the same keys."""

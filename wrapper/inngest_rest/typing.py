"""Types used in public signatures."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, Union

if TYPE_CHECKING:
    from inngest_rest.models import RunStatus

Seconds = float | timedelta
"""A duration: seconds, or a timedelta."""

StatusName = Literal["queued", "running", "completed", "failed", "cancelled"]
"""The name of a run status that can be filtered by."""

ChangeKind = Literal["appeared", "changed", "ended"]
"""The kind of a change of a watched run: see `RunChange`."""

# `RunStatus` is quoted, so that a program that only sends events does not load the models.
StatusFilter = Union[StatusName, "RunStatus", Iterable["StatusName | RunStatus"]]
"""One or several run statuses, as names or as `RunStatus`; `RunStatus(text)` makes one of any text.

Names in another case are accepted, too, if not by type checkers.
"""

ApiVersion = Literal["auto", "v1", "v2"]
"""The API to use: "auto" for the best one for each call, "v1" or "v2"."""

EventNameCheck = Literal["off", "warn", "refuse"]
"""The handling of event names that do not follow the convention `domain/noun.verb`."""

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
"""The HTTP method of a request."""

REPEATABLE_METHODS = frozenset({"GET", "PUT", "DELETE"})
"""The methods that HTTP calls idempotent: a second request has no further effect."""

KeyKind = Literal["event", "signing"]
"""What a key is for: sending events, or the REST API and requests between server and apps."""

WhenFull = Literal["block", "raise", "drop"]
"""Policy of a full buffer for an event: wait for room, raise `BufferFullError`, or drop it."""

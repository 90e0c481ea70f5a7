"""Types used in public signatures."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, Union

if TYPE_CHECKING:
    from inngest_rest.models import RunStatus

Seconds = float | timedelta
"""A duration: seconds, or a timedelta."""

# `RunStatus` is quoted, so that a program that only sends events does not load the models.
StatusFilter = Union[str, "RunStatus", Iterable["str | RunStatus"]]
"""One or several run statuses, as names in any case or as `RunStatus`."""

ApiVersion = Literal["auto", "v1", "v2"]
"""The API family to use: "auto" for the one that serves each call best, or one of the two."""

WhenFull = Literal["block", "raise", "drop"]
"""Policy of a full buffer for an event: wait for room, raise `BufferFullError`, or drop it."""

"""Types that stand in public signatures: a leaf."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Literal

from inngest_rest.models import RunStatus

Seconds = float | timedelta
"""A span of time: seconds, or a timedelta."""

StatusFilter = str | RunStatus | Iterable[str | RunStatus]
"""A run status or several, by name in any case or as `RunStatus`."""

ApiVersion = Literal["auto", "v1", "v2"]
"""The API family a client asks: "auto" for whichever answers best, or one of the two."""

WhenFull = Literal["block", "raise", "drop"]
"""What a full buffer does with an event: wait for room, raise `BufferFullError`, or drop it."""

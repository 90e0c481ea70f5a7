"""Read how a function limits its runs, as v2 or v1 writes its configuration; no I/O.

v2 and v1 differ in some names, and durations are texts such as "24h0m0s" and "1m" (recording
v2-function-full).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from inngest_rest.models import Function

_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3_600.0,
    "d": 86_400.0,
    "w": 604_800.0,
}
# A longer duration is absurd, and would lead beyond the years that a datetime has.
_LONGEST = timedelta(days=3_650)

_PART = r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d|w)"


def duration(text: object) -> timedelta | None:
    """Parse a duration as Go writes it; None if it is not one, or longer than ten years."""
    if not isinstance(text, str) or not re.fullmatch(f"(?:{_PART})+", text):
        return None
    seconds = sum(float(n) * _UNITS[unit] for n, unit in re.findall(_PART, text))
    return timedelta(seconds=seconds) if seconds <= _LONGEST.total_seconds() else None


def debounce(function: Function) -> Mapping[str, Any] | None:
    """Return `period` and, if set, `key`."""
    return _part(function, "debounce")


def batch(function: Function) -> Mapping[str, Any] | None:
    """Return `maxSize` and `timeout`."""
    return _part(function, "eventsBatch", "batchEvents")


def rate_limit(function: Function) -> Mapping[str, Any] | None:
    """Return `limit`, `period` and, if set, `key`; idempotency reads as a limit of 1 per 24 h."""
    return _part(function, "rateLimit")


def throttle(function: Function) -> Mapping[str, Any] | None:
    """Return `limit`, `period` and, if set, `key`."""
    return _part(function, "throttle")


def singleton(function: Function, mode: str) -> Mapping[str, Any] | None:
    """Return `mode` and, if set, `key`, if it has this mode, "skip" or "cancel"."""
    found = _part(function, "singleton")
    return found if found and str(found.get("mode")).lower() == mode else None


def timeouts(function: Function) -> Mapping[str, Any] | None:
    """Return `start` and `finish`; only v1 has them."""
    return _part(function, "timeouts")


def concurrency(function: Function) -> list[Any]:
    """Return the limits of concurrency that are of the function, not of the plan."""
    limits = _list(function, "concurrency")
    return [it for it in limits if not _value(it, "limit", "isPlanLimit")]


def cancelled_by(function: Function) -> list[str]:
    """Return the names of the events that cancel the function's runs."""
    events = (_value(it, "event") for it in _list(function, "cancellations", "cancel"))
    return [it for it in events if isinstance(it, str)]


def _part(function: Function, *names: str) -> Mapping[str, Any] | None:
    for name in names:
        found = (function.configuration or {}).get(name)
        if isinstance(found, Mapping):
            return cast("Mapping[str, Any]", found)
    return None


def _list(function: Function, *names: str) -> list[Any]:
    for name in names:
        found = (function.configuration or {}).get(name)
        if isinstance(found, list):
            return cast("list[Any]", found)  # type: ignore[redundant-cast]
    return []


def _value(it: object, *path: str) -> object:
    for name in path:
        it = cast("Mapping[str, object]", it).get(name) if isinstance(it, Mapping) else None
    return it

"""Flow control: the limits in the configuration of a function, as v1 and v2 spell them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeGuard, cast

if TYPE_CHECKING:
    from inngest_rest.models import Function

Limit = Mapping[str, Any]

BATCH = ("eventsBatch", "batchEvents")
"""The names of the limit of a batch, of v2 and of v1."""

_SECONDS = {
    "ms": 1e-3,
    "s": 1,
    "m": 60,
    "h": 3_600,
    "d": 86_400,
    "w": 604_800,
}
_PART = r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)"


def limit(function: Function, *names: str) -> Limit | None:
    """Return a limit of a function by its first name that is set; v2 and v1 differ in names.

    `rateLimit` and `throttle` have `limit` and `period`, `debounce` has a `period`, and a batch
    `maxSize` and `timeout`; idempotency reads as a rate limit of 1 per 24 hours.
    """
    entries = _entries(function, *names)
    return entries[0] if entries else None


def ignores_repeated_ids(function: Function) -> bool:
    """Return whether a function runs again for a repeated id.

    Servers check the id after debouncing and batching, so these let a repeat through.
    """
    return limit(function, "debounce", *BATCH) is not None


def cancels_earlier_run(function: Function) -> bool:
    """Return whether a function is a singleton whose new run cancels the one before it."""
    singleton = limit(function, "singleton") or {}
    mode = str(singleton.get("mode"))
    return mode.lower() == "cancel"


def concurrency_limits(function: Function) -> list[Limit]:
    """Return the function's own concurrency limits, without the plan's; `limit` is a number."""
    limits: list[Limit] = []
    for entry in _entries(function, "concurrency"):
        number = entry.get("limit")
        # v2 also states the origin of the number; v1 has only the number.
        if _is_mapping(number):
            if number.get("isPlanLimit"):
                continue
            number = number.get("value")
        limits.append({**entry, "limit": number})
    return limits


def cancellations(function: Function) -> list[Limit]:
    """Return the events that cancel the function's runs: `event`, perhaps with a `condition`."""
    entries = _entries(function, "cancellations", "cancel")
    return [entry for entry in entries if isinstance(entry.get("event"), str)]


def cancelling_events(function: Function) -> list[str]:
    """Return the names of the events that cancel the function's runs."""
    return [entry["event"] for entry in cancellations(function)]


def parse_duration(text: object) -> timedelta | None:
    """Parse a duration such as "24h0m0s"; None if it is not one."""
    if not isinstance(text, str) or not re.fullmatch(f"(?:{_PART})+", text):
        return None
    seconds = 0.0
    for number, unit in re.findall(_PART, text):
        seconds += float(number) * _SECONDS[unit]
    return timedelta(seconds=seconds)


def _entries(function: Function, *names: str) -> list[Limit]:
    """Return the entries of a setting, or its only one, by its first name that is set."""
    configuration = function.configuration or {}
    for name in names:
        setting: Any = configuration.get(name)
        if not setting:
            continue
        entries: list[object] = [setting]
        if isinstance(setting, list):
            entries = cast("list[object]", setting)
        return [entry for entry in entries if entry and _is_mapping(entry)]
    return []


def _is_mapping(value: object) -> TypeGuard[Limit]:
    return isinstance(value, Mapping)

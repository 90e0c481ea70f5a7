"""Flow control: the limits in the configuration of a function, as v1 and v2 spell them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeGuard, cast

if TYPE_CHECKING:
    from inngest_rest.models import Function

Limit = Mapping[str, Any]

# The names by which v1 calls limits that v2 calls otherwise.
_BY_V1 = {"eventsBatch": "batchEvents", "cancellations": "cancel"}

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
    """Return a limit of a function by its first name that is set, of those that v2 has.

    `rateLimit` and `throttle` have `limit` and `period`, `debounce` has a `period`, and a batch
    `maxSize` and `timeout`; idempotency reads as a rate limit of 1 per 24 hours.
    """
    return next(iter(limits(function, *names)), None)


def limits(function: Function, *names: str) -> list[Limit]:
    """Return the entries of a limit, or its only one, by its first name that is set."""
    configuration = function.configuration or {}
    for name in names:
        setting: Any = configuration.get(name) or configuration.get(
            _BY_V1.get(name, "")
        )
        if not setting:
            continue
        entries: list[object] = [setting]
        if isinstance(setting, list):
            entries = cast("list[object]", setting)
        return [entry for entry in entries if entry and _is_mapping(entry)]
    return []


def ignores_repeated_ids(function: Function) -> bool:
    """Return whether a function runs again for a repeated id.

    Servers check the id after debouncing and batching, so these let a repeat through.
    """
    return limit(function, "debounce", "eventsBatch") is not None


def parse_duration(text: object) -> timedelta | None:
    """Parse a duration such as "24h0m0s"; None if it is not one."""
    if not isinstance(text, str) or not re.fullmatch(f"(?:{_PART})+", text):
        return None
    seconds = 0.0
    for number, unit in re.findall(_PART, text):
        seconds += float(number) * _SECONDS[unit]
    return timedelta(seconds=seconds)


def _is_mapping(value: object) -> TypeGuard[Limit]:
    return isinstance(value, Mapping)

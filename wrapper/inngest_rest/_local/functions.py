"""What a function says of itself: its name, its runs, what triggers it, and its limits.

Limits are those of its configuration, as v1 and v2 spell them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from attrs import frozen

from inngest_rest._local.expressions import holds

if TYPE_CHECKING:
    from inngest_rest.models import Function, Run, StoredEvent, Trigger

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


def is_run_of(run: Run, function: Function) -> bool:
    """Return whether a run belongs to a function, which v1 identifies only by UUID."""
    if run.function_id is not None:
        return run.app_id == function.app_id and run.function_id == function.id
    if run.internal_function_id is None:
        return False
    return run.internal_function_id == function.internal_id


def name_of(function: Function) -> str:
    """Return a function's name, which is unique within an environment."""
    return f"{function.app_id}/{function.id}"


def event_triggers(function: Function) -> list[Trigger]:
    return [trigger for trigger in function.triggers if trigger.kind == "event"]


def matching_triggers(function: Function, event_name: str) -> list[Trigger]:
    """Return the triggers of a function that match an event's name, case-sensitively.

    These are the name itself and a wildcard after each slash or dot: `app/user.created` matches
    `app/*` and `app/user.*`, but not `app/us*` (recording v2-function-wildcard).
    """
    patterns = {event_name}
    for position, letter in enumerate(event_name, start=1):
        if letter in "/.":
            patterns.add(f"{event_name[:position]}*")
    triggers = event_triggers(function)
    return [trigger for trigger in triggers if trigger.value in patterns]


@frozen(kw_only=True)
class MatchedFunction:
    """A function, and its triggers that match the name of an event."""

    function: Function
    triggers: list[Trigger]

    def is_triggered_by(self, event: StoredEvent) -> bool | None:
        """Return whether a condition holds for the event; None if that is uncertain."""
        outcomes = {holds(trigger.condition, event) for trigger in self.triggers}
        if True in outcomes:
            return True
        if None in outcomes:
            return None
        return False


def name_of_all_triggers(functions: Iterable[Function], name: str) -> str | None:
    """Return the name of an event if it is the only trigger of the functions, else None.

    A function accepts one event per id, whichever of its triggers the events match.
    """
    names: set[str] = set()
    for function in functions:
        for trigger in event_triggers(function):
            names.add(trigger.value)
    return name if names == {name} else None


def function_of(run: Run) -> str:
    """Return app and function of a run as APP/FUNCTION, as far as they are known."""
    function = run.function_id or run.internal_function_id
    return "/".join(filter(None, (run.app_id, function)))


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

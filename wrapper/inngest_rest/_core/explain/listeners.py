"""The functions that listen for an event, their conditions and their limits."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar, cast
from weakref import WeakKeyDictionary

from attrs import frozen

from inngest_rest._core.calls.listing import read_all
from inngest_rest._core.resources import apps
from inngest_rest.errors import InngestError, RouteNotFoundError
from inngest_rest.models import StoredEvent

if TYPE_CHECKING:
    from inngest_rest._core.calls.route import AbsentRoutes
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import App, Function, Run, Trigger

T = TypeVar("T")
Limit = Mapping[str, Any]
Listening = tuple["Function", list["Trigger"]]

# Each app costs a request.
_MOST_APPS = 50

# Seconds for which the list is cached: apps change only when they are deployed.
_FRESH_FOR = 60.0

# Comparing names takes time proportional to the product of their lengths.
_LONGEST_NAME = 256

BATCH = ("eventsBatch", "batchEvents")
"""The names of the limit of a batch, of v2 and of v1."""

_UNITS = {"ms": 1e-3, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_PART = r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)"


@frozen
class Catalogue:
    """The unarchived apps and functions of a server; times are by the session's clock."""

    apps: list[App]
    functions: list[Function]
    gaps: list[str]  # what could not be read, with reasons
    read_at: float
    same_since: float  # when the functions were first read as they are now

    def listeners(self, event_name: str) -> list[Listening]:
        """Return the functions triggered by an event, with the matching triggers."""
        found = ((function, matching(function, event_name)) for function in self.functions)
        return [(function, triggers) for function, triggers in found if triggers]


# By environment, and by the state that all copies of a client share.
_recent: WeakKeyDictionary[AbsentRoutes, dict[str | None, Catalogue]] = WeakKeyDictionary()


def read(
    session: Session, *, deadline: float = math.inf, since: float = math.inf
) -> Plan[Catalogue]:
    """Read all apps and their functions, or return them from the cache.

    Parts without a route on the server, or not listed before the deadline, become gaps.
    """
    now = session.clock.monotonic()
    known = _recent.setdefault(session.absent, {})
    recent = known.get(session.settings.env)
    if recent is not None and recent.read_at >= max(since, now - _FRESH_FOR):
        return recent
    gaps: list[str] = []
    listed = read_all(apps.list_apps(session), deadline=deadline)
    what = "which functions listen, as the apps could not be listed"
    served = [it for it in (yield from tried(listed, what, gaps)) or () if not it.is_archived]
    if len(served) > _MOST_APPS:
        gaps.append(f"the functions of {len(served) - _MOST_APPS} of {len(served)} apps")
    found: list[Function] = []
    for app in served[:_MOST_APPS]:
        of_app = read_all(apps.list_functions(session, app.id), deadline=deadline)
        found += (yield from tried(of_app, f"the functions of app {app.id}", gaps)) or ()
    found = [it for it in found if not it.is_archived]
    is_same = recent is not None and recent.functions == found
    same_since = recent.same_since if recent and is_same else session.clock.monotonic()
    catalogue = Catalogue(served, found, gaps, now, same_since)
    if not gaps:
        known[session.settings.env] = catalogue
    return catalogue


def tried(plan: Plan[T], what: str, unchecked: list[str]) -> Plan[T | None]:
    """Run a plan; if it fails, record the gap and its reason."""
    try:
        return (yield from plan)
    except InngestError as error:
        unchecked.append(f"{what}: {why(error)}")
        return None


def why(error: InngestError) -> str:
    """Return the reason for a gap; for a missing route, the release that introduced it."""
    if isinstance(error, RouteNotFoundError) and error.releases:
        route, release = next(iter(error.releases.items()))
        return f"Servers have {route} since release {release}"
    return str(error)


def is_of(run: Run, function: Function) -> bool:
    """Return whether a run belongs to a function, which v1 identifies only by UUID."""
    if run.function_id is not None:
        return (run.app_id, run.function_id) == (function.app_id, function.id)
    return run.internal_function_id is not None and run.internal_function_id == function.internal_id


def name_of(function: Function) -> str:
    """Return a function's name, which is unique within an environment."""
    return f"{function.app_id}/{function.id}"


def matching(function: Function, name: str) -> list[Trigger]:
    """Return the triggers of a function that match an event's name, case-sensitively.

    These are the name itself and a wildcard after each slash or dot: `app/user.created` matches
    `app/*` and `app/user.*`, but not `app/us*` (recording v2-function-wildcard).
    """
    wanted = {name, *(f"{name[: at + 1]}*" for at, letter in enumerate(name) if letter in "/.")}
    return [it for it in function.triggers if it.kind == "event" and it.value in wanted]


def nearest(name: str, functions: Iterable[Function]) -> dict[str, list[str]]:
    """Return the triggers most similar to an unmatched name, with their functions."""
    known: dict[str, list[str]] = {}
    for function in functions:
        for trigger in function.triggers:
            if trigger.kind == "event" and len(trigger.value) <= _LONGEST_NAME:
                known.setdefault(trigger.value, []).append(name_of(function))
    close = [it for it in known if it.lower() == name.lower()]
    close = close or difflib.get_close_matches(name[:_LONGEST_NAME], known, n=3, cutoff=0.8)
    return {it: known[it] for it in close}


def limit(function: Function, *names: str) -> Limit | None:
    """Return the flow control of a function, under the names of v2 and v1.

    `rateLimit` and `throttle` have `limit` and `period`, `debounce` has a `period`, and a batch
    `maxSize` and `timeout`; idempotency reads as a rate limit of 1 per 24 hours.
    """
    return next(iter(_entries(function, *names)), None)


def ignores_repeated_ids(function: Function) -> bool:
    """Return whether it runs again for a repeated id, which servers check only after these two."""
    return limit(function, "debounce", *BATCH) is not None


def cancels_earlier(function: Function) -> bool:
    """Return whether a function is a singleton of which a run cancels the one before it."""
    return str((limit(function, "singleton") or {}).get("mode")).lower() == "cancel"


def concurrency(function: Function) -> list[Limit]:
    """Return the function's own concurrency limits, without the plan's."""
    limits = ((it, it.get("limit")) for it in _entries(function, "concurrency"))
    return [it for it, of in limits if not (is_limit(of) and of.get("isPlanLimit"))]


def cancelled_by(function: Function) -> list[str]:
    """Return the names of the events that cancel the function's runs."""
    found = _entries(function, "cancellations", "cancel")
    return [it["event"] for it in found if isinstance(it.get("event"), str)]


def as_stored(event: Mapping[str, Any], internal_id: str = "") -> StoredEvent:
    """Return an event that was not stored as a condition sees it; its `ts` is the server's."""
    ts, fields = event.get("ts"), {it: event.get(it) for it in ("user", "v")}
    fields |= {"data": event.get("data") or {}, "ts": ts if isinstance(ts, int) else None}
    return StoredEvent(internal_id, event.get("id") or internal_id, event["name"], **fields)


def _entries(function: Function, *names: str) -> list[Limit]:
    """Return the entries of a setting, or its only one, under the first of its names."""
    known = function.configuration or {}
    found: Any = next((known[name] for name in names if known.get(name)), None)
    entries = cast("Iterable[object]", found if isinstance(found, list) else [found])
    return [it for it in entries if it and is_limit(it)]


def is_limit(value: object) -> TypeGuard[Limit]:
    return isinstance(value, Mapping)


def duration(text: object) -> timedelta | None:
    """Parse a duration such as "24h0m0s"; None if it is not one, or longer than decades."""
    if not isinstance(text, str) or not re.fullmatch(f"(?:{_PART})+", text):
        return None
    seconds = sum(float(n) * _UNITS[unit] for n, unit in re.findall(_PART, text))
    return timedelta(seconds=seconds) if seconds < 1e9 else None

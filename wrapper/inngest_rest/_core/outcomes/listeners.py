"""The functions of a server: which listen for an event, on what condition, and their limits."""

from __future__ import annotations

import difflib
import importlib.util
import math
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast
from weakref import WeakKeyDictionary

from attrs import frozen

from inngest_rest._core.calls.listing import EVERYTHING, read_all
from inngest_rest._core.resources import apps, functions
from inngest_rest.errors import InngestError, RouteNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inngest_rest._core.calls.route import AbsentRoutes
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import App, Function, Run, StoredEvent, Trigger

T = TypeVar("T")
Limit = Mapping[str, Any]
BATCH = "eventsBatch", "batchEvents"

# Each app takes a request.
_MOST_APPS = 50

# Seconds for which what was read may serve another wait: apps are synced when they are deployed.
_FRESH_FOR = 60.0

_MOST_NEAREST = 3
_LIKENESS = 0.8

# Longer names are not compared: it takes time that grows with the product of their lengths.
_LONGEST_NAME = 256

# A longer condition, or data nested deeper, could exhaust the stack of the CEL library.
_LONGEST_CONDITION = 1_000
_DEEPEST_DATA = 100

# What the library and servers do alike; in arithmetic and functions they differ: size("é") is 2 and
# 1, and 1 + 1 is "11" to a server that has read one of them from JSON.
_OPERATORS = {"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "_&&_", "_||_", "!_", "@in", "_[_]"}

_JSON_TYPES = {str, int, float, bool, type(None)}

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
_PART = r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d|w)"

# A longer duration is absurd, and would lead beyond the years that a datetime has.
_LONGEST_DURATION_S = 3_650 * 86_400.0


@frozen
class Catalogue:
    """Apps and their functions.

    Attributes:
        apps: The apps, but for those that are archived.
        functions: Their functions, but for those that are archived.
        gaps: What could not be read, and why.
        read_at: When it was read, by the session's clock.
    """

    apps: tuple[App, ...]
    functions: tuple[Function, ...]
    gaps: tuple[str, ...]
    read_at: float

    def listeners(self, event_name: str) -> list[tuple[Function, list[Trigger]]]:
        """Return the functions with a trigger for an event, and the triggers that match."""
        found = ((function, matching(function, event_name)) for function in self.functions)
        return [(function, triggers) for function, triggers in found if triggers]


# By environment, and by what all copies of a client share.
_recent: WeakKeyDictionary[AbsentRoutes, dict[str | None, Catalogue]] = WeakKeyDictionary()


def recent(session: Session) -> Catalogue | None:
    """Return what was read in the last minute, if anything was."""
    known = _recent.get(session.absent, {}).get(session.settings.env)
    if known is None or session.clock.monotonic() - known.read_at > _FRESH_FOR:
        return None
    return known


def read(session: Session, *, deadline: float = math.inf) -> Plan[Catalogue]:
    """Read all apps and their functions, as far as the server has the routes."""
    read_at = session.clock.monotonic()
    gaps: list[str] = []
    found: list[Function] = []
    listed = read_all(apps.list_apps(session, **EVERYTHING), deadline=deadline)
    what = "which functions listen, as the apps could not be listed"
    served = [it for it in (yield from tried(listed, what, gaps)) or () if not it.is_archived]
    if len(served) > _MOST_APPS:
        gaps.append(f"the functions of {len(served) - _MOST_APPS} of {len(served)} apps")
    for app in served[:_MOST_APPS]:
        listing = functions.list_functions(session, app.id, **EVERYTHING)
        of_app = read_all(listing, deadline=deadline)
        functions_of_app = yield from tried(of_app, f"the functions of app {app.id}", gaps)
        found += [each for each in functions_of_app or () if not each.is_archived]
    catalogue = Catalogue(tuple(served), tuple(found), tuple(gaps), read_at)
    if not gaps:
        _recent.setdefault(session.absent, {})[session.settings.env] = catalogue
    return catalogue


def tried(plan: Plan[T], what: str, unchecked: list[str]) -> Plan[T | None]:
    """Run a plan; if it fails, note what could not be checked, and why."""
    try:
        return (yield from plan)
    except InngestError as error:
        unchecked.append(f"{what}: {why(error)}")
        return None


def why(error: InngestError) -> str:
    """Return why something could not be read: of an absent route, since when servers have it."""
    if isinstance(error, RouteNotFoundError) and error.releases:
        route, release = next(iter(error.releases.items()))
        return f"Servers have {route} since release {release}"
    return str(error)


def is_of(run: Run, function: Function) -> bool:
    """Return whether a run is of a function; v1 names it by its UUID alone."""
    if run.function_id is not None:
        return (run.app_id, run.function_id) == (function.app_id, function.id)
    return run.internal_function_id is not None and run.internal_function_id == function.internal_id


def name_of(function: Function) -> str:
    """Return a function's name, which identifies it within an environment."""
    return f"{function.app_id}/{function.id}"


def matching(function: Function, name: str) -> list[Trigger]:
    """Return the triggers of a function that an event of this name matches; case counts.

    They are the name itself and a wildcard after each slash or dot: `app/user.created` matches
    `app/*` and `app/user.*`, but not `app/us*` (recording v2-function-wildcard).
    """
    wanted = {name, *(f"{name[: at + 1]}*" for at, letter in enumerate(name) if letter in "/.")}
    return [it for it in function.triggers if it.kind == "event" and it.value in wanted]


def nearest(name: str, functions: Iterable[Function]) -> dict[str, list[str]]:
    """Return the triggers most like a name that none matches, and the functions that have them."""
    known: dict[str, list[str]] = {}
    for function in functions:
        for trigger in function.triggers:
            if trigger.kind == "event":
                known.setdefault(trigger.value, []).append(name_of(function))
    differing_in_case = [it for it in known if it.lower() == name.lower()]
    comparable = [it for it in known if len(it) <= _LONGEST_NAME >= len(name)]
    close = differing_in_case or difflib.get_close_matches(
        name, comparable, n=_MOST_NEAREST, cutoff=_LIKENESS
    )
    return {it: known[it] for it in close}


def can_evaluate() -> bool:
    """Return whether there is a library to evaluate conditions with."""
    return importlib.util.find_spec("cel") is not None


def starts(trigger: Trigger, event: StoredEvent) -> bool | None:
    """Return whether a trigger of the event's name starts its function; None if that is unsure."""
    return holds(trigger.condition, event) if trigger.condition else True


def holds(condition: str, event: StoredEvent) -> bool | None:
    """Return whether the condition of a trigger (its `if`, in CEL) is true for an event.

    None if it is not certain how a server judges it. Some releases take a missing field for null
    and others fail; servers keep the backslashes of text.
    """
    fields = {name: getattr(event, name) for name in ("id", "name", "data", "user", "ts", "v")}
    if len(condition) > _LONGEST_CONDITION or "\\" in condition or not _is_json(fields):
        return None
    try:
        import cel  # noqa: PLC0415

        program = cel.compile(condition)
        if not _OPERATORS.issuperset(program.functions()):
            return None
        value = program.execute({"event": fields})
    except Exception:  # noqa: BLE001 - the library has no class of its own
        return None
    return value if isinstance(value, bool) else None


def _is_json(value: object, depth: int = _DEEPEST_DATA) -> bool:
    """Return whether data is what JSON has, and not nested deep."""
    if not isinstance(value, dict | list):
        return type(value) in _JSON_TYPES
    parts = cast("Iterable[object]", value.values() if isinstance(value, dict) else value)
    return depth > 0 and all(_is_json(part, depth - 1) for part in parts)


def limit(function: Function | None, *names: str) -> Limit | None:
    """Return how a function limits its runs, by the names of v2 and v1 for that.

    `rateLimit` and `throttle` have `limit` and `period`, `debounce` has a `period`, and a batch
    `maxSize` and `timeout`; idempotency reads as a rate limit of 1 per 24 hours.
    """
    found = _part(function, names, Mapping)
    return cast("Limit | None", found)


def singleton(function: Function | None, mode: str) -> Limit | None:
    """Return the singleton of a function that skips its event, or cancels the run before."""
    found = limit(function, "singleton")
    return found if found and str(found.get("mode")).lower() == mode else None


def concurrency(function: Function | None) -> list[object]:
    """Return the limits of concurrency that are of the function, not of the plan."""
    found = cast("list[object]", _part(function, ["concurrency"], list) or [])
    return [it for it in found if not _value(_value(it, "limit"), "isPlanLimit")]


def cancelled_by(function: Function | None) -> list[str]:
    """Return the names of the events that cancel the function's runs."""
    found = cast("list[object]", _part(function, ["cancellations", "cancel"], list) or [])
    return [name for it in found if isinstance(name := _value(it, "event"), str)]


def _part(function: Function | None, names: Sequence[str], kind: type) -> object:
    values = (_value(function and function.configuration, name) for name in names)
    return next((it for it in values if isinstance(it, kind)), None)


def _value(it: object, name: str) -> object:
    return cast("Limit", it).get(name) if isinstance(it, Mapping) else None


def duration(text: object) -> timedelta | None:
    """Parse a duration such as "24h0m0s"; None if it is not one, or longer than ten years."""
    if not isinstance(text, str) or not re.fullmatch(f"(?:{_PART})+", text):
        return None
    seconds = sum(float(n) * _UNITS[unit] for n, unit in re.findall(_PART, text))
    return timedelta(seconds=seconds) if seconds <= _LONGEST_DURATION_S else None

"""The functions that a server has, and those that listen for an event."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

from attrs import frozen

from inngest_rest._core.calls.listing import EVERYTHING, read_all
from inngest_rest._core.outcomes.triggers import matching
from inngest_rest._core.resources import apps, functions
from inngest_rest.errors import InngestError, RouteNotFoundError

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import App, Function, Run, Trigger

# Each app takes a request.
_MOST_APPS = 50

# Seconds for which what was read may serve another wait: apps are synced when they are deployed.
_FRESH_FOR = 60.0


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


def is_of(run: Run, function: Function) -> bool:
    """Return whether a run is of a function; v1 names it by its UUID alone."""
    if run.function_id is not None:
        return (run.app_id, run.function_id) == (function.app_id, function.id)
    return run.internal_function_id is not None and run.internal_function_id == function.internal_id


def name_of(function: Function) -> str:
    """Return a function's name in messages."""
    return f"{function.app_id}/{function.id}"


def why(error: InngestError) -> str:
    """Return why something could not be read: of an absent route, since when servers have it."""
    if isinstance(error, RouteNotFoundError) and error.releases:
        route, release = next(iter(error.releases.items()))
        return f"Servers have {route} since release {release}"
    return str(error)


def recent(session: Session) -> Catalogue | None:
    """Return what was read in the last minute, if anything was."""
    known = cast("Catalogue | None", session.catalogues.get(session.settings.env))
    if known is None or session.clock.monotonic() - known.read_at > _FRESH_FOR:
        return None
    return known


def read(session: Session, *, deadline: float = math.inf) -> Plan[Catalogue]:
    """Read all apps and their functions, as far as the server has the routes."""
    read_at = session.clock.monotonic()
    gaps: list[str] = []
    found: list[Function] = []
    served: list[App] = []
    try:
        served = yield from read_all(
            apps.list_apps(session, v2_first=True, **EVERYTHING), deadline=deadline
        )
    except InngestError as error:
        gaps.append(f"which functions listen, as the apps could not be listed: {why(error)}")
    served = [app for app in served if not app.is_archived]
    if len(served) > _MOST_APPS:
        gaps.append(f"the functions of {len(served) - _MOST_APPS} of {len(served)} apps")
    for app in served[:_MOST_APPS]:
        try:
            listing = functions.list_functions(session, app.id, **EVERYTHING)
            listed = yield from read_all(listing, deadline=deadline)
        except InngestError as error:
            gaps.append(f"the functions of app {app.id}: {why(error)}")
        else:
            found += [each for each in listed if not each.is_archived]
    catalogue = Catalogue(tuple(served), tuple(found), tuple(gaps), read_at)
    if not gaps:
        session.catalogues[session.settings.env] = catalogue
    return catalogue

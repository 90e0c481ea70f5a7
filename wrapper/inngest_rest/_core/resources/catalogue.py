"""The catalogue of a server: its apps and functions, and which of them an event triggers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

from attrs import frozen

from inngest_rest import errors
from inngest_rest._core.resources.apps import list_apps, list_functions
from inngest_rest._local.functions import MatchedFunction, matching_triggers

if TYPE_CHECKING:
    from inngest_rest._core.calls.route import AbsentRoutes
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import App, Function

T = TypeVar("T")

_MAX_APPS = 50  # whose functions are read, with a request for each

# Seconds for which a catalogue is reused, if the caller accepts an earlier one.
_KEPT_FOR = 60.0


@frozen(kw_only=True)
class Catalogue:
    """The apps and functions of a server that are not archived; times are by our clock."""

    apps: list[App]
    functions: list[Function]
    gaps: list[str]  # the parts that could not be read, and why
    read_at: float
    same_since: float  # when the functions were first read as they are now

    @classmethod
    async def read(
        cls, session: Session, *, deadline: float = math.inf, since: float = math.inf
    ) -> Catalogue:
        """Read all apps and their functions.

        A part that the server has no route for, or does not list before the deadline, becomes a
        gap.

        Args:
            session: The session of the client.
            deadline: The time at which to stop reading.
            since: Return the last catalogue again if it was read after this time and within the
                last minute; by default, read a new one.
        """
        began = session.clock.monotonic()
        of_client = _last_read.setdefault(session.absent, {})
        last = of_client.get(session.settings.env)
        oldest_usable = max(since, began - _KEPT_FOR)
        if last is not None and last.read_at >= oldest_usable:
            return last
        gaps: list[str] = []
        apps = await _read_apps(session, gaps, deadline)
        first_apps = apps[:_MAX_APPS]
        functions = await _read_functions(session, first_apps, gaps, deadline)
        same_since = session.clock.monotonic()
        if last is not None and last.functions == functions:
            same_since = last.same_since
        catalogue = cls(
            apps=apps,
            functions=functions,
            gaps=gaps,
            read_at=began,
            same_since=same_since,
        )
        if not gaps:
            of_client[session.settings.env] = catalogue
        return catalogue

    def listeners(self, event_name: str) -> list[MatchedFunction]:
        """Return the functions with a trigger for the name of an event."""
        listeners: list[MatchedFunction] = []
        for function in self.functions:
            triggers = matching_triggers(function, event_name)
            if triggers:
                listeners.append(MatchedFunction(function=function, triggers=triggers))
        return listeners


# By environment, and by the state that all copies of a client share.
_last_read: WeakKeyDictionary[AbsentRoutes, dict[str | None, Catalogue]] = (
    WeakKeyDictionary()
)


async def _read_functions(
    session: Session,
    apps: list[App],
    gaps: list[str],
    deadline: float,
) -> list[Function]:
    functions: list[Function] = []
    for app in apps:
        plan = list_functions(session, app.id).read_all(deadline=deadline)
        listed = await _or_gap(plan, f"the functions of app {app.id}", gaps)
        functions += [function for function in listed or () if not function.is_archived]
    return functions


async def _read_apps(session: Session, gaps: list[str], deadline: float) -> list[App]:
    plan = list_apps(session).read_all(deadline=deadline)
    what = "which functions listen, as the apps could not be listed"
    listed = await _or_gap(plan, what, gaps)
    apps = [app for app in listed or () if not app.is_archived]
    unread = len(apps) - _MAX_APPS
    if unread > 0:
        gaps.append(f"the functions of {unread} of {len(apps)} apps")
    return apps


async def _or_gap(plan: Plan[T], what: str, gaps: list[str]) -> T | None:
    """Run a plan; if it fails, return None and add the missing part, with the error, to the gaps.

    `what` names that part.
    """
    try:
        return await plan
    except errors.InngestError as error:
        gaps.append(f"{what}: {error}")
        return None

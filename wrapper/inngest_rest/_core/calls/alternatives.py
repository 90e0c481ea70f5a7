"""Several routes for one operation: the first that the server has.

Servers of different releases have different routes for the same; what a server lacks is remembered
for some minutes.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from inngest_rest import errors
from inngest_rest._core.calls.operation import is_panic, perform
from inngest_rest._core.calls.sources import API_VERSION, SIGNING_KEY

if TYPE_CHECKING:
    from inngest_rest._core.calls.route import Route
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.calls.settings import Settings
    from inngest_rest_api.api import Operation

T = TypeVar("T")


async def first_present(
    session: Session, *routes: Route[Any, T], deadline: float = math.inf
) -> T:
    """Perform the first of several equivalent routes that this server has.

    A route is absent if it responds with 405, 501 or a 404 that does not name a resource. It is
    then skipped for some minutes, unless no other is left. If all are absent, the error names the
    release that has one of them.
    """
    absences: list[_Absence] = []
    for route in _worth_trying(session, routes):
        try:
            return await perform(session, route, deadline=deadline)
        except errors.RouteNotFoundError as error:
            if route.may_panic and is_panic(error.__cause__):
                raise  # no release implements it
            absences.append(_Absence(route=route, error=error))
        session.absent.add(route.operation, session.clock.monotonic())
    raise _all_absent(absences)


def _worth_trying(
    session: Session, routes: tuple[Route[Any, T], ...]
) -> list[Route[Any, T]]:
    """Return the routes that the settings allow, without those known to be absent."""
    allowed = [route for route in routes if may_ask(session.settings, route.operation)]
    if not allowed:
        raise _none_may_be_asked(session, routes)
    now = session.clock.monotonic()
    absent = session.absent
    present = [route for route in allowed if not absent.has(route.operation, now)]
    return present or allowed


class _Absence(NamedTuple):
    """A route that the server lacks, and the error that shows it."""

    route: Route[Any, Any]
    error: errors.RouteNotFoundError


def _all_absent(absences: list[_Absence]) -> errors.RouteNotFoundError:
    """Return the error for absent routes: what the last responded, and what to do about all."""
    last = absences[-1].error
    operations = [absence.route.operation for absence in absences]
    asked = " and ".join(f"{each.method} {each.path}" for each in operations)
    dated = [each for each in operations if each.since and not each.cloud_only]
    advice = [errors.Advice(f"Servers have {_span(each)}.") for each in dated]
    if operations[-1].cloud_only:
        advice.append(_CLOUD_ONLY)
    of_routes = [route.advice.get(errors.RouteNotFoundError) for route, _ in absences]
    advice += [each for each in dict.fromkeys(of_routes) if each]
    error = errors.RouteNotFoundError(
        f"{last.message} (asked: {asked})",
        status=last.status,
        method=last.method,
        url=last.url,
        code=last.code,
        response=last.response,
    )
    error.attempts = last.attempts
    error.may_have_taken_effect = any(
        absence.error.may_have_taken_effect for absence in absences
    )
    error.releases = {f"{each.method} {each.path}": str(each.since) for each in dated}
    error.advice = reduce(errors.Advice.then, advice) if advice else last.advice
    return error


def _span(operation: Operation) -> str:
    """Return an operation and the releases that have it, in words."""
    began = f"{operation.method} {operation.path} since release {operation.since}"
    if operation.until is None:
        return began
    return f"{began}, until release {operation.until}, which no longer has it"


_CLOUD_ONLY = errors.Advice("No self-hosted server has this: only Inngest Cloud does.")


def may_ask(settings: Settings, operation: Operation) -> bool:
    """Return whether a client with these settings may request an operation."""
    if operation.name in {"send_events", "send_event_v2"}:
        return settings.sends_by_v2 is (operation.tag == "v2")
    if operation.tag == "ingest":
        return True
    if settings.api_version != "auto":
        return settings.api_version == operation.tag
    if operation.tag == "v2":
        return True
    # An API key is valid for v2 only: without a signing key, v1 would reject the call.
    return settings.dev or not settings.api_key or bool(settings.signing_bearers)


def _none_may_be_asked(
    session: Session, routes: tuple[Route[Any, Any], ...]
) -> errors.ConfigurationError:
    apis = " and ".join(dict.fromkeys(route.operation.tag for route in routes))
    pinned = session.settings.api_version
    message = f"this operation exists only in {apis}"
    if pinned != "auto":
        reason = f'but api_version="{pinned}" is set'
        return errors.ConfigurationError(f"{message}, {reason}", settings=[API_VERSION])
    return errors.ConfigurationError(
        f"{message}, which needs a signing key",
        settings=[SIGNING_KEY],
        advice=errors.Advice("Set {}.", (SIGNING_KEY,)),
    )

"""Explain what became of an event."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from inngest_rest._core.arguments import check_text, invalid
from inngest_rest._core.calls.listing import EVERYTHING, read_all
from inngest_rest._core.outcomes import catalogue
from inngest_rest._core.outcomes.catalogue import is_of
from inngest_rest._core.outcomes.evidence import Evidence, gather
from inngest_rest._core.outcomes.reasons import reasons
from inngest_rest._core.resources import event_runs, events
from inngest_rest._visible import shown
from inngest_rest.errors import (
    Advice,
    ConfigurationError,
    NotFoundError,
    RouteNotFoundError,
)
from inngest_rest.explanation import Explanation, Listener

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import Function, Run, StoredEvent, Trigger

# An internal id is a ULID.
_INTERNAL = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", re.IGNORECASE)

# An event is found by its own id among the newest so many, at 50 per request.
_MOST_SEARCHED = 1_000
_SEARCHED_BACK = timedelta(hours=24)

# What a server's clock may be wrong by.
_MOST_WRONG = timedelta(days=36_500)


def explain(session: Session, event_id: str, *, name: str | None) -> Plan[Explanation]:
    """Explain what became of an event, by its internal id or the newest with this own id."""
    event_id = check_text("id", event_id) or ""
    name = check_text("name", name)
    if not event_id:
        raise invalid("id", "must be text, not None")
    if _INTERNAL.fullmatch(event_id):
        try:
            return (yield from explain_stored(session, event_id))
        except NotFoundError as error:
            found = yield from _find(session, event_id, name)
            if found is None:
                raise error from None
    else:
        found = yield from _find(session, event_id, name)
    if found is None:
        raise _not_found(session, event_id, name)
    return (yield from explain_stored(session, found.internal_id))


def explain_stored(
    session: Session, event_id: str, *, deadline: float = math.inf
) -> Plan[Explanation]:
    """Explain what became of an event, by its internal id."""
    try:
        event, at = yield from events.get_now(session, event_id, deadline=deadline)
    except (ConfigurationError, RouteNotFoundError) as error:
        runs = yield from _runs_of(session, event_id, deadline)
        return Explanation(
            event_id, None, runs=runs, unchecked=(f"the event itself: {catalogue.why(error)}",)
        )
    runs = yield from _runs_of(session, event_id, deadline)
    known = yield from catalogue.read(session, deadline=deadline)
    evidence = Evidence(
        now=_now(session, at),
        event=event,
        runs=runs,
        catalogue=known,
        listeners=known.listeners(event.name),
        is_of_v1=event_runs.are_of_v1(session),
    )
    evidence = yield from gather(session, evidence, deadline=deadline)
    return Explanation(
        event_id,
        event,
        tuple(_listener(function, triggers[0], runs) for function, triggers in evidence.listeners),
        runs,
        tuple(reasons(evidence)),
        (*known.gaps, *evidence.unchecked),
    )


def _now(session: Session, stated: datetime | None) -> datetime:
    """Return the time that the response states, or that of the server's clock if it cannot be."""
    now = session.server_clocks["api"].now()
    return stated if stated is not None and abs(stated - now) < _MOST_WRONG else now


def _runs_of(session: Session, event_id: str, deadline: float) -> Plan[tuple[Run, ...]]:
    listing = event_runs.list_runs(session, event_id, cached=False, **EVERYTHING)
    return tuple((yield from read_all(listing, deadline=deadline)))


def _listener(function: Function, trigger: Trigger, runs: Sequence[Run]) -> Listener:
    own = tuple(run.id for run in runs if is_of(run, function))
    return Listener(function.app_id, function.id, trigger, own)


def _find(session: Session, own_id: str, name: str | None) -> Plan[StoredEvent | None]:
    """Find the newest event with an own id among those of the last day."""
    now = session.server_clocks["api"].now()
    walk = events.list_events(
        session,
        name=name,
        since=now - _SEARCHED_BACK,
        until=None,
        limit=_MOST_SEARCHED,
        page_size=None,
        cursor=None,
    ).walk()
    while not walk.is_done:
        page = yield from walk.next_page()
        for event in page.items:
            if event.id == own_id:
                return event
    return None


def _not_found(session: Session, own_id: str, name: str | None) -> NotFoundError:
    of_name = f" {shown(name)}" if name else ""
    error = NotFoundError(
        f"no event with the id {shown(own_id)} is among the newest {_MOST_SEARCHED:,} events"
        f"{of_name} of the last 24 hours",
        status=404,
        method="GET",
        url=f"{session.settings.api_url}/v1/events",
    )
    error.advice = Advice(
        "Pass the internal id, as send returns it"
        + (
            "."
            if name
            else ", or the event's name, too: then only events of that name are searched."
        )
    )
    return error

"""Explain what became of an event."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from inngest_rest._core.arguments import check_text, invalid, is_ulid
from inngest_rest._core.outcomes import listeners
from inngest_rest._core.outcomes.evidence import EventEvidence, gather, runs_of
from inngest_rest._core.outcomes.listeners import is_of, why
from inngest_rest._core.outcomes.rules import reasons
from inngest_rest._core.resources import event_runs, events
from inngest_rest._visible import shown
from inngest_rest.errors import Advice, ConfigurationError, NotFoundError, RouteNotFoundError
from inngest_rest.explanation import Explanation, Listener

if TYPE_CHECKING:
    from datetime import datetime

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import StoredEvent

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
    missing: NotFoundError | None = None
    if is_ulid(event_id):
        try:
            return (yield from explain_stored(session, event_id))
        except NotFoundError as error:
            missing = error
    found = yield from _find(session, event_id, name)
    if found is None:
        raise missing or _not_found(session, event_id, name)
    return (yield from explain_stored(session, found.internal_id))


def explain_stored(
    session: Session, event_id: str, *, deadline: float = math.inf
) -> Plan[Explanation]:
    """Explain what became of an event, by its internal id."""
    try:
        event, at = yield from events.get_now(session, event_id, deadline=deadline)
    except (ConfigurationError, RouteNotFoundError) as error:
        unread = f"the event itself: {why(error)}"
        runs = yield from runs_of(session, event_id, deadline)
        return Explanation(event_id, None, runs=runs, unchecked=(unread,))
    runs = yield from runs_of(session, event_id, deadline)
    known = yield from listeners.read(session, deadline=deadline)
    evidence = EventEvidence(
        _now(session, at),
        event,
        runs,
        known,
        known.listeners(event.name),
        is_of_v1=event_runs.are_of_v1(session),
        unchecked=known.gaps,
    )
    evidence = yield from gather(session, evidence, deadline=deadline)
    listening = (
        Listener(
            function.app_id,
            function.id,
            triggers[0],
            tuple(run.id for run in runs if is_of(run, function)),
        )
        for function, triggers in evidence.listeners
    )
    return Explanation(
        event_id, event, tuple(listening), runs, tuple(reasons(evidence)), evidence.unchecked
    )


def _now(session: Session, stated: datetime | None) -> datetime:
    """Return the time that the response states, or that of the server's clock if it cannot be."""
    now = session.server_clocks["api"].now()
    return stated if stated is not None and abs(stated - now) < _MOST_WRONG else now


def _find(session: Session, own_id: str, name: str | None) -> Plan[StoredEvent | None]:
    """Find the newest event with an own id among those of the last day."""
    walk = events.list_events(
        session,
        name=name,
        since=_SEARCHED_BACK,
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
    also = "" if name else ", or the event's name, too: then only events of that name are searched"
    error = NotFoundError(
        f"no event with the id {shown(own_id)} is among the newest {_MOST_SEARCHED:,} events"
        f"{of_name} of the last 24 hours",
        status=404,
        method="GET",
        url=f"{session.settings.api_url}/v1/events",
    )
    error.advice = Advice(f"Pass the internal id, as send returns it{also}.")
    return error

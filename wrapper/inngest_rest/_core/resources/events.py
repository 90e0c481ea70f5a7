"""Plans for stored events: list, get, and the runs of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.arguments import check_id, check_text, check_window
from inngest_rest._core.calls.families import Cursor, Route, first_present, of_family
from inngest_rest._core.calls.listing import Listing, listing
from inngest_rest._core.calls.operation import perform
from inngest_rest._core.resources import from_v1
from inngest_rest._core.resources.runs import page_of_v2
from inngest_rest.models import Page, Run, StoredEvent
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from datetime import datetime

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

# v1 clamps without a word to 51 [facts.md 4]; a page shorter than asked would look like the last.
_LARGEST_PAGE = 50
# v2 refuses more for the runs of an event [facts.md 5].
_LARGEST_PAGE_OF_RUNS = 40


def list_events(
    session: Session,
    *,
    name: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int | None,
    page_size: int | None,
    cursor: str | None,
) -> Listing[StoredEvent]:
    """List stored events, newest first."""
    check_text("name", name)
    check_window(since, until)

    def by_v1(place: str | None, size: int) -> Plan[Page[StoredEvent]]:
        operation = v1.list_events_v1
        kwargs = operation.get_kwargs(
            limit=size,
            cursor=place or UNSET,
            name=name or UNSET,
            received_after=since or UNSET,
            received_before=until or UNSET,
        )
        answer = yield from perform(session, "v1", operation, kwargs, api.V1EventListEnvelope)
        items = tuple(from_v1.event(each) for each in answer.data)
        goes_on = len(items) >= size and items[-1].internal_id != place
        return Page(items, str(Cursor("v1", items[-1].internal_id)) if goes_on else None)

    def fetch(cursor: Cursor | None, size: int) -> Plan[Page[StoredEvent]]:
        place = cursor.place if cursor else None
        return first_present(session, Route("v1", "GET /v1/events", lambda: by_v1(place, size)))

    return listing(
        fetch, limit=limit, page_size=page_size, cursor=cursor, largest_page=_LARGEST_PAGE
    )


def get(session: Session, event_id: str) -> Plan[StoredEvent]:
    """Get one stored event by its internal id."""
    check_id("event id", event_id)

    def by_v1() -> Plan[StoredEvent]:
        operation = v1.get_event_v1
        kwargs = operation.get_kwargs(event_id)
        answer = yield from perform(session, "v1", operation, kwargs, api.V1EventEnvelope)
        return from_v1.event(answer.data)

    return first_present(session, Route("v1", "GET /v1/events/{id}", by_v1))


def list_runs(
    session: Session,
    event_id: str,
    *,
    limit: int | None,
    page_size: int | None,
    cursor: str | None,
) -> Listing[Run]:
    """List the runs an event started: v2, since v1's statuses lie there and its cache lags."""
    check_id("event id", event_id)

    def by_v2(place: str | None, size: int) -> Plan[Page[Run]]:
        operation = v2.list_event_runs_v2
        kwargs = operation.get_kwargs(event_id, limit=size, cursor=place or UNSET)
        answer = yield from perform(session, "v2", operation, kwargs, api.V2RunListEnvelope)
        return page_of_v2(answer)

    def by_v1() -> Plan[Page[Run]]:
        operation = v1.list_event_runs_v1
        kwargs = operation.get_kwargs(event_id)
        answer = yield from perform(session, "v1", operation, kwargs, api.V1RunListEnvelope)
        return Page(tuple(from_v1.run_of_event(each) for each in answer.data), None)

    def fetch(cursor: Cursor | None, size: int) -> Plan[Page[Run]]:
        place = cursor.place if cursor else None
        routes = [
            Route("v2", "GET /v2/events/{id}/runs", lambda: by_v2(place, size)),
            Route("v1", "GET /v1/events/{id}/runs", by_v1),
        ]
        return first_present(session, *of_family(routes, cursor))

    return listing(
        fetch, limit=limit, page_size=page_size, cursor=cursor, largest_page=_LARGEST_PAGE_OF_RUNS
    )

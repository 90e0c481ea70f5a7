"""Stored events: list, get, and the runs of one."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from inngest_rest._core.arguments import check_id, check_text
from inngest_rest._core.calls.families import first_present
from inngest_rest._core.calls.listing import Listing, Paging, Part, listing, unpaged
from inngest_rest._core.calls.route import Route
from inngest_rest._core.resources import from_v1, from_v2
from inngest_rest._core.resources.filters import check_window
from inngest_rest.errors import BadRequestError
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Unpack

    from inngest_rest._core.calls.listing import Place
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import Run, StoredEvent

# listEventsV1 silently clamps to 51; a page shorter than requested would look like the last.
_LARGEST_PAGE = 50
# listEventRunsV2 rejects a larger limit.
_LARGEST_PAGE_OF_RUNS = 40


def list_events(
    session: Session,
    *,
    name: str | None,
    since: datetime | None,
    until: datetime | None,
    **paging: Unpack[Paging],
) -> Listing[StoredEvent]:
    """List stored events, newest first."""
    check_text("name", name)
    check_window(since, until)

    def by_v1(place: Place, size: int) -> Route[Any, Part[StoredEvent]]:
        operation = v1.list_events_v1
        kwargs = operation.get_kwargs(
            limit=size,
            cursor=place,
            name=name or UNSET,
            received_after=since or UNSET,
            received_before=until or UNSET,
        )
        id_of = attrgetter("internal_id")
        return Route(
            operation,
            kwargs,
            api.V1EventListEnvelope,
            lambda it: from_v1.part(map(from_v1.event, it.data), id_of, place, size),
        )

    return listing(session, by_v1, largest_page=_LARGEST_PAGE, **paging)


def get_route(event_id: str) -> Route[Any, StoredEvent]:
    """Return the route to one stored event, by its internal id."""
    operation = v1.get_event_v1
    return Route(
        operation,
        operation.get_kwargs(event_id),
        api.V1EventEnvelope,
        lambda it: from_v1.event(it.data),
        advice={BadRequestError: "Pass the event's internal id, as send returns it."},
    )


def get(session: Session, event_id: str) -> Plan[StoredEvent]:
    """Get one stored event by its internal id."""
    return first_present(session, get_route(check_id("event id", event_id)))


def list_runs(session: Session, event_id: str, **paging: Unpack[Paging]) -> Listing[Run]:
    """List the runs of an event, by v2 where there is one: v1 caches this listing for 15 s."""
    check_id("event id", event_id)

    def by_v2(place: Place, size: int) -> Route[Any, Part[Run]]:
        operation = v2.list_event_runs_v2
        kwargs = operation.get_kwargs(event_id, limit=size, cursor=place)
        return Route(
            operation, kwargs, api.V2RunListEnvelope, lambda it: from_v2.part(it, from_v2.run)
        )

    by_v1 = Route(
        v1.list_event_runs_v1,
        v1.list_event_runs_v1.get_kwargs(event_id),
        api.V1RunListEnvelope,
        lambda it: Part(tuple(map(from_v1.run_of_event, it.data))),
    )
    return listing(session, by_v2, unpaged(by_v1), largest_page=_LARGEST_PAGE_OF_RUNS, **paging)


def runs_by_v1(session: Session, event_id: str) -> Plan[list[Run]]:
    """List the runs of an event as v1 does, with the run that each repeats; past its cache."""
    operation = v1.list_event_runs_v1
    # The cache is kept by URL (operation listEventRunsV1).
    fresh = {"params": {"_": f"{session.clock.now():.6f}"}}
    route = Route(
        operation,
        operation.get_kwargs(event_id) | fresh,
        api.V1RunListEnvelope,
        lambda it: list(map(from_v1.run_of_event, it.data)),
    )
    return first_present(session, route)

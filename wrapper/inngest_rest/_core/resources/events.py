"""Stored events: list, get."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Unpack

from attrs import evolve, frozen

from inngest_rest._core.calls import local_filter
from inngest_rest._core.calls.listing import Listing
from inngest_rest._core.calls.local_filter import LocalFilter
from inngest_rest._core.calls.route import About, Route
from inngest_rest._core.plans import FIRST_PAUSE, longer
from inngest_rest._core.resources import fields
from inngest_rest._core.resources.routes import (
    ask_first,
    in_order,
    page_routes,
    past_cache,
)
from inngest_rest._core.resources.rows import PageRow, moment, row_of
from inngest_rest._core.resources.windows import Instant, Window, instant_to_text
from inngest_rest._local.arguments import check_id, check_text
from inngest_rest._local.expressions import Expression, of_event
from inngest_rest._values.visible import shown
from inngest_rest.errors import Advice, BadRequestError, NotFoundError
from inngest_rest.event_types import check_kind, read_event
from inngest_rest.models import StoredEvent
from inngest_rest_api.api import v1

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest._core.calls.listing import ListedPage, PageRequest
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest._core.resources.fields import PageData
    from inngest_rest.typing import Paging
    from inngest_rest_api import models as api

BEGINNING = datetime(1980, 1, 1, tzinfo=UTC)
"""Before all events: by default, listEventsV1 begins one hour ago."""

INVOKED = "inngest/function.invoked"
"""The name of the event that invokes a function.

A function that batches events runs for it at once; on release 1.43, also in a batch of invocations.
"""


@frozen(kw_only=True)
class EventSelection:
    """The caller's filters of stored events."""

    name: str | None = None
    since: Instant | None = None
    until: Instant | None = None
    where: str | None = None

    def to_json(self) -> dict[str, str]:
        asked = {
            "name": self.name,
            "since": instant_to_text(self.since),
            "until": instant_to_text(self.until),
            "where": self.where,
        }
        return {name: value for name, value in asked.items() if value is not None}


def list_events(
    session: Session,
    selection: EventSelection,
    *,
    as_: type[Any] | None = None,
    is_bounded: bool = True,
    **paging: Unpack[Paging],
) -> Listing[StoredEvent[Any]]:
    name = check_text("name", selection.name)
    condition: Expression | None = None
    if selection.where is not None:
        condition = Expression("where", selection.where, ("event",))
    read = _reader(as_)
    window = Window.of(session, selection.since, selection.until)
    window_of_requests = window
    if window.until and not window.since:
        window_of_requests = evolve(window, since=BEGINNING)

    def read_page(
        page: PageData[StoredEvent], request: PageRequest
    ) -> ListedPage[StoredEvent[Any]]:
        _, items = page
        if name is not None:
            _check_names(items, name)
        return fields.v1_page(page, request, attrgetter("internal_id"))

    by_v1 = page_routes(
        v1.list_events_v1,
        listed_event,
        query={"name": name},
        window=window_of_requests,
        ends=("received_after", "received_before"),
        row=EventRow,
        read=read_page,
    )

    def variables_of(event: StoredEvent) -> dict[str, Any]:
        return {"event": of_event(event)}

    def matches(_: StoredEvent) -> bool:
        return True

    most_read = local_filter.MOST_EVENTS if is_bounded else None

    def filter_here(_: datetime) -> LocalFilter[StoredEvent[Any]]:
        return LocalFilter(
            matches=matches,
            where=condition,
            values=variables_of,
            argument="where",
            narrowed_by="since and until, or name",
            most_read=most_read,
        )

    async def read_all(
        stored: tuple[StoredEvent[Any], ...],
        deadline: float,  # noqa: ARG001 - it sends no request
    ) -> tuple[StoredEvent[Any], ...]:
        return tuple(map(read, stored))

    convert_all = None if as_ is None else read_all
    make_filter = None if condition is None else filter_here
    return Listing(
        session=session,
        routes=in_order("events.list", by_v1),
        # listEventsV1 silently clamps to 51, and after a shorter page than requested, another
        # request has to find out whether it was the last.
        largest_page=50,
        complete=convert_all,
        is_relative=window.is_relative,
        local_filter=make_filter,
        about=f"events with {_in_words(selection)}",
        kind=StoredEvent,
        **paging,
    )


def _check_names(events: tuple[StoredEvent[Any], ...], name: str) -> None:
    """Reject a page with an event of another name."""
    for event in events:
        if event.name != name:
            raise ValueError(
                f"it lists event {event.internal_id}, named {shown(event.name)}"
            )


def _in_words(selection: EventSelection) -> str:
    filters = selection.to_json()
    words = [f"{name}={shown(value)}" for name, value in filters.items()]
    return ", ".join(words) or "no filter"


def get_route(event_id: str) -> Route[Any, StoredEvent]:
    advice = Advice("Pass the event's internal id, as send returns it.")
    return Route.of(
        v1.get_event_v1,
        event_of_v1,
        event_id,
        about=About(event_id, "internal_id"),
        advice={BadRequestError: advice},
    )


async def get_stored(
    session: Session,
    event_id: str,
    *,
    within: float = 0.0,
    deadline: float = math.inf,
) -> tuple[StoredEvent, datetime | None]:
    """Get an event and the time by the server's clock, which may differ from ours.

    A new event may take seconds to appear: until `within` some, it is asked for again.
    """
    appears_by = min(session.clock.monotonic() + within, deadline)
    pause = FIRST_PAUSE
    while True:
        try:
            return await _get_now(session, event_id, deadline)
        except NotFoundError:
            left = appears_by - session.clock.monotonic()
            if left <= 0:
                raise
        await session.driver.sleep(min(pause, left))
        pause = longer(pause)


def _get_now(
    session: Session, event_id: str, deadline: float
) -> Plan[tuple[StoredEvent, datetime | None]]:

    def with_time(raw: api.V1EventEnvelope) -> tuple[StoredEvent, datetime | None]:
        metadata = fields.optional(raw.metadata)
        time = fields.timestamp(getattr(metadata, "fetched_at", None))
        return event_of_v1(raw.data), time

    checked_id = check_id("event id", event_id, argument="id")
    route: Route[Any, Any] = get_route(checked_id)
    timed = past_cache(session, evolve(route, convert=with_time))
    return ask_first(session, "events.get", timed, deadline=deadline)


async def get(
    session: Session, event_id: str, as_: type[Any] | None = None
) -> StoredEvent[Any]:
    read = _reader(as_)
    checked_id = check_id("event id", event_id, argument="id")
    route = get_route(checked_id)
    event = await ask_first(session, "events.get", route)
    return read(event)


def _reader(as_: type[Any] | None) -> Callable[[StoredEvent], StoredEvent[Any]]:
    """Return the function that reads an event's data as a type, if there is one."""
    if as_ is not None:
        check_kind("as_", as_)

    def read(event: StoredEvent) -> StoredEvent[Any]:
        return event if as_ is None else read_event(event, as_)

    return read


class EventRow(PageRow):
    """The fields of an event of v1 that `StoredEvent` has."""

    internal_id: str
    id: str | None = None
    name: str | None = None
    data: dict[str, Any] | None = None
    ts: int | None = None
    # Self-hosted servers spell it the first way, Inngest Cloud the second (schema V1Event).
    received_at: str | None = None
    receivedAt: str | None = None  # noqa: N815 - the name is generated
    user: dict[str, Any] | None = None
    v: str | None = None


def event_of_v1(raw: api.V1Event) -> StoredEvent:
    return listed_event(row_of(EventRow, raw))


def listed_event(row: EventRow) -> StoredEvent:
    # Read both: an invalid time is an error, even if the other one is valid.
    received_at = moment(row.received_at)
    received_at_in_cloud = moment(row.receivedAt)
    return StoredEvent(
        internal_id=row.internal_id,
        id=row.id or row.internal_id,
        name=row.name or "",
        data=row.data,
        ts=row.ts,
        received_at=received_at or received_at_in_cloud,
        user=row.user,
        v=row.v,
    )

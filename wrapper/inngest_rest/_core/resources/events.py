"""Stored events: list, get."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Unpack

from attrs import evolve, frozen

from inngest_rest._core.arguments import check_id, check_text
from inngest_rest._core.calls import local_filter
from inngest_rest._core.calls.local_filter import LocalFilter
from inngest_rest._core.calls.route import About, Route
from inngest_rest._core.expressions import Expression, of_event
from inngest_rest._core.resources import fields
from inngest_rest._core.resources.routes import (
    ask_first,
    listing_of,
    page_routes,
    past_cache,
)
from inngest_rest._core.resources.rows import Row, moment, row_of
from inngest_rest._core.resources.windows import Instant, Window, to_text
from inngest_rest._visible import shown
from inngest_rest.errors import Advice, BadRequestError
from inngest_rest.event_types import check_kind, read_event
from inngest_rest.models import StoredEvent
from inngest_rest_api.api import v1

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inngest_rest._core.calls.listing import ListedPage, Listing, PageRequest
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest._core.resources.fields import PageData
    from inngest_rest.typing import Paging
    from inngest_rest_api import models as api

BEGINNING = datetime(1980, 1, 1, tzinfo=UTC)
"""Before all events: by default, listEventsV1 begins one hour ago."""

INVOKED = "inngest/function.invoked"
"""The name of the event that invokes a function.

One that batches runs for it at once and, on release 1.43, also in a batch with others of its kind.
"""


@frozen(kw_only=True)
class EventSelection:
    """Which stored events: the filters that a caller passed."""

    name: str | None = None
    since: Instant | None = None
    until: Instant | None = None
    where: str | None = None

    def to_json(self) -> dict[str, str]:
        asked = {
            "name": self.name,
            "since": to_text(self.since),
            "until": to_text(self.until),
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
    name, where = check_text("name", selection.name), selection.where
    condition = None if where is None else Expression("where", where, ("event",))
    read = _reader(as_)
    window = Window.of(session, selection.since, selection.until)

    def read_page(
        page: PageData[StoredEvent], asked: PageRequest
    ) -> ListedPage[StoredEvent[Any]]:
        other = next((each for each in page[1] if name not in (None, each.name)), None)
        if other is not None:
            raise ValueError(
                f"it lists event {other.internal_id}, named {shown(other.name)}"
            )
        return fields.v1_page(page, asked, attrgetter("internal_id"))

    by_v1 = page_routes(
        v1.list_events_v1,
        listed_event,
        query={"name": name},
        window=evolve(
            window, since=window.since or (BEGINNING if window.until else None)
        ),
        ends=("received_after", "received_before"),
        row=EventRow,
        read=read_page,
    )
    asked = [f"{key}={shown(value)}" for key, value in selection.to_json().items()]

    def variables_of(event: StoredEvent) -> dict[str, Any]:
        return {"event": of_event(event)}

    def filter_here() -> LocalFilter[StoredEvent[Any]]:
        return LocalFilter(
            matches=lambda _: True,
            where=condition,
            values=variables_of,
            argument="where",
            narrowed_by="since and until, or name",
            most_read=local_filter.MOST_EVENTS if is_bounded else None,
        )

    def read_all(
        found: tuple[StoredEvent[Any], ...],
        deadline: float,  # noqa: ARG001 - it asks for nothing
    ) -> Plan[tuple[StoredEvent[Any], ...]]:
        yield from ()
        return tuple(map(read, found))

    return listing_of(
        session,
        "events.list",
        by_v1,
        # listEventsV1 silently clamps to 51; behind a shorter page than requested, one has to look.
        largest_page=50,
        complete=None if as_ is None else read_all,
        is_relative=window.is_relative,
        local_filter=None if condition is None else filter_here,
        about=f"events with {', '.join(asked) or 'no filter'}",
        kind=StoredEvent,
        **paging,
    )


def get_route(event_id: str) -> Route[Any, StoredEvent]:
    advice = Advice("Pass the event's internal id, as send returns it.")
    return Route.of(
        v1.get_event_v1,
        event_of_v1,
        event_id,
        about=About(event_id, "internal_id"),
        advice={BadRequestError: advice},
    )


def get_now(
    session: Session, event_id: str, *, deadline: float = math.inf
) -> Plan[tuple[StoredEvent, datetime | None]]:
    """Get one stored event, and the time by the server's clock, which ours may differ from."""

    def at_time(raw: api.V1EventEnvelope) -> tuple[StoredEvent, datetime | None]:
        metadata = fields.optional(raw.metadata)
        return event_of_v1(raw.data), fields.timestamp(
            getattr(metadata, "fetched_at", None)
        )

    route: Route[Any, Any] = get_route(check_id("event id", event_id, argument="id"))
    timed = past_cache(session, evolve(route, convert=at_time))
    return ask_first(session, "events.get", timed, deadline=deadline)


def get(
    session: Session, event_id: str, as_: type[Any] | None
) -> Plan[StoredEvent[Any]]:
    read = _reader(as_)
    route = get_route(check_id("event id", event_id, argument="id"))
    return read((yield from ask_first(session, "events.get", route)))


def _reader(as_: type[Any] | None) -> Callable[[StoredEvent], StoredEvent[Any]]:
    if as_ is None:
        return lambda event: event
    check_kind("as_", as_)
    return lambda event: read_event(event, as_)


def as_stored(event: Mapping[str, Any], internal_id: str = "") -> StoredEvent:
    """Return an event that was not stored as a condition sees it; its `ts` is the server's."""
    ts, fields = event.get("ts"), {it: event.get(it) for it in ("user", "v")}
    fields |= {
        "data": event.get("data") or {},
        "ts": ts if isinstance(ts, int) else None,
    }
    return StoredEvent(
        internal_id, event.get("id") or internal_id, event["name"], **fields
    )


class EventRow(Row):
    """What `StoredEvent` has of an event of v1."""

    internal_id: str
    id: str | None = None
    name: str | None = None
    data: dict[str, Any] | None = None
    ts: int | None = None
    # Self-hosted servers spell it the first way, Inngest Cloud the second (schema V1Event).
    received_at: str | None = None
    receivedAt: str | None = None  # noqa: N815 - as it is generated
    user: dict[str, Any] | None = None
    v: str | None = None


def event_of_v1(raw: api.V1Event) -> StoredEvent:
    return listed_event(row_of(EventRow, raw))


def listed_event(row: EventRow) -> StoredEvent:
    # Both are read: that one of them is no time is an error, whether or not the other is one.
    received_at, received_at_in_cloud = moment(row.received_at), moment(row.receivedAt)
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

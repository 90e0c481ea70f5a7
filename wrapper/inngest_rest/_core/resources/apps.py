"""Plans for apps: list, get."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.arguments import check_id
from inngest_rest._core.calls.families import Cursor, Route, first_present, of_family
from inngest_rest._core.calls.listing import Listing, listing
from inngest_rest._core.calls.operation import perform
from inngest_rest._core.resources import from_v1, from_v2
from inngest_rest._core.resources.absent import given
from inngest_rest.models import App, Page
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan


def list_apps(
    session: Session, *, limit: int | None, page_size: int | None, cursor: str | None
) -> Listing[App]:
    """List apps: v1's are all on one page."""

    def by_v1() -> Plan[Page[App]]:
        operation = v1.list_apps_v1
        answer = yield from perform(
            session, "v1", operation, operation.get_kwargs(), api.V1AppListEnvelope
        )
        return Page(tuple(from_v1.app(each) for each in answer.data), None)

    def by_v2(place: str | None, size: int) -> Plan[Page[App]]:
        operation = v2.list_apps_v2
        kwargs = operation.get_kwargs(limit=size, cursor=place or UNSET)
        answer = yield from perform(session, "v2", operation, kwargs, api.V2AppListEnvelope)
        items = tuple(from_v2.app(each) for each in given(answer.data) or ())
        return Page(items, from_v2.next_cursor(answer.page))

    def fetch(cursor: Cursor | None, size: int) -> Plan[Page[App]]:
        place = cursor.place if cursor else None
        routes = [
            Route("v1", "GET /v1/apps", by_v1),
            Route("v2", "GET /v2/apps", lambda: by_v2(place, size)),
        ]
        return first_present(session, *of_family(routes, cursor))

    return listing(fetch, limit=limit, page_size=page_size, cursor=cursor)


def get(session: Session, app_id: str) -> Plan[App]:
    """Get one app."""
    check_id("app", app_id)

    def by_v2() -> Plan[App]:
        operation = v2.get_app_v2
        kwargs = operation.get_kwargs(app_id)
        answer = yield from perform(session, "v2", operation, kwargs, api.V2AppEnvelope)
        return from_v2.app(answer.data)

    return first_present(session, Route("v2", "GET /v2/apps/{id}", by_v2))

"""Apps: list, get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from inngest_rest._core.arguments import check_id
from inngest_rest._core.calls.listing import ListedPage, Listing, PageRequest, Paging, unpaged
from inngest_rest._core.calls.route import Route
from inngest_rest._core.resources import fields
from inngest_rest._core.resources.routes import ask, in_order, where_absent
from inngest_rest.models import App
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

_ADVICE = where_absent("List the functions of an app by its id instead: {}.", "functions.list")


def list_apps(session: Session, **paging: Unpack[Paging]) -> Listing[App]:
    """List apps: v2 has more details; v1 returns all of them at once."""
    operation = v1.list_apps_v1
    expected = fields.page_of(api.V1AppListEnvelope, api.V1App, app_of_v1)
    by_v1 = unpaged(Route(operation, operation.get_kwargs(), expected, fields.unpaged_items))

    def by_v2(page: PageRequest) -> Route[Any, ListedPage[App]]:
        operation = v2.list_apps_v2
        kwargs = operation.get_kwargs(limit=page.size, cursor=page.cursor)
        expected = fields.page_of(api.V2AppListEnvelope, api.V2App, app_of_v2)
        return Route(operation, kwargs, expected, fields.v2_page, advice=_ADVICE)

    routes = in_order("apps.list", list_apps_v2=by_v2, list_apps_v1=by_v1)
    return Listing(session, *routes, **paging)


def get(session: Session, app_id: str) -> Plan[App]:
    operation = v2.get_app_v2
    kwargs = operation.get_kwargs(check_id("app", app_id))
    route = Route(operation, kwargs, api.V2AppEnvelope, fields.of_data(app_of_v2), advice=_ADVICE)
    return ask(session, "apps.get", route)


def app_of_v1(it: api.V1App) -> App:
    return fields.record(App, it)


def app_of_v2(it: api.V2App) -> App:
    method, sync = fields.optional(it.method), fields.optional(it.latest_sync) or api.V2AppSync()
    return fields.record(
        App,
        it,
        method=None if method is None else str(method).lower(),
        version=fields.optional(it.app_version),
        # proto3 omits fields that are false or zero.
        is_archived=fields.optional(it.is_archived) or False,
        function_count=fields.optional(it.function_count) or 0,
        url=fields.optional(sync.url),
        sdk_language=fields.optional(sync.sdk_language),
        sdk_version=fields.optional(sync.sdk_version),
        framework=fields.optional(sync.framework),
        synced_at=fields.timestamp(sync.synced_at),
        sync_status=fields.optional(sync.status),
        sync_error=fields.optional(sync.error),
    )

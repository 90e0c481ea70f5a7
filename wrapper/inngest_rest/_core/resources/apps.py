"""Apps: list, get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from inngest_rest._core.arguments import check_id
from inngest_rest._core.calls.listing import ListedPage, Listing, Paging, listing, unpaged
from inngest_rest._core.calls.route import Route
from inngest_rest._core.resources.fields import (
    optional,
    page_of,
    required,
    timestamp,
    unpaged_items,
    v2_page,
)
from inngest_rest._core.resources.routes import ask, in_order
from inngest_rest.errors import Advice, NextCall, RouteNotFoundError
from inngest_rest.models import App
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2

if TYPE_CHECKING:
    from typing import Unpack

    from inngest_rest._core.calls.listing import PageRequest
    from inngest_rest._core.calls.route import AdviceByError
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

_LIST_ADVICE: AdviceByError = {
    RouteNotFoundError: Advice(
        "List the functions of an app by its id instead: {}.", (NextCall("functions.list"),)
    )
}


def list_apps(session: Session, **paging: Unpack[Paging]) -> Listing[App]:
    """List apps: v2 has more details; v1 returns all of them at once."""
    by_v1 = Route(
        v1.list_apps_v1,
        v1.list_apps_v1.get_kwargs(),
        page_of(api.V1AppListEnvelope, api.V1App, app_of_v1),
        unpaged_items,
    )

    def by_v2(page: PageRequest) -> Route[Any, ListedPage[App]]:
        operation = v2.list_apps_v2
        kwargs = operation.get_kwargs(limit=page.size, cursor=page.cursor)
        return Route(
            operation,
            kwargs,
            page_of(api.V2AppListEnvelope, api.V2App, app_of_v2),
            v2_page,
            advice=_LIST_ADVICE,
        )

    routes = in_order("apps.list", list_apps_v2=by_v2, list_apps_v1=unpaged(by_v1))
    return listing(session, *routes, **paging)


def get(session: Session, app_id: str) -> Plan[App]:
    """Get one app."""
    operation = v2.get_app_v2
    kwargs = operation.get_kwargs(check_id("app", app_id))
    return ask(
        session,
        "apps.get",
        Route(
            operation,
            kwargs,
            api.V2AppEnvelope,
            lambda it: app_of_v2(it.data),
            advice=_LIST_ADVICE,
        ),
    )


def app_of_v1(it: api.V1App) -> App:
    return App(required(it.id, "id"), optional(it.name))


def app_of_v2(it: api.V2App) -> App:
    sync = optional(it.latest_sync)
    app = App(
        id=required(it.id, "id"),
        name=optional(it.name),
        method=None if (method := optional(it.method)) is None else str(method).lower(),
        version=optional(it.app_version),
        created_at=timestamp(it.created_at),
        archived_at=timestamp(it.archived_at),
        # proto3 omits fields that are false or zero.
        is_archived=optional(it.is_archived) or False,
        function_count=optional(it.function_count) or 0,
    )
    if sync is None:
        return app
    return evolve(
        app,
        url=optional(sync.url),
        sdk_language=optional(sync.sdk_language),
        sdk_version=optional(sync.sdk_version),
        framework=optional(sync.framework),
        synced_at=timestamp(sync.synced_at),
        sync_status=optional(sync.status),
        sync_error=optional(sync.error),
    )

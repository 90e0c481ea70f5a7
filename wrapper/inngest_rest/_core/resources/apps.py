"""Apps: list, get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest._core.arguments import check_id
from inngest_rest._core.calls.listing import ListedPage, Listing, Paging, listing, unpaged
from inngest_rest._core.calls.route import Route
from inngest_rest._core.resources import from_v1, from_v2
from inngest_rest._core.resources.routes import ask, in_order
from inngest_rest.errors import Advice, NextCall, RouteNotFoundError
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2

if TYPE_CHECKING:
    from typing import Unpack

    from inngest_rest._core.calls.listing import PageRequest
    from inngest_rest._core.calls.route import AdviceByError
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import App

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
        api.V1AppListEnvelope,
        lambda it: ListedPage(tuple(map(from_v1.app, it.data))),
    )

    def by_v2(page: PageRequest) -> Route[Any, ListedPage[App]]:
        operation = v2.list_apps_v2
        kwargs = operation.get_kwargs(limit=page.size, cursor=page.cursor)
        return Route(
            operation,
            kwargs,
            api.V2AppListEnvelope,
            lambda it: from_v2.page(it, from_v2.app),
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
            lambda it: from_v2.app(it.data),
            advice=_LIST_ADVICE,
        ),
    )

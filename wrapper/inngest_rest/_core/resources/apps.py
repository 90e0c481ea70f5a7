"""Apps and their functions: list, get, sync, invoke."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from attrs import evolve

from inngest_rest import errors
from inngest_rest._core.calls.alternatives import first_present
from inngest_rest._core.calls.hosts import requestable_url
from inngest_rest._core.calls.listing import (
    ListedPage,
    Listing,
    PageRequest,
)
from inngest_rest._core.calls.route import Route
from inngest_rest._core.plans import FIRST_PAUSE, longer
from inngest_rest._core.resources.fields import (
    optional,
    record,
    required,
    run_id_of,
    timestamp,
)
from inngest_rest._core.resources.routes import (
    ask_first,
    ask_one,
    in_order,
    page_routes,
    where_absent,
)
from inngest_rest._local.arguments import (
    check_id,
    check_json_object,
    check_seconds,
    check_text,
    invalid,
)
from inngest_rest._local.faults import after
from inngest_rest._values.visible import did_you_mean, shown
from inngest_rest.models import App, AppSync, Function, Trigger
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest._core.resources.routes import PageRoutes
    from inngest_rest.typing import Paging, Seconds

_ADVICE = where_absent(
    "List the functions of an app by its id instead: {}.", "functions.list"
)

_REGISTERS_ITSELF = where_absent(
    "An app registers itself at its server on a PUT to the app's own URL: curl -X PUT URL."
)


def list_apps(session: Session, **paging: Unpack[Paging]) -> Listing[App]:
    """List apps: v2 has more details; v1 returns all of them at once."""
    routes = in_order("apps.list", _pages_of_apps())
    return Listing(session=session, routes=routes, **paging)


def _pages_of_apps() -> PageRoutes[App]:
    by_v2 = page_routes(v2.list_apps_v2, app_of_v2, advice=_ADVICE)
    by_v1 = page_routes(v1.list_apps_v1, partial(record, App))
    return by_v2 | by_v1


def get_app(session: Session, app_id: str, *, deadline: float = math.inf) -> Plan[App]:
    return ask_one(
        session,
        "apps.get",
        app_of_v2,
        path={"id": app_id},
        advice=_ADVICE,
        deadline=deadline,
    )


async def check_app(session: Session, app_id: str, deadline: float = math.inf) -> None:
    """Raise NotFoundError, with the nearest id, if there is no such app; not if v1 cannot tell."""
    try:
        await get_app(session, app_id, deadline=deadline)
    except (errors.RouteNotFoundError, errors.ConfigurationError):
        return  # v1 has no route for it
    except errors.NotFoundError as error:
        error.message = f"there is no app {shown(app_id)}"
        # Servers before release 1.40 cannot list apps.
        with suppress(errors.RouteNotFoundError):
            apps = await list_apps(session).read_all(deadline=deadline)
            ids = [app.id for app in apps if not app.is_archived]
            error.message += did_you_mean(app_id, ids)
        raise


async def sync_app(
    session: Session,
    app_id: str,
    url: str,
    wait: Seconds | None,
) -> AppSync:
    """Make the server read the functions of an app at its URL."""
    check_id("app", app_id, argument="id")
    seconds = 0.0 if wait is None else check_seconds("wait", wait)
    if requestable_url(check_text("url", url) or "") is None:
        reason = "must be the http or https URL that serves the app's functions"
        raise invalid("url", reason)
    app_before: App | None = None
    if seconds:
        look_until = session.clock.monotonic() + seconds
        app_before = await _find_app(session, app_id, deadline=look_until)
    sync = await _ask_to_sync(session, app_id, url)
    deadline = session.clock.monotonic() + seconds
    with after("The server was asked to sync the app."):
        return await _wait_for_sync(session, app_id, sync, app_before, deadline)


def _ask_to_sync(session: Session, app_id: str, url: str) -> Plan[AppSync]:
    route = Route.of(
        v2.sync_app_v2,
        _app_sync,
        app_id,
        body=api.V2SyncAppBody(url=url),
        accepted={422: api.V2AppSyncFailure},
        advice=_REGISTERS_ITSELF,
    )
    # Convert the whole response: a failure has no data.
    return ask_first(session, "apps.sync", evolve(route, convert=_app_sync))


async def _wait_for_sync(
    session: Session,
    app_id: str,
    sync: AppSync,
    app_before: App | None,
    deadline: float,
) -> AppSync:
    """Wait until a pending sync is done; until then, the app has the state of the previous one."""
    pause = FIRST_PAUSE
    if sync.status != "pending":
        return sync
    while session.clock.monotonic() + pause < deadline:
        await session.driver.sleep(pause)
        pause = longer(pause)
        try:
            app = await _find_app(session, app_id, deadline=deadline)
        except errors.TransportError:
            if session.clock.monotonic() < deadline:
                raise
            break
        if app and app != app_before and app.sync_status not in (None, "pending"):
            return evolve(sync, status=app.sync_status, error=app.sync_error)
    return sync


async def _find_app(session: Session, app_id: str, *, deadline: float) -> App | None:
    try:
        return await get_app(session, app_id, deadline=deadline)
    except (errors.NotFoundError, errors.RouteNotFoundError):
        # After any other error, the previous sync would look like a new one.
        return None


def _app_sync(response: api.V2AppSyncResultEnvelope | api.V2AppSyncFailure) -> AppSync:
    sync = optional(response.data)
    if sync is None:
        return _failed_sync(response)
    error = optional(sync.error)
    reason: str | None = None
    if error is not None:
        reason = optional(error.message) or optional(error.code)
    return record(AppSync, sync, error=reason)


def _failed_sync(
    response: api.V2AppSyncResultEnvelope | api.V2AppSyncFailure,
) -> AppSync:
    failures: list[api.V2Error] = []
    if isinstance(response, api.V2AppSyncFailure):
        failures = optional(response.errors) or []
    messages = [failure.message for failure in failures]
    return AppSync(status="error", error="; ".join(messages) or None)


def app_of_v2(app: api.V2App) -> App:
    method: str | None = optional(app.method)
    if method is not None:
        method = str(method).lower()
    sync = optional(app.latest_sync) or api.V2AppSync()
    return record(
        App,
        app,
        sync,
        method=method,
        version=optional(app.app_version),
        # proto3 omits fields that are false or zero.
        is_archived=optional(app.is_archived) or False,
        function_count=optional(app.function_count) or 0,
        sync_status=optional(sync.status),
        sync_error=optional(sync.error),
    )


Complete = Callable[[tuple[Function, ...], float], "Plan[tuple[Function, ...]]"]
"""Adds to functions the fields that their listing lacks, by a deadline."""


def list_functions(
    session: Session,
    app_id: str | None,
    complete: Complete | None = None,
    *,
    as_configured: bool = False,
    **paging: Unpack[Paging],
) -> Listing[Function]:
    """List the functions of an app: v2 has more details; v1 returns all of them at once.

    Those `as_configured`, by v1 alone, have all that was configured, of which v2 lacks timeouts.
    """
    if app_id is None:
        return _list_of_all_apps(session, complete, **paging)
    checked_id = check_id("app", app_id)

    def read(functions: list[api.V1Function]) -> ListedPage[Function]:
        converted = [function_of_v1(function, checked_id) for function in functions]
        return ListedPage(tuple(converted))

    def by_v1(_: PageRequest) -> Route[Any, ListedPage[Function]]:
        return Route.of(v1.list_functions_v1, read, checked_id)

    async def checked(
        functions: tuple[Function, ...], deadline: float
    ) -> tuple[Function, ...]:
        if not functions:
            await check_app(session, checked_id, deadline)
        return functions if complete is None else await complete(functions, deadline)

    of_pages: PageRoutes[Function] = {}
    if not as_configured:
        convert = partial(function_of_v2, app_id=checked_id)
        of_pages |= page_routes(v2.list_functions_v2, convert, checked_id)
    of_pages["list_functions_v1"] = by_v1
    routes = in_order("functions.list", of_pages)
    return Listing(session=session, routes=routes, complete=checked, **paging)


# Apps in a page, whose functions are read with a request or more for each.
_MOST_APPS = 20


def _list_of_all_apps(
    session: Session, complete: Complete | None, **paging: Unpack[Paging]
) -> Listing[Function]:
    """List the functions of all apps: a page has the functions of some apps."""
    of_apps: PageRoutes[Any] = {**_pages_of_apps()}
    return Listing(
        session=session,
        routes=in_order("apps.list", of_apps),
        largest_page=_MOST_APPS,
        ask=_functions_of_apps,
        complete=complete,
        about="functions of all apps",
        kind=Function,
        **paging,
    )


async def _functions_of_apps(
    session: Session, *routes: Route[Any, Any], deadline: float
) -> tuple[str, ListedPage[Function]]:
    """Request a page of apps, and return one with their functions in their place."""
    path, page = await first_present(session, *routes, deadline=deadline)
    functions: list[Function] = []
    for app in page.items:
        if app.is_archived:
            continue
        of_app = list_functions(session, app.id)
        with suppress(errors.NotFoundError):  # it was archived meanwhile
            functions += await of_app.read_all(deadline=deadline)
    return path, page._replace(items=tuple(functions))


def get_function(session: Session, app_id: str, function_id: str) -> Plan[Function]:
    how = "List the functions of the app instead: {}."
    return ask_one(
        session,
        "functions.get",
        partial(function_of_v2, app_id=app_id),
        path={"app": app_id, "function": function_id},
        advice=where_absent(how, "functions.list"),
    )


def invoke(
    session: Session,
    app_id: str,
    function_id: str,
    data: Mapping[str, Any] | None,
    idempotency_key: str | None = None,
) -> Plan[str]:
    body = {
        "data": api.JsonObject.from_dict(check_json_object("data", data)),
        "idempotency_key": check_text("idempotency_key", idempotency_key),
    }
    return ask_one(
        session,
        "functions.invoke",
        run_id_of,
        path={"app": app_id, "function": function_id},
        body=body,
        # Not even with a key: a server executes a function again for each repeat (operation
        # invokeFunctionV2), though it responds with a 409 that has the body of a success and the
        # id of the first run (recording v2-invoke-idem2).
        repeatable=False,
        accepted={409: api.V2InvocationEnvelope},
        advice=where_absent(
            "Send an event that triggers the function instead: {}.", "send"
        ),
    )


def function_of_v1(function: api.V1Function, app_id: str) -> Function:
    configuration = function.config.additional_properties
    triggers = configuration.get("triggers") or ()
    archived_at = timestamp(function.archived_at)
    full_id = required(function.id, "id")
    return record(
        Function,
        function,
        # v1 prefixes it with the app's id (operation listFunctionsV1).
        id=full_id.removeprefix(f"{app_id}-"),
        app_id=app_id,
        triggers=tuple(_trigger_of_v1(trigger) for trigger in triggers),
        configuration=dict(configuration),
        is_archived=archived_at is not None,
    )


def _trigger_of_v1(trigger: Mapping[str, Any]) -> Trigger:
    kind = "event" if "event" in trigger else "cron"
    value = str(trigger.get(kind, ""))
    condition = trigger.get("expression")
    if not isinstance(condition, str):
        condition = None
    return Trigger(kind=kind, value=value, condition=condition)


def function_of_v2(function: api.V2Function, app_id: str) -> Function:
    triggers = optional(function.triggers) or ()
    configuration = optional(function.configuration)
    return record(
        Function,
        function,
        app_id=optional(function.app.id) or app_id,
        triggers=tuple(_trigger_of_v2(trigger) for trigger in triggers),
        configuration=None if configuration is None else configuration.to_dict(),
        # proto3 omits fields that are false.
        is_archived=optional(function.is_archived) or False,
        is_paused=optional(function.is_paused) or False,
    )


def _trigger_of_v2(trigger: api.V2Trigger) -> Trigger:
    kind = str(optional(trigger.type_) or "unknown")
    return Trigger(
        kind=kind.lower(),
        value=optional(trigger.value) or "",
        # Self-hosted servers spell it the first way, Inngest Cloud the second (schema V2Trigger).
        condition=optional(trigger.if_) or optional(trigger.condition),
    )

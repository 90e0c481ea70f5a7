"""Apps and their functions: list, get, sync, invoke."""

from __future__ import annotations

import math
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

import httpx
from attrs import evolve

from inngest_rest import errors
from inngest_rest._arguments import invalid
from inngest_rest._core.arguments import check_id, check_json_object, check_seconds, check_text
from inngest_rest._core.calls.listing import ListedPage, Listing, read_all
from inngest_rest._core.calls.route import Route
from inngest_rest._core.plans import FIRST_PAUSE, Call, call, longer, sleep
from inngest_rest._core.resources.fields import optional, record, required, run_id_of, timestamp
from inngest_rest._core.resources.routes import (
    ask_first,
    fetch_one,
    listing_of,
    page_routes,
    where_absent,
)
from inngest_rest._visible import did_you_mean, shown
from inngest_rest.models import App, AppSync, Function, Trigger
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.typing import Paging, Seconds

_ADVICE = where_absent("List the functions of an app by its id instead: {}.", "functions.list")


def list_apps(session: Session, **paging: Unpack[Paging]) -> Listing[App]:
    """List apps: v2 has more details; v1 returns all of them at once."""
    by_v2 = page_routes(v2.list_apps_v2, app_of_v2, advice=_ADVICE)
    by_v1 = page_routes(v1.list_apps_v1, partial(record, App))
    return listing_of(session, "apps.list", by_v2 | by_v1, **paging)


def get_app(session: Session, app_id: str, *, deadline: float = math.inf) -> Plan[App]:
    return fetch_one(session, "apps.get", app_of_v2, id=app_id, advice=_ADVICE, deadline=deadline)


def check_app(session: Session, app_id: str, deadline: float = math.inf) -> Plan[None]:
    """Raise if there is no such app, and name the nearest; where there is no route, it may be."""
    try:
        yield from get_app(session, app_id, deadline=deadline)
    except (errors.RouteNotFoundError, errors.ConfigurationError):  # v1 has none
        return
    except errors.NotFoundError as error:
        error.message = f"there is no app {shown(app_id)}"
        with suppress(errors.RouteNotFoundError):  # before release 1.40, which cannot list apps
            known = yield from read_all(list_apps(session), deadline=deadline)
            ids = [each.id for each in known if not each.is_archived]
            error.message += did_you_mean(app_id, ids)
        raise


def sync_app(session: Session, app_id: str, url: str, wait: Seconds | None) -> Plan[AppSync]:
    """Have the server read an app; where it cannot be told to, have the app register itself."""
    check_id("app", app_id, argument="id")
    seconds = 0.0 if wait is None else check_seconds("wait", wait)
    if not (check_text("url", url) or "").startswith(("http://", "https://")):
        raise invalid("url", "must be the http or https URL at which the app serves its functions")
    route = Route.of(
        v2.sync_app_v2,
        _app_sync,
        app_id,
        accepted={422: api.V2AppSyncFailure},
        body=api.V2SyncAppBody(url=url),
    )
    look_by = session.clock.monotonic() + seconds
    before = (yield from _find_app(session, app_id, deadline=look_by)) if seconds else None
    try:
        sync = yield from ask_first(session, "apps.sync", evolve(route, convert=_app_sync))
    except errors.RouteNotFoundError:
        return (yield from _register(session, app_id, url))
    deadline, pause = session.clock.monotonic() + seconds, FIRST_PAUSE
    while sync.status == "pending" and session.clock.monotonic() + pause < deadline:
        yield from sleep(pause)
        pause = longer(pause)
        try:
            app = yield from _find_app(session, app_id, deadline=deadline)
        except errors.TransportError:
            if session.clock.monotonic() < deadline:
                raise
            break
        # Until the new sync is there, the app shows the last one.
        if app and app != before and app.sync_status not in (None, "pending"):
            sync = evolve(sync, status=app.sync_status, error=app.sync_error)
    return sync


def _find_app(session: Session, app_id: str, *, deadline: float = math.inf) -> Plan[App | None]:
    try:
        return (yield from get_app(session, app_id, deadline=deadline))
    except (errors.NotFoundError, errors.RouteNotFoundError):
        return None  # after any other error, the last sync would look like a new one


def _app_sync(answer: api.V2AppSyncResultEnvelope | api.V2AppSyncFailure) -> AppSync:
    it = optional(answer.data)
    if it is None:
        errors = answer.errors if isinstance(answer, api.V2AppSyncFailure) else UNSET
        messages = [each.message for each in optional(errors) or []]
        return AppSync("error", error="; ".join(messages) or None)
    error = optional(it.error)
    return record(AppSync, it, error=error and (optional(error.message) or optional(error.code)))


def _register(session: Session, app_id: str, url: str) -> Plan[AppSync]:
    """Ask an app itself to register its functions with its server, as every SDK does at a PUT.

    No key goes along: the app has its own.
    """

    def build(seconds: float, trace: object) -> httpx.Request:
        limits = httpx.Timeout(seconds, connect=seconds / 2).as_dict()
        return httpx.Request("PUT", url, extensions={"timeout": limits, "trace": trace})

    def read(response: httpx.Response) -> AppSync:
        if response.is_success:
            return AppSync("success", app_id=app_id)
        text = session.quote(response.text)
        reason = f"the app answered its PUT with {response.status_code}: {text}"
        return AppSync("error", app_id=app_id, error=reason)

    effect = Call(
        host="api",
        method="PUT",
        url=url,
        build=build,
        timeout=session.settings.timeout,
        read=read,
        redact=session.redact,
        max_response_bytes=session.settings.max_response_bytes,
    )
    try:
        return (yield from call(effect))
    except errors.TransportError as error:
        return AppSync("error", app_id=app_id, error=str(error))


def app_of_v2(it: api.V2App) -> App:
    method, sync = optional(it.method), optional(it.latest_sync) or api.V2AppSync()
    return record(
        App,
        it,
        sync,
        method=None if method is None else str(method).lower(),
        version=optional(it.app_version),
        # proto3 omits fields that are false or zero.
        is_archived=optional(it.is_archived) or False,
        function_count=optional(it.function_count) or 0,
        sync_status=optional(sync.status),
        sync_error=optional(sync.error),
    )


def list_functions(session: Session, app_id: str, **paging: Unpack[Paging]) -> Listing[Function]:
    """List the functions of an app: v2 has more details; v1 returns all of them at once."""
    app_id = check_id("app", app_id)

    convert = partial(function_of_v2, app_id=app_id)
    found = page_routes(v2.list_functions_v2, convert, app_id)
    found["list_functions_v1"] = lambda _: _by_v1(app_id)
    check = partial(check_app, session, app_id)
    return listing_of(session, "functions.list", found, if_empty=check, **paging)


def functions_of_v1(
    session: Session, app_id: str, *, deadline: float = math.inf
) -> Plan[tuple[Function, ...]]:
    """Get the functions of an app from v1, which alone has their timeouts."""
    return (
        yield from ask_first(session, "functions.list", _by_v1(app_id), deadline=deadline)
    ).items


def _by_v1(app_id: str) -> Route[Any, ListedPage[Function]]:
    def convert(it: list[api.V1Function]) -> ListedPage[Function]:
        return ListedPage(tuple(function_of_v1(each, app_id) for each in it))

    return Route.of(v1.list_functions_v1, convert, app_id)


def get_function(session: Session, app_id: str, function_id: str) -> Plan[Function]:
    convert = partial(function_of_v2, app_id=app_id)
    advice = where_absent("List the functions of the app instead: {}.", "functions.list")
    return fetch_one(
        session, "functions.get", convert, app=app_id, function=function_id, advice=advice
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
    return fetch_one(
        session,
        "functions.invoke",
        run_id_of,
        # Not with a key, either: a server executes a function again for each repeat (operation
        # invokeFunctionV2), though it responds with a 409 that has the body of a success and the
        # id of the first run (recording v2-invoke-idem2).
        repeatable=False,
        accepted={409: api.V2InvocationEnvelope},
        advice=where_absent("Send an event that triggers the function instead: {}.", "send"),
        app=app_id,
        function=function_id,
        body=body,
    )


def function_of_v1(it: api.V1Function, app_id: str) -> Function:
    config = it.config.additional_properties
    return record(
        Function,
        it,
        # v1 prefixes it with the app's id (operation listFunctionsV1).
        id=required(it.id, "id").removeprefix(f"{app_id}-"),
        app_id=app_id,
        triggers=tuple(map(_trigger_of_v1, config.get("triggers") or ())),
        configuration=dict(config),
        is_archived=timestamp(it.archived_at) is not None,
    )


def _trigger_of_v1(it: Mapping[str, Any]) -> Trigger:
    kind = "event" if "event" in it else "cron"
    condition = it.get("expression")
    return Trigger(kind, str(it.get(kind, "")), condition if isinstance(condition, str) else None)


def function_of_v2(it: api.V2Function, app_id: str) -> Function:
    return record(
        Function,
        it,
        app_id=optional(it.app.id) or app_id,
        triggers=tuple(map(_trigger_of_v2, optional(it.triggers) or ())),
        configuration=None if (found := optional(it.configuration)) is None else found.to_dict(),
        # proto3 omits fields that are false.
        is_archived=optional(it.is_archived) or False,
        is_paused=optional(it.is_paused) or False,
    )


def _trigger_of_v2(it: api.V2Trigger) -> Trigger:
    # Self-hosted servers spell it the first way, Inngest Cloud the second (schema V2Trigger).
    condition = optional(it.if_) or optional(it.condition)
    kind = str(optional(it.type_) or "unknown").lower()
    return Trigger(kind, optional(it.value) or "", condition)

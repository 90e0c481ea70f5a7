"""Apps: list, get, sync."""

from __future__ import annotations

import math
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

import httpx
from attrs import evolve

from inngest_rest import errors
from inngest_rest._core.arguments import check_id, check_seconds, check_text, invalid
from inngest_rest._core.calls.listing import read_all
from inngest_rest._core.calls.route import Route
from inngest_rest._core.plans import FIRST_PAUSE, Call, call, longer, sleep
from inngest_rest._core.resources.fields import optional, record, timestamp
from inngest_rest._core.resources.routes import ask, listed, one, pages, where_absent
from inngest_rest._visible import did_you_mean, shown
from inngest_rest.models import App, AppSync
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from inngest_rest._core.calls.listing import Listing, Paging
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.typing import Seconds

_ADVICE = where_absent("List the functions of an app by its id instead: {}.", "functions.list")


def list_apps(session: Session, **paging: Unpack[Paging]) -> Listing[App]:
    """List apps: v2 has more details; v1 returns all of them at once."""
    by_v2 = pages(v2.list_apps_v2, api.V2App, app_of_v2, advice=_ADVICE)
    by_v1 = pages(v1.list_apps_v1, api.V1App, partial(record, App))
    return listed(session, "apps.list", by_v2 | by_v1, **paging)


def get(session: Session, app_id: str) -> Plan[App]:
    path, form = check_id("app", app_id), api.V2AppEnvelope
    return one(session, "apps.get", v2.get_app_v2, form, app_of_v2, path, advice=_ADVICE)


def check_app(session: Session, app_id: str, deadline: float = math.inf) -> Plan[None]:
    """Raise if there is no such app, and name the nearest; a server without the route may have it.

    Raises:
        NotFoundError: The server has no app of this id.
    """
    try:
        yield from get(session, app_id)
    except (errors.RouteNotFoundError, errors.ConfigurationError):  # v1 has none
        return
    except errors.NotFoundError as error:
        nearest = ""
        with suppress(errors.RouteNotFoundError):  # before release 1.40, which cannot list apps
            known = yield from read_all(list_apps(session), deadline=deadline)
            nearest = did_you_mean(app_id, [each.id for each in known if not each.is_archived])
        raise errors.NotFoundError(
            f"there is no app {shown(app_id)}{nearest}",
            status=404,
            method="GET",
            url=error.url,
        ) from None


def sync_app(session: Session, app_id: str, url: str, *, wait: Seconds | None) -> Plan[AppSync]:
    """Have the server read an app; where it cannot be told to, have the app register itself."""
    check_id("app", app_id, argument="id")
    seconds = 0.0 if wait is None else check_seconds("wait", wait)
    if not (check_text("url", url) or "").startswith(("http://", "https://")):
        raise invalid("url", "must be the http or https URL at which the app serves its functions")
    module = v2.sync_app_v2
    kwargs = module.get_kwargs(app_id, body=api.V2SyncAppBody(url=url))
    failed = {422: api.V2AppSyncFailure}
    form = api.V2AppSyncResultEnvelope
    route = Route[Any, AppSync](module, kwargs, form, _app_sync, accepted=failed)
    before = (yield from _find_app(session, app_id)) if seconds else None
    try:
        sync = yield from ask(session, "apps.sync", route)
    except errors.RouteNotFoundError:
        return (yield from _register(session, app_id, url))
    deadline, pause = session.clock.monotonic() + seconds, FIRST_PAUSE
    while sync.status == "pending" and session.clock.monotonic() + pause < deadline:
        yield from sleep(pause)
        pause = longer(pause)
        app = yield from _find_app(session, app_id)
        # Until the new sync is there, the app shows the last one.
        if app and app != before and app.sync_status not in (None, "pending"):
            sync = evolve(sync, status=app.sync_status, error=app.sync_error)
    return sync


def _find_app(session: Session, app_id: str) -> Plan[App | None]:
    try:
        return (yield from get(session, app_id))
    except (errors.NotFoundError, errors.RouteNotFoundError):
        return None


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
    timeout = session.settings.timeout

    def build(seconds: float) -> httpx.Request:
        limits = httpx.Timeout(seconds, connect=seconds / 2).as_dict()
        return httpx.Request("PUT", url, extensions={"timeout": limits})

    def read(response: httpx.Response) -> AppSync:
        if response.is_success:
            return AppSync("success", app_id=app_id)
        text = session.quote(response.text)
        reason = f"the app answered its PUT with {response.status_code}: {text}"
        return AppSync("error", app_id=app_id, error=reason)

    largest = session.settings.max_response_bytes
    effect = Call("api", "PUT", url, build, timeout, read, session.redact, largest)
    try:
        return (yield from call(effect))
    except errors.TransportError as error:
        return AppSync("error", app_id=app_id, error=str(error))


def app_of_v2(it: api.V2App) -> App:
    method, sync = optional(it.method), optional(it.latest_sync) or api.V2AppSync()
    return record(
        App,
        it,
        method=None if method is None else str(method).lower(),
        version=optional(it.app_version),
        # proto3 omits fields that are false or zero.
        is_archived=optional(it.is_archived) or False,
        function_count=optional(it.function_count) or 0,
        url=optional(sync.url),
        sdk_language=optional(sync.sdk_language),
        sdk_version=optional(sync.sdk_version),
        framework=optional(sync.framework),
        synced_at=timestamp(sync.synced_at),
        sync_status=optional(sync.status),
        sync_error=optional(sync.error),
    )

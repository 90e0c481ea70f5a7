"""Functions: list, get, invoke."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from inngest_rest._core.arguments import check_id, check_json_object, check_text
from inngest_rest._core.calls.listing import ListedPage, Listing, Paging, unpaged
from inngest_rest._core.calls.route import Route
from inngest_rest._core.resources import apps, fields
from inngest_rest._core.resources.routes import ask, listed, one, pages, where_absent
from inngest_rest.models import Function, Trigger
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

# The response to a repeated idempotency key is a 409 with the body of a success and the id of the
# first run (recording v2-invoke-idem2).
_STARTED = {409: api.V2InvocationEnvelope}

_GET_ADVICE = where_absent("List the functions of the app instead: {}.", "functions.list")
_INVOKE_ADVICE = where_absent("Send an event that triggers the function instead: {}.", "send")


def list_functions(session: Session, app_id: str, **paging: Unpack[Paging]) -> Listing[Function]:
    """List the functions of an app: v2 has more details; v1 returns all of them at once."""
    app_id = check_id("app", app_id)

    convert = partial(function_of_v2, app_id=app_id)
    by_v2 = pages(v2.list_functions_v2, api.V2Function, convert, app_id)
    found = {**by_v2, "list_functions_v1": unpaged(_by_v1(app_id))}
    check = partial(apps.check_app, session, app_id)
    return listed(session, "functions.list", found, if_empty=check, **paging)


def ignores_repeated_ids(function: Function) -> bool:
    """Return whether it runs again for a repeated id, which servers check only after these two."""
    known = function.configuration or {}
    return any(known.get(name) for name in ("debounce", "eventsBatch", "batchEvents"))


def of_v1(
    session: Session, app_id: str, *, deadline: float = math.inf
) -> Plan[tuple[Function, ...]]:
    """Get the functions of an app from v1, which alone has their timeouts."""
    part = yield from ask(session, "functions.list", _by_v1(app_id), deadline=deadline)
    return part.items


def _by_v1(app_id: str) -> Route[Any, ListedPage[Function]]:
    def convert(it: list[api.V1Function]) -> ListedPage[Function]:
        return ListedPage(tuple(function_of_v1(each, app_id) for each in it))

    operation = v1.list_functions_v1
    return Route(operation, operation.get_kwargs(app_id), list[api.V1Function], convert)


def get(session: Session, app_id: str, function_id: str) -> Plan[Function]:
    path = check_id("app", app_id), check_id("function", function_id)
    convert, form = partial(function_of_v2, app_id=app_id), api.V2FunctionEnvelope
    module = v2.get_function_v2
    return one(session, "functions.get", module, form, convert, *path, advice=_GET_ADVICE)


def invoke(
    session: Session,
    app_id: str,
    function_id: str,
    data: Mapping[str, Any] | None,
    *,
    idempotency_key: str | None,
) -> Plan[str]:
    """Start a function directly and return its run's id."""
    app_id = check_id("app", app_id)
    function_id = check_id("function", function_id)
    check_text("idempotency_key", idempotency_key)
    operation = v2.invoke_function_v2
    body = api.V2InvokeBody(
        data=api.JsonObject.from_dict(check_json_object("data", data)),
        idempotency_key=idempotency_key or UNSET,
    )
    route = Route(
        operation,
        operation.get_kwargs(app_id, function_id, body=body),
        api.V2InvocationEnvelope,
        lambda it: fields.required(it.data.run_id, "runId"),
        # With a key, too: a server executes a function again for each repeat (operation
        # invokeFunctionV2).
        repeatable=False,
        accepted=_STARTED,
        advice=_INVOKE_ADVICE,
    )
    return ask(session, "functions.invoke", route)


def function_of_v1(it: api.V1Function, app_id: str) -> Function:
    config = it.config.additional_properties
    return fields.record(
        Function,
        it,
        # v1 prefixes it with the app's id (operation listFunctionsV1).
        id=fields.required(it.id, "id").removeprefix(f"{app_id}-"),
        app_id=app_id,
        triggers=tuple(map(_trigger_of_v1, config.get("triggers") or ())),
        configuration=dict(config),
        is_archived=fields.timestamp(it.archived_at) is not None,
    )


def _trigger_of_v1(it: Mapping[str, Any]) -> Trigger:
    kind = "event" if "event" in it else "cron"
    condition = it.get("expression")
    return Trigger(kind, str(it.get(kind, "")), condition if isinstance(condition, str) else None)


def function_of_v2(it: api.V2Function, app_id: str) -> Function:
    return fields.record(
        Function,
        it,
        app_id=fields.optional(it.app.id) or app_id,
        triggers=tuple(map(_trigger_of_v2, fields.optional(it.triggers) or ())),
        configuration=None
        if (found := fields.optional(it.configuration)) is None
        else found.to_dict(),
        # proto3 omits fields that are false.
        is_archived=fields.optional(it.is_archived) or False,
        is_paused=fields.optional(it.is_paused) or False,
    )


def _trigger_of_v2(it: api.V2Trigger) -> Trigger:
    # Self-hosted servers spell it the first way, Inngest Cloud the second (schema V2Trigger).
    condition = fields.optional(it.if_) or fields.optional(it.condition)
    kind = str(fields.optional(it.type_) or "unknown").lower()
    return Trigger(kind, fields.optional(it.value) or "", condition)

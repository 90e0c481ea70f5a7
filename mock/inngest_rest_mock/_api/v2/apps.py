"""v2: apps, functions and invocations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import unquote

from inngest_rest_mock._api.v2.input import InputError, invalid_field
from inngest_rest_mock._api.v2.shapes import v2_app, v2_data, v2_function
from inngest_rest_mock._state.ids import parse_uuid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest_mock._api.call import Call
    from inngest_rest_mock._carriers.exchange import Response
    from inngest_rest_mock._state.catalogue import Function


class _Listed(Protocol):
    @property
    def internal_id(self) -> str: ...


T = TypeVar("T", bound=_Listed)

_REFUSALS = {
    "rate_limited": (
        "rate_limited",
        "Function execution rate limit exceeded. Please try again later.",
    ),
    "debounced": ("function_debounced", "Function invocation was debounced."),
    "skipped": (
        "function_skipped",
        "Function invocation was skipped because the function is paused or draining.",
    ),
}


def _page(call: Call, items: Iterable[T]) -> tuple[list[T], dict[str, Any]]:
    limit = call.query.limit
    rest = list(items)
    if call.query.text("cursor"):
        cursor = parse_uuid(call.query.text("cursor"))
        if cursor is None:
            raise invalid_field("Cursor is invalid")
        rest = _after(rest, cursor)
    page: dict[str, Any] = {"limit": limit}
    if len(rest) > limit:
        page |= {"cursor": rest[limit - 1].internal_id, "hasMore": True}
    return rest[:limit], page


def _after(items: list[T], cursor: str) -> list[T]:
    for index, item in enumerate(items):
        if item.internal_id == cursor:
            return items[index + 1 :]
    return []


def list_apps_v2(call: Call) -> Response:
    """List the apps, in order of registration; the mock archives none."""
    apps = () if call.query.flag("archived") else call.store.catalogue.apps.values()
    shown, page = _page(call, apps)
    return v2_data([v2_app(app) for app in shown], call.now, page=page)


def get_app_v2(call: Call) -> Response:
    """Return one app."""
    (app_id,) = _decoded(call)
    app = call.store.catalogue.apps.get(app_id)
    if app is None:
        raise InputError("App not found", "not_found", 404)
    return v2_data(v2_app(app), call.now)


def list_functions_v2(call: Call) -> Response:
    """List the functions of an app; an unknown app has none."""
    (app_id,) = _decoded(call)
    app = call.store.catalogue.apps.get(app_id)
    shown, page = _page(call, () if app is None else app.functions.values())
    return v2_data([v2_function(function) for function in shown], call.now, page=page)


def _find(call: Call) -> Function:
    function = call.store.catalogue.find(*_decoded(call))
    if function is None:
        raise InputError("Function not found", "not_found", 404)
    return function


def get_function_v2(call: Call) -> Response:
    """Return one function, by its bare id or its full slug."""
    return v2_data(v2_function(_find(call)), call.now)


def invoke_function_v2(call: Call) -> Response:
    """Run a function; a repeated `idempotencyKey` is a 409 with the first run's id.

    Flow control that stops it is a 422 (recordings v2-invoke-debounced, v2-invoke-ratelimited).
    """
    function = _find(call)
    marker = {"fn_id": function.internal_id, "type": "api"}
    data = {**call.body["data"], "_inngest": marker}
    admitted = call.store.invoke_directly(
        function, data, call.body.get("idempotencyKey"), call.now
    )
    refusal = _REFUSALS.get(admitted.verdict)
    if refusal is not None:
        raise InputError(refusal[1], refusal[0], 422)
    status = 409 if admitted.verdict == "repeated" else 200
    return v2_data({"runId": admitted.run_id}, call.now, status=status)


def _decoded(call: Call) -> tuple[str, ...]:
    # The server's handlers of apps and functions decode once more than its router.
    return tuple(unquote(value) for value in call.params)

"""Plans for functions: list, get, invoke."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from inngest_rest._core.arguments import check_id, check_json_object, check_text
from inngest_rest._core.calls.families import Cursor, Route, first_present, of_family
from inngest_rest._core.calls.listing import Listing, listing
from inngest_rest._core.calls.operation import perform
from inngest_rest._core.resources import from_v1, from_v2
from inngest_rest._core.resources.absent import given
from inngest_rest.models import Function, Page
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

# A repeated idempotency key is answered 409 with the success body and the first run's id
# [facts.md 5].
_STARTED = frozenset({200, 409})


def list_functions(
    session: Session, app_id: str, *, limit: int | None, page_size: int | None, cursor: str | None
) -> Listing[Function]:
    """List the functions of an app: v2, which tells more; v1's are all on one page."""
    check_id("app", app_id)

    def by_v2(place: str | None, size: int) -> Plan[Page[Function]]:
        operation = v2.list_functions_v2
        kwargs = operation.get_kwargs(app_id, limit=size, cursor=place or UNSET)
        answer = yield from perform(session, "v2", operation, kwargs, api.V2FunctionListEnvelope)
        items = tuple(from_v2.function(each) for each in given(answer.data) or ())
        return Page(items, from_v2.next_cursor(answer.page))

    def by_v1() -> Plan[Page[Function]]:
        operation = v1.list_functions_v1
        kwargs = operation.get_kwargs(app_id)
        expected = cast("type[list[api.V1Function]]", list)
        answer = yield from perform(session, "v1", operation, kwargs, expected)
        return Page(tuple(from_v1.function(each, app_id) for each in answer), None)

    def fetch(cursor: Cursor | None, size: int) -> Plan[Page[Function]]:
        place = cursor.place if cursor else None
        routes = [
            Route("v2", "GET /v2/apps/{id}/functions", lambda: by_v2(place, size)),
            Route("v1", "GET /v1/apps/{id}/functions", by_v1),
        ]
        return first_present(session, *of_family(routes, cursor))

    return listing(fetch, limit=limit, page_size=page_size, cursor=cursor)


def get(session: Session, app_id: str, function_id: str) -> Plan[Function]:
    """Get one function."""
    check_id("app", app_id)
    check_id("function", function_id)

    def by_v2() -> Plan[Function]:
        operation = v2.get_function_v2
        kwargs = operation.get_kwargs(app_id, function_id)
        answer = yield from perform(session, "v2", operation, kwargs, api.V2FunctionEnvelope)
        return from_v2.function(answer.data)

    return first_present(session, Route("v2", "GET /v2/apps/{id}/functions/{id}", by_v2))


def invoke(
    session: Session,
    app_id: str,
    function_id: str,
    data: Mapping[str, Any] | None,
    *,
    idempotency_key: str | None,
) -> Plan[str]:
    """Start a function directly and return its run's id; repeatable only with a key."""
    check_id("app", app_id)
    check_id("function", function_id)
    check_text("idempotency_key", idempotency_key)
    body = api.V2InvokeBody(
        data=api.JsonObject.from_dict(check_json_object("data", data)),
        idempotency_key=idempotency_key or UNSET,
    )

    def by_v2() -> Plan[str]:
        operation = v2.invoke_function_v2
        kwargs = operation.get_kwargs(app_id, function_id, body=body)
        answer = yield from perform(
            session,
            "v2",
            operation,
            kwargs,
            api.V2RunIdEnvelope,
            repeatable=idempotency_key is not None,
            accepted=_STARTED,
        )
        return answer.data.run_id

    return first_present(session, Route("v2", "POST /v2/apps/{id}/functions/{id}/invoke", by_v2))

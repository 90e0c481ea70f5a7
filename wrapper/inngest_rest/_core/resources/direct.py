"""Any operation of the generated client, or any path, by the keys and the rules of every call."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast, get_args
from urllib.parse import unquote

import httpx

from inngest_rest._core.arguments import check_json, check_json_object, check_text, invalid
from inngest_rest._core.calls.answers import raw_response
from inngest_rest._core.calls.operation import first_present, perform, redacted_url
from inngest_rest._core.calls.route import NoModule, Route
from inngest_rest.typing import REPEATABLE_METHODS, Method
from inngest_rest_api.api import Operation, Tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest._core.calls.route import GeneratedOperation
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.responses import RawResponse

P = ParamSpec("P")
T = TypeVar("T")

# Only below these is it known which key is accepted; another event key would be shown by errors.
_PATH = re.compile(r"/(?:(v[12])/[^\x00-\x20\x7f\\?#\ud800-\udfff]+|health|dev|e/\{event_key\})")


def call(
    session: Session, operation: GeneratedOperation[P, T], *args: P.args, **kwargs: P.kwargs
) -> Plan[T]:
    """Perform an operation of the generated client, and return what its module reads."""
    if not hasattr(operation, "OPERATION"):
        raise invalid("operation", "must be a module of the generated client, as v2.get_run_v2 is")
    request = operation.get_kwargs(*args, **kwargs)
    if operation.OPERATION.tag != "ingest":  # there the client's own event key is sent
        _api_of(request["url"])

    def read(response: httpx.Response) -> T:
        # A model shows all that it was read from.
        masked = session.redact(response.content.decode("latin-1")).encode("latin-1")
        known = httpx.Response(response.status_code, content=masked)
        return operation.parse_response(known, strict=False)

    is_repeatable = operation.OPERATION.method in REPEATABLE_METHODS
    route = Route(operation, request, httpx.Response, read, repeatable=is_repeatable)
    return _perform(session, route)


def request(
    session: Session, method: Method, path: str, *, query: Mapping[str, Any] | None, body: Any
) -> Plan[RawResponse]:
    """Request a path, and return the response."""
    if method not in get_args(Method):
        raise invalid("method", f"must be one of {', '.join(get_args(Method))}")
    path, _, inline = (check_text("path", path) or "").partition("?")
    module = NoModule(Operation(_api_of(path), f"{method} {path}", method, path))
    given = check_json_object("query", query)
    params = {name: value for name, value in given.items() if value is not None}
    kwargs = {
        "url": path,
        "params": httpx.QueryParams(inline).merge(params),
        "json": check_json("body", body),
    }
    route = Route[httpx.Response, httpx.Response](
        module, kwargs, httpx.Response, lambda it: it, repeatable=method in REPEATABLE_METHODS
    )
    response = yield from _perform(session, route)
    return raw_response(session, route, response, redacted_url(session, route))


def _perform(session: Session, route: Route[Any, T]) -> Plan[T]:
    return (perform if route.host == "event" else first_present)(session, route)


def _api_of(path: str) -> Tag:
    """Return the API of a path; reject one that may lead elsewhere: v2 decodes escaped slashes."""
    found = _PATH.fullmatch(path)
    if found is None or {"", ".", ".."} & {*re.split(r"[/\\]", unquote(path))[1:]}:
        raise invalid(
            "path",
            "must be below /v1/ or /v2/, without a host and without an empty part, . or .., or be "
            "/health, /dev or /e/{event_key}, in which the client puts its event key",
        )
    return cast("Tag", found[1] or "ingest")

"""The operations that serve each method of the client, in the order in which they are tried.

The document states them (`x-call`): v2 comes first wherever it can, as no server was seen to
list or replay runs, or to list apps, by v1. Plans take the order from here, and so do the
diagnosis, the documentation and the tests.
"""

from __future__ import annotations

import math
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack, cast, get_args
from urllib.parse import parse_qs, unquote

from attrs import evolve

from inngest_rest._arguments import check_json, invalid
from inngest_rest._core.arguments import check_id, check_json_object, check_text
from inngest_rest._core.calls.answers import raw_response
from inngest_rest._core.calls.listing import ListedPage, Listing, PageRequest
from inngest_rest._core.calls.operation import first_present, perform, redacted_url
from inngest_rest._core.calls.route import Route, nothing
from inngest_rest._core.messages import Response
from inngest_rest._core.resources import fields
from inngest_rest._core.resources.rows import PageForm, Row
from inngest_rest.errors import Advice, NextCall, RouteNotFoundError
from inngest_rest.typing import REPEATABLE_METHODS, Method
from inngest_rest_api.api import OPERATIONS, Operation, Tag, ingest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inngest_rest._core.calls.route import (
        AdviceByError,
        GeneratedOperation,
        RouteOptions,
    )
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest._core.resources.fields import PageData
    from inngest_rest._core.resources.windows import Window
    from inngest_rest.responses import RawResponse
    from inngest_rest.typing import Paging

    PageRoutes = dict[str, Callable[[PageRequest], Route[Any, ListedPage["T"]]]]

P = ParamSpec("P")
T = TypeVar("T")


_METRICS = "/metrics"


def _operations_by_call() -> Mapping[str, tuple[Operation, ...]]:
    placed: dict[str, list[tuple[int, Operation]]] = {}
    for operation in OPERATIONS:
        for call, place in operation.calls:
            placed.setdefault(call, []).append((place, operation))
    return {
        call: tuple(each for _, each in sorted(placed[call])) for call in sorted(placed)
    }


ROUTES = _operations_by_call()
"""The operations of each method that has its own: equivalent ones, in order of preference."""


def ask_first(
    session: Session, call: str, *routes: Route[Any, T], deadline: float = math.inf
) -> Plan[T]:
    """Perform the first of a method's routes that this server has, in the order of `ROUTES`."""
    ordered = sorted(routes, key=lambda route: ROUTES[call].index(route.operation))
    return first_present(session, *ordered, deadline=deadline)


def fetch_one(
    session: Session,
    call: str,
    convert: Callable[[Any], T],
    *,
    path: Mapping[str, str] | None = None,
    query: Mapping[str, Any] | None = None,
    body: Any = None,
    deadline: float = math.inf,
    **options: Unpack[RouteOptions],
) -> Plan[T]:
    """Ask for one thing by the only operation of a call, and convert its data.

    The ids in the path have the names that the method gives them, and stand in the path's order.
    """
    (operation,) = ROUTES[call]
    ids = _checked(path)
    module = module_of(operation)
    route = Route.of(module, convert, *ids, query=query, body=body, **options)
    return first_present(session, route, deadline=deadline)


def list_all(
    session: Session,
    call: str,
    convert: Callable[[Any], T],
    paging: Paging,
    *,
    path: Mapping[str, str] | None = None,
    query: Mapping[str, Any] | None = None,
    window: Window | None = None,
    only: str = "",
    **options: Unpack[RouteOptions],
) -> Listing[T]:
    """List what each operation of a call returns in pages or at once, and convert each item.

    The ids in the path are as `fetch_one` takes them; `only` is a part of the names of the
    operations that are asked, if not all are.
    """
    ids = _checked(path)
    of_pages: PageRoutes[T] = {}
    for operation in ROUTES[call]:
        if only in operation.name:
            module = module_of(operation)
            of_pages |= page_routes(
                module, convert, *ids, query=query, window=window, **options
            )
    is_relative = window is not None and window.is_relative
    return listing_of(session, call, of_pages, is_relative=is_relative, **paging)


def _checked(path: Mapping[str, str] | None) -> list[str]:
    return [check_id(name, id) for name, id in (path or {}).items()]


def module_of(operation: Operation) -> Any:
    """Return the generated module of an operation."""
    return import_module(f"inngest_rest_api.api.{operation.tag}.{operation.name}")


def page_routes(
    module: Any,
    convert: Callable[[Any], T],
    *path: str,
    query: Mapping[str, Any] | None = None,
    read: Callable[[PageData[T], PageRequest], ListedPage[T]] = fields.v2_page,
    window: Window | None = None,
    ends: tuple[str, str] = ("from_", "until"),
    is_ascending: bool = False,
    row: type[Row] | None = None,
    **options: Unpack[RouteOptions],
) -> PageRoutes[T]:
    """Return the routes to the pages of a listing, by the operation.

    To the query are added the place and size of the page, and the window's ends, by these names.
    What converts an item takes its model or, if the kind of it is named, its row.
    """
    expected = PageForm(module, convert, row)
    is_paged = "cursor" in (module.get_kwargs.__kwdefaults__ or ())

    def route(page: PageRequest) -> Route[Any, ListedPage[T]]:
        query_of_page = dict(query or {})
        if is_paged:
            query_of_page |= {"limit": page.size, "cursor": page.cursor}
        if window is not None:
            left = window
            if page.place is not None:
                left = window.behind(page.place, page.now, is_ascending=is_ascending)
            query_of_page |= zip(ends, left.at(page.now), strict=True)
        return Route.of(
            module,
            lambda data: read(data, page),
            *path,
            query=query_of_page,
            expected=expected,
            is_page=is_paged,
            **options,
        )

    return {module.OPERATION.name: route}


def listing_of(
    session: Session, call: str, of_pages: PageRoutes[T], **options: Any
) -> Listing[T]:
    """Return the listing by the routes of a call, in the order of `ROUTES`."""
    ordered = (of_pages[each.name] for each in ROUTES[call] if each.name in of_pages)
    return Listing(session, *ordered, call=call, **options)


def where_absent(text: str, *calls: str) -> AdviceByError:
    """Return what to do instead where a server lacks a route."""
    return {RouteNotFoundError: Advice(text, tuple(map(NextCall, calls)))}


def past_cache(session: Session, route: Route[Any, T]) -> Route[Any, T]:
    """Return a route past v1's cache, which takes an unknown parameter for another request.

    Its entries live for 3 to 15 seconds.
    """
    params = {**route.kwargs.get("params", {}), "_": int(session.clock.now() * 1_000)}
    return evolve(route, kwargs={**route.kwargs, "params": params})


def check_health(session: Session, *, deadline: float = math.inf) -> Plan[None]:
    return perform(session, Route.of(ingest.get_health, nothing), deadline=deadline)


def call_directly(
    session: Session,
    operation: GeneratedOperation[P, T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> Plan[T]:
    """Perform an operation of the generated client, and return what its module reads."""
    if not hasattr(operation, "OPERATION"):
        raise invalid(
            "operation", "must be a module of the generated client, as v2.get_run_v2 is"
        )
    import httpx  # noqa: PLC0415 - whose responses the generated client reads

    request = operation.get_kwargs(*args, **kwargs)
    if operation.OPERATION.tag != "ingest":  # there the client's own event key is sent
        _api_of(request["url"])

    def read(response: Response) -> T:
        # A model shows all that it was read from.
        masked = session.redact_bytes(response.content)
        known = httpx.Response(response.status_code, content=masked)
        return operation.parse_response(known, strict=False)

    is_repeatable = operation.OPERATION.method in REPEATABLE_METHODS
    route = Route(
        operation.OPERATION, request, (Response,), read, repeatable=is_repeatable
    )
    # Events are sent by the operation that was named, even where `send` would take the other one.
    return (perform if route.host == "event" else first_present)(session, route)


def request_directly(
    session: Session,
    method: Method,
    path: str,
    *,
    query: Mapping[str, Any] | None,
    body: Any,
) -> Plan[RawResponse]:
    if method not in get_args(Method):
        raise invalid("method", f"must be one of {', '.join(get_args(Method))}")
    path, _, inline = (check_text("path", path) or "").partition("?")
    operation = Operation(_api_of(path), f"{method} {path}", method, path)
    given = check_json_object("query", query)
    params = {name: value for name, value in given.items() if value is not None}
    kwargs = {
        "url": path,
        "params": {**parse_qs(inline, keep_blank_values=True), **params},
        "json": check_json("body", body),
    }
    route = Route[Response, Response](
        operation,
        kwargs,
        (Response,),
        lambda it: it,
        repeatable=method in REPEATABLE_METHODS,
        needs_key=path != _METRICS,
    )
    response = yield from first_present(session, route)
    return raw_response(session, route, response, redacted_url(session, route))


def _api_of(path: str) -> Tag:
    """Return the API of a path; reject one that may lead elsewhere: v2 decodes escaped slashes."""
    # Only below these is it known which key is accepted; errors would show another event key.
    below = r"/(?:(v[12])/[^\x00-\x20\x7f\\?#\ud800-\udfff]+|health|dev|metrics|e/\{event_key\})"
    found = re.fullmatch(below, path)
    if found is None or {"", ".", ".."} & {*re.split(r"[/\\]", unquote(path))[1:]}:
        raise invalid(
            "path",
            "must be below /v1/ or /v2/, without a host and without an empty part, . or .., or be "
            "/health, /dev, /metrics or /e/{event_key}, in which the client puts its event key",
        )
    if path == _METRICS:
        return "v1"  # before release 1.19, a server needs the signing key for it
    return cast("Tag", found[1] or "ingest")

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

from inngest_rest._core.calls.alternatives import first_present
from inngest_rest._core.calls.listing import ListedPage, Listing, PageRequest
from inngest_rest._core.calls.operation import perform, redacted_url
from inngest_rest._core.calls.recording import raw_response
from inngest_rest._core.calls.route import Route, WholeResponse, no_result
from inngest_rest._core.resources import fields
from inngest_rest._core.resources.rows import PageReader, PageRow
from inngest_rest._local.arguments import (
    check_id,
    check_json,
    check_json_object,
    check_text,
    invalid,
)
from inngest_rest.errors import Advice, NextCall, RouteNotFoundError
from inngest_rest.typing import REPEATABLE_METHODS, Method
from inngest_rest_api.api import OPERATIONS, Operation, Tag, ingest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

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
    ranked: dict[str, list[tuple[int, Operation]]] = {}
    for operation in OPERATIONS:
        for call, rank in operation.calls:
            ranked.setdefault(call, []).append((rank, operation))
    operations: dict[str, tuple[Operation, ...]] = {}
    for call in sorted(ranked):
        in_order = sorted(ranked[call])
        operations[call] = tuple(operation for _, operation in in_order)
    return operations


ROUTES = _operations_by_call()
"""The operations of each method that has its own: equivalent ones, in order of preference."""


def ask_first(
    session: Session,
    call: str,
    *routes: Route[Any, T],
    deadline: float = math.inf,
) -> Plan[T]:
    """Perform the first of a method's routes that this server has, in the order of `ROUTES`."""

    def rank(route: Route[Any, T]) -> int:
        return ROUTES[call].index(route.operation)

    ordered = sorted(routes, key=rank)
    return first_present(session, *ordered, deadline=deadline)


def ask_one(
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
    """Perform the only operation of a call, and convert the data of its response.

    The ids in the path have the names of the method's arguments, in the order of the path.
    """
    (operation,) = ROUTES[call]
    ids = _checked(path)
    module = module_of(operation)
    route = Route.of(
        module,
        convert,
        *ids,
        query=query,
        body=body,
        **options,
    )
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
    """List the items of a call's operations, in pages or all at once, and convert each item.

    The ids in the path are those of `ask_one`; `only` limits the operations to those with this
    text in their names.
    """
    ids = _checked(path)
    of_pages: PageRoutes[T] = {}
    for operation in ROUTES[call]:
        if only in operation.name:
            module = module_of(operation)
            of_pages |= page_routes(
                module,
                convert,
                *ids,
                query=query,
                window=window,
                **options,
            )
    is_relative = window is not None and window.is_relative
    routes = in_order(call, of_pages)
    return Listing(session=session, routes=routes, is_relative=is_relative, **paging)


def _checked(path: Mapping[str, str] | None) -> list[str]:
    return [check_id(name, value) for name, value in (path or {}).items()]


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
    row: type[PageRow] | None = None,
    **options: Unpack[RouteOptions],
) -> PageRoutes[T]:
    """Return the routes to the pages of a listing, by operation.

    Args:
        module: The generated module of the operation.
        convert: Return the result of an item, from its row if `row` is given, else its model.
        *path: The ids in the path.
        query: Query parameters; limit and cursor of each page are added.
        read: Return the items of a response and the cursor of the next.
        window: The window of the listing, which becomes two query parameters.
        ends: The names of these two.
        is_ascending: The listing begins with the oldest item.
        row: The class of an item's fields, if they are read straight from the JSON.
        **options: The properties of the operation.
    """
    expected = PageReader(module, convert, row)
    is_paged = "cursor" in (module.get_kwargs.__kwdefaults__ or ())

    def route(page: PageRequest) -> Route[Any, ListedPage[T]]:
        def read_page(data: PageData[T]) -> ListedPage[T]:
            return read(data, page)

        query_of_page = dict(query or {})
        if is_paged:
            query_of_page["limit"] = page.size
            query_of_page["cursor"] = page.cursor
        if window is not None:
            rest = window
            if page.place is not None:
                rest = window.behind(page.place, page.now, is_ascending=is_ascending)
            since_name, until_name = ends
            since, until = rest.at(page.now)
            query_of_page[since_name] = since
            query_of_page[until_name] = until
        return Route.of(
            module,
            read_page,
            *path,
            query=query_of_page,
            expected=expected,
            **options,
        )

    return {module.OPERATION.name: route}


def in_order(
    call: str, of_pages: PageRoutes[T]
) -> list[Callable[[PageRequest], Route[Any, ListedPage[T]]]]:
    """Return the routes to the pages of a call, in the order of `ROUTES`."""
    names = [operation.name for operation in ROUTES[call]]
    return [of_pages[name] for name in names if name in of_pages]


def where_absent(text: str, *calls: str) -> AdviceByError:
    """Return the alternatives to a route that a server lacks."""
    next_calls = tuple(NextCall(call) for call in calls)
    return {RouteNotFoundError: Advice(text, next_calls)}


def past_cache(session: Session, route: Route[Any, T]) -> Route[Any, T]:
    """Return a route that bypasses v1's cache: an unknown parameter makes it another request.

    The entries of the cache live for 3 to 15 seconds.
    """
    milliseconds = int(session.clock.now() * 1_000)
    params = {**route.kwargs.get("params", {}), "_": milliseconds}
    return evolve(route, kwargs={**route.kwargs, "params": params})


def check_health(session: Session, *, deadline: float = math.inf) -> Plan[None]:
    route = Route.of(ingest.get_health, no_result)
    return perform(session, route, deadline=deadline)


def call_directly(
    session: Session,
    operation: GeneratedOperation[P, T],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> Plan[T]:
    """Perform an operation of the generated client, and return its module's result."""
    if not hasattr(operation, "OPERATION"):
        raise invalid(
            "operation", "must be a module of the generated client, as v2.get_run_v2 is"
        )
    request = operation.get_kwargs(*args, **kwargs)
    # The ingest API gets the client's own event key, whatever its path.
    if operation.OPERATION.tag != "ingest":
        _api_of(request["url"])

    import httpx  # noqa: PLC0415 - which takes longer to import than the table of calls

    def read(response: httpx.Response) -> T:
        # The repr of a model shows the whole response.
        masked = session.redact_bytes(response.content)
        masked_response = httpx.Response(response.status_code, content=masked)
        return operation.parse_response(masked_response, strict=False)

    route: Route[Any, T] = Route(
        operation=operation.OPERATION,
        kwargs=request,
        forms=(WholeResponse,),
        convert=read,
        repeatable=operation.OPERATION.method in REPEATABLE_METHODS,
    )
    if route.host == "event":
        # Events are sent by the named operation, even if `send` would use the other one.
        return perform(session, route)
    return first_present(session, route)


async def request_directly(
    session: Session,
    method: Method,
    path: str,
    *,
    query: Mapping[str, Any] | None,
    body: Any,
) -> RawResponse:
    if method not in get_args(Method):
        raise invalid("method", f"must be one of {', '.join(get_args(Method))}")
    checked_path = check_text("path", path) or ""
    path, _, inline_query = checked_path.partition("?")
    operation = Operation(
        tag=_api_of(path),
        name=f"{method} {path}",
        method=method,
        path=path,
    )
    inline_params = parse_qs(inline_query, keep_blank_values=True)
    given = check_json_object("query", query)
    params = {name: value for name, value in given.items() if value is not None}
    kwargs = {
        "url": path,
        "params": {**inline_params, **params},
        "json": check_json("body", body),
    }

    def unchanged(response: httpx.Response) -> httpx.Response:
        return response

    route: Route[Any, httpx.Response] = Route(
        operation=operation,
        kwargs=kwargs,
        forms=(WholeResponse,),
        convert=unchanged,
        repeatable=method in REPEATABLE_METHODS,
        needs_key=path != _METRICS,
    )
    response = await first_present(session, route)
    url = redacted_url(session, route)
    return raw_response(session, route, response, url)


def _api_of(path: str) -> Tag:
    """Return the API of a path; reject one that may lead elsewhere: v2 decodes escaped slashes."""
    # The paths whose key is known; errors would show an event key in any other.
    known = r"/(?:(v[12])/[^\x00-\x20\x7f\\?#\ud800-\udfff]+|health|dev|metrics|e/\{event_key\})"
    match = re.fullmatch(known, path)
    _, *segments = re.split(r"[/\\]", unquote(path))
    if match is None or not {"", ".", ".."}.isdisjoint(segments):
        raise invalid(
            "path",
            "must be below /v1/ or /v2/, without a host and without an empty part, . or .., or be "
            "/health, /dev, /metrics or /e/{event_key}, in which the client puts its event key",
        )
    if path == _METRICS:
        return "v1"  # it is of the same host
    return cast("Tag", match[1] or "ingest")

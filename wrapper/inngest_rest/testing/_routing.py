"""From method and path to a handler; each family answers a miss in its own way (facts.md 0)."""

import re
from collections.abc import Iterable
from html import escape

import attrs

from inngest_rest_api.api import OPERATIONS

from . import _ingest, _v1_reads, _v1_resources, _v2_apps, _v2_runs
from ._call import Handler
from ._guards import ResponseCache, v1_guard, v2_guard
from ._http import NOT_FOUND, TEXT, Request, Response
from ._v2_shapes import v2_error

HANDLERS = {
    **_ingest.HANDLERS,
    **_v1_reads.HANDLERS,
    **_v1_resources.HANDLERS,
    **_v2_runs.HANDLERS,
    **_v2_apps.HANDLERS,
}

UNDOCUMENTED = {
    "POST /invoke/{}": "invoke",
    "GET /dev": "get_dev_info",
    "POST /v2/events": "send_event_v2",
}
"""Routes that the server has and our document leaves out, by the name given to them here."""

ASKED_FOR = frozenset(
    {
        "GET /v1/runs",
        "GET /v1/apps",
        "POST /v1/runs/{}/replay",
        "GET /v1/webhooks",
        "POST /v1/webhooks",
        "GET /v1/webhooks/{}",
        "PUT /v1/webhooks/{}",
        "DELETE /v1/webhooks/{}",
    }
)
"""Routes of v1 that no server of today has (design.md 2)."""

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_METHODS = frozenset(
    ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "QUERY")
)
"""The methods that the server's router (chi) has heard of; any other is 405 on every path."""

_BAD_REQUEST = Response(400, (("Content-Type", TEXT), ("Connection", "close")), b"400 Bad Request")


def _signature(method: str, path: str) -> str:
    return f"{method} {re.sub(r'{[^}]*}', '{}', path)}"


OPERATION_NAMES = UNDOCUMENTED | {
    _signature(operation.method, operation.path): operation.name for operation in OPERATIONS
}
"""The name of every route."""

if OPERATION_NAMES.keys() != HANDLERS.keys():
    odd = sorted(OPERATION_NAMES.keys() ^ HANDLERS.keys())
    raise RuntimeError(f"the document and the mock's handlers differ: {odd}")


@attrs.frozen
class Match:
    """Who answers a request; `operation` is None when no operation does."""

    handler: Handler
    params: tuple[str, ...] = ()
    operation: str | None = None


@attrs.frozen
class _Route:
    segments: tuple[str, ...]
    methods: dict[str, Match]

    def params(self, path: str) -> tuple[str, ...] | None:
        given = path.split("/")
        if len(given) != len(self.segments):
            return None
        pairs = list(zip(self.segments, given, strict=True))
        if any(wanted not in ("{}", segment) for wanted, segment in pairs):
            return None
        return tuple(segment for wanted, segment in pairs if wanted == "{}")


class _Table:
    def __init__(self, matches: Iterable[tuple[str, Match]]) -> None:
        self._routes: dict[str, _Route] = {}
        for signature, match in matches:
            method, _, path = signature.partition(" ")
            route = self._routes.setdefault(path, _Route(tuple(path.split("/")), {}))
            route.methods[method] = match

    def find(self, path: str) -> tuple[_Route, tuple[str, ...]] | None:
        for route in self._routes.values():
            params = route.params(path)
            if params is not None:
                return route, params
        return None


def _always(response: Response) -> Match:
    return Match(lambda _: response)


_V1_MISS = _always(NOT_FOUND)
_V2_MISS = Match(v2_guard(lambda _: v2_error(404, "api_error", "Not Found")))
_V2_BARE = Match(v2_guard(lambda _: v2_error(400, "api_error", "Bad Request")))
_V2_WRONG_METHOD = Match(v2_guard(lambda _: v2_error(501, "api_error", "Method Not Allowed")))
_PAGE = _always(Response(200))


class Router:
    """Finds who answers a request.

    Args:
        v1_routes: Whether v1 has the routes of `ASKED_FOR`.
        v2_routes: Whether there is a v2 at all.
        cache: The cache of v1, None for none.
    """

    def __init__(self, *, v1_routes: bool, v2_routes: bool, cache: ResponseCache | None) -> None:
        self._v2_routes = v2_routes
        ingest: list[tuple[str, Match]] = []
        v1: list[tuple[str, Match]] = []
        v2: list[tuple[str, Match]] = []
        for signature, handler in HANDLERS.items():
            name = OPERATION_NAMES[signature]
            if " /v1/" in signature:
                read = signature.startswith("GET")
                if v1_routes or signature not in ASKED_FOR:
                    guarded = v1_guard(handler, read=read, cache=cache)
                    v1.append((signature, Match(guarded, (), name)))
            elif " /v2/" in signature:
                limits_body = signature == "POST /v2/events"
                guarded = v2_guard(handler, limits_body=limits_body)
                v2.append((signature, Match(guarded, (), name)))
            else:
                ingest.append((signature, Match(handler, (), name)))
        self._ingest, self._v1, self._v2 = _Table(ingest), _Table(v1), _Table(v2)

    def find(self, request: Request) -> Match:
        """Return who answers the request."""
        if _BAD_ESCAPE.search(request.raw_path):
            return _always(_BAD_REQUEST)
        if request.method not in _METHODS:
            return _always(Response(405))
        decoded = request.decoded_path
        v2_path = decoded.removeprefix("/api")
        if v2_path == "/v2" or v2_path.startswith("/v2/"):
            return self._find_v2(v2_path, request.method)
        path = request.routed_path
        if path == "/v1" or path.startswith("/v1/"):
            return self._find_exact(self._v1, path, request.method) or _V1_MISS
        return self._find_exact(self._ingest, path, request.method) or _page(request)

    def _find_v2(self, path: str, method: str) -> Match:
        if not self._v2_routes:
            return _V1_MISS
        if path == "/v2":
            return _V2_BARE
        found = self._v2.find(path)
        if found is None:
            return _V2_MISS
        route, params = found
        match = route.methods.get(method)
        return _V2_WRONG_METHOD if match is None else attrs.evolve(match, params=params)

    @staticmethod
    def _find_exact(table: _Table, path: str, method: str) -> Match | None:
        # A parameter at the end of a path is never empty here, one in the middle may be.
        found = None if path.endswith("/") else table.find(path)
        if found is None:
            return None
        route, params = found
        match = route.methods.get(method)
        if match is None:
            return _always(Response(405, tuple(("Allow", name) for name in route.methods)))
        return attrs.evolve(match, params=params)


def _page(request: Request) -> Match:
    """Answer as the web UI does: 200 for any path and method, slashes at the end redirected."""
    if request.raw_path == "/" or not request.raw_path.endswith("/"):
        return _PAGE
    location = request.raw_path.removesuffix("/")
    location += f"?{request.query}" if request.query else ""
    headers = [("Location", location)]
    body = b""
    if request.method in ("GET", "HEAD"):
        headers.insert(0, ("Content-Type", "text/html; charset=utf-8"))
    if request.method == "GET":
        body = f'<a href="{escape(location)}">See Other</a>.\n\n'.encode()
    return _always(Response(303, tuple(headers), body))

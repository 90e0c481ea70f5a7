"""Route requests to handlers; each family has its own response to unknown routes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

from inngest_rest_mock._api.document import described
from inngest_rest_mock._api.operations import HANDLERS
from inngest_rest_mock._api.responses import NOT_FOUND
from inngest_rest_mock._api.v1.guard import v1_guard
from inngest_rest_mock._api.v2.guard import v2_guard
from inngest_rest_mock._api.v2.shapes import v2_error
from inngest_rest_mock._carriers.exchange import Request, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest_api.api import Operation
    from inngest_rest_mock._api.call import Handler


@attrs.frozen
class Match:
    """The handler of a request; `operation` is None if no operation matches."""

    handler: Handler
    params: tuple[str, ...] = ()
    operation: str | None = None


@attrs.frozen
class _Route:
    pattern: re.Pattern[str]
    methods: dict[str, Match]


class _Table:
    def __init__(self) -> None:
        self._routes: dict[str, _Route] = {}

    def add(self, operation: Operation, handler: Handler) -> None:
        text = re.sub(r"{\w+}", "([^/]*)", operation.path)
        route = self._routes.setdefault(text, _Route(re.compile(text), {}))
        route.methods[operation.method] = Match(handler, (), operation.name)

    def find(self, path: str) -> tuple[_Route, tuple[str, ...]] | None:
        for route in self._routes.values():
            found = route.pattern.fullmatch(path)
            if found is not None:
                return route, found.groups()
        return None


def _always(response: Response) -> Match:
    return Match(lambda _: response)


_V1_MISS = _always(NOT_FOUND)
_V2_MISS = Match(v2_guard(lambda _: v2_error(404, "api_error", "Not Found")))
_V2_WRONG_METHOD = Match(
    v2_guard(lambda _: v2_error(501, "api_error", "Method Not Allowed"))
)
_HTML = (("Content-Type", "text/html; charset=utf-8"),)
_PAGE = b"<!DOCTYPE html><html><head><title>Inngest</title></head><body></body></html>"
_WEB_UI = _always(Response(200, _HTML, _PAGE))


class Router:
    """Finds the handler of a request.

    Args:
        served: Its operations, from `served_operations`.
    """

    def __init__(self, served: Mapping[str, Operation]) -> None:
        self._ingest, self._v1, self._v2 = _Table(), _Table(), _Table()
        for name, operation in served.items():
            handler = HANDLERS[name]
            if operation.path.startswith("/v1/"):
                self._v1.add(operation, v1_guard(handler, described()[name]))
            elif not operation.path.startswith("/v2/"):
                self._ingest.add(operation, handler)
            elif name == "list_operations_v2":  # needs no key
                self._v2.add(operation, handler)
            else:
                self._v2.add(operation, v2_guard(handler, described()[name]))

    def find(self, request: Request) -> Match:
        """Return the handler of the request."""
        decoded = request.decoded_path
        for prefix in ("/v2", "/api/v2"):
            if f"{decoded}/".startswith(f"{prefix}/"):
                return self._find_v2(decoded.removeprefix("/api"), request.method)
        path = request.routed_path
        if path == "/v1" or path.startswith("/v1/"):
            return self._find_exact(self._v1, path, request.method) or _V1_MISS
        # Any other path is one of the web UI.
        return self._find_exact(self._ingest, path, request.method) or _WEB_UI

    def _find_v2(self, path: str, method: str) -> Match:
        found = self._v2.find(path)
        if found is None:
            return _V2_MISS
        route, params = found
        match = route.methods.get(method)
        return _V2_WRONG_METHOD if match is None else attrs.evolve(match, params=params)

    @staticmethod
    def _find_exact(table: _Table, path: str, method: str) -> Match | None:
        # Here a parameter at the end of a path is never empty; one in the middle may be.
        found = None if path.endswith("/") else table.find(path)
        if found is None:
            return None
        route, params = found
        match = route.methods.get(method)
        if match is None:
            return _always(
                Response(405, tuple(("Allow", name) for name in route.methods))
            )
        return attrs.evolve(match, params=params)

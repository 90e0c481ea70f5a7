"""v2: the operations of the server as tools for agents, by which its release can be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest.testing._api.responses import json_response

if TYPE_CHECKING:
    from inngest_rest.testing._api.call import Call, Handlers
    from inngest_rest.testing._carriers.messages import Response

_HEADERS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Cache-Control", "public, max-age=300, stale-while-revalidate=3600"),
)
_LIST_RUNS: tuple[str, ...] = (
    *("appId", "cursor", "from", "functionId", "includeOutput", "isDeferred", "limit"),
    *("order", "status", "timeField", "until"),
)


def list_operations(call: Call) -> Response:
    """List the operation whose parameters differ between releases; a server lists all of its."""
    names = (*_LIST_RUNS, *(("include", "query") if call.server.release.is_strict else ()))
    properties = {name: {"type": "string"} for name in names}
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    listed = {
        "id": "ListRuns",
        "summary": "List runs",
        "description": "List runs",
        "http": {"method": "GET", "path": "/runs"},
        "cli": {"command": "get-function-runs"},
        "mcp": {
            "name": "list_runs",
            "title": "List runs",
            "description": "List runs",
            "annotations": {"readOnlyHint": True},
            "inputSchema": schema,
        },
    }
    return json_response(200, {"data": {"operations": [listed]}}, headers=_HEADERS)


HANDLERS: Handlers = {"GET /v2/operations": list_operations}

"""v2: the operations of the server as tools for agents, by which its release can be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest_mock._api.document import signature_of
from inngest_rest_mock._api.releases import SINCE, UNTIL
from inngest_rest_mock._api.responses import json_response

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call, Handlers
    from inngest_rest_mock._api.releases import Release
    from inngest_rest_mock._carriers.messages import Response

_HEADERS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Cache-Control", "public, max-age=300, stale-while-revalidate=3600"),
)
_LIST_RUNS: tuple[str, ...] = (
    *("appId", "cursor", "from", "functionId", "includeOutput", "isDeferred", "limit"),
    *("order", "status", "timeField", "until"),
)

_LATER = {"include": "V2Include", "query": "V2Query"}

# What else a server lists, by path (recording 1.43-v2-operations); it leaves out its other routes.
_OTHERS = {
    "Health": ("GET", "/health"),
    "GetFunctionRun": ("GET", "/runs/{run_id}"),
    "ListFunctionRuns": ("GET", "/apps/{app_id}/functions/{function_id}/runs"),
    "GetEventRuns": ("GET", "/events/{event_id}/runs"),
    "Rerun": ("POST", "/runs/{run_id}/rerun"),
    "CancelRun": ("POST", "/runs/{run_id}/cancel"),
    "GetApp": ("GET", "/apps/{app_id}"),
    "GetApps": ("GET", "/apps"),
    "GetFunctionTrace": ("GET", "/runs/{run_id}/trace"),
    "GetFunction": ("GET", "/apps/{app_id}/functions/{function_id}"),
    "GetFunctions": ("GET", "/apps/{app_id}/functions"),
    "InvokeFunction": ("POST", "/apps/{app_id}/functions/{function_id}/invoke"),
}


def _is_served(release: Release, method: str, path: str) -> bool:
    signature = signature_of(method, f"/v2{path}")
    return release.has(SINCE[signature], UNTIL.get(signature))


def list_operations(call: Call) -> Response:
    """List the operations that a server lists, and of one its parameters, which tell releases."""
    names = (
        *_LIST_RUNS,
        *(name for name, field in _LATER.items() if call.server.has(field)),
    )
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
    listed_operations: list[object] = [
        {
            "id": name,
            "summary": name,
            "description": name,
            "http": {"method": method, "path": path},
            "mcp": {
                "name": name,
                "title": name,
                "description": name,
                "inputSchema": {"type": "object", "properties": {}},
            },
        }
        for name, (method, path) in _OTHERS.items()
        if _is_served(call.server.release, method, path)
    ]
    if _is_served(call.server.release, "GET", "/runs"):
        listed_operations.append(listed)
    body = {"data": {"operations": listed_operations}}
    return json_response(200, body, headers=_HEADERS)


HANDLERS: Handlers = {"GET /v2/operations": list_operations}

"""v2: the operations of the server as tools for agents, by which its release can be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest_mock._api.document import described
from inngest_rest_mock._api.releases import served_operations
from inngest_rest_mock._api.responses import json_response

if TYPE_CHECKING:
    from inngest_rest_api.api import Operation
    from inngest_rest_mock._api.call import Call
    from inngest_rest_mock._api.releases import Release
    from inngest_rest_mock._carriers.exchange import Response

# Known servers leave the others out (recording 1.43-v2-operations).
_LISTED = {
    *("get_health_v2", "list_apps_v2", "get_app_v2", "list_functions_v2"),
    *("get_function_v2", "invoke_function_v2", "list_runs_v2", "get_run_v2"),
    *("get_run_trace_v2", "list_function_runs_v2", "list_event_runs_v2"),
    *("rerun_run_v2", "cancel_run_v2"),
}


def list_operations_v2(call: Call) -> Response:
    """List operations of v2, and their parameters."""
    release = call.release
    served = served_operations(release, v1_routes=False)
    operations = [
        _shape(operation, release)
        for name, operation in served.items()
        if name in _LISTED
    ]
    return json_response(200, {"data": {"operations": operations}})


def _shape(operation: Operation, release: Release) -> dict[str, object]:
    words = operation.name.removesuffix("_v2").split("_")
    name = "".join(word.title() for word in words)
    found = described()[operation.name]
    parameters = {
        each: {"type": "string"}
        for each in found.query
        if release.has(found.since.get(each, "0.0"))
    }
    path = operation.path.removeprefix("/v2")
    return {
        "id": name,
        "summary": name,
        "description": name,
        "http": {"method": operation.method, "path": path},
        "mcp": {
            "name": name,
            "title": name,
            "description": name,
            "inputSchema": {"type": "object", "properties": parameters},
        },
    }

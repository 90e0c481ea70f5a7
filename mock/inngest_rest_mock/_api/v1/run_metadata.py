"""v1: metadata of runs, which nothing of the mock returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest_mock._api.v1.shapes import v1_error
from inngest_rest_mock._carriers.messages import Response
from inngest_rest_mock._json import encode
from inngest_rest_mock._state.ids import parse_ulid

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call, Handlers

_LARGEST_UPDATE = 64 * 1024


def add_metadata(call: Call) -> Response:
    """Accept metadata of a run; whether there is such a run is not looked at."""
    (run_id,) = call.params
    if parse_ulid(run_id) is None:
        return v1_error(400, f"Invalid run ID: {run_id}")
    updates: list[dict[str, Any]] = call.body.get("metadata", [])
    for update in updates:
        kind = update.get("kind", "")
        if kind.startswith("inngest.") and kind != "inngest.score":
            return v1_error(400, "Invalid metadata")
    if any(len(encode(each.get("values"))) > _LARGEST_UPDATE for each in updates):
        return v1_error(413, "Metadata span exceeds maximum size of 64KB")
    return Response(200, (("Content-Type", "application/json"),))


HANDLERS: Handlers = {"POST /v1/runs/{}/metadata": add_metadata}

"""v1: metadata of runs, which nothing of the mock returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from inngest_rest_mock._api.v1.shapes import v1_error
from inngest_rest_mock._carriers.messages import Response
from inngest_rest_mock._state.ids import parse_ulid

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call, Handlers

_LARGEST_UPDATE = 64 * 1024


class _Update(msgspec.Struct):
    kind: str = ""
    values: dict[str, Any] | None = None

    @property
    def is_ours(self) -> bool:
        return not self.kind.startswith("inngest.") or self.kind == "inngest.score"

    @property
    def size(self) -> int:
        return len(msgspec.json.encode(self.values))


class _Body(msgspec.Struct):
    metadata: list[_Update] | None = None


def add_metadata(call: Call) -> Response:
    """Accept metadata of a run; whether there is such a run is not looked at."""
    (run_id,) = call.params
    if parse_ulid(run_id) is None:
        return v1_error(400, f"Invalid run ID: {run_id}")
    try:
        body = msgspec.json.decode(call.request.body, type=_Body)
    except (ValueError, RecursionError):
        return v1_error(400, "Invalid metadata target")
    updates = body.metadata or []
    if not all(update.is_ours for update in updates):
        return v1_error(400, "Invalid metadata")
    if any(update.size > _LARGEST_UPDATE for update in updates):
        return v1_error(413, "Metadata span exceeds maximum size of 64KB")
    return Response(200, (("Content-Type", "application/json"),))


HANDLERS: Handlers = {"POST /v1/runs/{}/metadata": add_metadata}

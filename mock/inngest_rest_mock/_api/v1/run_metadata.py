"""v1: metadata of runs, which nothing of the mock returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from inngest_rest_mock._api.v1.shapes import v1_error
from inngest_rest_mock._carriers.messages import Response
from inngest_rest_mock._state.ids import parse_ulid

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call, Handlers

_LONGEST_KIND = 128
_LARGEST_UPDATE = 64 * 1024
_TAKEN = {
    *("inngest.ai", "inngest.http", "inngest.http.timing", "inngest.score"),
    *("inngest.response_headers", "inngest.warnings", "inngest.experiment"),
}
"""The kinds of the platform that a server takes from a caller."""


class _Target(msgspec.Struct):
    step_id: str | None = None
    step_index: int | None = None
    step_attempt: int | None = None
    span_id: str | None = None

    @property
    def lacks_step(self) -> bool:
        within = (self.step_index, self.step_attempt, self.span_id)
        return self.step_id is None and within != (None, None, None)


class _Update(msgspec.Struct):
    kind: str = ""
    op: str = "merge"
    values: dict[str, Any] | None = None

    @property
    def is_allowed(self) -> bool:
        is_ours = not self.kind.startswith("inngest.") or self.kind in _TAKEN
        return is_ours and len(self.kind.encode()) <= _LONGEST_KIND

    @property
    def size(self) -> int:
        values = (self.values or {}).items()
        return sum(len(name.encode()) + len(_json(value)) for name, value in values)


class _Body(msgspec.Struct):
    target: _Target = msgspec.field(default_factory=_Target)
    metadata: list[_Update] | None = None


_json = msgspec.json.encode


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
    ops = {update.op for update in updates}
    if body.target.lacks_step or not ops <= {"merge", "set", "delete", "add"}:
        return v1_error(400, "Invalid metadata target")
    if not all(update.is_allowed for update in updates):
        return v1_error(400, "Invalid metadata")
    if any(update.size > _LARGEST_UPDATE for update in updates):
        return v1_error(413, "Metadata span exceeds maximum size of 64KB")
    return Response(200, (("Content-Type", "application/json"),))


HANDLERS: Handlers = {"POST /v1/runs/{}/metadata": add_metadata}

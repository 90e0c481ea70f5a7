"""v2: scores of runs, which nothing of the API returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from inngest_rest_mock._api.v2.input import InputError, invalid_field, read_body
from inngest_rest_mock._api.v2.shapes import v2_data
from inngest_rest_mock._state.ids import parse_ulid

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call, Handlers
    from inngest_rest_mock._carriers.messages import Response

_KNOWN: Any = {
    "name": "string",
    "value": "any",
    "stepId": "string",
    "experiment": "object",
}


def create_scores(call: Call) -> Response:
    """Accept the scores of a run."""
    (run_id,) = call.params
    scores = _read(call.request.body)
    if parse_ulid(run_id) is None:
        raise invalid_field("Run ID must be a valid ULID")
    if not scores:
        raise invalid_field("At least one score is required")
    for index, score in enumerate(scores):
        for name in ("name", "value"):
            if name not in score:
                raise invalid_field(f"scores[{index}]: Score {name} is required")
    if call.store.visible_run(run_id, call.now) is None:
        raise InputError("Unable to record score", "internal_error", 500)
    return v2_data([{"runId": run_id, **score} for score in scores], call.now)


def _read(body: bytes) -> list[dict[str, Any]]:
    try:
        scores = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (ValueError, RecursionError):
        raise InputError("the body is no JSON array") from None
    return [read_body(bytes(each), _KNOWN) for each in scores]


HANDLERS: Handlers = {"POST /v2/runs/{}/scores": create_scores}

"""v2: scores of runs, which nothing of the API returns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from inngest_rest_mock._api.v2.input import InputError, invalid_field, read_body
from inngest_rest_mock._api.v2.shapes import v2_data
from inngest_rest_mock._state.ids import parse_ulid

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call, Handlers
    from inngest_rest_mock._carriers.messages import Response

_MOST = 100
_LONGEST = 128
_MALFORMED = (
    "Score name or value is invalid; names must be at most 128 UTF-8 bytes, must not contain "
    "control characters or single quotes, and values must be a finite number or boolean"
)


def create_scores(call: Call) -> Response:
    """Accept the scores of a run."""
    (run_id,) = call.params
    scores = _read(call.request.body)
    if parse_ulid(run_id) is None:
        raise invalid_field("Run ID must be a valid ULID")
    if not scores:
        raise invalid_field("At least one score is required")
    if len(scores) > _MOST:
        raise invalid_field(f"At most {_MOST} scores are allowed")
    for index, score in enumerate(scores):
        if why := _fault(score):
            raise invalid_field(f"scores[{index}]: {why}")
    if call.store.visible_run(run_id, call.now) is None:
        raise InputError("Unable to record score", "internal_error", 500)
    return v2_data([{"runId": run_id, **score} for score in scores], call.now)


def _read(body: bytes) -> list[dict[str, Any]]:
    try:
        scores = msgspec.json.decode(body, type=list[msgspec.Raw])
    except msgspec.ValidationError:
        kind = "object" if body.lstrip().startswith(b"{") else "value"
        raise InputError(
            f"json: cannot unmarshal {kind} into Go value of type []json.RawMessage"
        ) from None
    except (ValueError, RecursionError):
        raise InputError("invalid character looking for beginning of value") from None
    known: Any = {
        "name": "string",
        "value": "any",
        "stepId": "string",
        "experiment": "object",
    }
    return [read_body(bytes(each), known) for each in scores]


def _fault(score: dict[str, Any]) -> str | None:
    name, value = score.get("name", ""), score.get("value")
    if not name:
        return "Score name is required"
    if "value" not in score:
        return "Score value is required"
    if not isinstance(value, bool | int | float):
        return "Score value must be a finite number or boolean"
    if len(name.encode()) > _LONGEST or "'" in name or not name.isprintable():
        return _MALFORMED
    if not math.isfinite(value):
        return _MALFORMED
    if "stepId" in score and not score["stepId"].strip():
        return "Step ID must not be empty when provided"
    experiment = score.get("experiment")
    if experiment is not None and not experiment.get("variant"):
        return "Experiment variant is required when experiment is provided"
    return None


HANDLERS: Handlers = {"POST /v2/runs/{}/scores": create_scores}

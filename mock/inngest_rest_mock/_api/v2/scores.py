"""v2: scores of runs, which nothing of the API returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest_mock._api.v2.input import InputError, invalid_field
from inngest_rest_mock._api.v2.shapes import v2_data
from inngest_rest_mock._state.ids import parse_ulid

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call, Handlers
    from inngest_rest_mock._carriers.messages import Response


def create_scores(call: Call) -> Response:
    """Accept the scores of a run."""
    (run_id,) = call.params
    if parse_ulid(run_id) is None:
        raise invalid_field("Run ID must be a valid ULID")
    if not call.body:
        raise invalid_field("At least one score is required")
    if call.store.visible_run(run_id, call.now) is None:
        raise InputError("Unable to record score", "internal_error", 500)
    return v2_data([{"runId": run_id, **score} for score in call.body], call.now)


HANDLERS: Handlers = {"POST /v2/runs/{}/scores": create_scores}

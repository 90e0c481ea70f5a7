"""v1: bulk cancellations, kept in memory.

A self-hosted server has no store for them: after validation its handlers panic, and respond with an
empty 500 (recordings v1-cancellations, v1-cancellation-create-fullslug). Inngest Cloud has one; the
mock's follows the server's source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest_mock._api.responses import PANIC
from inngest_rest_mock._api.v1.shapes import v1_data, v1_error
from inngest_rest_mock._state.ids import ENVIRONMENT_ID, parse_ulid
from inngest_rest_mock._times import v1_time

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call
    from inngest_rest_mock._carriers.exchange import Response

_SLACK_NS = 5 * 10**9


def list_cancellations_v1(call: Call) -> Response:
    """List the cancellations."""
    if not call.is_cloud:
        return PANIC
    return v1_data(list(call.store.cancellations.values()), call.now)


def create_cancellation_v1(call: Call) -> Response:
    """Cancel the runs of a function that started within a time range.

    An `if` expression is stored; the mock cannot evaluate it, and then cancels nothing.
    """
    fields: dict[str, Any] = call.body
    for name in ("app_id", "function_id", "started_before"):
        if fields.get(name) in (None, ""):
            return v1_error(400, f"{name} is required")
    after, before = fields.get("started_after"), fields["started_before"]
    if before > call.now + _SLACK_NS:
        return v1_error(400, "started_before must be in the past")
    # The vendor documents "the ID as in the SDK"; the server requires the full slug.
    function = call.store.catalogue.by_slug(fields["function_id"])
    if function is None or function.app_id != fields["app_id"]:
        return v1_error(404, "function not found")
    if not call.is_cloud:
        return PANIC
    if fields.get("if") is None:
        call.store.cancel_started_between(function, after, before, call.now)
    cancellation_id = call.store.ids.next(call.now)
    cancellation: dict[str, object] = {
        "id": cancellation_id,
        "environment_id": ENVIRONMENT_ID,
        "function_internal_id": function.internal_id,
        "function_id": function.slug,
        "started_after": None if after is None else v1_time(after),
        "started_before": v1_time(before),
        "if": fields.get("if"),
    }
    call.store.cancellations[cancellation_id] = cancellation
    return v1_data(cancellation, call.now)


def delete_cancellation_v1(call: Call) -> Response:
    """Delete a cancellation; the runs it cancelled stay cancelled."""
    cancellation_id = parse_ulid(call.params[0])
    if cancellation_id is None:
        return v1_error(400, "Invalid cancellation ID")
    if not call.is_cloud:
        return PANIC
    if call.store.cancellations.pop(cancellation_id, None) is None:
        return v1_error(404, "Cancellation not found")
    return v1_data({"ok": True}, call.now)

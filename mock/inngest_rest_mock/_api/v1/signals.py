"""v1: signals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest_mock._api.v1.shapes import v1_data, v1_error

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call, Handlers
    from inngest_rest_mock._carriers.messages import Response


def send_signal(call: Call) -> Response:
    """Resume the run waiting for a signal.

    A real server takes 1.5 s to reject an empty signal; the mock does not wait.
    """
    signal = call.body.get("signal")
    if not signal:
        return v1_error(500, "Failed to receive signal")
    run_id = call.store.execution.signal(signal, call.body.get("data"), call.now)
    if run_id is None:
        return v1_error(404, "No signal found")
    return v1_data({"run_id": run_id}, call.now)


HANDLERS: Handlers = {"POST /v1/signals": send_signal}

"""v2: whether the API is up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest_mock._api.v2.shapes import v2_data

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call, Handlers
    from inngest_rest_mock._carriers.messages import Response


def get_health(call: Call) -> Response:
    """Respond that the API is up."""
    return v2_data({"status": "ok"}, call.now)


HANDLERS: Handlers = {"GET /v2/health": get_health}

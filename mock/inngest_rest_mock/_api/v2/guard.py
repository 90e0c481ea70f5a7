"""The guard of every v2 handler: limits the body, checks the signing key, converts errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest_mock._api.event_json import MAX_EVENT_BYTES
from inngest_rest_mock._api.responses import UNAUTHORIZED
from inngest_rest_mock._api.v2.input import InputError
from inngest_rest_mock._api.v2.shapes import v2_error
from inngest_rest_mock._api.v2.strict import refuse_unknown

if TYPE_CHECKING:
    from collections.abc import Collection

    from inngest_rest_mock._api.call import Call, Handler
    from inngest_rest_mock._carriers.messages import Response


def v2_guard(
    handler: Handler,
    signature: str = "",
    *,
    query: Collection[str] = (),
    body: Collection[str] = (),
) -> Handler:
    """Require the signing key, and respond with the error of an InputError.

    `POST /v2/events` rejects a body over 3 MiB before any key is checked.

    Args:
        handler: The handler.
        signature: Its operation, `METHOD /path`; empty for a path that has none.
        query: The query parameters that it knows.
        body: The fields that it knows in a body.
    """
    limits_body = signature == "POST /v2/events"

    def guarded(call: Call) -> Response:
        if limits_body and len(call.request.body) > MAX_EVENT_BYTES:
            message = f"Request body cannot exceed {MAX_EVENT_BYTES} bytes"
            return v2_error(413, "invalid_request", message).with_headers(
                ("Connection", "close")
            )
        if not call.keys.accepts_authorization(
            call.request.headers.get("authorization", "")
        ):
            return UNAUTHORIZED
        try:
            if signature:
                refuse_unknown(call.request, signature, query, body)
            return handler(call)
        except InputError as error:
            return error.response

    return guarded

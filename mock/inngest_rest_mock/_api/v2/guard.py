"""The guard of every v2 handler: checks the signing key, reads the request, converts errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from inngest_rest_mock._api.event_json import MAX_EVENT_BYTES
from inngest_rest_mock._api.responses import UNAUTHORIZED
from inngest_rest_mock._api.v2.input import InputError, read_body, read_query
from inngest_rest_mock._api.v2.shapes import v2_error

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call, Handler
    from inngest_rest_mock._api.document import Described
    from inngest_rest_mock._carriers.exchange import Response


def v2_guard(
    handler: Handler, name: str = "", described: Described | None = None
) -> Handler:
    """Require the signing key, and respond with the error of an InputError.

    A self-hosted server reads what Inngest Cloud alone has, then refuses it.
    `POST /v2/events` rejects a body over 3 MiB before any key is checked.

    Args:
        handler: The handler.
        name: Its operation; empty for a path that has none.
        described: What its operation takes, which the handler then finds in the call.
    """
    limits_body = name == "send_event_v2"

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
            if described is None:
                return handler(call)
            read = _read(call, described)
            if described.is_cloud_only and not call.is_cloud:
                raise InputError("Not implemented in OSS", "not_implemented", 501)
            return handler(read)
        except InputError as error:
            return error.response

    return guarded


def _read(call: Call, described: Described) -> Call:
    query = read_query(call.request, described, call.release)
    return attrs.evolve(
        call, query=query, body=read_body(call.request.body, described.body)
    )

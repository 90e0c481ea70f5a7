"""The guard of every v2 handler: limits the body, checks the signing key, converts errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest.testing._api.event_json import MAX_EVENT_BYTES
from inngest_rest.testing._api.responses import UNAUTHORIZED
from inngest_rest.testing._api.v2.input import InputError
from inngest_rest.testing._api.v2.shapes import v2_error

if TYPE_CHECKING:
    from inngest_rest.testing._api.call import Call, Handler
    from inngest_rest.testing._carriers.messages import Response


def v2_guard(handler: Handler, *, limits_body: bool = False) -> Handler:
    """Require the signing key, and respond with the error of an InputError.

    With `limits_body`, a body over 3 MiB is rejected before any key is checked.
    """

    def guarded(call: Call) -> Response:
        if limits_body and len(call.request.body) > MAX_EVENT_BYTES:
            message = f"Request body cannot exceed {MAX_EVENT_BYTES} bytes"
            return v2_error(413, "invalid_request", message).with_headers(("Connection", "close"))
        if not call.keys.accepts_authorization(call.request.headers.get("authorization", "")):
            return UNAUTHORIZED
        try:
            return handler(call)
        except InputError as error:
            return error.response
        except RecursionError:  # Go reads 10,000 levels, Python fewer
            return InputError("proto: exceeded max recursion depth").response

    return guarded

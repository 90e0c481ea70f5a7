"""The guard of every v1 handler: checks the signing key, and reads the body."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from inngest_rest_mock._api.responses import UNAUTHORIZED
from inngest_rest_mock._api.v1.input import read_body
from inngest_rest_mock._api.v1.shapes import v1_error

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call, Handler
    from inngest_rest_mock._api.document import Described
    from inngest_rest_mock._carriers.messages import Response


def v1_guard(handler: Handler, described: Described) -> Handler:
    """Require the signing key, and a body as the document describes it."""

    def guarded(call: Call) -> Response:
        if not call.keys.accepts_authorization(
            call.request.headers.get("authorization", "")
        ):
            return UNAUTHORIZED
        if described.body is None:
            return handler(call)
        try:
            body = read_body(call.request.body, described.body)
        except ValueError as error:
            return v1_error(400, str(error))
        return handler(attrs.evolve(call, body=body))

    return guarded

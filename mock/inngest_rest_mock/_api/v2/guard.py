"""The guard of every v2 handler: checks the signing key, reads the request, converts errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from inngest_rest_mock._api.responses import UNAUTHORIZED
from inngest_rest_mock._api.v2.input import InputError, read_body, read_query

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call, Handler
    from inngest_rest_mock._api.document import Described
    from inngest_rest_mock._carriers.exchange import Response


def v2_guard(handler: Handler, described: Described | None = None) -> Handler:
    """Require the signing key, and respond with the error of an InputError.

    A self-hosted server reads what Inngest Cloud alone has, then refuses it.

    Args:
        handler: The handler.
        described: What its operation takes, which the handler then finds in the call; None for a
            path that has none.
    """

    def guarded(call: Call) -> Response:
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

"""The guard of every v1 handler: checks the signing key, and caches reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

from inngest_rest_mock._api.responses import JSON, UNAUTHORIZED
from inngest_rest_mock._api.v1.input import read_body
from inngest_rest_mock._api.v1.shapes import v1_error
from inngest_rest_mock._carriers.messages import Response
from inngest_rest_mock._times import NS_PER_SECOND

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call, Handler
    from inngest_rest_mock._api.document import Described

_MAX_AGE = re.compile(r"private, max-age=(\d+)")


class ResponseCache:
    """The server's own cache of v1 responses, by URL and Authorization (apiv1/cache.go)."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str, str], tuple[int, bytes]] = {}

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()

    def get(self, call: Call) -> Response | None:
        """Return a hit: the cached body without Cache-Control."""
        entry = self._entries.get(self._key(call))
        if entry is None or entry[0] <= call.now:
            return None
        return Response(200, (("Content-Type", JSON),), entry[1])

    def put(self, call: Call, response: Response) -> None:
        """Keep a response that has a max-age."""
        match = _MAX_AGE.fullmatch(dict(response.headers).get("Cache-Control", ""))
        if match is not None:
            expires = call.now + int(match[1]) * NS_PER_SECOND
            self._entries[self._key(call)] = (expires, response.body)

    @staticmethod
    def _key(call: Call) -> tuple[str, str, str]:
        request = call.request
        return request.raw_path, request.query, request.headers.get("authorization", "")


def v1_guard(
    handler: Handler, described: Described, *, cache: ResponseCache | None
) -> Handler:
    """Require the signing key, and read the body; for a GET, use the cache."""

    def guarded(call: Call) -> Response:
        if not call.keys.accepts_authorization(
            call.request.headers.get("authorization", "")
        ):
            return UNAUTHORIZED
        if described.body is not None:
            try:
                body = read_body(call.request.body, described.body)
            except ValueError as error:
                return v1_error(400, str(error))
            return handler(attrs.evolve(call, body=body))
        if cache is None or call.request.method != "GET":
            return handler(call)
        hit = cache.get(call)
        if hit is not None:
            return hit
        response = handler(call)
        if response.status == 200:
            cache.put(call, response)
        return response

    return guarded

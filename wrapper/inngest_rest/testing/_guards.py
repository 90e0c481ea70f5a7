"""What v1 and v2 do around their handlers: keys, v1's cache and its lost status."""

import re

from ._call import Call, Handler
from ._clock import NS_PER_SECOND
from ._http import TEXT, UNAUTHORIZED, Response
from ._v2_input import InputError
from ._v2_runs import too_large

_MAX_AGE = re.compile(r"private, max-age=(\d+)")


class ResponseCache:
    """The server's own cache of v1 answers, by URL and Authorization (apiv1/cache.go)."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str, str], tuple[int, bytes]] = {}

    def get(self, call: Call) -> Response | None:
        """Return a hit: the old body, as text/plain and without Cache-Control."""
        entry = self._entries.get(self._key(call))
        if entry is None or entry[0] <= call.now:
            return None
        return Response(200, (("Content-Type", TEXT),), entry[1])

    def put(self, call: Call, response: Response) -> None:
        """Keep an answer that has a max-age."""
        match = _MAX_AGE.fullmatch(dict(response.headers).get("Cache-Control", ""))
        if match is not None:
            expires = call.now + int(match[1]) * NS_PER_SECOND
            self._entries[self._key(call)] = (expires, response.body)

    @staticmethod
    def _key(call: Call) -> tuple[str, str, str]:
        request = call.request
        return request.raw_path, request.query, request.headers.get("authorization", "")


def v1_guard(handler: Handler, *, read: bool, cache: ResponseCache | None) -> Handler:
    """Ask for the signing key; for a `read`, cache and lose the status.

    The cache middleware records the handler's answer and never passes its status on, so every
    error of a v1 GET is HTTP 200 (facts.md 0).
    """

    def guarded(call: Call) -> Response:
        if not call.keys.accepts_authorization(call.request.headers.get("authorization", "")):
            return UNAUTHORIZED
        if not read:
            return handler(call)
        hit = cache.get(call) if cache is not None else None
        if hit is not None:
            return hit
        answer = handler(call)
        if cache is not None:
            cache.put(call, answer)
        return Response(200, answer.headers, answer.body)

    return guarded


def v2_guard(handler: Handler, *, limits_body: bool = False) -> Handler:
    """Ask for the signing key, and turn what the handler refuses into its answer."""

    def guarded(call: Call) -> Response:
        refusal = too_large(call.request.body) if limits_body else None
        if refusal is not None:
            return refusal
        if not call.keys.accepts_authorization(call.request.headers.get("authorization", "")):
            return UNAUTHORIZED
        try:
            return handler(call)
        except InputError as error:
            return error.response

    return guarded

"""What a row of the table of faults is, and what a fault may mean."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from tests.faults.server import Behaviour


class Verdict(Enum):
    """What a fault means for a call; with it, an operation's own rules give the trial.

    Attributes:
        NOT_SENT: The request provably did not arrive: any operation may be tried again.
        LOST: The connection broke, so it may have arrived.
        LATE: No complete response came in time, so it may have arrived.
        FAILED: A 5xx: it may have been carried out.
        TIMED_OUT: A 408, for which the same holds.
        LIMITED: A 429 that names no pause, and so costs an attempt.
        TOLD_TO_WAIT: A 429 that names a pause of 20 seconds.
        BARRED: A 429 that names a pause beyond the total time of a call.
        BAD: A 400, which is a receipt where events are sent.
        INVALID, UNAUTHORIZED, FORBIDDEN, CONFLICT, OVERSIZE, REFUSED: Another 4xx, each final.
        UNKNOWN: A 404 about a resource.
        NO_ROUTE: The route is not there, as 404, 405 or 501 say.
        PAGE: A web page under a 2xx, as the web UI has for paths that are not its own.
        NOTHING: Nothing under a 200 or a 204.
        MALFORMED: A 2xx with JSON that is not of this API, or not JSON.
        NULL: A 2xx with null as its data.
        TOO_LARGE: A 2xx with more than the client takes.
        NO_ANSWER: A 3xx, which is never followed.
    """

    NOT_SENT = "not sent"
    LOST = "lost"
    LATE = "late"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    LIMITED = "limited"
    TOLD_TO_WAIT = "told to wait"
    BARRED = "barred"
    BAD = "bad"
    INVALID = "invalid"
    OVERSIZE = "oversize"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    CONFLICT = "conflict"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    NO_ROUTE = "no route"
    PAGE = "page"
    NOTHING = "nothing"
    MALFORMED = "malformed"
    NULL = "null"
    TOO_LARGE = "too large"
    NO_ANSWER = "no answer"


@frozen
class Fault:
    """One row of the table.

    Attributes:
        name: What the server does.
        behaviour: How it does so.
        verdict: What that means.
        everywhere: Whether every operation is put before it, rather than one of each kind.
    """

    name: str
    behaviour: Behaviour
    verdict: Verdict
    everywhere: bool = False

    @property
    def is_unread(self) -> bool:
        """Whether the server does not read the request."""
        return self.behaviour.greet is not None


V = Verdict

ERRORS = {
    V.NOT_SENT: "TransportError",
    V.LOST: "TransportError",
    V.LATE: "RequestTimeoutError",
    V.FAILED: "ServerError",
    V.TIMED_OUT: "ApiError",
    V.LIMITED: "RateLimitError",
    V.TOLD_TO_WAIT: "RateLimitError",
    V.BARRED: "RateLimitError",
    V.BAD: "BadRequestError",
    V.INVALID: "BadRequestError",
    V.UNAUTHORIZED: "AuthenticationError",
    V.FORBIDDEN: "PermissionDeniedError",
    V.CONFLICT: "ConflictError",
    V.OVERSIZE: "ApiError",
    V.REFUSED: "ApiError",
    V.UNKNOWN: "NotFoundError",
    V.NO_ROUTE: "RouteNotFoundError",
    V.PAGE: "InvalidResponseError",
    V.NOTHING: "InvalidResponseError",
    V.MALFORMED: "InvalidResponseError",
    V.NULL: "InvalidResponseError",
    V.TOO_LARGE: "InvalidResponseError",
    V.NO_ANSWER: "InvalidResponseError",
}
"""The error of a call that makes one request after another until one is answered."""

MAY_BE_DONE = {
    *(V.LOST, V.LATE, V.FAILED, V.TIMED_OUT),
    *(
        V.PAGE,
        V.NOTHING,
        V.MALFORMED,
        V.NULL,
        V.TOO_LARGE,
        V.NO_ANSWER,
    ),
}
"""After these, what a write did is not known. With a page, that is only prudence."""

HOPELESS = {
    V.TOLD_TO_WAIT,
    V.BARRED,
    V.UNAUTHORIZED,
    V.FORBIDDEN,
    V.NO_ROUTE,
}
"""After these, no later event or run can fare better."""

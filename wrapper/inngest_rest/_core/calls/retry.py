"""Classify failed requests: no effect, transient or hopeless; and budget their retries."""

from __future__ import annotations

import copy
import math
from functools import lru_cache

from inngest_rest import errors
from inngest_rest._values.locks import Locked

# A server that needs a longer pause than an hour will ask for it again.
_LONGEST_KEPT = 3_600.0

_HOPELESS = (
    errors.AuthenticationError,
    errors.ClosedError,
    errors.ConfigurationError,
    errors.PermissionDeniedError,
    errors.RouteNotFoundError,
)


Fault = errors.ApiError | errors.TransportError
"""A request that failed, by its response or without one."""
FAULTS = (errors.ApiError, errors.TransportError)


def is_hopeless(error: errors.InngestError | None, patience: float) -> bool:
    """Return whether no request can succeed, ever or within `patience` seconds."""
    if isinstance(error, _HOPELESS) or has_retry_after(error):
        return True
    if isinstance(error, errors.TransportError):
        return error.permanent
    if isinstance(error, errors.ApiError):
        # A 503, too, may ask for a pause.
        return (error.retry_after or 0.0) > patience
    return False


def has_retry_after(error: errors.InngestError | None) -> bool:
    """Return whether the error is a rate limit that states when to try again."""
    return isinstance(error, errors.RateLimitError) and bool(error.retry_after)


class RateLimit(Locked):
    """The pause that a host asked for, shared by the copies of a client."""

    def __init__(self) -> None:
        super().__init__()
        self._until = -math.inf
        self._error: errors.RateLimitError | None = None

    def keep(self, error: errors.RateLimitError, now: float) -> None:
        """Begin the pause that a response asks for, unless a longer one has begun."""
        pause = min(error.retry_after or 0.0, _LONGEST_KEPT)
        with self._lock:
            if now + pause > self._until:
                # A copy, without the frames of its traceback and the notes of its caller. It is set
                # before the pause: other threads read the pause first, without the lock.
                self._error = copy.copy(error)
                self._until = now + pause

    def left(self, now: float) -> float:
        """Return the seconds before which no request may go out."""
        return max(0.0, self._until - now)

    def refusal(self, now: float) -> errors.RateLimitError:
        """Return the error of a request that cannot wait for the pause to end: it is not sent."""
        assert self._error is not None, "there is a pause"
        refusal = copy.copy(self._error)
        refusal.retry_after = self.left(now)
        refusal.attempts = 0
        refusal.may_have_taken_effect = False
        return refusal


class RetryBudget(Locked):
    """A budget for retries, so that they do not amplify an outage; first attempts need none.

    Each retry takes one token, each success returns a tenth of one.
    """

    def __init__(self, size: int = 50) -> None:
        super().__init__()
        self._size = self._left = float(size)

    def take(self) -> bool:
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True

    def give_back(self) -> None:
        if self._left < self._size:
            with self._lock:
                self._left = min(self._size, self._left + 0.1)


@lru_cache(maxsize=256)
def budget_of(_: str) -> RetryBudget:
    """Return the budget of a base URL, which the clients of this process share.

    A program that makes a client for each call would otherwise have a budget for each call.
    """
    return RetryBudget()

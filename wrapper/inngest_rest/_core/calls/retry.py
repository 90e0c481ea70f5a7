"""The decision whether to retry; no I/O."""

from __future__ import annotations

import copy
import math

from inngest_rest._core.locks import Locked
from inngest_rest.errors import (
    ApiError,
    InngestError,
    RateLimitError,
    ServerError,
    TransportError,
)

# A server that means a longer pause than an hour will say so again.
_LONGEST_KEPT = 3_600.0


def is_worth_retrying(error: InngestError, *, repeatable: bool) -> bool:
    """Return whether another attempt may succeed and cannot do harm.

    Args:
        error: How the last attempt ended.
        repeatable: Whether performing the operation twice has the same effect as performing it
            once. If not, it is retried only if the last attempt provably had no effect.
    """
    match error:
        case TransportError():
            return repeatable or not error.delivered
        case RateLimitError():
            return True
        case ServerError():
            # For v1, "no such run" is a 500 in the body of a 200 (recording v1-run-unknown).
            return repeatable and not error.hidden
        case ApiError(status=408):
            return repeatable
        case _:
            return False


def may_have_taken_effect(error: InngestError) -> bool:
    """Return whether the server may have carried out the request of an attempt that failed so."""
    match error:
        case TransportError():
            return error.delivered
        case ServerError():
            return True
        case ApiError():
            # 501 among them: a server that lacks the operation.
            return error.status == 408
        case _:
            return True


def names_a_pause(error: InngestError | None) -> bool:
    """Return whether this is a rate limit with the time of the next attempt."""
    return isinstance(error, RateLimitError) and bool(error.retry_after)


class RateLimit(Locked):
    """The pause that a host asked for, kept by all who share a client."""

    def __init__(self) -> None:
        super().__init__()
        self._until = -math.inf
        self._error: RateLimitError | None = None

    def keep(self, error: RateLimitError, now: float) -> None:
        """Take over the pause that a response asks for, unless a longer one is kept."""
        asked = min(error.retry_after or 0.0, _LONGEST_KEPT)
        with self._lock:
            if now + asked > self._until:
                # A copy, without the frames of its traceback and the notes of its caller. It is
                # there before the pause is: others look at the pause first, without the lock.
                self._error = copy.copy(error)
                self._until = now + asked

    def left(self, now: float) -> float:
        """Return the seconds before which no request may go out."""
        return max(0.0, self._until - now)

    def refusal(self, now: float) -> RateLimitError:
        """Return the error of a request that cannot wait so long, and so is not sent."""
        assert self._error is not None, "there is a pause"
        refusal = copy.copy(self._error)
        refusal.retry_after = self.left(now)
        refusal.attempts, refusal.may_have_taken_effect = 0, False
        return refusal


class RetryQuota(Locked):
    """A retry budget, so that retries do not amplify an outage.

    Each retry takes one token, each success returns a tenth of one. While the budget is exhausted,
    first attempts continue and retries stop.
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


_MAX_HOSTS = 256
_quotas: dict[str, RetryQuota] = {}


def quota_of(url: str) -> RetryQuota:
    """Return the budget of a base URL, which the clients of this process share.

    A program that makes a client for each call would otherwise have a budget for each call.
    """
    if len(_quotas) >= _MAX_HOSTS:
        _quotas.clear()
    return _quotas.setdefault(url, RetryQuota())

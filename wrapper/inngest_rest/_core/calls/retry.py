"""Whether to retry: decisions only, no I/O."""

from __future__ import annotations

import threading

from inngest_rest.errors import (
    ApiError,
    InngestError,
    RateLimitError,
    ServerError,
    TransportError,
)


def is_worth_retrying(error: InngestError, *, repeatable: bool) -> bool:
    """Return whether another attempt may help and can do no harm.

    Args:
        error: How the last attempt ended.
        repeatable: Whether doing the operation twice has the same effect as doing it once. If not,
            it is repeated only if the last attempt provably had no effect.
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
        case ApiError():
            return error.status == 408 or error.status >= 500
        case _:
            return True


class RetryQuota:
    """A budget of retries, so that retrying callers do not amplify an outage.

    Each retry takes one from it, each success gives a tenth back. While it is spent, first attempts
    go on and retries stop. There is one budget per client, shared by its threads.
    """

    def __init__(self, size: int = 50) -> None:
        self._size = self._left = float(size)
        self._lock = threading.Lock()

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

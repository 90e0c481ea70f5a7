"""When to try again, and when not to: decisions only, no I/O."""

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
    """Tell whether a second try may help and can do no harm.

    Args:
        error: What the try ended with.
        repeatable: Whether doing the operation twice is the same as doing it once. If not, it is
            tried again only where the first try provably had no effect.
    """
    match error:
        case TransportError():
            return repeatable or not error.delivered
        case RateLimitError():
            return True
        case ServerError():
            # Under HTTP 200, v1 words "no such run" as a 500.
            return repeatable and not error.hidden
        case ApiError(status=408):
            return repeatable
        case _:
            return False


class RetryQuota:
    """A budget of retries, so that an outage is not amplified by every caller trying again.

    Each retry takes one; each success gives a tenth back. When it is spent, first tries go on and
    retries stop. One budget a client, shared by its threads.
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

"""When to try again, how long to wait first, and when not to: decisions only, no I/O."""

from __future__ import annotations

import threading

from attrs import field, frozen

from inngest_rest._core.arguments import Seconds, check_seconds
from inngest_rest.errors import (
    ApiError,
    ConfigurationError,
    InngestError,
    InvalidArgumentError,
    RateLimitError,
    ServerError,
    TransportError,
)


def _seconds(value: Seconds) -> float:
    try:
        return check_seconds("a span of RetryPolicy", value)
    except InvalidArgumentError as error:
        raise ConfigurationError(str(error)) from None


@frozen(kw_only=True)
class RetryPolicy:
    """How often, and for how long, a request is tried again.

    The pause before try n+1 is random, between 0 and `initial * 2**n`, at most `maximum` (full
    jitter); a server that asks to wait longer (`Retry-After`) is obeyed as long as `total` allows.

    Args:
        retries: Most tries after the first; 0 turns retrying off.
        initial: Longest first pause, seconds or timedelta.
        maximum: Longest pause, seconds or timedelta.
        total: Seconds or timedelta for all tries and pauses together.
    """

    retries: int = 4
    initial: float = field(default=0.5, converter=_seconds)
    maximum: float = field(default=8.0, converter=_seconds)
    total: float = field(default=120.0, converter=_seconds)

    def __attrs_post_init__(self) -> None:
        if type(self.retries) is not int or self.retries < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError("retries must be a whole number from 0")

    def pause(self, error: InngestError, attempt: int, jitter: float) -> float:
        """Return the seconds to wait after the attempt (from 1), `jitter` being in [0, 1)."""
        backoff = jitter * min(self.maximum, self.initial * 2.0 ** (attempt - 1))
        asked = error.retry_after if isinstance(error, ApiError) else None
        return max(backoff, asked or 0.0)


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

"""RetryPolicy: the number of retries, their pauses, and the time for all of them."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from attrs import field, frozen

from inngest_rest._values.visible import shown
from inngest_rest.errors import ApiError, ConfigurationError, Setting

if TYPE_CHECKING:
    from inngest_rest.errors import InngestError
    from inngest_rest.typing import Seconds


def _seconds(value: Seconds) -> float:
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    is_number = isinstance(seconds, int | float)  # pyright: ignore[reportUnnecessaryIsInstance]
    if isinstance(seconds, bool) or not is_number or not seconds > 0:
        raise ConfigurationError(
            "initial, maximum and total of a RetryPolicy must be positive numbers of seconds or "
            f"timedeltas, not {shown(value)}",
            settings=[Setting("retries")],
        )
    try:
        return float(seconds)
    except OverflowError:  # an integer beyond all floats
        return math.inf


@frozen(kw_only=True)
class RetryPolicy:
    """How often, and for how long, a request is retried.

    The pause before retry n is random, between 0 and `initial * 2**(n-1)`, at most `maximum` (full
    jitter). If the server asks for a longer pause (`Retry-After`), that pause is used, plus a
    random part of `initial`, provided it fits within `total`. A 429 with that header is not counted
    as an attempt, and all calls of the client to that host wait.

    Args:
        retries: Maximum number of retries after the first attempt; 0 turns retrying off.
        initial: Longest first pause, seconds or timedelta.
        maximum: Longest pause, seconds or timedelta.
        total: Time limit for all attempts and pauses together, seconds or timedelta.
    """

    retries: int = 4
    initial: float = field(default=0.5, converter=_seconds)
    maximum: float = field(default=8.0, converter=_seconds)
    total: float = field(default=120.0, converter=_seconds)

    def __attrs_post_init__(self) -> None:
        if type(self.retries) is not int or self.retries < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(
                f"retries must be a non-negative integer, got {shown(self.retries)}",
                settings=[Setting("retries")],
            )

    def pause(self, error: InngestError, attempt: int, jitter: float) -> float:
        """Return the seconds to wait after the attempt (from 1), `jitter` being in [0, 1)."""
        backoff = jitter * self.backoff(attempt)
        asked = (error.retry_after if isinstance(error, ApiError) else None) or 0.0
        # Never earlier than asked, and not all callers at the same moment.
        return max(backoff, asked + jitter * min(asked, self.initial))

    def backoff(self, failures: int) -> float:
        """Return the longest pause after so many failures in a row, in seconds; 0 after none."""
        if failures < 1:
            return 0.0
        # Bounded, since a float overflows at 2**1024.
        return min(self.maximum, self.initial * 2.0 ** min(failures - 1, 1_000))

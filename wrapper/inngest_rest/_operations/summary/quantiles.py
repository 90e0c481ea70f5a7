"""Times of runs in bounded memory, and their percentiles by nearest rank."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections import Counter
from datetime import timedelta
from itertools import accumulate

from inngest_rest.summary import Percentiles

_MAX_EXACT = 1_000
_MICROSECOND = timedelta(microseconds=1)
_SHORTEST_S = 1e-6

# The ratio of the bounds of a bin, whose middle is within 1 % of both.
_BIN_RATIO = 1.01 / 0.99


class QuantileSketch:
    """Times whose percentiles are exact up to 1,000 of them, and within 1 % beyond.

    Beyond, it is a DDSketch (Masson, Rim and Lee, VLDB 2019), of 1,730 bins from a microsecond to
    30 years. No package of it, or of t-digest, is both maintained and built for each supported
    Python.
    """

    def __init__(self) -> None:
        self._exact_us = array("q")  # emptied when there are too many
        self._count_by_bin = Counter[int]()
        self._count = 0

    def add(self, time: timedelta) -> None:
        seconds = max(time.total_seconds(), _SHORTEST_S)
        self._count_by_bin[math.ceil(math.log(seconds, _BIN_RATIO))] += 1
        self._count += 1
        if self._count <= _MAX_EXACT:
            self._exact_us.append(max(time // _MICROSECOND, 0))
        elif self._exact_us:
            self._exact_us = array("q")

    def percentiles(self) -> Percentiles:
        value_at = self._exact_value_at if self._exact_us else self._near_value_at
        return Percentiles(p50=value_at(50), p95=value_at(95))

    def _exact_value_at(self, percent: int) -> timedelta:
        return sorted(self._exact_us)[self._rank(percent) - 1] * _MICROSECOND

    def _near_value_at(self, percent: int) -> timedelta:
        bins = sorted(self._count_by_bin)
        counts_up_to = list(accumulate(self._count_by_bin[each] for each in bins))
        bin_of_rank = bins[bisect_left(counts_up_to, self._rank(percent))]
        middle = _BIN_RATIO**bin_of_rank * 2 / (_BIN_RATIO + 1)
        return timedelta(seconds=round(middle, 3))

    def _rank(self, percent: int) -> int:
        """Return how many times a percentile is not exceeded by, in integers: floats round up."""
        return -(-self._count * percent // 100)

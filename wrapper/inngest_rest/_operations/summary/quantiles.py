"""Times of runs in bounded memory, and their percentiles by nearest rank."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from datetime import timedelta

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
        bin_number = math.ceil(math.log(seconds, _BIN_RATIO))
        self._count_by_bin[bin_number] += 1
        self._count += 1
        if self._count <= _MAX_EXACT:
            microseconds = max(time // _MICROSECOND, 0)
            self._exact_us.append(microseconds)
        elif self._exact_us:
            self._exact_us = array("q")

    def percentiles(self) -> Percentiles:
        value_at = self._exact_value_at if self._exact_us else self._near_value_at
        return Percentiles(p50=value_at(50), p95=value_at(95))

    def _exact_value_at(self, percent: int) -> timedelta:
        in_order = sorted(self._exact_us)
        return in_order[self._rank(percent) - 1] * _MICROSECOND

    def _near_value_at(self, percent: int) -> timedelta:
        bin_number = self._bin_of_rank(self._rank(percent))
        middle = _BIN_RATIO**bin_number * 2 / (_BIN_RATIO + 1)
        return timedelta(seconds=round(middle, 3))

    def _bin_of_rank(self, rank: int) -> int:
        """Return the bin of the time with a rank, the shortest being the first."""
        seen = 0
        for bin_number, count in sorted(self._count_by_bin.items()):
            seen += count
            if seen >= rank:
                return bin_number
        raise AssertionError  # no rank exceeds the count

    def _rank(self, percent: int) -> int:
        """Return the rank of a percentile: the share of all times, rounded up.

        In integers, since a product of floats may be rounded to the next rank.
        """
        return -(-self._count * percent // 100)

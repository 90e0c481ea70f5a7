"""Times as the server's Go code reads and writes them, in nanoseconds since the epoch."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

NS_PER_SECOND = 1_000_000_000
NS_PER_MILLISECOND = 1_000_000

ZERO_TIME = "0001-01-01T00:00:00Z"
"""Go's zero time, which the server writes for an unset time."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:[.,](\d+))?(Z|[+-]\d{2}:\d{2})?", re.ASCII
)


def to_datetime(ns: int) -> datetime:
    """Return an aware UTC datetime, truncated to the microsecond."""
    return _EPOCH + timedelta(microseconds=ns // 1_000)


def at_millisecond(ns: int) -> int:
    """Truncate a time to the millisecond: the precision of ULIDs and of trace times."""
    return ns - ns % NS_PER_MILLISECOND


def v1_time(ns: int) -> str:
    """Format a time as v1 does (Go's RFC3339Nano): up to nine digits, trailing zeros trimmed."""
    fraction = f"{ns % NS_PER_SECOND:09d}".rstrip("0")
    return _seconds(ns) + (f".{fraction}Z" if fraction else "Z")


def v2_time(ns: int) -> str:
    """Format a time as v2 does (protojson): none, three, six or nine fraction digits."""
    fraction = f"{ns % NS_PER_SECOND:09d}"
    while fraction.endswith("000"):
        fraction = fraction[:-3]
    return _seconds(ns) + (f".{fraction}Z" if fraction else "Z")


def parse_rfc3339(text: str) -> int | None:
    """Parse RFC 3339 with an offset; None if invalid.

    A UTC year outside 0001 to 9999 is invalid, too.
    """
    match = _RFC3339.fullmatch(text)
    moment = _from_match(match) if match is not None and match[3] else None
    return moment if moment is not None and _FIRST_NS <= moment <= _LAST_NS else None


def _from_match(match: re.Match[str]) -> int | None:
    try:
        moment = datetime.fromisoformat(match[1] + (match[3] or "Z"))
    except ValueError:
        return None
    return _to_ns(moment) + int((match[2] or "0")[:9].ljust(9, "0"))


def _to_ns(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(seconds=1) * NS_PER_SECOND


def _seconds(ns: int) -> str:
    moment = _EPOCH + timedelta(seconds=ns // NS_PER_SECOND)
    # Not strftime: it writes the year 97 with two digits on Linux.
    return moment.replace(tzinfo=None).isoformat()


_FIRST_NS = _to_ns(datetime.min.replace(tzinfo=UTC))
_LAST_NS = _to_ns(datetime.max.replace(tzinfo=UTC)) + NS_PER_SECOND - 1


def go_duration(ns: int) -> str:
    """Format a duration as Go does: `3s`, `1m0s`, `24h0m0s`."""
    seconds = ns / NS_PER_SECOND
    hours, minutes = int(seconds // 3_600), int(seconds // 60 % 60)
    text = f"{seconds % 60:g}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{hours}h{text}" if hours else text

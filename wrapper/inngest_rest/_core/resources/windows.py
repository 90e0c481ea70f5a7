"""Instants and windows of time, as callers write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from attrs import frozen

from inngest_rest._core.clock import whole_milliseconds
from inngest_rest._local.arguments import invalid
from inngest_rest._values.visible import shown
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest_api.types import Unset

Instant = datetime | timedelta

# Servers order runs by the time of scheduling, which is slightly later than that of queueing, and
# may truncate the bounds of a window to whole seconds.
_MARGIN = timedelta(seconds=5)


@frozen
class Window:
    """A window of time; a timedelta counts back from now, by the server's clock."""

    since: Instant | None = None
    until: Instant | None = None

    @classmethod
    def of(
        cls,
        session: Session,
        since: Instant | None,
        until: Instant | None,
        before: str = "",
    ) -> Window:
        """Reject naive datetimes, and an empty window; `before` is the prefix of argument names."""
        now = session.server_clocks["api"].now()
        begin = check_instant(f"{before}since", since, now)
        end = check_instant(f"{before}until", until, now)
        if begin is not None and end is not None and begin >= end:
            raise invalid(f"{before}since", f"must be before {before}until")
        # Kept in UTC: arithmetic in another zone is off by an hour when its clocks change.
        return cls(
            since=since if isinstance(since, timedelta) else begin,
            until=until if isinstance(until, timedelta) else end,
        )

    def __bool__(self) -> bool:
        return self.since is not None or self.until is not None

    @property
    def is_relative(self) -> bool:
        return isinstance(self.since, timedelta) or isinstance(self.until, timedelta)

    def ends(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        """Return both ends as instants."""
        since = None if self.since is None else instant(self.since, now)
        until = None if self.until is None else instant(self.until, now)
        return since, until

    def at(self, now: datetime) -> tuple[datetime | Unset, datetime | Unset]:
        """Return both ends as arguments of a request."""
        since, until = self.ends(now)
        since_argument = UNSET if since is None else since
        until_argument = UNSET if until is None else until
        return since_argument, until_argument

    def has(self, moment: datetime | None, now: datetime) -> bool:
        """Return whether a time, which has whole milliseconds, is in the window; None is not."""
        if moment is None:
            return False
        since, until = self.ends(now)
        if since is not None and moment < whole_milliseconds(since):
            return False
        return until is None or moment <= until

    def behind(self, place: datetime, now: datetime, *, is_ascending: bool) -> Window:
        """Return the rest of the window from a place in the order of the listing."""
        since, until = self.ends(now)
        if is_ascending:
            earliest = place - _MARGIN
            since = earliest if since is None else max(since, earliest)
        else:
            latest = place + _MARGIN
            until = latest if until is None else min(until, latest)
        if since is not None and until is not None and since >= until:
            return self  # servers refuse an empty window
        return Window(since=since, until=until)


ALL_TIME = Window()


def instant_to_text(value: str | datetime | timedelta | None) -> str | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, timedelta):
        return f"{_span(value)} ago"
    return value


_UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}


def _span(value: timedelta) -> str:
    """Return a length of time as `--since` accepts it, `90m`: whole, in its largest unit."""
    for unit, length in _UNITS.items():
        if value and not value % length:
            return f"{value // length}{unit}"
    return f"{value.total_seconds()}s"


def check_instant(
    name: str, value: datetime | timedelta | None, now: datetime
) -> datetime | None:
    """Return an instant, or a timedelta before now, as an instant in UTC.

    A datetime without a time zone is rejected: the server would read it as UTC.
    """
    if value is None:
        return None
    if isinstance(value, datetime) and value.utcoffset() is not None:
        try:
            return value.astimezone(UTC)
        except OverflowError:
            raise invalid(name, f"is out of range: {shown(value)}") from None
    if not isinstance(value, timedelta):
        what = "an aware datetime, as datetime.now(timezone.utc) is, or a timedelta"
        raise invalid(name, f"must be {what}, not {shown(value)}")
    if value <= timedelta():
        raise invalid(name, "must be a positive timedelta")
    try:
        return instant(value, now)
    except OverflowError:
        raise invalid(name, f"is too long ago: {value}") from None


def instant(value: datetime | timedelta, now: datetime) -> datetime:
    """Return the instant that is a timedelta before now; a datetime is returned unchanged."""
    return now - value if isinstance(value, timedelta) else value

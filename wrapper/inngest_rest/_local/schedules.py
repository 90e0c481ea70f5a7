"""The times that a server plans for a cron schedule, by cronsim of the extra `cli`.

A server uses the five fields and rules of robfig/cron 3, which differ from cronsim's default,
Debian's: a time that a daylight-saving change skips is not made up for, a repeated time is planned
twice, and a star with a step, such as `*/2`, restricts its day.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attrs import frozen

from inngest_rest._values.extras import how_to_install
from inngest_rest.errors import Advice, ConfigurationError

if TYPE_CHECKING:
    from types import ModuleType

    from cronsim import CronSim

    from inngest_rest.models import Function

# A server plans no time that is further ahead.
_MOST_AHEAD = timedelta(days=5 * 366)


@frozen
class Schedule:
    """A cron schedule in a time zone; by default UTC."""

    text: str
    fields: str
    zone: ZoneInfo
    names_zone: bool

    @classmethod
    @lru_cache(maxsize=512)
    def parse(cls, text: str) -> Schedule | None:
        """Parse a schedule as a server does; return None if its times cannot be computed."""
        match = re.fullmatch(r"(?:(?:CRON_)?TZ=(\S*)\s)?(.*)", text.strip(), re.DOTALL)
        assert match is not None  # any text matches
        zone_name, fields = match.groups()
        try:
            zone = ZoneInfo(zone_name or "UTC")
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return None
        schedule = cls(
            text=text,
            fields=fields.replace("?", "*"),  # cronsim knows only the star for any day
            zone=zone,
            names_zone=zone_name is not None,
        )
        return schedule if schedule._is_valid() else None

    def _is_valid(self) -> bool:
        has_five_fields = len(self.fields.split()) == 5
        return has_five_fields and self._walk(datetime.now(UTC)) is not None

    def after(self, moment: datetime) -> datetime | None:
        """Return the first planned time after a moment, in UTC; None if there is none."""
        return self._next(moment, is_backwards=False)

    def before(self, moment: datetime) -> datetime | None:
        """Return the last planned time before a moment, in UTC; None if there is none."""
        return self._next(moment, is_backwards=True)

    def _next(self, moment: datetime, *, is_backwards: bool) -> datetime | None:
        walk = self._walk(moment, is_backwards=is_backwards)
        if walk is None:
            return None
        try:
            planned = next(walk).astimezone(UTC)
        except (StopIteration, OverflowError):
            return None
        if abs(planned - moment) > _MOST_AHEAD:
            return None
        return planned

    def _walk(self, moment: datetime, *, is_backwards: bool = False) -> CronSim | None:
        """Return the times from a moment on, or back; None if it is not a schedule.

        With a field for the second, cronsim takes each time as the zone's clock shows it, as a
        server does, and does not correct times that a change of the clocks skips or repeats.
        """
        cronsim = _library()
        try:
            walk: CronSim = cronsim.CronSim(
                f"0 {self.fields}",
                moment.astimezone(self.zone),
                reverse=is_backwards,
            )
        except cronsim.CronSimError:
            return None
        days, weekdays = self.fields.split()[2::2]
        walk.day_and = _has_star(days) or _has_star(weekdays)
        return walk


_STAR = re.compile(r"\*(?:-.*)?(?:/0*1)?")


def _has_star(field: str) -> bool:
    """Return whether a field of days allows any day, so that the other field decides."""
    return any(_STAR.fullmatch(part) for part in field.split(","))


def schedules_of(function: Function) -> list[str]:
    """Return the schedules of a function, as its triggers have them."""
    return [each.value for each in function.triggers if each.kind == "cron"]


def _library() -> ModuleType:
    try:
        import cronsim  # noqa: PLC0415 - of an extra
    except ImportError as error:
        raise ConfigurationError(
            "the times of cron schedules require cronsim",
            advice=Advice(f"Install it: {how_to_install('cli')}"),
        ) from error
    return cronsim

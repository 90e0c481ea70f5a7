"""The planned times of schedules are those of robfig/cron 3.0.1, the library of servers.

The times here were printed by that library, with the fields that a server reads (its parser of
minute, hour, day, month and weekday), from the moment in the first column.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from inngest_rest._local.schedules import Schedule

PLANNED = """
2026-03-28T12:00 | TZ=Europe/Berlin 30 2 * * *       | 2026-03-30T00:30 2026-03-31T00:30
2026-03-28T12:00 | TZ=Europe/Berlin */15 2 * * *     | 2026-03-30T00:00 2026-03-30T00:15
2026-03-28T12:00 | TZ=Europe/Berlin 0 3 * * *        | 2026-03-29T01:00 2026-03-30T01:00
2026-10-24T12:00 | TZ=Europe/Berlin 30 2 * * *       | 2026-10-25T00:30 2026-10-25T01:30
2026-11-01T03:00 | CRON_TZ=America/New_York 30 1 * * * | 2026-11-01T05:30 2026-11-01T06:30
2018-11-03T00:00 | TZ=America/Sao_Paulo 0 0 * * *    | 2018-11-03T03:00 2018-11-05T02:00
2026-10-24T12:00 | TZ=Asia/Kolkata 30 9 * * 1-5      | 2026-10-26T04:00 2026-10-27T04:00
2026-02-20T00:00 | 0 0 */2 * 1                       | 2026-02-21T00:00 2026-02-23T00:00
2026-02-20T00:00 | 0 0 */1 * 1                       | 2026-02-23T00:00 2026-03-02T00:00
2026-02-20T00:00 | 0 0 *,5 * 1                       | 2026-02-23T00:00 2026-03-02T00:00
2026-02-20T00:00 | 0 0 ? * 1                         | 2026-02-23T00:00 2026-03-02T00:00
2026-02-20T00:00 | 0 0 1,15 * 1                      | 2026-02-23T00:00 2026-03-01T00:00
2026-02-20T00:00 | 0 0 * jan,JUN *                   | 2026-06-01T00:00 2026-06-02T00:00
2026-02-20T00:00 | 5/15 * * * *                      | 2026-02-20T00:05 2026-02-20T00:20
2026-02-20T00:00 | 0 0 29 2 *                        | 2028-02-29T00:00 2032-02-29T00:00
"""


def _rows() -> list[tuple[datetime, str, list[datetime]]]:
    rows: list[tuple[datetime, str, list[datetime]]] = []
    for line in PLANNED.strip().splitlines():
        start, schedule, times = (part.strip() for part in line.split("|"))
        rows.append((_utc(start), schedule, [_utc(time) for time in times.split()]))
    return rows


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}:00+00:00")


@pytest.mark.parametrize(("start", "text", "planned"), _rows())
def test_the_times_after_a_moment_and_before_it_are_those_that_a_server_plans(
    start: datetime, text: str, planned: list[datetime]
) -> None:
    schedule = Schedule.parse(text)
    assert schedule is not None
    first, second = planned
    assert schedule.after(start) == first
    assert schedule.after(first) == second
    assert schedule.before(second) == first
    # A moment is not before itself, and the one before it need not be on a second.
    assert schedule.before(first + timedelta(microseconds=1)) == first


@pytest.mark.parametrize(
    "text",
    ["", "0 9", "0 0 0 * * *", "a b c d e", "0 24 * * *", "*/0 * * * *", "TZ=Mars/Base 0 0 * * *"],
)
def test_of_what_no_server_reads_there_are_no_times(text: str) -> None:
    assert Schedule.parse(text) is None


def test_a_schedule_that_never_comes_has_no_time_after_it_and_none_before() -> None:
    schedule = Schedule.parse("0 0 31 2,4 *")
    assert schedule is None or schedule.after(_utc("2026-02-20T00:00")) is None

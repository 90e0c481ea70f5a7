"""The layout of a trace: rows, offsets and durations on one time axis; safe texts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from inngest_rest._values.visible import shortened
from inngest_rest._waterfall.layout import lay_out, text_of, tick_text, ticks
from tests.support.traces import BEGIN, NOW, recorded_trace, span

if TYPE_CHECKING:
    from inngest_rest._waterfall.layout import SpanRow
    from inngest_rest.models import Span

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def rows_of(root: Span) -> dict[str, SpanRow]:
    return {row.name: row for row in lay_out(root, NOW).rows}


def length(row: SpanRow) -> float:
    """Return the seconds that a row is drawn for."""
    assert row.started_at is not None
    assert row.ended_at is not None
    return (row.ended_at - row.started_at).total_seconds()


def test_what_has_no_end_in_a_run_that_has_ends_with_it() -> None:
    sleep = span("sleep", 1, 1, None, status="waiting", step_op="sleep")
    rows = rows_of(span("Run", 0, 0, 4, sleep, status="cancelled"))
    assert (rows["sleep"].is_open, rows["sleep"].status) == (False, "waiting")
    assert length(rows["sleep"]) == 3


def test_a_duration_without_an_end_counts_from_the_start() -> None:
    # Seen of a run that has failed and reads "waiting".
    root = lay_out(recorded_trace("v2-trace-boom"), NOW).rows[0]
    assert (root.is_open, length(root)) == (False, 0.007)


@pytest.mark.parametrize(
    "root",
    [
        span("Run", None, None, None),
        span("Run", 0, None, None, status="skipped"),
        span("Run", 0, 0, 0),
        recorded_trace("v2-trace-skipped"),
        span("Run", 5, 3, 2),
        span("Run", 0, 0, 5, span("before", -9, -8, -7)),
        span("Run", 0, 0, 5, queued_at=FIRST, ended_at=LAST),
    ],
)
def test_times_that_make_no_sense_are_drawn_within_the_axis(root: Span) -> None:
    assert lay_out(root, BEGIN).total >= timedelta(milliseconds=1)
    assert all(len(line) <= 80 for line in root.render(width=80, now=NOW).splitlines())


def test_now_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match=r"now has no time zone: use datetime\.now\(UTC\)"):
        lay_out(span("Run"), datetime(2026, 11, 24))  # noqa: DTZ001


def test_an_error_stands_where_it_happened_and_once() -> None:
    rows = lay_out(recorded_trace("v2-trace-step-fails"), NOW).rows
    assert [row.error for row in rows] == [None, None, *["RetryAfterError: bad step"] * 2]
    rows = lay_out(recorded_trace("v2-trace-invoke-fails"), NOW).rows
    boom = "NonRetriableError: boom happened"
    assert [row.error for row in rows] == [None, boom, None, boom]


@pytest.mark.parametrize(
    ("output", "error"),
    [
        (None, None),
        ("boom", "boom"),
        ({}, "an error without a message"),
        ({"name": "E", "message": ""}, "E"),
        ({"name": "E", "message": "boom\nat line 3"}, "E: boom"),
        ({"message": "\x1b"}, "\\x1b"),
    ],
)
def test_an_error_is_one_line_of_what_the_output_has(output: object, error: str | None) -> None:
    step = span("a", 0, 0, 1, status="failed", output=output)
    assert lay_out(span("Run", 0, 0, 1, step), NOW).rows[1].error == error


def test_a_trace_may_be_deeper_than_functions_call_each_other() -> None:
    root = span("leaf", 0, 0, 1)
    for _ in range(2_000):
        root = span("Run", 0, 0, 1, root)
    assert lay_out(root, NOW).rows[-1].depth == 2_000
    assert root.render(now=NOW).count("\n") == 2_002


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, ünïcödé, 注文, שלום", "plain text, ünïcödé, 注文, שלום"),
        ("a\x1b[0m\x9b\r\n\t\x7f", r"a\x1b[0m\x9b\r\n\t\x7f"),
        ("\u202e\u2066\u200b\ufeff\u2028", r"\u202e\u2066\u200b\ufeff\u2028"),
        ("\ud800\U000e0041\U0010ffff", r"\ud800\U000e0041\U0010ffff"),
        ("'\"\\", "'\"\\"),
        ("x" * 1_000, f"{'x' * 200}…{'x' * 200}"),
    ],
)
def test_characters_that_do_not_print_are_written_out(text: str, shown: str) -> None:
    assert shortened(text) == shown


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (0, "0 ms"),
        (0.0009, "0 ms"),
        (0.057, "57 ms"),
        (0.9999, "999 ms"),
        (1, "1.00 s"),
        (9.996, "10.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3_599.7, "1 h 00 min"),
        (7_500, "2 h 05 min"),
        (86_399, "1 d 00 h"),
        (1_080_000, "12 d 12 h"),
    ],
)
def test_a_duration_is_written_with_three_figures(duration: float, text: str) -> None:
    assert text_of(timedelta(seconds=duration)) == text


@pytest.mark.parametrize(
    ("total", "texts"),
    [
        (0.001, "0, 1 ms"),
        (0.452, "0, 100 ms, 200 ms, 300 ms, 400 ms"),
        (4.041, "0, 1 s, 2 s, 3 s, 4 s"),
        (8, "0, 2 s, 4 s, 6 s, 8 s"),
        (100, "0, 30 s, 1 min, 1.5 min"),
        (90_000, "0, 6 h, 12 h, 18 h, 1 d"),
        (3e6, "0, 10 d, 20 d, 30 d"),
    ],
)
def test_ticks_are_round_and_few(total: float, texts: str) -> None:
    assert ", ".join(map(tick_text, ticks(timedelta(seconds=total), 5))) == texts
    assert ticks(timedelta.max, 5)

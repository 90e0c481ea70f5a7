"""What a notebook shows of records, reports, traces and listings: escaped tables, no scripts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import (
    ActionOutcome,
    ActionReport,
    AsyncInngestClient,
    Run,
    RunError,
    RunStatus,
    RunSummary,
)
from inngest_rest.bulk import ActionRow
from inngest_rest.models import Span
from inngest_rest.summary import ErrorCount, Percentiles, RunGroup
from inngest_rest_mock import MockServer
from tests.support.run_lists import Listed, RunLists

if TYPE_CHECKING:
    from inngest_rest.record import Record
    from tests.conftest import Connect

AT = datetime(2026, 11, 27, 1, 2, 3, 456_000, tzinfo=UTC)

# A call, an enum, a dict or a tuple as Python writes them.
PYTHON = re.compile(r"datetime|timedelta|\w\(\w+=|&lt;[A-Z]\w+\.|\{&#x27;|\(&#x27;")

EVIL = "<script>alert('x')</script>\u202e"
RUN = Run("01R", RunStatus.FAILED, error=RunError("E", EVIL), function_id=EVIL)
REPORT = ActionReport(
    "runs.cancel", [ActionRow(n, f"01{n}", ActionOutcome.DONE, reason=EVIL) for n in range(30)]
)


@pytest.mark.parametrize("record", [RUN, REPORT, Span("s", EVIL, EVIL, output=EVIL)])
def test_text_of_others_is_escaped(record: Record) -> None:
    shown = record._repr_html_()
    assert "<script" not in shown
    assert "\u202e" not in shown
    assert "&lt;script&gt;alert" in shown or "&amp;lt;script" in shown


def test_a_report_shows_counts_and_its_first_rows() -> None:
    shown = REPORT._repr_html_()
    assert "<th>counts</th>" in shown
    assert shown.count("<td>01") == 20
    assert "and 10 more" in shown


def test_a_report_shows_what_the_terminal_shows_and_no_python() -> None:
    row = ActionRow(0, "01R", ActionOutcome.PLANNED, status="failed", queued_at=AT, from_step="pay")
    shown = ActionReport("runs.replay", [row], since=AT)._repr_html_()
    assert "<th>counts</th><td>1 planned</td>" in shown
    assert "<td>planned</td>" in shown
    assert shown.count("<td>2026-11-27 01:02:03</td>") == 2
    assert not PYTHON.search(shown)


def test_a_summary_shows_what_the_terminal_shows_and_no_python() -> None:
    times = {"total": Percentiles(timedelta(seconds=30.879), timedelta(seconds=49.9))}
    errors = (
        ErrorCount(633, "PspError: declined", {"shop/charge": 633}, ("01A", "01B", "01E")),
        ErrorCount(1, "<b>", {"shop/charge": 1}, ("01B",)),
    )
    counts = {"completed": 1_571, "failed": 633, "running": 2}
    group = RunGroup("shop/charge", counts, 2, 0.2872, times, "01C", "01D", errors)
    shown = RunSummary("function", (group,), ("a note", "another"))._repr_html_()
    for cell in (
        *("shop/charge", "2,206", "███░░░░░  28.7% 633", "2", "30.9 s / 49.9 s", "01C", "01D"),
        f"{errors[0]}<br>1 x &lt;b&gt; (of shop/charge: 01B)",
        "a note<br>another",
    ):
        assert f"<td>{cell}</td>" in shown
    assert not PYTHON.search(shown)


def test_a_run_shows_its_error_and_its_times_as_the_terminal_does() -> None:
    run = Run("01R", RunStatus.FAILED, AT, event_ids=("01E",), error=RunError("PspError", "no"))
    shown = run._repr_html_()
    for name, cell in {
        "status": "failed",
        "queued_at": "2026-11-27 01:02:03",
        "event_ids": "01E",
        "error": "PspError: no",
    }.items():
        assert f"<th>{name}</th><td>{cell}</td>" in shown


def test_reprs_have_counts() -> None:
    assert "counts={<ActionOutcome.DONE: 'done'>: 30}" in repr(REPORT)
    assert "runs=0" in repr(RunSummary("app", (), ()))


def test_a_listing_shows_the_first_rows_of_one_page(connect: Connect) -> None:
    lists = RunLists(250, lambda _: Listed(function="<b>"))
    listing: Any = connect(transport=lists).runs.list()
    shown = listing._repr_html_()
    assert shown.count("<tr>") == 1 + 20
    assert "<b>" not in shown
    assert len(lists.asked) == 1
    assert "and 80 more" in shown


def test_an_empty_listing_and_an_asynchronous_one_show_their_repr(connect: Connect) -> None:
    empty: Any = connect(transport=MockServer().transport).runs.list()
    assert empty._repr_html_() is None
    assert AsyncInngestClient(dev=True).runs.list()._repr_html_() is None

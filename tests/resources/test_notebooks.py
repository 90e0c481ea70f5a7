"""What a notebook shows of records, reports, traces and listings: escaped tables, no scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import (
    ActionOutcome,
    ActionReport,
    ActionRow,
    AsyncInngestClient,
    Run,
    RunError,
    RunStatus,
    RunSummary,
    Span,
    Webhook,
)
from inngest_rest.testing import MockServer
from tests.support.run_lists import Listed, RunLists

if TYPE_CHECKING:
    from inngest_rest.record import Record
    from tests.conftest import Connect

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


def test_a_trace_is_a_frame_without_scripts() -> None:
    shown = Span("s", "Run", "completed")._repr_html_()
    assert shown.startswith("<iframe sandbox ")
    assert "srcdoc=" in shown


def test_a_key_is_not_shown() -> None:
    assert "sk" not in Webhook("1", url="https://x/e/sk")._repr_html_()


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

"""What a notebook shows of the report of an act on many: a table, and no Python."""

from __future__ import annotations

from inngest_rest.bulk import ActionOutcome, ActionReport, ActionRow
from tests.support.notebooks import AT, EVIL, PYTHON, require_escaped

REPORT = ActionReport(
    "runs.cancel", [ActionRow(n, f"01{n}", ActionOutcome.DONE, reason=EVIL) for n in range(30)]
)


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


def test_text_of_others_is_escaped_and_a_repr_has_counts() -> None:
    require_escaped(REPORT)
    assert "counts={<ActionOutcome.DONE: 'done'>: 30}" in repr(REPORT)

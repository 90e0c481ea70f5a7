"""What a notebook shows of a summary: a table, and no Python."""

from __future__ import annotations

from datetime import timedelta

from inngest_rest.summary import ErrorCount, Percentiles, RunGroup, RunSummary
from tests.support.notebooks import PYTHON


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
    assert "runs=0" in repr(RunSummary("app", (), ()))

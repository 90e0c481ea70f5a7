"""`runs summary`: a table with bars, short JSON, and Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from inngest_rest_mock import fails

if TYPE_CHECKING:
    from inngest_rest_mock import MockServer
    from tests.support.command import Run


@pytest.fixture
def runs(run: Run, mock: MockServer) -> None:
    mock.function(
        "crm", "sync", trigger="order/synced", run=fails('no "x" \\ y | z\x1b[J\n# HELP a')
    )
    mock.function("crm", "import", trigger="order/imported")
    for name, count in {"placed": 30, "failed": 2, "open": 3, "synced": 2, "imported": 9}.items():
        run.start(name, count)


@pytest.mark.usefixtures("runs")
def test_the_table_has_a_bar_for_the_failures_and_the_errors(run: Run) -> None:
    heading, first, *rest = run("runs", "summary", "-o", "table").out.splitlines()
    assert heading.split() == ["NAME", "RUNS", "FAILED", "OPEN", "TOTAL", "P50/P95"]
    assert first.split()[:5] == ["crm/sync", "2", "█" * 8, "100.0%", "2"]
    assert [line.split()[0] for line in rest[:4]] == [
        "shop/ship",
        "shop/charge",
        "crm/import",
        "shop/wait",
    ]
    assert rest[3].split() == ["shop/wait", "3", "0", "3"]
    assert r'crm/sync: 2 x NonRetriableError: no "x" \ y | z\x1b[J (of crm/sync: ' in "".join(rest)
    failed = [each.id for each in run.server.runs if each.function_id == "ship"]
    ids = ", ".join(reversed(failed))
    assert f"shop/ship: 2 x NonRetriableError: no stock (of shop/ship: {ids})" in " ".join(rest)
    assert rest[-1] == "Times are totals: `exact` gets 43 runs, for waiting and running."


@pytest.mark.usefixtures("runs")
def test_the_answer_about_five_functions_has_fewer_than_300_tokens(run: Run) -> None:
    ran = run("runs", "summary")
    data = ran.answer["data"]
    assert sum(sum(group["counts"].values()) for group in data["groups"]) == 46
    assert len(ran.out.encode()) / 4 < 300


@pytest.mark.usefixtures("runs")
def test_markdown_is_a_table_whose_text_is_no_markup(run: Run) -> None:
    lines = run("runs", "summary", "--by", "error", "-o", "markdown").out.splitlines()
    assert lines[1] == "| --- | --- | --- | --- | --- | --- |"
    assert {re.sub(r"\\.", "", line).count("|") for line in lines[:4]} == {7}
    error = r'NonRetriableError: no "x" \\ y \| z\\x1b\[J'
    assert any(line.startswith(f"| {error} | 2 | ") for line in lines)
    assert any(line.startswith(f"- 2 x {error} (of crm/sync: ") for line in lines)


def test_nothing_is_a_summary_of_no_runs(run: Run) -> None:
    assert run("runs", "summary", "-o", "table").out == "no runs\nSearched runs with no filter.\n"
    assert run("runs", "summary", "-o", "json").answer["data"]["groups"] == []

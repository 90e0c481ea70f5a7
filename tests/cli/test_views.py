"""Views of one record as a table: what they begin with, and where they end."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Run


GOOD = '{"name": "order/placed"}\n'
BAD = '{"nmae": "order/placed"}\n'
MORE = "and 2 more; -o json --output-file has all"


@pytest.mark.parametrize("count", [100, 102])
def test_an_act_shows_100_rows_and_counts_the_others(count: int, run: Run) -> None:
    ids = run.start("open", count)
    said, heading, *rows = run("runs", "cancel", *ids, "--yes", "-o", "table").out.splitlines()
    assert said == f"runs.cancel: {count} done at http://127.0.0.1:8288"
    assert heading.startswith("ID ")
    assert [row.split()[0] for row in rows[:100]] == ids[:100]
    assert rows[100:] == ([MORE] if count > 100 else [])


@pytest.mark.parametrize("count", [100, 102])
def test_what_was_sent_shows_100_ids_and_counts_the_others(count: int, run: Run) -> None:
    events = json.dumps([{"name": "order/placed"}] * count)
    said, *ids = run("send-many", "--events", events, "-o", "table").out.splitlines()
    assert said == f"{count} accepted at http://127.0.0.1:8288"
    assert ids[:100] == [each.internal_id for each in run.server.events[:100]]
    assert ids[100:] == ([MORE] if count > 100 else [])


@pytest.mark.parametrize("count", [1, 100, 102])
def test_what_was_not_accepted_shows_100_reasons_and_counts_the_others(
    count: int, run: Run, folder: Path
) -> None:
    (folder / "orders.ndjson").write_text(GOOD + BAD * count)
    ran = run("send-file", "orders.ndjson", "-o", "table")
    said, id, *reasons = ran.out.splitlines()
    assert said == f"1 accepted, {count} rejected at http://127.0.0.1:8288"
    assert id == run.server.events[0].internal_id
    places = [line.partition(":")[0] for line in reasons[:100]]
    assert places == [str(at) for at in range(2, min(count, 100) + 2)]
    assert reasons[100:] == ([MORE] if count > 100 else [])


def test_an_explanation_has_a_table_of_runs_if_there_are_any(run: Run) -> None:
    with_run, without = run.client.send([{"name": "order/placed"}, {"name": "order/other"}])
    assert "STATUS" in run("events", "explain", with_run, "-o", "table").out
    out = run("events", "explain", without, "-o", "table").out
    assert "started no run" in out
    assert "STATUS" not in out


def test_a_table_of_all_functions_has_their_last_runs_and_the_next_of_crons(run: Run) -> None:
    run.server.function("mail", "digest", cron="* * * * *")
    run.server.fire_cron("mail", "digest")
    run.server.advance(timedelta(minutes=1))
    out = run("functions", "list", "--runs", "-o", "table").out
    assert "LAST STATUS" in out
    assert "NEXT RUN" in out
    assert "NEXT RUN" not in run("functions", "list", "shop", "-o", "table").out
    items = run("functions", "list", "--runs").answer["data"]["items"]
    assert [(each["id"], each.get("last_status")) for each in items] == [
        ("charge", None),
        ("ship", None),
        ("wait", None),
        ("reserve", None),
        ("digest", "completed"),
    ]

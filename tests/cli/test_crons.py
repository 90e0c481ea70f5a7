"""The commands about crons and deployments: exit statuses for a monitor and for CI."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from inngest_rest_mock import MockServer
    from tests.support.command import Run

MINUTELY = "* * * * *"


@pytest.fixture
def mock(mock: MockServer) -> MockServer:
    mock.function("mail", "digest", cron=MINUTELY)
    mock.fire_cron("mail", "digest")
    mock.advance(timedelta(minutes=1))
    return mock


@pytest.mark.usefixtures("mock")
def test_a_table_of_all_functions_has_their_last_runs_and_the_next_of_crons(run: Run) -> None:
    out = run("functions", "list", "--runs", "-o", "table").out
    assert "LAST STATUS" in out
    assert "NEXT RUN" in out
    assert "NEXT RUN" not in run("functions", "list", "shop", "-o", "table").out
    items = run("functions", "list", "--runs").answer["data"]["items"]
    assert [(each["id"], each.get("last_status")) for each in items] == [
        ("charge", None),
        ("ship", None),
        ("wait", None),
        ("digest", "completed"),
    ]


def test_a_missed_cron_exits_with_1_and_a_longer_grace_with_0(run: Run, folder: Path) -> None:
    run.server.advance(timedelta(minutes=30))
    ran = run("runs", "check", "--crons", "--grace", "10m", "-o", "table")
    assert ran.status == 1
    assert ran.out.startswith("broken: 1 of 1 cron: mail/digest missed ")
    rules = '[[rules]]\ncrons = true\ngrace = "2h"\n'
    (folder / "check.toml").write_text(rules, encoding="utf-8")
    assert run("runs", "check", "--params", "@check.toml", "-o", "table").status == 0


@pytest.mark.usefixtures("mock")
@pytest.mark.parametrize("grace", ["10", "soon", "2026-11-30T00:00:00Z", "10 m"])
def test_a_grace_is_a_length_of_time(run: Run, grace: str) -> None:
    ran = run("runs", "check", "--crons", "--grace", grace)
    assert ran.status == 2
    assert "must be a length of time such as 90s, 15m, 2h, 7d" in ran.out


@pytest.mark.usefixtures("mock")
def test_an_app_is_compared_with_the_file_that_functions_list_wrote(run: Run, folder: Path) -> None:
    written = run("functions", "list", "-o", "json").out
    (folder / "functions.json").write_text(written, encoding="utf-8")
    assert run("apps", "check", "shop", "--expect", "@functions.json").status == 0
    page = run("functions", "list", "--limit", "2", "-o", "json").out
    ran = run("apps", "check", "shop", "--expect", page)
    assert ran.status == 2
    assert "functions list --limit 1000" in ran.answer["error"]["hint"]
    ran = run("apps", "check", "shop", "--expect", '["charge", "ship", "refund"]')
    assert ran.status == 13
    assert ran.answer["data"]["new"] == ["wait"]
    assert ran.answer["data"]["gone"] == ["refund"]
    assert run("apps", "check", "shop", "--count", "40").status == 13
    assert run("apps", "check", "shop", "--count", "3").status == 0


@pytest.mark.usefixtures("mock")
def test_a_sync_exits_with_1_if_the_app_has_other_functions_than_expected(run: Run) -> None:
    sync = ("apps", "sync", "shop", "https://shop.test/api/inngest")
    assert run(*sync, "--count", "3").status == 0
    ran = run(*sync, "--count", "40")
    assert ran.status == 13
    assert ran.answer["data"]["check"]["expected_count"] == 40

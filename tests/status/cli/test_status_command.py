"""`inngest-rest status` for cron and CI: rules as options, and an exit status for each verdict."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from inngest_rest_mock import answers, drops

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


def test_a_verdict_that_is_ok_exits_with_0_and_a_broken_one_with_13(run: Run) -> None:
    assert run("status", "--failed-above", "5%").status == 0
    run.start("failed")
    ran = run("status", "--failed-above", "0.05")
    assert (ran.status, ran.answer["error"]["code"]) == (13, "broken")
    assert ran.answer["error"]["message"] == "broken: succeeding"
    assert ran.answer["data"]["verdict"] == "broken"
    assert run("status", "--failed-above", "5").status == 2


def test_without_a_key_it_exits_with_3(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INNGEST_DEV")
    assert run("status").status == 3


def test_a_server_that_is_down_exits_with_13(run: Run) -> None:
    run.server.fault(drops(httpx.ConnectError), times=None)
    ran = run("status")
    assert ran.status == 13
    assert "the server does not answer" in ran.out


def test_successes_are_named_with_a_time(mock: MockServer, run: Run, folder: Path) -> None:
    rules = ("--no-success-of", "mail/*=2h", "--no-success-of", "*=26h")
    assert run("status", *rules).status == 0
    mock.advance(timedelta(hours=3))
    ran = run("status", *rules)
    assert ran.status == 13
    assert "no run of mail/* has completed in the last 2 h" in ran.out
    (folder / "rules.toml").write_text('[no_success_of]\n"mail/*" = "9h"\n', encoding="utf-8")
    mock.function("mail", "letter", trigger="order/placed")
    assert run("status", "--function", "mail/l*", "--params", "@rules.toml").status == 0


@pytest.mark.usefixtures("mock")
@pytest.mark.parametrize("time", ["=10", "=soon", "=2026-11-30T00:00:00Z", "=10 m", "=", ""])
def test_the_time_of_a_success_is_a_length_of_time(run: Run, time: str) -> None:
    ran = run("status", "--no-success-of", f"mail/digest{time}")
    assert ran.status == 2
    assert "must be a length of time such as 90s, 15m, 2h, 7d" in ran.out


def test_what_functions_list_writes_differs_only_in_the_functions_that_a_deployment_changed(
    mock: MockServer, run: Run
) -> None:
    """As the recipe compares it, by `diff`."""

    def written() -> list[str]:
        return run("functions", "list", "-o", "ndjson").out.splitlines()

    before = written()
    assert written() == before
    mock.function("mail", "letter", cron="0 4 * * *")
    [new] = set(written()) - set(before)
    assert '"value":"0 4 * * *"' in new


def test_without_a_verdict_it_exits_with_14(run: Run) -> None:
    run.server.fault(answers(500), operation="get_metrics", times=None)
    ran = run("status", "--queue-depth-above", "9", "--retries", "0")
    assert (ran.status, ran.answer["error"]["code"]) == (14, "not_judged")


def test_what_shows_more_is_named_as_the_command_names_it(run: Run) -> None:
    run.start("failed", 3)
    out = run("status", "-o", "table").out
    assert "→ `runs summary` shows the errors" in out

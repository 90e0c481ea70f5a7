"""Each exit status, by a command that ends with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest

from inngest_rest_mock import answers, drops
from inngest_rest_tools import schemas
from inngest_rest_tools.command import execute
from inngest_rest_tools.problems import EXIT_STATUS
from tests.support.disk import fill_disk

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Run


NO_RUN = "01K9V2D6N9P1R7Z4W8X3Y5A0BC"


def test_0_if_it_is_done(run: Run) -> None:
    assert run("runs", "list").status == 0


def test_1_for_an_error_of_this_program(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(execute, "client_of", break_down)
    ran = run("runs", "list")
    assert ran.status == 1
    assert ran.answer["error"]["message"] == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    "tokens",
    [
        ["runs", "list", "--limit", "0"],
        ["runs", "lst"],
        ["runs", "list", "--statsu", "failed"],
        ["runs", "get"],
        ["runs", "get", "a/b"],
        ["runs", "list", "--since", "yesterday"],
        ["runs", "list", "--since", "2026-11-25T12:00:00"],
        ["runs", "cancel"],
        ["send", "", "--data", "{}"],
    ],
    ids=" ".join,
)
def test_2_for_a_mistake_in_the_arguments(tokens: list[str], run: Run) -> None:
    ran = run(*tokens)
    assert ran.status == 2
    assert ran.answer["error"]["code"] == "usage"


def test_2_for_a_full_disk(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_disk(monkeypatch)
    ran = run("runs", "export", "runs.csv")
    assert ran.status == 2
    message = ran.answer["error"]["message"]
    assert message == f"cannot use {folder / 'runs.csv'}: no space left on device"


def test_3_without_a_key(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INNGEST_DEV")
    ran = run("runs", "list")
    assert ran.status == 3
    assert "INNGEST_SIGNING_KEY" in ran.answer["error"]["hint"]
    assert "a key is never an option" in ran.answer["error"]["hint"]


def test_3_if_the_server_rejects_the_key(run: Run) -> None:
    run.server.fault(answers(401), times=None)
    assert run("runs", "list").status == 3


@pytest.mark.parametrize("command", ["get", "trace", "cancel", "wait"])
def test_4_if_there_is_no_such_run(command: str, run: Run) -> None:
    assert run("runs", command, NO_RUN).status == 4


def test_5_if_the_server_asks_for_a_pause(run: Run) -> None:
    run.server.fault(answers(429, headers={"Retry-After": "7"}), times=None)
    ran = run("runs", "list", "--retries", "0")
    assert ran.status == 5
    assert ran.answer["error"]["retry_after"] == 7


def test_6_if_some_of_it_is_done(run: Run) -> None:
    ids = run.start("open", 2)
    ran = run("runs", "cancel", *ids, NO_RUN, "--yes")
    assert ran.status == 6
    assert ran.answer["data"]["counts"] == {"done": 2, "not_found": 1}


def test_7_if_the_server_does_not_respond(run: Run) -> None:
    run.server.fault(drops(httpx.ConnectError), times=None)
    ran = run("runs", "list", "--retries", "0")
    assert ran.status == 7
    assert ran.answer["error"]["retryable"] is True


@pytest.mark.parametrize("status", [500, 503])
def test_8_if_the_server_fails(status: int, run: Run) -> None:
    run.server.fault(answers(status), times=None)
    assert run("runs", "list", "--retries", "0").status == 8


def test_9_if_it_has_to_be_confirmed(run: Run) -> None:
    run.start("open")
    assert run("runs", "cancel", "--status", "running").status == 9


def test_10_if_a_run_does_not_end_in_time(run: Run) -> None:
    (id,) = run.start("open")
    assert run("runs", "wait", id, "--timeout", "3").status == 10


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("runs.wait", ["runs", "wait"]),
        ("runs.watch", ["runs", "watch", "--every", "1", "--timeout", "3", "-o", "json"]),
        ("events.wait", ["events", "wait"]),
    ],
)
def test_11_if_the_run_failed_and_that_is_asked_for(name: str, tokens: list[str], run: Run) -> None:
    (id,) = run.start("reserved")
    ids = {"runs.wait": [id], "events.wait": [run.server.events[-1].internal_id]}.get(name, [])
    ran = run(*tokens, *ids, "--exit-status")
    assert ran.status == 11
    assert ran.answer["error"]["message"] == f"1 of 1 runs did not complete: {id} failed"
    assert ran.answer["data"]["items"]


def test_12_if_a_report_has_nothing_left_to_do(run: Run, folder: Path) -> None:
    (id,) = run.start("open")
    words = ["runs", "cancel", id, "--report", str(folder / "report.jsonl")]
    assert [run(*words).status for _ in range(2)] == [0, 12]


def test_0_if_the_run_completed_and_the_exit_status_is_asked_for(run: Run) -> None:
    (id,) = run.start("placed")
    assert run("runs", "wait", id, "--exit-status").status == 0


def test_130_if_it_is_interrupted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(execute, "client_of", interrupt)
    ran = run("runs", "list")
    assert ran.status == 130
    assert ran.answer["error"]["code"] == "interrupted"


def test_130_if_a_command_is_interrupted_that_is_no_operation(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(schemas, "of_parameters", interrupt)
    assert run("schema", "runs.list") == (130, "", "")


def test_each_status_has_a_test() -> None:
    tested = {int(name.split("_")[1]) for name in globals() if re.match("test_[0-9]", name)}
    of_verdicts = {13, 14}  # tests/cli/test_contract.py
    assert tested | of_verdicts == {0, *EXIT_STATUS.values()}


@pytest.mark.parametrize(
    ("command", "note"),
    [
        (("send", "order/open"), "The event was sent; its internal id is 0"),
        (("functions", "invoke", "shop", "wait"), "The function was invoked; its run is 0"),
    ],
    ids=["send", "invoke"],
)
def test_what_fails_in_the_wait_after_an_act_is_not_to_be_tried_again(
    run: Run, command: tuple[str, ...], note: str
) -> None:
    run.server.fault(drops(httpx.ConnectError), times=None, method="GET")
    ran = run(*command, "--wait", "5", "--retries", "0")
    assert ran.status == 7
    assert note in ran.answer["error"]["message"]
    assert ran.answer["error"]["retryable"] is False

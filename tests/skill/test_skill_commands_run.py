"""Every command of the skill does what the skill says of it."""

from __future__ import annotations

import json
import re
import shlex
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient
from inngest_rest_tools.command import agent_skill, execute
from inngest_rest_tools.parameters import DEFAULT_LIMIT
from inngest_rest_tools.problems import EXIT_STATUS
from tests.operations.cases import World
from tests.support import agent

if TYPE_CHECKING:
    from pathlib import Path

SKILL = agent_skill.own_files()["SKILL.md"]
ROWS = agent.rows_of(SKILL)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Serve the shop, and make the files of the examples."""
    world = World(tmp_path)
    world.mock.function("shop", "confirm", trigger="shop/order.created")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "order.json").write_text('{"order": 1}', encoding="utf-8")
    (tmp_path / "input.json").write_text('{"order": 1}', encoding="utf-8")
    client = partial(InngestClient, transport=world.mock.transport)
    monkeypatch.setattr(execute, "InngestClient", client)
    monkeypatch.setenv("INNGEST_DEV", "1")
    return world


def run(*arguments: str) -> tuple[int, Any]:
    status, output = agent.in_process(arguments)
    return status, json.loads(output)


def test_each_row_of_the_table_is_a_command() -> None:
    table = SKILL[SKILL.index("| Task |") :].partition("\n\n")[0]
    assert len(ROWS) == len(table.splitlines()) - 2


@pytest.mark.parametrize("want", ROWS)
def test_a_command_of_the_table_does_its_job(world: World, want: str) -> None:
    run_id = world.failed_run_id if want.startswith("replay one run") else world.run_id
    if want == "cancel one run":
        run_id = world.open_run()
    values = {"RUN_ID": run_id, "EVENT_ID": world.event_id}
    asked = len(world.mock.requests)
    data = agent.Agent(agent.in_process).do(want, **values)
    assert data
    if "--dry-run" in ROWS[want]:
        assert data.get("preview") or "planned" in data["counts"] or not data["counts"]
        assert {it.method for it in world.mock.requests[asked:]} == {"GET"}


def test_every_command_in_the_text_is_one_that_is_tested() -> None:
    spans = set(re.findall(r"`inngest-rest ([^`]+)`", SKILL)) - set(ROWS.values())
    assert spans == {"doctor --fields target"}


@pytest.mark.usefixtures("world")
def test_the_server_is_told_in_few_words() -> None:
    status, answer = run("doctor", "--fields", "target")
    assert (status, list(answer["data"])) == (0, ["target"])


def test_many_runs_are_not_touched_before_the_user_has_agreed(world: World) -> None:
    run_ids = [world.open_run() for _ in range(2)]
    filtered = ["runs", "cancel", "--app", "shop", "--since", "2h"]

    def statuses() -> set[str]:
        return {world.client.runs.get(it).status for it in run_ids}

    status, answer = run(*filtered)
    assert (status, answer["error"]["code"]) == (9, "confirmation_needed")
    token = answer["data"]["confirm"]
    assert f"--confirm {token}" in answer["error"]["hint"]
    assert answer["data"]["target"]["api_url"]
    assert "cancelled" not in statuses()
    status, answer = run(*filtered, "--confirm", token)
    assert (status, answer["data"]["counts"]) == (0, {"done": 2})
    assert statuses() == {"cancelled"}


def test_a_report_keeps_what_was_done_and_the_same_command_goes_on(world: World) -> None:
    again = [*shlex.split(ROWS["replay one run"]), "--report", "replayed.jsonl"]
    again[again.index("RUN_ID")] = world.failed_run_id
    before = len(world.mock.runs)
    assert [run(*again)[0] for _ in range(2)] == [0, 12]
    assert len(world.mock.runs) == before + 1


def test_the_exit_statuses_are_those_of_the_command() -> None:
    section = SKILL[SKILL.index("Exit status:") :].partition("\n\n")[0]
    assert {int(it) for it in re.findall(r"\b\d+\b(?= [a-z])", section)} == {
        0,
        *EXIT_STATUS.values(),
    }


def test_the_bounds_are_those_of_the_command(world: World) -> None:
    assert f"Lists have {DEFAULT_LIMIT} items" in SKILL
    assert run("runs", "list", "--limit", "1001", "-o", "json")[0] == 2
    assert run("runs", "list", "--limit", "1000", "-o", "json")[0] == 0
    world.client.send([{"name": "order/placed"}] * DEFAULT_LIMIT)
    answer = run("runs", "list", "-o", "json")[1]
    assert answer["page"]["count"] == DEFAULT_LIMIT
    assert answer["page"]["next"]


@pytest.mark.parametrize("window", ["15m", "2h", "7d", "2026-11-25T12:00:00Z"])
@pytest.mark.usefixtures("world")
def test_the_forms_of_a_time_are_those_of_the_command(window: str) -> None:
    assert f"`{window}`" in SKILL
    assert run("runs", "list", "--since", window, "-o", "json")[0] == 0

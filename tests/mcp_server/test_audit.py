"""--audit FILE: a line for each act of the command and of an agent, whatever became of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest_tools import tools
from inngest_rest_tools.audit import Audit
from inngest_rest_tools.command import program
from tests.operations.cases import World

if TYPE_CHECKING:
    from pathlib import Path

PAYLOAD = "what-only-the-server-may-know"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "acts.jsonl"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_each_act_of_an_agent_is_a_line_and_what_is_read_or_shown_is_none(
    world: World, file: Path
) -> None:
    served = tools.Tools(world.client, audit=Audit(str(file)))
    runs = [world.open_run(), world.open_run()]
    served.call("runs_list", {})
    planned = served.call("runs_cancel", {"ids": runs})
    served.call("runs_cancel", {"ids": runs, "dry_run": True})
    assert lines(file) == []
    served.call("runs_cancel", {"ids": runs, "confirm": planned.confirm})
    sent = served.call("send", {"name": "order/noted", "data": {"secret": PAYLOAD}})
    cancelled, noted = lines(file)
    assert (cancelled["call"], cancelled["outcome"]) == ("runs.cancel", "done")
    assert sorted(cancelled["ids"]) == sorted(runs)
    assert noted["ids"] == list(sent.data["ids"])
    assert noted["target"] == {"api_url": world.client.target.api_url}
    assert noted["time"].endswith("+00:00")
    assert PAYLOAD not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0


def test_an_act_that_fails_is_noted_with_its_problem(world: World, file: Path) -> None:
    served = tools.Tools(world.client, audit=Audit(str(file)))
    assert not served.call("functions_invoke", {"app": "none", "function": "none"}).ok
    (line,) = lines(file)
    assert line["outcome"] == "not_found"


def test_the_command_notes_its_acts_and_does_none_that_it_cannot_note(
    world: World, file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with world.mock.serve() as url:
        monkeypatch.setenv("INNGEST_DEV", url)
        assert program.run(["send", "order/noted", "--audit", str(file)]) == 0
        before = len(world.mock.events)
        assert program.run(["send", "order/noted", "--audit", str(tmp_path)]) == 2
    assert [line["call"] for line in lines(file)] == ["send"]
    assert len(world.mock.events) == before
